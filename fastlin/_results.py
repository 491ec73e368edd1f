"""What the functions of the functional layer return."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np


class LossGradient(NamedTuple):
    """Loss and gradient, as ``loss, dW, db = ...``.

    Attributes
    ----------
    loss : float
        Mean data loss over the rows plus the penalty, summed in float64.
    dW : ndarray of shape (C, D)
        Gradient of `loss` with respect to `W`.
    db : ndarray of shape (C,) or None
        Gradient with respect to `b`; None where no `b` was given.
    """

    loss: float
    dW: np.ndarray
    db: np.ndarray | None


class EpochResult(NamedTuple):
    """What one epoch saw on its way, as ``loss, accuracy = ...``.

    Attributes
    ----------
    loss : float
        Running mean of the loss, penalty included: each batch's, before its update, weighted with its rows.
    accuracy : float
        Share of the rows classified rightly, each before the update its batch brought; NaN for an epoch of no rows.
    """

    loss: float
    accuracy: float


class Moments(NamedTuple):
    """Mean and variance of each feature, as ``mean, variance = ...``.

    Attributes
    ----------
    mean, variance : ndarray of shape (D,)
        In float64; zeros for no rows.
    """

    mean: np.ndarray
    variance: np.ndarray


_NOTHING = (0.0, math.nan, math.nan, math.nan, math.nan)


class EpochReport:
    """What the steps of an epoch did; passed as ``report=`` and filled in place, so that it is there after Ctrl-C too.

    Attributes
    ----------
    told : ndarray of shape (5,), float64
        How many steps were taken; then of the last one sums of squares, over W and b: of the gradient of the objective
        on its batch and at the weights before it, the l1 penalty's part left out; of what it moved the weights by; of
        the weights before it. NaN where the last batch took no step. Last, the penalty of the weights now.
    losses : ndarray of shape (number of batches,), float64
        Loss of each batch before its step, penalty included; NaN for one that took no step.
    """

    __slots__ = ("losses", "told")

    def __init__(self) -> None:
        self.told = np.array(_NOTHING)
        self.losses = np.empty(0)

    @property
    def n_steps(self) -> int:
        """How many steps were taken."""
        return int(self.told[0])

    @property
    def gradient_norm(self) -> float:
        """Norm of the last step's gradient."""
        return float(np.sqrt(self.told[1]))

    @property
    def update_ratio(self) -> float:
        """Norm of the last step over that of the weights before it; NaN from all-zero weights."""
        step, before = float(self.told[2]), float(self.told[3])  # plain floats: NumPy's warn where both are infinite
        return math.sqrt(step / before) if before > 0.0 else math.nan

    @property
    def is_finite(self) -> bool:
        """Whether squares of the weights before the last step, and of the step, have a finite sum: then both are."""
        return math.isfinite(float(self.told[2]) + float(self.told[3]))

    @property
    def penalty(self) -> float:
        """The penalty of the weights after the last step."""
        return float(self.told[4])


def as_report(report: Any) -> EpochReport:
    """`report`, which an epoch fills in, or a new one for None."""
    if report is None:
        return EpochReport()
    if not isinstance(report, EpochReport):
        raise TypeError(f"report is {type(report).__name__}; wanted is an EpochReport: it is filled in place")
    told, like = report.told, ((len(_NOTHING),), np.float64)
    if type(told) is not np.ndarray or (told.shape, told.dtype) != like or not told.flags.carray:
        raise ValueError("report.told is not as an EpochReport makes it; wanted is a new EpochReport()")
    return report
