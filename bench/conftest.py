"""Benchmarks by ``pytest bench``: thread pools held to a number that is printed with the machine at the head.

``--small`` (or FASTLIN_BENCH_SMALL=1) shrinks every shape: with ``--benchmark-disable`` each call then runs once, in
seconds, so that the benchmarks cannot rot. FASTLIN_BENCH_THREADS=1,2 adds rows of two threads.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from threadpoolctl import threadpool_limits

from fastlin.benchmark import machine, peers

THREADS = tuple(int(n) for n in os.environ.get("FASTLIN_BENCH_THREADS", "1").split(","))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--small", action="store_true", help="shrink every benchmark to about a hundredth of its work")


def pytest_report_header() -> list[str]:
    with threadpool_limits(max(THREADS)):
        return machine.banner(machine.facts(max(THREADS)))


def _small(config: pytest.Config) -> bool:
    return bool(config.getoption("--small", default=False)) or os.environ.get("FASTLIN_BENCH_SMALL", "0") != "0"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise by case, implementation and threads; one thread is timed in CPU time, more in wall time."""
    if "case" not in metafunc.fixturenames:
        return
    arguments = []
    for case in getattr(metafunc.module, "CASES", ()):
        if _small(metafunc.config):
            case = case.shrunk()
        for name in peers.available(case):
            for n_threads in THREADS:
                timer = time.process_time if n_threads == 1 else time.perf_counter
                mark = pytest.mark.benchmark(group=case.group, timer=timer, min_rounds=3, disable_gc=True)
                label = f"{case.group.replace(' | ', '-').replace(' ', '-')}-{name}-{n_threads}"
                arguments.append(pytest.param(case, name, n_threads, marks=mark, id=label))
    metafunc.parametrize(("case", "implementation", "n_threads"), arguments)


@pytest.fixture
def limited(n_threads: int):
    """Hold the thread pools of BLAS and OpenMP to the benchmark's number."""
    with threadpool_limits(n_threads):
        yield
