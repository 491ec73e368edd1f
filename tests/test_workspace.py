"""Calls keep their memory for the next: whatever was there before, and whoever calls at once, results are the same."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from fastlin import functional

# From a few bytes to more than a call leaves behind (4 MiB), with features that no vector divides.
SHAPES = [(3, 2, 2), (40, 17, 3), (300, 131, 10), (64, 3073, 10), (2000, 257, 40), (20, 3000, 300)]


def call(shape: tuple[int, int, int], dtype: str) -> list[np.ndarray]:
    n, d, c = shape
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, d)).astype(dtype), rng.integers(0, c, n)
    W, b = rng.normal(size=(c, d)).astype(dtype), np.zeros(c, dtype)
    found: list[Any] = [*functional.softmax_loss(X, y, W, b, l2=0.1), *functional.hinge_loss(X, y, W)[:2]]
    found.append(functional.scores(X, W, b))
    functional.sgd_epoch(X, y, W, b, batch_size=50, lr=0.01, momentum=0.9)
    return [np.asarray(result) for result in [*found, W, b]]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_do_not_depend_on_the_calls_before(dtype: str) -> None:
    first = {shape: call(shape, dtype) for shape in SHAPES}
    # NaN in all of the memory that is kept: nothing may be read that was not written.
    functional.softmax_loss(np.full((500, 900), np.nan, dtype), np.zeros(500, int), np.full((60, 900), np.nan, dtype))
    for shape in [*SHAPES, *SHAPES[::-1]]:
        assert same(call(shape, dtype), first[shape])


def test_threads_that_call_at_once_do_not_share_memory() -> None:
    first = {shape: call(shape, "float32") for shape in SHAPES}
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda shape: same(call(shape, "float32"), first[shape]), SHAPES * 8))
    assert all(results)


def _in_child(queue: Any) -> None:
    queue.put([call(shape, "float64") for shape in SHAPES[:4]])


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_child_has_memory_of_its_own() -> None:
    first = [call(shape, "float64") for shape in SHAPES[:4]]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    again = [call(shape, "float64") for shape in SHAPES[:4]]
    of_child = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    for one, other, third in zip(first, again, of_child, strict=True):
        assert same(one, other) and same(one, third)
