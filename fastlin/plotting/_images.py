"""Rows as images: their shape, the order of their colours, and how their numbers become grey levels."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from fastlin import _arrays, _labels, training
from fastlin.pipeline import ImagePipeline

Layout = Literal["auto", "hwc", "chw"]
Scale = Literal["symmetric", "class", "global"]
Weights = Literal["raw", "standardized"]
LAYOUTS = ("auto", "hwc", "chw")
SCALES = ("symmetric", "class", "global")
WEIGHTS = ("raw", "standardized")
_CHANNELS = (1, 3)


class ImageShape(NamedTuple):
    """How a row is an image: its size, and whether its colours lie a pixel or a plane after the other."""

    height: int
    width: int
    channels: int
    planar: bool

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Rows (N, D) as (N, H, W, channels)."""
        if self.planar:
            return rows.reshape(-1, self.channels, self.height, self.width).transpose(0, 2, 3, 1)
        return rows.reshape(-1, self.height, self.width, self.channels)


def image_shape(
    n_features: int, fitted: tuple[int, ...] | None, shape: Sequence[int] | None, layout: Layout
) -> ImageShape:
    """The shape of images of `n_features` numbers: as given, else as the model was fitted on.

    Parameters
    ----------
    n_features : int
    fitted : tuple of int, or None
        The model's ``image_shape_``.
    shape : sequence of two or three int, or None
        (H, W), or (H, W, channels), or (channels, H, W) of a planar layout.
    layout : {"auto", "hwc", "chw"}
        "auto": of the two ends of the shape, the one that is 1 or 3 is the channels.
    """
    _arrays.as_choice(layout, "layout", LAYOUTS)
    if shape is None and fitted is None:
        raise ValueError(
            "shape is None, and model.image_shape_ is too, as the model was fitted on rows; wanted is the shape of the "
            "images, for example shape=(32, 32, 3)"
        )
    name = "model.image_shape_" if shape is None else "shape"
    try:
        sides = tuple(operator.index(side) for side in (fitted if shape is None else shape) or ())
    except TypeError:
        raise TypeError(f"{name} is {shape!r}; wanted is (height, width) or (height, width, channels)") from None
    if len(sides) == 2:
        sides = (1, *sides) if layout == "chw" else (*sides, 1)
    if len(sides) != 3 or min(sides) < 1:
        raise ValueError(f"{name} is {sides}; wanted is (height, width) or (height, width, channels), each at least 1")
    if int(np.prod(sides)) != n_features:
        raise ValueError(f"{name} is {sides}, which makes {np.prod(sides)} numbers; wanted is {n_features}, a row's")
    first, last = sides[0] in _CHANNELS, sides[2] in _CHANNELS
    if layout == "auto" and first and last and sides[0] != sides[2]:
        raise ValueError(f"{name} is {sides}, whose channels may be first or last; wanted is layout='hwc' or 'chw'")
    planar = layout == "chw" or (layout == "auto" and first and not last)
    channels, height, width = sides if planar else (sides[2], sides[0], sides[1])
    if channels not in _CHANNELS:
        raise ValueError(
            f"{name} is {sides} with {channels} channels {'first' if planar else 'last'}; wanted is 1 or 3, grey or RGB"
        )
    return ImageShape(height, width, channels, planar)


def class_weights(model: Any, weights: Weights = "raw") -> np.ndarray:
    """A row a class, (C, D) float64: on raw rows, or by standard deviations of the features.

    Two classes, which the model holds as one row w, have the rows -w/2 and w/2.
    """
    _arrays.as_choice(weights, "weights", WEIGHTS)
    coef, _ = rows_and_biases(model)
    fitted = None if weights == "raw" else classifier_of(model)._completed().scale_
    if fitted is None:
        return coef
    # x' = (x - shift) * scale, and a constant feature has the scale 0 and no weight.
    scale = np.asarray(fitted, np.float64)
    return np.divide(coef, scale, out=np.zeros_like(coef), where=scale > 0)


def rows_and_biases(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weights on raw rows and biases, a row and a number a class, float64."""
    check_fitted(model)
    model = classifier_of(model)
    coef, intercept = training.row_per_class(model.coef_, model.intercept_)
    return coef.astype(np.float64), intercept.astype(np.float64)


def check_fitted(model: Any) -> None:
    """Refuse what is neither a fitted linear model nor a fitted chain that ends with one."""
    if isinstance(model, ImagePipeline):
        model._check_fitted()
    elif not hasattr(model, "classes_") or not hasattr(model, "coef_"):
        if hasattr(model, "_check_fitted"):
            model._check_fitted()
        raise TypeError(f"model is {type(model).__name__}; wanted is a fitted LinearClassifier")


def classifier_of(model: Any) -> Any:
    """The linear classifier that a chain ends with; of a linear classifier, itself."""
    return model.classifier_ if isinstance(model, ImagePipeline) else model


def on_pixels(model: Any) -> bool:
    """Whether the weights are those of the pixels, or of the columns, and not of features of them."""
    return not isinstance(model, ImagePipeline) or model.features_ is None


def check_on_pixels(model: Any) -> None:
    """Refuse a chain whose weights are no image's."""
    check_fitted(model)
    if not on_pixels(model):
        raise TypeError(
            f"model is an ImagePipeline whose weights are of {type(model.features_).__name__} features, not of pixels; "
            "wanted is a classifier of pixels, or the picture 'words' of a chain with visual words"
        )


def weight_pixels(images: np.ndarray, scale: Scale, percentile: float = 99.5) -> tuple[np.ndarray, np.ndarray]:
    """Weights (C, H, W, channels) as uint8, and the (low, high) of each class that became 0 and 255, (C, 2).

    What lies beyond is cut. "symmetric": low = -high for all classes, zero is mid grey; "class": each class's own least
    and largest; "global": those of all.
    """
    _arrays.as_choice(scale, "scale", SCALES)
    if scale == "symmetric":
        high = np.full(len(images), np.percentile(np.abs(images), percentile) or np.abs(images).max())
        low = -high
    else:
        axes = (1, 2, 3) if scale == "class" else None
        low = np.broadcast_to(images.min(axis=axes), len(images))
        high = np.broadcast_to(images.max(axis=axes), len(images))
    limits = np.stack([low, high], axis=1).astype(np.float64)
    span = (limits[:, 1] - limits[:, 0])[:, None, None, None]
    # A class of one weight only is mid grey, whatever the weight is.
    share = np.divide(images - limits[:, 0][:, None, None, None], span, out=np.full(images.shape, 0.5), where=span > 0)
    # Half up, so that the middle, 127.5, is the same grey everywhere.
    return np.clip(np.floor(255 * share + 0.5), 0, 255).astype(np.uint8), limits


def picture_pixels(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, channels) of any real type as uint8.

    uint8 as they are. Others: numbers within 0 and 1 times 255, numbers within 0 and 255 as they are, all else from the
    least to the largest over 0 to 255.
    """
    if images.dtype == np.uint8 or images.size == 0:
        return images.astype(np.uint8, copy=False)
    values = images.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the images hold NaN or infinity; wanted is finite numbers")
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1:
        values = 255 * values
    elif low < 0 or high > 255:
        values = 255 * (values - low) / (high - low) if high > low else np.full_like(values, 127.5)
    return np.floor(values + 0.5).astype(np.uint8)


def without_single_channel(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 1) as (H, W), as matplotlib wants grey images; RGB as it is."""
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def as_names(class_names: Sequence[Any] | None, classes: np.ndarray) -> list[str]:
    """Names of the classes: those given, one a class, or the labels."""
    if class_names is None:
        return [str(label) for label in classes.tolist()]
    names = [] if isinstance(class_names, str) or not isinstance(class_names, Iterable) else list(class_names)
    if len(names) != len(classes):
        raise ValueError(
            f"class_names is {class_names!r}; wanted is {len(classes)} names, in the order of model.classes_"
        )
    return [str(name) for name in names]


def names_in(class_names: Sequence[str] | None, classes: np.ndarray) -> list[str]:
    """What the labels 0, 1, ... mean by a data set's `class_names`; where that says nothing of them, the labels."""
    known = class_names is not None and classes.dtype.kind in "iu" and classes.min() >= 0
    if class_names is None or not known or classes.max() >= len(class_names):
        return as_names(None, classes)
    return [str(class_names[label]) for label in classes.tolist()]


def labels_in(y: Any, class_names: Sequence[str] | None, classes: np.ndarray) -> np.ndarray:
    """A data set's labels in the model's words: of a model that was fitted to names, their names."""
    labels = _labels.as_array(y, "y")
    return _labels.named(labels, class_names) if classes.dtype.kind in "UO" else labels


def as_places(labels: Any, classes: np.ndarray, name: str = "classes") -> np.ndarray:
    """Where the given labels are among the classes; None: all of them."""
    if labels is None:
        return np.arange(len(classes))
    known = classes.tolist()
    wanted = np.atleast_1d(np.asarray(labels, dtype=object)).tolist()
    unknown = [label for label in wanted if label not in known]
    if unknown or not wanted:
        raise ValueError(f"{name} is {labels!r}; wanted is labels among {known[:10]}{'...' if len(known) > 10 else ''}")
    return np.array([known.index(label) for label in wanted])
