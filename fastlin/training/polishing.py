"""Weights that stochastic gradient descent ended with, brought to the optimum where that pays, and certified.

Whether it pays is told by counts of operations, never by a clock: the same data give the same decision everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin import _arrays
from fastlin.training.full_batch import Certificate, FullBatchResult, gram_work, minimize, pays
from fastlin.training.objective import DataLoss, Penalty

# Operations that are always worth an optimum: about a second of one core.
_ALWAYS = 2e10
# Passes that a fit takes with the Gram matrix's coordinates, and how many times that without: between those of
# scikit-learn's small sets, a tenth of Fashion-MNIST and CIFAR-10, at penalties alpha of 1e-2 to 1e-4. The hinge takes
# one such fit a rounding, of two passes a step.
_PASSES = {"softmax": 50, "squared_hinge": 200, "hinge": 1000}
_TIMES_WITHOUT_GRAM = 4


def polish(
    rows: np.ndarray, y: np.ndarray, n_classes: int, W: np.ndarray, b: np.ndarray, *, passes_done: float,
    l2: float = 0.0, l1: float = 0.0, tol: float = 1e-6, **keywords: Any,
) -> FullBatchResult:  # fmt: skip
    """Go on from `W` and `b` with the full-batch solver where it costs no more than the fit has, or next to nothing.

    Parameters
    ----------
    rows, y, n_classes, l2, l1, tol
        As in `minimize`.
    W, b : ndarray of shape (C, D) and (C,)
        Where the fit has got to, in the coordinates of the training.
    passes_done : float
        Its epochs: what it cost, in passes over the rows.
    **keywords
        The rest of `minimize`'s, but for `start`.

    Returns
    -------
    FullBatchResult
        Never worse than `W` and `b`. The certificate is that of its weights, polished or not, and says which.

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    >>> W, b, certificate = polish(X, y, 2, np.zeros((2, 1)), np.zeros(2), passes_done=10, l2=0.1)
    >>> certificate.converged, certificate.n_iter > 0
    (True, True)
    """
    begun = certify(rows, y, n_classes, W, b, l2=l2, l1=l1, tol=tol, **keywords)
    if begun.certificate.converged:
        return begun
    loss = keywords.get("loss", "softmax")
    pass_work = 4.0 * len(rows) * W.size
    whitened = not l1 and (keywords.get("gram") is not None or pays(len(rows), *W.shape))
    work = pass_work * _PASSES[loss] * (1 if whitened else _TIMES_WITHOUT_GRAM)
    if whitened and keywords.get("gram") is None:
        work += gram_work(len(rows), *W.shape)
    if work > max(_ALWAYS, passes_done * pass_work):
        reason = (
            f"not polished: the full-batch solver would take the work of about {work / pass_work:.0f} passes over the "
            f"rows, the fit took {passes_done:g}"
        )
        return begun._replace(certificate=begun.certificate._replace(reason=reason))
    polished = minimize(rows, y, n_classes, start=(W, b), l2=l2, l1=l1, tol=tol, **keywords)
    return polished if polished.certificate.objective <= begun.certificate.objective else begun


def certify(
    rows: np.ndarray, y: np.ndarray, n_classes: int, W: np.ndarray, b: np.ndarray, *, loss: str = "softmax",
    margin: float = 1.0, l2: float = 0.0, l1: float = 0.0, fit_intercept: bool = True, standardization: Any = None,
    sample_weight: np.ndarray | None = None, tol: float = 1e-6, n_threads: int | None = None, **unused: Any,
) -> FullBatchResult:  # fmt: skip
    """What one pass over the rows tells of `W` and `b`; the parameters are those of `polish`."""
    data = DataLoss(
        rows, y, n_classes, loss=_arrays.as_choice(loss, "loss", ("softmax", "hinge", "squared_hinge")), margin=margin,
        fit_intercept=fit_intercept, standardization=standardization, sample_weight=sample_weight, n_threads=n_threads,
    )  # fmt: skip
    penalty = Penalty(_arrays.as_nonnegative(l2, "l2"), _arrays.as_nonnegative(l1, "l1"))
    W64, b64 = W.astype(np.float64), b.astype(np.float64)
    value, dW, db = data.value(W64, data.inward(W64, b64))
    dW = penalty.least_subgradient(W64, dW + 2.0 * penalty.l2 * W64)
    objective = value + penalty.of(W64)
    gap = penalty.gap(dW)
    certificate = Certificate(
        objective, float(max(np.abs(dW).max(), np.abs(db).max())), gap, data.n_passes, 0,
        gap <= tol * objective, "not polished: the optimum is reached",
    )  # fmt: skip
    return FullBatchResult(W.astype(data.dtype), b.astype(data.dtype), certificate)
