"""Where the bins of a pooling grid lie, and the order in which positions are walked so that each is encoded once."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlin import _arrays

# Positions of a chunk: 1024 of 48 components are 192 KiB of whitened patches, which stay in the second-level cache.
MOST_POSITIONS = 1024


@dataclass(frozen=True)
class Geometry:
    """The positions of an image's patches in the order of their encoding.

    The grid's bins overlap where their number does not divide the positions. All their borders cut the image into
    regions, so that a bin is a rectangle of regions, and a position belongs to one region only.

    Attributes
    ----------
    offset : ndarray of int64, shape (positions,)
        Of a patch's first pixel in the image; positions of one region lie together.
    chunk_start : ndarray of int64, shape (chunks + 1,)
        Positions are encoded in chunks that fit the cache.
    runs : ndarray of int64, shape (runs, 3)
        A chunk's positions of one region: the first within the chunk, how many, and the region.
    run_start : ndarray of int64, shape (chunks + 1,)
    n_regions, regions_x : int
        Regions in all, and in a row.
    first_y, last_y, first_x, last_x : ndarray of int64
        A bin is the regions [first_y, last_y) x [first_x, last_x).
    most_positions : int
        Of a chunk.
    """

    offset: np.ndarray
    chunk_start: np.ndarray
    runs: np.ndarray
    run_start: np.ndarray
    n_regions: int
    regions_x: int
    first_y: np.ndarray
    last_y: np.ndarray
    first_x: np.ndarray
    last_x: np.ndarray
    most_positions: int

    @property
    def n_chunks(self) -> int:
        """How many chunks an image has."""
        return len(self.chunk_start) - 1


def bins(n_positions: int, n_bins: int, *, overlap: bool) -> tuple[np.ndarray, np.ndarray]:
    """First and last (exclusive) position of each bin along one axis.

    With `overlap` all bins have ceil(n_positions / n_bins) positions, the middle one of an odd number one more where it
    would not lie in the middle else, and the mirror image of a bin is a bin. Without, the positions are dealt out, the
    first bins getting one more (27 in two: 14 and 13, as Coates, Lee and Ng did).
    """
    if not overlap:
        edges = -(-np.arange(n_bins + 1) * n_positions // n_bins)
        return edges[:-1], edges[1:]
    width = -(-n_positions // n_bins)
    room, half = n_positions - width, n_bins // 2
    left = np.array([round(i * room / (n_bins - 1)) for i in range(half)], dtype=int)
    middle = np.full(n_bins % 2, room // 2)
    start = np.concatenate([left, middle, room - left[::-1]])
    end = np.concatenate([left + width, n_positions - middle, n_positions - left[::-1]])
    return start, end


def mirror_symmetric(n_positions: int, n_bins: int, *, overlap: bool) -> bool:
    """Whether the mirror image of each bin is a bin."""
    start, end = bins(n_positions, n_bins, overlap=overlap)
    return bool((n_positions - end[::-1] == start).all())


@functools.lru_cache(maxsize=16)
def geometry(shape: tuple[int, int, int], patch_size: int, pooling: tuple[int, int], overlap: bool) -> Geometry:
    """The geometry of images of `shape` (height, width, channels)."""
    height, width, channels = shape
    axes = []
    for length, n_bins in ((height - patch_size + 1, pooling[0]), (width - patch_size + 1, pooling[1])):
        start, end = bins(length, n_bins, overlap=overlap)
        edges = np.unique(np.concatenate([start, end]))
        axes.append((edges, np.searchsorted(edges, start), np.searchsorted(edges, end)))
    (y_edges, *y_bins), (x_edges, *x_bins) = axes
    regions_x = len(x_edges) - 1
    offsets: list[np.ndarray] = []
    runs: list[tuple[int, int, int]] = []
    run_start, chunk_start, first = [0], [0], 0
    for region in range((len(y_edges) - 1) * regions_x):
        i, j = divmod(region, regions_x)
        y, x = np.arange(y_edges[i], y_edges[i + 1]), np.arange(x_edges[j], x_edges[j + 1])
        positions = ((y[:, None] * width + x) * channels).ravel()
        offsets.append(positions)
        for done in range(0, len(positions), MOST_POSITIONS):
            n = min(MOST_POSITIONS, len(positions) - done)
            if first + n > MOST_POSITIONS:
                chunk_start.append(chunk_start[-1] + first)
                run_start.append(len(runs))
                first = 0
            runs.append((first, n, region))
            first += n
    chunk_start.append(chunk_start[-1] + first)
    run_start.append(len(runs))
    arrays = [
        np.ascontiguousarray(a, np.int64)
        for a in (np.concatenate(offsets), chunk_start, runs, run_start, *y_bins, *x_bins)
    ]
    for array in arrays:
        array.flags.writeable = False
    offset, starts, all_runs, run_starts, first_y, last_y, first_x, last_x = arrays
    return Geometry(
        offset=offset, chunk_start=starts, runs=all_runs, run_start=run_starts,
        n_regions=(len(y_edges) - 1) * regions_x, regions_x=regions_x,
        first_y=first_y, last_y=last_y, first_x=first_x, last_x=last_x, most_positions=int(np.diff(starts).max()),
    )  # fmt: skip


def as_grid(pooling: Any) -> tuple[int, int]:
    """Rows and columns of the grid, from a pair or from one number for both."""
    cells = pooling if isinstance(pooling, tuple | list) else (pooling, pooling)
    if len(cells) != 2:
        raise ValueError(f"pooling is {pooling!r}; wanted is (rows, columns) of the grid")
    return _arrays.as_count(cells[0], "pooling"), _arrays.as_count(cells[1], "pooling")


def check_size(size: tuple[int, int], patch_size: int, grid: tuple[int, int], *, overlap: bool, mirror: bool) -> None:
    """Refuse images of `size` (height, width) that the grid does not fit."""
    positions = [side - patch_size + 1 for side in size]
    if any(n < cells for n, cells in zip(positions, grid, strict=True)):
        raise ValueError(
            f"X has images of {size[0]} x {size[1]}; wanted is at least {grid[0] + patch_size - 1} x "
            f"{grid[1] + patch_size - 1}, for a patch of {patch_size} in each cell of the grid"
        )
    if mirror and not mirror_symmetric(positions[1], grid[1], overlap=overlap):
        raise ValueError(
            f"overlap is False while {positions[1]} columns of patches do not fall into {grid[1]} cells that mirror "
            "each other; wanted is overlap=True, or mirror=False"
        )
