"""The objective over all rows: value and gradient in one pass, cut into segments short enough for Ctrl-C.

Weights and sums are float64; the rows are read where they lie, and computed in their own type, by the fused loss.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from fastlin import _arrays, functional
from fastlin.training.standardize import Standardization

# Work of one call into the core, in flops: 0.2 s of a busy core without wide vectors. Python sees Ctrl-C in between.
_SEGMENT_WORK = 1e9

Loss = Literal["softmax", "hinge", "squared_hinge"]


class Value(NamedTuple):
    """A loss and its gradient by W (C, D) and b (C,)."""

    loss: float
    dW: np.ndarray
    db: np.ndarray


class Penalty(NamedTuple):
    """l2 * sum(W**2) + l1 * sum(|W|)."""

    l2: float
    l1: float = 0.0

    def of(self, W: np.ndarray) -> float:
        """Its value."""
        return self.l2 * float((W * W).sum()) + self.l1 * float(np.abs(W).sum())

    def least_subgradient(self, W: np.ndarray, smooth: np.ndarray) -> np.ndarray:
        """The subgradient of least length at `W`, where `smooth` is the gradient of all but the l1 part."""
        if self.l1 == 0.0:
            return smooth
        at_zero = np.sign(smooth) * np.maximum(np.abs(smooth) - self.l1, 0.0)
        return np.where(W == 0.0, at_zero, smooth + self.l1 * np.sign(W))

    def gap(self, dW: np.ndarray) -> float:
        """Bound on an objective less its minimum, from a subgradient `dW`: |dW|**2 / (4 l2), as it is strongly convex.

        For the intercepts as they are; infinite without an l2 penalty.
        """
        return float((dW**2).sum()) / (4.0 * self.l2) if self.l2 > 0 else math.inf


class DataLoss:
    """mean over rows of loss(W x' + b, y), with x' = (x - shift) * scale.

    With an intercept and without a standardisation the rows are centred all the same, by a change of b: the optimum is
    that of raw rows, and the way there is shorter. `outward` and `inward` bring b from one to the other.
    """

    def __init__(
        self, rows: np.ndarray, y: np.ndarray, n_classes: int, *, loss: Loss, margin: float, fit_intercept: bool,
        standardization: Standardization | None, sample_weight: np.ndarray | None, n_threads: int | None,
    ) -> None:  # fmt: skip
        self.rows, self.y, self.n_classes = rows, y, n_classes
        self.loss: Loss = _arrays.as_choice(loss, "loss", ("softmax", "hinge", "squared_hinge"))
        self.margin = _arrays.as_positive(margin, "margin")
        self.fit_intercept = bool(fit_intercept)
        self.sample_weight = sample_weight
        self.n_threads = n_threads
        self.dtype = _arrays.compute_dtype(rows)
        self.n_passes = 0
        n_features = rows.shape[1]
        self.scale: np.ndarray | None = None
        self._moved = np.zeros(n_features)
        if standardization is not None:
            # As the kernels see them, so that nothing is lost between their coordinates and ours.
            self.shift = standardization.shift.astype(self.dtype)
            self.scale = standardization.scale.astype(self.dtype)
        elif self.fit_intercept:
            mean = functional.moments(rows, sample_weight=sample_weight, n_threads=n_threads).mean
            self.shift = mean.astype(self.dtype)
            self._moved = self.shift.astype(np.float64)
        else:
            self.shift = np.zeros(n_features, self.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """(C, D)."""
        return self.n_classes, self.rows.shape[1]

    def inward(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The intercept of the coordinates computed in, for that of the caller's."""
        return b + (W * self._moved).sum(axis=1)

    def outward(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The inverse of `inward`."""
        return b - (W * self._moved).sum(axis=1)

    def value(self, W: np.ndarray, b: np.ndarray, smoothing: float = 0.0) -> Value:
        """One pass (two where smoothed): the mean loss and its gradient.

        `smoothing` mu > 0 rounds the hinge's kink off: of h(z) = max(0, z) it makes z**2 / (2 mu) between 0 and mu and
        z - mu / 2 above (Huber's function), which is (max(0, z)**2 - max(0, z - mu)**2) / (2 mu): the squared hinges of
        the margins m and m - mu. It lies below the hinge, by mu / 2 at most.
        """
        if self.loss != "hinge" or smoothing == 0.0:
            return self._pass(W, b, self.margin, 2 if self.loss == "squared_hinge" else 1)
        upper = self._pass(W, b, self.margin, 2)
        lower = self._pass(W, b, self.margin - smoothing, 2)
        by = 0.5 / smoothing
        return Value(by * (upper.loss - lower.loss), by * (upper.dW - lower.dW), by * (upper.db - lower.db))

    def zero_loss(self) -> float:
        """Loss of all-zero weights."""
        if self.loss == "softmax":
            return math.log(self.n_classes)
        return (self.n_classes - 1) * self.margin ** (2 if self.loss == "squared_hinge" else 1)

    def _pass(self, W: np.ndarray, b: np.ndarray, margin: float, power: Literal[1, 2]) -> Value:
        self.n_passes += 1
        n_rows = len(self.rows)
        step = max(1, int(_SEGMENT_WORK / (4.0 * W.size)))
        loss, weight_sum = 0.0, 0.0
        dW, db = np.zeros(self.shape), np.zeros(self.n_classes)
        scale = self.scale
        shift = self.shift if self.shift.any() else None
        W, b = W.astype(self.dtype), b.astype(self.dtype)
        for start in range(0, n_rows, step):
            part = slice(start, start + step)
            weight = None if self.sample_weight is None else self.sample_weight[part]
            share = float(len(self.y[part])) if weight is None else float(weight.sum())
            if share == 0.0:
                continue
            if self.loss == "softmax":
                value = functional.softmax_loss(
                    self.rows[part], self.y[part], W, b, sample_weight=weight, shift=shift, scale=scale,
                    n_threads=self.n_threads,
                )  # fmt: skip
            else:
                value = functional.hinge_loss(
                    self.rows[part], self.y[part], W, b, margin=margin, power=power, sample_weight=weight, shift=shift,
                    scale=scale, n_threads=self.n_threads,
                )  # fmt: skip
            loss += share * value.loss
            dW += share * value.dW
            if value.db is not None and self.fit_intercept:
                db += share * value.db
            weight_sum += share
        return Value(loss / weight_sum, dW / weight_sum, db / weight_sum)
