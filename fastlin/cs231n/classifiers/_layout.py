"""Between the course's (D, C) weights and the core's (C, D)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays
from fastlin._results import LossGradient


def as_course_weights(W: Any) -> np.ndarray:
    """`W` as an array of two axes, (D, C)."""
    W = _arrays.as_array(W, "W")
    if W.ndim != 2 or W.shape[1] == 0:
        raise ValueError(f"W has shape {W.shape}; wanted is (n_features, n_classes)")
    return W


def check_features(X: np.ndarray, W: np.ndarray) -> None:
    """Refuse rows of another length than the weights'."""
    if X.shape[1] != W.shape[0]:
        hint = "; the bias is the last row of W: append a column of ones to X" if X.shape[1] == W.shape[0] - 1 else ""
        raise ValueError(f"X has {X.shape[1]} features and W has shape {W.shape}; wanted is as many rows of W{hint}")


def loss_and_gradient(
    loss: Callable[..., LossGradient], W: ArrayLike, X: ArrayLike, y: ArrayLike, reg: float
) -> tuple[float, NDArray[Any]]:
    """Call one of fastlin's losses with the course's arguments; the gradient is a (D, C) view."""
    W, X = as_course_weights(W), _arrays.as_rows(X)
    check_features(X, W)
    reg = _arrays.as_nonnegative(reg, "reg")
    # NumPy's rule: the wider of the two types. The core goes by the rows' alone.
    if _arrays.compute_dtype(X) == _arrays.FLOAT32 and W.dtype.char not in "ef":
        X = X.astype(np.float64)
    value, dW, _ = loss(X, y, W.T, l2=reg)
    return value, dW.T
