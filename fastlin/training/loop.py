"""The loop: epochs of minibatches, cut into segments short enough that divergence and the end of time are seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from fastlin import functional
from fastlin._results import EpochReport
from fastlin.training.callbacks import TrainingView, asks_to_stop
from fastlin.training.checkpoint import Checkpoint, Saver, fingerprint_of, fingerprint_of_rows, restore_rng, rng_state
from fastlin.training.divergence import EPOCH_LIMIT, SEGMENT_LIMIT, DivergenceError, check_divergence
from fastlin.training.history import EpochRecord, History
from fastlin.training.parameters import Parameters
from fastlin.training.schedules import as_schedule
from fastlin.training.standardize import Standardization
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


class Settings(NamedTuple):
    """What does not change during a fit. The penalty is l2 * sum(W**2) + l1 * sum(|W|), as in the functional layer.

    Attributes
    ----------
    loss : {"softmax", "hinge", "squared_hinge"}
    optimizer : {"sgd", "adam"}
        Adam takes `beta1`, `beta2` and `epsilon`; `momentum` and `nesterov` are not looked at.
    fit_intercept : bool
        Without, the biases stay 0 on raw rows.
    average_from : int or None
        The first step, from 0, whose weights enter the mean that the fit results in.
    average_tail : bool
        The fit results in the mean over the steps of the second half of the last epoch; `average_from` says nothing.
    halve_rate : bool
        A fit that diverges begins again with half the rates, up to eight times: for a rate that nobody has given.
    """

    loss: str
    margin: float
    l2: float
    l1: float
    batch_size: int
    momentum: float
    nesterov: bool
    shuffle: bool
    n_threads: int | None
    optimizer: str = "sgd"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    fit_intercept: bool = True
    average_from: int | None = None
    average_tail: bool = False
    halve_rate: bool = False

    def zero_weight_loss(self, n_classes: int) -> float:
        """Loss of all-zero weights: log C for softmax, (C - 1) * margin**power for the hinges."""
        if self.loss == "softmax":
            return math.log(n_classes)
        return (n_classes - 1) * self.margin**self.power

    @property
    def power(self) -> Literal[1, 2]:
        """Power of the hinge."""
        return 2 if self.loss == "squared_hinge" else 1

    @property
    def loss_options(self) -> dict[str, Any]:
        """The loss as the functional layer is told of it."""
        loss = "softmax" if self.loss == "softmax" else "hinge"
        return {"loss": loss, "power": self.power, "margin": self.margin, "n_threads": self.n_threads}

    def penalty(self, W: np.ndarray) -> float:
        """The penalty's value at `W`."""
        W = W.astype(np.float64)
        return self.l2 * float((W * W).sum()) + self.l1 * float(np.abs(W).sum())


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
        Classes 0..C-1.
    rates : callable
        ``rates(first, n_steps)`` gives the learning rates of the steps from `first` on; the first of this call is 0.
        A `Schedule`, or any function.
    rng : numpy.random.Generator
        Shuffles the rows before each epoch, if the settings say so.
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
        self.scaling = {"shift": None, "scale": None}
        if standardization is not None:
            self.scaling = {"shift": standardization.shift, "scale": standardization.scale}
            if not settings.fit_intercept:
                self.scaling["shift"] = None
        # A row of weight zero is as if not there: it takes no place in a batch either.
        self.kept = np.arange(len(rows)) if sample_weight is None else np.flatnonzero(sample_weight > 0)
        self.batch_size = min(settings.batch_size, len(self.kept))
        self.steps_per_epoch = -(-len(self.kept) // self.batch_size)
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
        return position.epoch * len(self.kept) + min(position.batch * self.batch_size, len(self.kept))

    # An epoch

    def _epoch(self) -> bool:
        """Go on to the end of the epoch; False when time is up before."""
        position = self.position
        began = time.perf_counter() - position.epoch_seconds
        self.rng_before = self._rng_to_save()
        order = self.rng.permutation(self.kept) if self.settings.shuffle else self.kept
        first_step = position.epoch * self.steps_per_epoch
        rates = self.schedule(first_step, self.steps_per_epoch)
        if self.settings.halve_rate:
            rates = rates * 0.5**self.parameters.n_halvings
        for start, stop in self._segments(first_step):
            segment = order[start * self.batch_size : stop * self.batch_size]
            self._segment(segment, rates[start:stop], first_step + start)
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
        penalty = self.settings.penalty(self.parameters.W)
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

    def _segment(self, segment: np.ndarray, rates: np.ndarray, first_step: int) -> None:
        """Train on the rows of `segment`, and count what was done, after Ctrl-C too."""
        parameters, settings, position, report = self.parameters, self.settings, self.position, EpochReport()
        with_bias = settings.fit_intercept
        average = self._average(first_step)
        options: dict[str, Any] = {"average": _of(average, with_bias), "n_averaged": parameters.n_averaged}
        if settings.optimizer == "adam":
            if parameters.square is None:
                parameters.square = np.zeros_like(parameters.W), np.zeros_like(parameters.b)
            moments = _of(parameters.velocity, with_bias), _of(parameters.square, with_bias)
            options |= {"moments": moments, "n_steps": parameters.n_adapted}
            options |= {"beta1": settings.beta1, "beta2": settings.beta2, "epsilon": settings.epsilon}
            epoch: Callable[..., Any] = functional.adam_epoch
        else:
            options |= {"momentum": settings.momentum, "nesterov": settings.nesterov}
            options["velocity"] = _of(parameters.velocity, with_bias) if settings.momentum else None
            epoch = functional.sgd_epoch
        try:
            loss, accuracy = epoch(
                self.rows, self.y, parameters.W, parameters.b if with_bias else None, order=segment,
                batch_size=self.batch_size, lr=rates, l2=settings.l2, l1=settings.l1,
                sample_weight=self.sample_weight, report=report, **settings.loss_options, **self.scaling, **options,
            )  # fmt: skip
        finally:
            parameters.n_steps += report.n_steps
            parameters.n_averaged += 0 if average is None else report.n_steps
            parameters.n_adapted += report.n_steps if settings.optimizer == "adam" else 0
        self._check_divergence(loss, len(segment), SEGMENT_LIMIT, rates[0])
        weight = len(segment) if self.sample_weight is None else float(self.sample_weight[segment].sum())
        position.loss_sum += loss * weight
        position.weight_sum += weight
        position.n_correct += accuracy * len(segment)
        position.gradient_norm, position.update_ratio = report.gradient_norm, report.update_ratio

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
            parameters.average, parameters.n_averaged = (parameters.W.copy(), parameters.b.copy()), 0
        return parameters.average

    def _check_divergence(self, loss: float, n_rows: int, limit: float, rate: float) -> None:
        halvings = self.parameters.n_halvings if self.settings.halve_rate else None
        check_divergence(
            loss, n_rows, self.parameters.W, limit=limit, zero_loss=self.zero_loss, rate=rate, halvings=halvings,
            standardized=self.standardization is not None,
        )  # fmt: skip

    # Between epochs

    def _validate(self) -> tuple[float, float]:
        """Objective and accuracy of the held-out rows at the weights that the fit would end with."""
        if self.validation is None:
            return math.nan, math.nan
        W, b = self.parameters.result
        loss, accuracy = self.validation.evaluate(
            W, b if self.settings.fit_intercept else None, **self.settings.loss_options, **self.scaling
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


def _of(pair: _Pair | None, with_bias: bool) -> tuple[np.ndarray, np.ndarray | None] | None:
    """The pair as the functional layer takes it: None for what there is none of."""
    return pair if pair is None or with_bias else (pair[0], None)
