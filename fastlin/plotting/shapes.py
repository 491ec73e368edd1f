"""The losses and the penalties as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin import _arrays
from fastlin.plotting._figure import COLOURS, legend, on_axes, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def loss_shapes(*, margin: float = 1.0, limit: float = 4.0, ax: Axes | None = None) -> Figure:
    """Draw the losses of a row against m = s_y - s_j, by how much the right score beats the only other.

    hinge ``max(0, margin - m)``; squared hinge ``max(0, margin - m)**2``; softmax ``log(1 + exp(-m))``; and what all
    stand in for, one for a mistake and nothing for a right answer.

    Parameters
    ----------
    margin : float
        Of the hinges.
    limit : float
        The axis goes from -limit to limit.
    ax : matplotlib axes, optional
        To draw on; default: those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Bishop: Pattern Recognition and Machine Learning. Springer, 2006, figure 7.5.
    """
    margin, limit = _arrays.as_positive(margin, "margin"), _arrays.as_positive(limit, "limit")
    m = np.linspace(-limit, limit, 401)
    violation = np.maximum(0.0, margin - m)
    lines = {
        "hinge": violation,
        "squared hinge": violation**2,
        "softmax": np.logaddexp(0.0, -m),
    }
    figure, ax = on_axes(ax, 4.8, 3.4)
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        ax.plot(m, values, label=name, color=colour)
    ax.step([-limit, 0.0, limit], [1.0, 1.0, 0.0], where="pre", color="0.4", linestyle="--", label="a mistake counts 1")
    ax.axvline(margin, color="0.6", linestyle=":", linewidth=1)
    top = limit + margin
    ax.text(margin, 0.98 * top, " margin", fontsize=8, va="top", color="0.3")
    ax.set_xlim(-limit, limit)
    ax.set_ylim(0, top)
    ax.set_xlabel("score of the right class less that of the wrong one", fontsize=9)
    ax.set_ylabel("loss", fontsize=9)
    ax.tick_params(labelsize=8)
    legend(ax, fontsize=8)
    return figure


def penalty_shapes(*, l1_ratio: float = 0.5, figure: Figure | None = None) -> Figure:
    """Draw the penalties of one weight, and which pairs of weights cost the same: with corners, l1's make zeros.

    l2 ``w**2 / 2``; l1 ``|w|``; elastic net ``(1 - l1_ratio) w**2 / 2 + l1_ratio |w|``: scikit-learn's forms, as the
    estimators take them.

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        Of the elastic net.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Zou, Hastie: Regularization and variable selection via the elastic net. Journal of the Royal Statistical Society B
    67, 2005, figure 1.
    """
    l1_ratio = _arrays.as_nonnegative(l1_ratio, "l1_ratio")
    if l1_ratio > 1:
        raise ValueError(f"l1_ratio is {l1_ratio}; wanted is a number from 0 to 1")
    shares = {"l2": 0.0, "l1": 1.0, f"elastic net, l1_ratio {l1_ratio:g}": l1_ratio}
    figure, (left, right) = panels(figure, 1, 2, 3.4, 3.2)
    w = np.linspace(-2, 2, 401)
    first, second = np.meshgrid(np.linspace(-1.6, 1.6, 321), np.linspace(-1.6, 1.6, 321))
    for (name, share), colour, style in zip(shares.items(), COLOURS, ("-", "-", "--"), strict=False):
        left.plot(w, _penalty(w, share), style, label=name, color=colour)
        cost = _penalty(first, share) + _penalty(second, share)
        # All pass through (1, 0): what a single weight of one costs.
        right.contour(first, second, cost, levels=[_penalty(1.0, share)], colors=[colour], linestyles=[style])
    left.set(xlim=(-2, 2), ylim=(0, 2))
    left.set_xlabel("weight", fontsize=9)
    left.set_ylabel("penalty", fontsize=9)
    left.set_title("of one weight", fontsize=10)
    legend(left, fontsize=8, loc="upper center")
    right.set(aspect="equal")
    right.set_xlabel("first weight", fontsize=9)
    right.set_ylabel("second weight", fontsize=9)
    right.set_title("pairs that cost as much as (1, 0)", fontsize=10)
    for ax in (left, right):
        ax.grid(alpha=0.3)
        ax.tick_params(labelsize=8)
    return figure


def _penalty(w: Any, l1_ratio: float) -> Any:
    return (1 - l1_ratio) * w**2 / 2 + l1_ratio * abs(w)
