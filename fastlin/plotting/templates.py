"""The weights of each class as an image: what the classifier compares every picture with."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin.plotting import _images
from fastlin.plotting._figure import name_text, panels, show_image
from fastlin.plotting._images import Layout, Scale, Weights
from fastlin.plotting.png import write_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Twice as wide as high suits screens, and is the 2 x 5 of the lectures for ten classes.
_ASPECT = 2.5


class TemplateImages(NamedTuple):
    """What `template_images` computed.

    Attributes
    ----------
    pixels : ndarray of uint8, (n, H, W, channels)
        An image a class.
    limits : ndarray of float64, (n, 2)
        The weights that became 0 and 255.
    labels : list
        The class of each.
    """

    pixels: np.ndarray
    limits: np.ndarray
    labels: list[Any]


def template_images(
    model: Any, *, shape: Sequence[int] | None = None, layout: Layout = "auto", scale: Scale = "symmetric",
    weights: Weights = "standardized", classes: Any = None,
) -> TemplateImages:  # fmt: skip
    """The weights of each class as an image of uint8.

    A score is ``W x + b``: a pixel brighter than mid grey here speaks for the class where it is bright in the picture.
    In colour the same holds for red, green and blue each.

    Parameters
    ----------
    model : LinearClassifier
        Fitted. Two classes have one vector of weights w; their images are those of -w/2 and w/2.
    shape : (H, W), (H, W, channels) or (channels, H, W), optional
        Of the images; default: ``model.image_shape_``, which a fit to images (N, H, W, channels) remembers.
    layout : {"auto", "hwc", "chw"}
        "hwc": a pixel's colours lie together. "chw": a colour is a plane, as in CIFAR's binary files. "auto": told by
        which end of the shape is 1 or 3.
    scale : {"symmetric", "class", "global"}
        "symmetric": zero is mid grey, black and white are -v and v for all classes, with v the 99.5th percentile of the
        absolute weights; the few beyond are cut. "class": black and white are each class's own least and largest
        weight. "global": those of all classes, as the lectures' code has it.
    weights : {"standardized", "raw"}
        "raw": ``coef_``, what a grey level adds to a score. "standardized": ``coef_ / scale_``, what one standard
        deviation of the pixel adds: the weights as they were learned, before the standardisation was folded into
        them. A pixel that is almost never lit has a huge weight in the first and a plain one in the second, and where
        all pixels vary alike both look the same. A model fitted without standardisation has the first only.
    classes : label or sequence of labels, optional
        Which; default: all.

    Returns
    -------
    TemplateImages

    Raises
    ------
    ValueError, TypeError
        For a model that is not fitted, or fitted on rows without a `shape`, or a shape that does not fit.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification", section "Interpretation as template matching".

    Examples
    --------
    >>> import fastlin
    >>> X, y = fastlin.datasets.make_bars(200, size=4)
    >>> model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
    >>> template_images(model).pixels.shape
    (2, 4, 4, 1)
    """
    _images.check_on_pixels(model)
    W = _images.class_weights(model, weights)
    form = _images.image_shape(W.shape[1], getattr(model, "image_shape_", None), shape, layout)
    places = _images.as_places(classes, model.classes_)
    pixels, limits = _images.weight_pixels(form.images(W), scale)
    return TemplateImages(pixels[places], limits[places], [model.classes_.tolist()[place] for place in places])


def templates(
    model: Any, *, shape: Sequence[int] | None = None, layout: Layout = "auto", scale: Scale = "symmetric",
    weights: Weights = "standardized", classes: Any = None, class_names: Sequence[Any] | None = None,
    columns: int | None = None, figure: Figure | None = None,
) -> Figure:  # fmt: skip
    """Draw the weights of each class as an image: see `template_images`, whose parameters these are.

    Parameters
    ----------
    model, shape, layout, scale, weights, classes
        As of `template_images`.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    columns : int, optional
        Images side by side; default: about twice as many as rows.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = None if class_names is None else _images.as_names(class_names, model.classes_)
    shown = template_images(model, shape=shape, layout=layout, scale=scale, weights=weights, classes=classes)
    places = _images.as_places(classes, model.classes_)
    names = _images.as_names(names, model.classes_)
    n = len(shown.pixels)
    columns = _columns(n, columns)
    figure, axes = panels(figure, -(-n // columns), columns, 1.35, 1.55)
    for ax, pixels, place in zip(axes, shown.pixels, places, strict=False):
        show_image(ax, _images.without_single_channel(pixels))
        ax.set_title(name_text(names[place]), fontsize=9, parse_math=False)
    for ax in axes[n:]:
        ax.remove()
    return figure


def save_templates_png(
    model: Any, path: str | os.PathLike[str], *, shape: Sequence[int] | None = None, layout: Layout = "auto",
    scale: Scale = "symmetric", weights: Weights = "standardized", classes: Any = None, columns: int | None = None,
    zoom: int = 4,
) -> None:  # fmt: skip
    """Write the weights of each class as images to a PNG file, without matplotlib: bare pixels on white, no names.

    Parameters
    ----------
    model, shape, layout, scale, weights, classes, columns
        As of `templates`; the order is that of the classes, row by row.
    path : path
        Written atomically.
    zoom : int
        Side of the square that a pixel becomes.

    Examples
    --------
    >>> import fastlin, pathlib, tempfile
    >>> X, y = fastlin.datasets.make_bars(200)
    >>> model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_templates_png(model, f"{folder}/templates.png")
    ...     pathlib.Path(folder, "templates.png").read_bytes()[1:4]
    b'PNG'
    """
    zoom = _arrays.as_count(zoom, "zoom")
    shown = template_images(model, shape=shape, layout=layout, scale=scale, weights=weights, classes=classes)
    columns = _columns(len(shown.pixels), columns)
    write_png(path, tiled(shown.pixels, columns, zoom))


def tiled(images: np.ndarray, columns: int, zoom: int) -> np.ndarray:
    """Images (n, H, W, channels) of uint8 side by side, each pixel a square of `zoom`, as many white ones between."""
    large = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    n, height, width, channels = large.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + zoom) + zoom, columns * (width + zoom) + zoom, channels), 255, np.uint8)
    for k, image in enumerate(large):
        top, left = zoom + k // columns * (height + zoom), zoom + k % columns * (width + zoom)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _columns(n: int, columns: int | None) -> int:
    if columns is not None:
        return min(_arrays.as_count(columns, "columns"), n)
    # Few stand in one row; of many the rows are filled evenly.
    rows = max(1, math.floor(math.sqrt(n / _ASPECT) + 0.5))
    return math.ceil(n / rows)
