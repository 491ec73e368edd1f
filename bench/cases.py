"""What is timed: the operations, the shapes and dtypes, and their data.

Data of one (shape, dtype) is made once, written whole (and so touched) before anything is timed, and let go when the
next one's is wanted: the largest is 0.6 GB.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# Of `sgd_epoch`: usual values, with a rate at which standardised rows of 3072 features settle.
BATCH = 256
MOMENTUM = 0.9
RATE = 1e-3
L2 = 1e-3
# Rows made or converted at a time: whole batches, few enough that their float64 copy is small.
BLOCK = 8 * BATCH


class Case(NamedTuple):
    """One row of the table; `pool` rows are there where a call takes `n` of them by `rows`, another batch each time."""

    op: str
    n: int
    d: int
    c: int
    dtype: str = "float32"
    pool: int = 0

    @property
    def shape(self) -> str:
        return f"{self.n}x{self.d}x{self.c}" + (" by rows" if self.pool else "")

    @property
    def group(self) -> str:
        return f"{self.op} | {self.dtype} | {self.shape}"

    @property
    def flops(self) -> float:
        """2 N D C for the scores, as much again for the gradient."""
        return (2.0 if self.op == "predict" else 4.0) * self.n * self.d * self.c

    @property
    def bytes(self) -> float:
        """Each row read once; everything else is small or stays in cache."""
        return float(self.n * self.d * np.dtype(self.dtype).itemsize)

    def tenth(self) -> Case:
        """The same with a tenth of the rows, where they are many."""
        if self.pool:
            return self._replace(pool=self.pool // 10)
        return self._replace(n=self.n // 10) if self.n >= 10000 else self

    def shrunk(self) -> Case:
        """The same with about a hundredth of the work, to see that it runs."""
        return self._replace(
            n=max(min(self.n, 32), self.n // 100), d=max(min(self.d, 16), self.d // 4), pool=self.pool // 50
        )


LOSS_SHAPES = (
    (50000, 3072, 10, "float32", 0),
    (256, 3072, 10, "float32", 50000),
    (50000, 3072, 10, "uint8", 0),
    (60000, 784, 10, "float32", 0),
    (10000, 6400, 10, "float32", 0),
    (50000, 768, 100, "float32", 0),
    (10000, 768, 1000, "float32", 0),
    (128, 64, 10, "float32", 0),
    (32, 16, 3, "float32", 0),
)
EPOCH_AND_PREDICT_SHAPES = ((50000, 3072, 10, "float32", 0), (50000, 3072, 10, "uint8", 0))
LOSS_CASES = tuple(Case(op, *shape) for shape in LOSS_SHAPES for op in ("softmax_loss", "hinge_loss"))
EPOCH_CASES = tuple(Case("sgd_epoch", *shape) for shape in EPOCH_AND_PREDICT_SHAPES)
PREDICT_CASES = tuple(Case("predict", *shape) for shape in EPOCH_AND_PREDICT_SHAPES)
# Shape outermost, so that each data set is made once.
CASES = tuple(
    sorted(
        LOSS_CASES + EPOCH_CASES + PREDICT_CASES,
        key=lambda case: LOSS_SHAPES.index((case.n, case.d, case.c, case.dtype, case.pool)),
    )
)


# Data


class Data(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    W: np.ndarray
    b: np.ndarray
    shift: np.ndarray | None
    scale: np.ndarray | None
    order: np.ndarray


def data_of(case: Case) -> Data:
    return _data(case.pool or case.n, case.d, case.c, case.dtype)


@functools.lru_cache(maxsize=1)
def _data(n: int, d: int, c: int, dtype: str) -> Data:
    """Rows around one template a class, so that gradients are not a sum of noise; scores of about 1."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, c, n)
    templates = rng.standard_normal((c, d), dtype=np.float32) * np.float32(2 / np.sqrt(d))
    W = rng.standard_normal((c, d), dtype=np.float32) / np.float32(np.sqrt(d))
    X = np.empty((n, d), dtype)
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        rows = rng.standard_normal((len(y[block]), d), dtype=np.float32) + templates[y[block]]
        # Pixels: mean 128, deviation 50, as photographs have.
        X[block] = np.clip(128 + 50 * rows, 0, 255) if dtype == "uint8" else rows
    shift = scale = None
    if dtype == "uint8":
        shift, scale = np.full(d, 128, np.float32), np.full(d, 1 / 50, np.float32)
        W /= 100
    b = rng.standard_normal(c, dtype=np.float32)
    kind = np.float64 if dtype == "float64" else np.float32
    return Data(X, y, W.astype(kind), b.astype(kind), shift, scale, rng.permutation(n))


def batches_of(case: Case) -> Iterator[dict[str, np.ndarray]]:
    """The `rows` argument of successive calls: none, or batch after batch of a shuffled order, rows cold in memory."""
    if not case.pool:
        return itertools.repeat({})
    order = data_of(case).order
    return itertools.cycle([{"rows": order[k : k + case.n]} for k in range(0, case.pool - case.n + 1, case.n)])
