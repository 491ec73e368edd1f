"""What counts as a batch of images: the one place that says so, and that cuts a batch into parts of work.

Images come as (N, height, width, channels), (N, height, width) or flat rows whose `image_shape` is said; any real
dtype, any strides. They are viewed as (N, height, width, channels) and brought to the layout of the kernels a part at a
time, so that no batch is ever copied whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastlin import _arrays, _terminal

# Pixels between two looks at Ctrl-C: at most 0.1 s of one core at the slowest setting, many times what a call costs.
PART_PIXELS = 1 << 20
# More channels than colour photographs have, alpha included, are hardly one image's: see `as_images`.
_MOST_CHANNELS = 4


class Images(NamedTuple):
    """A view of a batch as (N, height, width, channels), and whether it was a single image without the first axis."""

    pixels: np.ndarray
    single: bool

    def parts(self, dtype: np.dtype, *, keep_bytes: bool = True) -> Iterator[tuple[slice, np.ndarray]]:
        """The batch in C-contiguous parts as the kernels read them, for results of `dtype`.

        uint8 stays as it is where `keep_bytes` and the result is float32; everything else comes in `dtype`.
        """
        read_as = np.uint8 if keep_bytes and dtype == np.float32 and self.pixels.dtype == np.uint8 else dtype
        n, height, width, _ = self.pixels.shape
        step = max(1, PART_PIXELS // (height * width))
        for start in range(0, n, step):
            part = slice(start, min(start + step, n))
            pixels = self.pixels if step >= n else self.pixels[part]
            ready = pixels.dtype == read_as and pixels.flags.c_contiguous and pixels.flags.aligned
            yield part, pixels if ready else np.require(pixels, read_as, ("C", "A"))


def as_images(images: Any, channel_axis: int | None = -1) -> Images:
    """A single image or a batch, by the number of its axes.

    With a `channel_axis`: (H, W, channels) is one image, (N, H, W, channels) a batch, and (H, W) one grey image. With
    ``channel_axis=None``: (H, W) is one grey image, (N, H, W) a batch. A batch's first axis is never the channels'.
    """
    array = _real(images, "images")
    if channel_axis is None:
        if array.ndim not in (2, 3):
            raise ValueError(
                f"images has shape {array.shape} while channel_axis is None; wanted is (height, width) or "
                "(n_images, height, width): for colour images say which axis the channels are on"
            )
        return _checked(array[..., None] if array.ndim == 3 else array[None, ..., None], array.ndim == 2)
    if array.ndim == 2:
        return _checked(array[None, ..., None], True)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"images has shape {array.shape}; wanted is (n_images, height, width, channels), one image of shape "
            "(height, width, channels), or grey images with channel_axis=None"
        )
    try:
        if channel_axis != -1:
            array = np.moveaxis(array, channel_axis, -1)
    except (TypeError, ValueError):  # NumPy's AxisError is a ValueError
        raise ValueError(
            f"channel_axis is {channel_axis!r}; wanted is an axis of images, of shape {array.shape}, or None"
        ) from None
    if array.ndim == 3:
        if array.shape[-1] > _MOST_CHANNELS:
            raise ValueError(
                f"images has shape {np.shape(images)}, one image of {array.shape[-1]} channels; for a batch of grey "
                "images pass channel_axis=None, for one image of many channels images[None]"
            )
        return _checked(array[None], True)
    return _checked(array, False)


def as_image_batch(X: Any, image_shape: Any = None) -> Images:
    """What the transformers take: (N, H, W, channels), (N, H, W), or flat rows of images of `image_shape`."""
    array = _real(X, "X")
    if array.ndim == 4:
        return _checked(array, False, "X")
    if array.ndim == 3:
        return _checked(array[..., None], False, "X")
    if array.ndim != 2:
        raise ValueError(
            f"X has shape {array.shape}; wanted is (n_images, height, width, channels), (n_images, height, width), or "
            "flat rows"
        )
    if image_shape is None:
        raise ValueError(
            f"X has shape {array.shape} while image_shape is None; wanted for flat rows is the shape of their images, "
            "for example image_shape=(32, 32, 3)"
        )
    height, width, channels = as_image_shape(image_shape)
    if height * width * channels != array.shape[1]:
        wanted = height * width * channels
        raise ValueError(f"X has {array.shape[1]} features; wanted is {wanted}, as image_shape={image_shape} has")
    return _checked(array.reshape(len(array), height, width, channels), False, "X")


def as_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """(height, width, channels) from that or from (height, width)."""
    shape = tuple(image_shape) if _arrays.has_axes(image_shape) else ()
    if len(shape) not in (2, 3):
        raise ValueError(f"image_shape is {image_shape!r}; wanted is (height, width) or (height, width, channels)")
    height, width, *channels = (_arrays.as_count(length, "image_shape") for length in shape)
    return height, width, channels[0] if channels else 1


def as_pair(value: Any, name: str) -> tuple[int, int]:
    """Two integers >= 1, rows first; one stands for both."""
    values = tuple(value) if _arrays.has_axes(value) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} is {value!r}; wanted is two integers >= 1, of rows and of columns")
    return _arrays.as_count(values[0], name), _arrays.as_count(values[1], name)


def as_range(data_range: Any) -> tuple[float, float]:
    """The least and the greatest value of pixels, finite and in this order."""
    try:
        low, high = (float(end) for end in data_range)
        right = not isinstance(data_range, str) and -math.inf < low < high < math.inf and high - low < math.inf
    except (OverflowError, TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(f"data_range is {data_range!r}; wanted is two finite numbers, (least, greatest)")
    return low, high


def result_dtype(images: Images, dtype: Any) -> np.dtype:
    """The type features are computed in: what was asked for, else float32, or float64 for wide numbers."""
    if dtype is None:
        return _arrays.compute_dtype(images.pixels)
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted not in (np.float32, np.float64):
        raise ValueError(f"dtype is {dtype!r}; wanted is float32, float64, or None for what suits the images")
    return wanted


def as_out(out: Any, shape: tuple[int, ...], dtype: np.dtype, images: Images) -> np.ndarray:
    """`out` where it is given and fits, else a new array."""
    if out is None:
        return np.empty(shape, dtype)
    _arrays.check_in_place(out, "out", shape, dtype)
    _arrays.check_apart("out", out, images=images.pixels)
    return out


def check_not_negative(images: Images, why: str) -> None:
    """Refuse images with a value below zero; `why` says who asks."""
    if images.pixels.dtype.kind in "ub":
        return
    for part, pixels in images.parts(images.pixels.dtype):
        if pixels.size and pixels.min() < 0:
            raise ValueError(f"images holds {pixels.min()} after image {part.start}; wanted is numbers >= 0 for {why}")


class Bar:
    """A progress bar over images, where it was asked for: a bar on a terminal, elsewhere a line at the end."""

    def __init__(self, what: str, n_images: int, verbose: Any) -> None:
        self._line = f"{what}: {n_images} images" if verbose else ""
        self._bar: Any = None
        if verbose and _terminal.has_bar():
            from tqdm import tqdm  # type: ignore[import-untyped]  # only here: it costs more than a small batch

            self._bar = tqdm(total=n_images, desc=what, unit="image", unit_scale=True, leave=False, dynamic_ncols=True)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._line and kind is None:
            print(self._line, flush=True)

    def done(self, part: slice) -> None:
        """Move on by a part."""
        if self._bar is not None:
            self._bar.update(part.stop - part.start)


def _real(value: Any, name: str) -> np.ndarray:
    if hasattr(value, "tocsr"):
        raise TypeError(f"{name} is a sparse matrix; fastlin takes dense arrays: pass {name}.toarray()")
    array = _arrays.as_array(value, name)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} has dtype {array.dtype}; wanted is uint8, float32, float64 or another real type")
    return array


def _checked(pixels: np.ndarray, single: bool, name: str = "images") -> Images:
    if 0 in pixels.shape[1:]:
        raise ValueError(f"{name} has images of shape {pixels.shape[1:]}; wanted is at least one pixel and channel")
    return Images(pixels, single)
