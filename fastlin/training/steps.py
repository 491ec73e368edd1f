"""The steps of a fit, many in one call into the core, on what was checked when the fit began."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fastlin import _arrays
from fastlin._results import EpochReport, EpochResult
from fastlin.functional.epochs import Objective, Rule, descend
from fastlin.training.parameters import Parameters
from fastlin.training.sample import kept_rows
from fastlin.training.settings import Settings
from fastlin.training.standardize import Standardization

_Pair = tuple[np.ndarray, np.ndarray]


class Steps:
    """What moves `parameters` down the objective of `settings` on given rows.

    An epoch of few rows takes microseconds, and its checks would take ten times as long. So rows, labels and settings
    are checked here, once, and the arrays of `parameters` whenever they are not those of the call before.

    Parameters
    ----------
    rows, y, sample_weight
        As in `train`; they must stay as they are.
    parameters : Parameters
        Changed in place.
    settings : Settings
    standardization : Standardization or None
        What is folded in.

    Attributes
    ----------
    kept : ndarray of int64
        The numbers of the rows that weigh something; no others take a place in a batch.
    scaling : dict
        The `shift` and `scale` of the functional layer. Nothing makes up for a shift where there are no biases.
    """

    def __init__(
        self, rows: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, parameters: Parameters,
        settings: Settings, standardization: Standardization | None,
    ) -> None:  # fmt: skip
        self._parameters, self._with_bias = parameters, settings.fit_intercept
        self._adam, self._nesterov = settings.optimizer == "adam", settings.nesterov
        options = settings.loss_options
        self._n_threads = _arrays.as_thread_count(options["n_threads"])
        self.kept = kept_rows(len(rows), sample_weight)
        shift, scale = standardization or (None, None)
        self.scaling = {"shift": shift if settings.fit_intercept else None, "scale": scale}
        # Views: who changes the shape of an array of theirs meanwhile does not change it here.
        self._objective = Objective.checked(
            rows.view(), y.view(), options["loss"], settings.l2, settings.l1, options["margin"], options["power"],
            "sum", None if sample_weight is None else sample_weight.view(), **self.scaling,
        )  # fmt: skip
        self._dtype = _arrays.compute_dtype(rows)
        if self._adam:
            self._numbers = _arrays.as_adam(settings.beta1, settings.beta2, settings.epsilon, self._dtype)
        else:
            self._numbers = (_arrays.as_momentum(settings.momentum, settings.nesterov), 0.0, 0.0)
        self._model: tuple[Any, ...] = (None,) * 4
        self._average: _Pair | None = None
        self._check(parameters.average)

    def as_rates(self, rates: Any, n_steps: int) -> np.ndarray:
        """The rates that a schedule gave for `n_steps`, checked."""
        return _arrays.as_rates(rates, n_steps, self._dtype)

    def take(
        self, order: np.ndarray, batch_size: int, rates: np.ndarray, average: _Pair | None
    ) -> tuple[EpochResult, EpochReport]:
        """Step through batches of the rows in `order`, and count what was done, after Ctrl-C too."""
        parameters, report = self._parameters, EpochReport()
        rule = self._check(average)
        b = parameters.b if self._with_bias else None
        try:
            result = descend(
                self._objective, parameters.W, b, order, batch_size, rates, rule, self._of(average),
                parameters.n_averaged, report, self._n_threads,
            )  # fmt: skip
        finally:
            parameters.n_steps += report.n_steps
            parameters.n_averaged += 0 if average is None else report.n_steps
            parameters.n_adapted += report.n_steps if self._adam else 0
        return result, report

    def _check(self, average: _Pair | None) -> Rule:
        """How to step from where `parameters` is, whose arrays are those of the call before, or are checked."""
        parameters = self._parameters
        if self._adam and parameters.square is None:
            parameters.square = np.zeros_like(parameters.W), np.zeros_like(parameters.b)
        velocity, square = parameters.velocity, parameters.square if self._adam else None
        X, W, b = self._objective.X, parameters.W, parameters.b
        model = (W, b, velocity, square)
        if any(map(operator.is_not, model, self._model)):
            self._objective.check_model(W, b, None)
            if square is None:
                _arrays.as_velocity(velocity, W, b, 0.0, X)
            else:
                _arrays.as_moments((velocity, square), W, b, X=X)
            self._model, self._average = model, None
        if average is not self._average and average is not None:
            _arrays.as_average(average, W, b, X, velocity=velocity, square=square)
            self._average = average
        first, second, epsilon = self._numbers
        if square is not None:
            means = self._of(velocity), self._of(square)
            return Rule(*means, first, False, second, epsilon, parameters.n_adapted)
        return Rule(self._of(velocity) if first else None, None, first, self._nesterov)

    def _of(self, pair: _Pair | None) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The pair as the core takes it: None for what there is none of."""
        return pair if pair is None or self._with_bias else (pair[0], None)
