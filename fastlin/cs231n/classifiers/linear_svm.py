"""The multiclass SVM loss, as the assignment asks for it."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from fastlin import functional, reference
from fastlin.cs231n.classifiers._layout import loss_and_gradient


def svm_loss_naive(W: ArrayLike, X: ArrayLike, y: ArrayLike, reg: float) -> tuple[float, NDArray[Any]]:
    """Compute the SVM loss and its gradient with plain loops over rows and classes, in float64.

    Slow, and no compiled code: what `fastlin.reference` has to be read beside the formula, and to check against.

    Parameters, result and formula are those of `svm_loss_vectorized`.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification" and "Optimization".

    Examples
    --------
    >>> import numpy as np
    >>> loss, dW = svm_loss_naive(np.array([[3.2, 5.1, -1.7]]), np.ones((1, 1)), np.array([0]), 0.0)
    >>> round(loss, 4), dW.tolist()
    (2.9, [[-1.0, 1.0, 0.0]])
    """
    return loss_and_gradient(reference.hinge_loss_naive, W, X, y, reg)


def svm_loss_vectorized(W: ArrayLike, X: ArrayLike, y: ArrayLike, reg: float) -> tuple[float, NDArray[Any]]:
    """Compute the SVM loss and its gradient in one compiled pass over the rows.

    ``loss = mean_n(sum_{j != y_n} max(0, s_nj - s_ny + 1)) + reg * sum(W**2)`` with ``s_n = x_n W``.

    Parameters
    ----------
    W : array_like of shape (D, C)
        Weights, a column a class; the bias is the last row where X ends in a column of ones.
    X : array_like of shape (N, D)
        Rows, float64 as a rule. Narrower ones are computed in the wider of their type and W's, as NumPy does.
    y : array_like of shape (N,)
        Labels, integers 0..C-1.
    reg : float
        Penalty, >= 0: no 1/2, and on the bias too.

    Returns
    -------
    loss : float
    dW : ndarray of shape (D, C)
        A view of an array in column order.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype, label or penalty; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification" and "Optimization".

    Examples
    --------
    >>> import numpy as np
    >>> loss, dW = svm_loss_vectorized(np.array([[3.2, 5.1, -1.7]]), np.ones((1, 1)), np.array([0]), 0.0)
    >>> round(loss, 4), dW.tolist()
    (2.9, [[-1.0, 1.0, 0.0]])
    """
    return loss_and_gradient(functional.hinge_loss, W, X, y, reg)
