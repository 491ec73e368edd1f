"""The hinge's gradient where lists of rows make it: few violations or nearly all, every width, height and dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import assert_same_result, same_bits, twin
from strategies import DTYPES, Problem, problem

from fastlin import functional

HINGES: list[dict[str, Any]] = [{"power": 1}, {"power": 2}, {"kind": "max"}]
# Of 10 classes one less is multiplied; more than 40 are multiplied all, more than 112 as panels. Of few classes only
# rows of more than 576 features are listed (FL_SPARSE_COST).
CLASSES = (7, 10, 37, 60, 130)
# Strong weights violate few margins, none violate all.
STRENGTHS = (0.0, 0.05, 30.0)


def aligned(p: Problem, offset: int) -> np.ndarray:
    """The rows, beginning `offset` elements behind a pair of cache lines."""
    room = np.empty(p.X.size * p.X.itemsize + 256, np.uint8)
    start = -room.ctypes.data % 128 + offset * p.X.itemsize
    X = room[start : start + p.X.nbytes].view(p.X.dtype).reshape(p.X.shape)
    X[...] = p.X
    return X


def check(p: Problem, X: np.ndarray, strength: float, **options: Any) -> None:
    """The compiled hinge loss agrees with the twin's.

    Where all margins are violated the last class's gradient, minus the sum of up to 36 others, has the rounding errors
    of them all, which of raw bytes have one sign; so the scale is that of the rows.
    """
    W = (p.W * strength).astype(p.W.dtype)
    scale = 3 * float(np.abs(X.astype(np.float64)).mean())
    expected = twin("hinge_loss", X, p.y, W, p.b, **options)
    actual = functional.hinge_loss(X, p.y, W, p.b, **options)
    assert_same_result(actual, expected, p.W.dtype, f"{p.X.shape} {strength} {options}", scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", CLASSES)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_it_agrees_with_the_twin(simd_level: str, dtype: str, n_classes: int, strength: float) -> None:
    p = problem(203, 797, n_classes, dtype)
    for offset, hinge in enumerate(HINGES):
        check(p, aligned(p, offset), strength, **hinge)


@pytest.mark.parametrize("d", [1, 200, *range(640, 773, 11), 768, 800, 1023, 1025])
def test_every_width(simd_level: str, d: int) -> None:
    for dtype in ("uint8", "float32", "float64"):
        p = problem(70, d, 13, dtype)
        for offset in (0, 1, 5):
            check(p, aligned(p, offset), 0.0)
            check(p, aligned(p, offset), 30.0)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 128, 129, 200])
def test_every_height(simd_level: str, n: int) -> None:
    p = problem(n, 750, 12, "float32")
    for strength in STRENGTHS:
        check(p, aligned(p, 4), strength)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_weights_and_repeated_rows(simd_level: str, strength: float) -> None:
    p = problem(150, 1320, 10, "float32")
    rng = np.random.default_rng(0)
    weight = rng.choice([0.0, 0.5, 1.0, 3.0], 150)
    rows = rng.integers(0, 150, 400)
    for hinge in HINGES:
        check(p, p.X, strength, sample_weight=weight, rows=rows, **hinge)


@pytest.mark.parametrize("shape", [(600, 784, 10), (300, 3072, 10), (256, 500, 130)], ids=str)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_threads_do_not_change_the_bits(simd_level: str, shape: tuple[int, int, int], strength: float) -> None:
    p = problem(*shape, "float32")
    W = (p.W * strength).astype(np.float32)
    one = functional.hinge_loss(p.X, p.y, W, p.b, n_threads=1)
    several = functional.hinge_loss(p.X, p.y, W, p.b, n_threads=3)
    assert same_bits(tuple(one), tuple(several))
    ends = []
    for n_threads in (1, 2, 5):
        trained = W.copy()
        functional.sgd_epoch(p.X, p.y, trained, None, loss="hinge", batch_size=128, lr=1e-4, n_threads=n_threads)
        ends.append(trained)
    assert same_bits(ends[0], ends[1])
    assert same_bits(ends[0], ends[2])


def test_rows_that_are_not_finite_stay_so(simd_level: str) -> None:
    p = problem(80, 1200, 10, "float32")
    X = p.X.copy()
    X[17, 3] = np.inf
    actual = functional.hinge_loss(X, p.y, p.W, p.b)
    assert not np.isfinite(actual.loss)
    assert not np.isfinite(actual.dW[:, 3]).all()


@pytest.mark.parametrize("n_classes", [10, 60])
@pytest.mark.parametrize("heavy", [1.0, 1e2, 1e7])
def test_a_heavy_row_costs_the_others_no_digits(simd_level: str, n_classes: int, heavy: float) -> None:
    """All margins are violated but one row's of class 1, which no sum of all rows may bring into that class."""
    p = problem(64, 1400, n_classes, "float32", seed=1)
    W, b = np.zeros_like(p.W), np.zeros(n_classes, np.float32)
    y = np.where(np.arange(64) % 2, n_classes - 1, 2)
    X = p.X.copy()
    X[:, 0] = 0
    X[5, 0] = 1
    W[1, 0] = -2
    weight = np.ones(64)
    weight[5] = heavy
    expected = twin("hinge_loss", X, y, W, b, sample_weight=weight)
    actual = functional.hinge_loss(X, y, W, b, sample_weight=weight)
    error = np.abs(actual.dW[1] - expected.dW[1]).max()
    assert error <= 2e-6 * np.abs(expected.dW[1]).max()
