"""The loss over a plane through the weights, with the way a descent took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin.diagnostics.losses import Loss, as_loss
from fastlin.plotting._figure import COLOURS, legend, on_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastlin.training import TrainingView


# A second direction less than this share of the first is rounding.
_STRAIGHT = 1e-9
# Options that say how a loss follows from the scores, and the penalties.
_OF_SCORES = {"margin", "power", "kind", "l1", "l2"}


class WeightPath:
    """A callback that keeps the weights after every epoch, on raw rows.

    Parameters
    ----------
    from_zero : bool
        Begin with zero weights, where a fit starts from those: it calls back after its first epoch only.

    Attributes
    ----------
    steps : list of (W, b)
        ndarrays of shape (C, D) and (C,), in order.

    Examples
    --------
    >>> import fastlin
    >>> X, y = fastlin.datasets.make_blobs(300)
    >>> path = WeightPath()
    >>> model = fastlin.SoftmaxClassifier(max_iter=4, callbacks=[path], random_state=0).fit(X, y)
    >>> len(path.steps), path.steps[0][0].any()
    (5, np.False_)
    """

    def __init__(self, from_zero: bool = True) -> None:
        self.from_zero = from_zero
        self.steps: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, view: TrainingView) -> None:
        if self.from_zero and not self.steps:
            self.steps.append((np.zeros_like(view.coef), np.zeros_like(view.intercept)))
        self.steps.append((view.coef.copy(), view.intercept.copy()))


class Surface(NamedTuple):
    """What `surface_of` computed.

    Attributes
    ----------
    across, up : ndarray of float64, (resolution,)
        How far along the two directions, from the end of the path.
    losses : ndarray of float64, (resolution, resolution)
        ``losses[i, j]`` at ``up[i]``, ``across[j]``.
    path : ndarray of float64, (n, 2)
        The path in the plane; what of it stands out of the plane is left out.
    share : float
        Part of the path's squared length from its end that lies in the plane.
    """

    across: np.ndarray
    up: np.ndarray
    losses: np.ndarray
    path: np.ndarray
    share: float


def surface_of(
    loss: str | Callable[..., Any], X: Any, y: Any, path: Any, *, resolution: int = 41, n_rows: int = 1000,
    **options: Any,
) -> Surface:  # fmt: skip
    """The loss on a plane through the end of a path of weights, which holds as much of the path as a plane can.

    The directions are the first two principal components of the path, seen from its end; of a straight path, which has
    one only, the other is the gradient at its end, as far as that is across.

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge"} or callable
        As in `fastlin.diagnostics.check_gradient`: ``loss(X, y, W, b, **options) -> (loss, dW, db)``.
    X : array of shape (N, D) or (N, H, W, channels)
        Rows, as the weights apply to.
    y : array of shape (N,)
        Integers 0..C-1.
    path : WeightPath, or sequence of W or of (W, b)
        At least two, not all alike.
    resolution : int
        Points along either side.
    n_rows : int
        The loss is that of so many rows, the first ones, in float64.
    **options
        Of the loss: ``margin``, ``l2``, ...

    Returns
    -------
    Surface

    References
    ----------
    Li, Xu, Taylor, Studer, Goldstein: Visualizing the loss landscape of neural nets. NeurIPS 2018, section 7.2.
    """
    resolution = max(_arrays.as_count(resolution, "resolution"), 2)
    rows = _arrays.as_rows(X)[: _arrays.as_count(n_rows, "n_rows")].astype(np.float64)
    labels = _arrays.as_labels(y, len(np.asarray(X)))[: len(rows)]
    function = as_loss(loss, options)
    steps, form = _as_steps(path, rows.shape[1])
    end = steps[-1]
    away = steps - end

    def gradient() -> np.ndarray:
        found = function(rows, labels, *form.split(end))
        return np.concatenate([found.dW.ravel(), np.zeros(0) if found.db is None else found.db])

    plane = _directions(away, gradient)
    flat = away @ plane.T
    total = float((away**2).sum())
    axes = []
    for k in (0, 1):
        low, high = flat[:, k].min(), flat[:, k].max()
        # A side that the path hardly uses is as wide as half of the other, so that the valley is seen.
        widened = max(high - low, 0.5 * np.ptp(flat, axis=0).max())
        middle = (low + high) / 2
        axes.append(np.linspace(middle - 0.65 * widened, middle + 0.65 * widened, resolution))
    losses = _losses(function, rows, labels, end, plane, form, *axes)
    if not np.isfinite(losses).all():
        raise ValueError("the loss is not finite somewhere on the plane; wanted is finite rows and weights")
    return Surface(axes[0], axes[1], losses, flat, float((flat**2).sum()) / total)


def loss_surface(
    loss: str | Callable[..., Any], X: Any, y: Any, path: Any, *, resolution: int = 41, n_rows: int = 1000,
    ax: Axes | None = None, **options: Any,
) -> Figure:  # fmt: skip
    """Draw the loss over a plane through the weights, with the path that a descent took.

    Parameters
    ----------
    loss, X, y, path, resolution, n_rows, **options
        As of `surface_of`, which says what is drawn. The levels are even in the logarithm of the loss.
    ax : matplotlib axes, optional
        To draw on; default: those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import fastlin
    >>> from fastlin.plotting import WeightPath, loss_surface
    >>> X, y = fastlin.datasets.make_blobs(300)
    >>> path = WeightPath()
    >>> model = fastlin.SoftmaxClassifier(callbacks=[path], random_state=0).fit(X, y)
    >>> loss_surface("softmax", X, y, path).savefig("surface.png")  # doctest: +SKIP
    """
    found = surface_of(loss, X, y, path, resolution=resolution, n_rows=n_rows, **options)
    figure, ax = on_axes(ax, 4.8, 3.8)
    from matplotlib.colors import LogNorm  # on_axes says how to get matplotlib, where it is missing

    least, most = float(found.losses.min()), float(found.losses.max())
    bottom = max(least, 1e-3 * most, 1e-12)
    levels = np.geomspace(bottom, max(most, bottom * 1.01), 16)
    filled = ax.contourf(
        found.across, found.up, np.maximum(found.losses, bottom), levels=levels, cmap="Blues", norm=LogNorm()
    )  # fmt: skip
    ax.contour(found.across, found.up, np.maximum(found.losses, bottom), levels=levels, colors="white", linewidths=0.4)
    marker = "o" if len(found.path) <= 60 else ""
    ax.plot(*found.path.T, marker=marker, markersize=3, linewidth=1, color=COLOURS[1], label="path")
    ax.plot(*found.path[0], marker="s", color=COLOURS[1], markeredgecolor="white", linestyle="none", label="start")
    ax.plot(*found.path[-1], marker="*", markersize=11, color=COLOURS[1], markeredgecolor="white", linestyle="none",
            label="end")  # fmt: skip
    bar = figure.colorbar(filled, ax=ax, format="%.3g", ticks=levels[::3])
    bar.set_label("loss", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    ax.set_xlabel("along the path's first direction", fontsize=9)
    ax.set_ylabel("along its second", fontsize=9)
    ax.set_title(f"{found.share:.0%} of the path lies in this plane", fontsize=10)
    ax.tick_params(labelsize=8)
    legend(ax, fontsize=8)
    return figure


class _Form(NamedTuple):
    """How a step of a path is one vector: W row by row, then b where there is one."""

    n_classes: int
    n_features: int
    has_bias: bool

    def split(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        n = self.n_classes * self.n_features
        return vector[:n].reshape(self.n_classes, self.n_features), vector[n:] if self.has_bias else None


def _as_steps(path: Any, n_features: int) -> tuple[np.ndarray, _Form]:
    """The path as vectors (n, C * D + C) or (n, C * D), float64, and what they are made of."""
    steps = path.steps if isinstance(path, WeightPath) else path
    if not isinstance(steps, Sequence | np.ndarray):
        raise TypeError(f"path is {type(path).__name__}; wanted is a WeightPath, or a sequence of W or of (W, b)")
    if len(steps) < 2:
        raise ValueError(f"path holds {len(steps)} steps; wanted is at least two")
    forms, vectors = set(), []
    for k, step in enumerate(steps):
        W, b = step if isinstance(step, tuple) else (step, None)
        W = np.asarray(W, np.float64)
        if W.ndim != 2 or W.shape[1] != n_features:
            raise ValueError(
                f"path[{k}] has weights of shape {W.shape}; wanted is (n_classes, {n_features}), a row a class"
            )
        b = np.zeros(0) if b is None else np.asarray(b, np.float64)
        if b.ndim != 1 or len(b) not in (0, len(W)):
            raise ValueError(f"path[{k}] has b of shape {b.shape}; wanted is ({len(W)},), one number a class")
        forms.add(_Form(len(W), n_features, len(b) > 0))
        vectors.append(np.concatenate([W.ravel(), b]))
    if len(forms) > 1:
        raise ValueError("path holds weights of several shapes, or b in some steps only; wanted is all alike")
    found = np.stack(vectors)
    if not np.isfinite(found).all():
        raise ValueError("path holds NaN or infinity; wanted is finite weights")
    return found, forms.pop()


def _directions(away: np.ndarray, gradient: Callable[[], np.ndarray]) -> np.ndarray:
    """Two directions of length one, across each other, (2, number of weights)."""
    if away.shape[1] < 2:
        raise ValueError("path is of a single weight; wanted is two at least")
    _, sizes, components = np.linalg.svd(away, full_matrices=False)
    if sizes[0] == 0:
        raise ValueError("path holds the same weights in all steps; wanted is a path that moves")
    # The sign of a component is an accident: here the start lies to the left.
    first = -components[0] if components[0] @ away[0] > 0 else components[0]
    if len(sizes) > 1 and sizes[1] > _STRAIGHT * sizes[0]:
        second = components[1]
        return np.stack([first, -second if second[np.abs(second).argmax()] < 0 else second])
    for candidate in (gradient(), *np.eye(2, len(first))):
        across = candidate - (candidate @ first) * first
        if np.linalg.norm(across) > _STRAIGHT * np.linalg.norm(candidate):
            return np.stack([first, across / np.linalg.norm(across)])
    raise AssertionError("one of two axes is across any direction")


def _losses(
    loss: Loss, rows: np.ndarray, labels: np.ndarray, end: np.ndarray, plane: np.ndarray, form: _Form,
    across: np.ndarray, up: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The loss at end + a first + b second, for all a in across and b in up."""
    if not loss.is_named or not set(loss.options) <= _OF_SCORES:
        return np.array([
            [loss(rows, labels, *form.split(end + a * plane[0] + b * plane[1])).loss for a in across] for b in up
        ])  # fmt: skip
    # Scores are linear in the weights, so those of the end and of both directions are enough for every point: as rows
    # of 3 C numbers, with weights [1, a, b] beside each other for each class.
    parts = []
    for vector in (end, *plane):
        W, bias = form.split(vector)
        parts.append(rows @ W.T + (0.0 if bias is None else bias))
    scores = np.concatenate(parts, axis=1)
    penalties = {name: loss.options.get(name, 0.0) for name in ("l2", "l1")}
    data_loss = loss._replace(options={k: v for k, v in loss.options.items() if k not in penalties})
    one = np.eye(form.n_classes)
    losses = np.empty((len(up), len(across)))
    for i, b in enumerate(up):
        for j, a in enumerate(across):
            W, _ = form.split(end + a * plane[0] + b * plane[1])
            losses[i, j] = data_loss(scores, labels, np.concatenate([one, a * one, b * one], axis=1), None).loss
            if any(penalties.values()):
                losses[i, j] += penalties["l2"] * np.sum(W**2) + penalties["l1"] * np.abs(W).sum()
    return losses
