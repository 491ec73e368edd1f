"""The image features of the assignment, with the course's own numbers: a simple HoG and a histogram of hues.

Not those of `fastlin.features`, which are better, and far faster on many images; these are here so that the notebook's
features and accuracies are the notebook's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays

__all__ = ["color_histogram_hsv", "extract_features", "hog_feature", "rgb2gray"]

# The course's weights of red, green and blue. Theirs of blue is 0.144 where ITU-R BT.601 has 0.114.
_GRAY = (0.299, 0.587, 0.144)

_CELL = 8  # pixels, each way
_ORIENTATIONS = 9  # over 180 degrees

# Images between two lines of progress.
_TOLD = 1000


def extract_features(
    imgs: ArrayLike, feature_fns: Sequence[Callable[[Any], ArrayLike]], verbose: bool = False
) -> NDArray[np.float64]:
    """Compute several features of each image, side by side.

    Parameters
    ----------
    imgs : array_like of shape (N, H, W, C)
        Images. A function is given one of them at a time, without axes of length 1.
    feature_fns : sequence of callables
        Each takes an image and gives one axis of numbers, as many for all images.
    verbose : bool
        Print a line every thousand images.

    Returns
    -------
    ndarray of shape (N, F), float64
        A row an image, the features in the order of the functions. Without images an empty array of one axis.

    Raises
    ------
    ValueError, TypeError
        If `feature_fns` are no functions, or one gives other than one axis of numbers, or not as many as before.

    References
    ----------
    Stanford CS231n, assignment 1, "Image features".

    Examples
    --------
    >>> import numpy as np
    >>> images = np.zeros((2, 32, 32, 3))
    >>> extract_features(images, [hog_feature, lambda image: color_histogram_hsv(image, nbin=10)]).shape
    (2, 154)
    """
    images = _arrays.as_array(imgs, "imgs")
    if images.ndim < 2:
        raise ValueError(f"imgs has shape {images.shape}; wanted is (n_images, height, width, channels)")
    if callable(feature_fns) or not all(map(callable, feature_fns)):
        raise TypeError(f"feature_fns is {feature_fns!r}; wanted is a list of functions")
    if len(images) == 0 or len(feature_fns) == 0:
        return np.array([]) if len(images) == 0 else np.zeros((len(images), 0))
    rows: NDArray[np.float64] | None = None
    ends: list[int] = []
    for i, image in enumerate(images):
        found = [_one_axis(function(image.squeeze()), k) for k, function in enumerate(feature_fns)]
        if rows is None:
            ends = np.cumsum([len(feature) for feature in found]).tolist()
            rows = np.zeros((len(images), ends[-1]))
        for k, (feature, end) in enumerate(zip(found, ends, strict=True)):
            start = ends[k - 1] if k else 0
            if len(feature) != end - start:
                raise ValueError(
                    f"feature_fns[{k}] gives {len(feature)} numbers of image {i}, and {end - start} of image 0; wanted "
                    "is as many of all"
                )
            rows[i, start:end] = feature
        if verbose and i % _TOLD == _TOLD - 1:
            print(f"Done extracting features for {i + 1} / {len(images)} images")
    assert rows is not None  # there is an image
    return rows


def rgb2gray(rgb: ArrayLike) -> NDArray[np.float64]:
    """Compute the brightness of colours, ``0.299 R + 0.587 G + 0.144 B``: the course's formula.

    Parameters
    ----------
    rgb : array_like of shape (..., C)
        With red, green and blue first.

    Returns
    -------
    ndarray of shape (...), float64

    Examples
    --------
    >>> rgb2gray([100.0, 100.0, 100.0]).round(6)
    np.float64(103.0)
    """
    colours = _as_numbers(rgb, "rgb")
    if colours.ndim == 0 or colours.shape[-1] < 3:
        raise ValueError(f"rgb has shape {colours.shape}; wanted is red, green and blue in the last axis")
    return np.dot(colours[..., :3], _GRAY)


def hog_feature(im: ArrayLike) -> NDArray[np.float64]:
    """Compute the course's histogram of oriented gradients of one image.

    Cells of 8 x 8 pixels, 9 orientations of 20 degrees each: in a cell's histogram stands, of each orientation, the sum
    over its pixels of the gradient's magnitude, by 64. The gradient is that of the brightness (`rgb2gray`) to the next
    pixel on the right and below; its orientation ``arctan2(gy, gx + 1e-15) * 180 / pi + 90``. That of half of the
    directions lies outside 0 to 180, and they are counted nowhere. There are no blocks, and nothing is normalised.

    Parameters
    ----------
    im : array_like of shape (H, W) or (H, W, C)
        A grey image, or one with red, green and blue first.

    Returns
    -------
    ndarray of shape (W // 8 * (H // 8) * 9,), float64
        A cell after the other down the columns of cells, and of each its orientations: 144 numbers of 32 x 32 pixels.
        Pixels on the right and below that make no whole cell are left out.

    Raises
    ------
    ValueError, TypeError
        If `im` is no image.

    See Also
    --------
    fastlin.features.hog : What Dalal and Triggs describe, on many images at a time.

    References
    ----------
    Stanford CS231n, assignment 1, "Image features". N. Dalal and B. Triggs, "Histograms of oriented gradients for human
    detection", CVPR 2005.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((8, 8))
    >>> image[:, 4:] = 10.0
    >>> hog_feature(image)  # an edge 8 pixels long, of orientation 90 degrees
    array([0.  , 0.  , 0.  , 0.  , 1.25, 0.  , 0.  , 0.  , 0.  ])
    """
    image = _as_numbers(im, "im")
    if image.ndim == 3 and image.shape[-1] >= 3:
        image = rgb2gray(image)
    if image.ndim != 2:
        raise ValueError(f"im has shape {image.shape}; wanted is (height, width) or (height, width, channels)")
    gx, gy = np.zeros(image.shape), np.zeros(image.shape)
    gx[:, :-1] = np.diff(image, axis=1)
    gy[:-1] = np.diff(image, axis=0)
    magnitude = np.sqrt(gx**2 + gy**2)
    orientation = np.arctan2(gy, gx + 1e-15) * (180 / np.pi) + 90

    # Which number of the result each pixel adds to: cells by columns, then orientations.
    down, across = image.shape[0] // _CELL, image.shape[1] // _CELL
    whole = slice(down * _CELL), slice(across * _CELL)
    orientation, magnitude = orientation[whole], magnitude[whole]
    row, column = np.arange(down * _CELL)[:, None], np.arange(across * _CELL)
    cell = (column // _CELL) * down + row // _CELL
    counted = (orientation > 0) & (orientation < 180)
    place = cell * _ORIENTATIONS + np.where(counted, orientation // (180 / _ORIENTATIONS), 0).astype(np.intp)
    sums = np.bincount(place[counted], magnitude[counted], down * across * _ORIENTATIONS)
    return sums / _CELL**2


def color_histogram_hsv(
    im: ArrayLike, nbin: int = 10, xmin: float = 0, xmax: float = 255, normalized: bool = True
) -> NDArray[np.float64]:
    """Compute the histogram of the hues of one image.

    Parameters
    ----------
    im : array_like of shape (H, W, 3)
        Red, green and blue, from 0 to `xmax`.
    nbin : int
        Bins, of equal width.
    xmin, xmax : float
        Where the first bin begins and the last ends; a hue is from 0 to `xmax`.
    normalized : bool
        The shares of the pixels that fall into the bins. False: their numbers times the width of a bin, as the course
        has it.

    Returns
    -------
    ndarray of shape (nbin,), float64

    Raises
    ------
    ValueError, TypeError
        If `im` is no such image, or holds numbers outside 0 to `xmax`; for `nbin` below 1 or `xmax` not above `xmin`.

    See Also
    --------
    fastlin.features.color_histogram : Of any colours, on many images at a time.

    References
    ----------
    Stanford CS231n, assignment 1, "Image features". A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[[255.0, 0.0, 0.0], [0.0, 255.0, 0.0]]])  # red, and green, a third of the way round
    >>> color_histogram_hsv(image, nbin=4)
    array([0.5, 0.5, 0. , 0. ])
    """
    image = _as_numbers(im, "im")
    if image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
        raise ValueError(f"im has shape {image.shape}; wanted is (height, width, 3)")
    nbin = _arrays.as_count(nbin, "nbin")
    xmax = _arrays.as_positive(xmax, "xmax")
    if not xmin < xmax:
        raise ValueError(f"xmin is {xmin!r}; wanted is a number below xmax, {xmax}")
    if not (image.min() >= 0 and image.max() <= xmax):
        raise ValueError(f"im holds numbers from {image.min()} to {image.max()}; wanted is from 0 to xmax, {xmax}")
    bins = np.linspace(xmin, xmax, nbin + 1)
    counts, _ = np.histogram(_hue(image / xmax) * xmax, bins=bins, density=bool(normalized))
    return counts * np.diff(bins)


def _hue(rgb: np.ndarray) -> np.ndarray:
    """Where on the circle of hues colours lie, from 0 to 1; 0 of grey. Of equal largest channels the last counts."""
    red, green, blue = np.ascontiguousarray(np.moveaxis(rgb, -1, 0))
    largest = np.maximum(np.maximum(red, green), blue)
    spread = largest - np.minimum(np.minimum(red, green), blue)
    grey = spread == 0
    spread = np.where(grey, 1.0, spread)
    sixths = np.select(
        [grey, largest == blue, largest == green],
        [0.0, 4.0 + (red - green) / spread, 2.0 + (blue - red) / spread],
        (green - blue) / spread,
    )
    return (sixths / 6.0) % 1.0


def _as_numbers(array: ArrayLike, name: str) -> NDArray[np.float64]:
    found = _arrays.as_array(array, name)
    if found.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {found.dtype}; wanted is real numbers")
    return found.astype(np.float64)


def _one_axis(feature: ArrayLike, k: int) -> np.ndarray:
    found = np.asarray(feature)
    if found.ndim != 1:
        raise ValueError(f"feature_fns[{k}] gives an array of shape {found.shape}; wanted is one axis of numbers")
    return found
