"""The same bits at any thread count, from any number of Python threads; and how many threads a call takes, and why."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import assert_same_result, same_bits, twin_of
from strategies import problem

import fastlin
from fastlin import _threads, config, functional

with_openmp = pytest.mark.skipif(not config.info()["openmp"], reason="built without OpenMP: there is one thread")


@pytest.fixture
def many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call have the threads it asks for, however few processors there are and however little there is to do."""
    monkeypatch.setattr(_threads, "available_cpus", lambda: 8)
    monkeypatch.setattr(_threads, "WORK_PER_THREAD", 1.0)


def everything(shape: tuple[int, int, int], dtype: str, n_threads: int | None, batch_size: int = 256) -> dict[str, Any]:
    """The result of every function."""
    p = problem(*shape, dtype, scaled=True)
    n = shape[0]
    rng = np.random.default_rng(0)
    rows, weight = rng.integers(0, n, n), rng.choice([0, 0.5, 1, 2], n)
    every: dict[str, Any] = {
        "scores": functional.scores(p.X, p.W, p.b, n_threads=n_threads),
        "predict": functional.predict(p.X, p.W, p.b, n_threads=n_threads),
        "moments": tuple(functional.moments(p.X, n_threads=n_threads)),
        "moments, weighted": tuple(functional.moments(p.X, sample_weight=weight, n_threads=n_threads)),
    }
    every["softmax"] = functional.softmax(every["scores"], n_threads=n_threads)
    for loss in ("softmax_loss", "hinge_loss"):
        function = getattr(functional, loss)
        every[loss] = tuple(function(p.X, p.y, p.W, p.b, l2=0.1, l1=0.1, n_threads=n_threads))
        options = {"rows": rows, "sample_weight": weight, **p.scaling}
        every[f"{loss}, all options"] = tuple(function(p.X, p.y, p.W, None, **options, n_threads=n_threads))
    for loss in ("softmax", "hinge"):
        W, b = p.W.copy(), p.b.copy()
        result = functional.sgd_epoch(
            p.X, p.y, W, b, loss=loss, order=rows, batch_size=batch_size, lr=0.001, momentum=0.9, l2=0.1, l1=0.01,
            sample_weight=weight, **p.scaling, n_threads=n_threads,
        )  # fmt: skip
        every[f"sgd_epoch, {loss}"] = (W, b, *result)
    return every


def assert_same(actual: dict[str, Any], expected: dict[str, Any], what: str) -> None:
    different = [name for name in expected if not same_bits(actual[name], expected[name])]
    assert not different, f"{what}: {different}"


# The same bits


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((7, 3, 2), "float32"), ((257, 65, 1), "uint8"), ((1100, 130, 10), "uint8"), ((1100, 130, 10), "float64"),
        ((500, 784, 10), "float16"), ((500, 784, 10), "float32"), ((300, 100, 100), "uint8"),
        ((70, 33, 1000), "float32"),
    ],
    ids=str,
)  # fmt: skip
def test_the_bits_do_not_depend_on_the_thread_count(
    simd_level: str, many_threads: None, shape: tuple[int, int, int], dtype: str
) -> None:
    alone = everything(shape, dtype, 1)
    for n_threads in (2, 3, 8):
        assert_same(everything(shape, dtype, n_threads), alone, f"{n_threads} threads")


@pytest.mark.parametrize("batch_size", [1, 31, 1025, 2600])
def test_nor_do_those_of_an_epoch_whatever_its_batches(simd_level: str, many_threads: None, batch_size: int) -> None:
    shape = (min(20 * batch_size, 2600), 130, 10)
    alone = everything(shape, "uint8", 1, batch_size)
    for n_threads in (2, 3, 8):
        assert_same(everything(shape, "uint8", n_threads, batch_size), alone, f"{n_threads} threads")


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((10_001, 784, 10), "uint8"), ((4000, 500, 33), "float32"), ((700, 100, 1000), "float32"),
        ((20_000, 200, 17), "float64"),
    ],
    ids=str,
)  # fmt: skip
def test_a_loss_of_many_rows(simd_level: str, many_threads: None, shape: tuple[int, int, int], dtype: str) -> None:
    # Enough that several threads are worth their while: the rows are cut into parts whose sums are added at the end.
    p = problem(*shape, dtype, scaled=True)
    rng = np.random.default_rng(0)
    weighted = {"rows": rng.permutation(shape[0]), "sample_weight": rng.choice([0, 1, 2], shape[0], p=[0.1, 0.5, 0.4])}
    for loss in ("softmax_loss", "hinge_loss"):
        alone = getattr(functional, loss)(p.X, p.y, p.W, p.b, **p.scaling, n_threads=1)
        assert_same_result(alone, twin_of(loss, p, True, True), p.dtype, loss)
        for options in ({}, weighted):
            alone = getattr(functional, loss)(p.X, p.y, p.W, p.b, l2=0.1, **options, **p.scaling, n_threads=1)
            for n_threads in (2, 3, 8):
                together = getattr(functional, loss)(
                    p.X, p.y, p.W, p.b, l2=0.1, **options, **p.scaling, n_threads=n_threads
                )
                assert same_bits(tuple(together), tuple(alone)), f"{loss} on {n_threads} threads"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_large_calls_with_nothing_arranged(simd_level: str, dtype: str) -> None:
    # With the caps as they are: whatever this machine makes of it.
    shape = (3000, 784, 10)
    alone = everything(shape, dtype, 1)
    for n_threads in (2, 3, 8, -1, None):
        assert_same(everything(shape, dtype, n_threads), alone, f"{n_threads} threads")


def test_many_python_threads_may_share_their_inputs(many_threads: None) -> None:
    cases = [((300, 130, 10), "uint8"), ((100, 33, 100), "float32"), ((257, 65, 3), "float64")]
    expected = [everything(*case, 1) for case in cases]

    def hammer(turn: int) -> None:
        for round_ in range(6):
            k = (turn + round_) % len(cases)
            assert_same(everything(*cases[k], (turn + round_) % 3 + 1), expected[k], f"Python thread {turn}")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(hammer, turn) for turn in range(8)]:
            done.result(timeout=120)


def test_python_threads_run_at_the_same_time(run_python: Callable) -> None:
    # While one is in a long call another gets on: the GIL is released.
    code = """
        import threading, time
        import numpy as np
        from fastlin import functional as f

        X, W = np.ones((60_000, 784), np.uint8), np.zeros((10, 784), np.float32)
        y, busy, ticks = np.zeros(len(X), int), threading.Event(), 0

        def work():
            busy.set()
            for _ in range(3):
                f.sgd_epoch(X, y, W, None, batch_size=1000, lr=1e-6, n_threads=1)
            busy.clear()

        thread = threading.Thread(target=work)
        thread.start()
        busy.wait()
        while busy.is_set():
            time.sleep(0.001)
            ticks += 1
        thread.join()
        print(ticks)
    """
    assert int(run_python(textwrap.dedent(code)).stdout) > 10


# How many threads there are


TASKS = "len(__import__('os').listdir('/proc/self/task'))"
ARRANGED = """
import numpy as np
from fastlin import _threads, config, functional as f
_threads.available_cpus = lambda: 8
X, W = np.ones((20_000, 784), np.float32), np.zeros((10, 784), np.float32)
y = np.zeros(len(X), int)
"""


@with_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.parametrize("call", [
    "f.scores(X, W, n_threads={n})", "f.predict(X, W, n_threads={n})",
    "f.moments(np.ones((30000, 784)), n_threads={n})",
    "f.softmax(np.zeros((200000, 100), np.float32), n_threads={n})", "f.softmax_loss(X, y, W, n_threads={n})",
    "f.hinge_loss(X, y, W, n_threads={n})", "f.sgd_epoch(X, y, W, None, lr=1e-6, batch_size=3000, n_threads={n})",
])  # fmt: skip
def test_a_large_call_runs_on_the_threads_it_asks_for(run_python: Callable, call: str) -> None:
    three, eight = (f"{call.format(n=n)}\nprint({TASKS} - before)" for n in (3, 8))
    code = f"{ARRANGED}\nbefore = {TASKS}\n{three}\n{eight}"
    three, eight = map(int, run_python(code).stdout.split())
    # The caller is one of the team.
    assert three == 2
    assert 2 < eight <= 7


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_small_call_stays_on_its_own_thread(run_python: Callable) -> None:
    code = f"""{ARRANGED}
X, y = X[:64], y[:64]
before = {TASKS}
f.scores(X, W, n_threads=8), f.predict(X, W), f.moments(X), f.softmax(X)
f.softmax_loss(X, y, W, n_threads=8), f.hinge_loss(X, y, W)
f.sgd_epoch(X, y, W, None, lr=1e-6, n_threads=8)
print({TASKS} - before)
"""
    assert run_python(code).stdout.split() == ["0"]


@with_openmp
def test_the_order_of_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "available_cpus", lambda: 8)
    monkeypatch.setenv("FASTLIN_NUM_THREADS", "5")
    assert fastlin.get_num_threads() == 5
    assert "FASTLIN_NUM_THREADS" in config.info()["threads_reason"]
    try:
        fastlin.set_num_threads(3)
        assert fastlin.get_num_threads() == config.info()["threads"] == 3
        assert "set_num_threads" in config.info()["threads_reason"]
        assert _threads.resolve(2, 1e12) == 2
        assert _threads.resolve(None, 1e12) == 3
        fastlin.set_num_threads(-1)
        assert fastlin.get_num_threads() == 8
        fastlin.set_num_threads(100)
        assert fastlin.get_num_threads() == 8
    finally:
        fastlin.set_num_threads(None)
    assert fastlin.get_num_threads() == 5


@with_openmp
def test_caps_on_the_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "available_cpus", lambda: 4)
    assert _threads.resolve(100, 1e12) == _threads.resolve(-1, 1e12) == 4
    assert _threads.resolve(100, 0.0) == _threads.resolve(None, 1e5) == 1
    # Work for three threads and a half is work for three.
    assert _threads.resolve(4, 3.5 * _threads.WORK_PER_THREAD) == 3


@pytest.mark.parametrize("value", [0, -2, 1.5, "2"])
def test_a_wrong_number_of_threads_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"n_threads is .*; wanted is"):
        fastlin.set_num_threads(value)
    assert fastlin.get_num_threads() >= 1


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5"])
def test_a_wrong_number_in_the_environment_is_refused(run_python: Callable, value: str) -> None:
    code = "import numpy as np, fastlin\nfastlin.scores(np.ones((3000, 784), 'f4'), np.ones((10, 784), 'f4'))"
    done = run_python(code, {"FASTLIN_NUM_THREADS": value}, check=False)
    assert done.returncode != 0
    assert f"FASTLIN_NUM_THREADS is {value!r}" in done.stderr


@with_openmp
@pytest.mark.parametrize(("variables", "expected"), [
    ({"OMP_NUM_THREADS": "1"}, 1), ({"OMP_NUM_THREADS": "3"}, 3),
    ({"OMP_NUM_THREADS": "3", "FASTLIN_NUM_THREADS": "2"}, 2),
    ({"FASTLIN_NUM_THREADS": "1"}, 1), ({"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}, 1),
], ids=str)  # fmt: skip
def test_the_environment_is_heeded(run_python: Callable, variables: dict[str, str], expected: int) -> None:
    code = f"{ARRANGED}\nimport fastlin, json\nprint(json.dumps([fastlin.get_num_threads(), config.info()['threads']]))"
    assert json.loads(run_python(code, variables).stdout) == [expected, expected]


@with_openmp
def test_threadpoolctl_is_heeded(many_threads: None) -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    alone = everything((500, 784, 10), "float32", 1)
    for limit in (1, 2):
        with threadpoolctl.threadpool_limits(limit, user_api="openmp"):
            assert fastlin.get_num_threads() == limit
            assert_same(everything((500, 784, 10), "float32", None), alone, f"limited to {limit}")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_the_affinity_is_heeded(run_python: Callable) -> None:
    one = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    code = f"{one}\nimport fastlin\nprint(fastlin.get_num_threads())"
    assert run_python(code, {"OMP_NUM_THREADS": "4"}).stdout.split() == ["1"]


@pytest.mark.parametrize(("files", "expected"), [
    ({"cpu.max": "150000 100000\n"}, 1.5), ({"cpu.max": "max 100000\n"}, None),
    ({"cpu.max": "50000 100000"}, 0.5), ({}, None),
    ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
], ids=str)  # fmt: skip
def test_the_quota_of_a_container_is_read(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _threads.cgroup_quota(tmp_path) == expected


def test_the_quota_of_a_container_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    for quota, expected in ((0.5, 1), (1.0, 1), (None, _threads.available_cpus())):
        monkeypatch.setattr(_threads, "cgroup_quota", lambda quota=quota: quota)
        assert _threads.available_cpus() == expected
