"""The full-batch solver: L-BFGS on all rows, preconditioned, to an optimum with a certificate.

(A) Coordinates. Where D allows, the Cholesky factor of the Gram matrix makes the objective nearly round
    (`fastlin.training.gram`), made of a sample of the rows: it is only the way there that depends on it. Else, and with
    an l1 penalty, whose zeros want the axes kept, each feature is scaled by itself.
(B) Start. One step of Newton's method from zero weights, in those coordinates: ridge regression. Or the caller's.
(C) Descent. SciPy's L-BFGS-B, a pass over the rows a step; the l1 penalty is split into two bounded halves.
(D) The hinge has kinks, where such a method stalls. It is rounded off (Huber's function), less and less, each time from
    the last optimum, until the kinks' share in the objective is below what is asked for.

The bits do not depend on the number of threads: the fused loss's do not, and BLAS is held to one.

References
----------
Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45 (1989).
Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization", SIAM Journal on Scientific
Computing 16 (1995).
Boehning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical Mathematics 44 (1992): the
Gram matrix as curvature.
Nesterov, "Smooth minimization of non-smooth functions", Mathematical Programming 103 (2005).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastlin import _arrays, functional
from fastlin.training._extras import one_blas_thread
from fastlin.training.coordinates import Coordinates, Packing, Scaled, Whitened
from fastlin.training.descent import Callback, Descent, Point
from fastlin.training.gram import Gram
from fastlin.training.objective import DataLoss, Loss, Penalty
from fastlin.training.standardize import Standardization

# The preconditioner is made where the matrix and its factor, of D**2 numbers each, take at most 512 MiB of float32, and
# where it costs less than the passes it saves. Measured: 18 passes in place of 184 on CIFAR-10's pixels, 124 in place
# of 342 on a tenth of Fashion-MNIST's; the half of the one is counted on.
MOST_FEATURES = 8192
_PASSES_SAVED = 80
_PASSES_LEFT = 20
# Rows of the Gram matrix a feature. On CIFAR-10's pixels 4 D rows cost 0 to 7 passes more than all 16 D, and save 70 %
# of the matrix.
_ROWS_PER_FEATURE = 4
_LEAST_GRAM_ROWS = 4096

# Widths of the rounding of the hinge, as shares of the margin, and how well all but the last are solved.
_SMOOTHING = (0.5, 0.125, 0.03, 0.008, 0.002, 0.0005)
_STAGE_TOL = 3e-5
# Share of the kinks in the objective at which that ends.
_KINKS = 3e-4


class Certificate(NamedTuple):
    """What is known of the weights that a fit ended with.

    Attributes
    ----------
    objective : float
        Mean loss plus penalty.
    gradient_norm : float
        Largest entry of the gradient, of the least subgradient with an l1 penalty, in the coordinates of the training;
        of the hinge's last rounded form.
    gap : float
        The objective is at most this far above its minimum: |gradient|**2 / (4 l2), as the objective is convex and
        its penalty strongly so; for the hinge, from the minimum of the rounded form, which lies below. For the
        intercepts the solver found. Infinite where l2 is 0.
    n_passes : int
        Over the rows; a sample for the preconditioner not counted.
    n_iter : int
        Steps.
    converged : bool
        Whether the tolerance was reached.
    reason : str
        Why the fit ended, in words.
    """

    objective: float
    gradient_norm: float
    gap: float
    n_passes: int
    n_iter: int
    converged: bool
    reason: str


class FullBatchResult(NamedTuple):
    """Weights (C, D) and intercepts (C,) in the type the rows are computed in, and their certificate."""

    W: np.ndarray
    b: np.ndarray
    certificate: Certificate


def minimize(
    rows: np.ndarray, y: np.ndarray, n_classes: int, *, loss: Loss = "softmax", margin: float = 1.0, l2: float = 0.0,
    l1: float = 0.0, fit_intercept: bool = True, standardization: Standardization | None = None,
    sample_weight: np.ndarray | None = None, start: tuple[np.ndarray, np.ndarray] | None = None,
    gram: Gram | None = None, tol: float = 1e-6, max_iter: int = 1000, callback: Callback | None = None,
    n_threads: int | None = None,
) -> FullBatchResult:  # fmt: skip
    """Minimise mean over rows of loss(W x' + b, y) + l2 * sum(W**2) + l1 * sum(|W|).

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Raw rows of uint8, float16, float32 or float64, read where they lie; finite.
    y : ndarray of shape (N,), int64
        Classes 0..C-1.
    n_classes : int
        C.
    loss : {"softmax", "hinge", "squared_hinge"}
        With `margin` as in `fastlin.hinge_loss`.
    l2, l1 : float
        Penalties of the functional layer, >= 0; b is not penalised. The l1 zeros are exact.
    fit_intercept : bool
        Without, b is zero.
    standardization : Standardization or None
        Coordinates x' = (x - shift) * scale of the training, those of the weights too.
    sample_weight : ndarray of shape (N,) or None
    start : (W, b) or None
        Where to begin; None for ridge regression.
    gram : Gram or None
        The features' Gram matrix, where there is one already: of these rows or of others like them, in any number.
    tol : float
        Ends when the estimate of (objective - minimum) / objective falls below. The hinge is solved to 3e-4 at best.
    max_iter : int
        Most steps.
    callback : callable or None
        Called with an `Iterate` after each step; a true answer ends the fit.
    n_threads : int or None
        See `fastlin.set_num_threads`; the bits do not depend on it.

    Returns
    -------
    FullBatchResult
        (W, b, certificate). A fit that ends at `max_iter` or by the callback says so there.

    Raises
    ------
    ImportError
        Without the extra: pip install 'fastlin[solvers]'.
    KeyboardInterrupt
        After Ctrl-C, within a segment of work; the last step's weights went to the callback.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> W, b, certificate = minimize(X, np.array([0, 1, 0, 1]), 2, l2=0.1)
    >>> certificate.converged, round(certificate.objective, 4)
    (True, 0.6155)
    """
    (result,) = minimize_path(
        rows, y, n_classes, [(l2, l1)], loss=loss, margin=margin, fit_intercept=fit_intercept,
        standardization=standardization, sample_weight=sample_weight, start=start, gram=gram, tol=tol,
        max_iter=max_iter, callback=callback, n_threads=n_threads,
    )  # fmt: skip
    return result


def minimize_path(
    rows: np.ndarray, y: np.ndarray, n_classes: int, penalties: Sequence[tuple[float, float]], *,
    loss: Loss = "softmax", margin: float = 1.0, fit_intercept: bool = True,
    standardization: Standardization | None = None, sample_weight: np.ndarray | None = None,
    start: tuple[np.ndarray, np.ndarray] | None = None, gram: Gram | None = None, tol: float = 1e-6,
    max_iter: int = 1000, callback: Callback | None = None, n_threads: int | None = None,
) -> list[FullBatchResult]:  # fmt: skip
    """`minimize` for one penalty (l2, l1) after another, each from the last one's optimum, with one Gram matrix.

    From the strongest to the weakest is the shortest way. `max_iter` is that of each; the rest is as in `minimize`.

    Returns
    -------
    list of FullBatchResult
        One a penalty, in their order.
    """
    tol = _arrays.as_positive(tol, "tol")
    max_iter = _arrays.as_count(max_iter, "max_iter")
    wanted = [Penalty(_arrays.as_nonnegative(l2, "l2"), _arrays.as_nonnegative(l1, "l1")) for l2, l1 in penalties]
    with one_blas_thread():
        data = DataLoss(
            rows, y, n_classes, loss=loss, margin=margin, fit_intercept=fit_intercept, standardization=standardization,
            sample_weight=sample_weight, n_threads=n_threads,
        )  # fmt: skip
        solver = _Solver(data, gram, whiten=not all(penalty.l1 for penalty in wanted))
        weights = None
        if start is not None:
            W, b = (np.array(part, np.float64) for part in start)
            weights = W, data.inward(W, b) if data.fit_intercept else np.zeros_like(b)
        results = []
        for penalty in wanted:
            weights, certificate = solver.solve(penalty, weights, tol, max_iter, callback)
            W, b = weights
            b = data.outward(W, b) if data.fit_intercept else b
            results.append(FullBatchResult(W.astype(data.dtype), b.astype(data.dtype), certificate))
        return results


def pays(n_rows: int, n_classes: int, n_features: int) -> bool:
    """Whether the Gram matrix's preconditioner is worth its operations and its memory."""
    saved = _PASSES_SAVED * 4.0 * n_rows * n_classes * n_features
    return n_features <= MOST_FEATURES and gram_work(n_rows, n_classes, n_features) < saved


def gram_work(n_rows: int, n_classes: int, n_features: int) -> float:
    """Operations of the preconditioner: a symmetric product, its factor, two triangles solved for each class a pass."""
    sampled = _n_sampled(n_rows, n_features)
    return n_features**2 * (sampled + n_features / 3 + 2.0 * n_classes * _PASSES_LEFT)


def _n_sampled(n_rows: int, n_features: int) -> int:
    return min(n_rows, max(_ROWS_PER_FEATURE * n_features, _LEAST_GRAM_ROWS))


def score_curvature(loss: Loss, n_classes: int) -> float:
    """Curvature of the loss in a class's score, about as it is on the way to the optimum: c of the preconditioner.

    Softmax: 1 / C, what it is at equal scores. Squared hinge: 4 there, where every class violates the margin; a quarter
    of that later, when most do not. Hinge: of its rounded form, by the share of the scores within the rounding.
    """
    return {"softmax": 1.0 / n_classes, "squared_hinge": 1.0, "hinge": 0.5}[loss]


def sample_gram(data: DataLoss) -> Gram:
    """The Gram matrix of some rows of positive weight, always the same ones, enough of them to precondition with."""
    n_features = data.shape[1]
    kept = np.arange(len(data.rows)) if data.sample_weight is None else np.flatnonzero(data.sample_weight)
    n_sampled = _n_sampled(len(kept), n_features)
    if n_sampled < len(kept):
        rng = np.random.Generator(np.random.PCG64(0))
        kept = np.sort(rng.permutation(kept)[:n_sampled])
    return Gram(n_features, data.dtype).add(data.rows, data.sample_weight, picked=kept, n_threads=data.n_threads)


class _Solver:
    """A data loss with what its coordinates are made of, for one penalty after another."""

    def __init__(self, data: DataLoss, gram: Gram | None, *, whiten: bool) -> None:
        self._data = data
        n_classes, n_features = data.shape
        if gram is not None and not isinstance(gram, Gram):
            raise TypeError(f"gram is {type(gram).__name__}; wanted is a fastlin.training.Gram, or None")
        if gram is not None and gram.n_features != n_features:
            raise ValueError(f"gram has {gram.n_features} features; wanted is {n_features}, as rows has")
        self._curvature = score_curvature(data.loss, n_classes)
        self._gram = gram
        if gram is None and whiten and pays(len(data.rows), n_classes, n_features):
            self._gram = sample_gram(data)
        self._spread: np.ndarray | None = None

    def solve(
        self, penalty: Penalty, start: tuple[np.ndarray, np.ndarray] | None, tol: float, max_iter: int,
        callback: Callback | None,
    ) -> tuple[tuple[np.ndarray, np.ndarray], Certificate]:  # fmt: skip
        """Minimise; `start` and what comes back are (W, b) in the coordinates the data loss computes in."""
        descent = Descent(self._data, penalty, self._packing(penalty), max_iter, callback)
        if start is None:
            start = self._ridge(descent)
        if self._data.loss == "hinge":
            return self._solve_hinge(descent, start, tol)
        point, converged, reason = descent.run(descent.at(descent.packing.pack(*start)), tol)
        certificate = Certificate(
            point.objective, point.gradient_norm, descent.gap(point), descent.n_passes, descent.n_iter, converged,
            reason,
        )  # fmt: skip
        return (point.W, point.b), certificate

    def _packing(self, penalty: Penalty) -> Packing:
        data = self._data
        coordinates: Coordinates
        scale = np.ones(data.shape[1]) if data.scale is None else data.scale.astype(np.float64)
        shift = data.shift.astype(np.float64)
        if self._gram is not None and not penalty.l1:
            coordinates = Whitened(*self._gram.factor(shift, scale, self._curvature, 2.0 * penalty.l2))
        else:
            if self._spread is None:
                mean, variance = functional.moments(
                    data.rows, sample_weight=data.sample_weight, n_threads=data.n_threads
                )
                self._spread = (variance + (mean - shift) ** 2) * scale**2
            coordinates = Scaled(np.sqrt(self._curvature * self._spread + 2.0 * penalty.l2))
        return Packing(data.shape, coordinates, math.sqrt(self._curvature), split=penalty.l1 > 0)

    def _ridge(self, descent: Descent) -> tuple[np.ndarray, np.ndarray]:
        """Where Newton's method from zero weights gets in one step: ridge regression on the classes as targets.

        Scaled coordinates know nothing of the features' correlations, and a split vector has bounds: zero there.
        """
        zero = np.zeros(self._data.shape), np.zeros(self._data.n_classes)
        packing = descent.packing
        if not packing.whitened:
            return zero
        # The curvature at zero weights over that of the coordinates. The hinge has none: its gradient is C times
        # softmax's, and is to bring the scores of the classes a margin apart.
        n_classes, margin = self._data.n_classes, self._data.margin
        step = {"softmax": 1.0, "squared_hinge": self._curvature / 4.0, "hinge": self._curvature * margin / n_classes}
        return packing.unpack(-step[self._data.loss] * descent.at(packing.pack(*zero)).gradient)

    def _solve_hinge(
        self, descent: Descent, start: tuple[np.ndarray, np.ndarray], tol: float
    ) -> tuple[tuple[np.ndarray, np.ndarray], Certificate]:
        """One rounded form after another; of their optima the one of the least hinge."""
        best: Point | None = None
        lower = -math.inf
        kinks = max(tol, _KINKS)
        vector = descent.packing.pack(*start)
        for share in _SMOOTHING:
            smoothing = share * self._data.margin
            rounded, converged, reason = descent.run(descent.at(vector, smoothing), _STAGE_TOL, smoothing)
            vector = rounded.vector
            lower = max(lower, rounded.objective - descent.gap(rounded))
            exact = descent.at(vector)
            if best is None or exact.objective < best.objective:
                best = exact
            if descent.stopped:
                converged = False
                break
            if exact.objective - rounded.objective <= kinks * exact.objective:
                converged, reason = True, f"the kinks of the hinge are worth less than {kinks:g} of the objective"
                break
        else:
            reason = f"the hinge was rounded off by no more than {smoothing:g}"
        assert best is not None
        certificate = Certificate(
            best.objective, rounded.gradient_norm, best.objective - lower, descent.n_passes, descent.n_iter, converged,
            reason,
        )  # fmt: skip
        return (best.W, best.b), certificate
