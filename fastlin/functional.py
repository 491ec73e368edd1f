"""Batched scores, losses with gradients, and gradient descent: check, allocate, call the compiled loops.

`fastlin.reference` holds the NumPy twin of every function here, with the formulas spelt out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays, _threads
from fastlin._core import loss as _loss
from fastlin._core import moments as _moments
from fastlin._core import rows as _rows
from fastlin._core import scores as _scores
from fastlin._core import sgd as _sgd
from fastlin._core import step as _step
from fastlin._results import EpochResult, LossGradient, Moments

__all__ = ["hinge_loss", "moments", "predict", "scores", "sgd_epoch", "sgd_step", "softmax", "softmax_loss"]

Real = NDArray[np.float32] | NDArray[np.float64]

# As in fl_loss_kind of src_c/fl_kernels.h.
_SOFTMAX = 0
_HINGE = {"sum": 1, "max": 2}


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


def softmax_loss(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, l2: float = 0.0, l1: float = 0.0,
    sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None, scale: ArrayLike | None = None,
    rows: ArrayLike | None = None, n_threads: int | None = None,
) -> LossGradient:  # fmt: skip
    """Compute the softmax (cross-entropy) loss and its gradient in one pass over the rows.

    ``loss = mean_n(-log p_n[y_n]) + l2 * sum(W**2) + l1 * sum(|W|)`` with ``p_n = softmax(W x_n + b)``;
    ``dW = mean_n((p_n - 1[y_n]) x_n^T) + 2 l2 W + l1 sign(W)``, ``db = mean_n(p_n - 1[y_n])``.

    Parameters
    ----------
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows of uint8, float16, float32 or float64 (other integers too), in any layout; never copied.
    y : array_like of shape (N,)
        Labels, integers 0..C-1.
    W : array_like of shape (C, D)
        Weights, a row a class.
    b : array_like of shape (C,), optional
        Bias; not penalised.
    l2, l1 : float
        Penalties, >= 0. The course's convention: no 1/2.
    sample_weight : array_like of shape (N,), optional
        Weights >= 0 in the mean over rows; a row of weight zero is as if not there.
    shift, scale : float or array_like of shape (D,), optional
        Compute as if the rows were ``(X - shift) * scale``; `W` and the gradient are in those coordinates. Folded
        into the weights: no scaled copy of `X` is made.
    rows : array_like of integers, optional
        Row numbers of a minibatch, in any order, repeated as they are; read in place.
    n_threads : int, optional
        Most threads to use; -1 for all. The result has the same bits at any number.

    Returns
    -------
    LossGradient
        The named tuple ``(loss, dW, db)``; `db` is None when `b` is. For no rows the data loss is 0.

    Raises
    ------
    ValueError, TypeError, IndexError
        For a wrong shape, dtype, label, weight, penalty or row number; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification" and "Optimization".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> loss, dW, db = fastlin.softmax_loss(np.ones((1, 3)), [0], np.diag([3.2, 5.1, -1.7]))
    >>> round(loss, 4), dW.shape, db is None
    (2.0404, (3, 3), True)
    """
    return _fused_loss(_SOFTMAX, 1, 1.0, X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads)


def hinge_loss(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, margin: float = 1.0,
    power: Literal[1, 2] = 1, kind: Literal["sum", "max"] = "sum", l2: float = 0.0, l1: float = 0.0,
    sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None, scale: ArrayLike | None = None,
    rows: ArrayLike | None = None, n_threads: int | None = None,
) -> LossGradient:  # fmt: skip
    """Compute the multiclass hinge (SVM) loss and its gradient in one pass over the rows.

    ``loss = mean_n(sum_{j != y_n} max(0, s_nj - s_ny + margin)**power) + l2 * sum(W**2) + l1 * sum(|W|)``, with
    ``s_n = W x_n + b``; a violation of exactly zero has gradient zero.

    Parameters
    ----------
    margin : float
        By how much the right score should exceed the others, > 0.
    power : {1, 2}
        2 for the squared hinge.
    kind : {"sum", "max"}
        Sum over the wrong classes (Weston and Watkins, the course's loss) or the largest violation alone (Crammer
        and Singer; of equal ones the first class).
    X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads
        As in `softmax_loss`.

    Returns
    -------
    LossGradient
        The named tuple ``(loss, dW, db)``; `db` is None when `b` is. For no rows the data loss is 0.

    Raises
    ------
    ValueError, TypeError, IndexError
        For a wrong shape, dtype, label, weight, penalty, margin or row number; the message names the argument.

    References
    ----------
    Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.
    Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2 (2001).
    Stanford CS231n, lecture notes "Linear classification".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> W = np.array([[3.2], [5.1], [-1.7]])
    >>> round(fastlin.hinge_loss(np.ones((1, 1)), [0], W).loss, 4)
    2.9
    """
    power = _arrays.as_choice(power, "power", (1, 2))
    kind = _arrays.as_choice(kind, "kind", ("sum", "max"))
    return _fused_loss(_HINGE[kind], power, margin, X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads)


def _fused_loss(
    loss: int, power: int, margin: float, X: Any, y: Any, W: Any, b: Any, l2: float, l1: float, sample_weight: Any,
    shift: Any, scale: Any, rows: Any, n_threads: int | None,
) -> LossGradient:
    n_threads = _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    n_rows, n_features = X.shape
    dtype = _arrays.compute_dtype(X)
    W = _arrays.as_weights(W, n_features, dtype)
    n_classes = W.shape[0]
    b = _arrays.as_bias(b, n_classes, dtype)
    y = _arrays.as_labels(y, n_rows)
    weight = _arrays.as_sample_weight(sample_weight, n_rows)
    shift = _arrays.as_feature_vector(shift, n_features, "shift", dtype)
    scale = _arrays.as_feature_vector(scale, n_features, "scale", dtype)
    if rows is not None:
        rows = _arrays.as_row_index(rows, n_rows)
        n_rows = rows.shape[0]
    _check_labels(y, rows, weight, n_classes)
    margin = _arrays.as_positive(margin, "margin", dtype)
    l2 = _arrays.as_nonnegative(l2, "l2", dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", dtype)
    dW, db = np.empty((n_classes, n_features), dtype), None if b is None else np.empty(n_classes, dtype)
    threads = _threads.resolve(n_threads, 4.0 * n_rows * n_features * n_classes)
    value = _loss.loss_gradient(
        X, y, W, b, rows, weight, shift, scale, loss, power, margin, l2, l1, dW, db, threads
    )
    return LossGradient(value, dW, db)


def sgd_step(
    W: Real, b: Real | None, dW: ArrayLike, db: ArrayLike | None, *, lr: float, momentum: float = 0.0,
    nesterov: bool = False, velocity: tuple[Real, Real | None] | None = None, l1: float = 0.0,
) -> None:  # fmt: skip
    """Take one step of gradient descent, in place.

    ``v = momentum * v - lr * dW; W += v``, or ``W += momentum * v - lr * dW`` with the new v in Nesterov's form. An l1
    penalty is taken as its proximal step, ``prox(W) = sign(W) * max(|W| - lr * l1, 0)``, and v holds what W moved by,
    that step included. The same for b, which is not penalised.

    Parameters
    ----------
    W, b : ndarray of shape (C, D) and (C,)
        Weights and bias (or None), float32 or float64, C-contiguous; changed in place.
    dW, db : array_like
        Their gradients; without the l1 term's, where `l1` is given.
    lr : float
        Learning rate, > 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Use Nesterov's form of momentum.
    velocity : tuple of two ndarrays, optional
        Velocities of W and b (None without b), changed in place; start with zeros. Required with momentum.
    l1 : float
        l1 penalty on W, >= 0; the zeros it makes are exact.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype, layout or rate; the message names the argument, and nothing has been written.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization" and "Neural networks 3" (momentum). Parikh and Boyd, "Proximal
    algorithms", 2014, sections 4.3 and 6.5.2.

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> W = np.array([[1.0, -2.0]])
    >>> fastlin.sgd_step(W, None, np.array([[1.0, 1.0]]), None, lr=0.5)
    >>> W
    array([[ 0.5, -2.5]])
    """
    momentum = _arrays.as_momentum(momentum, nesterov)
    triples = _arrays.as_step(W, b, dW, db, velocity, momentum)
    lr = _arrays.as_positive(lr, "lr", W.dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", W.dtype)
    for parameter, gradient, v in triples:
        _step.step(parameter, gradient, v, lr, momentum, nesterov, l1 if parameter is W else 0.0)


def sgd_epoch(
    X: ArrayLike, y: ArrayLike, W: Real, b: Real | None, *, loss: Literal["softmax", "hinge"] = "softmax",
    order: ArrayLike | None = None, batch_size: int = 256, lr: float | Sequence[float] | NDArray[np.float64],
    momentum: float = 0.0, nesterov: bool = False, velocity: tuple[Real, Real | None] | None = None,
    l2: float = 0.0, l1: float = 0.0, margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None,
    scale: ArrayLike | None = None, n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """Train on every row once, a step a minibatch, in place and in one call.

    For each batch: the loss and gradient of `softmax_loss` or `hinge_loss`, then `sgd_step`, fused, with the GIL
    released and one team of threads for the whole epoch.

    Parameters
    ----------
    W, b : ndarray of shape (C, D) and (C,)
        Weights and bias (or None), of the type the rows are computed in, C-contiguous; changed in place.
    loss : {"softmax", "hinge"}
        With `margin`, `power` and `kind` as in `hinge_loss`.
    order : array_like of integers, optional
        Row numbers in the order to visit, any number of them: batches are cut from it. Default: as they lie.
    batch_size : int
        Rows a step; the last batch holds what is left. A batch whose rows all weigh zero is passed over.
    lr : float or array_like of shape (number of batches,)
        Learning rate, > 0, of all batches or of each.
    velocity : tuple of two ndarrays, optional
        Velocities of W and b (None without b), changed in place, to carry momentum from epoch to epoch. Default: from
        rest.
    X, y, l2, l1, sample_weight, shift, scale, n_threads
        As in `softmax_loss`; the l1 penalty takes its proximal step, as in `sgd_step`.
    momentum, nesterov
        As in `sgd_step`.

    Returns
    -------
    EpochResult
        The named tuple ``(loss, accuracy)``: running means over the rows, each batch before its update.

    Raises
    ------
    ValueError, TypeError, IndexError
        For a wrong shape, dtype, label, weight, rate or row number; the message names the argument, and nothing has
        been written.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> W, b = np.zeros((2, 1)), np.zeros(2)
    >>> for _ in range(100):
    ...     loss, accuracy = fastlin.sgd_epoch(X, y, W, b, batch_size=2, lr=0.5)
    >>> accuracy
    1.0
    """
    _arrays.as_choice(loss, "loss", ("softmax", "hinge"))
    power = _arrays.as_choice(power, "power", (1, 2))
    kind = _arrays.as_choice(kind, "kind", ("sum", "max"))
    X = _arrays.as_rows(X)
    n_rows, n_features = X.shape
    dtype = _arrays.compute_dtype(X)
    y = _arrays.as_labels(y, n_rows)
    weight = _arrays.as_sample_weight(sample_weight, n_rows)
    shift = _arrays.as_feature_vector(shift, n_features, "shift", dtype)
    scale = _arrays.as_feature_vector(scale, n_features, "scale", dtype)
    if order is not None:
        order = _arrays.as_row_index(order, n_rows, "order")
        n_rows = order.shape[0]
    _arrays.check_model_in_place(W, b, X, y=y, sample_weight=weight, shift=shift, scale=scale, order=order)
    n_classes = W.shape[0]
    _check_labels(y, order, weight, n_classes)
    batch_size = min(_arrays.as_count(batch_size, "batch_size"), max(n_rows, 1))
    rates = _arrays.as_rates(lr, -(-n_rows // batch_size), dtype)
    margin = _arrays.as_positive(margin, "margin", dtype)
    l2 = _arrays.as_nonnegative(l2, "l2", dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", dtype)
    momentum = _arrays.as_momentum(momentum, nesterov)
    velocity = _arrays.as_velocity(velocity, W, b, momentum, X)
    n_threads = _arrays.as_thread_count(n_threads)
    v_W, v_b = velocity or (None, None)
    # Threads meet twice a batch, so it is a batch's work that has to be worth them.
    threads = _threads.resolve(n_threads, 4.0 * batch_size * n_features * n_classes)
    sum_loss, sum_weight, n_correct, n_seen = _sgd.epoch(
        X, y, W, b, order, batch_size, rates, momentum, nesterov, v_W, v_b, l2, l1,
        _SOFTMAX if loss == "softmax" else _HINGE[kind], power, margin, weight, shift, scale, threads,
    )  # fmt: skip
    if n_seen == 0:
        return EpochResult(_step.penalty(W, l2, l1), float("nan"))
    return EpochResult(sum_loss / sum_weight, n_correct / n_seen)


def _check_labels(y: Any, rows: Any, weight: Any, n_classes: int) -> None:
    wrong = _rows.find_wrong_label(y, rows, weight, n_classes)
    if wrong >= 0:
        _arrays.refuse_label(y, wrong, n_classes)
