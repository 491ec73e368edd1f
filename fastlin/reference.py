"""The NumPy twin: every function of the functional layer, written to be read beside the lecture's formulas.

Same names, arguments, defaults, results and exceptions as the compiled functions, nothing compiled imported. The tests
hold the compiled code to this page, the benchmarks time it against this page, and whoever wants to know what is
computed reads it here. Notation: X is (N, D), W is (C, D) with a row a class, b is (C,), y holds 0..C-1.

Three conventions hold throughout.

- Rows of uint8, float16 or float32 are computed in float32, float64 in float64.
- The data loss is a mean over rows, weighted where `sample_weight` is given: a row of weight zero is as if not there.
- With `shift` and `scale` the rows are x' = (x - shift) * scale. Here that is simply done; the compiled code folds it
  into W and b instead, so that no scaled copy of X exists.

Sources: Stanford CS231n, lecture notes "Linear classification" and "Optimization"; Weston and Watkins 1999 and
Crammer and Singer 2001 for the two multiclass hinge losses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays
from fastlin._naive import hinge_loss_naive, softmax_loss_naive
from fastlin._results import EpochReport, EpochResult, LossGradient, Moments, as_report

__all__ = [
    "adam_epoch",
    "adam_step",
    "evaluate",
    "hinge_loss",
    "hinge_loss_naive",
    "moments",
    "predict",
    "scores",
    "sgd_epoch",
    "sgd_step",
    "softmax",
    "softmax_loss",
    "softmax_loss_naive",
]

Real = NDArray[np.float32] | NDArray[np.float64]
_Pair = tuple[Real, Real | None]
_Step = Callable[..., None]
_RowsLoss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


# Scores and predictions


def scores(
    X: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, out: Real | None = None, n_threads: int | None = None
) -> Real:
    """s = X W^T + b, of shape (N, C)."""
    X, W, b, dtype = _model(X, W, b, n_threads)
    if out is not None:
        _arrays.check_in_place(out, "out", (X.shape[0], W.shape[0]), dtype)
        _arrays.check_apart("out", out, X=X, W=W, b=b)
    s: Real = X.astype(dtype, copy=False) @ W.T
    if b is not None:
        s += b
    if out is None:
        return s
    out[...] = s
    return out


def predict(
    X: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, n_threads: int | None = None
) -> NDArray[np.int64]:
    """The class of the largest score of each row; of equal ones the first."""
    classes: NDArray[np.int64] = np.argmax(scores(X, W, b, n_threads=n_threads), axis=1)
    return classes


def softmax(scores: ArrayLike, *, n_threads: int | None = None) -> Real:
    """p_j = exp(s_j) / sum_k exp(s_k), each row; the row's maximum is subtracted first, so that nothing overflows."""
    _arrays.as_thread_count(n_threads)
    s = _arrays.as_scores(scores)
    e = np.exp(s - s.max(axis=-1, keepdims=True, initial=-np.inf))
    p: Real = e / e.sum(axis=-1, keepdims=True)
    return p


def moments(X: ArrayLike, *, sample_weight: ArrayLike | None = None, n_threads: int | None = None) -> Moments:
    """Mean and variance of each feature over the rows, weighted, in float64."""
    _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    weight = _arrays.as_sample_weight(sample_weight, len(X))
    if weight is not None:
        X, weight = X[weight > 0], weight[weight > 0]
    if len(X) == 0:
        return Moments(np.zeros(X.shape[1]), np.zeros(X.shape[1]))
    X = X.astype(np.float64)
    mean = np.average(X, axis=0, weights=weight)
    return Moments(mean, np.average((X - mean) ** 2, axis=0, weights=weight))


# Losses with their gradients


def softmax_loss(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, l2: float = 0.0, l1: float = 0.0,
    sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None, scale: ArrayLike | None = None,
    rows: ArrayLike | None = None, n_threads: int | None = None,
) -> LossGradient:  # fmt: skip
    """Mean over rows of -log p_y, plus l2 * sum(W**2) + l1 * sum(|W|)."""
    batch = _batch(X, y, W, b, sample_weight, shift, scale, rows, n_threads)
    penalty = _Penalty.checked(l2, l1, batch.W.dtype)
    return _loss_and_gradient(_softmax_rows, batch, penalty)[0]


def hinge_loss(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *, margin: float = 1.0,
    power: Literal[1, 2] = 1, kind: Literal["sum", "max"] = "sum", l2: float = 0.0, l1: float = 0.0,
    sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None, scale: ArrayLike | None = None,
    rows: ArrayLike | None = None, n_threads: int | None = None,
) -> LossGradient:  # fmt: skip
    """Mean over rows of sum_{j != y} max(0, s_j - s_y + margin)**power, plus l2 * sum(W**2) + l1 * sum(|W|).

    ``kind="max"`` takes the largest term instead of the sum.
    """
    _check_hinge(power, kind)
    batch = _batch(X, y, W, b, sample_weight, shift, scale, rows, n_threads)
    margin = _arrays.as_positive(margin, "margin", batch.W.dtype)
    penalty = _Penalty.checked(l2, l1, batch.W.dtype)
    return _loss_and_gradient(_hinge_rows(margin, power, kind), batch, penalty)[0]


def evaluate(
    X: ArrayLike, y: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, *,
    loss: Literal["softmax", "hinge"] = "softmax", margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", l2: float = 0.0, l1: float = 0.0, sample_weight: ArrayLike | None = None,
    shift: ArrayLike | None = None, scale: ArrayLike | None = None, rows: ArrayLike | None = None,
    n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """The loss and the share of rows classified rightly, without the gradient."""
    _arrays.as_choice(loss, "loss", ("softmax", "hinge"))
    _check_hinge(power, kind)
    batch = _batch(X, y, W, b, sample_weight, shift, scale, rows, n_threads)
    margin = _arrays.as_positive(margin, "margin", batch.W.dtype)
    penalty = _Penalty.checked(l2, l1, batch.W.dtype)
    rows_loss = _softmax_rows if loss == "softmax" else _hinge_rows(margin, power, kind)
    (value, _, _), n_correct = _loss_and_gradient(rows_loss, batch, penalty)
    return EpochResult(value, n_correct / len(batch.y) if len(batch.y) else float("nan"))


def _softmax_rows(s: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each row, and its gradient with respect to the scores: p - 1[j = y]."""
    n = np.arange(len(y))
    s = s - s.max(axis=1, keepdims=True, initial=-np.inf)
    e = np.exp(s)
    total = e.sum(axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - s[n, y]
    ds = e / total
    ds[n, y] -= 1
    return losses, ds


def _hinge_rows(margin: float, power: int, kind: str) -> _RowsLoss:
    """The same for the hinge: the gradient of each violated term pushes its class down and the right one up."""

    def rows_loss(s: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = np.arange(len(y))
        violation = np.maximum(s - s[n, y][:, None] + s.dtype.type(margin), 0)
        violation[n, y] = 0
        if kind == "max":
            worst = violation.argmax(axis=1)
            largest = violation[n, worst]
            violation = np.zeros_like(violation)
            violation[n, worst] = largest
        losses = (violation**power).sum(axis=1)
        ds = (violation > 0).astype(s.dtype) if power == 1 else 2 * violation
        ds[n, y] = -ds.sum(axis=1)
        return losses, ds

    return rows_loss


class _Penalty(NamedTuple):
    """R(W) = l2 * sum(W**2) + l1 * sum(|W|); the bias is not penalised."""

    l2: float
    l1: float

    @classmethod
    def checked(cls, l2: Any, l1: Any, dtype: np.dtype) -> _Penalty:
        return cls(_arrays.as_nonnegative(l2, "l2", dtype), _arrays.as_nonnegative(l1, "l1", dtype))

    def value(self, W: np.ndarray) -> float:
        W = W.astype(np.float64)
        return float(self.l2 * np.sum(W**2) + self.l1 * np.sum(np.abs(W)))

    def gradient(self, W: np.ndarray) -> np.ndarray:
        slope: np.ndarray = W.dtype.type(2 * self.l2) * W + W.dtype.type(self.l1) * np.sign(W)
        return slope


class _Batch(NamedTuple):
    """The rows of one call, scaled, those of weight zero left out; `share` is what each counts in the mean."""

    X: np.ndarray
    y: np.ndarray
    W: np.ndarray
    b: np.ndarray | None
    share: np.ndarray
    total_weight: float


def _batch(
    X: Any, y: Any, W: Any, b: Any, sample_weight: Any, shift: Any, scale: Any, rows: Any, n_threads: int | None
) -> _Batch:
    X, W, b, dtype = _model(X, W, b, n_threads)
    y = _arrays.as_labels(y, len(X))
    weight = _arrays.as_sample_weight(sample_weight, len(X))
    shift = _arrays.as_feature_vector(shift, X.shape[1], "shift", dtype)
    scale = _arrays.as_feature_vector(scale, X.shape[1], "scale", dtype)
    picked = slice(None) if rows is None else _arrays.as_row_index(rows, len(X))
    picked = _present(picked, weight)
    _arrays.check_labels(y, W.shape[0], picked)
    X = X[picked].astype(dtype, copy=False)
    if shift is not None:
        X = X - shift
    if scale is not None:
        X = X * scale
    y = y[picked]
    if weight is None:
        return _Batch(X, y, W, b, np.full(len(y), 1 / max(len(y), 1)), float(len(y)))
    weight = weight[picked]
    total = float(weight.sum())
    return _Batch(X, y, W, b, weight / (total or 1.0), total)


def _loss_and_gradient(rows_loss: _RowsLoss, batch: _Batch, penalty: _Penalty) -> tuple[LossGradient, int]:
    """The loss and its gradient, and how many rows were classified rightly.

    dW = ds^T X and db = sum of ds over rows, where row n of ds is the gradient of the loss with respect to its scores.
    """
    s = batch.X @ batch.W.T
    if batch.b is not None:
        s += batch.b
    # The first of equal ones; of a row that holds a NaN, which argmax would take, no class is right.
    n_correct = int(np.count_nonzero((s.argmax(axis=1) == batch.y) & ~np.isnan(s).any(axis=1)))
    losses, ds = rows_loss(s, batch.y)
    loss = float(np.dot(losses.astype(np.float64), batch.share)) + penalty.value(batch.W)
    ds = ds * batch.share.astype(ds.dtype)[:, None]
    dW = ds.T @ batch.X + penalty.gradient(batch.W)
    db = None if batch.b is None else ds.sum(axis=0, dtype=np.float64).astype(ds.dtype)
    return LossGradient(loss, dW, db), n_correct


# Steps


def sgd_step(
    W: Real, b: Real | None, dW: ArrayLike, db: ArrayLike | None, *, lr: float, momentum: float = 0.0,
    nesterov: bool = False, velocity: _Pair | None = None, l1: float = 0.0,
) -> None:  # fmt: skip
    """One step of gradient descent, in place: v = momentum * v - lr * dW, W += v.

    Nesterov's form: W += momentum * v - lr * dW, with the new v. An l1 penalty is taken as its proximal step,
    prox(W) = sign(W) * max(|W| - lr * l1, 0), whose zeros are exact. It is a part of the step that momentum carries on:
    v is what W moved by, the proximal step included, or the optimum would depend on the momentum.
    """
    momentum = _arrays.as_momentum(momentum, nesterov)
    pairs = _arrays.as_step(W, b, dW, db, velocity, momentum)
    lr = _arrays.as_positive(lr, "lr", W.dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", W.dtype)
    for parameter, gradient, v in pairs:
        rate, m = parameter.dtype.type(lr), parameter.dtype.type(momentum)
        if l1 and parameter is W:
            _proximal_step(W, gradient, v, rate, m, nesterov, W.dtype.type(lr * l1))
        elif v is None:
            parameter -= rate * gradient
        else:
            v *= m
            v -= rate * gradient
            parameter += m * v - rate * gradient if nesterov else v


def _proximal_step(
    W: np.ndarray, dW: np.ndarray, v: np.ndarray | None, rate: Any, m: Any, nesterov: bool, threshold: Any
) -> None:
    """The step under an l1 penalty. Nesterov's W is where the gradient is taken, momentum * v ahead of the iterate."""

    def prox(W: np.ndarray) -> np.ndarray:
        shrunk: np.ndarray = np.sign(W) * np.maximum(np.abs(W) - threshold, 0)
        return shrunk

    if v is None:
        W[...] = prox(W - rate * dW)
    elif nesterov:
        iterate = prox(W - rate * dW)
        v[...] = iterate - W + m * v
        W[...] = iterate + m * v
    else:
        before = W.copy()
        W[...] = prox(W + (m * v - rate * dW))
        v[...] = W - before


def adam_step(
    W: Real, b: Real | None, dW: ArrayLike, db: ArrayLike | None, *, lr: float, moments: tuple[_Pair, _Pair],
    n_steps: int = 0, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, l1: float = 0.0,
) -> None:  # fmt: skip
    """One step of Adam, in place: W -= lr * m / (sqrt(s) + epsilon), with m and s the running means of dW and dW**2.

    Both start at zero and are divided by the share of the gradients that has come into them, 1 - beta**t. An l1 penalty
    is taken as its proximal step at each weight's own rate, lr / (sqrt(s) + epsilon): its zeros are exact, and the
    optimum is that of the objective.
    """
    triples = _arrays.as_step(W, b, dW, db, None, 0.0)
    means, squares = _arrays.as_moments(moments, W, b, dW=triples[0][1], db=triples[-1][1])
    beta1, beta2, epsilon = _arrays.as_adam(beta1, beta2, epsilon, W.dtype)
    t = _arrays.as_step_count(n_steps, "n_steps") + 1
    lr = _arrays.as_positive(lr, "lr", W.dtype)
    l1 = _arrays.as_nonnegative(l1, "l1", W.dtype)
    for (parameter, gradient, _), m, s in zip(triples, means, squares, strict=False):
        real = parameter.dtype.type
        m[...] = real(beta1) * m + real(1 - beta1) * gradient
        s[...] = real(beta2) * s + real(1 - beta2) * gradient**2
        rate = real(lr) / (np.sqrt(s / real(1 - beta2**t)) + real(epsilon))
        parameter -= rate * (m / real(1 - beta1**t))
        if l1 and parameter is W:
            parameter[...] = np.sign(W) * np.maximum(np.abs(W) - rate * real(l1), 0)


def sgd_epoch(
    X: ArrayLike, y: ArrayLike, W: Real, b: Real | None, *, loss: Literal["softmax", "hinge"] = "softmax",
    order: ArrayLike | None = None, batch_size: int = 256, lr: float | Sequence[float] | NDArray[np.float64],
    momentum: float = 0.0, nesterov: bool = False, velocity: _Pair | None = None,
    l2: float = 0.0, l1: float = 0.0, margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None,
    scale: ArrayLike | None = None, average: _Pair | None = None, n_averaged: int = 0,
    report: EpochReport | None = None, n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """One pass over the rows in `order`, a step a batch, in place: loss, gradient and `sgd_step` on each."""

    def optimizer(rows: np.ndarray) -> tuple[_Step, dict[str, Any]]:
        m = _arrays.as_momentum(momentum, nesterov)
        v = _arrays.as_velocity(velocity, W, b, m, rows)

        def step(dW: np.ndarray, db: np.ndarray | None, k: int, **options: float) -> None:
            sgd_step(W, b, dW, db, momentum=m, nesterov=nesterov, velocity=v, **options)

        return step, {"velocity": v}

    return _epoch(
        X, y, W, b, optimizer, loss, order, batch_size, lr, l2, l1, margin, power, kind, sample_weight, shift, scale,
        average, n_averaged, report, n_threads,
    )  # fmt: skip


def adam_epoch(
    X: ArrayLike, y: ArrayLike, W: Real, b: Real | None, *, loss: Literal["softmax", "hinge"] = "softmax",
    order: ArrayLike | None = None, batch_size: int = 256, lr: float | Sequence[float] | NDArray[np.float64],
    moments: tuple[_Pair, _Pair], n_steps: int = 0, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
    l2: float = 0.0, l1: float = 0.0, margin: float = 1.0, power: Literal[1, 2] = 1,
    kind: Literal["sum", "max"] = "sum", sample_weight: ArrayLike | None = None, shift: ArrayLike | None = None,
    scale: ArrayLike | None = None, average: _Pair | None = None, n_averaged: int = 0,
    report: EpochReport | None = None, n_threads: int | None = None,
) -> EpochResult:  # fmt: skip
    """The same with `adam_step`."""

    def optimizer(rows: np.ndarray) -> tuple[_Step, dict[str, Any]]:
        mean, square = _arrays.as_moments(moments, W, b, X=rows)
        b1, b2, eps = _arrays.as_adam(beta1, beta2, epsilon, W.dtype)
        before = _arrays.as_step_count(n_steps, "n_steps")

        def step(dW: np.ndarray, db: np.ndarray | None, k: int, **options: float) -> None:
            adam_step(
                W, b, dW, db, moments=moments, n_steps=before + k, beta1=b1, beta2=b2, epsilon=eps, **options
            )  # fmt: skip

        return step, {"velocity": mean, "square": square}

    return _epoch(
        X, y, W, b, optimizer, loss, order, batch_size, lr, l2, l1, margin, power, kind, sample_weight, shift, scale,
        average, n_averaged, report, n_threads,
    )  # fmt: skip


def _epoch(
    X: Any, y: Any, W: Any, b: Any, optimizer: Callable[[np.ndarray], tuple[_Step, dict[str, Any]]], loss: Any,
    order: Any, batch_size: Any, lr: Any, l2: Any, l1: Any, margin: Any, power: Any, kind: Any, sample_weight: Any,
    shift: Any, scale: Any, average: Any, n_averaged: Any, report: EpochReport | None, n_threads: int | None,
) -> EpochResult:  # fmt: skip
    _arrays.as_choice(loss, "loss", ("softmax", "hinge"))
    _check_hinge(power, kind)
    rows = _arrays.as_rows(X)
    dtype = _arrays.compute_dtype(rows)
    y = _arrays.as_labels(y, len(rows))
    weight = _arrays.as_sample_weight(sample_weight, len(rows))
    shift = _arrays.as_feature_vector(shift, rows.shape[1], "shift", dtype)
    scale = _arrays.as_feature_vector(scale, rows.shape[1], "scale", dtype)
    margin = _arrays.as_positive(margin, "margin", dtype)
    rows_loss = _softmax_rows if loss == "softmax" else _hinge_rows(margin, power, kind)
    penalty = _Penalty.checked(l2, l1, dtype)
    order = None if order is None else _arrays.as_row_index(order, len(rows), "order")
    _arrays.check_model_in_place(W, b, rows, y=y, sample_weight=weight, shift=shift, scale=scale, order=order)
    order = np.arange(len(rows)) if order is None else order
    _arrays.check_labels(y, W.shape[0], _present(order, weight))
    batch_size = _arrays.as_count(batch_size, "batch_size")
    rates = _arrays.as_rates(lr, -(-len(order) // batch_size), dtype)
    step, kept = optimizer(rows)
    average = _arrays.as_average(average, W, b, rows, **kept)
    n_averaged = _arrays.as_step_count(n_averaged, "n_averaged")
    _arrays.as_thread_count(n_threads)

    report = as_report(report)
    report.losses, told = np.full(len(rates), np.nan), report.told
    told[:] = 0.0, np.nan, np.nan, np.nan, penalty.value(W)
    sum_loss, sum_weight, n_correct, n_seen = 0.0, 0.0, 0, 0
    for k, rate in enumerate(rates):
        picked = order[k * batch_size : (k + 1) * batch_size]
        batch = _batch(rows, y, W, b, weight, shift, scale, picked, n_threads)
        if len(batch.y) == 0:
            continue
        # The l1 term takes its proximal step, so the gradient is that of the rest.
        (batch_loss, dW, db), correct = _loss_and_gradient(rows_loss, batch, _Penalty(penalty.l2, 0.0))
        report.losses[k] = batch_loss + _Penalty(0.0, penalty.l1).value(W)
        sum_loss += batch.total_weight * float(report.losses[k])
        sum_weight += batch.total_weight
        n_correct += correct
        n_seen += len(batch.y)
        before = W.copy(), None if b is None else b.copy()
        step(dW, db, int(told[0]), lr=rate, l1=penalty.l1)
        if average is not None:
            for mean, parameter in zip(average, (W, b), strict=True):
                if mean is not None:
                    mean += (parameter - mean) / mean.dtype.type(n_averaged + told[0] + 1)
        moved = W - before[0], None if b is None else b - before[1]
        told[:] = told[0] + 1, _squares((dW, db)), _squares(moved), _squares(before), penalty.value(W)
    if n_seen == 0:
        return EpochResult(penalty.value(W), float("nan"))
    return EpochResult(sum_loss / sum_weight, n_correct / n_seen)


def _squares(pair: tuple[np.ndarray, np.ndarray | None]) -> float:
    return float(sum(np.sum(part.astype(np.float64) ** 2) for part in pair if part is not None))


# Checks shared by the above


def _model(X: Any, W: Any, b: Any, n_threads: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.dtype]:
    _arrays.as_thread_count(n_threads)
    X = _arrays.as_rows(X)
    dtype = _arrays.compute_dtype(X)
    W = _arrays.as_weights(W, X.shape[1], dtype)
    return X, W, _arrays.as_bias(b, W.shape[0], dtype), dtype


def _check_hinge(power: Any, kind: Any) -> None:
    _arrays.as_choice(power, "power", (1, 2))
    _arrays.as_choice(kind, "kind", ("sum", "max"))


def _present(picked: Any, weight: np.ndarray | None) -> Any:
    """Of the rows picked those that are there: of positive weight."""
    if weight is None:
        return picked
    picked = np.arange(len(weight))[picked]
    return picked[weight[picked] > 0]
