"""Histograms of colours (Swain and Ballard 1991), of whole images or of a grid of cells, as NumPy counts them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlin import _arrays, _threads
from fastlin._core import histogram as _core
from fastlin.features import _images
from fastlin.features._base import ImageTransformer

__all__ = ["ColorHistogram", "color_histogram"]

# As in fl_space and fl_norm of src_c/fl_images.h.
SPACES = {"rgb": 0, "hsv": 1, "hue": 2, "gray": 3}
NORMS = {None: 0, "l1": 1, "l2": 3}
# Operations a pixel and a bin for the decision on threads.
_WORK_PIXEL, _WORK_BIN = 20.0, 4.0
# Places in a table are counted in float32 on their way, exact up to here.
_MOST_BINS = 1 << 24
# Numbers of float images that are looked at a time for one outside [0, 1]: half a MB of float32.
_CHECKED_NUMBERS = 1 << 17


class Counting(NamedTuple):
    """The checked arguments of `color_histogram` that say what is counted."""

    space: str
    bins: tuple[int, ...]
    joint: bool
    grid: tuple[int, int]
    norm: str | None
    power: float

    @classmethod
    def checked(
        cls, bins: Any, space: Any, joint: Any, grid: Any, norm: Any, power: Any, shape: tuple[int, ...]
    ) -> Counting:
        """Refuse what cannot be counted in images of this (height, width, channels)."""
        height, width, channels = shape
        _arrays.as_choice(space, "space", tuple(SPACES))
        wanted = (1, 3) if space == "gray" else (3,)
        if channels not in wanted:
            allowed = " or ".join(map(str, wanted))
            raise ValueError(f"images have {channels} channels; wanted is {allowed} for space={space!r}")
        axes = 3 if space in ("rgb", "hsv") else 1
        numbers = tuple(bins) if _arrays.has_axes(bins) else (bins,) * axes
        if len(numbers) != axes:
            raise ValueError(f"bins is {bins!r}; wanted is one number, or one for each of {axes} axes of {space!r}")
        counts = tuple(_arrays.as_count(number, "bins") for number in numbers)
        if (math.prod(counts) if joint else sum(counts)) > _MOST_BINS:
            raise ValueError(f"bins is {bins!r}; wanted is at most {_MOST_BINS} in all")
        cells = _images.as_pair(grid, "grid")
        if cells[0] > height or cells[1] > width:
            raise ValueError(f"grid is {grid!r}; wanted is no more cells than pixels: {height} x {width}")
        if norm is not None:
            _arrays.as_choice(norm, "norm", tuple(NORMS))
        return cls(space, counts, bool(joint), cells, norm, _arrays.as_positive(power, "power"))

    @property
    def n_features(self) -> int:
        """Numbers of an image."""
        return self.grid[0] * self.grid[1] * (math.prod(self.bins) if self.joint else sum(self.bins))


class Range(NamedTuple):
    """Where the first bin begins and the last one ends, the largest value of a channel, and whether this was said."""

    low: float
    high: float
    white: float
    said: bool

    @classmethod
    def checked(cls, data_range: Any, images: _images.Images, space: str) -> Range:
        """That of the images' dtype, or `data_range`. Whether floats lie in [0, 1] is seen while they are counted."""
        dtype = images.pixels.dtype
        if data_range is None:
            if dtype in (np.uint8, np.uint16):
                largest = float(np.iinfo(dtype).max)
                return cls(0.0, largest + 1, largest, False)
            if dtype.kind != "f":
                raise ValueError(f"data_range is None; wanted is the (least, greatest) value for images of {dtype}")
            return cls(0.0, 1.0, 1.0, False)
        low, high = _images.as_range(data_range)
        if space in ("hsv", "hue") and low != 0:
            raise ValueError(f"data_range is {data_range!r}; wanted is one from 0 for {space!r}, where 0 is black")
        return cls(low, high, high, True)


def color_histogram(
    images: ArrayLike,
    bins: Any = 8,
    space: str = "rgb",
    *,
    joint: bool = True,
    grid: Any = (1, 1),
    norm: str | None = None,
    power: float = 1.0,
    data_range: tuple[float, float] | None = None,
    channel_axis: int | None = -1,
    out: np.ndarray | None = None,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Count the colours of the pixels of one image or of a batch.

    Parameters
    ----------
    images : array_like of shape (N, H, W, channels), (H, W, channels) or (H, W); without channels (N, H, W) or (H, W)
        uint8, uint16 or float in [0, 1]; any other with `data_range`.
    bins : int or one int an axis
        Equal bins over the range of each axis: red, green, blue; hue, saturation, value; hue; or grey.
    space : {"rgb", "hsv", "hue", "gray"}
        "gray" of colours is their luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    joint : bool
        Count each combination of the axes' bins; else each axis by itself, one behind the other.
    grid : (int, int)
        Rows and columns of cells, a histogram each; cell i of n begins at pixel floor(i * H / n).
    norm : {None, "l1", "l2"}
        Leave counts, or divide each histogram by its sum or by the root of its squares' sum.
    power : float
        Raise the result to this power; 0.5 makes Euclidean distances Hellinger's.
    data_range : (float, float), optional
        Where the first bin begins and the last one ends, both included; pixels outside are not counted. Default:
        (0, 256) for uint8, (0, 65536) for uint16, (0, 1) for floats, which are refused where they lie outside.
    channel_axis : int or None
        Where the channels are; None for grey images without that axis.
    out : ndarray of shape (N, D), optional
        Where to write: C-contiguous, of the result's dtype and shape.
    dtype : float32 or float64, optional
        Default: float32 for images of up to 16 bits and float32, else float64.
    n_threads : int, optional
        Most threads to use; -1 for all. The bits do not depend on it.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    ndarray of shape (N, D) or (D,)
        D is the cells of the grid times the bins; a cell's histogram lies together, the last axis fastest. N is missing
        for a single image.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype, range or argument, naming it.
    KeyboardInterrupt
        After Ctrl-C, between parts of the batch.

    Notes
    -----
    Of RGB and grey images the counts are just those of ``numpy.histogramdd(pixels, bins, range=[(low, high)] * 3)``.
    Hue, saturation and value are those of `matplotlib.colors.rgb_to_hsv`, each over [0, 1]. Of uint8 images they are
    fractions of whole numbers, and each pixel is put in the bin of exact arithmetic: saturation
    floor(bins * (max - min) / max), value floor(bins * max / 255), the last bin closed; a pixel on an edge belongs to
    the bin above it. Greys have hue 0, and black saturation 0.

    References
    ----------
    M. Swain and D. Ballard, "Color indexing", IJCV 7 (1991).

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.features import color_histogram
    >>> red = np.zeros((1, 4, 4, 3), np.uint8)
    >>> red[..., 0] = 255
    >>> color_histogram(red, bins=2)
    array([[ 0.,  0.,  0.,  0., 16.,  0.,  0.,  0.]], dtype=float32)
    """
    n_threads = _arrays.as_thread_count(n_threads)
    batch = _images.as_images(images, channel_axis)
    counting = Counting.checked(bins, space, joint, grid, norm, power, batch.pixels.shape[1:])
    wanted = _images.result_dtype(batch, dtype)
    limits = Range.checked(data_range, batch, space)
    full = (len(batch.pixels), counting.n_features)
    result = _images.as_out(out, full[1:] if batch.single else full, wanted, batch)
    if out is not None and not limits.said:
        _check_unit(batch)  # before anything is written
    write_histogram(batch, counting, limits, result.reshape(full), n_threads, verbose)
    return result


def write_histogram(
    batch: _images.Images, counting: Counting, limits: Range, out: np.ndarray, n_threads: int | None, verbose: int
) -> None:
    """Write `color_histogram` of a batch into the rows of `out`, (N, D), which may lie apart.

    Where float images whose range is not said do not lie in it, `out` is partly written when they are refused.
    """
    if not limits.said and not np.can_cast(batch.pixels.dtype, out.dtype):
        _check_unit(batch)  # rounding may bring a number into the range
    edges = tuple(np.linspace(limits.low, limits.high, n + 1) for n in counting.bins)
    places = _places(counting, edges)
    n, height, width, _ = batch.pixels.shape
    with _images.Bar("color histogram", n, verbose) as bar:
        for part, pixels in batch.parts(out.dtype, keep_bytes=not limits.said):
            work = (part.stop - part.start) * (_WORK_PIXEL * height * width + _WORK_BIN * counting.n_features)
            outside = _core.histogram(
                pixels, SPACES[counting.space], counting.joint, counting.bins, counting.grid, NORMS[counting.norm],
                counting.power, limits.low, limits.high, limits.white, edges, places, out[part],
                _threads.resolve(n_threads, work),
            )  # fmt: skip
            if outside and not limits.said:
                _check_unit(batch)
            bar.done(part)


def _places(counting: Counting, edges: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Where in the table of counts each value of a byte counts, an axis at a time."""
    places, behind = [], 0
    for axis, (n, edge) in enumerate(zip(counting.bins, edges, strict=True)):
        bins = np.clip(np.searchsorted(edge, np.arange(256.0), side="right") - 1, 0, n - 1)
        step = int(np.prod(counting.bins[axis + 1 :])) if counting.joint else 1
        places.append((bins * step + (0 if counting.joint else behind)).astype(np.int32))
        behind += n
    return tuple(places)


def _check_unit(images: _images.Images) -> None:
    """Refuse float images with a number outside [0, 1]."""
    if images.pixels.dtype.kind != "f":
        return
    # A cache's worth at a time, as they are read twice.
    step = max(1, _CHECKED_NUMBERS // max(1, images.pixels[:1].size))
    for start in range(0, len(images.pixels), step):
        pixels = images.pixels[start : start + step]
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError(
                f"images holds numbers from {pixels.min()} to {pixels.max()}; wanted is floats in [0, 1], or "
                "data_range=(least, greatest), for example data_range=(0, 255)"
            )


class ColorHistogram(ImageTransformer):
    """`color_histogram` as a scikit-learn transformer of images, or of flat rows with their `image_shape`.

    Its defaults are what serves a linear classifier: hue, saturation and value together, as shares, and their square
    root, which keeps a few large bins from outweighing the rest.

    Parameters
    ----------
    bins, space, joint, grid, norm, power, data_range, dtype, n_threads
        As of `color_histogram`.
    image_shape : (int, int) or (int, int, int), optional
        Height, width and channels of flat rows.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    image_shape_ : (int, int, int)
        Of the images it was fitted on.
    n_features_in_, n_features_out_ : int

    Examples
    --------
    >>> import numpy as np
    >>> ColorHistogram(grid=(2, 2)).fit_transform(np.zeros((5, 32, 32, 3), np.uint8)).shape
    (5, 768)
    """

    def __init__(
        self, bins: Any = (12, 4, 4), space: str = "hsv", *, joint: bool = True, grid: Any = (1, 1),
        norm: str | None = "l1", power: float = 0.5, data_range: tuple[float, float] | None = None,
        image_shape: tuple[int, ...] | None = None, dtype: DTypeLike | None = None, n_threads: int | None = None,
        verbose: int = 0,
    ) -> None:  # fmt: skip
        self.bins = bins
        self.space = space
        self.joint = joint
        self.grid = grid
        self.norm = norm
        self.power = power
        self.data_range = data_range
        self.image_shape = image_shape
        self.dtype = dtype
        self.n_threads = n_threads
        self.verbose = verbose

    def _counting(self, image_shape: tuple[int, ...]) -> Counting:
        return Counting.checked(self.bins, self.space, self.joint, self.grid, self.norm, self.power, image_shape)

    def _n_out(self, image_shape: tuple[int, int, int]) -> int:
        return self._counting(image_shape).n_features

    def _write(self, batch: _images.Images, out: np.ndarray) -> None:
        counting = self._counting(batch.pixels.shape[1:])
        limits = Range.checked(self.data_range, batch, self.space)
        write_histogram(batch, counting, limits, out, _arrays.as_thread_count(self.n_threads), self.verbose)
