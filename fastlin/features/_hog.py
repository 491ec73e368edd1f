"""Histograms of oriented gradients (Dalal and Triggs 2005), with scikit-image's names, defaults and order of output."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlin import _arrays, _threads
from fastlin._core import hog as _core
from fastlin.features import _images
from fastlin.features._base import ImageTransformer

__all__ = ["HOG", "hog"]

# As in fl_norm of src_c/fl_images.h.
NORMS = {"L1": 1, "L1-sqrt": 2, "L2": 3, "L2-Hys": 4}
# Operations a pixel for the decision on threads: what arithmetic it takes beside the arc tangent, and for a bin.
_WORK_PIXEL = 40.0
_WORK_BIN = 5.0


class Geometry(NamedTuple):
    """The checked arguments of `hog` that say where its numbers lie and what they mean."""

    orientations: int
    cell: tuple[int, int]
    block: tuple[int, int]
    norm: str
    square_root: bool
    signed: bool
    interpolate: bool

    @classmethod
    def checked(
        cls, orientations: Any, pixels_per_cell: Any, cells_per_block: Any, block_norm: Any, transform_sqrt: Any,
        signed: Any, interpolate: Any,
    ) -> Geometry:  # fmt: skip
        """Refuse what makes no descriptor, with the argument's name."""
        return cls(
            _arrays.as_count(orientations, "orientations"),
            _images.as_pair(pixels_per_cell, "pixels_per_cell"),
            _images.as_pair(cells_per_block, "cells_per_block"),
            _arrays.as_choice(block_norm, "block_norm", tuple(NORMS)),
            bool(transform_sqrt),
            bool(signed),
            bool(interpolate),
        )

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """(blocks down, blocks across, cells down, cells across, orientations) of an image of this size."""
        down, across = height // self.cell[0], width // self.cell[1]
        if down < self.block[0] or across < self.block[1]:
            least = (self.block[0] * self.cell[0], self.block[1] * self.cell[1])
            raise ValueError(
                f"images are {height} x {width} pixels; wanted is at least {least[0]} x {least[1]}, one block of "
                f"cells_per_block={self.block} of pixels_per_cell={self.cell}"
            )
        return (down - self.block[0] + 1, across - self.block[1] + 1, *self.block, self.orientations)


def hog(
    images: ArrayLike,
    orientations: int = 9,
    pixels_per_cell: Any = (8, 8),
    cells_per_block: Any = (3, 3),
    block_norm: str = "L2-Hys",
    transform_sqrt: bool = False,
    feature_vector: bool = True,
    *,
    channel_axis: int | None = -1,
    signed: bool = False,
    interpolate: bool = False,
    out: np.ndarray | None = None,
    dtype: DTypeLike | None = None,
    n_threads: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Compute histograms of oriented gradients of one image or of a batch.

    Gradients are central differences, zero across the border, of the channel where they are largest. Each pixel votes
    with its gradient's magnitude for the bin of its direction, in the cell it lies in; pixels beyond the last whole
    cell do not count. A cell's histogram is divided by its number of pixels. Blocks of cells, a cell apart, are
    normalised.

    Parameters
    ----------
    images : array_like of shape (N, H, W, channels), (H, W, channels) or (H, W); without channels (N, H, W) or (H, W)
        Any real dtype and any strides.
    orientations : int
        Bins of direction: of 180 degrees, or of 360 with `signed`.
    pixels_per_cell, cells_per_block : (int, int)
        Rows, columns.
    block_norm : {"L2-Hys", "L2", "L1", "L1-sqrt"}
        With e = 1e-5: v / sqrt(sum v^2 + e^2); the same clipped at 0.2 and normalised once more (L2-Hys);
        v / (sum v + e); and the square root of that.
    transform_sqrt : bool
        Take the square root of the images first; they must not be negative.
    feature_vector : bool
        One row of numbers an image; else the axes of the blocks are kept.
    channel_axis : int or None
        Where the channels are; None for grey images without that axis.
    signed : bool
        Tell dark-to-light from light-to-dark.
    interpolate : bool
        Share each vote by the two bins and the four cells whose centres are nearest, in proportion to the distances;
        shares for cells outside the image are lost. Dalal and Triggs have that; scikit-image has not.
    out : ndarray of shape (N, D), optional
        Where to write: C-contiguous, of the result's dtype and shape.
    dtype : float32 or float64, optional
        Of computation and result. Default: float32 for images of up to 16 bits and float32, else float64.
    n_threads : int, optional
        Most threads to use; -1 for all. The bits do not depend on it.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    ndarray of shape (N, D) or (D,)
        D numbers in the order block row, block column, cell row, cell column, orientation; with
        ``feature_vector=False`` of shape (N, blocks down, blocks across, cells down, cells across, orientations). N is
        missing for a single image.

    Raises
    ------
    ValueError, TypeError
        For images smaller than a block, a wrong shape, dtype or argument, naming it.
    KeyboardInterrupt
        After Ctrl-C, between parts of the batch.

    Notes
    -----
    In float64 the result is scikit-image's to its own rounding (1e-6: it sums cells in float32). Of images of integers
    some pixels have two channels with gradients of just the same length: here the first channel counts. scikit-image
    compares the lengths after rounding them, and of (28, 47) and (17, 52), both the root of 2993, takes the second for
    longer. Directions exactly on an edge belong to the bin above it.

    References
    ----------
    N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.features import hog
    >>> images = np.zeros((10, 32, 32, 3), dtype=np.uint8)
    >>> images[:, 16:] = 255
    >>> hog(images, cells_per_block=(2, 2)).shape
    (10, 324)
    >>> hog(images[0], feature_vector=False).shape
    (2, 2, 3, 3, 9)
    """
    n_threads = _arrays.as_thread_count(n_threads)
    batch = _images.as_images(images, channel_axis)
    geometry = Geometry.checked(
        orientations, pixels_per_cell, cells_per_block, block_norm, transform_sqrt, signed, interpolate
    )
    shape = geometry.shape(*batch.pixels.shape[1:3])
    n_features = math.prod(shape)
    full = (len(batch.pixels), *((n_features,) if feature_vector else shape))
    wanted = _images.result_dtype(batch, dtype)
    if geometry.square_root:
        _images.check_not_negative(batch, "transform_sqrt")
    result = _images.as_out(out, full[1:] if batch.single else full, wanted, batch)
    write_hog(batch, geometry, result.reshape(len(batch.pixels), n_features), n_threads, verbose)
    return result


def write_hog(batch: _images.Images, geometry: Geometry, out: np.ndarray, n_threads: int | None, verbose: int) -> None:
    """Write `hog` of a batch into the rows of `out`, (N, D), which may lie apart."""
    cotangent = edge_cotangents(geometry.orientations, geometry.signed)
    n, height, width, _ = batch.pixels.shape
    with _images.Bar("hog", n, verbose) as bar:
        for part, pixels in batch.parts(out.dtype):
            work = (part.stop - part.start) * height * width * (_WORK_PIXEL + _WORK_BIN * geometry.orientations)
            _core.hog(
                pixels, geometry.cell, geometry.block, geometry.orientations, geometry.signed, geometry.interpolate,
                geometry.square_root, NORMS[geometry.norm], cotangent, out[part], _threads.resolve(n_threads, work),
            )  # fmt: skip
            bar.done(part)


@functools.lru_cache(maxsize=64)
def edge_cotangents(orientations: int, signed: bool) -> np.ndarray:
    """Cotangents of the edges between bins that lie inside the upper half turn, then inside the lower one if `signed`.

    Those of 45, 90 and 135 degrees are exact, so that gradients of integers fall on the right side of them. The kernel
    looks at the lower quadrant's edges alone where the others mirror them.
    """
    exact = {45.0: 1.0, 90.0: 0.0, 135.0: -1.0}
    turn = 360 if signed else 180
    edges = [turn * k / orientations for k in range(orientations)]
    inside = [edge for edge in edges if 0 < edge < 180] + [edge - 180 for edge in edges if edge > 180]
    return np.array([exact.get(edge, 1.0 / np.tan(np.deg2rad(edge))) for edge in inside])


class HOG(ImageTransformer):
    """`hog` as a scikit-learn transformer of images, or of flat rows with their `image_shape`.

    Parameters
    ----------
    orientations, pixels_per_cell, cells_per_block, block_norm, transform_sqrt, signed, interpolate, dtype, n_threads
        As of `hog`.
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
    >>> HOG(cells_per_block=(2, 2)).fit_transform(np.zeros((5, 28, 28), np.uint8)).shape
    (5, 144)
    """

    def __init__(
        self, orientations: int = 9, pixels_per_cell: Any = (8, 8), cells_per_block: Any = (3, 3),
        block_norm: str = "L2-Hys", transform_sqrt: bool = False, *, signed: bool = False, interpolate: bool = False,
        image_shape: tuple[int, ...] | None = None, dtype: DTypeLike | None = None, n_threads: int | None = None,
        verbose: int = 0,
    ) -> None:  # fmt: skip
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.block_norm = block_norm
        self.transform_sqrt = transform_sqrt
        self.signed = signed
        self.interpolate = interpolate
        self.image_shape = image_shape
        self.dtype = dtype
        self.n_threads = n_threads
        self.verbose = verbose

    def _geometry(self) -> Geometry:
        return Geometry.checked(
            self.orientations, self.pixels_per_cell, self.cells_per_block, self.block_norm, self.transform_sqrt,
            self.signed, self.interpolate,
        )  # fmt: skip

    def _n_out(self, image_shape: tuple[int, int, int]) -> int:
        return math.prod(self._geometry().shape(*image_shape[:2]))

    def _write(self, batch: _images.Images, out: np.ndarray) -> None:
        if self.transform_sqrt:
            _images.check_not_negative(batch, "transform_sqrt")
        write_hog(batch, self._geometry(), out, _arrays.as_thread_count(self.n_threads), self.verbose)
