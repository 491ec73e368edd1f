"""The loop: epochs of minibatches, cut into segments short enough that Ctrl-C and divergence are seen in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from fastlin import functional
from fastlin.training.history import EpochRecord, History
from fastlin.training.standardize import Standardization

# Work of one call into the core, in flops. A busy core without wide vectors does 5e9 a second and more: 0.1 s. It is an
# amount of work, not a time: where an epoch is cut must not depend on the machine.
_SEGMENT_WORK = 5e8
# What a row and a batch take beside 4 C D flops a row, in the same unit. Measured with two features: 0.2 to 0.4
# microseconds a row; 1 a batch on one thread, and up to 10 where a team of threads meets for each: between the two.
_ROW_WORK = 2e3
_BATCH_WORK = 2e4

# A fit has diverged when it is this many times worse than weights of zero, which know nothing: over a whole epoch, and
# within one segment, where a few odd rows may do it.
_DIVERGED_EPOCH = 10.0
_DIVERGED_SEGMENT = 100.0


class DivergenceError(ArithmeticError):
    """The loss of a fit went to infinity or far above where it began."""


@dataclass
class Parameters:
    """What the loop changes in place: weights (C, D), biases (C,), the velocity of both, and the count of steps."""

    W: np.ndarray
    b: np.ndarray
    velocity: tuple[np.ndarray, np.ndarray]
    n_steps: int = 0

    @classmethod
    def zeros(cls, n_classes: int, n_features: int, dtype: np.dtype) -> Parameters:
        """Weights that know nothing, at rest."""
        W, b = np.zeros((n_classes, n_features), dtype), np.zeros(n_classes, dtype)
        return cls(W, b, (np.zeros_like(W), np.zeros_like(b)))


class Settings(NamedTuple):
    """What does not change during a fit. The penalty is l2 * sum(W**2) + l1 * sum(|W|), as in the functional layer."""

    loss: str
    margin: float
    l2: float
    l1: float
    batch_size: int
    momentum: float
    nesterov: bool
    shuffle: bool
    n_threads: int | None

    def zero_weight_loss(self, n_classes: int) -> float:
        """Loss of all-zero weights: log C for softmax, (C - 1) * margin**power for the hinges."""
        if self.loss == "softmax":
            return math.log(n_classes)
        return (n_classes - 1) * self.margin**self.power

    @property
    def power(self) -> Literal[1, 2]:
        """Power of the hinge."""
        return 2 if self.loss == "squared_hinge" else 1

    def penalty(self, W: np.ndarray) -> float:
        """The penalty's value at `W`."""
        W = W.astype(np.float64)
        return self.l2 * float((W * W).sum()) + self.l1 * float(np.abs(W).sum())


class Reporter(Protocol):
    """Who is told of the progress."""

    def rows_done(self, n_rows: int) -> None:
        """So many more rows were trained on."""

    def epoch_done(self, record: EpochRecord) -> None:
        """An epoch was finished."""


def train(
    rows: np.ndarray,
    y: np.ndarray,
    parameters: Parameters,
    settings: Settings,
    *,
    rates: Callable[[int, int], np.ndarray],
    n_epochs: int,
    rng: np.random.Generator,
    standardization: Standardization | None = None,
    sample_weight: np.ndarray | None = None,
    history: History,
    reporter: Reporter | None = None,
) -> None:
    """Train `parameters` in place for `n_epochs` more epochs, appending to `history`.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Raw rows, read where they lie.
    y : ndarray of shape (N,), int64
        Classes 0..C-1.
    rates : callable
        ``rates(first, n_steps)`` gives the learning rates of the steps from `first` on; the first of this call is 0.
    rng : numpy.random.Generator
        Shuffles the rows before each epoch, if the settings say so.

    Raises
    ------
    DivergenceError
        When the loss is not finite or far above that of zero weights; `parameters` are then of no use.
    KeyboardInterrupt
        At most one segment after Ctrl-C; `parameters` are those of the last finished step.
    """
    n_classes, n_features = parameters.W.shape
    # A row of weight zero is as if not there: it takes no place in a batch either.
    kept = np.arange(len(rows)) if sample_weight is None else np.flatnonzero(sample_weight > 0)
    batch_size = min(settings.batch_size, len(kept))
    steps_per_epoch = -(-len(kept) // batch_size)
    batch_work = batch_size * (4.0 * n_classes * n_features + _ROW_WORK) + _BATCH_WORK
    batches_per_segment = max(1, int(_SEGMENT_WORK / batch_work))
    rows_per_segment = batches_per_segment * batch_size
    zero_loss = settings.zero_weight_loss(n_classes)
    shift, scale = standardization or (None, None)

    for epoch in range(n_epochs):
        began = time.perf_counter()
        order = rng.permutation(kept) if settings.shuffle else kept
        epoch_rates = rates(epoch * steps_per_epoch, steps_per_epoch)
        loss_sum = weight_sum = correct = 0.0
        for start in range(0, len(order), rows_per_segment):
            segment = order[start : start + rows_per_segment]
            first = start // batch_size
            segment_rates = epoch_rates[first : first + batches_per_segment]
            n_steps = len(segment_rates)
            before = parameters.W.copy(), parameters.b.copy()
            try:
                loss, accuracy = functional.sgd_epoch(
                    rows, y, parameters.W, parameters.b,
                    loss="softmax" if settings.loss == "softmax" else "hinge", power=settings.power,
                    margin=settings.margin, order=segment, batch_size=batch_size, lr=segment_rates,
                    momentum=settings.momentum, nesterov=settings.nesterov,
                    velocity=parameters.velocity if settings.momentum else None,
                    l2=settings.l2, l1=settings.l1, sample_weight=sample_weight, shift=shift, scale=scale,
                    n_threads=settings.n_threads,
                )  # fmt: skip
            except KeyboardInterrupt:
                # Raised before the core began or once it had ended, never within: all steps were taken, or none.
                if not (np.array_equal(parameters.W, before[0]) and np.array_equal(parameters.b, before[1])):
                    parameters.n_steps += n_steps
                raise
            parameters.n_steps += n_steps
            _check_divergence(loss, _DIVERGED_SEGMENT * zero_loss, zero_loss, segment_rates[0], parameters.W)
            weight = len(segment) if sample_weight is None else float(sample_weight[segment].sum())
            loss_sum += loss * weight
            weight_sum += weight
            correct += accuracy * len(segment)
            if reporter is not None:
                reporter.rows_done(len(segment))
        loss = loss_sum / weight_sum
        _check_divergence(loss, _DIVERGED_EPOCH * zero_loss, zero_loss, epoch_rates[0], parameters.W)
        seconds = time.perf_counter() - began
        record = EpochRecord(
            history.n_epochs + 1, loss, settings.penalty(parameters.W), correct / len(order), float(epoch_rates[0]),
            seconds, len(order) / max(seconds, 1e-9),
        )  # fmt: skip
        history.append(record)
        if reporter is not None:
            reporter.epoch_done(record)


def _check_divergence(loss: float, limit: float, zero_loss: float, rate: float, W: np.ndarray) -> None:
    # The loss is that of before each step: the last step's harm shows in the weights alone.
    if loss <= limit and np.isfinite(W).all():
        return
    raise DivergenceError(
        f"the fit diverged: the loss went to {loss:.4g}, where weights of zero have {zero_loss:.4g}, at the learning "
        f"rate {rate:.3g}; pass a smaller learning_rate, or learning_rate='auto' with standardize=True, which together "
        "follow the scale of the features"
    )
