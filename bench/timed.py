"""One benchmark: check the answer, note the facts, time the call."""

from __future__ import annotations

from typing import Any

from fastlin import config
from fastlin.benchmark import answers, peers
from fastlin.benchmark.cases import Case


def run(benchmark: Any, case: Case, implementation: str, n_threads: int) -> None:
    """Time one implementation's call, if its answer is right; a wrong one fails before it is timed."""
    call = peers.call(case, implementation, n_threads)
    difference = answers.check(case, implementation, call())
    benchmark.extra_info |= {
        "implementation": implementation,
        "threads": n_threads,
        "simd": config.simd_level(),
        "correct": True,
        "difference": difference,
        "flops": case.flops,
        "bytes": case.bytes,
    }
    benchmark(call)
    if benchmark.stats is not None:
        benchmark.extra_info["gflops_per_second"] = case.flops / benchmark.stats["min"] / 1e9
