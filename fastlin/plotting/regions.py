"""The plane, coloured by what a model predicts there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin import _arrays, _labels
from fastlin.plotting import _images
from fastlin.plotting._figure import COLOURS, legend, name_text, on_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "os^Dv<>P"
# Points beyond these say nothing that these do not, and hide the regions.
_MOST_POINTS = 1000


def decision_regions(
    model: Any, X: Any, y: Any, *, transform: Callable[[np.ndarray], Any] | None = None, resolution: int = 400,
    class_names: Sequence[Any] | None = None, ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw which class a model predicts where in the plane, and points with their true classes.

    The borders of a linear classifier are straight lines in its own features. With a `transform` the plane is that of
    the points before it, where the same borders may be circles or anything else.

    Parameters
    ----------
    model : LinearClassifier
        Fitted on `X`, or on ``transform(X)``.
    X : array of shape (N, 2)
        Points; at most 1000 of them are drawn, the first ones.
    y : array of shape (N,)
        Labels, all among ``model.classes_``, of which there are at most eight.
    transform : callable, optional
        ``transform(points) -> rows``, from (n, 2) to the model's features.
    resolution : int
        Points of the grid along either side, at which the model is asked.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    ax : matplotlib axes, optional
        To draw on; default: those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import fastlin, numpy as np
    >>> from fastlin.plotting import decision_regions
    >>> X, y = fastlin.datasets.make_ring(400)
    >>> polar = lambda points: np.column_stack([np.hypot(*points.T), np.arctan2(*points.T[::-1])])
    >>> model = fastlin.SoftmaxClassifier(random_state=0).fit(polar(X), y)
    >>> decision_regions(model, X, y, transform=polar).savefig("ring.png")  # doctest: +SKIP
    """
    _images.check_fitted(model)
    points = np.asarray(X)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"X has shape {points.shape}; wanted is (n_points, 2), points of the plane")
    resolution = _arrays.as_count(resolution, "resolution")
    n_classes = len(model.classes_)
    if n_classes > len(COLOURS):
        raise ValueError(f"the model has {n_classes} classes; wanted is at most {len(COLOURS)}, one a colour")
    if transform is None and model.n_features_in_ != 2:
        raise ValueError(
            f"the model has {model.n_features_in_} features and transform is None; wanted is a model of two features, "
            "or the function that makes its features from points"
        )
    if transform is not None and not callable(transform):
        raise TypeError(f"transform is {transform!r}; wanted is a function of points, or None")
    names = _images.as_names(class_names, model.classes_)
    _, true = _labels.encode(_labels.as_label_array(y, len(points)), None, model.classes_)
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    if not np.isfinite([low, high]).all():
        raise ValueError("X holds NaN or infinity; wanted is finite numbers")
    margin = 0.05 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    # The middles of the pixels.
    across, up = (low[k] + (np.arange(resolution) + 0.5) * (high[k] - low[k]) / resolution for k in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(np.result_type(points, np.float32))
    predicted = model.predict(grid if transform is None else transform(grid))
    _, index = _labels.encode(predicted, None, model.classes_)

    figure, ax = on_axes(ax, 4.0, 3.8)
    from matplotlib.colors import ListedColormap, to_rgb  # on_axes says how to get matplotlib, where it is missing

    pale = [tuple(0.3 * np.array(to_rgb(colour)) + 0.7) for colour in COLOURS[:n_classes]]
    ax.imshow(
        index.reshape(resolution, resolution), cmap=ListedColormap(pale), vmin=-0.5, vmax=n_classes - 0.5,
        extent=(low[0], high[0], low[1], high[1]), origin="lower", interpolation="nearest",
        # A unit is as long along both axes, unless that makes a strip of the picture.
        aspect="equal" if 1 / 3 < (high[0] - low[0]) / (high[1] - low[1]) < 3 else "auto",
    )  # fmt: skip
    shown = min(len(points), _MOST_POINTS)
    for k, name in enumerate(names):
        of_class = points[:shown][true[:shown] == k]
        # As many points as fit are seen when they are small.
        ax.scatter(
            of_class[:, 0], of_class[:, 1], s=14 if shown <= 400 else 7, c=COLOURS[k], marker=_MARKERS[k],
            linewidths=0.4, edgecolors="white", label=f"\u200b{name_text(name)}",
        )  # fmt: skip
    right = np.mean(model.predict(points if transform is None else transform(points)) == model.classes_[true])
    ax.set_title(f"accuracy {right:.1%}", fontsize=10)
    ax.tick_params(labelsize=8)
    ax.locator_params(nbins=5)
    legend(ax, fontsize=8, markerscale=1.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
