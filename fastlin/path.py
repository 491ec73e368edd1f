"""A whole path of penalties at the price of a few fits: one survey of the rows, one Gram matrix, warm starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fastlin import _arrays, _labels, functional, training
from fastlin.penalty import as_l1_ratio, functional_penalty

__all__ = ["PathResult", "fit_path"]

# The default path: from a penalty that leaves about the classes' means to one that hardly acts on standardised rows.
_ALPHAS = tuple(10.0 ** (-0.5 * k) for k in range(13))


@dataclass(frozen=True)
class PathResult:
    """The optima of a path of penalties, in the order the penalties were given.

    Attributes
    ----------
    alphas : ndarray of shape (A,)
    classes : ndarray of shape (C,)
        The labels, sorted.
    coefs : ndarray of shape (A, C, D), or (A, 1, D) for two classes
        Weights on raw rows, as an estimator's `coef_`.
    intercepts : ndarray of shape (A, C) or (A, 1)
    objectives : ndarray of shape (A,)
        Mean loss plus penalty at each optimum.
    certificates : list of Certificate
        What is known of each optimum; see `fastlin.training.Certificate`.
    scores : ndarray of shape (A,) or None
        Share of the rows of `eval_set` classified rightly.
    best : int or None
        Index of the best of `scores`; of equal ones that of the strongest penalty.
    """

    alphas: np.ndarray
    classes: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    certificates: list[training.Certificate]
    scores: np.ndarray | None
    best: int | None

    def predict(self, X: ArrayLike, index: int | None = None, *, n_threads: int | None = None) -> np.ndarray:
        """The labels that the weights at `index` give the rows of `X`; by default the best ones, or else the last."""
        if index is None:
            index = len(self.alphas) - 1 if self.best is None else self.best
        coef, intercept = training.row_per_class(self.coefs[index], self.intercepts[index])
        return self.classes[functional.predict(X, coef, intercept, n_threads=n_threads)]


def fit_path(
    X: ArrayLike, y: ArrayLike, alphas: Sequence[float] | None = None, *,
    loss: Literal["softmax", "hinge", "squared_hinge"] = "softmax", l1_ratio: float = 0.0, margin: float = 1.0,
    fit_intercept: bool = True, standardize: bool = True, sample_weight: ArrayLike | None = None,
    eval_set: tuple[Any, Any] | None = None, gram: training.Gram | None = None, tol: float = 1e-6,
    max_iter: int = 1000, n_threads: int | None = None,
) -> PathResult:  # fmt: skip
    """Fit a linear classifier to its optimum for each of many penalties.

    The objective for each alpha is an estimator's:
    ``mean loss(W x' + b, y) + alpha * ((1 - l1_ratio) / 2 * ||W||^2 + l1_ratio * ||W||_1)``, with x' the standardised
    row, or x without. The first, strongest penalty starts from ridge regression, each other one from its neighbour.

    Parameters
    ----------
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows of any real type, read where they lie.
    y : array_like of shape (N,)
        Labels: integers, strings, booleans.
    alphas : sequence of float, optional
        Penalties >= 0, in any order. Default: 13 from 1 to 1e-6.
    loss, l1_ratio, margin, standardize
        As in `LinearClassifier`.
    fit_intercept : bool
        Without, b is zero and rows are scaled but not shifted.
    sample_weight : array_like of shape (N,), optional
        A row of weight zero is as if not there.
    eval_set : (X, y), optional
        Rows to choose among the penalties with.
    gram : fastlin.training.Gram, optional
        The features' Gram matrix, where it is known; else a sample of the rows is taken where it pays.
    tol : float
        Each fit ends when the objective is, by estimate, within this share of its minimum.
    max_iter : int
        Most steps a penalty.
    n_threads : int, optional
        Most threads to use; -1 for all. The bits do not depend on it.

    Returns
    -------
    PathResult

    Raises
    ------
    ValueError, TypeError
        For rows, labels or parameters that make no fit, saying which.
    ImportError
        Without the extra: pip install 'fastlin[solvers]'.

    References
    ----------
    Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate descent",
    Journal of Statistical Software 33 (2010): warm starts along a path. `fastlin.training.full_batch` has the solver.

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["a", "a", "b", "b"]
    >>> path = fastlin.fit_path(X, y, [1.0, 0.01], eval_set=(X, y))
    >>> path.coefs.shape, path.best
    ((2, 1, 1), 0)
    """
    rows = _arrays.as_rows(X)
    if len(rows) == 0:
        raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one row")
    weight = _arrays.as_sample_weight(sample_weight, len(rows))
    if weight is not None and not weight.any():
        raise ValueError("sample_weight is zero for every row; wanted is at least one row of positive weight")
    classes, index = _labels.encode(_labels.as_label_array(y, len(rows)), weight)
    try:
        given = list(_ALPHAS if alphas is None else alphas)
    except TypeError:
        raise TypeError(f"alphas is {alphas!r}; wanted is a sequence of numbers, of one too: [{alphas!r}]") from None
    strengths = np.array([_arrays.as_nonnegative(alpha, "alphas") for alpha in given])
    if len(strengths) == 0:
        raise ValueError("alphas is empty; wanted is at least one penalty")
    ratio = as_l1_ratio(l1_ratio)
    held_out = None if eval_set is None else _held_out(eval_set, rows.shape[1], classes)
    standardization = None
    if standardize:
        standardization = training.survey(rows, weight, n_threads).standardization()
        if not fit_intercept:
            standardization = standardization._replace(shift=np.zeros_like(standardization.shift))
    else:
        training.check_finite(rows, weight)
    order = np.argsort(-strengths, kind="stable")
    results = training.minimize_path(
        rows, index, len(classes), [functional_penalty(float(strengths[k]), ratio, len(classes)) for k in order],
        loss=loss, margin=margin, fit_intercept=fit_intercept, standardization=standardization, sample_weight=weight,
        gram=gram, tol=tol, max_iter=max_iter, n_threads=n_threads,
    )  # fmt: skip
    results = [results[position] for position in np.argsort(order)]
    raw = [standardization.fold(W, b) if standardization else (W, b) for W, b, _ in results]
    if len(classes) == 2:
        raw = [training.row_for_two(W, b) for W, b in raw]
    certificates = [certificate for _, _, certificate in results]
    path = PathResult(
        strengths, classes, np.stack([W for W, _ in raw]), np.stack([b for _, b in raw]),
        np.array([certificate.objective for certificate in certificates]), certificates, None, None,
    )  # fmt: skip
    return path if held_out is None else _scored(path, *held_out, n_threads)


def _held_out(eval_set: Any, n_features: int, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of an evaluation set; a label may be of no class, and is then never right."""
    if not isinstance(eval_set, tuple | list) or len(eval_set) != 2:
        raise TypeError("eval_set is no pair; wanted is (X, y)")
    rows = _arrays.as_rows(eval_set[0], "eval_set[0]")
    labels = _labels.as_label_array(eval_set[1], len(rows), "eval_set[1]")
    if len(rows) == 0:
        raise ValueError("eval_set has no rows; wanted is at least one to score")
    if rows.shape[1] != n_features:
        raise ValueError(f"eval_set[0] has {rows.shape[1]} features; wanted is {n_features}, as X has")
    training.check_finite(rows)
    try:
        _labels.joined(classes, labels[:1])  # numbers against strings would be silent zeros
    except TypeError as error:
        raise TypeError(f"of eval_set, {error}") from None
    return rows, labels


def _scored(path: PathResult, rows: np.ndarray, labels: np.ndarray, n_threads: int | None) -> PathResult:
    """`path` with the scores on an evaluation set, and the best of them."""
    scores = np.array(
        [np.mean(path.predict(rows, index, n_threads=n_threads) == labels) for index in range(len(path.alphas))]
    )
    best = max(range(len(scores)), key=lambda index: (scores[index], path.alphas[index]))
    return PathResult(**{**vars(path), "scores": scores, "best": best})
