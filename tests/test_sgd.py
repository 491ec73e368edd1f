"""sgd_step and sgd_epoch: the formulas, agreement with the twin, and an epoch being its steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from agreement import assert_close, same_bits, twin
from hypothesis import given
from hypothesis import strategies as st
from strategies import DTYPES, LEVELS, THREADS, Problem, problem, whole_number_problem

from fastlin import config, functional, reference
from fastlin._results import EpochReport

MOMENTA: list[dict[str, Any]] = [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]
each_momentum = pytest.mark.parametrize("momentum", MOMENTA, ids=["plain", "momentum", "nesterov"])


def parameters(p: Problem, dtype: Any = None, with_bias: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """W and b to train, of their own memory."""
    dtype = dtype or p.dtype
    return p.W.astype(dtype), p.b.astype(dtype) if with_bias else None


def at_rest(W: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    return np.zeros_like(W), None if b is None else np.zeros_like(b)


# One step


@each_momentum
@pytest.mark.parametrize("l1", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (10, 33), (17, 784), (2, 3073)], ids=str)
def test_a_step_agrees_with_the_twin(
    simd_level: str, shape: tuple[int, int], dtype: str, l1: float, momentum: dict
) -> None:
    rng = np.random.default_rng(0)
    W, dW, vW = rng.normal(size=(3, *shape)).astype(dtype)
    b, db, vb = rng.normal(size=(3, shape[0])).astype(dtype)
    for with_bias in (True, False):
        got, expected = [
            [array.astype(t) for array in ((W, vW, b, vb) if with_bias else (W, vW))] for t in (dtype, np.float64)
        ]
        for module, (w, v, *rest) in ((functional, got), (reference, expected)):
            bias, v_bias = rest or (None, None)
            gradient = dW.astype(w.dtype), db.astype(w.dtype) if with_bias else None
            velocity = (v, v_bias) if momentum else None
            assert module.sgd_step(w, bias, *gradient, lr=0.1, l1=l1, velocity=velocity, **momentum) is None
        for actual, wanted in zip(got, expected, strict=True):
            assert_close(actual, wanted, dtype)


def test_the_formulas_of_the_step_by_hand(simd_level: str) -> None:
    def step(**options: Any) -> tuple[list[float], list[float]]:
        W, b = np.array([[1.0, -2.0]]), np.array([0.5])
        v = (np.array([[0.5, 0.0]]), np.array([-1.0]))
        if "momentum" not in options:
            functional.sgd_step(W, b, np.array([[2.0, 4.0]]), np.array([1.0]), lr=0.25, **options)
        else:
            functional.sgd_step(W, b, np.array([[2.0, 4.0]]), np.array([1.0]), lr=0.25, velocity=v, **options)
        return [*W[0], *b], [*v[0][0], *v[1]]

    assert step() == ([0.5, -3.0, 0.25], [0.5, 0.0, -1.0])
    # v = 0.5 v - 0.25 dW
    assert step(momentum=0.5) == ([0.75, -3.0, -0.25], [-0.25, -1.0, -0.75])
    # W += 0.5 v - 0.25 dW with the new v
    assert step(momentum=0.5, nesterov=True) == ([0.375, -3.5, -0.125], [-0.25, -1.0, -0.75])
    # The proximal step pulls W, and not b, towards zero by lr * l1 = 0.25, and stops there.
    assert step(l1=1.0) == ([0.25, -2.75, 0.25], [0.5, 0.0, -1.0])
    assert step(l1=2.0) == ([0.0, -2.5, 0.25], [0.5, 0.0, -1.0])
    assert step(l1=100.0) == ([0.0, 0.0, 0.25], [0.5, 0.0, -1.0])
    # With momentum, v is what W moved by, that step included.
    assert step(momentum=0.5, l1=1.0) == ([0.5, -2.75, -0.25], [-0.5, -0.75, -0.75])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_velocity_without_momentum_is_what_the_twin_makes_of_it(simd_level: str, dtype: str) -> None:
    W, b = np.ones((2, 3), dtype), np.ones(2, dtype)
    models = []
    for module in (functional, reference):
        w, bias, v = W.copy(), b.copy(), (np.full_like(W, 7), np.full_like(b, 7))
        module.sgd_step(w, bias, W, b, lr=0.5, velocity=v)
        models.append((w, bias, *v))
    assert same_bits(*models)


# An epoch


def run_both(
    p: Problem,
    *,
    with_bias: bool = True,
    with_velocity: bool | None = None,
    X: np.ndarray | None = None,
    **options: Any,
) -> tuple[tuple, tuple]:
    """(W, b, vW, vb, loss, accuracy) of the compiled epoch and of the twin's in float64."""
    results = []
    if with_velocity is None:
        with_velocity = bool(options.get("momentum"))
    for compiled in (True, False):
        W, b = parameters(p, None if compiled else np.float64, with_bias)
        velocity = at_rest(W, b) if with_velocity else None
        if compiled:
            X = p.X if X is None else X
            result = functional.sgd_epoch(X, p.y, W, b, velocity=velocity, **options)
        else:
            result = reference.sgd_epoch(
                p.X.astype(np.float64), p.y, W, b, velocity=velocity, **options | {"n_threads": None}
            )
        results.append((W, b, *(velocity or (None, None)), *result))
    return results[0], results[1]


def check(p: Problem, velocity_scale: float = 0.0, **options: Any) -> None:
    """The compiled epoch agrees with the twin's; `velocity_scale` is the scale of `assert_close` for velocities."""
    got, expected = run_both(p, **options)
    for name, actual, wanted in zip(("W", "b", "vW", "vb"), got, expected, strict=False):
        assert (actual is None) == (wanted is None)
        if wanted is not None:
            assert_close(actual, wanted, p.dtype, name, velocity_scale if name[0] == "v" else 0.0)
    tolerance = 1e-5 if p.dtype == np.float32 else 1e-12
    assert got[4] == pytest.approx(expected[4], rel=tolerance)
    # A row whose two best scores are equal but for rounding may count or not.
    assert got[5] == pytest.approx(
        expected[5], abs=(2.5 if p.dtype == np.float32 else 0) / max(len(p.y), 1), nan_ok=True
    )


@each_momentum
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (2, 3, 2), (33, 17, 3), (257, 31, 10), (257, 784, 10), (70, 3073, 7), (100, 33, 100), (40, 100, 1000)],
    ids=str,
)  # fmt: skip
def test_softmax_agrees_with_the_twin(simd_level: str, shape: tuple[int, int, int], dtype: str, momentum: dict) -> None:
    p = problem(*shape, dtype, scaled=dtype == "uint8")
    order = np.random.default_rng(0).permutation(shape[0])
    # A rate above 2 / |x|^2 would overshoot, and amplify rounding from step to step.
    for turn, batch_size in enumerate((7, 50) if shape[0] < 100 else (32, 100)):
        check(
            p, order=order, batch_size=batch_size, lr=min(0.05, 2 / shape[1]), **momentum, **p.scaling, l2=0.01 * turn,
            with_bias=turn != 1, n_threads=THREADS[(turn + shape[0]) % 4],
        )  # fmt: skip


@each_momentum
@pytest.mark.parametrize(
    "hinge", [{"power": power, "kind": kind} for power in (1, 2) for kind in ("sum", "max")], ids=str
)
@pytest.mark.parametrize(
    "shape", [(2, 3, 2), (33, 17, 3), (257, 31, 10), (257, 784, 10), (40, 33, 100), (20, 5, 1)], ids=str
)
def test_hinge_agrees_with_the_twin(simd_level: str, shape: tuple[int, int, int], hinge: dict, momentum: dict) -> None:
    # In float32 a score within rounding of its margin sends the weights another way: here is float64, float32 is next.
    for dtype, scaled in (("float64", False), ("int32", True)):
        p = problem(*shape, dtype, scaled=scaled)
        check(p, loss="hinge", batch_size=25, lr=0.01, margin=1.5, l2=0.01, **momentum, **hinge, **p.scaling)


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}], ids=str)
@pytest.mark.parametrize("kind", ["sum", "max"])
@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "int16", "int64"])
def test_hinge_of_whole_numbers_is_exact_ties_and_all(simd_level: str, dtype: str, kind: str, momentum: dict) -> None:
    # Batches of 32, a rate of 1/16 and few steps: float32 holds every number on the way, so nothing may differ.
    for n, d, c in ((64, 17, 3), (96, 5, 10), (64, 40, 17), (96, 3, 2), (32, 9, 1)):
        p = whole_number_problem(n, d, c, dtype)
        got, expected = run_both(p, loss="hinge", kind=kind, batch_size=32, lr=1 / 16, n_threads=2, **momentum)
        for actual, wanted in zip(got[:4], expected[:4], strict=True):
            if wanted is not None:
                np.testing.assert_array_equal(actual, wanted)
        assert got[4:] == expected[4:]


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_batches_of_more_than_a_thousand_rows(simd_level: str, dtype: str, loss: str) -> None:
    p = problem(2600, 33, 10, dtype, scaled=True)
    for batch_size in (1024, 1025, 1300, 2600):
        check(p, loss=loss, power=2, batch_size=batch_size, lr=0.01, momentum=0.9, n_threads=3, **p.scaling)
    # A batch larger than all there is, is all there is.
    W, b = parameters(p)
    whole = functional.sgd_epoch(p.X, p.y, W, b, batch_size=2600, lr=0.1, loss=loss, **p.scaling), W, b
    W, b = parameters(p)
    assert same_bits(
        whole, (functional.sgd_epoch(p.X, p.y, W, b, batch_size=10**9, lr=0.1, loss=loss, **p.scaling), W, b)
    )


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@each_momentum
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_epoch_is_its_steps_one_by_one(simd_level: str, dtype: str, momentum: dict, loss: str) -> None:
    p = problem(203, 65, 10, dtype, scaled=True)
    rng = np.random.default_rng(0)
    order, rates, weight = rng.integers(0, 203, 230), rng.uniform(0.001, 0.01, 8), rng.choice([0, 0.5, 1, 2], 203)
    common = {"l2": 0.1, "sample_weight": weight, **p.scaling} | (
        {"margin": 2.0, "power": 2} if loss == "hinge" else {}
    )
    W, b = parameters(p)
    velocity = at_rest(W, b)
    result = functional.sgd_epoch(
        p.X,
        p.y,
        W,
        b,
        loss=loss,
        order=order,
        batch_size=32,
        lr=rates,
        l1=0.02,
        velocity=velocity,
        **common,
        **momentum,
    )
    W1, b1 = parameters(p)
    velocity1 = at_rest(W1, b1)
    sum_loss = sum_weight = right = seen = 0.0
    for k, rate in enumerate(rates):
        rows = order[32 * k : 32 * k + 32]
        step_loss = getattr(functional, f"{loss}_loss")
        here = step_loss(p.X, p.y, W1, b1, rows=rows, l1=0.02, **common)
        _, dW, db = step_loss(p.X, p.y, W1, b1, rows=rows, **common)
        scaled_rows = (p.X[rows].astype(np.float64) - p.scaling["shift"]) * p.scaling["scale"]
        predicted = functional.predict(scaled_rows, W1.astype(np.float64), b1.astype(np.float64))
        right += np.count_nonzero((predicted == p.y[rows]) & (weight[rows] > 0))
        seen += np.count_nonzero(weight[rows] > 0)
        sum_loss += weight[rows].sum() * here.loss
        sum_weight += weight[rows].sum()
        functional.sgd_step(W1, b1, dW, db, lr=rate, l1=0.02, velocity=velocity1, **momentum)
    for actual, wanted in zip((W, b, *velocity), (W1, b1, *velocity1), strict=True):
        assert_close(actual, wanted.astype(np.float64), p.dtype, scale=float(np.abs(W1).max()))
    assert result.loss == pytest.approx(sum_loss / sum_weight, rel=1e-5 if p.dtype == np.float32 else 1e-12)
    assert result.accuracy == pytest.approx(right / seen, abs=1.5 / seen if p.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_momentum
def test_the_proximal_step_leaves_zeros_that_are_exact(simd_level: str, dtype: str, momentum: dict) -> None:
    p = problem(257, 50, 5, dtype)
    for l1 in (0.5, 1e9):
        W, b = parameters(p)
        functional.sgd_epoch(p.X, p.y, W, b, batch_size=32, lr=0.1, l1=l1, **momentum)
        zeros = np.mean(W == 0)
        assert zeros == 1 if l1 > 1 else zeros > 0.1
        assert (b != 0).all()
    check(p, batch_size=64, lr=0.1, l1=0.01, l2=0.01, **momentum)


def test_the_optimum_under_l1_does_not_depend_on_the_momentum(simd_level: str) -> None:
    # Were the proximal step not a part of what momentum carries on, more momentum would mean less l1.
    p = problem(200, 12, 3, "float64")
    optima = []
    for momentum in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}):
        W, b = parameters(p)
        velocity = at_rest(W, b)
        penalties = {"l1": 0.02, "l2": 0.01}
        for _ in range(3000):
            functional.sgd_epoch(p.X, p.y, W, b, batch_size=200, lr=0.1, velocity=velocity, **penalties, **momentum)
        optima.append(W)
    zeros = optima[0] == 0
    assert 0.2 < zeros.mean() < 0.95
    # There the gradient of the rest is within l1 of zero where W is zero, and l1 away from it where W is not.
    dW = functional.softmax_loss(p.X, p.y, optima[0], b, l2=0.01).dW
    assert (np.abs(dW[zeros]) <= 0.02).all()
    np.testing.assert_allclose(dW[~zeros], -0.02 * np.sign(optima[0][~zeros]), atol=1e-7)
    for W in optima[1:]:
        np.testing.assert_allclose(W, optima[0], atol=1e-7)
        np.testing.assert_array_equal(W == 0, zeros)


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
def test_the_order_is_kept_and_the_rows_counted_once(simd_level: str, loss: str) -> None:
    p = problem(100, 17, 5, "float64")
    orders: list[Any] = [None, np.arange(100)[::-1], [5, 5, 7], np.arange(3, 90, 2, dtype=np.int16), range(40)]
    for order in orders:
        check(p, loss=loss, order=order, batch_size=7, lr=0.05)
    W, b = parameters(p)
    W1, b1 = parameters(p)
    assert same_bits(
        (functional.sgd_epoch(p.X, p.y, W, b, batch_size=7, lr=0.1, loss=loss), W, b),
        (functional.sgd_epoch(p.X, p.y, W1, b1, order=np.arange(100), batch_size=7, lr=0.1, loss=loss), W1, b1),
    )


@each_momentum
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_the_velocity_is_carried_over(simd_level: str, dtype: str, momentum: dict) -> None:
    p = problem(128, 33, 5, dtype, scaled=True)
    order = np.random.default_rng(0).permutation(128)
    W, b = parameters(p)
    velocity = at_rest(W, b)
    functional.sgd_epoch(
        p.X, p.y, W, b, order=order, batch_size=16, lr=0.02, velocity=velocity, **momentum, **p.scaling
    )
    W2, b2 = parameters(p)
    velocity2 = at_rest(W2, b2)
    for half in (order[:64], order[64:]):
        functional.sgd_epoch(
            p.X, p.y, W2, b2, order=half, batch_size=16, lr=0.02, velocity=velocity2, **momentum, **p.scaling
        )
    for actual, wanted in zip((W2, b2, *velocity2), (W, b, *velocity), strict=True):
        assert_close(actual, wanted.astype(np.float64), p.dtype)
    if momentum:
        assert velocity[0].any() and velocity[1].any()
        # Without one to carry it starts from rest.
        W3, b3 = parameters(p)
        functional.sgd_epoch(p.X, p.y, W3, b3, order=order, batch_size=16, lr=0.02, **momentum, **p.scaling)
        assert same_bits((W3, b3), (W, b))


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_of_no_weight_are_not_there(simd_level: str, dtype: str, loss: str) -> None:
    p = problem(100, 33, 5, dtype)
    weight = np.ones(100)
    weight[[3, 50, 51]], weight[20:40] = 0, 0  # the second batch of twenty has none at all
    X = p.X.copy()
    X[weight == 0] = np.nan
    rates = np.array([0.01, 0.5, 0.02, 0.03, 0.04])
    options: dict[str, Any] = {"loss": loss, "power": 2, "batch_size": 20, "momentum": 0.5, "l2": 0.1}
    check(p, X=X, sample_weight=weight, lr=rates, **options)

    # The second batch is no step at all: not of the momentum either. Its rate is used up.
    W, b = parameters(p)
    velocity = at_rest(W, b)
    functional.sgd_epoch(X, p.y, W, b, velocity=velocity, sample_weight=weight, lr=rates, **options)
    W1, b1 = parameters(p)
    velocity1 = at_rest(W1, b1)
    kept = np.concatenate([np.arange(20), np.arange(40, 100)])
    functional.sgd_epoch(
        X, p.y, W1, b1, velocity=velocity1, sample_weight=weight, order=kept, lr=rates[[0, 2, 3, 4]], **options
    )
    assert same_bits((W, b, *velocity), (W1, b1, *velocity1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_epoch_of_nothing_changes_nothing(simd_level: str, dtype: str) -> None:
    p = problem(40, 5, 3, dtype)
    empty: list[dict[str, Any]] = [
        {"order": []}, {"order": np.zeros(0, np.int64)}, {"sample_weight": np.zeros(40)}, {"X": p.X[:0], "y": []},
    ]  # fmt: skip
    for options in empty:
        W, b = parameters(p)
        velocity = np.ones_like(W), np.ones_like(b)
        kept = W.copy(), b.copy(), *(v.copy() for v in velocity)
        given_rows = {"X": p.X, "y": p.y} | options
        loss, accuracy = functional.sgd_epoch(
            given_rows.pop("X"),
            given_rows.pop("y"),
            W,
            b,
            lr=0.1,
            momentum=0.5,
            velocity=velocity,
            l2=0.5,
            l1=0.25,
            **given_rows,
        )
        assert same_bits((W, b, *velocity), kept)
        wide = W.astype(np.float64)
        assert loss == pytest.approx(0.5 * np.sum(wide**2) + 0.25 * np.abs(wide).sum(), rel=1e-6)
        assert math.isnan(accuracy)


def test_a_rate_for_each_batch(simd_level: str) -> None:
    p = problem(50, 7, 3, "float64")
    rates = [0.25, 0.125, 0.5]
    for lr in (rates, np.array(rates), np.array(rates, np.float32), tuple(rates)):
        check(p, batch_size=20, lr=lr)
    for wrong in (rates[:2], [*rates, 0.5]):
        with pytest.raises(ValueError, match=r"lr has shape"):
            functional.sgd_epoch(p.X, p.y, *parameters(p), batch_size=20, lr=wrong)


def test_the_result_is_the_running_mean(simd_level: str) -> None:
    # A rate too small to change anything: the running mean is the loss, penalty included, and the accuracy the model's.
    p = problem(100, 17, 5, "float64")
    W, b = parameters(p)
    weight = np.random.default_rng(0).uniform(0.5, 2, 100)
    result = functional.sgd_epoch(p.X, p.y, W, b, batch_size=30, lr=1e-300, l2=0.2, l1=0.3, sample_weight=weight)
    expected = twin("softmax_loss", p.X, p.y, p.W, p.b, l2=0.2, l1=0.3, sample_weight=weight).loss
    assert type(result.loss) is float and type(result.accuracy) is float
    assert result == (pytest.approx(expected, rel=1e-12), np.mean(twin("predict", p.X, p.W, p.b) == p.y))


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
def test_a_ruined_epoch_shows(simd_level: str, loss: str) -> None:
    p = problem(100, 17, 5, "float32")
    X = p.X.copy()
    X[55, 3] = np.nan
    W, b = parameters(p)
    with np.errstate(all="ignore"):
        result = functional.sgd_epoch(X, p.y, W, b, batch_size=10, lr=0.1, loss=loss)
    assert math.isnan(result.loss)
    assert np.isnan(W[:, 3]).all()


@given(
    st.sampled_from(DTYPES), st.tuples(st.integers(1, 80), st.integers(1, 70), st.integers(1, 20)), st.integers(1, 90),
    st.sampled_from(LEVELS), st.sampled_from(THREADS), st.sampled_from(MOMENTA), st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_any_epoch_agrees_with_the_twin(
    dtype: str, shape: tuple, batch_size: int, level: str, n_threads: int, momentum: dict, with_bias: bool, seed: int
) -> None:
    p = problem(*shape, dtype, scaled=bool(seed % 2), seed=seed)
    order = np.random.default_rng(seed).integers(0, shape[0], seed % 100)
    size = np.sqrt(np.mean(p.X.astype(np.float64) ** 2)) if not p.scaling else 1.0
    lr = 0.01 / max(size, 1) ** 2
    with config.use_simd_level(level):
        # A rate such that the steps are small beside W, whatever the features: no chaos to amplify rounding.
        check(p, order=order, batch_size=batch_size, lr=lr, n_threads=n_threads, with_bias=with_bias, l2=0.01,
              velocity_scale=0.05 * lr * min(size, 1), **momentum, **p.scaling)  # fmt: skip


def test_training_learns(simd_level: str) -> None:
    # Three well separated clouds, as bytes: after a few epochs nearly all are told apart.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    X = np.clip(rng.normal(rng.uniform(60, 200, (3, 48))[y], 20), 0, 255).astype(np.uint8)
    mean, variance = functional.moments(X)
    for loss in ("softmax", "hinge"):
        W, b = np.zeros((3, 48), np.float32), np.zeros(3, np.float32)
        velocity = at_rest(W, b)
        losses = [
            functional.sgd_epoch(
                X, y, W, b, loss=loss, order=rng.permutation(600), batch_size=50, lr=0.01, momentum=0.9,
                velocity=velocity, shift=mean, scale=1 / np.sqrt(variance),
            )
            for _ in range(5)
        ]  # fmt: skip
        assert losses[-1].loss < 0.1 * losses[0].loss or losses[-1].loss < 0.01
        assert losses[-1].accuracy > 0.99


def test_what_is_read_may_not_lie_in_what_is_written() -> None:
    X, y = np.ones((4, 4)), [0, 1, 0, 1]
    for name, part in (("shift", slice(0, 4)), ("scale", slice(4, 8)), ("sample_weight", slice(2, 6))):
        W = np.ones((2, 4))
        for module in (functional, reference):
            with pytest.raises(ValueError, match=rf"^W overlaps {name} "):
                module.sgd_epoch(X, y, W, None, lr=0.1, **{name: W.ravel()[part]})
            assert (W == 1).all()


@pytest.mark.parametrize("module", [functional, reference])
def test_the_report_has_the_loss_of_each_batch_before_its_step(module: Any) -> None:
    rng = np.random.default_rng(0)
    X, y, W = rng.normal(size=(10, 5)), rng.integers(0, 3, 10), rng.normal(size=(3, 5))
    weight = np.array([1.0, 2.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 3.0])
    expected, stepped = [], W.copy()
    for rows in (np.arange(4), np.arange(8, 10)):
        loss, dW, _ = functional.softmax_loss(X, y, stepped, l2=0.1, rows=rows, sample_weight=weight)
        expected.append(loss)
        stepped -= 0.1 * dW
    report = EpochReport()
    assert report.losses.shape == (0,)
    result = module.sgd_epoch(X, y, W, None, batch_size=4, lr=0.1, l2=0.1, sample_weight=weight, report=report)
    np.testing.assert_allclose(report.losses, [expected[0], np.nan, expected[1]], rtol=1e-12)
    assert result.loss == pytest.approx((4.5 * expected[0] + 4.0 * expected[1]) / 8.5)
    np.testing.assert_allclose(W, stepped, rtol=1e-12)
    assert report.penalty == pytest.approx(0.1 * float((W**2).sum()), rel=1e-12) and report.is_finite
    # With an l1 penalty, and again in the same report.
    before = float(np.abs(W).sum())
    first = functional.softmax_loss(X, y, W, sample_weight=weight, rows=np.arange(4)).loss
    module.sgd_epoch(X, y, W, None, batch_size=4, lr=0.1, l1=0.2, sample_weight=weight, report=report)
    assert report.losses[0] == pytest.approx(first + 0.2 * before) and np.isnan(report.losses[1])


def test_a_report_of_weights_beyond_all_numbers_is_quiet() -> None:
    report = EpochReport()
    assert np.isnan(report.update_ratio)
    report.told[:] = [1.0, np.inf, np.inf, np.inf, np.inf]
    assert np.isnan(report.update_ratio) and report.gradient_norm == np.inf and not report.is_finite
    report.told[2:4] = [1e308, 1e308]
    assert not report.is_finite
    report.told[2:] = [4.0, 16.0, 1.0]
    assert report.update_ratio == 0.5 and report.is_finite
