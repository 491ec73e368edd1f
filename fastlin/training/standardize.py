"""Which shift and scale bring each feature to standard coordinates x' = (x - shift) * scale.

The rule, a feature at a time, so that units do not matter and features do not meddle with one another:

    shift = mean
    scale = 1 / max(sd, reach / REACH)      reach = largest |x - mean| among the rows
    scale = 0                               where the feature is constant

Where the biases are to stay zero nothing may be shifted, and the mean square takes the place of the variance:

    shift = 0
    scale = 1 / max(root mean square, largest |x| / REACH)

The first term is plain standardisation. The second bounds what it may do to a feature that hardly ever moves: a border
pixel of Fashion-MNIST is black in all but a few of 60 000 images, its sd is a fraction of a grey level, and the few
rows where it is lit would lie hundreds of sd out and throw the weights about. Such a feature is scaled so that its
farthest row lies at REACH instead. A feature with small values but an ordinary spread is not touched by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastlin import functional

# A normal feature reaches 5 sd in a million rows; one that is set in a single row of n reaches sqrt(n - 1) sd. At 16
# the bound touches only what is set in fewer than one row of 257. Accuracy is flat between 4 and 64 on Fashion-MNIST.
REACH = 16.0

# A feature whose sd is below this share of its mean is rounding noise around a constant: a few units in the last place
# of the storage, or in float64 what remains of them after a sum over a million rows.
_RESOLUTION = {"e": 2.0**-10, "f": 2.0**-22}
_RESOLUTION_DOUBLE = 2.0**-40

# float32 holds numbers down to 1e-45 but ends at 3e38, and the scale, and weights times it, must be finite there.
_LEAST_SPREAD = 1e-35

# Bytes of X read between two looks at Ctrl-C, and at a time where a value is looked at more than once: a cache's worth.
_BLOCK_BYTES = 1 << 25
_TILE_BYTES = 1 << 20


class Standardization(NamedTuple):
    """x' = (x - shift) * scale, as vectors of D numbers in float64."""

    shift: np.ndarray
    scale: np.ndarray

    def fold(self, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights on x' turned into weights on raw x that give the same scores.

        W x' + b = (W * scale) x + (b - (W * scale) shift), computed in float64 and returned in the type of `W`.
        """
        # Sums over an axis, not matrix products: those of a BLAS may change their bits with its number of threads.
        coef = (W.astype(np.float64) * self.scale).astype(W.dtype)
        return coef, (b - (coef.astype(np.float64) * self.shift).sum(axis=1)).astype(b.dtype)

    def unfold(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `fold`; a constant feature has no weight."""
        scale = np.where(self.scale > 0, self.scale, np.inf)
        W = coef.astype(np.float64) / scale
        b = intercept + (coef.astype(np.float64) * self.shift).sum(axis=1)
        return W.astype(coef.dtype), b.astype(intercept.dtype)


class FeatureStatistics(NamedTuple):
    """Weight of the rows seen, and each feature's mean, variance, smallest and largest value over them."""

    weight: float
    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    resolution: float

    def merge(self, other: FeatureStatistics) -> FeatureStatistics:
        """Statistics of both sets of rows together (Chan, Golub and LeVeque 1979)."""
        weight = self.weight + other.weight
        share = other.weight / weight
        apart = other.mean - self.mean
        return FeatureStatistics(
            weight,
            self.mean + share * apart,
            self.variance + share * (other.variance - self.variance) + share * (1 - share) * apart**2,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            max(self.resolution, other.resolution),
        )

    def standardization(self, shifted: bool = True) -> Standardization:
        """Shift and scale by the rule of this module; not `shifted` for a model without biases."""
        if not shifted:
            size = np.sqrt(self.variance + self.mean**2)
            reach = np.maximum(np.abs(self.low), np.abs(self.high))
            spread = np.maximum(np.maximum(size, reach / REACH), _LEAST_SPREAD)
            return Standardization(np.zeros_like(size), np.where(size > 0, 1.0 / spread, 0.0))
        sd = np.sqrt(self.variance)
        reach = np.maximum(self.high - self.mean, self.mean - self.low)
        constant = sd <= self.resolution * np.abs(self.mean)
        spread = np.where(constant, 1.0, np.maximum(np.maximum(sd, reach / REACH), _LEAST_SPREAD))
        return Standardization(self.mean, np.where(constant, 0.0, 1.0 / spread))


def survey(
    rows: np.ndarray, sample_weight: np.ndarray | None = None, n_threads: int | None = None
) -> FeatureStatistics:
    """One pass over `rows`, a block at a time, refusing NaN and infinity; rows of weight zero are not looked at.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        As `_arrays.as_rows` gives it; N at least 1.
    sample_weight : ndarray of shape (N,), float64, or None
        Not all zero.
    n_threads : int or None
        For `fastlin.moments`; the bits do not depend on it.
    """
    resolution = _RESOLUTION.get(rows.dtype.char, _RESOLUTION_DOUBLE)
    total: FeatureStatistics | None = None
    for start, block in _blocks(rows, _BLOCK_BYTES):
        weight = None if sample_weight is None else sample_weight[start : start + len(block)]
        if weight is not None and not weight.all():
            kept = np.flatnonzero(weight)
            if len(kept) == 0:
                continue
            low, high = _extent(block[kept], start + kept)
        else:
            low, high = _extent(block, start + np.arange(len(block)))
        mean, variance = functional.moments(block, sample_weight=weight, n_threads=n_threads)
        weight_sum = float(len(block)) if weight is None else float(weight.sum())
        part = FeatureStatistics(weight_sum, mean, variance, low, high, resolution)
        total = part if total is None else total.merge(part)
    if total is None:
        raise ValueError("sample_weight is zero for every row; wanted is at least one row of positive weight")
    if not np.isfinite(total.variance).all():
        feature = int(np.flatnonzero(~np.isfinite(total.variance))[0])
        raise ValueError(
            f"X has values in feature {feature} whose squares overflow; wanted is smaller numbers: rescale X"
        )
    return total


def check_finite(rows: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
    """Refuse NaN and infinity in rows of floats, those of weight zero excepted, without a copy of `rows`."""
    if rows.dtype.kind != "f":
        return
    for start, block in _blocks(rows, _TILE_BYTES):
        numbers = start + np.arange(len(block))
        if sample_weight is not None:
            kept = sample_weight[start : start + len(block)] > 0
            block, numbers = block[kept], numbers[kept]
        if len(block):
            _extent(block, numbers)


def _blocks(rows: np.ndarray, n_bytes: int) -> Iterator[tuple[int, np.ndarray]]:
    step = max(1, n_bytes // (rows.shape[1] * rows.itemsize))
    for start in range(0, len(rows), step):
        yield start, rows[start : start + step]


def _extent(block: np.ndarray, row_numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each feature; a NaN or an infinity comes through in one of them, and is refused."""
    low, high = np.full(block.shape[1], np.inf), np.full(block.shape[1], -np.inf)
    for start, tile in _blocks(block, _TILE_BYTES):
        if tile.dtype == np.float16:  # NumPy compares float16 by software, 20 times slower than it converts it
            tile = tile.astype(np.float32)
        with np.errstate(invalid="ignore"):
            tile_low, tile_high = tile.min(axis=0), tile.max(axis=0)
        wrong = ~(np.isfinite(tile_low) & np.isfinite(tile_high))
        if wrong.any():
            feature = int(np.flatnonzero(wrong)[0])
            row = int(np.flatnonzero(~np.isfinite(tile[:, feature]))[0])
            value = "NaN" if np.isnan(tile[row, feature]) else tile[row, feature]
            raise ValueError(
                f"X holds {value} in row {row_numbers[start + row]}, feature {feature}; wanted is finite "
                "numbers: drop such rows or fill them in, for example numpy.nan_to_num(X)"
            )
        low, high = np.minimum(low, tile_low), np.maximum(high, tile_high)
    return low, high
