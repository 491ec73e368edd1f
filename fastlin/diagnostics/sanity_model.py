"""The sanity checks of a model: copies of it are fitted with its own parameters, save those a check is about."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from fastlin import _arrays, functional
from fastlin._results import LossGradient
from fastlin.diagnostics._table import number
from fastlin.diagnostics.sanity_common import (
    FACTOR,
    SAME,
    Check,
    Sample,
    equal,
    independent_rows,
    initial_loss,
    overfitted,
    shuffled,
    unless_all_fail,
    update_size,
)
from fastlin.linear_model import LinearClassifier
from fastlin.training import DivergenceError, History

# Passes over twenty rows, each a step.
_FEW_ROWS_EPOCHS = 500
# Strong enough to be seen after five steps, and not so strong that an l1 penalty leaves no weight but zero.
_ALPHA = 0.01
# So small that an epoch leaves the weights where they were, next to the SAME share of the initial loss.
_TINY_RATE = 1e-9


def checks(model: LinearClassifier, sample: Sample) -> list[Check]:
    """All checks of `model` on the sample; a fit that diverges fails the check it was for."""
    subject = _Subject(model, sample)
    questions = {
        "initial loss": subject.initial_loss,
        "penalty raises the loss": subject.penalty,
        "twenty rows overfitted": subject.few_rows,
        "shuffled labels give chance": subject.shuffled,
        "loss falls along -gradient": subject.falls,
        "update to weight": subject.update,
        "scores scale with x": subject.scaling,
        "bias as a column": subject.bias_column,
    }
    found = []
    for name, question in questions.items():
        try:
            found.append(question())
        except DivergenceError as error:
            found.append(Check(name, False, str(error).partition(";")[0], "a fit that converges"))
    return found


class _Subject:
    def __init__(self, model: LinearClassifier, sample: Sample) -> None:
        self._model = model
        self._sample = sample
        margin = _arrays.as_positive(model.margin, "margin") if model.loss != "softmax" else 1.0
        self._initial, self._formula = initial_loss(model.loss, sample.n_classes, margin)
        self._margin = margin
        self._rate: float | None = None

    def _fitted(self, X: np.ndarray, y: np.ndarray, **changes: Any) -> LinearClassifier:
        seed = int(self._sample.rng.integers(2**31))
        parameters = self._model.get_params()
        # What is asked is about steps on minibatches; nobody else is to be told of them, and no file written.
        if parameters["solver"] in ("lbfgs", "auto"):
            parameters["solver"] = "sgd"
        parameters |= {
            "verbose": 0, "random_state": seed, "callbacks": None, "checkpoint": None, "early_stopping": False,
            "average": False, "warm_start": False, "class_weight": None, **changes,
        }  # fmt: skip
        return type(self._model)(**parameters).fit(X, y)

    def _loss(self, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: Any = None, **folding: Any) -> LossGradient:
        if self._model.loss == "softmax":
            return functional.softmax_loss(X, y, W, b, **folding)
        return functional.hinge_loss(
            X, y, W, b, margin=self._margin, power=2 if self._model.loss == "squared_hinge" else 1, **folding
        )

    def _loss_of(self, model: LinearClassifier, X: np.ndarray, y: np.ndarray) -> float:
        """The data loss of a fitted model's scores, of all classes of the sample."""
        scores = np.asarray(model.decision_function(X), np.float64)
        if scores.ndim == 1:  # two classes: the second one's less the first's
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        # A class that no row of the fit had cannot be told: it scores as badly as the worst.
        full = np.repeat(scores.min(axis=1, keepdims=True), self._sample.n_classes, axis=1)
        full[:, model.classes_] = scores
        return self._loss(full, y, np.eye(self._sample.n_classes)).loss

    def initial_loss(self) -> Check:
        X, y = self._sample.X, self._sample.y
        model = self._fitted(X, y, alpha=0.0, max_iter=1, eta0=_TINY_RATE)
        found = float(model.history_["loss"][0])
        passed = abs(found - self._initial) <= SAME * self._initial
        return Check("initial loss", bool(passed), number(found), self._formula)

    def penalty(self) -> Check:
        plain, penalised = (self._slow_descent(alpha).last for alpha in (0.0, _ALPHA))
        return Check(
            "penalty raises the loss", bool(penalised.loss > plain.loss and plain.penalty == 0 < penalised.penalty),
            f"by {number(penalised.loss - plain.loss)} after five steps",
            f"higher with alpha = {_ALPHA:g}",
        )  # fmt: skip

    def few_rows(self) -> Check:
        X = np.asarray(self._sample.X, np.float64)
        spread = X.std(axis=0)
        picked = independent_rows((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
        X, y = self._sample.X[picked], self._sample.y[picked]
        if len(np.unique(y)) < 2:
            return Check("twenty rows overfitted", None, f"the {len(picked)} rows are of one class", "")
        model = self._fitted(X, y, alpha=0.0, batch_size=len(picked), max_iter=_FEW_ROWS_EPOCHS)
        return overfitted(self._loss_of(model, X, y), self._initial, model.score(X, y), len(picked))

    def shuffled(self) -> Check:
        X, y, c, rng = self._sample
        half = self._sample.half

        @functools.cache
        def true_loss() -> float:
            return self._loss_of(self._fitted(X[:half], y[:half]), X[half:], y[half:])

        def in_some_order() -> Check:
            mixed = rng.permutation(y)
            if min(len(np.unique(y[:half])), len(np.unique(mixed[:half]))) < 2:
                return Check("shuffled labels give chance", None, f"{half} rows are too few", "")
            honest_loss = true_loss()
            blind = self._fitted(X[:half], mixed[:half])
            blind_loss = self._loss_of(blind, X[half:], y[half:])
            return shuffled(blind.predict(X[half:]), mixed[half:], c, blind_loss, honest_loss, self._initial)

        return unless_all_fail(in_some_order)

    def _slow_descent(self, alpha: float) -> History:
        """What five small steps over all rows, without momentum, recorded; the same steps but for `alpha`."""
        X, y = self._sample.X, self._sample.y
        if self._rate is None:
            self._rate = self._fitted(X, y, max_iter=1).learning_rate_
        settings: dict[str, Any] = {
            "batch_size": len(X), "momentum": 0.0, "nesterov": False, "shuffle": False, "max_iter": 5,
            "penalty": self._model.penalty or "l2", "learning_rate": "auto",
        }  # fmt: skip
        return self._fitted(X, y, alpha=alpha, eta0=0.1 * self._rate, **settings).history_

    def falls(self) -> Check:
        losses = self._slow_descent(0.0)["loss"]
        return Check(
            "loss falls along -gradient", bool((np.diff(losses) < 0).all()),
            " > ".join(number(value) for value in losses) + " over all rows", "lower after every step",
        )  # fmt: skip

    def update(self) -> Check:
        X, y, c, rng = self._sample
        model = self._fitted(X, y, max_iter=1)
        W = rng.standard_normal((c, X.shape[1])) / math.sqrt(X.shape[1])
        folding = {} if model.shift_ is None else {"shift": model.shift_, "scale": model.scale_}
        return update_size(model.learning_rate_, self._loss(X, y, 0.1 * W, **folding).dW, W)

    def scaling(self) -> Check:
        X = np.asarray(self._sample.X, np.float64)
        model = self._fitted(self._sample.X, self._sample.y, max_iter=1)
        origin = model.decision_function(np.zeros_like(X[:1]))
        one, other = model.decision_function(FACTOR * X) - origin, FACTOR * (model.decision_function(X) - origin)
        what = f"f({FACTOR:g}x) - f(0) and {FACTOR:g}(f(x) - f(0))"
        return equal("scores scale with x", one, other, what, 1e-9)

    def bias_column(self) -> Check:
        X = np.asarray(self._sample.X, np.float64)
        model = self._fitted(self._sample.X, self._sample.y, max_iter=1)
        joined = np.column_stack([model.coef_, model.intercept_])
        scores = functional.scores(np.column_stack([X, np.ones(len(X))]), joined)
        own = np.asarray(model.decision_function(X), np.float64).reshape(scores.shape)
        return equal("bias as a column", own, scores, "scores with the intercept and with a column of ones", 1e-9)
