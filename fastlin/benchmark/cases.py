"""What is timed: the operations, the shapes and dtypes, and their data.

Data of one (shape, dtype) is made once, written whole (and so touched) before anything is timed, and let go when the
next one's is wanted: the largest is 1.2 GB.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastlin.benchmark.bars import LOSSES, Shape

# Of `sgd_epoch`: usual values, with a rate at which standardised rows of 3072 features settle.
MOMENTUM = 0.9
RATE = 1e-3
L2 = 1e-3
# Rows made or converted at a time: whole batches, few enough that their float64 copy is small.
BLOCK = 2048

SOFTMAX, HINGE, SQUARED_HINGE, EPOCH = "softmax_loss", "hinge_loss", "squared_hinge_loss", "sgd_epoch"
LOSS_OPS = (SOFTMAX, HINGE, SQUARED_HINGE)
IMAGE_OPS = ("hog", "color_histogram", "visual_words", "visual_words_bf16")


class Case(NamedTuple):
    """One row of a table.

    `pool` rows are there where a call takes `n` of them by `rows`, another batch each time; `batch` is an epoch's. Of
    image features, `n` images of `d` numbers each.
    """

    op: str
    n: int
    d: int
    c: int
    dtype: str = "float32"
    pool: int = 0
    batch: int = 0

    @property
    def shape(self) -> Shape:
        return Shape(self.n, self.d, self.c, self.dtype, self.pool)

    @property
    def size(self) -> str:
        if self.op in IMAGE_OPS:
            return f"{self.n} images of 32x32x3"
        more = " by rows" if self.pool else f", batches of {self.batch}" if self.batch else ""
        return f"{self.n}x{self.d}x{self.c}{more}"

    @property
    def group(self) -> str:
        return f"{self.op} | {self.dtype} | {self.size}"

    @property
    def flops(self) -> float:
        """2 N D C for the scores, as much again for the gradient."""
        return (2.0 if self.op in ("scores", "predict") else 4.0) * self.n * self.d * self.c

    @property
    def bytes(self) -> float:
        """Each row read once; everything else is small or stays in cache."""
        return float(self.n * self.d * np.dtype(self.dtype).itemsize)

    def tenth(self) -> Case:
        """The same with a tenth of the rows, where they are many."""
        if self.pool:
            return self._replace(pool=self.pool // 10)
        return self._replace(n=self.n // 10) if self.n > 1000 else self

    def shrunk(self) -> Case:
        """The same with about a hundredth of the work, to see that it runs."""
        return self._replace(
            n=max(min(self.n, 32), self.n // 100), d=max(min(self.d, 16), self.d // 4), pool=self.pool // 50
        )


LOSS_CASES = (
    *(Case(op, *shape) for shape in LOSSES for op in (SOFTMAX, HINGE)),
    Case(SQUARED_HINGE, 60000, 784, 10),
)
EPOCH_CASES = tuple(
    Case(EPOCH, 50000, 3072, 10, dtype, batch=batch) for dtype in ("float32", "uint8") for batch in (256, 32)
)
PREDICT_CASES = (
    Case("scores", 50000, 3072, 10),
    Case("predict", 50000, 3072, 10),
    Case("predict", 50000, 3072, 10, "uint8"),
)
IMAGE_CASES = (
    Case("hog", 2000, 3072, 0, "uint8"),
    Case("color_histogram", 2000, 3072, 0, "uint8"),
    Case("visual_words", 64, 3072, 0, "uint8"),
    Case("visual_words_bf16", 64, 3072, 0, "uint8"),
)


def by_data(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """The same, those of one data set after each other, so that it is made once."""
    keys = [_data_key(case) for case in cases]
    return tuple(sorted(cases, key=lambda case: keys.index(_data_key(case))))


# Data


class Data(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    W: np.ndarray
    b: np.ndarray
    shift: np.ndarray | None
    scale: np.ndarray | None
    order: np.ndarray


def _data_key(case: Case) -> tuple[int, int, int, str]:
    return case.pool or case.n, case.d, case.c, case.dtype


def data_of(case: Case) -> Data:
    """Rows, labels, weights, and what standardises and orders the rows."""
    return _data(*_data_key(case))


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
