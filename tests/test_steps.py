"""What a fit checks once, and what it looks at again: arrays that were replaced, rates, reports."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loops import settings

import fastlin
from fastlin import LinearClassifier, reference, training
from fastlin._results import EpochReport
from fastlin.training import History, Parameters

N, D, C = 96, 5, 3


def rows(dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(N) % C
    return (rng.standard_normal((N, D)) + 3 * rng.standard_normal((C, D))[y]).astype(dtype), y


def train(parameters: Parameters, changes: dict[str, Any] | None = None, **keywords: Any) -> History:
    X, y = rows(parameters.b.dtype.type)
    history = History()
    options: dict[str, Any] = {"rates": lambda first, n: np.full(n, 0.05), "n_epochs": 3}
    options |= {"rng": np.random.default_rng(0), "history": history}
    training.train(X, y, parameters, settings(**(changes or {})), **(options | keywords))
    return history


def start(dtype: type = np.float32, **changes: Any) -> Parameters:
    parameters = Parameters.zeros(C, D, np.dtype(dtype))
    for name, value in changes.items():
        setattr(parameters, name, value)
    return parameters


def pair(*shapes: tuple[int, ...], dtype: type = np.float32) -> Any:
    return tuple(np.zeros(shape, dtype) for shape in shapes)


@pytest.mark.parametrize(
    ("name", "value", "changes", "error", "message"),
    [
        ("square", pair((1, 1), (1,)), {"optimizer": "adam"}, ValueError, r"moments\[1\]\[0\] has shape \(1, 1\)"),
        ("square", pair((C, D), (C,), dtype=np.float64), {"optimizer": "adam"}, TypeError, r"moments\[1\]\[0\] has dt"),
        ("average", pair((1, 1), (1,)), {"average_from": 0}, ValueError, r"average\[0\] has shape \(1, 1\)"),
        ("velocity", pair((C, D + 1), (C,)), {}, ValueError, r"velocity\[0\] has shape \(3, 6\)"),
        ("W", np.zeros((C, D + 1), np.float32), {}, ValueError, r"W has shape \(3, 6\)"),
        ("W", np.zeros((C, D)), {}, TypeError, "W has dtype float64"),
        ("b", np.zeros(C + 1, np.float32), {}, ValueError, r"b has shape \(4,\)"),
    ],
)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_arrays_that_do_not_fit_are_refused_whenever_they_come(
    name: str, value: Any, changes: dict[str, Any], error: type[Exception], message: str, when: str
) -> None:
    parameters = start()
    keywords: dict[str, Any] = {}
    if when == "before":
        setattr(parameters, name, value)
    else:
        keywords["callbacks"] = [lambda view: setattr(parameters, name, value)]
    with pytest.raises(error, match=message):
        train(parameters, changes, **keywords)


def test_arrays_that_overlap_are_refused() -> None:
    parameters = start()
    parameters.average = (parameters.W, parameters.b)
    with pytest.raises(ValueError, match=r"average\[0\] overlaps W"):
        train(parameters, {"average_from": 0})


def test_arrays_that_fit_may_be_replaced() -> None:
    parameters, plain = start(), start()

    def replaced(view: training.TrainingView) -> None:
        parameters.W, parameters.b = parameters.W.copy(), parameters.b.copy()
        parameters.velocity = tuple(part.copy() for part in parameters.velocity)  # type: ignore[assignment]

    train(parameters, callbacks=[replaced])
    train(plain)
    np.testing.assert_array_equal(parameters.W, plain.W)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
        ({"n_threads": "two"}, TypeError, "n_threads is 'two'"),
        ({"l2": -1.0}, ValueError, "l2 is -1.0"),
        ({"momentum": 1.0}, ValueError, "momentum is 1.0"),
        ({"optimizer": "adam", "beta2": 1.0}, ValueError, "beta2 is 1.0"),
    ],
)
def test_settings_are_checked_before_the_first_step(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    parameters = start()
    with pytest.raises(error, match=message):
        train(parameters, changes)
    assert not parameters.W.any() and parameters.n_steps == 0


def test_an_array_whose_shape_changes_meanwhile_is_read_as_it_was() -> None:
    X, y = rows()
    expected = LinearClassifier(random_state=0, max_iter=3, batch_size=32).fit(X.copy(), y).coef_

    def reshape(view: training.TrainingView) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 2.5 would rather not have it
            X.shape = (D, N)

    model = LinearClassifier(random_state=0, max_iter=3, batch_size=32, callbacks=[reshape]).fit(X, y)
    np.testing.assert_array_equal(model.coef_, expected)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (lambda first, n: np.full(n, np.nan), "lr holds a rate"),
        (lambda first, n: np.full(n, np.inf), "lr holds a rate"),
        (lambda first, n: np.r_[np.full(n - 1, 0.1), 0.0], "lr holds a rate"),
        (lambda first, n: np.full(max(n - 1, 1), 0.1), r"lr has shape \(2,\)"),
    ],
)
def test_rates_that_are_none_are_refused_before_the_epoch(rates: Callable[..., Any], message: str) -> None:
    parameters = start()
    with pytest.raises(ValueError, match=message):
        train(parameters, rates=rates)
    assert parameters.n_steps == 0


def test_more_rates_than_steps_and_rates_that_halving_makes_none() -> None:
    parameters, plain = start(), start()
    train(parameters, rates=lambda first, n: np.full(9, 0.05)[first:])
    train(plain)
    np.testing.assert_array_equal(parameters.W, plain.W)
    with pytest.raises(ValueError, match="lr holds a rate that is not a finite number > 0 in float32"):
        train(start(n_halvings=8), {"halve_rate": True}, rates=lambda first, n: np.full(n, 1e-44))


def test_a_single_batch_is_not_shuffled() -> None:
    rng = np.random.default_rng(5)
    parameters, plain = start(np.float64), start(np.float64)
    train(parameters, {"batch_size": N}, rng=rng)
    train(plain, {"batch_size": N, "shuffle": False})
    np.testing.assert_array_equal(parameters.W, plain.W)
    assert rng.bit_generator.state == np.random.default_rng(5).bit_generator.state


def test_weights_whose_squares_overflow_are_no_divergence() -> None:
    parameters = start(np.float64)
    parameters.W[:, 0] = 1e160
    X, y = np.zeros((N, D)), np.arange(N) % C
    history = History()
    training.train(
        X, y, parameters, settings(), rates=lambda first, n: np.full(n, 0.05), n_epochs=1, history=history,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert history.n_epochs == 1 and (parameters.W[:, 0] == 1e160).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_penalty_of_one_kind_is_no_matter_of_the_other(dtype: type) -> None:
    """Squares that overflow have no part in an l1 penalty."""
    X, y = np.zeros((4, D), dtype), np.array([0, 1, 2, 0])
    largest = 5e19 if dtype == np.float32 else 5e180
    W = np.full((C, D), largest, dtype)
    expected = np.log(3) + 1e-3 * C * D * float(W[0, 0])
    assert fastlin.softmax_loss(X, y, W, l1=1e-3).loss == pytest.approx(expected, rel=1e-6)
    with np.errstate(over="ignore", invalid="ignore"):
        report = EpochReport()
        result = fastlin.sgd_epoch(X, y, W, None, lr=1e-9, l1=1e-3, report=report)
    assert result.loss == pytest.approx(expected, rel=1e-6)
    assert report.penalty == pytest.approx(expected - np.log(3), rel=1e-6)


@pytest.mark.parametrize("told", [np.zeros(4), np.zeros(5, np.float32), np.zeros(10)[::2], [0.0] * 5])
@pytest.mark.parametrize("module", [fastlin, reference])
def test_a_report_of_another_make_is_refused(module: Any, told: Any) -> None:
    X, y = rows()
    report = EpochReport()
    report.told = told
    with pytest.raises(ValueError, match=r"report\.told is not as an EpochReport makes it"):
        module.sgd_epoch(X, y, np.zeros((C, D), np.float32), None, lr=0.1, report=report)
