"""The Gram matrix of the features: what the data's curvature looks like, once for every penalty.

The Hessian of a linear classifier's mean loss is, a class at a time, about c G + 2 l2 I, with G the mean of x' x'^T and
c the loss's curvature in its scores. So in the coordinates V = W L with L L^T = c G + 2 l2 I the objective is nearly
round, and a method that needs hundreds of passes over the rows in W needs ten or twenty in V.

(A) Rows come in blocks that fit into a cache, are brought to the type they are computed in, centred and scaled by the
    moments of the first of them, so that neither units nor offsets cost digits.
(B) The upper triangle is cut into panels of columns, a panel a task of a thread; each panel's product is one call of a
    BLAS that is held to one thread. So the bits do not depend on the number of threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Self

import numpy as np

from fastlin import _arrays, _threads, functional
from fastlin.training._extras import need, one_blas_thread

# Bytes of a block of converted rows: two threads' share of a last-level cache.
_BLOCK_BYTES = 1 << 23
_LEAST_BLOCK_ROWS = 256
# Columns of a panel: enough that BLAS runs at its full speed, few enough to share out.
_PANEL = 384

# Rows of a block of the factorisation: the products that follow each have this depth.
_FACTOR_BLOCK = 512

# A Cholesky factorisation of rank-deficient features fails by rounding; a diagonal this much larger, in units of the
# last place, and ten times more until it succeeds, changes the path of the solver and not where it ends.
_JITTER = 16.0


class Gram:
    """Sums over rows of x and of x x^T, batch by batch, from which every penalty's preconditioner is made.

    Parameters
    ----------
    n_features : int
        D.
    dtype : numpy dtype
        float32 or float64: of the matrix and its products. Rows of float32 and narrower need no more than float32.
    factor_reach : float
        The factor made for one penalty serves others up to so many times weaker or stronger, too: a few more passes
        over the rows in place of another factorisation, which costs as much as many where there are thousands of
        features. 1: each penalty has its own.

    Attributes
    ----------
    n_rows : int
        Rows added.
    weight : float
        Their weight.
    n_threads : int or None
        What the last `add` was told; factorisations are shared among as many.

    Notes
    -----
    Holds D * D numbers: 38 MB at 3072 features of float32, 164 MB at 6400.

    Examples
    --------
    >>> gram = Gram(2, np.float64).add(np.array([[0.0, 0.0], [2.0, 4.0]]))
    >>> gram.about(np.array([0.0, 0.0]), np.array([1.0, 1.0]))
    array([[2., 4.],
           [4., 8.]])
    """

    def __init__(self, n_features: int, dtype: np.dtype | type = np.float32, *, factor_reach: float = 1.0) -> None:
        self.n_features = _arrays.as_count(n_features, "n_features")
        self.dtype = np.dtype(dtype)
        self.n_rows = 0
        self.weight = 0.0
        self.n_threads: int | None = None
        self._anchor = np.zeros(self.n_features)
        self._unit = np.ones(self.n_features)
        self._sum = np.zeros(self.n_features)
        self._product = np.zeros((self.n_features, self.n_features), self.dtype)
        self._factor_reach = factor_reach
        self._factor: _Factor | None = None

    def add(
        self,
        rows: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        picked: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> Self:
        """Add rows, weighted where weights are given; `picked` are row numbers, of those to add.

        Parameters
        ----------
        rows : ndarray of shape (N, D)
            Of any real type; a block of them is converted at a time.
        sample_weight : ndarray of shape (N,), float64, or None
        picked : ndarray of integers or None
        n_threads : int or None
            See `fastlin.set_num_threads`; the bits do not depend on it.

        Returns
        -------
        self
        """
        self.n_threads = n_threads
        rows = _arrays.as_rows(rows)
        if rows.shape[1] != self.n_features:
            raise ValueError(f"rows has {rows.shape[1]} features; wanted is {self.n_features}")
        weight = _arrays.as_sample_weight(sample_weight, len(rows))
        n_rows = len(rows) if picked is None else len(picked)
        step = max(_LEAST_BLOCK_ROWS, _BLOCK_BYTES // (self.n_features * self.dtype.itemsize))
        work = float(n_rows) * self.n_features**2
        with one_blas_thread(), ThreadPoolExecutor(_threads.resolve(n_threads, work)) as pool:
            for start in range(0, n_rows, step):
                part: slice | np.ndarray = slice(start, min(start + step, n_rows))
                if picked is not None:
                    part = picked[part]
                self._add_block(rows[part], None if weight is None else weight[part], pool)
        return self

    def _add_block(self, block: np.ndarray, weight: np.ndarray | None, pool: ThreadPoolExecutor) -> None:
        if self.n_rows == 0:
            mean, variance = functional.moments(block, n_threads=1)
            self._anchor = mean
            # Not below what has a reciprocal in this type.
            self._unit = np.where(variance > 0, np.maximum(np.sqrt(variance), np.finfo(self.dtype).tiny), 1.0)
        x = block.astype(self.dtype)
        x -= self._anchor.astype(self.dtype)
        x *= (1.0 / self._unit).astype(self.dtype)
        if weight is not None:
            x *= np.sqrt(weight).astype(self.dtype)[:, None]
            self._sum += (x * np.sqrt(weight)[:, None]).sum(axis=0, dtype=np.float64)
        else:
            self._sum += x.sum(axis=0, dtype=np.float64)

        def add_panel(first: int) -> None:
            stop = first + _PANEL
            self._product[first:stop, first:] += x[:, first:stop].T @ x[:, first:]

        self._factor = None
        list(pool.map(add_panel, range(0, self.n_features, _PANEL)))
        self.n_rows += len(block)
        self.weight += float(len(block)) if weight is None else float(weight.sum())

    def about(self, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Mean of x' x'^T with x' = (x - shift) * scale: a new (D, D) array, of which the upper triangle counts."""
        if self.weight == 0.0:
            raise ValueError("no row of positive weight was added; wanted is at least one")
        # x - shift is unit * z + unit * apart with z as it was summed: a correction of rank two.
        mean = self._sum / self.weight
        apart = (self._anchor - shift) / self._unit
        scale = self._unit * scale
        matrix = np.empty_like(self._product)
        for first in range(0, self.n_features, _PANEL):
            panel = slice(first, first + _PANEL)
            rows = self._product[panel] / self.weight
            rows += np.outer(apart[panel], mean + apart) + np.outer(mean[panel], apart)
            matrix[panel] = rows * scale[panel, None] * scale
        return matrix

    def factor(self, shift: np.ndarray, scale: np.ndarray, curvature: float, ridge: float) -> tuple[np.ndarray, float]:
        """`cholesky`, or the last factor where it was made in these coordinates for a ridge within `factor_reach`.

        And the least that the curvature, about 1 in the coordinates of its own factor, is in those of the one returned.
        """
        last = self._factor
        if last is not None and last.serves(shift, scale, curvature, ridge, self._factor_reach):
            return last.lower, min(1.0, ridge / last.ridge) if last.ridge else 1.0
        self._factor = last = None  # not two at a time
        lower = cholesky(self, shift, scale, curvature, ridge)
        if self._factor_reach > 1.0:
            self._factor = _Factor(shift, scale, curvature, ridge, lower)
        return lower, 1.0


class _Factor(NamedTuple):
    """A Cholesky factor, and of what."""

    shift: np.ndarray
    scale: np.ndarray
    curvature: float
    ridge: float
    lower: np.ndarray

    def serves(self, shift: np.ndarray, scale: np.ndarray, curvature: float, ridge: float, reach: float) -> bool:
        return (
            curvature == self.curvature and self.ridge <= reach * ridge and ridge <= reach * self.ridge
            and np.array_equal(shift, self.shift) and np.array_equal(scale, self.scale)
        )  # fmt: skip


def cholesky(gram: Gram, shift: np.ndarray, scale: np.ndarray, curvature: float, ridge: float) -> np.ndarray:
    """Lower factor L of L L^T = curvature * G + ridge * I in the coordinates x' = (x - shift) * scale.

    A feature that never varies, and is not penalised, has a zero row; it gets a unit one.
    """
    linalg = need("scipy.linalg")
    n_threads = _threads.resolve(gram.n_threads, gram.n_features**3 / 3.0)
    jitter = _JITTER * float(np.finfo(gram.dtype).eps)
    while True:
        matrix = gram.about(shift, scale)
        matrix *= matrix.dtype.type(curvature)
        diagonal = matrix.diagonal() * (1 + jitter) + ridge
        matrix[np.diag_indices_from(matrix)] = np.where(diagonal > 0, diagonal, 1.0)
        try:
            with ThreadPoolExecutor(n_threads) as pool:
                return _upper_factor(matrix, pool).T
        except linalg.LinAlgError:
            jitter *= 10
            if jitter > 1:
                raise


def _upper_factor(matrix: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
    """U of U^T U = `matrix`, of which the upper triangle is read, in its place; zeros below.

    A block of rows after the other, as Golub and Van Loan have it (Matrix Computations, 4.2.9): what is left of the
    matrix is updated in panels, a task of a thread each, cut by the shape alone. Between blocks Ctrl-C is seen.
    """
    linalg = need("scipy.linalg")
    n = len(matrix)
    for first in range(0, n, _FACTOR_BLOCK):
        last = min(first + _FACTOR_BLOCK, n)
        rows = matrix[first:last]
        rows[:, :first] = 0
        corner = linalg.cholesky(rows[:, first:last], check_finite=False)
        rows[:, first:last] = corner

        def solve_panel(start: int, rows: np.ndarray = rows, corner: np.ndarray = corner) -> None:
            panel = rows[:, start : start + _PANEL]
            panel[...] = linalg.solve_triangular(corner, panel, trans="T", check_finite=False)

        def update_panel(start: int, rows: np.ndarray = rows) -> None:
            stop = start + _PANEL
            matrix[start:stop, start:] -= rows[:, start:stop].T @ rows[:, start:]

        list(pool.map(solve_panel, range(last, n, _PANEL)))
        list(pool.map(update_panel, range(last, n, _PANEL)))
    return matrix
