"""A child forked after threads have run: it computes, the same bits, and does not hang."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable

import pytest

from fastlin import config

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.skipif(not config.info()["openmp"], reason="built without OpenMP: there is no team to lose"),
]

COMMON = """
import os, sys, threading
import numpy as np
import fastlin
from agreement import same_bits
from fastlin import _threads, functional as f

_threads.available_cpus = lambda: 4
rng = np.random.default_rng(0)
X = rng.integers(0, 256, (3000, 784), dtype=np.uint8)
W = (rng.normal(size=(10, 784)) / 1e4).astype(np.float32)
y = rng.integers(0, 10, 3000)

def work(n_threads=4):
    V = W.copy()
    result = f.sgd_epoch(X, y, V, None, lr=1e-6, batch_size=1500, n_threads=n_threads)
    return tuple(f.softmax_loss(X, y, W, n_threads=n_threads)), f.scores(X, W, n_threads=n_threads), V, tuple(result)

def in_child(check):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            ok = check()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            ok = False
        os._exit(0 if ok else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
"""


def run(run_python: Callable, code: str, **options: object) -> subprocess.CompletedProcess[str]:
    try:
        return run_python(COMMON + textwrap.dedent(code), timeout=60, **options)
    except subprocess.TimeoutExpired:
        pytest.fail("the child hangs")


def test_a_child_computes_the_parents_bits_and_so_does_its_child(run_python: Callable) -> None:
    run(
        run_python,
        """
        expected = work()
        assert len(os.listdir("/proc/self/task")) > 1 or sys.platform != "linux"

        def child():
            assert fastlin.get_num_threads() == 1
            assert "fork" in fastlin.config.info()["threads_reason"]
            in_child(lambda: same_bits(work(), expected))
            return same_bits(work(), expected)

        in_child(child)
        assert same_bits(work(), expected)      # and the parent goes on
        in_child(child)
    """,
    )


def test_a_child_forked_before_any_team_runs_on_one_thread(run_python: Callable) -> None:
    run(
        run_python,
        """
        expected = work(1)

        def child():
            same = same_bits(work(), expected)
            return same and (sys.platform != "linux" or len(os.listdir("/proc/self/task")) == 1)

        in_child(child)
        assert same_bits(work(), expected)
    """,
    )


def test_a_child_forked_while_another_thread_computes(run_python: Callable) -> None:
    run(
        run_python,
        """
        expected, stop = work(), threading.Event()

        def go_on():
            while not stop.is_set():
                assert same_bits(work(), expected)

        thread = threading.Thread(target=go_on)
        thread.start()
        for _ in range(3):
            in_child(lambda: same_bits(work(), expected))
        stop.set()
        thread.join()
    """,
    )


def test_a_pool_of_forked_workers(run_python: Callable) -> None:
    run(
        run_python,
        """
        import multiprocessing

        def square(k):
            return work()

        expected = work()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for result in pool.map(square, range(4)):
                assert same_bits(result, expected)
    """,
    )
