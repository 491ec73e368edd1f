"""How a fit went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin.plotting import _figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of each panel: its title, whether its axis is logarithmic, and its lines: column, name, and how it is drawn.
_PANELS: dict[str, tuple[str, bool, tuple[tuple[str, str, str], ...]]] = {
    "loss": (
        "loss", False,
        (("loss", "training", "-"), ("validation_loss", "validation", "-"), ("penalty", "of it the penalty", ":")),
    ),
    "accuracy": (
        "accuracy", False, (("accuracy", "training", "-"), ("validation_accuracy", "validation", "-")),
    ),
    "update_ratio": ("size of a step to that of the weights", True, (("update_ratio", "at the epoch's end", "-"),)),
    "rate": ("learning rate", False, (("rate", "at the epoch's start", "-"),)),
    "gradient_norm": ("norm of the gradient", True, (("gradient_norm", "at the epoch's end", "-"),)),
    "rows_per_second": ("rows a second", False, (("rows_per_second", "training", "-"),)),
}  # fmt: skip
# The rule of thumb of the lectures: a step of about a thousandth of the weights.
_SANE_RATIO = 1e-3
# A penalty of less than this share of the loss would lie on the axis.
_SEEN = 0.01
# An axis whose numbers differ by less than this needs no powers of ten.
_DECADE = 10.0


def learning_curves(
    history: Mapping[str, np.ndarray], *, panels: Sequence[str] = ("loss", "accuracy", "update_ratio"),
    figure: Figure | None = None,
) -> Figure:  # fmt: skip
    """Draw loss, accuracy and the size of the steps over the epochs of a fit.

    Parameters
    ----------
    history : History
        ``model.history_``; or any mapping of such columns, of which those that are not there are left out.
    panels : sequence of str
        Of "loss", "accuracy", "update_ratio", "rate", "gradient_norm", "rows_per_second", in that order from left to
        right. The update ratio has a dashed line at 1e-3, where the lectures want it.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        For a panel that is not known or of which the history has nothing, and for a history of no epochs.

    References
    ----------
    Stanford CS231n, lecture notes "Neural networks 3", section "Babysitting the learning process".
    """
    if isinstance(panels, str):
        panels = (panels,)
    if not isinstance(panels, Sequence):
        raise TypeError(f"panels is {panels!r}; wanted is a sequence of {', '.join(map(repr, _PANELS))}")
    if len(panels) == 0:
        raise ValueError("panels is empty; wanted is at least one")
    for name in panels:
        if not isinstance(name, str) or name not in _PANELS:
            raise ValueError(f"panels holds {name!r}; wanted is among {', '.join(map(repr, _PANELS))}")
    if not isinstance(history, Mapping):
        raise TypeError(f"history is {type(history).__name__}; wanted is a model's history_")
    figure, axes = _figure.panels(figure, 1, len(panels), 3.6, 2.8)
    for ax, name in zip(axes, panels, strict=True):
        _draw(ax, history, name)
    return figure


def panels_of(history: Mapping[str, np.ndarray], wanted: Sequence[str]) -> list[str]:
    """Those of the wanted panels that the history has numbers for."""
    return [name for name in wanted if _known(_column(history, name), _PANELS[name][1]).any()]


def _known(values: np.ndarray, positive: bool) -> np.ndarray:
    return np.isfinite(values) & ((values > 0) | (not positive))


def _draw(ax: Any, history: Mapping[str, np.ndarray], name: str) -> None:
    title, logarithmic, lines = _PANELS[name]
    drawn, extent = 0, (np.inf, -np.inf)
    for place, (column, label, style) in enumerate(lines):
        values = _column(history, column)
        known = np.flatnonzero(_known(values, logarithmic))
        if len(known) == 0 or (column == "penalty" and values[known].max() < _SEEN * _column(history, "loss").max()):
            continue
        epochs = _column(history, "epoch") if "epoch" in history else np.arange(1.0, len(values) + 1)
        # A line of one point is seen by its marker only.
        marker = "o" if len(known) <= 30 else ""
        ax.plot(
            epochs[known], values[known], style, color=_figure.COLOURS[place], label=label, marker=marker, markersize=3
        )  # fmt: skip
        drawn += 1
        extent = min(extent[0], values[known].min()), max(extent[1], values[known].max())
    if not drawn:
        raise ValueError(f"history has nothing for the panel {name!r}; wanted is numbers in {lines[0][0]!r}")
    ax.set_title(title, fontsize=10)
    ax.set_xlabel("epoch", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.3)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if logarithmic and extent[1] > _DECADE * extent[0]:
        ax.set_yscale("log")
    elif name == "loss":
        ax.set_ylim(bottom=0)
    if name == "update_ratio":
        ax.axhline(_SANE_RATIO, color="0.5", linestyle="--", linewidth=1, label="rule of thumb")
        drawn += 1
    if drawn > 1:
        _figure.legend(ax, fontsize=8)


def _column(history: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    return np.asarray(history[name], np.float64) if name in history else np.zeros(0)
