"""Features of an image seen through windows a little smaller than it, so that it matters less where things lie."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from fastlin import _arrays
from fastlin.features import _images
from fastlin.features._base import Transformer, refusing

__all__ = ["Crops"]

# Images whose features are averaged at a time: enough work for all threads.
_PART_IMAGES = 2048


class Crops(Transformer):
    """The mean of a transformer's features over five windows of each image: its corners and its middle.

    A linear classifier's score of the mean is the mean of its scores. Trained on the windows as images of their own
    (`windows`), as `fastlin.ImagePipeline` does, it learns from five times as many images and does not mind where in
    them things lie; asked about the mean, it lets five views vote. docs/features_cifar10.md has what that is worth.

    Parameters
    ----------
    transformer : transformer of images
        One of `fastlin.features`, or any other with `fit` and `transform`.
    size : int
        Side of the windows, in pixels.
    image_shape : (int, int) or (int, int, int), optional
        Height, width and channels of flat rows.

    Attributes
    ----------
    image_shape_ : (int, int, int)
        Of the images it was fitted on.
    n_features_in_, n_features_out_ : int

    References
    ----------
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012:
    training on windows, and testing on the mean of the corners and the middle.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.features import HOG, Crops
    >>> Crops(HOG(cells_per_block=(2, 2)), 24).fit_transform(np.zeros((3, 32, 32, 3), np.uint8)).shape
    (3, 144)
    """

    _plain = ("n_features_in_", "n_features_out_", "image_shape_")

    def __init__(self, transformer: Any, size: int = 28, *, image_shape: Any = None) -> None:
        self.transformer = transformer
        self.size = size
        self.image_shape = image_shape

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer to the middle windows."""
        if not hasattr(self.transformer, "fit"):
            raise TypeError(f"transformer is {self.transformer!r}; wanted is a transformer of images")
        if self.image_shape is not None:
            _images.as_image_shape(self.image_shape)
        pixels = self._pixels(X)
        middle = list(self._views(pixels))[-1]
        self.transformer.fit(middle, y)
        self.n_features_out_ = int(self.transformer.transform(middle[:1]).shape[1])
        self.image_shape_ = pixels.shape[1:]
        self.n_features_in_ = int(np.prod(self.image_shape_))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The mean features of each image, (N, n_features_out_), in float32, or float64 where the transformer's are."""
        self._check_fitted()
        pixels = self._checked(X)
        out: np.ndarray | None = None
        for start in range(0, max(len(pixels), 1), _PART_IMAGES):
            views = list(self._views(pixels[start : start + _PART_IMAGES]))
            total: np.ndarray | None = None
            for view in views:
                part = self._features(view)
                total = part.astype(_arrays.compute_dtype(part)) if total is None else total + part
            assert total is not None  # there are five
            total /= total.dtype.type(len(views))
            if out is None:
                out = np.empty((len(pixels), total.shape[1]), total.dtype)
            out[start : start + len(total)] = total
        assert out is not None
        return self._in_output(out, X)

    def windows(self, X: Any) -> np.ndarray:
        """The features of each window, (5, N, n_features_out_): of each of the images' corners, and of their middle."""
        self._check_fitted()
        pixels = self._checked(X)
        out: np.ndarray | None = None
        for k, view in enumerate(self._views(pixels)):
            if out is not None and hasattr(self.transformer, "transform_batches"):
                self.transformer.transform(view, out=out[k])  # visual words: no second array beside
                continue
            part = self._features(view)
            if out is None:
                out = np.empty((5, *part.shape), part.dtype)
            out[k] = part
        assert out is not None
        return out

    def _features(self, view: np.ndarray) -> np.ndarray:
        """The transformer's, as an array, whatever output is set."""
        return _arrays.as_array(self.transformer.transform(view), "the features of transformer")

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The transformer's."""
        self._check_fitted()
        return self.transformer.get_feature_names_out(input_features)

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The state of the transformer, which must be of this package, and what there is beside."""
        kind = type(self.transformer)
        if kind.__module__.partition(".")[0] != "fastlin":
            raise TypeError(f"transformer is {kind.__name__}; wanted is one of fastlin's, to be saved")
        inner, arrays = self.transformer.get_state()
        shape = None if self.image_shape is None else list(self.image_shape)
        fitted = {name: vars(self)[name] for name in self._plain if name in vars(self)}
        if fitted:
            fitted["image_shape_"] = list(fitted["image_shape_"])
        plain = {"size": int(self.size), "image_shape": shape, "fitted": fitted, "class": kind.__name__, "state": inner}
        return plain, arrays

    @classmethod
    @refusing
    def from_state(cls, plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The transformer whose `get_state` gave these; ValueError for what no `get_state` gives."""
        package = importlib.import_module("fastlin.features")
        kind = getattr(package, plain["class"], None) if plain["class"] in package.__all__ else None
        if not (isinstance(kind, type) and hasattr(kind, "from_state")) or kind is cls:
            raise ValueError(f"the state names {plain['class']!r}; wanted is a transformer of fastlin.features")
        shape = plain["image_shape"]
        if shape is not None:
            _images.as_image_shape(shape)
        size = _arrays.as_count(plain["size"], "size")
        self = cls(kind.from_state(plain["state"], arrays), size, image_shape=None if shape is None else tuple(shape))
        fitted = plain["fitted"]
        if fitted:
            self.image_shape_ = _images.as_image_shape(fitted["image_shape_"])
            self.n_features_in_ = int(np.prod(self.image_shape_))
            self.n_features_out_ = _arrays.as_count(fitted["n_features_out_"], "n_features_out_")
            self._check_size(self.image_shape_)
            self.transformer._check_fitted()
            makes = getattr(self.transformer, "n_features_out_", self.n_features_out_)
            if makes != self.n_features_out_:
                raise ValueError(f"n_features_out_ is {self.n_features_out_}; wanted is {makes}, as transformer has")
        return self

    def _pixels(self, X: Any) -> np.ndarray:
        shape = getattr(self, "image_shape_", self.image_shape)
        pixels = _images.as_image_batch(X, shape).pixels
        self._check_size(pixels.shape[1:])
        return pixels

    def _checked(self, X: Any) -> np.ndarray:
        pixels = self._pixels(X)
        if pixels.shape[1:] != self.image_shape_:
            raise ValueError(f"X has images of shape {pixels.shape[1:]}; wanted is {self.image_shape_}, as in the fit")
        return pixels

    def _check_size(self, shape: tuple[int, ...]) -> None:
        size = _arrays.as_count(self.size, "size")
        if size > min(shape[:2]):
            raise ValueError(f"size is {size}; wanted is at most the images' {shape[0]} x {shape[1]} pixels")

    def _views(self, pixels: np.ndarray) -> Iterator[np.ndarray]:
        """The windows of each image, as views of it; the middle last."""
        down, across = pixels.shape[1] - self.size, pixels.shape[2] - self.size
        for y, x in ((0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)):
            yield pixels[:, y : y + self.size, x : x + self.size]
