"""Gradients against what knows nothing of them: central differences of the loss, and torch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import assert_close
from strategies import Problem, problem

from fastlin import functional, reference

LOSSES: list[tuple[str, dict[str, Any]]] = [("softmax_loss", {})] + [
    ("hinge_loss", {"power": power, "kind": kind}) for power in (1, 2) for kind in ("sum", "max")
]
each_loss = pytest.mark.parametrize(("loss", "kind"), LOSSES, ids=str)

STEP = 1e-3
# Of a seventh derivative of order one the formula below leaves 6 h^6 / 140, a tenth of float64's rounding over h.
WEIGHTS = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))


def numerical_gradient(f: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """The gradient of f by central differences of sixth order, one coordinate at a time."""
    gradient = np.empty_like(at)
    for index in np.ndindex(at.shape):
        difference = 0.0
        for steps, weight in WEIGHTS:
            for sign in (1, -1):
                moved = at.copy()
                moved[index] += sign * steps * STEP
                difference += sign * weight * f(moved)
        gradient[index] = difference / STEP
    return gradient


def off_the_kinks(shape: tuple[int, int, int], margin: float = 1.0, scaled: bool = False, seed: int = 0) -> Problem:
    """A problem no step of the differences takes over a kink, of the hinge or of |W|."""
    p = problem(*shape, "float64", margin=margin, scaled=scaled, clear_of=0.03, seed=seed)
    W = np.where(np.abs(p.W) < 4 * STEP, 8 * STEP, p.W)
    p = Problem(p.X, p.y, W, p.b, p.scaling)
    X = (p.X - p.scaling["shift"]) * p.scaling["scale"] if scaled else p.X
    s = X @ p.W.T + p.b
    n = np.arange(len(p.y))
    violation = s - s[n, p.y][:, None] + margin
    violation[n, p.y] = -np.inf
    # A step of W moves a difference of scores by at most this.
    reach = 3 * STEP * 2 * max(np.abs(X).max(), 1)
    assert np.abs(violation).min() > reach, "these rows stand too near a kink; choose another seed"
    if s.shape[1] > 2:
        second, first = np.sort(violation, axis=1)[:, -2:].T
        assert ((first - second > reach) | (first < 0)).all()
    return p


OPTIONS: list[dict[str, Any]] = [
    {}, {"l2": 0.3}, {"l1": 0.2}, {"sample_weight": np.array([0, 1, 2.5, 0, 0.1, 1])},
    {"rows": np.array([5, 0, 0, 3])},
    {"l2": 0.1, "l1": 0.1, "sample_weight": np.array([1, 1, 0, 2, 2, 3]), "rows": np.arange(5)},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "plain")
@pytest.mark.parametrize("scaled", [False, True], ids=["raw", "scaled"])
@each_loss
def test_the_gradient_is_that_of_the_loss(simd_level: str, loss: str, kind: dict, scaled: bool, options: dict) -> None:
    for shape in ((6, 4, 3), (6, 3, 2), (6, 5, 1)):
        p = off_the_kinks(shape, scaled=scaled)
        options = options | kind | p.scaling

        def f(W: np.ndarray, b: np.ndarray, p: Problem = p, options: dict = options) -> float:
            return getattr(functional, loss)(p.X, p.y, W, b, **options).loss

        _, dW, db = getattr(functional, loss)(p.X, p.y, p.W, p.b, **options)
        np.testing.assert_allclose(dW, numerical_gradient(lambda W, f=f, p=p: f(W, p.b), p.W), rtol=1e-8, atol=2e-10)
        np.testing.assert_allclose(db, numerical_gradient(lambda b, f=f, p=p: f(p.W, b), p.b), rtol=1e-8, atol=2e-10)


@pytest.mark.parametrize("margin", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("power", [1, 2])
def test_the_gradient_at_other_margins(simd_level: str, margin: float, power: int) -> None:
    p = off_the_kinks((6, 4, 3), margin=margin)
    for kind in ("sum", "max"):
        options = {"margin": margin, "power": power, "kind": kind}
        dW = functional.hinge_loss(p.X, p.y, p.W, p.b, **options).dW
        numerical = numerical_gradient(lambda W, o=options: functional.hinge_loss(p.X, p.y, W, p.b, **o).loss, p.W)
        np.testing.assert_allclose(dW, numerical, rtol=1e-8, atol=2e-10)


@pytest.mark.parametrize("shape", [(40, 50, 17), (33, 784, 10)], ids=str)
@each_loss
def test_the_gradient_along_random_directions(
    simd_level: str, loss: str, kind: dict, shape: tuple[int, int, int]
) -> None:
    # Where there are too many coordinates to try each: the slope of the loss along a line, at t = 0.
    p = problem(*shape, "float64", clear_of=1e-3)
    _, dW, db = getattr(functional, loss)(p.X, p.y, p.W, p.b, **kind)
    rng = np.random.default_rng(0)
    for _ in range(3):
        # Short enough that no score moves by more than the distance to the nearest kink.
        U, u = rng.normal(size=p.W.shape), rng.normal(size=p.b.shape)
        length = 0.1 / np.abs(p.X @ U.T + u).max()
        U, u = U * length, u * length

        def f(t: np.ndarray, U: np.ndarray = U, u: np.ndarray = u) -> float:
            return getattr(functional, loss)(p.X, p.y, p.W + t * U, p.b + t * u, **kind).loss

        slope = np.sum(dW * U) + np.sum(db * u)
        np.testing.assert_allclose(numerical_gradient(f, np.array(0.0)), slope, rtol=1e-7, atol=1e-11)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(33, 31, 10), (70, 17, 2), (257, 100, 100), (8, 784, 3)], ids=str)
def test_torch_agrees(simd_level: str, shape: tuple[int, int, int], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    entropy, margin_loss = torch.nn.functional.cross_entropy, torch.nn.functional.multi_margin_loss
    n_classes = shape[2]

    def by_torch(p: Problem, loss: Callable[..., Any]) -> tuple[float, np.ndarray, np.ndarray]:
        X, W, b = (torch.tensor(array.astype(np.float64)) for array in (p.X, p.W, p.b))
        W.requires_grad_()
        b.requires_grad_()
        value = loss(X @ W.T + b, torch.tensor(p.y))
        value.backward()
        return value.item(), W.grad.numpy(), b.grad.numpy()

    def agree(actual: Any, expected: tuple[float, np.ndarray, np.ndarray], p: Problem) -> None:
        assert actual.loss == pytest.approx(expected[0], rel=1e-5 if p.dtype == np.float32 else 1e-12)
        assert_close(actual.dW, expected[1], p.dtype, "dW")
        assert_close(actual.db, expected[2], p.dtype, "db")

    p = problem(*shape, dtype)
    agree(functional.softmax_loss(p.X, p.y, p.W, p.b), by_torch(p, entropy), p)
    weighted = np.random.default_rng(0).uniform(0, 2, shape[0])
    agree(
        functional.softmax_loss(p.X, p.y, p.W, p.b, sample_weight=weighted),
        by_torch(p, lambda s, y: (entropy(s, y, reduction="none") * torch.tensor(weighted)).sum() / weighted.sum()),
        p,
    )
    for power in (1, 2):
        for margin in (1.0, 0.5):
            p = problem(*shape, dtype, margin=margin)
            # torch divides the sum over the classes by their number.
            expected = by_torch(p, lambda s, y, k=power, m=margin: margin_loss(s, y, p=k, margin=m) * n_classes)
            agree(functional.hinge_loss(p.X, p.y, p.W, p.b, power=power, margin=margin), expected, p)


def test_the_twins_gradient_is_that_of_its_loss() -> None:
    # The twin is the measure of all the rest, so it is measured itself.
    p = off_the_kinks((6, 4, 3))
    for loss, kind in LOSSES:
        options = (
            {**kind, "l2": 0.1, "l1": 0.1, "shift": 0.3, "scale": 1.7}
            if loss == "softmax_loss"
            else {**kind, "l2": 0.1}
        )
        dW = getattr(reference, loss)(p.X, p.y, p.W, p.b, **options).dW
        numerical = numerical_gradient(
            lambda W, k=loss, o=options: getattr(reference, k)(p.X, p.y, W, p.b, **o).loss, p.W
        )
        np.testing.assert_allclose(dW, numerical, rtol=1e-8, atol=2e-10)
