"""What the functions of the functional layer return."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

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


@dataclass
class EpochReport:
    """What the steps of an epoch did; passed as ``report=`` and filled in place, so that it is there after Ctrl-C too.

    Attributes
    ----------
    n_steps : int
        Steps taken.
    gradient_norm : float
        Of the last one: root of the sum of squares of the gradient of the objective by `W` and `b`, on its batch and at
        the weights before it, the l1 penalty's part left out; NaN where the last batch took no step.
    update_ratio : float
        Of the last one: norm of what `W` and `b` moved by over their norm before; NaN from all-zero weights.
    """

    n_steps: int = 0
    gradient_norm: float = math.nan
    update_ratio: float = math.nan
