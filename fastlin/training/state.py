"""What a fit is made of besides its labels, and how it goes on: the part an estimator keeps between two calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastlin import _arrays
from fastlin.training.history import History
from fastlin.training.loop import Parameters, Reporter, Settings, train
from fastlin.training.rates import auto_rate, curvature
from fastlin.training.standardize import FeatureStatistics, Standardization, check_finite, survey


@dataclass
class FitState:
    """Weights on raw rows, a row a class, and what was learned of the data on the way.

    The weights are kept as they apply to raw rows, whatever coordinates they were trained in: so the standardisation
    may change between two calls, as it does when more rows come in, and the scores do not.

    Attributes
    ----------
    coef, intercept : ndarray of shape (C, D) and (C,)
    velocity : pair of ndarray, or None at rest
        Of those two, on raw rows likewise.
    statistics : FeatureStatistics or None
        Of all rows seen; None where nothing is standardised.
    rows_seen : float
        Their weight.
    data_curvature, curvature_at : float
        The last estimate, and how many rows had been seen by then.
    n_steps : int
        Steps taken.
    rate : float
        Of the first step of the last run.
    """

    coef: np.ndarray
    intercept: np.ndarray
    rng: np.random.Generator
    velocity: tuple[np.ndarray, np.ndarray] | None = None
    statistics: FeatureStatistics | None = None
    rows_seen: float = 0.0
    data_curvature: float = 0.0
    curvature_at: float = 0.0
    n_steps: int = 0
    rate: float = 0.0
    history: History = field(default_factory=History)

    @classmethod
    def fresh(cls, n_classes: int, n_features: int, dtype: np.dtype, rng: np.random.Generator) -> FitState:
        """Weights of zero, nothing seen."""
        return cls(np.zeros((n_classes, n_features), dtype), np.zeros(n_classes, dtype), rng)

    @property
    def standardization(self) -> Standardization | None:
        """Coordinates of the training, from the rows seen so far."""
        return None if self.statistics is None else self.statistics.standardization()

    def observe(
        self, rows: np.ndarray, sample_weight: np.ndarray | None, *, standardize: bool, n_threads: int | None
    ) -> None:
        """Look at rows before a fit to them: refuse NaN and infinity, take their statistics in."""
        self.rows_seen += float(len(rows)) if sample_weight is None else float(sample_weight.sum())
        if not standardize:
            self.statistics = None
            check_finite(rows, sample_weight)
            return
        seen = survey(rows, sample_weight, n_threads)
        self.statistics = seen if self.statistics is None else self.statistics.merge(seen)

    def auto_rate(self, rows: np.ndarray, sample_weight: np.ndarray | None, settings: Settings) -> float:
        """The rate for these rows; their curvature is looked at anew each time twice as many have been seen."""
        if self.rows_seen >= 2 * self.curvature_at:
            self.data_curvature = curvature(rows, self.standardization, settings.batch_size, sample_weight)
            self.curvature_at = self.rows_seen
        return auto_rate(settings.loss, len(self.coef), settings.margin, settings.l2, self.data_curvature)

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
    ) -> None:
        """Go on for `n_epochs` epochs over `rows`; an error leaves the weights as they were, Ctrl-C the steps done."""
        standardization = self.standardization
        parameters = Parameters.zeros(len(self.coef), rows.shape[1], _arrays.compute_dtype(rows))
        _assign((parameters.W, parameters.b), (self.coef, self.intercept), standardization)
        if self.velocity is not None:
            _assign(parameters.velocity, self.velocity, standardization)
        history = self.history.copy()
        self.rate = float(rates(0, 1)[0])
        try:
            train(
                rows, y, parameters, settings, rates=rates, n_epochs=n_epochs, rng=self.rng, history=history,
                standardization=standardization, sample_weight=sample_weight, reporter=reporter,
            )  # fmt: skip
        except KeyboardInterrupt:
            if np.isfinite(parameters.W).all():
                self._take(parameters, history, standardization)
            raise
        self._take(parameters, history, standardization)

    def _take(self, parameters: Parameters, history: History, standardization: Standardization | None) -> None:
        weights, velocity = (parameters.W, parameters.b), parameters.velocity
        self.coef, self.intercept = standardization.fold(*weights) if standardization else weights
        self.velocity = standardization.fold(*velocity) if standardization else velocity
        self.history = history
        self.n_steps += parameters.n_steps


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
