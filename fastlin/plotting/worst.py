"""The images a model is wrong about, and most sure of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays, _labels
from fastlin.plotting import _images
from fastlin.plotting._figure import name_text, panels, show_image
from fastlin.plotting._images import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Mistakes(NamedTuple):
    """What `worst_mistakes` found, the worst first.

    Attributes
    ----------
    rows : ndarray of int64, (n,)
        Which rows of X.
    true, predicted : ndarray of int64, (n,)
        Their classes, as places in ``model.classes_``.
    gap : ndarray of float64, (n,)
        The predicted class's score less the true one's: with softmax log(p_predicted / p_true).
    probability : ndarray of float64, (n,), or None
        Of the predicted class; None of a loss other than softmax.
    """

    rows: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    gap: np.ndarray
    probability: np.ndarray | None


def worst_mistakes(model: Any, X: Any, y: Any, n: int = 12) -> Mistakes:
    """The rows that are predicted wrongly by the most: the largest gap between the predicted and the true score.

    Parameters
    ----------
    model : LinearClassifier or ImagePipeline
        Fitted.
    X : array of shape (N, D) or (N, H, W, channels)
    y : array of shape (N,)
        Labels, all among ``model.classes_``.
    n : int
        At most so many; fewer where there are not as many mistakes. Of equal gaps the first row comes first.

    Returns
    -------
    Mistakes

    Examples
    --------
    >>> import fastlin
    >>> data = fastlin.datasets.load_fashion_mnist_small()
    >>> model = fastlin.SoftmaxClassifier(random_state=0, max_iter=2).fit(data.X_train, data.y_train)
    >>> found = worst_mistakes(model, data.X_test, data.y_test, n=5)
    >>> bool((found.true != found.predicted).all() and (np.diff(found.gap) <= 0).all())
    True
    """
    n = _arrays.as_count(n, "n")
    _images.check_fitted(model)
    scores = np.asarray(model.decision_function(X))
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    _, true = _labels.encode(_labels.as_label_array(y, len(scores)), None, model.classes_)
    # Of equal scores the first class wins, here as in predict.
    predicted = scores.argmax(axis=1)
    every = np.arange(len(scores))
    gap = scores[every, predicted].astype(np.float64) - scores[every, true]
    wrong = np.flatnonzero(predicted != true)
    rows = wrong[np.argsort(-gap[wrong], kind="stable")[:n]]
    probability = None
    if _images.classifier_of(model).loss == "softmax":
        s = scores[rows].astype(np.float64)
        with np.errstate(under="ignore"):
            probability = 1.0 / np.exp(s - s.max(axis=1, keepdims=True, initial=-np.inf)).sum(axis=1)
    return Mistakes(rows, true[rows], predicted[rows], gap[rows], probability)


def worst(
    model: Any, X: Any, y: Any, *, n: int = 12, shape: Sequence[int] | None = None, layout: Layout = "auto",
    class_names: Sequence[Any] | None = None, figure: Figure | None = None,
) -> Figure:  # fmt: skip
    """Draw the images that are predicted wrongly by the most, with what they are and what they are taken for.

    Parameters
    ----------
    model, X, y, n
        As of `worst_mistakes`.
    shape, layout
        As of `fastlin.plotting.template_images`; default: the shape of `X` where it is images.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        For images without a shape, unknown labels, or no mistakes.
    """
    names = None if class_names is None else _images.as_names(class_names, model.classes_)
    found = worst_mistakes(model, X, y, n)
    if len(found.rows) == 0:
        raise ValueError(f"all {len(np.asarray(y))} rows are predicted rightly; wanted is at least one mistake")
    pixels = mistake_pixels(model, X, found, shape, layout)
    names = _images.as_names(names, model.classes_)
    columns = min(len(pixels), 6)
    figure, axes = panels(figure, -(-len(pixels) // columns), columns, 1.5, 1.9)
    for ax, image, caption in zip(axes, pixels, captions(found, names), strict=False):
        show_image(ax, _images.without_single_channel(image))
        ax.set_title(caption, fontsize=8, parse_math=False)
    for ax in axes[len(pixels) :]:
        ax.remove()
    return figure


def mistake_pixels(
    model: Any, X: Any, found: Mistakes, shape: Sequence[int] | None = None, layout: Layout = "auto"
) -> np.ndarray:
    """The images of the mistakes as uint8, (n, H, W, channels)."""
    images = np.asarray(X)
    if shape is None and images.ndim == 4:
        shape = images.shape[1:]
    rows = images[found.rows].reshape(len(found.rows), -1)
    form = _images.image_shape(model.n_features_in_, getattr(model, "image_shape_", None), shape, layout)
    return _images.picture_pixels(form.images(rows))


def captions(found: Mistakes, names: list[str]) -> list[str]:
    """Two lines a mistake: what it is, what it is taken for and by how much."""
    sure = [f"score +{gap:.3g}" for gap in found.gap] if found.probability is None else [
        f"{100 * p:.0f}\N{NO-BREAK SPACE}%" for p in found.probability
    ]  # fmt: skip
    return [
        f"{name_text(names[true])}, not\n{name_text(names[predicted])} ({by})"
        for true, predicted, by in zip(found.true, found.predicted, sure, strict=True)
    ]
