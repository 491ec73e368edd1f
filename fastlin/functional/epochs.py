"""What the epochs of all optimizers share: the checks, and the call of the core."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlin import _arrays, _threads
from fastlin._core import cuts as _cuts
from fastlin._core import sgd as _sgd
from fastlin._results import EpochReport, EpochResult, as_report
from fastlin.functional._common import HINGE, SOFTMAX, Real, check_labels

_Pair = tuple[Real, Real | None]


class Rule(NamedTuple):
    """How an optimizer steps: velocities or mean gradients and mean squares (of W, of b), and its numbers."""

    velocity: _Pair | None
    square: _Pair | None
    momentum: float
    nesterov: bool = False
    beta2: float = 0.0
    epsilon: float = 0.0
    n_steps: int = 0


class Objective(NamedTuple):
    """What the steps go down, checked: raw rows and their labels, weights and scaling, the loss and the penalty."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    shift: np.ndarray | None
    scale: np.ndarray | None
    loss: int
    power: int
    margin: float
    l2: float
    l1: float

    @classmethod
    def checked(
        cls, X: Any, y: Any, loss: Any, l2: Any, l1: Any, margin: Any, power: Any, kind: Any, sample_weight: Any,
        shift: Any, scale: Any,
    ) -> Objective:  # fmt: skip
        """As the public functions take it; that the labels are classes is left to who knows which rows count."""
        _arrays.as_choice(loss, "loss", ("softmax", "hinge"))
        power = _arrays.as_choice(power, "power", (1, 2))
        kind = _arrays.as_choice(kind, "kind", ("sum", "max"))
        X = _arrays.as_rows(X)
        n_rows, n_features = X.shape
        dtype = _arrays.compute_dtype(X)
        return cls(
            X,
            _arrays.as_labels(y, n_rows),
            _arrays.as_sample_weight(sample_weight, n_rows),
            _arrays.as_feature_vector(shift, n_features, "shift", dtype),
            _arrays.as_feature_vector(scale, n_features, "scale", dtype),
            SOFTMAX if loss == "softmax" else HINGE[kind],
            power,
            _arrays.as_positive(margin, "margin", dtype),
            _arrays.as_nonnegative(l2, "l2", dtype),
            _arrays.as_nonnegative(l1, "l1", dtype),
        )

    def check_model(self, W: Any, b: Any, order: np.ndarray | None) -> None:
        """Refuse a `W` or `b` that the steps cannot change in place, and labels that W has no class for.

        Of the rows in `order`, or of all, those that weigh something.
        """
        _arrays.check_model_in_place(
            W, b, self.X, y=self.y, sample_weight=self.weight, shift=self.shift, scale=self.scale, order=order
        )
        check_labels(self.y, order, self.weight, W.shape[0])


def run_epoch(
    X: Any, y: Any, W: Any, b: Any, loss: Any, order: Any, batch_size: Any, lr: Any, rule: Callable[[np.ndarray], Rule],
    l2: Any, l1: Any, margin: Any, power: Any, kind: Any, sample_weight: Any, shift: Any, scale: Any, average: Any,
    n_averaged: Any, report: EpochReport | None, n_threads: int | None,
) -> EpochResult:  # fmt: skip
    """Check what `sgd_epoch` and `adam_epoch` are given, `rule` what is their own, and run the epoch."""
    objective = Objective.checked(X, y, loss, l2, l1, margin, power, kind, sample_weight, shift, scale)
    X = objective.X
    n_rows, dtype = len(X), _arrays.compute_dtype(X)
    if order is not None:
        order = _arrays.as_row_index(order, n_rows, "order")
        n_rows = order.shape[0]
    objective.check_model(W, b, order)
    batch_size = min(_arrays.as_count(batch_size, "batch_size"), max(n_rows, 1))
    rates = _arrays.as_rates(lr, -(-n_rows // batch_size), dtype)
    how = rule(X)
    mean = _arrays.as_average(average, W, b, X, velocity=how.velocity, square=how.square)
    n_averaged = _arrays.as_step_count(n_averaged, "n_averaged")
    n_threads = _arrays.as_thread_count(n_threads)
    return descend(objective, W, b, order, batch_size, rates, how, mean, n_averaged, as_report(report), n_threads)


def descend(
    objective: Objective, W: Real, b: Real | None, order: np.ndarray | None, batch_size: int, rates: np.ndarray,
    how: Rule, average: _Pair | None, n_averaged: int, report: EpochReport, n_threads: int | None,
) -> EpochResult:  # fmt: skip
    """Run an epoch of which all is checked: a training loop checks once and comes here thousands of times."""
    X, y, weight, shift, scale, loss, power, margin, l2, l1 = objective
    n_classes, n_features = W.shape
    v_W, v_b = how.velocity or (None, None)
    s_W, s_b = how.square or (None, None)
    mean_W, mean_b = average or (None, None)
    # Threads meet twice a batch, so it is a batch's work that has to be worth them. The team is there already: for each
    # of many, half of what a thread of a single call has to be worth is enough (bench/scaling.py).
    threads = _threads.resolve(n_threads, _cuts.batch_work(batch_size, n_classes, n_features), least=0.5)
    report.losses = np.empty(len(rates))
    report.losses.fill(np.nan)
    sum_loss, sum_weight, n_correct, n_seen = _sgd.epoch(
        X, y, (W, v_W, s_W, mean_W), None if b is None else (b, v_b, s_b, mean_b), order, batch_size, rates,
        how.momentum, how.nesterov, how.beta2, how.epsilon, how.n_steps, n_averaged, l2, l1, loss, power, margin,
        weight, shift, scale, threads,
        # Python runs the handlers of signals in this thread alone.
        threading.get_ident() == threading.main_thread().ident, report.told, report.losses,
    )  # fmt: skip
    if n_seen == 0:
        return EpochResult(report.penalty, float("nan"))
    return EpochResult(sum_loss / sum_weight, n_correct / n_seen)
