"""The loop: epochs of minibatches, cut into segments short enough that divergence and the end of time are seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from fastlin.training.callbacks import TrainingView, asks_to_stop
from fastlin.training.checkpoint import Checkpoint, Saver, fingerprint_of, fingerprint_of_rows, restore_rng, rng_state
from fastlin.training.divergence import EPOCH_LIMIT, SEGMENT_LIMIT, DivergenceError, check_divergence
from fastlin.training.history import EpochRecord, History
from fastlin.training.parameters import Parameters
from fastlin.training.schedules import as_schedule
from fastlin.training.settings import Settings
from fastlin.training.standardize import Standardization
from fastlin.training.steps import Steps
from fastlin.training.stopping import Stopping, Validation, Watch

# Work of one call into the core, in flops. A busy core without wide vectors does 5e9 a second and more: 0.1 s. It is an
# amount of work, not a time: where an epoch is cut must not depend on the machine.
_SEGMENT_WORK = 5e8
# What a row and a batch take beside 4 C D flops a row, in the same unit. Measured with two features: 0.2 to 0.4
# microseconds a row; 1 a batch on one thread, and up to 10 where a team of threads meets for each: between the two.
_ROW_WORK = 2e3
_BATCH_WORK = 2e4

# How often a rate that came from the data is halved at most: of made rows with outliers, and labels wrong on those,
# three times were enough; sixteenfold of uneven rows is four more, and one to spare.
_MOST_HALVINGS = 8

_Pair = tuple[np.ndarray, np.ndarray]


class Reporter(Protocol):
    """Who is told of the progress."""

    def rows_done(self, n_rows: int) -> None:
        """So many more rows were trained on; less than none where a fit begins again."""

    def epoch_done(self, record: EpochRecord) -> None:
        """An epoch was finished."""


@dataclass
class Position:
    """Where a fit is: whole epochs, batches of the next one and what they brought, wall time; and how it ended."""

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    n_correct: float = 0.0
    gradient_norm: float = math.nan
    update_ratio: float = math.nan
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    reason: str | None = None

    def begin(self, epoch: int) -> None:
        """So many epochs are whole, and nothing of the next one is done."""
        vars(self).update(vars(Position(epoch, seconds=self.seconds)))


def train(
    rows: np.ndarray,
    y: np.ndarray,
    parameters: Parameters,
    settings: Settings,
    *,
    rates: Callable[[int, int], np.ndarray],
    n_epochs: int,
    rng: np.random.Generator,
    history: History,
    standardization: Standardization | None = None,
    sample_weight: np.ndarray | None = None,
    reporter: Reporter | None = None,
    validation: Validation | None = None,
    stopping: Stopping | None = None,
    checkpoint: Checkpoint | None = None,
    callbacks: Sequence[Callable[[TrainingView], Any]] = (),
) -> tuple[str, Watch]:
    """Train `parameters` in place for at most `n_epochs` more epochs, appending to `history`.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Raw rows, read where they lie.
    y : ndarray of shape (N,), int64
        Classes 0..C-1; checked once, as are `sample_weight` and the settings: they must stay as they are.
    rates : callable
        ``rates(first, n_steps)`` gives the learning rates of the steps from `first` on; the first of this call is 0.
        A `Schedule`, or any function.
    rng : numpy.random.Generator
        Shuffles the rows before each epoch of several batches, if the settings say so.
    validation : Validation, optional
        Rows to look at after each epoch.
    stopping : Stopping, optional
        When to end before the last epoch.
    checkpoint : Checkpoint, optional
        Where to save the fit, and to resume it from.
    callbacks : sequence of callables
        See `TrainingView`.

    Returns
    -------
    reason : str
        Why it ended: "max_iter", "tol" (no progress of the training loss), "early_stopping" (none of the held-out
        rows'), "max_time" or "callback".
    watch : Watch
        The best epoch.

    Raises
    ------
    DivergenceError
        When the loss is not finite or far above that of zero weights, with `settings.halve_rate` with the rates halved
        as often as may be; `parameters` are then of no use.
    CheckpointError
        When there is a checkpoint of something else.
    KeyboardInterrupt
        Soon after Ctrl-C; `parameters` are those of the last finished step. So with all that callbacks raise.
    """
    run = _Run(
        rows, y, parameters, settings, rates, n_epochs, rng, history, standardization, sample_weight, reporter,
        validation, stopping or Stopping(), checkpoint, callbacks,
    )  # fmt: skip
    return run.to_the_end(), run.watch


class _Run:
    """One call of `train`, and what it goes by."""

    def __init__(
        self, rows, y, parameters, settings, rates, n_epochs, rng, history, standardization, sample_weight, reporter,
        validation, stopping, checkpoint, callbacks,
    ):  # fmt: skip
        n_classes, n_features = parameters.W.shape
        self.rows, self.y, self.sample_weight = rows, y, sample_weight
        self.parameters, self.settings, self.schedule = parameters, settings, as_schedule(rates)
        self.n_epochs, self.rng, self.history, self.reporter = n_epochs, rng, history, reporter
        self.standardization, self.validation, self.callbacks = standardization, validation, callbacks
        self.steps = Steps(rows, y, sample_weight, parameters, settings, standardization)
        self.n_kept = len(self.steps.kept)
        self.batch_size = min(settings.batch_size, self.n_kept)
        self.steps_per_epoch = -(-self.n_kept // self.batch_size)
        batch_work = self.batch_size * (4.0 * n_classes * n_features + _ROW_WORK) + _BATCH_WORK
        self.batches_per_segment = max(1, int(_SEGMENT_WORK / batch_work))
        self._half = self.steps_per_epoch // 2
        self.zero_loss = settings.zero_weight_loss(n_classes)
        self.position, self.watch = Position(), Watch(stopping)
        # What to begin again from.
        self.start = (parameters.copy(), history.copy(), self.schedule.state()) if settings.halve_rate else None
        self.saver = None if checkpoint is None else Saver(checkpoint, self._fingerprint())
        self.rng_before = self._rng_to_save()
        self._resume()
        self.began = time.perf_counter() - self.position.seconds

    def to_the_end(self) -> str:
        position, was_over = self.position, self.position.reason is not None
        while position.reason is None and position.epoch < self.n_epochs:
            try:
                in_time = self._epoch()
            except DivergenceError:
                if self.start is None or self.parameters.n_halvings == _MOST_HALVINGS:
                    raise
                self._begin_again(*self.start)
                continue
            if not in_time:
                position.reason = "max_time"
            else:
                position.reason = self._after_epoch()
                if position.reason is None and self.saver is not None and self.saver.due(position.epoch):
                    self._save()
        position.reason = position.reason or "max_iter"
        if self.watch.weights is not None:
            self._restore_best(*self.watch.weights)
        if self.saver is not None and not was_over:
            self._save()
        return position.reason

    def _begin_again(self, start: Parameters, history: History, schedule: dict[str, int]) -> None:
        """Halve the rates, and go back to where the fit began, at rest; time and the random numbers go on."""
        n_halvings = self.parameters.n_halvings + 1
        if self.reporter is not None:
            self.reporter.rows_done(-self._rows_done())
        self.parameters.take(start.copy())
        self.parameters.n_halvings = n_halvings
        # An earlier run at the same rate may have brought a velocity that no smaller rate makes up for.
        self.parameters.rest()
        self.history.replace(history)
        self.schedule.restore(schedule)
        self.watch = Watch(self.watch.stopping)
        self.position.begin(0)

    def _rows_done(self) -> int:
        position = self.position
        return position.epoch * self.n_kept + min(position.batch * self.batch_size, self.n_kept)

    # An epoch

    def _epoch(self) -> bool:
        """Go on to the end of the epoch; False when time is up before."""
        position = self.position
        began = time.perf_counter() - position.epoch_seconds
        self.rng_before = self._rng_to_save()
        order = self.steps.kept
        if self.settings.shuffle and self.steps_per_epoch > 1:  # a single batch sums the same rows in any order
            order = self.rng.permutation(order)
        first_step = position.epoch * self.steps_per_epoch
        rates = np.asarray(self.schedule(first_step, self.steps_per_epoch)[: self.steps_per_epoch])
        if self.settings.halve_rate and self.parameters.n_halvings:
            rates = rates * 0.5**self.parameters.n_halvings
        rates = self.steps.as_rates(rates, self.steps_per_epoch)
        penalty = math.nan
        for start, stop in self._segments(first_step):
            segment = order[start * self.batch_size : stop * self.batch_size]
            penalty = self._segment(segment, rates[start:stop], first_step + start)
            position.batch = stop
            if self.reporter is not None:
                self.reporter.rows_done(len(segment))
            if stop < self.steps_per_epoch:
                position.epoch_seconds = time.perf_counter() - began
                if self._time_is_up():
                    return False
                if self.saver is not None and self.saver.due():
                    self._save()
        loss = position.loss_sum / position.weight_sum
        self._check_divergence(loss, len(order), EPOCH_LIMIT, rates[0])
        validation = self._validate()
        seconds = time.perf_counter() - began
        record = EpochRecord(
            self.history.n_epochs + 1, loss, penalty, position.n_correct / len(order), *validation, float(rates[0]),
            position.gradient_norm, position.update_ratio, seconds, len(order) / max(seconds, 1e-9),
        )  # fmt: skip
        self.history.append(record)
        position.begin(position.epoch + 1)
        self.rng_before = self._rng_to_save()
        if self.reporter is not None:
            self.reporter.epoch_done(record)
        return True

    def _segments(self, first_step: int) -> Iterator[tuple[int, int]]:
        """Batches of one call into the core each, from where the epoch is; averaging begins between two calls."""
        start = self.position.batch
        turn = self._half if self.settings.average_tail else (self.settings.average_from or 0) - first_step
        while start < self.steps_per_epoch:
            stop = min(start + self.batches_per_segment, self.steps_per_epoch)
            if start < turn < stop:
                stop = turn
            yield start, stop
            start = stop

    def _segment(self, segment: np.ndarray, rates: np.ndarray, first_step: int) -> float:
        """Train on the rows of `segment`; the penalty of the weights after it."""
        position, average = self.position, self._average(first_step)
        (loss, accuracy), report = self.steps.take(segment, self.batch_size, rates, average)
        # What the sums of squares leave open: they are beyond all numbers before the weights are.
        finite = report.is_finite or bool(np.isfinite(self.parameters.W).all())
        self._check_divergence(loss, len(segment), SEGMENT_LIMIT, rates[0], finite)
        weight = len(segment) if self.sample_weight is None else float(self.sample_weight[segment].sum())
        position.loss_sum += loss * weight
        position.weight_sum += weight
        position.n_correct += accuracy * len(segment)
        position.gradient_norm, position.update_ratio = report.gradient_norm, report.update_ratio
        return report.penalty

    def _average(self, first_step: int) -> _Pair | None:
        """The mean that the steps from `first_step` on enter, if any: begun here where it begins."""
        parameters, settings = self.parameters, self.settings
        if settings.average_tail:
            if self.position.batch < self._half:  # until then the mean is that of the epoch before
                return None
            begins = self.position.batch == self._half
        else:
            begins = settings.average_from is not None and first_step >= settings.average_from
            begins = begins and parameters.average is None
        if begins:
            if parameters.average is None:
                parameters.average = np.empty_like(parameters.W), np.empty_like(parameters.b)
            parameters.average[0][...], parameters.average[1][...] = parameters.W, parameters.b
            parameters.n_averaged = 0
        return parameters.average

    def _check_divergence(self, loss: float, n_rows: int, limit: float, rate: float, finite: bool = True) -> None:
        halvings = self.parameters.n_halvings if self.settings.halve_rate else None
        check_divergence(
            loss, n_rows, finite, limit=limit, zero_loss=self.zero_loss, rate=rate, halvings=halvings,
            standardized=self.standardization is not None,
        )  # fmt: skip

    # Between epochs

    def _validate(self) -> tuple[float, float]:
        """Objective and accuracy of the held-out rows at the weights that the fit would end with."""
        if self.validation is None:
            return math.nan, math.nan
        W, b = self.parameters.result
        loss, accuracy = self.validation.evaluate(
            W, b if self.settings.fit_intercept else None, **self.settings.loss_options, **self.steps.scaling
        )
        return loss + self.settings.penalty(W), accuracy

    def _after_epoch(self) -> str | None:
        """Why the fit ends here, if it does."""
        if self.watch.sees(self.history.last, self.parameters.result) and not self.schedule.plateau():
            return "tol" if self.watch.stopping.monitor == "loss" else "early_stopping"
        view = TrainingView(
            self.position.epoch, self.n_epochs, self.parameters.n_steps, time.perf_counter() - self.began,
            self.history, self._raw_weights,
        )  # fmt: skip
        if asks_to_stop(view, self.callbacks):
            return "callback"
        return "max_time" if self.position.epoch < self.n_epochs and self._time_is_up() else None

    def _time_is_up(self) -> bool:
        most = self.watch.stopping.max_time
        return most is not None and time.perf_counter() - self.began >= most

    def _raw_weights(self) -> _Pair:
        W, b = self.parameters.result
        return self.standardization.fold(W, b) if self.standardization is not None else (W.copy(), b.copy())

    def _restore_best(self, W: np.ndarray, b: np.ndarray) -> None:
        self.parameters.W[...], self.parameters.b[...] = W, b
        for part in self.parameters.velocity:
            part[...] = 0
        self.parameters.average, self.parameters.n_averaged = None, 0

    # On disk

    def _rng_to_save(self) -> dict[str, Any] | None:
        return None if self.saver is None else rng_state(self.rng)

    def _fingerprint(self) -> dict[str, Any]:
        """What the fit was started with."""
        settings = self.settings._asdict()
        del settings["n_threads"]
        held_out = None
        if self.validation is not None:
            of_rows = fingerprint_of_rows(self.validation.rows)
            others = self.validation.y, self.validation.sample_weight, self.validation.index
            held_out = f"{of_rows} {fingerprint_of(*others)}"
        return {
            **settings,
            "learning_rate": repr(self.schedule),
            "max_iter": self.n_epochs,
            "stopping": repr(self.watch.stopping),
            "X": fingerprint_of_rows(self.rows),
            "y": fingerprint_of(self.y),
            "sample_weight": fingerprint_of(self.sample_weight),
            "validation": held_out,
            "standardize": self.standardization is not None,
            "start": fingerprint_of(*self.parameters.arrays().values()),
        }

    def _save(self) -> None:
        self.position.seconds = time.perf_counter() - self.began
        parameters, watch = self.parameters, self.watch
        header = {
            "position": asdict(self.position),
            "counts": [parameters.n_steps, parameters.n_averaged, parameters.n_adapted, parameters.n_halvings],
            "watch": [watch.best, watch.best_epoch, watch.n_stale],
            "schedule": self.schedule.state(),
            # Within an epoch, the state from which its order comes.
            "rng": self.rng_before,
        }
        arrays = parameters.arrays() | {f"history/{name}": column for name, column in self.history.items()}
        if watch.weights is not None:
            arrays |= {"best/W": watch.weights[0], "best/b": watch.weights[1]}
        self.saver.save(header, arrays)

    def _resume(self) -> None:
        if self.saver is not None and self.saver.load(self._restore) and self.reporter is not None:
            self.reporter.rows_done(self._rows_done())

    def _restore(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        parameters, watch = self.parameters, self.watch

        def pair(name: str) -> Any:
            return tuple(Saver.array_like(getattr(parameters, part), arrays[f"{name}/{part}"]) for part in "Wb")

        (parameters.W[...], parameters.b[...]), parameters.velocity = pair("weights"), pair("velocity")
        parameters.square, parameters.average, watch.weights = (
            pair(name) if f"{name}/W" in arrays else None for name in ("square", "average", "best")
        )
        counts = (Saver.plain_like(0, count, "a count") for count in header["counts"])
        parameters.n_steps, parameters.n_averaged, parameters.n_adapted, parameters.n_halvings = counts
        if parameters.n_halvings > _MOST_HALVINGS:
            raise ValueError(f"its rates were halved {parameters.n_halvings} times; wanted is {_MOST_HALVINGS} at most")
        value, epoch, n_stale = header["watch"]
        watch.best, watch.n_stale = Saver.plain_like(0.0, value, "best"), Saver.plain_like(0, n_stale, "n_stale")
        watch.best_epoch = None if epoch is None else Saver.plain_like(0, epoch, "best_epoch")
        self.schedule.restore(header["schedule"])
        self.history.replace(History.from_columns({name: arrays[f"history/{name}"] for name in self.history}))
        at = header["position"]
        new = vars(Position())
        self.position = Position(**{name: Saver.plain_like(new[name], at[name], name) for name in new})
        if self.position.epoch > self.n_epochs or self.position.batch >= self.steps_per_epoch:
            raise ValueError(f"it is at epoch {at['epoch']}, batch {at['batch']}, which there is not")
        restore_rng(self.rng, header["rng"])
        self.rng_before = header["rng"]
