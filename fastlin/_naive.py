"""The losses as the course writes them first, for `fastlin.reference`: a row at a time, a class at a time.

Source: Stanford CS231n, lecture notes "Linear classification" and assignment 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlin import _arrays
from fastlin._results import LossGradient


def softmax_loss_naive(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, l2: float = 0.0
) -> LossGradient:
    """`softmax_loss` by explicit loops, float64, for reading beside the formula."""
    X, y, W, b = _in_float64(X, y, W, b)
    l2 = _arrays.as_nonnegative(l2, "l2")
    n_rows, n_classes = max(len(X), 1), W.shape[0]
    loss, dW, db = 0.0, np.zeros_like(W), np.zeros(n_classes)
    for x, label in zip(X, y, strict=True):
        s = np.array([W[j] @ x + (0.0 if b is None else b[j]) for j in range(n_classes)])
        s -= s.max()
        p = np.exp(s) / np.exp(s).sum()
        loss += np.log(np.exp(s).sum()) - s[label]  # -log p[label], finite where p is too small for a float
        for j in range(n_classes):
            ds = p[j] - (1.0 if j == label else 0.0)
            dW[j] += ds * x
            db[j] += ds
    return LossGradient(
        float(loss / n_rows + l2 * np.sum(W * W)), dW / n_rows + 2 * l2 * W, None if b is None else db / n_rows
    )


def hinge_loss_naive(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, margin: float = 1.0, l2: float = 0.0
) -> LossGradient:
    """`hinge_loss` (sum, power 1) by explicit loops, float64."""
    X, y, W, b = _in_float64(X, y, W, b)
    margin, l2 = _arrays.as_positive(margin, "margin"), _arrays.as_nonnegative(l2, "l2")
    n_rows, n_classes = max(len(X), 1), W.shape[0]
    loss, dW, db = 0.0, np.zeros_like(W), np.zeros(n_classes)
    for x, label in zip(X, y, strict=True):
        s = np.array([W[j] @ x + (0.0 if b is None else b[j]) for j in range(n_classes)])
        for j in range(n_classes):
            if j == label:
                continue
            violation = s[j] - s[label] + margin
            if not violation <= 0:  # NaN counts, so that the loss tells of it
                loss += violation
                dW[j] += x
                dW[label] -= x
                db[j] += 1.0
                db[label] -= 1.0
    return LossGradient(
        float(loss / n_rows + l2 * np.sum(W * W)), dW / n_rows + 2 * l2 * W, None if b is None else db / n_rows
    )


def _in_float64(X: Any, y: Any, W: Any, b: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    X = _arrays.as_rows(X).astype(np.float64)
    W = _arrays.as_weights(W, X.shape[1], _arrays.FLOAT64)
    b = _arrays.as_bias(b, W.shape[0], _arrays.FLOAT64)
    y = _arrays.as_labels(y, len(X))
    _arrays.check_labels(y, W.shape[0])
    return X, y, W, b
