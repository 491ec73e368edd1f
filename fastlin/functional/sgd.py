"""Gradient descent with momentum, by single steps and by whole epochs."""

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
        own_l1 = l1 if parameter is W else 0.0
        _step.step((parameter, v, None, None), gradient, lr, momentum, nesterov, 0.0, 0.0, 0.0, own_l1)


def sgd_epoch(
    X: ArrayLike, y: ArrayLike, W: Real, b: Real | None, *, loss: Literal["softmax", "hinge"] = "softmax",
    order: ArrayLike | None = None, batch_size: int = 256, lr: float | Sequence[float] | NDArray[np.float64],
    momentum: float = 0.0, nesterov: bool = False, velocity: tuple[Real, Real | None] | None = None,
    l2: float = 0.0, l1: float = 0.0, margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None,
    scale: ArrayLike | None = None, average: tuple[Real, Real | None] | None = None, n_averaged: int = 0,
    report: EpochReport | None = None, n_threads: int | None = None,
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
    average : tuple of two ndarrays, optional
        Means of W and b (None without b) over the steps, changed in place: ``average += (W - average) / (n + 1)``
        after each step, with n the number of weights in it by then (Polyak and Juditsky 1992).
    n_averaged : int
        That number before the first step of this call.
    report : EpochReport, optional
        Filled in place with how many steps were taken, each batch's loss, and what the last one did; after Ctrl-C too.
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
    KeyboardInterrupt
        Soon after Ctrl-C, even within a batch; all steps so far are finished ones. So does what any other handler of
        a signal raises.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization". Polyak and Juditsky, "Acceleration of stochastic approximation by
    averaging", SIAM J. Control Optim. 30 (1992).

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

    def rule(rows: np.ndarray) -> Rule:
        m = _arrays.as_momentum(momentum, nesterov)
        return Rule(_arrays.as_velocity(velocity, W, b, m, rows), None, m, nesterov)

    return run_epoch(
        X, y, W, b, loss, order, batch_size, lr, rule, l2, l1, margin, power, kind, sample_weight, shift, scale,
        average, n_averaged, report, n_threads,
    )  # fmt: skip
