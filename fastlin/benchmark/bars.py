"""What is wanted of each row: the one place where it stands.

One thread's CPU time unless said. A ratio is another's time over fastlin's, in one run; a share is the limit's time
over fastlin's, the limit being max(operations / peak, bytes / bandwidth) as measured in that run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Shape(NamedTuple):
    """Rows, features, classes; of a `pool` above 0, another batch of `n` rows each call, picked by `rows`."""

    n: int
    d: int
    c: int
    dtype: str = "float32"
    pool: int = 0


class Wanted(NamedTuple):
    """Of a loss with its gradient: times faster than the twin, share of the limit, seconds at most."""

    ratio: float
    share: float | None = None
    seconds: float | None = None


# Softmax and hinge with gradient, at the widest level.
LOSSES: Mapping[Shape, Wanted] = {
    Shape(50000, 3072, 10): Wanted(3.1, 0.75),
    Shape(50000, 3072, 10, "uint8"): Wanted(4.5, 0.72),
    Shape(50000, 3072, 10, "float16"): Wanted(5.0, 0.70),
    Shape(60000, 784, 10): Wanted(3.3, 0.75),
    Shape(10000, 6400, 10): Wanted(3.1, 0.75),
    Shape(9973, 1000, 37): Wanted(1.6, 0.75),
    Shape(50000, 768, 100): Wanted(1.3, 0.87),
    Shape(10000, 768, 1000): Wanted(1.05, 0.87),
    Shape(256, 3072, 10, pool=50000): Wanted(3.3, 0.65),
    Shape(128, 64, 10): Wanted(6.0),
    Shape(32, 16, 3): Wanted(7.0, seconds=3e-6),
    Shape(50000, 3072, 2): Wanted(3.0, 0.80),
    Shape(50000, 3072, 10, "float64"): Wanted(2.5, 0.70),
}

# An epoch on rows as many and as wide as CIFAR-10's: times faster than each peer, by batch size.
EPOCH: Mapping[int, Mapping[str, float]] = {
    256: {"numpy": 3.3, "sklearn": 3.5, "torch": 6.0},
    32: {"numpy": 4.0},
}
# Times as long as a full-batch loss with gradient on the same rows, at most; batches of 256.
EPOCH_OF_PASS = 1.3
# An epoch on uint8 rows takes no longer than one on float32 rows.
UINT8_OF_FLOAT32 = 1.0
# An epoch's wall time on two threads, batches of 256, beside peers on two.
EPOCH_TWO_THREADS: Mapping[str, float] = {"numpy": 3.5, "torch": 6.0}
# Classes of uint8 rows, where NumPy converts, multiplies and takes the largest.
PREDICT_UINT8 = 4.0

# Wall time of one thread over that of two: on the large shapes, on any, and on any beside two other busy processes.
TWO_THREADS_LARGE = 1.8
TWO_THREADS = 1.0
TWO_THREADS_BUSY = 1 / 1.5
# Large: where one thread takes tens of milliseconds.
LARGE_FLOPS = 4e8
# The level avx2 has the ratios of LOSSES against NumPy with AVX-512 off; baseline, where classes are few, this one.
BASELINE = 1.0
BASELINE_CLASSES = 16

# By so much two timings of the same code differ: what is wanted to be no slower may be so much slower.
NOISE = 0.03
