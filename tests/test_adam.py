"""adam_step, adam_epoch, the mean of the iterates, the report of a step, and evaluate: formulas, twin, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import assert_close, same_bits
from strategies import DTYPES, THREADS, Problem, problem

from fastlin import functional, reference
from fastlin._results import EpochReport


def model(p: Problem, dtype: Any = None, with_bias: bool = True) -> tuple[Any, Any]:
    dtype = dtype or p.dtype
    return p.W.astype(dtype), p.b.astype(dtype) if with_bias else None


def zeros(W: np.ndarray, b: np.ndarray | None) -> tuple[Any, Any]:
    return np.zeros_like(W), None if b is None else np.zeros_like(b)


def flat(*pairs: Any) -> list[np.ndarray]:
    return [part for pair in pairs for part in pair if part is not None]


@pytest.mark.parametrize("l1", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (10, 33), (17, 784), (2, 3073)], ids=str)
def test_steps_agree_with_the_twin(simd_level: str, shape: tuple[int, int], dtype: str, l1: float) -> None:
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(3, *shape)).astype(dtype)
    W0, b0, db = rng.normal(size=shape).astype(dtype), *rng.normal(size=(2, shape[0])).astype(dtype)
    results = []
    for module, real in ((functional, np.dtype(dtype)), (reference, np.dtype(np.float64))):
        W, b = W0.astype(real), b0.astype(real)
        moments = zeros(W, b), zeros(W, b)
        for k, dW in enumerate(gradients):
            module.adam_step(W, b, dW.astype(real), db.astype(real), lr=0.1, moments=moments, n_steps=k, l1=l1)
        results.append(flat((W, b), *moments))
    for actual, wanted in zip(*results, strict=True):
        assert_close(actual, wanted, dtype)


def test_the_formulas_of_the_step_by_hand(simd_level: str) -> None:
    def step(dW: float, s: float = 0.0, m: float = 0.0, **options: Any) -> float:
        W = np.array([[1.0]])
        moments = (np.array([[m]]), None), (np.array([[s]]), None)
        functional.adam_step(W, None, np.array([[dW]]), None, lr=0.25, moments=moments, epsilon=1e-300, **options)
        return float(W[0, 0])

    # The first step has the size of the rate, whatever the gradient's.
    assert step(3.0) == pytest.approx(0.75) and step(-1e-3) == pytest.approx(1.25)
    # m = 0.5 * 2 + 0.5 * 4 = 3; s = 0.75 * 12 + 0.25 * 16 = 13; both divided by 1 - beta^2.
    wanted = 1 - 0.25 * (3 / (1 - 0.25)) / np.sqrt(13 / (1 - 0.5625))
    assert step(4.0, s=12.0, m=2.0, n_steps=1, beta1=0.5, beta2=0.75) == pytest.approx(wanted)
    # The own rate of the weight is 0.25 / 2: so much of the l1 penalty goes off, and not beyond zero.
    assert step(2.0, l1=1.0) == pytest.approx(0.75 - 0.125) and step(2.0, l1=6.0) == 0.0


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("adam", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(33, 17, 3), (257, 784, 10), (100, 33, 100), (40, 100, 1000)], ids=str)
def test_an_epoch_agrees_with_the_twin(
    simd_level: str, shape: tuple[int, int, int], dtype: str, adam: bool, averaged: bool
) -> None:
    p = problem(*shape, dtype, scaled=dtype in ("uint8", "float64"))
    order = np.random.default_rng(0).permutation(shape[0])
    with_bias, results, reports = shape[0] != 100, [], []
    options: dict[str, Any] = {"order": order, "batch_size": 16, "l2": 0.01, "l1": 0.001, **p.scaling}
    for module, real in ((functional, None), (reference, np.float64)):
        W, b = model(p, real, with_bias)
        X = p.X if real is None else p.X.astype(np.float64)
        kept, average, report = (zeros(W, b), zeros(W, b)), zeros(W, b), EpochReport()
        if averaged:
            options |= {"average": average, "n_averaged": 3}
        threads = THREADS[shape[0] % 4] if real is None else None
        common = {**options, "report": report, "n_threads": threads}
        # A large epsilon: else the sign of a gradient that is zero but for rounding would decide a whole step.
        if adam:
            extra = {"moments": kept, "n_steps": 5, "beta2": 0.9, "epsilon": 0.1, "lr": 0.01}
            result = module.adam_epoch(X, p.y, W, b, **common, **extra)
        else:
            result = module.sgd_epoch(
                X, p.y, W, b, velocity=kept[0], momentum=0.5, lr=min(0.05, 2 / shape[1]), **common
            )
        results.append((flat((W, b), *kept, average), result))
        reports.append(report)
    size = max(float(np.abs(p.W).max()), 1.0)
    for actual, wanted in zip(results[0][0], results[1][0], strict=True):
        assert_close(actual, wanted, p.dtype, scale=size)
    assert results[0][1].loss == pytest.approx(results[1][1].loss, rel=1e-5 if p.dtype == np.float32 else 1e-12)
    assert reports[0].n_steps == reports[1].n_steps == -(-shape[0] // 16)
    for name in ("gradient_norm", "update_ratio"):
        actual, wanted = getattr(reports[0], name), getattr(reports[1], name)
        assert actual == pytest.approx(wanted, rel=1e-3 if p.dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("shape", [(300, 700, 10), (64, 300, 600)], ids=str)
@pytest.mark.parametrize("adam", [False, True])
def test_the_bits_do_not_depend_on_the_threads(shape: tuple[int, int, int], adam: bool) -> None:
    p = problem(*shape, "float32")
    results = []
    for n_threads in (1, 2, 5):
        W, b = model(p)
        kept, average, report = (zeros(W, b), zeros(W, b)), zeros(W, b), EpochReport()
        common: dict[str, Any] = {"batch_size": 100, "lr": 1e-3, "average": average, "report": report}
        if adam:
            result = functional.adam_epoch(p.X, p.y, W, b, moments=kept, n_threads=n_threads, **common)
        else:
            result = functional.sgd_epoch(p.X, p.y, W, b, velocity=kept[0], momentum=0.9, n_threads=n_threads, **common)
        results.append((*flat((W, b), *kept, average), report.told, *result))
    assert same_bits(results[0], results[1]) and same_bits(results[0], results[2])


def test_the_average_is_the_mean_of_the_weights_after_each_step(simd_level: str) -> None:
    p = problem(100, 7, 3, "float64")
    W, b = model(p)
    seen = []
    for k in range(10):
        functional.sgd_epoch(p.X, p.y, W, b, order=np.arange(10 * k, 10 * k + 10), batch_size=10, lr=0.05)
        seen.append((W.copy(), b.copy()))
    W, b = model(p)
    average = zeros(W, b)
    functional.sgd_epoch(p.X, p.y, W, b, order=np.arange(40), batch_size=10, lr=0.05, average=average)
    functional.sgd_epoch(
        p.X, p.y, W, b, order=np.arange(40, 100), batch_size=10, lr=0.05, average=average, n_averaged=4
    )  # fmt: skip
    np.testing.assert_allclose(average[0], np.mean([w for w, _ in seen], axis=0), rtol=1e-12)
    np.testing.assert_allclose(average[1], np.mean([b for _, b in seen], axis=0), rtol=1e-12)


def test_adam_finds_the_optimum_under_l1_with_exact_zeros(simd_level: str) -> None:
    p = problem(200, 12, 3, "float64")
    W, b = model(p)
    moments = zeros(W, b), zeros(W, b)
    for k in range(4000):
        lr = 0.05 * (1 - k / 4000)
        functional.adam_epoch(p.X, p.y, W, b, batch_size=200, lr=lr, moments=moments, n_steps=k, l2=0.01, l1=0.02)
    zero = W == 0
    assert 0.2 < zero.mean() < 0.95
    dW = functional.softmax_loss(p.X, p.y, W, b, l2=0.01).dW
    assert (np.abs(dW[zero]) <= 0.02 + 1e-9).all()
    np.testing.assert_allclose(dW[~zero], -0.02 * np.sign(W[~zero]), atol=1e-5)


def test_the_report_is_of_the_last_step(simd_level: str) -> None:
    p = problem(50, 9, 3, "float64")
    W, b = model(p)
    report = EpochReport()
    functional.sgd_epoch(p.X, p.y, W, b, batch_size=20, lr=0.1, l2=0.3, l1=0.2, report=report)
    W1, b1 = model(p)
    functional.sgd_epoch(p.X, p.y, W1, b1, order=np.arange(40), batch_size=20, lr=0.1, l2=0.3, l1=0.2)
    _, dW, db = functional.softmax_loss(p.X, p.y, W1, b1, rows=np.arange(40, 50), l2=0.3)
    norm = lambda *parts: np.sqrt(sum(np.sum(part**2) for part in parts))  # noqa: E731
    assert report.n_steps == 3
    assert report.gradient_norm == pytest.approx(norm(dW, db), rel=1e-12)
    assert report.update_ratio == pytest.approx(norm(W - W1, b - b1) / norm(W1, b1), rel=1e-9)
    functional.sgd_epoch(p.X, p.y, W, b, order=[], lr=0.1, report=report)
    assert report.n_steps == 0 and np.isnan(report.gradient_norm) and np.isnan(report.update_ratio)


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 2), (257, 31, 10), (3000, 20, 3), (60, 40, 200)], ids=str)
def test_evaluate_agrees_with_the_loss_and_the_prediction(
    simd_level: str, shape: tuple[int, int, int], dtype: str, loss: str
) -> None:
    p = problem(*shape, dtype, scaled=True)
    weight = np.random.default_rng(0).choice([0.0, 1.0, 2.5], shape[0])
    weight[0] = 1.0
    rows = np.random.default_rng(1).integers(0, shape[0], shape[0] + 3)
    rows[0] = 0
    common: dict[str, Any] = {"sample_weight": weight, "rows": rows, "l2": 0.1, "l1": 0.2, **p.scaling}
    got = functional.evaluate(p.X, p.y, p.W, p.b, loss=loss, n_threads=2, **common)
    assert got.loss == pytest.approx(getattr(functional, f"{loss}_loss")(p.X, p.y, p.W, p.b, **common).loss, rel=1e-6)
    expected = reference.evaluate(p.X.astype(np.float64), p.y, p.W, p.b, loss=loss, **common)
    assert got.loss == pytest.approx(expected.loss, rel=1e-5)
    assert got.accuracy == pytest.approx(expected.accuracy, abs=1.5 / shape[0])
    assert same_bits(tuple(got), tuple(functional.evaluate(p.X, p.y, p.W, p.b, loss=loss, n_threads=1, **common)))
    assert np.isnan(functional.evaluate(p.X, p.y, p.W, rows=[]).accuracy)


@pytest.mark.parametrize(
    ("function", "changes", "error", "message"),
    [
        ("adam_epoch", {"moments": None}, TypeError, r"^moments is not a pair; wanted is two pairs"),
        ("adam_epoch", {"moments": (np.zeros(1), np.zeros(1))}, TypeError, r"^moments\[0\] is not a pair"),
        ("adam_epoch", {"beta1": 1.0}, ValueError, r"^beta1 is 1\.0; wanted is a number in \[0, 1\)"),
        ("adam_step", {"beta2": 0.0}, ValueError, r"^beta2 is 0\.0; wanted is a number above 0 and below 1"),
        ("adam_step", {"epsilon": 0}, ValueError, r"^epsilon is 0; wanted"),
        ("adam_epoch", {"n_steps": -1}, ValueError, r"^n_steps is -1; wanted is an integer >= 0"),
        ("adam_epoch", {"n_steps": 1.5}, TypeError, r"^n_steps is 1\.5; wanted is an integer >= 0"),
        ("adam_epoch", {"average": (np.zeros((2, 4)), None)}, TypeError, r"^average is not a pair"),
        ("adam_epoch", {"n_averaged": "x"}, TypeError, r"^n_averaged is 'x'"),
        ("adam_step", {"lr": 0}, ValueError, r"^lr is 0; wanted"),
    ],
)
def test_what_is_refused(function: str, changes: dict[str, Any], error: type, message: str) -> None:
    W, b = np.ones((2, 4)), np.zeros(2)
    arguments: dict[str, Any] = {"W": W, "b": b, "lr": 0.1, "moments": (zeros(W, b), zeros(W, b))}
    if function == "adam_epoch":
        arguments |= {"X": np.ones((3, 4)), "y": [0, 1, 0]}
    else:
        arguments |= {"dW": np.ones((2, 4)), "db": np.ones(2)}
    for module in (functional, reference):
        with pytest.raises(error, match=message):
            getattr(module, function)(**arguments | changes)
        assert (W == 1).all()


def test_what_is_written_lies_apart() -> None:
    W, b = np.ones((2, 4)), np.zeros(2)
    v = zeros(W, b)
    for module in (functional, reference):
        with pytest.raises(ValueError, match=r"^moments\[1\]\[0\] overlaps moments\[0\]\[0\]"):
            module.adam_epoch(np.ones((3, 4)), [0, 1, 0], W, b, lr=0.1, moments=(v, v))
        with pytest.raises(ValueError, match=r"^average\[0\] overlaps velocity\[0\]"):
            module.sgd_epoch(np.ones((3, 4)), [0, 1, 0], W, b, lr=0.1, momentum=0.5, velocity=v, average=v)
