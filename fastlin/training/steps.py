"""The steps of a fit, many in one call into the core, on what was checked when the fit began."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin import _arrays
from fastlin._results import EpochReport, EpochResult
from fastlin.functional.epochs import Objective, Rule, descend
from fastlin.training.parameters import Parameters
from fastlin.training.settings import Settings

_Pair = tuple[np.ndarray, np.ndarray]


class Steps:
    """What moves `parameters` down the objective of `settings` on given rows.

    An epoch of few rows takes microseconds, and its checks would take ten times as long. So rows, labels, settings and
    the arrays of `parameters` are checked here, once; those that replace them later are made by the loop itself.

    Parameters
    ----------
    rows, y, sample_weight
        As in `train`.
    parameters : Parameters
        Changed in place.
    settings : Settings
    shift, scale : ndarray of shape (D,) or None
        The standardisation that is folded in.
    """

    def __init__(
        self, rows: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, parameters: Parameters,
        settings: Settings, *, shift: np.ndarray | None, scale: np.ndarray | None,
    ) -> None:  # fmt: skip
        self._parameters, self._settings = parameters, settings
        options = settings.loss_options
        self._n_threads = options["n_threads"]
        self._objective = Objective.checked(
            rows, y, options["loss"], settings.l2, settings.l1, options["margin"], options["power"], "sum",
            sample_weight, shift, scale,
        )  # fmt: skip
        self._dtype = _arrays.compute_dtype(rows)
        W, b = parameters.W, parameters.b
        self._objective.check_model(W, b, None)
        _arrays.as_velocity(parameters.velocity, W, b, 0.0, rows)
        if settings.optimizer == "adam":
            self._numbers = _arrays.as_adam(settings.beta1, settings.beta2, settings.epsilon, self._dtype)
        else:
            self._numbers = (_arrays.as_momentum(settings.momentum, settings.nesterov), 0.0, 0.0)

    def as_rates(self, rates: Any, n_steps: int) -> np.ndarray:
        """The rates that a schedule gave for `n_steps`, checked."""
        return _arrays.as_rates(rates, n_steps, self._dtype)

    def take(
        self, order: np.ndarray, batch_size: int, rates: np.ndarray, average: _Pair | None
    ) -> tuple[EpochResult, EpochReport]:
        """Step through batches of the rows in `order`, and count what was done, after Ctrl-C too."""
        parameters, adam, report = self._parameters, self._settings.optimizer == "adam", EpochReport()
        b = parameters.b if self._settings.fit_intercept else None
        try:
            result = descend(
                self._objective, parameters.W, b, order, batch_size, rates, self._rule(), self._of(average),
                parameters.n_averaged, report, self._n_threads,
            )  # fmt: skip
        finally:
            parameters.n_steps += report.n_steps
            parameters.n_averaged += 0 if average is None else report.n_steps
            parameters.n_adapted += report.n_steps if adam else 0
        return result, report

    def _rule(self) -> Rule:
        parameters, settings = self._parameters, self._settings
        first, second, epsilon = self._numbers
        if settings.optimizer != "adam":
            return Rule(self._of(parameters.velocity) if first else None, None, first, settings.nesterov)
        if parameters.square is None:
            parameters.square = np.zeros_like(parameters.W), np.zeros_like(parameters.b)
        means = self._of(parameters.velocity), self._of(parameters.square)
        return Rule(*means, first, False, second, epsilon, parameters.n_adapted)

    def _of(self, pair: _Pair | None) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The pair as the core takes it: None for what there is none of."""
        return pair if pair is None or self._settings.fit_intercept else (pair[0], None)
