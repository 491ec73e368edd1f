"""An estimator's parameters as the training wants them, checked: in `fit`, as a search sets them one by one before."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastlin import _arrays, training

LOSSES = ("softmax", "hinge", "squared_hinge")
SOLVERS = ("sgd", "adam", "lbfgs", "auto")
PENALTIES = ("l2", "l1", "elasticnet", None)

# "auto" epochs: ten, as the accuracy on CIFAR-10 and Fashion-MNIST is within half a point of its best by then; and on
# few rows as many as make this many steps, where that on scikit-learn's small sets has settled and not yet overfitted.
_EPOCHS = 10
_STEPS = 500
# The full-batch solver settles in tens of passes; many more than this help nobody.
_ITERATIONS = 1000

# "auto" strength of the penalties with an l1 part, SGDClassifier's: how many zeros are wanted is not in the data.
_ALPHA = 1e-4

# partial_fit knows no end to decay towards, so its automatic rate falls with the root of the steps taken, from here on.
_PARTIAL_FIT_STEPS = 500
# Schedules whose formula needs no end.
_ENDLESS = ("constant", "invscaling", "optimal")


def settings(model: Any, n_classes: int) -> training.Settings:
    """What the training loop is told of the objective and of a step; no penalty where its strength is for the data."""
    solver = _arrays.as_choice(model.solver, "solver", SOLVERS)
    if solver == "lbfgs" and (model.early_stopping or model.checkpoint is not None):
        given = "early_stopping is True" if model.early_stopping else f"checkpoint is {model.checkpoint!r}"
        raise ValueError(f"{given} while solver is 'lbfgs', which has no epochs; wanted is a minibatch solver, or none")
    l2, l1 = penalty(model, given_alpha(model) or 0.0, n_classes)
    momentum = 0.0 if solver == "adam" else _arrays.as_momentum(model.momentum, False)
    batch_size = _arrays.as_count(model.batch_size, "batch_size")
    return training.Settings(
        loss=_arrays.as_choice(model.loss, "loss", LOSSES),
        margin=_arrays.as_positive(model.margin, "margin"),
        l2=l2,
        l1=l1,
        batch_size=batch_size,
        momentum=momentum,
        nesterov=bool(model.nesterov) and momentum > 0,
        shuffle=bool(model.shuffle),
        n_threads=_arrays.as_thread_count(model.n_threads),
        optimizer="adam" if solver == "adam" else "sgd",
        fit_intercept=bool(model.fit_intercept),
        average_from=_average_from(model.average, batch_size),
        average_tail=isinstance(model.average, str),
        halve_rate=given_rate(model) is None,
    )


def penalty(model: Any, alpha: float, n_classes: int) -> tuple[float, float]:
    """The penalty of the strength `alpha` as the training takes it, (l2, l1)."""
    l1_ratio = _l1_ratio(model)
    # Two classes: W holds -w/2 and w/2, whose squares sum to half of w's, and whose absolute values to just w's.
    squares = 1.0 if n_classes == 2 else 0.5
    return alpha * (1 - l1_ratio) * squares, alpha * l1_ratio


def _l1_ratio(model: Any) -> float:
    """The share of the l1 norm."""
    kind = _arrays.as_choice(model.penalty, "penalty", PENALTIES)
    l1_ratio = _arrays.as_nonnegative(model.l1_ratio, "l1_ratio")
    if l1_ratio > 1:
        raise ValueError(f"l1_ratio is {model.l1_ratio!r}; wanted is a number from 0 to 1")
    return {"l1": 1.0, "elasticnet": l1_ratio}.get(kind, 0.0)


def given_alpha(model: Any) -> float | None:
    """`alpha`, or None where it comes from the data."""
    if isinstance(model.alpha, str):
        _arrays.check_word(model.alpha, "alpha", "auto", "a finite number >= 0")
        alpha = None if model.penalty == "l2" else _ALPHA
    else:
        alpha = _arrays.as_nonnegative(model.alpha, "alpha")
    return 0.0 if model.penalty is None else alpha


def _average_from(average: Any, batch_size: int) -> int | None:
    """The first step whose weights enter the mean: as in SGDClassifier, a number counts rows."""
    if isinstance(average, str):
        _arrays.check_word(average, "average", "auto", "True, False, or an integer >= 1")
        return None
    if isinstance(average, bool | np.bool_) or average is None:
        return 0 if average else None
    rows = _arrays.as_count(average, "average")
    return (rows - 1) // batch_size


def n_epochs(model: Any, steps_per_epoch: int, unevenness: float = 1.0) -> int:
    """Passes over the rows at most, of the minibatch solvers; see `FitState.unevenness`."""
    if isinstance(model.max_iter, str):
        _arrays.check_word(model.max_iter, "max_iter", "auto", "an integer >= 1")
        return max(_EPOCHS, math.ceil(_STEPS * unevenness / steps_per_epoch))
    return _arrays.as_count(model.max_iter, "max_iter")


def n_iterations(model: Any) -> int:
    """Iterations at most, of the full-batch solver."""
    given = isinstance(model.max_iter, str) or model.solver == "auto"
    return _ITERATIONS if given else _arrays.as_count(model.max_iter, "max_iter")


def given_rate(model: Any) -> float | None:
    """`eta0`, or None where it comes from the data."""
    if isinstance(model.eta0, str):
        _arrays.check_word(model.eta0, "eta0", "auto", "a finite number > 0")
        return None
    return _arrays.as_positive(model.eta0, "eta0")


def check_schedule(model: Any) -> None:
    """Refuse an unknown schedule before anything is computed."""
    if not isinstance(model.learning_rate, str):
        raise TypeError(
            f"learning_rate is {model.learning_rate!r}; wanted is the name of a schedule, one of "
            f"{', '.join(map(repr, training.SCHEDULES))}: the rate itself is eta0"
        )
    _arrays.as_choice(model.learning_rate, "learning_rate", training.SCHEDULES)


def check_others(model: Any) -> None:
    """Refuse values of the parameters that are not in `settings`, before anything is computed."""
    check_schedule(model)
    given_rate(model)
    n_epochs(model, 1)
    stopping(model, bool(model.early_stopping))
    callbacks(model)
    for name in ("fit_intercept", "nesterov", "early_stopping", "standardize", "shuffle", "warm_start"):
        value = getattr(model, name)
        if not isinstance(value, bool | np.bool_ | int):
            raise TypeError(f"{name} is {value!r}; wanted is True or False")
    if model.checkpoint is not None and not isinstance(model.checkpoint, str | bytes | os.PathLike):
        raise TypeError(f"checkpoint is {model.checkpoint!r}; wanted is None or the name of a file")
    _arrays.as_count(model.checkpoint_every, "checkpoint_every")


def callbacks(model: Any) -> list[Any]:
    """The caller's, as a list."""
    given = [] if model.callbacks is None else model.callbacks
    if not isinstance(given, Sequence) or not all(callable(callback) for callback in given):
        raise TypeError(f"callbacks is {model.callbacks!r}; wanted is None or a list of callables")
    return list(given)


def schedule(model: Any, rate: float, n_epochs: int, steps_per_epoch: int, settings: training.Settings) -> Any:
    """The learning rates of a fit."""
    return training.make_schedule(
        model.learning_rate, rate, n_steps=n_epochs * steps_per_epoch, steps_per_epoch=steps_per_epoch,
        power_t=model.power_t, l2=settings.l2,
    )  # fmt: skip


def endless_schedule(model: Any, rate: float, begun: int, settings: training.Settings) -> Any:
    """The learning rates of `partial_fit` after `begun` steps: no end is known to decay to."""
    name = model.learning_rate
    if name == "auto" and given_rate(model) is not None:
        name = "constant"
    if name == "auto":
        return lambda first, n_steps: rate / np.sqrt(1.0 + (begun + first + np.arange(n_steps)) / _PARTIAL_FIT_STEPS)
    if name not in _ENDLESS:
        raise ValueError(
            f"learning_rate is {name!r}, whose formula needs to know the last step; wanted is 'auto', "
            f"{', '.join(map(repr, _ENDLESS))} in partial_fit"
        )
    # The number of steps says nothing in these formulas.
    rates = training.make_schedule(
        name, rate, n_steps=1, steps_per_epoch=1, power_t=model.power_t, l2=settings.l2
    )  # fmt: skip
    return lambda first, n_steps: rates(begun + first, n_steps)


def stopping(model: Any, has_validation: bool) -> training.Stopping:
    """When to end before the last epoch."""
    tol = None if model.tol is None else _arrays.as_nonnegative(model.tol, "tol")
    if model.learning_rate == "adaptive" and tol is None:  # which without would never know a plateau
        tol = 0.0
    patience = _arrays.as_count(model.n_iter_no_change, "n_iter_no_change")
    max_time = None if model.max_time is None else _arrays.as_positive(model.max_time, "max_time")
    if not has_validation:
        return training.Stopping(tol, patience, max_time=max_time)
    # Without a tolerance of its own, any progress on the held-out rows counts.
    return training.Stopping(tol or 0.0, patience, "validation_loss", restore_best=True, max_time=max_time)
