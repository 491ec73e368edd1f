"""What it means to agree with the twin: it computes in float64, and the tolerance is of the largest entry."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from strategies import Problem

from fastlin import reference

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def twin(function: str, X: np.ndarray, *arguments: Any, **options: Any) -> Any:
    """`function` of the twin in float64, from the very same numbers."""
    return getattr(reference, function)(X.astype(np.float64), *map(_wide, arguments), **options)


@functools.lru_cache(maxsize=64)
def twin_of(function: str, p: Problem, with_bias: bool, scaled: bool = False, **options: Any) -> Any:
    """The same for a problem and its labels, kept for the next level; `options` are numbers and words."""
    arguments = (p.W,) if function in ("scores", "predict") else (p.y, p.W)
    return twin(function, p.X, *arguments, p.b if with_bias else None, **options, **(p.scaling if scaled else {}))


def _wide(value: Any) -> Any:
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def assert_close(actual: np.ndarray, expected: np.ndarray, dtype: Any, what: str = "", scale: float = 0.0) -> None:
    """Equal in shape, of `dtype`, and within its tolerance of the largest expected entry (or of `scale`, if larger)."""
    dtype = np.dtype(dtype)
    assert isinstance(actual, np.ndarray), f"{what}: {type(actual)}"
    assert actual.dtype == dtype, f"{what}: dtype {actual.dtype}"
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    if expected.size:
        error = np.abs(actual.astype(np.float64) - expected).max()
        limit = TOLERANCE[dtype] * max(np.abs(expected).max(), scale)
        assert error <= limit, f"{what}: off by {error:.3g}, allowed is {limit:.3g}"


def assert_same_result(actual: Any, expected: Any, dtype: Any, what: str = "", scale: float = 0.0) -> None:
    """Two LossGradients agree."""
    assert isinstance(actual.loss, float), f"{what}: loss is {type(actual.loss)}"
    limit = TOLERANCE[np.dtype(dtype)] * abs(expected.loss)
    assert abs(actual.loss - expected.loss) <= limit, f"{what}: loss {actual.loss!r}, expected {expected.loss!r}"
    assert_close(actual.dW, expected.dW, dtype, f"{what} dW", scale)
    assert (actual.db is None) == (expected.db is None), f"{what}: db is {actual.db}"
    if expected.db is not None:
        assert_close(actual.db, expected.db, dtype, f"{what} db", scale and 0.05)


def same_bits(first: Any, second: Any) -> bool:
    """Two results (arrays, numbers, None, or tuples of them) are equal to the last bit."""
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same_bits, first, second))
    if first is None or second is None:
        return first is second
    first, second = np.asarray(first), np.asarray(second)
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()
