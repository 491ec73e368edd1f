"""Where test data comes from: random problems, the one generator of nasty arrays, hypothesis strategies over both."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fastlin import _arrays, config

LEVELS = tuple(config.info()["simd"]["available"])
THREADS = (1, 2, 3, 8)
DTYPES = ("uint8", "float16", "float32", "float64")
OTHER_DTYPES = ("bool", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")

# (N, D, C): each value straddles a vector's width, a block of rows, or is a common one; large with large once or twice.
SHAPES = (
    (0, 3, 2), (0, 784, 10), (1, 1, 1), (1, 1, 2), (1, 16, 17), (1, 3073, 7), (2, 3, 1),
    (2, 15, 3), (2, 32, 16), (2, 3073, 10), (31, 16, 7), (31, 31, 1000), (31, 784, 10), (31, 3073, 17),
    (32, 15, 100), (32, 17, 10), (32, 784, 1), (33, 31, 16), (33, 33, 100), (33, 3072, 10), (2, 100, 1000),
    (257, 1, 16), (257, 3, 10), (33, 784, 1000), (257, 17, 1000), (257, 32, 17), (257, 33, 7), (257, 784, 10),
    (257, 784, 100), (257, 3072, 3), (257, 3073, 2), (1025, 33, 10), (2049, 17, 3),
)  # fmt: skip
# Each shape in the two commonest dtypes and in one of the others.
SWEEP = [
    (shape, dtype)
    for turn, shape in enumerate(SHAPES)
    for dtype in ("uint8", "float32", ("float16", "float64")[turn % 2])
]


@dataclass(frozen=True, eq=False)  # equal only to itself, so that what is computed of it can be cached
class Problem:
    """Rows, labels and a model, with scores of order one, no row of which stands near a kink of the hinge."""

    X: np.ndarray
    y: np.ndarray
    W: np.ndarray
    b: np.ndarray
    scaling: dict[str, np.ndarray]

    @property
    def dtype(self) -> np.dtype:
        return self.W.dtype


@functools.lru_cache(maxsize=24)
def problem(
    n: int,
    d: int,
    c: int,
    dtype: str,
    *,
    margin: float = 1.0,
    scaled: bool = False,
    clear_of: float = 0.0,
    seed: int = 0,
) -> Problem:
    """A random problem, its arrays read-only as it is shared.

    The loss of a row within rounding of a kink has two right gradients, so such rows are drawn anew. `clear_of` is how
    far from a kink the rows must be; unless told, somewhat more than the rounding error of a score.
    """
    rng = np.random.default_rng([n, d, c, seed])
    compute = _arrays.compute_dtype(np.empty((0, 1), dtype))
    clear_of = clear_of or (3e-5 if compute == np.float32 else 1e-10)
    X = rows_of(rng, n, d, dtype)
    y = rng.integers(0, c, n)
    scaling = {}
    size = np.sqrt(np.mean(np.square(X, dtype=np.float64))) if n else 1.0
    if scaled:
        wide = rows_of(rng, 500, d, dtype).astype(np.float64)
        scaling = {"shift": wide.mean(axis=0), "scale": 1 / (wide.std(axis=0) + 1e-3)}
        size = 1.0
    W = (rng.normal(size=(c, d)) * 0.6 / (np.sqrt(d) * (size or 1.0))).astype(compute)
    b = (rng.normal(size=c) * 0.4).astype(compute)
    for _ in range(100):
        near = _near_kink(X, y, W, b, scaling, margin, clear_of)
        if not near.any():
            break
        X[near] = rows_of(rng, int(near.sum()), d, dtype)
        y[near] = rng.integers(0, c, int(near.sum()))
    else:
        raise AssertionError("no rows clear of the kinks found")
    for array in (X, y, W, b, *scaling.values()):
        array.flags.writeable = False
    return Problem(X, y, W, b, scaling)


def rows_of(rng: np.random.Generator, n: int, d: int, dtype: str) -> np.ndarray:
    """Random rows: 0..255 for uint8, small integers for the other integers, a normal distribution for floats."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return rng.normal(size=(n, d)).astype(dtype)
    low, high = {"b": (0, 2), "u": (0, 256), "i": (-100, 100)}[kind]
    return rng.integers(low, high, (n, d)).astype(dtype)


def _near_kink(X, y, W, b, scaling, margin, clear_of) -> np.ndarray:
    X = X.astype(np.float64)
    if scaling:
        X = (X - scaling["shift"]) * scaling["scale"]
    s = X @ W.T.astype(np.float64) + b
    n = np.arange(len(y))
    violation = s - s[n, y][:, None] + margin
    violation[n, y] = -np.inf
    near = (np.abs(violation) < clear_of).any(axis=1)
    if s.shape[1] > 2:  # kind="max" has a kink where the two largest are equal
        second, first = np.sort(violation, axis=1)[:, -2:].T
        near |= (first > 0) & (first - second < clear_of)
    return near


def whole_number_problem(n: int, d: int, c: int, dtype: str, seed: int = 0) -> Problem:
    """Small whole numbers and W of quarters, whose scores float32 holds exactly: ties are hit on the dot."""
    rng = np.random.default_rng([n, d, c, seed])
    compute = _arrays.compute_dtype(np.empty((0, 1), dtype))
    low = 0 if np.dtype(dtype).kind in "ub" else -2
    X = rng.integers(low, 2 if dtype == "bool" else 3, (n, d)).astype(dtype)
    W = (rng.integers(-4, 5, (c, d)) / 4).astype(compute)
    return Problem(X, rng.integers(0, c, n), W, (rng.integers(-4, 5, c) / 4).astype(compute), {})


# Nasty arrays: the same numbers, laid out otherwise


def _poisoned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory around and between the numbers, such that a wrong stride shows."""
    array = np.empty(shape, dtype)
    array.fill(np.nan if dtype.kind == "f" else np.iinfo(dtype).max if dtype.kind in "iu" else True)
    return array


def _spread(X: np.ndarray, row_step: int, column_step: int) -> np.ndarray:
    n, d = X.shape
    view = _poisoned((n * row_step + 2, d * column_step + 5), X.dtype)[
        : n * row_step : row_step, : d * column_step : column_step
    ]
    view[...] = X
    return view


def _window(X: np.ndarray) -> np.ndarray:
    view = _poisoned((X.shape[0] + 4, X.shape[1] + 7), X.dtype)[2:-2, 5:-2]
    view[...] = X
    return view


def _read_only(X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X.flags.writeable = False
    return X


def _memmap(X: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryFile() as file:
        # One number more, as an empty file cannot be mapped.
        file.write(X.tobytes() + bytes(X.itemsize))
        file.flush()
        return np.memmap(file, dtype=X.dtype, mode="r", shape=(X.size + 1,))[: X.size].reshape(X.shape)


def _misaligned(X: np.ndarray) -> np.ndarray:
    memory = bytearray(X.nbytes + 1)
    view = np.frombuffer(memory, X.dtype, X.size, offset=1).reshape(X.shape)
    view[...] = X
    return view


def _record_field(X: np.ndarray) -> np.ndarray:
    records = np.zeros(X.shape, [("before", "u1"), ("value", X.dtype)])
    records["value"] = X
    return records["value"]


def _images(X: np.ndarray, row_step: int = 1) -> np.ndarray:
    n, d = X.shape
    channels = 3 if d % 3 == 0 else 1
    height = max(h for h in range(1, int(np.sqrt(d // channels)) + 1) if d // channels % h == 0)
    images = _poisoned((n * row_step, height, d // channels // height, channels), X.dtype)[::row_step]
    images[...] = X.reshape(images.shape)
    return images


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.copy,
    "Fortran": np.asfortranarray,
    "row strided": lambda X: _spread(X, 3, 1),
    "column strided": lambda X: _spread(X, 1, 2),
    "both strided": lambda X: _spread(X, 2, 3),
    "window": _window,
    "transposed window": lambda X: _window(X.T).T,
    "rows reversed": lambda X: X[::-1].copy()[::-1],
    "columns reversed": lambda X: X[:, ::-1].copy()[:, ::-1],
    "Fortran, both reversed": lambda X: np.asfortranarray(X[::-1, ::-1])[::-1, ::-1],
    "read-only": _read_only,
    "memory-mapped": _memmap,
    "misaligned": _misaligned,
    "record field": _record_field,
    "byte-swapped": lambda X: X.astype(X.dtype.newbyteorder()),
    "byte-swapped, strided": lambda X: _spread(X.astype(X.dtype.newbyteorder()), 1, 2),
    "images": _images,
    "images, row strided": lambda X: _images(X, 2),
}


# Hypothesis


@dataclass
class Case:
    """A problem and the options of a call."""

    problem: Problem
    X: np.ndarray
    b: np.ndarray | None
    level: str
    n_threads: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> float:
        """What a gradient can be expected to be, where few rows cancel each other: a fraction of the features."""
        X = self.problem.X.astype(np.float64)
        if self.problem.scaling:
            X = (X - self.problem.scaling["shift"]) * self.problem.scaling["scale"]
        return 0.05 * float(np.sqrt(np.mean(X**2))) if X.size else 0.0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any dtype, layout, shape and combination of options at once."""
    dtype = draw(st.sampled_from(DTYPES + OTHER_DTYPES))
    n, d, c = draw(st.integers(0, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 20))
    p = problem(n, d, c, dtype, scaled=draw(st.booleans()), seed=draw(st.integers(0, 10**6)))
    options: dict[str, Any] = dict(p.scaling)
    if draw(st.booleans()):
        options["l2"] = draw(st.sampled_from([1e-4, 0.1, 3.0]))
    if draw(st.booleans()):
        options["l1"] = draw(st.sampled_from([1e-4, 0.1]))
    if draw(st.booleans()):
        options["sample_weight"] = np.array(
            draw(st.lists(st.sampled_from([0, 0.5, 1, 3]), min_size=n, max_size=n)), float
        )
    return Case(
        problem=p,
        X=LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](p.X),
        b=draw(st.sampled_from([None, p.b])),
        level=draw(st.sampled_from(LEVELS)),
        n_threads=draw(st.sampled_from(THREADS)),
        options=options,
    )


def row_indices(n: int) -> st.SearchStrategy[np.ndarray]:
    """An index into n rows: empty, repeated, in any order."""
    if n == 0:
        return st.just(np.zeros(0, np.int64))
    return st.lists(st.integers(0, n - 1), max_size=2 * n).map(lambda rows: np.array(rows, np.int64))
