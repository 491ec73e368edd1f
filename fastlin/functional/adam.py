"""Adam, by single steps and by whole epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays
from fastlin._core import step as _step
from fastlin._results import EpochReport, EpochResult
from fastlin.functional._common import Real
from fastlin.functional.epochs import Rule, run_epoch

_Pair = tuple[Real, Real | None]


def adam_step(
    W: Real, b: Real | None, dW: ArrayLike, db: ArrayLike | None, *, lr: float, moments: tuple[_Pair, _Pair],
    n_steps: int = 0, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, l1: float = 0.0,
) -> None:  # fmt: skip
    """Take one step of Adam, in place.

    ``m = beta1 * m + (1 - beta1) * dW; s = beta2 * s + (1 - beta2) * dW**2``, then with ``t = n_steps + 1``
    ``W -= lr * (m / (1 - beta1**t)) / r``, where ``r = sqrt(s / (1 - beta2**t)) + epsilon``. An l1 penalty is taken as
    its proximal step in the metric of that, each weight at its own rate:
    ``W = sign(W) * max(|W| - l1 * lr / r, 0)``. The same for b, which is not penalised.

    Parameters
    ----------
    W, b : ndarray of shape (C, D) and (C,)
        Weights and bias (or None), float32 or float64, C-contiguous; changed in place.
    dW, db : array_like
        Their gradients; without the l1 term's, where `l1` is given.
    lr : float
        Learning rate, > 0.
    moments : tuple of two tuples of two ndarrays
        ``((mW, mb), (sW, sb))``, those of b None without b; changed in place; start with zeros.
    n_steps : int
        Steps taken before.
    beta1, beta2 : float
        In [0, 1) and (0, 1): how much of the means stays.
    epsilon : float
        > 0.
    l1 : float
        l1 penalty on W, >= 0; the zeros it makes are exact.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype, layout or number; the message names the argument, and nothing has been written.

    References
    ----------
    Kingma and Ba, "Adam", ICLR 2015. Yun, Lozano and Yang, "Adaptive proximal gradient methods for structured neural
    networks", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> W = np.array([[1.0, -2.0]])
    >>> moments = (np.zeros_like(W), None), (np.zeros_like(W), None)
    >>> fastlin.adam_step(W, None, np.array([[0.5, -3.0]]), None, lr=0.25, moments=moments)
    >>> W.round(6)
    array([[ 0.75, -1.75]])
    """
    triples = _arrays.as_step(W, b, dW, db, None, 0.0)
    mean, square = _arrays.as_moments(moments, W, b, dW=triples[0][1], db=triples[-1][1])
    beta1, beta2, epsilon = _arrays.as_adam(beta1, beta2, epsilon, W.dtype)
    n_steps = _arrays.as_step_count(n_steps, "n_steps")
    lr = _arrays.as_positive(lr, "lr", W.dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", W.dtype)
    for (parameter, gradient, _), m, s in zip(triples, mean, square, strict=False):
        own_l1 = l1 if parameter is W else 0.0
        _step.step((parameter, m, s, None), gradient, lr, beta1, False, beta2, epsilon, n_steps, own_l1)


def adam_epoch(
    X: ArrayLike, y: ArrayLike, W: Real, b: Real | None, *, loss: Literal["softmax", "hinge"] = "softmax",
    order: ArrayLike | None = None, batch_size: int = 256, lr: float | Sequence[float] | NDArray[np.float64],
    moments: tuple[_Pair, _Pair], n_steps: int = 0, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
    l2: float = 0.0, l1: float = 0.0, margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None,
    scale: ArrayLike | None = None, average: _Pair | None = None, n_averaged: int = 0,
    report: EpochReport | None = None, n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """Train on every row once with Adam, a step a minibatch, in place and in one call.

    `sgd_epoch` with `adam_step` for the steps. The l2 penalty is a part of the gradient, so what is minimised is the
    objective (it is not AdamW).

    Parameters
    ----------
    moments, n_steps, beta1, beta2, epsilon
        As in `adam_step`; carry `moments` on from call to call, and the steps taken in `n_steps`.
    X, y, W, b, loss, order, batch_size, lr, l2, l1, margin, power, kind, sample_weight, shift, scale
        As in `sgd_epoch`.
    average, n_averaged, report, n_threads
        As in `sgd_epoch`.

    Returns
    -------
    EpochResult
        The named tuple ``(loss, accuracy)``: running means over the rows, each batch before its update.

    Raises
    ------
    ValueError, TypeError, IndexError
        For a wrong shape, dtype, label, weight, rate or row number; the message names the argument, and nothing has
        been written.
    KeyboardInterrupt
        As in `sgd_epoch`.

    References
    ----------
    Kingma and Ba, "Adam", ICLR 2015.

    Examples
    --------
    >>> import numpy as np, fastlin
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> W, b = np.zeros((2, 1)), np.zeros(2)
    >>> moments = (np.zeros((2, 1)), np.zeros(2)), (np.zeros((2, 1)), np.zeros(2))
    >>> for step in range(100):
    ...     loss, accuracy = fastlin.adam_epoch(X, y, W, b, batch_size=4, lr=0.1, moments=moments, n_steps=step)
    >>> accuracy
    1.0
    """

    def rule(rows: np.ndarray) -> Rule:
        mean, square = _arrays.as_moments(moments, W, b, X=rows)
        numbers = _arrays.as_adam(beta1, beta2, epsilon, W.dtype)
        return Rule(mean, square, numbers[0], False, *numbers[1:], _arrays.as_step_count(n_steps, "n_steps"))

    return run_epoch(
        X, y, W, b, loss, order, batch_size, lr, rule, l2, l1, margin, power, kind, sample_weight, shift, scale,
        average, n_averaged, report, n_threads,
    )  # fmt: skip
