"""How strong a penalty is that nobody chose: alpha from what the rows are like, and how many there are of each class.

An l2 penalty alpha / 2 * ||W||^2 beside a mean over N rows says of the weights, before any row is seen, that each is
about 1 / sqrt(alpha N) in size; a score of a row of squared length L about sqrt(L / (alpha N)). "auto" wants scores as
large as it takes to win the loss over, and no larger:

    alpha = Z L / (s^2 N) * min(1, 4 r (C - 1) / N) / (1 + (6 u / log C)^2)

======= ============================================================================================================
Z       loss of zero weights, what there is to be won: log C of softmax, (C - 1) margin^power of the hinges
s       scores that win it: log C, by which the right class stands out among C; of the hinges the margin
L       mean squared length of the rows about their mean, in the coordinates of the training
r       effective rank of the rows: of the eigenvalues of their covariance, (sum)^2 / sum of squares
u       standard deviation, over the classes, of the logarithm of their rows: 0 where they are as many of each
======= ============================================================================================================

The second factor is for many rows. r (C - 1) weights are what the data can settle; where rows are many times as many,
the weights are known well without any help, and shrinking them only turns the boundaries: predictions do not gain, as
they do not depend on the size of the scores. From a quarter as many rows on the penalty falls with 1 / N^2.

The last factor is for classes of uneven size. The intercepts, which are not penalised, tell how frequent a class is;
scores that a penalty holds down beside them would say nothing but the most frequent class of every row.

A few rows may be far longer than the others, and rule every mean. They count as no longer than sqrt(2) times the median
length: a label, which is all they tell, is no larger for them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fastlin import functional
from fastlin.training.sample import kept_rows, sample_size, spread_rows, standardized
from fastlin.training.standardize import Standardization

# Rows looked at, and of wide rows fewer: n^2 D, of their products with each other, is 3 ms of one core at most.
_SAMPLE_ROWS = 512
_LEAST_ROWS = 64
_PRODUCTS = 1 << 27
# Rows for each weight from which on the penalty falls faster. Between 2 and 8 twenty data sets do not tell the
# difference; those of bench/defaults.py with other seeds than its own.
_ROWS_A_WEIGHT = 4.0
# Times u that the scores get as room: of made sets of 40 to 200 rows, the larger class 58 to 65 % of them, the strength
# that does best is a fifth to a tenth of that for equal classes.
_ROOM = 6.0
# Times the median squared length that a row's counts at most.
_LONGEST = 2.0


class Spread(NamedTuple):
    """How the rows spread about their mean.

    Attributes
    ----------
    squared_length, rank : float
        Mean squared length and effective rank, the long rows held back.
    unevenness : float
        The mean squared length with nothing held back, as a multiple: 1 to 1.5 of most data, 20 of rows with heavy
        tails, where a few are hundreds of times longer than the rest.
    """

    squared_length: float
    rank: float
    unevenness: float = 1.0


def spread(
    rows: np.ndarray, standardization: Standardization | None, *, centred: bool = True,
    sample_weight: np.ndarray | None = None, n_threads: int | None = None,
) -> Spread:  # fmt: skip
    """Look at some rows of positive weight; a row of weight k is k rows.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Raw rows, N at least 1.
    standardization : Standardization or None
        Coordinates of the training.
    centred : bool
        About the mean; else about zero, for a model without intercepts.
    sample_weight : ndarray of shape (N,) or None
        Some of it positive.
    n_threads : int or None
        The bits do not depend on it.
    """
    n_features = rows.shape[1]
    n_sample = sample_size(n_features, min(_SAMPLE_ROWS, max(_LEAST_ROWS, math.isqrt(_PRODUCTS // n_features))))
    kept = kept_rows(len(rows), sample_weight)
    if len(kept) <= n_sample:
        picked, weight = kept, np.ones(len(kept)) if sample_weight is None else sample_weight[kept].astype(np.float64)
    else:
        picked = spread_rows(len(rows), n_sample, sample_weight)
        weight = np.ones(n_sample)
    weight = weight / weight.sum()
    x = standardized(rows, picked, standardization)
    unit = float(np.abs(x).max()) or 1.0  # so that no square overflows
    x /= x.dtype.type(unit)
    if centred:
        x -= np.einsum("i,ij->j", weight, x)
    # Sums by einsum, the products by our own kernels: a BLAS may change its bits with its number of threads.
    squared = np.einsum("ij,ij->i", x, x, dtype=np.float64)
    order = np.argsort(squared)
    whole = float((weight * squared).sum())
    median = squared[order[np.searchsorted(np.cumsum(weight[order]), 0.5)]]
    if median > 0:
        share = np.minimum(1.0, np.sqrt(_LONGEST * median / np.maximum(squared, median)))
        x *= share[:, None].astype(x.dtype)
        squared *= share**2
    length = float((weight * squared).sum())
    products = functional.scores(x, x, n_threads=n_threads).astype(np.float64) ** 2
    between = float(np.einsum("i,ij,j->", weight, products, weight, optimize=False))
    if between == 0:  # rows all alike
        return Spread(0.0, 1.0)
    return Spread(length * unit * unit, length * length / between, max(1.0, whole / length))


def class_unevenness(y: np.ndarray, n_classes: int, sample_weight: np.ndarray | None = None) -> float:
    """u of this module: of the classes 0..C-1 that `y` has rows of.

    Examples
    --------
    >>> class_unevenness(np.array([0, 0, 1, 1]), 2), round(class_unevenness(np.array([0, 0, 0, 1]), 2), 3)
    (0.0, 0.549)
    """
    counts = np.bincount(y, sample_weight, n_classes)
    return float(np.log(counts[counts > 0]).std())


def auto_alpha(
    loss: str, n_classes: int, margin: float, rows: Spread, n_rows: float, unevenness: float = 0.0
) -> float:
    """The strength for `loss` on `n_rows` rows that spread like `rows`, of classes of this unevenness; see this module.

    Examples
    --------
    >>> auto_alpha("softmax", 2, 1.0, Spread(squared_length=10.0, rank=8.0), n_rows=20)
    0.72
    >>> auto_alpha("hinge", 2, 1.0, Spread(squared_length=10.0, rank=8.0), n_rows=20)
    0.5
    """
    if loss == "softmax":
        won = 1.0 / np.log(n_classes)  # Z / s^2, log C of both
    else:
        won = (n_classes - 1) * (1.0 if loss == "squared_hinge" else 1.0 / margin)
    few = min(1.0, _ROWS_A_WEIGHT * rows.rank * (n_classes - 1) / n_rows)
    room = 1.0 + (_ROOM * unevenness / np.log(n_classes)) ** 2
    return float(f"{won * rows.squared_length / n_rows * few / room:.2g}")
