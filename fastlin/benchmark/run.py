"""The parts of a run, each in a process of its own whose environment fixes threads and SIMD level."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastlin import _threads, config
from fastlin.benchmark.bars import BASELINE_CLASSES
from fastlin.benchmark.cases import EPOCH_CASES, IMAGE_CASES, LOSS_CASES, PREDICT_CASES, SOFTMAX, Case, by_data
from fastlin.benchmark.limits import Limits
from fastlin.benchmark.rows import Found, Part, Row

ALL_CASES = by_data(LOSS_CASES + EPOCH_CASES + PREDICT_CASES + IMAGE_CASES)
# One loss stands for both where threads are compared: they differ in a small part of their work.
THREAD_CASES = by_data(tuple(case for case in LOSS_CASES if case.op == SOFTMAX) + EPOCH_CASES + PREDICT_CASES)
# Beside busy processes wall times are long: a few shapes, from the least work to some tens of milliseconds.
BUSY_CASES = tuple(case for case in THREAD_CASES if case.op == SOFTMAX and case.n * case.d < 50e6 and not case.pool)
LEVEL_CASES = {
    "avx2": by_data(LOSS_CASES),
    "baseline": by_data(tuple(case for case in LOSS_CASES if case.c <= BASELINE_CLASSES)),
}


def levels() -> tuple[str, ...]:
    """Those below the widest, which `--level` knows, the wider first."""
    return tuple(level for level in config.info()["simd"]["available"][-2::-1] if level in LEVEL_CASES)


def parts(threads: int | None = None, level: str | None = None, only: str = "", quick: bool = False) -> list[Part]:
    """What is to be measured: all there is, or what `threads` and `level` say, and of that the cases with `only`.

    Raises
    ------
    ValueError
        For more threads than there are processors, for a level that is not below the one in use, and where no case
        matches.
    """
    cpus = _threads.available_cpus() if config.info()["openmp"] else 1
    if threads is not None and not 1 <= threads <= cpus:
        raise ValueError(f"--threads is {threads}; wanted is 1..{cpus}, the threads of this build on these processors")
    if level is not None and level not in levels():
        raise ValueError(f"--level is {level!r}; wanted is one below the widest of this machine: {', '.join(levels())}")
    if level is not None and threads not in (None, 1):
        raise ValueError(f"--threads is {threads} with --level; wanted is 1: levels are compared on one thread")
    alone, pairs = Part(ALL_CASES), Part(THREAD_CASES, threads=2)
    if level is not None:
        chosen = [Part(LEVEL_CASES[level], level=level)]
    elif threads is not None:
        chosen = [alone if threads == 1 else pairs._replace(threads=threads)]
    else:
        several = [pairs, Part(BUSY_CASES, threads=2, others=2)] if cpus > 1 else []
        several += [pairs._replace(threads=cpus)] if cpus > 2 else []
        chosen = [alone, *several, *(Part(LEVEL_CASES[name], level=name) for name in levels())]
    chosen = [part._replace(cases=[case for case in part.cases if only in case.group], quick=quick) for part in chosen]
    chosen = [part for part in chosen if part.cases]
    if not chosen:
        raise ValueError(f"--only is {only!r}; wanted is a part of: {'; '.join(case.group for case in ALL_CASES)}")
    return chosen


def measure(part: Part) -> Found:
    """Measure a part in a child process.

    Raises
    ------
    RuntimeError
        If it fails; what it wrote to standard error has been seen.
    """
    with _busy(part.others):
        done = subprocess.run(
            [sys.executable, "-m", "fastlin.benchmark"], input=json.dumps(part), stdout=subprocess.PIPE, text=True,
            env=os.environ | _threads.pool_variables(part.threads) | _level_variables(part.level),
        )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"a part of the benchmark ended with {done.returncode}")
    return found_of(json.loads(done.stdout))


def part_of(fields: list[Any]) -> Part:
    """A part as JSON holds it."""
    cases, *others = fields
    return Part([Case(*case) for case in cases], *others)


def found_of(fields: list[Any]) -> Found:
    """What came of a part, as JSON holds it."""
    part, facts, limits, disagreement, rows = fields
    return Found(
        part_of(part), facts, Limits(*limits), disagreement, [Row(Case(*case), *others) for case, *others in rows]
    )


def _level_variables(level: str | None) -> dict[str, str]:
    """FASTLIN_SIMD, and what keeps NumPy and its BLAS from AVX-512."""
    if level is None:
        return {}
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", ())  # type: ignore[call-overload]
    # NumPy names a group of features after the first processor that had it.
    wide = [name for name in found if name.startswith(("AVX512", "X86_V4"))]
    return {"FASTLIN_SIMD": level, "OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": " ".join(wide)}


@contextlib.contextmanager
def _busy(n: int) -> Iterator[None]:
    """Keep n processes busy meanwhile."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
