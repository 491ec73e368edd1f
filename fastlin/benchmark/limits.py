"""What this machine can do at most: read bandwidth and peak of each arithmetic, at one thread count and SIMD level.

The kernels are the library's own: a read of an array several times larger than the caches, and multiply-adds from
registers alone (src_c/read.inc.h, src_c/peaks.inc.h). The shortest of several runs counts, in CPU time on one thread
and in wall time on several: that is the machine when nobody disturbs it. They are measured twice, before the cases and
after them; by how far the two disagree, somebody did.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from fastlin._core import kernels, peaks
from fastlin.benchmark.timing import interleaved

_MIB = 1 << 20
# Well above the third-level caches of today's servers (up to 100 MB a core complex).
_READ = 512 * _MIB
# Operations of a sample: some 20 ms of a core, short enough to find a time when nothing disturbs.
_FLOPS = 2e9


class Limits(NamedTuple):
    """`bandwidth` in bytes/s, `peak` in flops/s by arithmetic, of all threads together."""

    bandwidth: float
    peak: dict[str, float]

    def seconds(self, flops: float, n_bytes: float, arithmetic: str) -> float:
        """The least time for that work; NaN where nothing measures the arithmetic."""
        return max(flops / self.peak.get(arithmetic, float("nan")), n_bytes / self.bandwidth)

    def best(self, other: Limits) -> Limits:
        """The higher of two measurements, figure by figure."""
        return Limits(
            max(self.bandwidth, other.bandwidth), {name: max(self.peak[name], other.peak[name]) for name in self.peak}
        )

    def disagreement(self, other: Limits) -> float:
        """The largest difference of two measurements, as a share of the higher."""
        pairs = [(self.bandwidth, other.bandwidth), *((self.peak[name], other.peak[name]) for name in self.peak)]
        return max(1 - min(pair) / max(pair) for pair in pairs)


def arithmetics() -> tuple[str, ...]:
    """Those with a kernel of multiply-adds: float32, float64, and bfloat16 where there are products in it."""
    return tuple(name for name in dict.fromkeys(("float32", "float64", *kernels.products())) if peaks.flops(name))


def measure(n_threads: int, quick: bool = False) -> Limits:
    """Measure the limits of so many threads at the SIMD level in use."""
    data = np.ones(_READ // 4 if quick else _READ, np.uint8)
    rounds = {name: round(_FLOPS / peaks.flops(name)) for name in arithmetics()}
    calls: dict[str, Callable[[], object]] = {"read": partial(peaks.read, data, n_threads)}
    calls |= {name: partial(peaks.multiply_add, name, rounds[name], n_threads) for name in rounds}
    timer = time.process_time if n_threads == 1 else time.perf_counter
    seconds = interleaved(calls, repeats=5 if quick else 12, timer=timer)
    peak = {name: n_threads * peaks.flops(name) * rounds[name] / seconds[name] for name in rounds}
    return Limits(len(data) / seconds["read"], peak)
