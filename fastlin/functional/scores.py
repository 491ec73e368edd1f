"""Batched scores, what follows from them, and the features' mean and variance: check, allocate, call the core."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays, _threads
from fastlin._core import moments as _moments
from fastlin._core import scores as _scores
from fastlin._results import Moments
from fastlin.functional._common import Real


def scores(
    X: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, out: Real | None = None, n_threads: int | None = None
) -> Real:
    """Compute the scores of every row for every class, ``X @ W.T + b``.

    Parameters
    ----------
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows of uint8, float16, float32 or float64 (other integers too), in any layout; never copied.
    W : array_like of shape (C, D)
        Weights, a row a class.
    b : array_like of shape (C,), optional
        Bias.
    out : ndarray of shape (N, C), optional
        Where to write the result: C-contiguous, of the result's dtype.
    n_threads : int, optional
        Most threads to use; -1 for all. Default: see `set_num_threads`.

    Returns
    -------
    ndarray of shape (N, C)
        float64 for rows of float64 (and integers of 32 bits and more), else float32.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype or layout; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> X = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    >>> fastlin.scores(X, np.array([[1, 0], [0, 1], [1, 1]]), b=[0, 0, 10])
    array([[ 1.,  2., 13.],
           [ 3.,  4., 17.]], dtype=float32)
    """
    n_threads = _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    dtype = _arrays.compute_dtype(X)
    W = _arrays.as_weights(W, X.shape[1], dtype)
    b = _arrays.as_bias(b, W.shape[0], dtype)
    if out is None:
        out = np.empty((X.shape[0], W.shape[0]), dtype)
    else:
        _arrays.check_in_place(out, "out", (X.shape[0], W.shape[0]), dtype)
        _arrays.check_apart("out", out, X=X, W=W, b=b)
    _scores.scores(X, W, b, out, _threads.resolve(n_threads, 2.0 * X.size * W.shape[0]))
    return out


def predict(
    X: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, n_threads: int | None = None
) -> NDArray[np.int64]:
    """Tell the class of the largest score of each row, without holding the scores.

    Parameters
    ----------
    X, W, b, n_threads
        As in `scores`.

    Returns
    -------
    ndarray of shape (N,), int64
        Of equal scores the first class.

    Raises
    ------
    ValueError, TypeError
        As in `scores`.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> fastlin.predict(np.array([[1.0, 2.0], [4.0, 3.0]]), np.eye(2))
    array([1, 0])
    """
    n_threads = _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    dtype = _arrays.compute_dtype(X)
    W = _arrays.as_weights(W, X.shape[1], dtype)
    b = _arrays.as_bias(b, W.shape[0], dtype)
    classes = np.empty(X.shape[0], np.int64)
    _scores.predict(X, W, b, classes, _threads.resolve(n_threads, 2.0 * X.size * W.shape[0]))
    return classes


def softmax(scores: ArrayLike, *, n_threads: int | None = None) -> Real:
    """Turn scores into probabilities, ``exp(s_j) / sum_k exp(s_k)`` along the last axis.

    The largest score is subtracted first, so that no finite scores overflow.

    Parameters
    ----------
    scores : array_like of shape (N, C) or (C,)
        Scores; float16 and float32 give float32, the rest float64.
    n_threads : int, optional
        Most threads to use; -1 for all.

    Returns
    -------
    ndarray of the shape of `scores`
        Probabilities; each row sums to one.

    Raises
    ------
    ValueError, TypeError
        For scores of another shape or dtype.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification", section "Softmax classifier".

    Examples
    --------
    >>> import fastlin
    >>> fastlin.softmax([3.2, 5.1, -1.7]).round(3)
    array([0.13 , 0.869, 0.001])
    """
    n_threads = _arrays.as_thread_count(n_threads)
    s = _arrays.as_scores(scores)
    p = np.empty_like(s)
    rows = s.reshape(-1, s.shape[-1])
    # An exponential with its division is about 60 operations.
    _scores.softmax(rows, p.reshape(rows.shape), _threads.resolve(n_threads, 60.0 * s.size))
    return p


def moments(X: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None) -> Moments:
    """Compute the mean and the variance of each feature over the rows.

    ``mean = sum_n w_n x_n / sum_n w_n`` and ``variance = sum_n w_n (x_n - mean)**2 / sum_n w_n``.

    Parameters
    ----------
    X, n_threads
        As in `scores`.
    sample_weight : array_like of shape (N,), optional
        Weights of the rows; a row of weight zero is as if not there.

    Returns
    -------
    Moments
        The named tuple ``(mean, variance)``, two float64 arrays of shape (D,); zeros for no rows.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype or weight; the message names the argument.

    References
    ----------
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983).

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> fastlin.moments(np.array([[0, 10], [2, 30]], dtype=np.uint8))
    Moments(mean=array([ 1., 20.]), variance=array([  1., 100.]))
    """
    n_threads = _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    weight = _arrays.as_sample_weight(sample_weight, X.shape[0])
    mean, variance = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    _moments.moments(X, weight, mean, variance, _threads.resolve(n_threads, 8.0 * X.size))
    return Moments(mean, variance)
