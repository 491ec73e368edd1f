"""Some rows that stand for all, in the coordinates of the training: what rates and penalties are derived from."""

from __future__ import annotations

import numpy as np

from fastlin.training.standardize import Standardization

# Of very wide rows fewer, so that the sample stays within 16 MiB of float32.
_LEAST_ROWS = 64
_NUMBERS = 1 << 22


def sample_size(n_features: int, most: int) -> int:
    """How many rows to look at, of `most` wanted."""
    return min(most, max(_LEAST_ROWS, _NUMBERS // n_features))


def kept_rows(n_rows: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """The numbers of the rows that count, int64: a row of weight zero is as if not there."""
    kept = np.arange(n_rows) if sample_weight is None else np.flatnonzero(sample_weight > 0)
    return kept.astype(np.int64, copy=False)


def spread_rows(n_rows: int, n_sample: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """The numbers of `n_sample` rows, evenly spaced; with weights in proportion, a heavy row more than once."""
    if sample_weight is None:
        n_sample = min(n_sample, n_rows)
        return (np.arange(n_sample) * n_rows) // n_sample
    total = np.cumsum(sample_weight)
    return np.searchsorted(total, (np.arange(n_sample) + 0.5) / n_sample * total[-1], side="right")


def standardized(rows: np.ndarray, picked: np.ndarray, standardization: Standardization | None) -> np.ndarray:
    """Copies of the rows of these numbers: float32 (n, D) where standardised, else float64."""
    if standardization is None:  # of any size, whose squares float32 might not hold
        return rows[picked].astype(np.float64)
    sample = np.empty((len(picked), rows.shape[1]), np.float32)
    for start in range(0, len(picked), 16):  # the float64 between the two stays small
        part = rows[picked[start : start + 16]] - standardization.shift
        sample[start : start + 16] = part * standardization.scale
    return sample
