"""The losses of many rows, with their gradients or with the accuracy: check, allocate, call the core."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

from fastlin import _arrays, _threads
from fastlin._core import loss as _loss
from fastlin._core import plain as _plain
from fastlin._results import EpochResult, LossGradient
from fastlin.functional._common import HINGE, SOFTMAX, Real, check_labels

# What LossGradient(...) comes down to, by way of a function in Python: a tenth of what a small loss takes.
_new = tuple.__new__


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
    value, _, _, dW, db = _checked_loss(
        SOFTMAX, 1, 1.0, X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads, True
    )
    return _new(LossGradient, (value, dW, db))


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
    if not _plain.is_plain_hinge(power, kind):
        power = _arrays.as_choice(power, "power", (1, 2))
        kind = _arrays.as_choice(kind, "kind", ("sum", "max"))
    value, _, _, dW, db = _checked_loss(
        HINGE[kind], power, margin, X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads, True
    )
    return _new(LossGradient, (value, dW, db))


def evaluate(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *,
    loss: Literal["softmax", "hinge"] = "softmax", margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", l2: float = 0.0, l1: float = 0.0, sample_weight: ArrayLike | None = None,
    shift: ArrayLike | None = None, scale: ArrayLike | None = None, rows: ArrayLike | None = None,
    n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """Compute the loss and the accuracy in one pass over the rows, without the gradient.

    Parameters
    ----------
    loss : {"softmax", "hinge"}
        `softmax_loss`, or `hinge_loss` with its `margin`, `power` and `kind`.
    X, y, W, b, margin, power, kind, l2, l1, sample_weight, shift, scale, rows, n_threads
        As in `softmax_loss` and `hinge_loss`.

    Returns
    -------
    EpochResult
        The named tuple ``(loss, accuracy)``; the accuracy is the share of the rows whose largest score is the right
        class's, rows of weight zero left out; NaN where there is none.

    Raises
    ------
    ValueError, TypeError, IndexError
        For a wrong shape, dtype, label, weight, penalty, margin or row number; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification".

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> loss, accuracy = fastlin.evaluate(np.eye(2), [0, 1], np.zeros((2, 2)))
    >>> round(loss, 4), accuracy
    (0.6931, 0.5)
    """
    _arrays.as_choice(loss, "loss", ("softmax", "hinge"))
    power = _arrays.as_choice(power, "power", (1, 2))
    kind = _arrays.as_choice(kind, "kind", ("sum", "max"))
    code = SOFTMAX if loss == "softmax" else HINGE[kind]
    value, n_correct, n_rows, _, _ = _checked_loss(
        code, power, margin, X, y, W, b, l2, l1, sample_weight, shift, scale, rows, n_threads, False
    )
    return EpochResult(value, n_correct / n_rows if n_rows else float("nan"))


def _checked_loss(
    loss: int, power: int, margin: float, X: Any, y: Any, W: Any, b: Any, l2: float, l1: float, sample_weight: Any,
    shift: Any, scale: Any, rows: Any, n_threads: int | None, gradient: bool,
) -> tuple[float, int, int, Real, Real | None]:  # fmt: skip
    """(loss, rows right, rows), and the gradients, which are None unless wanted."""
    n_threads = _arrays.as_thread_count(n_threads)
    if not _plain.are_plain(X, y, W, b):
        X = _arrays.as_rows(X)
        W = _arrays.as_weights(W, X.shape[1], _arrays.compute_dtype(X))
        b = _arrays.as_bias(b, W.shape[0], W.dtype)
        y = _arrays.as_labels(y, X.shape[0])
    n_rows = X.shape[0]
    n_classes, n_features = W.shape
    dtype = W.dtype
    weight = shift_d = scale_d = None
    if sample_weight is not None:
        weight = _arrays.as_sample_weight(sample_weight, n_rows)
    if shift is not None:
        shift_d = _arrays.as_feature_vector(shift, n_features, "shift", dtype)
    if scale is not None:
        scale_d = _arrays.as_feature_vector(scale, n_features, "scale", dtype)
    if rows is not None:
        rows = _arrays.as_row_index(rows, n_rows)
        n_rows = rows.shape[0]
    check_labels(y, rows, weight, n_classes)
    if not _plain.are_plain_numbers(margin, l2, l1):
        margin = _arrays.as_positive(margin, "margin", dtype)
        l2 = _arrays.as_nonnegative(l2, "l2", dtype)
        l1 = _arrays.as_nonnegative(l1, "l1", dtype)
    threads = _threads.resolve(n_threads, 4.0 * n_rows * n_features * n_classes)
    return _loss.loss_gradient(
        X, y, W, b, rows, weight, shift_d, scale_d, loss, power, margin, l2, l1, gradient, threads
    )
