"""What a callback sees of a running fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from fastlin.training.history import EpochRecord, History


class TrainingView:
    """A running fit after one of its epochs, to be looked at and not changed.

    A callback is called with it once an epoch: ``callback(view)``; True from it ends the fit. What it raises comes out
    of the fit, which keeps the weights it has.

    Attributes
    ----------
    epoch, n_epochs : int
        Epochs finished by this fit, from 1, and how many there will be at most. A full-batch step is an epoch here. A
        fit that begins again, as it diverged at the rate of eta0="auto", counts from 1 again; so with `n_steps` and
        `history`.
    n_steps : int
        Steps taken by this fit.
    rate : float
        Learning rate of the epoch's first step; NaN of a full-batch step.
    seconds : float
        Wall time since the fit began.
    record : EpochRecord
        What the epoch brought.
    history : History
        The records of all epochs so far, those of earlier fits included; a copy.
    """

    def __init__(
        self, epoch: int, n_epochs: int, n_steps: int, seconds: float, history: History,
        weights: Callable[[], tuple[np.ndarray, np.ndarray]],
    ) -> None:  # fmt: skip
        self.epoch = epoch
        self.n_epochs = n_epochs
        self.n_steps = n_steps
        self.seconds = seconds
        self.record: EpochRecord = history.last
        self.rate = self.record.rate
        self._history = history
        self._weights = weights

    @cached_property
    def history(self) -> History:
        """The records of all epochs so far."""
        return self._history.copy()

    @property
    def coef(self) -> np.ndarray:
        """Weights on raw rows, (C, D), read-only: the mean of the iterates where the fit averages."""
        return self._folded[0]

    @property
    def intercept(self) -> np.ndarray:
        """Biases on raw rows, (C,), read-only."""
        return self._folded[1]

    @cached_property
    def _folded(self) -> tuple[np.ndarray, np.ndarray]:
        # Computed at the first look, which is to come during the call: the fit goes on changing its weights afterwards.
        coef, intercept = self._weights()
        coef.flags.writeable = intercept.flags.writeable = False
        return coef, intercept


def asks_to_stop(view: TrainingView, callbacks: Sequence[Callable[[TrainingView], Any]]) -> bool:
    """Tell all callbacks, whatever the first says; whether one answers True, of no other kind of truth."""
    answers = [callback(view) for callback in callbacks]
    return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)
