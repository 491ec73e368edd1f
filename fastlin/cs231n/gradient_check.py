"""Numerical gradients by central differences, and the comparison with analytic ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays


def eval_numerical_gradient(
    f: Callable[[Any], float], x: NDArray[np.floating], verbose: bool = True, h: float = 1e-5
) -> NDArray[np.float64]:
    """Compute the gradient of `f` at `x` numerically, ``(f(x + h) - f(x - h)) / (2 h)`` for each number of x.

    Parameters
    ----------
    f : callable
        Takes an array of x's shape, returns a number.
    x : ndarray of floats, of any shape
        Where; its numbers are changed one by one while `f` is called, and put back.
    verbose : bool
        Print the place and the derivative of each.
    h : float
        Step, > 0.

    Returns
    -------
    ndarray of the shape of `x`, float64

    Raises
    ------
    ValueError, TypeError
        If `x` is not a writeable array of floats, or `h` not above 0.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization", section "Computing the gradient numerically".

    Examples
    --------
    >>> import numpy as np
    >>> eval_numerical_gradient(lambda x: float(np.sum(x**2)), np.array([1.0, -3.0]), verbose=False).round(6)
    array([ 2., -6.])
    """
    _check(x, h)
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        above, below = _on_both_sides(f, x, place, h)
        gradient[place] = (above - below) / (2.0 * h)
        if verbose:
            print(place, gradient[place])
    return gradient


def eval_numerical_gradient_array(
    f: Callable[[Any], ArrayLike], x: NDArray[np.floating], df: ArrayLike, h: float = 1e-5
) -> NDArray[np.float64]:
    """Compute the gradient of ``sum(f(x) * df)`` at `x` numerically, where `f` gives an array.

    Parameters
    ----------
    f : callable
        Takes an array of x's shape, returns an array.
    x, h
        As in `eval_numerical_gradient`.
    df : array_like of the shape of ``f(x)``
        Gradient with respect to what `f` gives.

    Returns
    -------
    ndarray of the shape of `x`, float64

    Raises
    ------
    ValueError, TypeError
        If `x` is not a writeable array of floats, or `h` not above 0.

    References
    ----------
    Stanford CS231n, lecture notes "Backpropagation".

    Examples
    --------
    >>> import numpy as np
    >>> eval_numerical_gradient_array(lambda x: x**2, np.array([1.0, -3.0]), np.array([1.0, 10.0])).round(6)
    array([  2., -60.])
    """
    _check(x, h)
    df = _arrays.as_array(df, "df")
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        # f may hand out x itself, which is about to be put back.
        above, below = _on_both_sides(lambda x: np.array(f(x)), x, place, h)
        gradient[place] = np.sum((above - below) * df) / (2.0 * h)
    return gradient


def grad_check_sparse(
    f: Callable[[Any], float], x: NDArray[np.floating], analytic_grad: ArrayLike, num_checks: int = 10, h: float = 1e-5
) -> float:
    """Compare an analytic gradient with the numerical one at a few random places, and print both.

    A line a place: numerical, analytic and relative error, ``|n - a| / (|n| + |a|)``. Places are drawn with Python's
    `random.randrange`, an index an axis, as the course draws them.

    Parameters
    ----------
    f, x, h
        As in `eval_numerical_gradient`.
    analytic_grad : array_like of the shape of `x`
        What is to be checked.
    num_checks : int
        How many places.

    Returns
    -------
    float
        The largest relative error seen; the hinge's kinks apart, 1e-6 and less is right.

    Raises
    ------
    ValueError, TypeError
        If `x` is not a writeable array of floats, `h` not above 0, or the gradient of another shape.

    References
    ----------
    Stanford CS231n, lecture notes "Neural networks 3", section "Gradient checks".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, -3.0])
    >>> grad_check_sparse(lambda x: float(np.sum(x**2)), x, 2.0 * x, num_checks=0)
    0.0
    """
    _check(x, h)
    num_checks = _arrays.as_step_count(num_checks, "num_checks")
    analytic_grad = _arrays.as_array(analytic_grad, "analytic_grad")
    if analytic_grad.shape != x.shape:
        raise ValueError(f"analytic_grad has shape {analytic_grad.shape}; wanted is {x.shape}, as x has")
    largest = 0.0
    for _ in range(num_checks):
        place = tuple(random.randrange(length) for length in x.shape)
        above, below = _on_both_sides(f, x, place, h)
        numerical, analytic = (above - below) / (2.0 * h), float(analytic_grad[place])
        size = abs(numerical) + abs(analytic)
        error = abs(numerical - analytic) / size if size else 0.0
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")
        largest = max(largest, error)
    return float(largest)


def rel_error(x: ArrayLike, y: ArrayLike) -> float:
    """Compute the largest relative error, ``max(|x - y| / max(1e-8, |x| + |y|))``.

    Parameters
    ----------
    x, y : array_like of the same shape

    Returns
    -------
    float

    References
    ----------
    Stanford CS231n, lecture notes "Neural networks 3", section "Gradient checks".

    Examples
    --------
    >>> rel_error([1.0, 2.0], [1.0, 3.0])
    0.2
    """
    x, y = _arrays.as_array(x, "x"), _arrays.as_array(y, "y")
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def _check(x: Any, h: float) -> None:
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise TypeError(f"x is {getattr(x, 'dtype', type(x).__name__)}; wanted is a NumPy array of floats")
    if not x.flags.writeable:
        raise ValueError("x is read-only; wanted is a writeable array, as its numbers are changed and put back")
    _arrays.as_positive(h, "h")


def _on_both_sides(f: Callable[[Any], Any], x: np.ndarray, place: tuple[int, ...], h: float) -> tuple[Any, Any]:
    """f at x + h and at x - h, where only the number at `place` moves; it is put back whatever f does."""
    value = x[place]
    try:
        x[place] = value + h
        above = f(x)
        x[place] = value - h
        return above, f(x)
    finally:
        x[place] = value
