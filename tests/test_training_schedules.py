"""Learning rates: each schedule against its formula, spelt out a step at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from fastlin import training
from fastlin.training import schedules

RATE, T, PER_EPOCH = 0.5, 60, 4  # 15 epochs


def half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


FORMULAS: dict[str, Callable[[int], float]] = {
    "auto": lambda t: RATE * (1 - t / T),
    "constant": lambda t: RATE,
    "invscaling": lambda t: RATE / (t + 1) ** 0.25,
    "optimal": lambda t: 1 / (0.2 * (1 / (0.2 * RATE) + t)),
    "step": lambda t: RATE / 10 ** (t // 20),
    "cosine": lambda t: RATE * (1 + math.cos(math.pi * t / T)) / 2,
    "warmup": lambda t: RATE * (t + 1) / 3 if t < 3 else RATE * (T - t) / (T - 3),
    "one_cycle": lambda t: (
        half_cosine(RATE / 25, RATE, t / 18) if t < 18 else half_cosine(RATE, RATE / 250_000, (t - 18) / 42)
    ),
    "adaptive": lambda t: RATE,
}


def make(name: str, rate: float = RATE) -> training.Schedule:
    return training.make_schedule(name, rate, n_steps=T, steps_per_epoch=PER_EPOCH, power_t=0.25, l2=0.1)


@pytest.mark.parametrize("name", training.SCHEDULES)
def test_a_schedule_is_its_formula(name: str) -> None:
    schedule = make(name)
    rates = schedule(0, T)
    assert rates.shape == (T,) and rates.dtype == np.float64
    np.testing.assert_allclose(rates, [FORMULAS[name](t) for t in range(T)], rtol=1e-12)
    assert (rates > 0).all()
    # In parts it is the same, to the bits.
    np.testing.assert_array_equal(np.concatenate([schedule(k, 7) for k in range(0, T, 7)])[:T], schedule(0, 63)[:T])
    assert schedule.state() == {} or name == "adaptive"


def test_there_is_a_formula_of_each() -> None:
    assert set(FORMULAS) == set(training.SCHEDULES)


def test_only_the_adaptive_one_knows_a_way_on() -> None:
    assert not any(make(name).plateau() for name in training.SCHEDULES if name != "adaptive")
    schedule = make("adaptive")
    cuts = 0
    while schedule.plateau():
        cuts += 1
        assert schedule(10, 2).tolist() == pytest.approx([RATE / 5**cuts] * 2)
    assert cuts == 8  # 5**-9 is below 10**-6
    other = make("adaptive")
    other.restore({"n_cuts": 2})
    assert other(0, 1) == pytest.approx(RATE / 25) and other.state() == {"n_cuts": 2}


def test_rates_never_vanish() -> None:
    assert (training.make_schedule("step", 1e-29, n_steps=60, steps_per_epoch=4)(0, 60) > 0).all()
    assert make("cosine")(10 * T + 1, 1) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "linear"}, "^learning_rate is 'linear'; wanted is one of 'auto', 'constant'"),
        ({"name": "constant", "rate": 0.0}, r"^eta0 is 0\.0; wanted"),
        ({"name": "invscaling", "power_t": -1.0}, r"^power_t is -1\.0; wanted"),
    ],
)
def test_what_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training.make_schedule(**{"rate": 1.0, "n_steps": 10, "steps_per_epoch": 1} | arguments)


def test_a_function_is_a_schedule() -> None:
    schedule = schedules.as_schedule(lambda first, n_steps: np.full(n_steps, 0.25))
    assert schedule.rate == 0.25 and schedule(3, 2).tolist() == [0.25, 0.25]
    assert not schedule.plateau() and repr(schedule) == "Given(rate=0.25)"
    assert schedules.as_schedule(schedule) is schedule


def test_adam_has_a_rate_of_its_own() -> None:
    assert training.adam_rate(10.0) == pytest.approx(0.03)
