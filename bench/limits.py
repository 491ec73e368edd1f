"""What one core of this machine can do at most: read bandwidth and floating-point peak, measured with NumPy.

(A) Read bandwidth: the fastest of a few reductions over an array several times larger than the caches. Each reads every
    byte once and does next to nothing with it. fastlin's own scores of one class are among them: should they read
    faster than NumPy does, the limit must not be below what was seen.
(B) Peak: a large matrix product on one thread. A BLAS reaches 90 to 98 % of what the multiply-add units can do, so a
    fraction of this limit is that much too high; the clock under full vector load is in it, as it should be.

The shortest of several runs counts, in CPU time: that is the machine when nobody disturbs it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from timing import interleaved

import fastlin

# Well above the third-level caches of today's servers (up to 100 MB a core complex).
_MIB = 1 << 20
_READ = 512 * _MIB
# Panels of 2048 keep a BLAS in its best range, at 17 GFLOP a product.
_PRODUCT = 2048
# Rows of 16 KB: a matrix-vector product walks several at once, which keeps more of the prefetchers at work than one.
_WIDTH = 4096


class Limits(NamedTuple):
    """`bandwidth` in bytes/s, `peak` in flops/s by dtype, and how each was found."""

    bandwidth: float
    peak: dict[str, float]
    found_by: dict[str, str]

    def seconds(self, flops: float, n_bytes: float, dtype: str) -> float:
        """The least time for that work: rows of 16 bits and less are computed in float32."""
        return max(flops / self.peak["float64" if dtype == "float64" else "float32"], n_bytes / self.bandwidth)


def measure(quick: bool = False) -> Limits:
    """Measure the limits of one core."""
    repeats = 3 if quick else 9
    bandwidth, reduction = _bandwidth(_READ // 4 if quick else _READ, repeats)
    peak, found_by = {}, {"bandwidth": reduction}
    for dtype in ("float32", "float64"):
        n = _PRODUCT // 2 if quick else _PRODUCT
        a = np.full((n, n), 0.5, dtype)
        seconds = interleaved({"dot": lambda a=a: np.dot(a, a)}, repeats=repeats)["dot"]
        peak[dtype] = 2.0 * n**3 / seconds
        found_by[f"peak {dtype}"] = f"np.dot of two {n} x {n} {dtype} matrices on one thread"
    return Limits(bandwidth, peak, found_by)


def best(a: Limits, b: Limits) -> Limits:
    """The higher of two measurements, figure by figure."""
    fastest = a if a.bandwidth >= b.bandwidth else b
    peak = {dtype: max(a.peak[dtype], b.peak[dtype]) for dtype in a.peak}
    return Limits(fastest.bandwidth, peak, a.found_by | {"bandwidth": fastest.found_by["bandwidth"]})


def _bandwidth(n_bytes: int, repeats: int) -> tuple[float, str]:
    x = np.ones(n_bytes // 4, np.float32)
    rows = x.reshape(-1, _WIDTH)
    w = np.ones((1, _WIDTH), np.float32)
    reductions = {
        "np.dot(x, x)": lambda: np.dot(x, x),
        "x.max()": lambda: x.max(),
        "rows @ w": lambda: rows @ w[0],
        "fastlin.scores of one class": lambda: fastlin.scores(rows, w, n_threads=1),
    }
    seconds = interleaved(reductions, repeats=repeats)
    best = min(seconds, key=seconds.__getitem__)
    size = f"{n_bytes // _MIB} MiB of float32"
    return n_bytes / seconds[best], f"{best}, over {size} on one thread: the fastest of {len(reductions)} reductions"
