"""When a fit ends before its last epoch: no progress, out of time; and the rows whose loss may tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastlin import _arrays, functional
from fastlin.training.history import EpochRecord

MONITORS = ("loss", "validation_loss", "validation_accuracy")

# Work of one call into the core while held-out rows are looked at, in flops: what a busy core without wide vectors does
# in a tenth of a second, so that Ctrl-C is seen in between.
_EVALUATION_WORK = 5e8


@dataclass(frozen=True)
class Stopping:
    """What is watched after each epoch, and when it is enough.

    Attributes
    ----------
    tol : float or None
        An epoch makes progress where what is monitored is better than its best so far by more than this. None: the fit
        never ends for want of progress.
    n_iter_no_change : int
        So many epochs without progress in a row are enough: a plateau. A schedule that knows a way on ("adaptive")
        takes it, else the fit ends.
    monitor : {"loss", "validation_loss", "validation_accuracy"}
        The multiclass objective over the epoch's batches, or that of the held-out rows, each with the penalty; or the
        share of held-out rows classified rightly.
    restore_best : bool
        End with the weights of the best epoch, not of the last.
    max_time : float or None
        Seconds; looked at several times an epoch.
    """

    tol: float | None = None
    n_iter_no_change: int = 5
    monitor: str = "loss"
    restore_best: bool = False
    max_time: float | None = None

    def __post_init__(self) -> None:
        if self.tol is not None:
            _arrays.as_nonnegative(self.tol, "tol")
        _arrays.as_count(self.n_iter_no_change, "n_iter_no_change")
        _arrays.as_choice(self.monitor, "monitor", MONITORS)
        if self.max_time is not None:
            _arrays.as_positive(self.max_time, "max_time")
        if self.restore_best and self.monitor == "loss":
            raise ValueError("restore_best is True while monitor is 'loss'; wanted is a monitor of held-out rows")


@dataclass
class Watch:
    """How a fit does by a `Stopping`.

    Attributes
    ----------
    best : float
        Best value of what is monitored, turned so that lower is better.
    best_epoch : int or None
        When that was.
    n_stale : int
        Epochs without progress since.
    weights : pair of ndarray or None
        W and b of the best epoch, where they are to be restored.
    """

    stopping: Stopping
    best: float = np.inf
    best_epoch: int | None = None
    n_stale: int = 0
    weights: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    def sees(self, record: EpochRecord, weights: tuple[np.ndarray, np.ndarray]) -> bool:
        """Take an epoch in; whether it ends a plateau's patience."""
        value = getattr(record, self.stopping.monitor)
        if self.stopping.monitor == "validation_accuracy":
            value = -value
        tol = self.stopping.tol or 0.0
        self.n_stale = 0 if value < self.best - tol else self.n_stale + 1
        if value < self.best:
            self.best, self.best_epoch = value, record.epoch
            if self.stopping.restore_best:
                self.weights = weights[0].copy(), weights[1].copy()
        if self.stopping.tol is None or self.n_stale < self.stopping.n_iter_no_change:
            return False
        self.n_stale = 0
        return True


@dataclass(frozen=True)
class Validation:
    """Rows that are not trained on but looked at after each epoch.

    Attributes
    ----------
    rows : ndarray of shape (N, D)
        Raw rows, read where they lie.
    y : ndarray of shape (N,), int64
        Classes 0..C-1.
    sample_weight : ndarray of shape (N,) or None
    index : ndarray of int64 or None
        Which rows these are; None: all.
    """

    rows: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    index: np.ndarray | None = None

    def evaluate(self, W: np.ndarray, b: np.ndarray | None, **options: Any) -> tuple[float, float]:
        """Data loss, weighted where there are weights, and accuracy; `options` are those of `functional.evaluate`."""
        index = np.arange(len(self.rows)) if self.index is None else self.index
        if self.sample_weight is not None:
            index = index[self.sample_weight[index] > 0]
        if len(index) == 0:
            return float("nan"), float("nan")
        height = max(1, int(_EVALUATION_WORK / (2.0 * W.size + 2e3)))
        loss_sum = weight_sum = correct = 0.0
        for start in range(0, len(index), height):
            part = index[start : start + height]
            loss, accuracy = functional.evaluate(
                self.rows, self.y, W, b, rows=part, sample_weight=self.sample_weight, **options
            )
            weight = float(len(part)) if self.sample_weight is None else float(self.sample_weight[part].sum())
            loss_sum += weight * loss
            weight_sum += weight
            correct += accuracy * len(part)
        return loss_sum / weight_sum, correct / len(index)


def hold_out(
    y: np.ndarray, sample_weight: np.ndarray | None, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Choose rows to hold out, the same share of each class.

    Parameters
    ----------
    y : ndarray of shape (N,), int64
        Classes.
    sample_weight : ndarray of shape (N,) or None
        Rows of weight zero are as if not there.
    fraction : float
        Above 0 and below 1; at least one row is held out, and of each class at least one stays.
    rng : numpy.random.Generator

    Returns
    -------
    weight : ndarray of shape (N,), float64
        `sample_weight`, or ones, but 0 for the rows held out: what to train with.
    index : ndarray of int64
        The rows held out, in their order.

    Raises
    ------
    ValueError
        Naming validation_fraction, when that share is no share, or no row of some class could stay.

    Examples
    --------
    >>> y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> weight, index = hold_out(y, None, 0.25, np.random.default_rng(0))
    >>> y[index], weight.sum()
    (array([0, 1]), np.float64(6.0))
    """
    fraction = _arrays.as_positive(fraction, "validation_fraction")
    if fraction >= 1.0:
        raise ValueError(f"validation_fraction is {fraction!r}; wanted is a number above 0 and below 1")
    weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
    shuffled = rng.permutation(np.flatnonzero(weight > 0))
    # Shares of the classes by the largest remainders, so that they sum to the share of the whole.
    counts = np.unique(y[shuffled], return_counts=True)[1]
    wanted = np.minimum(np.floor(counts * fraction).astype(int), counts - 1)
    missing = max(1, round(fraction * len(shuffled))) - int(wanted.sum())
    by_remainder = np.argsort(-(counts * fraction - wanted), kind="stable")
    for k in [k for k in by_remainder if wanted[k] < counts[k] - 1][: max(missing, 0)]:
        wanted[k] += 1
    if wanted.sum() == 0:
        raise ValueError(
            f"validation_fraction is {fraction!r}, but no class has a second row to hold out; wanted is more rows, or "
            "none held out"
        )
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    rank = np.arange(len(by_class)) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.sort(by_class[rank < np.repeat(wanted, counts)])
    weight[index] = 0.0
    return weight, index
