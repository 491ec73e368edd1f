"""What in one image speaks for a class, and what against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin.plotting import _images
from fastlin.plotting._figure import DIVERGING, name_text, panels, show_image
from fastlin.plotting._images import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Evidence(NamedTuple):
    """What `evidence_of` computed for one image.

    Attributes
    ----------
    pixels : ndarray of uint8, (H, W, channels)
        The image.
    maps : ndarray of float64, (n, H, W)
        What each pixel adds to the score of each class, summed over its colours.
    base : ndarray of float64, (n,)
        The scores of the mean image: ``maps.sum(axis=(1, 2)) + base`` are those of this one.
    labels : list
        The classes, the highest score first, or as asked for.
    scores : ndarray of float64, (n,)
    """

    pixels: np.ndarray
    maps: np.ndarray
    base: np.ndarray
    labels: list[Any]
    scores: np.ndarray


def evidence_of(
    model: Any, image: Any, *, shape: Sequence[int] | None = None, layout: Layout = "auto", classes: Any = None
) -> Evidence:
    """What each pixel of an image adds to the scores of classes.

    A score is a sum over the pixels, ``W_c x + b_c = sum_d W_cd (x_d - m_d) + (W_c m + b_c)``, with m the mean of the
    training rows (0 for a model without standardisation): each term is what that pixel says by differing from the mean.
    So a dark pixel can speak for a class, and one like the mean says nothing.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.
    image : array of shape (H, W, channels), (1, H, W, channels) or (D,)
        As the rows of the fit.
    shape, layout
        As of `fastlin.plotting.template_images`.
    classes : label or sequence of labels, optional
        Default: the three of highest score.

    Returns
    -------
    Evidence

    Examples
    --------
    >>> import fastlin
    >>> data = fastlin.datasets.load_fashion_mnist_small()
    >>> model = fastlin.SoftmaxClassifier(random_state=0, max_iter=2).fit(data.X_train, data.y_train)
    >>> found = evidence_of(model, data.X_test[0])
    >>> bool(np.allclose(found.maps.sum(axis=(1, 2)) + found.base, found.scores))
    True
    """
    _images.check_on_pixels(model)
    W = _images.class_weights(model, "raw")
    form = _images.image_shape(W.shape[1], getattr(model, "image_shape_", None), shape, layout)
    row = _arrays.as_array(image, "image")
    if row.size != W.shape[1]:
        raise ValueError(f"image has shape {row.shape}; wanted is one image of {W.shape[1]} numbers, as in a row")
    if row.dtype.kind not in "fiub":
        raise TypeError(f"image has dtype {row.dtype}; wanted is real numbers")
    row = row.reshape(1, -1)
    shift = _images.classifier_of(model).shift_
    mean = np.zeros(W.shape[1]) if shift is None else np.asarray(shift, np.float64)
    _, b = _images.rows_and_biases(model)
    terms = W * (row[0].astype(np.float64) - mean)
    base = W @ mean + b
    scores = terms.sum(axis=1) + base
    if not np.isfinite(scores).all():
        raise ValueError("image holds NaN or infinity; wanted is finite numbers")
    places = np.argsort(-scores, kind="stable")[:3] if classes is None else _images.as_places(classes, model.classes_)
    labels = model.classes_.tolist()
    return Evidence(
        _images.picture_pixels(form.images(row))[0],
        form.images(terms[places]).sum(axis=3), base[places], [labels[place] for place in places], scores[places],
    )  # fmt: skip


def evidence(
    model: Any, image: Any, *, shape: Sequence[int] | None = None, layout: Layout = "auto", classes: Any = None,
    class_names: Sequence[Any] | None = None, figure: Figure | None = None,
) -> Figure:  # fmt: skip
    """Draw an image beside what in it speaks for and against classes: for is blue, against is red, nothing white.

    All maps have one scale, so that their colours can be compared; it ends at the 99.5th percentile.

    Parameters
    ----------
    model, image, shape, layout, classes
        As of `evidence_of`, which says what is drawn.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    found = evidence_of(model, image, shape=shape, layout=layout, classes=classes)
    names = _images.as_names(class_names, model.classes_)
    places = _images.as_places(found.labels, model.classes_)
    figure, axes = panels(figure, 1, 1 + len(found.maps), 2.0, 2.0)
    show_image(axes[0], _images.without_single_channel(found.pixels))
    axes[0].set_title("the image", fontsize=9)
    size = np.abs(found.maps)
    limit = float(np.percentile(size, 99.5)) or float(size.max()) or 1.0
    for ax, values, place, score in zip(axes[1:], found.maps, places, found.scores, strict=True):
        drawn = ax.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
        ax.set_title(f"{name_text(names[place])}: {score:.3g}", fontsize=9, parse_math=False)
        ax.set_xticks([])
        ax.set_yticks([])
    bar = figure.colorbar(drawn, ax=axes[1:], shrink=0.8, aspect=30)
    bar.set_label("added to the score", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure
