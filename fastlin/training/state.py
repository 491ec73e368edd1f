"""What a fit is made of besides its labels, and how it goes on: the part an estimator keeps between two calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastlin import _arrays
from fastlin.training.callbacks import TrainingView
from fastlin.training.checkpoint import Checkpoint
from fastlin.training.divergence import DivergenceError
from fastlin.training.history import History
from fastlin.training.loop import Reporter, train
from fastlin.training.parameters import Parameters
from fastlin.training.rates import adam_rate, auto_rate, curvature
from fastlin.training.settings import Settings
from fastlin.training.standardize import FeatureStatistics, Standardization, check_finite, survey
from fastlin.training.stopping import Stopping, Validation, Watch
from fastlin.training.strength import Spread, auto_alpha, class_unevenness, spread

# Times the mean squared length of all rows over that of the ordinary ones from which on they count as uneven: most data
# have 1 to 1.5.
_UNEVEN = 2.0
# Rows that vary in one or two directions differ in length as they are: the mean square of a normal number is 2.1 times
# the ordinary one's, without any tail. They are uneven from twice that on; and of few rows one cannot tell.
_LEAST_RANK = 3.0
_LEAST_ROWS = 64
# A bound on what uneven rows may cost, and on the rate that goes with it: of some sixty fits to made rows with heavy
# tails, outliers or wrong labels none diverged at 16 times the rate; at 32 some do.
_MOST_UNEVEN = 16.0

# How many times a feature's spread may grow between two calls while its weights stay as they are.
_MOST_GROWTH = 2.0

_Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class FitState:
    """Weights on raw rows, a row a class, and what was learned of the data on the way.

    The weights are kept as they apply to raw rows, whatever coordinates they were trained in: so the standardisation
    may change between two calls, as it does when more rows come in, and the scores do not; but for features that turn
    out to spread far wider than they did while their weights were learned.

    Attributes
    ----------
    coef, intercept : ndarray of shape (C, D) and (C,)
        Of the last step: what training goes on from.
    velocity : pair of ndarray, or None at rest
        Of those two, on raw rows likewise.
    moments : pair of pairs of ndarray, or None
        Adam's means of the gradient and of its square, in the coordinates they were made in.
    average : pair of ndarray, or None
        Mean of `coef` and `intercept` after each step, where they are averaged.
    n_averaged, n_adapted : int
        Weights in that mean, and gradients in Adam's.
    fit_intercept : bool
        Whether the biases are trained; else nothing is shifted.
    statistics : FeatureStatistics or None
        Of all rows seen; None where nothing is standardised.
    rows_seen : float
        Their weight; of weights that are mere shares, (sum)^2 / (sum of squares).
    data_curvature, curvature_at : float
        The last estimate, and how many rows had been seen by then.
    spread, class_unevenness, spread_at : Spread or None, float, float
        Likewise, how the rows spread, and of how uneven size their classes are.
    alpha : float
        Strength of the penalty of the last run, as the estimators count it; NaN where there was none.
    n_steps : int
        Steps taken.
    n_halvings : int
        How often a rate from the data was halved, because a run diverged with it; see `Settings.halve_rate`.
    rate : float
        Of the first step of the last run.
    stop_reason : str or None
        Why the last run ended: "max_iter", "tol", "precision", "early_stopping", "max_time", "callback", or
        "interrupted" by an exception that leaves the weights of the last finished step. None: it has not, or they are
        of no use.
    best_epoch : int or None
        Of the last run, by what was monitored.
    certificate : object
        What a full-batch solver knows of how near the optimum the weights are; None of these.
    """

    coef: np.ndarray
    intercept: np.ndarray
    rng: np.random.Generator
    velocity: _Pair | None = None
    moments: tuple[_Pair, _Pair] | None = None
    average: _Pair | None = None
    n_averaged: int = 0
    n_adapted: int = 0
    fit_intercept: bool = True
    statistics: FeatureStatistics | None = None
    rows_seen: float = 0.0
    data_curvature: float = 0.0
    curvature_at: float = 0.0
    spread: Spread | None = None
    class_unevenness: float = 0.0
    spread_at: float = 0.0
    alpha: float = math.nan
    n_steps: int = 0
    n_halvings: int = 0
    rate: float = 0.0
    history: History = field(default_factory=History)
    stop_reason: str | None = None
    best_epoch: int | None = None
    certificate: Any = None

    @classmethod
    def fresh(cls, n_classes: int, n_features: int, dtype: np.dtype, rng: np.random.Generator) -> FitState:
        """Weights of zero, nothing seen."""
        return cls(np.zeros((n_classes, n_features), dtype), np.zeros(n_classes, dtype), rng)

    def with_classes(self, grown: Callable[[np.ndarray], np.ndarray]) -> FitState:
        """A state of more classes: `grown` turns an array of shape (C, ...) into one that has them, as zeros."""

        def both(pair: _Pair) -> _Pair:
            return grown(pair[0]), grown(pair[1])

        return replace(
            self,
            coef=grown(self.coef),
            intercept=grown(self.intercept),
            velocity=self.velocity and both(self.velocity),
            moments=self.moments and (both(self.moments[0]), both(self.moments[1])),
            average=self.average and both(self.average),
        )

    @property
    def weights(self) -> _Pair:
        """(coef, intercept) to predict with: their mean, where they are averaged."""
        return (self.coef, self.intercept) if self.average is None else self.average

    @property
    def standardization(self) -> Standardization | None:
        """Coordinates of the training, from the rows seen so far."""
        return None if self.statistics is None else self.statistics.standardization(self.fit_intercept)

    def observe(
        self,
        rows: np.ndarray,
        sample_weight: np.ndarray | None,
        *,
        standardize: bool,
        n_threads: int | None,
        fit_intercept: bool = True,
    ) -> None:
        """Look at rows before a fit to them: refuse NaN and infinity, take their statistics in."""
        self.fit_intercept = fit_intercept
        if not fit_intercept:  # and there was one before
            self.intercept = np.zeros_like(self.intercept)
            self.velocity = self.velocity and (self.velocity[0], np.zeros_like(self.intercept))
            self.average = self.average and (self.average[0], np.zeros_like(self.intercept))
        self.rows_seen += float(len(rows)) if sample_weight is None else _n_rows(sample_weight)
        if not standardize:
            self.statistics = None
            check_finite(rows, sample_weight)
            return
        seen = survey(rows, sample_weight, n_threads)
        before = self.standardization
        self.statistics = seen if self.statistics is None else self.statistics.merge(seen)
        if before is not None:
            self._restrain(before, self.statistics.standardization(fit_intercept))

    def _restrain(self, before: Standardization, now: Standardization) -> None:
        """Shrink the weights of features whose spread has grown more than twofold since `before`.

        A weight was learned on the range that the feature had. Of few rows that may be next to nothing, and the weight
        large: a value from far outside would have a score beyond all others. The scores at the mean stay.
        """
        known = before.scale > 0  # a feature that was constant has no weight
        growth = np.where(known, _MOST_GROWTH * now.scale, 1.0) / np.where(known, before.scale, 1.0)
        share = np.minimum(growth, 1.0)
        if (share == 1.0).all():
            return

        def shrunk(pair: _Pair) -> _Pair:
            coef = (pair[0] * share).astype(pair[0].dtype)
            lost = pair[0].astype(np.float64) - coef
            return coef, (pair[1] + (lost * before.shift).sum(axis=1)).astype(pair[1].dtype)

        self.coef, self.intercept = shrunk((self.coef, self.intercept))
        self.velocity = self.velocity and shrunk(self.velocity)
        self.average = self.average and shrunk(self.average)

    def auto_rate(
        self, rows: np.ndarray, sample_weight: np.ndarray | None, settings: Settings, *, stream: bool = False
    ) -> float:
        """The rate for these rows; their curvature is looked at anew each time twice as many have been seen.

        Rows that make no whole batch are a step of their own, and may be the longest yet: their curvature is looked at
        each time, and counts where it is larger. `stream`: other rows come in other calls.
        """
        if self.rows_seen >= 2 * self.curvature_at:
            self.data_curvature = curvature(rows, self.standardization, settings.batch_size, sample_weight)
            self.curvature_at = self.rows_seen
        elif len(rows) < settings.batch_size:
            found = curvature(rows, self.standardization, settings.batch_size, sample_weight)
            self.data_curvature = max(self.data_curvature, found)
        if settings.optimizer == "adam":
            return adam_rate(self.data_curvature)
        rate = auto_rate(settings.loss, len(self.coef), settings.margin, settings.l2, self.data_curvature)
        # The squared hinge's gradient grows with the violation, without a bound: it takes no step but the safe one.
        # In a stream a few rows are a bowl of their own, and momentum carries a step on through the next ones'.
        if settings.power == 2:
            return rate * (1 - settings.momentum) if stream and len(rows) < _LEAST_ROWS else rate
        return rate * self.unevenness(rows, sample_weight, settings)

    def auto_alpha(
        self, rows: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, settings: Settings
    ) -> float:
        """The strength of the penalty for these rows; they and their classes are looked at as their curvature is."""
        rows_like = self._spread(rows, sample_weight, settings)
        if self.spread_at == self.rows_seen:
            self.class_unevenness = class_unevenness(y, len(self.coef), sample_weight)
        return auto_alpha(
            settings.loss, len(self.coef), settings.margin, rows_like, self.rows_seen, self.class_unevenness
        )

    def unevenness(self, rows: np.ndarray, sample_weight: np.ndarray | None, settings: Settings) -> float:
        """How much more descent it takes than on rows of about one length: 1, or 2 to 16.

        Rows much longer than the rest make the curvature, and a rate that is safe for them is a small one for the rest.
        They are soon classified surely, and have no curvature then; and until then the gradient of softmax and hinge in
        their scores is bounded. So the rate may be this many times what the curvature has it, and so may the steps.
        """
        found = self._spread(rows, sample_weight, settings)
        least = _UNEVEN if found.rank >= _LEAST_RANK else 2 * _UNEVEN
        uneven = found.unevenness >= least and self.rows_seen >= _LEAST_ROWS
        return min(found.unevenness, _MOST_UNEVEN) if uneven else 1.0

    def _spread(self, rows: np.ndarray, sample_weight: np.ndarray | None, settings: Settings) -> Spread:
        if self.spread is None or self.rows_seen >= 2 * self.spread_at:
            self.spread_at = self.rows_seen
            self.spread = spread(
                rows, self.standardization, centred=self.fit_intercept, sample_weight=sample_weight,
                n_threads=settings.n_threads,
            )  # fmt: skip
        return self.spread

    def run(
        self,
        rows: np.ndarray,
        y: np.ndarray,
        settings: Settings,
        *,
        rates: Callable[[int, int], np.ndarray],
        n_epochs: int,
        sample_weight: np.ndarray | None,
        reporter: Reporter | None,
        validation: Validation | None = None,
        stopping: Stopping | None = None,
        checkpoint: Checkpoint | None = None,
        callbacks: Sequence[Callable[[TrainingView], Any]] = (),
    ) -> None:
        """Go on for at most `n_epochs` epochs over `rows`; the arguments are those of `train`.

        Divergence, and what is refused before the first step, leave the state as it was, with a `stop_reason` of None;
        any other exception, such as Ctrl-C's or a callback's, leaves the steps done.
        """
        standardization = self.standardization
        parameters = self._parameters(rows, standardization)
        history = self.history.copy()
        first_rate = float(rates(0, 1)[0])
        before = parameters.n_steps
        self.stop_reason, self.best_epoch = None, None
        watch = Watch(stopping or Stopping())
        try:
            reason, watch = train(
                rows, y, parameters, settings, rates=rates, n_epochs=n_epochs, rng=self.rng, history=history,
                standardization=standardization, sample_weight=sample_weight, reporter=reporter, validation=validation,
                stopping=stopping, checkpoint=checkpoint, callbacks=callbacks,
            )  # fmt: skip
        except DivergenceError:
            raise
        except BaseException:
            if parameters.n_steps > before and np.isfinite(parameters.W).all():
                self._take(parameters, history, standardization, settings, first_rate)
                self.stop_reason = "interrupted"
            raise
        self._take(parameters, history, standardization, settings, first_rate)
        self.stop_reason, self.best_epoch = reason, watch.best_epoch

    def adopt(self, coef: np.ndarray, intercept: np.ndarray, history: History) -> None:
        """Take weights that another solver found, and its history; at rest, and no mean of anything."""
        self.coef, self.intercept, self.history = coef, intercept, history
        self.velocity = self.moments = self.average = None
        self.n_averaged = self.n_adapted = 0

    def _parameters(self, rows: np.ndarray, standardization: Standardization | None) -> Parameters:
        """What there is, in the coordinates of the training."""
        parameters = Parameters.zeros(len(self.coef), rows.shape[1], _arrays.compute_dtype(rows))
        parameters.n_halvings = self.n_halvings
        _assign((parameters.W, parameters.b), (self.coef, self.intercept), standardization)
        if self.moments is not None:
            dtype = parameters.W.dtype
            parameters.velocity, parameters.square = (
                (pair[0].astype(dtype), pair[1].astype(dtype)) for pair in self.moments
            )
            parameters.n_adapted = self.n_adapted
        elif self.velocity is not None:
            _assign(parameters.velocity, self.velocity, standardization)
        if self.average is not None:
            parameters.average = np.zeros_like(parameters.W), np.zeros_like(parameters.b)
            _assign(parameters.average, self.average, standardization)
            parameters.n_averaged = self.n_averaged
        return parameters

    def _take(
        self, parameters: Parameters, history: History, standardization: Standardization | None, settings: Settings,
        first_rate: float,
    ) -> None:  # fmt: skip
        def raw(pair: _Pair) -> _Pair:
            return standardization.fold(*pair) if standardization else pair

        self.coef, self.intercept = raw((parameters.W, parameters.b))
        self.average = None if parameters.average is None else raw(parameters.average)
        self.n_averaged, self.n_adapted = parameters.n_averaged, parameters.n_adapted
        if settings.optimizer == "adam" and parameters.square is not None:
            self.velocity, self.moments = None, (parameters.velocity, parameters.square)
        else:
            self.velocity, self.moments = raw(parameters.velocity), None
        self.history = history
        self.n_steps += parameters.n_steps
        self.n_halvings = parameters.n_halvings
        self.rate = first_rate * (0.5**self.n_halvings if settings.halve_rate else 1.0)


def _n_rows(weight: np.ndarray) -> float:
    """How many rows these weights make: their sum, as a row of weight 2 is two rows.

    Weights that are mere shares, as those that sum to one, would make next to none: of them Kish's effective number.
    """
    total = float(weight.sum())
    unit = float(weight.max())  # so that no square overflows or vanishes
    return max(total, unit and (total / unit) ** 2 / float(((weight / unit) ** 2).sum()))


def _assign(
    target: tuple[np.ndarray, np.ndarray], raw: tuple[np.ndarray, np.ndarray], standardization: Standardization | None
) -> None:
    """Write the pair `raw`, on raw rows, into `target`, in the coordinates of the training."""
    W, b = standardization.unfold(*raw) if standardization else raw
    target[0][...] = W
    target[1][...] = b


def row_for_two(coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of two rows of weights, the second less the first: all that two classes need.

    The rows mirror each other but for rounding, so that an exact zero in one of them is one of both.
    """
    return np.where((coef == 0).any(axis=0), 0, coef[1:] - coef[:1]), intercept[1:] - intercept[:1]


def row_per_class(coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two rows that `row_for_two` made one of; more than two rows are as they are."""
    if len(coef) > 1:
        return coef, intercept
    return np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
