"""Signals are seen within a batch, however large: the exception of the handler comes out, and all steps are whole."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from signals import heard_soon, signal_after

from fastlin import functional, training
from fastlin._results import EpochReport

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="signals of POSIX are sent")


class TooLongError(Exception):
    """What the handler of a user's alarm raises."""


# (rows, features, classes), and so many rows drawn from them that a batch takes seconds
SHAPES = [(500, 1024, 10, 4_000_000), (256, 512, 600, 150_000)]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ctrl_c_within_a_batch_leaves_the_weights_of_before_it(shape: tuple[int, ...], n_threads: int) -> None:
    n, d, c, n_drawn = shape
    rng = np.random.default_rng(0)
    X, y = rng.random((n, d), np.float32), rng.integers(0, c, n)
    W, b, report = np.zeros((c, d), np.float32), np.zeros(c, np.float32), EpochReport()
    small = np.arange(64)
    order = np.concatenate([small, np.zeros(n_drawn - 64, np.int64)])
    functional.sgd_epoch(X, y, W, b, order=small, batch_size=64, lr=0.01)
    before = W.copy(), b.copy()

    def seconds() -> float:
        with signal_after(0.3) as sent, pytest.raises(KeyboardInterrupt):
            functional.sgd_epoch(
                X, y, W, b, order=order, batch_size=n_drawn, lr=0.01, n_threads=n_threads, report=report
            )
        return time.perf_counter() - sent[0]

    heard_soon(seconds)
    assert report.n_steps == 0 and np.isnan(report.gradient_norm)
    np.testing.assert_array_equal(W, before[0])
    np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_steps_before_are_whole_and_counted(n_threads: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.random((500, 256), np.float32), rng.integers(0, 10, 500)
    order = rng.integers(0, 500, 3_000_000)
    W, b, report = np.zeros((10, 256), np.float32), np.zeros(10, np.float32), EpochReport()
    velocity = np.zeros_like(W), np.zeros_like(b)
    options: dict[str, Any] = {"batch_size": 100, "lr": 1e-3, "momentum": 0.9, "n_threads": n_threads}
    with signal_after(0.15), pytest.raises(KeyboardInterrupt):
        functional.sgd_epoch(X, y, W, b, order=order, velocity=velocity, report=report, **options)
    assert 0 < report.n_steps < 30_000
    assert np.isfinite(report.losses).tolist() == [k < report.n_steps for k in range(30_000)]
    W1, b1, velocity1 = np.zeros_like(W), np.zeros_like(b), (np.zeros_like(W), np.zeros_like(b))
    functional.sgd_epoch(X, y, W1, b1, order=order[: 100 * report.n_steps], velocity=velocity1, **options)
    for one, other in zip((W, b, *velocity), (W1, b1, *velocity1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_any_handler_raises_comes_out_and_what_does_not_raise_is_run() -> None:
    X, y = np.ones((10, 512), np.float32), np.zeros(10, np.int64)
    order = np.zeros(1_500_000, np.int64)
    W = np.zeros((10, 512), np.float32)

    def raising(number: int, frame: Any) -> None:
        raise TooLongError

    with signal_after(0.1, signal.SIGALRM, raising), pytest.raises(TooLongError):
        functional.sgd_epoch(X, y, W, None, order=order, batch_size=len(order), lr=0.01, n_threads=1)

    def seconds() -> float:
        heard: list[float] = []
        with signal_after(0.1, signal.SIGALRM, lambda number, frame: heard.append(time.perf_counter())) as sent:
            functional.sgd_epoch(X, y, W, None, order=order, batch_size=len(order), lr=0.01, n_threads=1)
            done = time.perf_counter()
        assert W.any() and heard[0] < done
        return heard[0] - sent[0]

    heard_soon(seconds)


def test_another_thread_than_pythons_main_one_goes_on_to_the_end() -> None:
    X, y, W = np.ones((10, 256), np.float32), np.zeros(10, np.int64), np.zeros((10, 256), np.float32)
    order, results = np.zeros(300_000, np.int64), []
    worker = threading.Thread(
        target=lambda: results.append(functional.sgd_epoch(X, y, W, None, order=order, batch_size=100, lr=0.01))
    )
    with signal_after(0.05), pytest.raises(KeyboardInterrupt):
        worker.start()
        while True:
            time.sleep(0.01)
    worker.join()
    assert len(results) == 1 and np.isfinite(results[0].loss)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_fit_of_one_huge_batch_stops_in_time(optimizer: str) -> None:
    rng = np.random.default_rng(0)
    X = np.broadcast_to(rng.integers(0, 256, (1, 700), dtype=np.uint8), (1_500_000, 700))
    y = np.zeros(len(X), np.int64)
    settings = training.Settings(
        "softmax", 1.0, 0.0, 0.0, len(X), 0.0, False, False, 1, optimizer=optimizer, average_from=0
    )  # fmt: skip

    def seconds() -> float:
        state = training.FitState.fresh(10, 700, np.dtype(np.float32), rng)
        with signal_after(0.3) as sent, pytest.raises(KeyboardInterrupt):
            state.run(
                X, y, settings, rates=training.Schedule(1e-3), n_epochs=100, sample_weight=None, reporter=None
            )  # fmt: skip
        took = time.perf_counter() - sent[0]
        assert state.stop_reason in (None, "interrupted") and np.isfinite(state.coef).all()
        assert (state.stop_reason == "interrupted") == (state.n_steps > 0) == bool(state.coef.any())
        return took

    heard_soon(seconds)
