"""What the functions of the functional layer return."""

from __future__ import annotations

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
