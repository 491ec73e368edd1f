"""The sanity checks of a loss: it is called, and rows are fitted by descent along the gradient it gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastlin import functional, training
from fastlin.diagnostics._table import number
from fastlin.diagnostics.losses import Loss
from fastlin.diagnostics.sanity_common import (
    FACTOR,
    SAME,
    Check,
    Sample,
    equal,
    independent_rows,
    initial_loss,
    overfitted,
    shuffled,
    unless_all_fail,
    update_size,
)

# Steps of the descents. With Polyak's rate twenty independent rows take some tens; the others need not arrive.
_FEW_ROWS_STEPS = 1000
_STEPS = 60
# One that is so many times worse than where it began goes the wrong way.
_LOST = 1e3
# Along -gradient the scores are moved by at most this, and the loss must fall by the predicted amount to a tenth.
_SMALL_MOVE = 1e-3
_FALL = (0.9, 1.1)


def checks(loss: Loss, sample: Sample, expected: float | None, rate: float | None) -> list[Check]:
    """All checks of `loss` on the sample, standardised."""
    standardization = training.survey(sample.X, None, None).standardization()
    X = (sample.X - standardization.shift) * standardization.scale
    y, rng, c = sample.y, sample.rng, sample.n_classes
    loss = _without_penalty(loss)
    W = rng.standard_normal((c, X.shape[1])) / math.sqrt(X.shape[1])
    with_bias = _takes_bias(loss, X, y, W)
    b = 0.1 * rng.standard_normal(c) if with_bias else None
    # Weights so small that no hinge is satisfied: where one is, there is no slope to see.
    small = 0.1 * W
    initial, first = _initial(loss, X, y, c, with_bias, expected)
    return [
        first,
        _penalty(loss, X, y, W, b),
        _few_rows(loss, X, y, c, initial, with_bias),
        _shuffled(loss, Sample(X, y, c, rng), initial, with_bias),
        _falls(loss, X, y, small, b),
        _update(loss, X, y, W, small, b, rate),
        _scaling(loss, X, y, W),
        _bias_column(loss, X, y, W, b),
    ]


def _without_penalty(loss: Loss) -> Loss:
    """The same loss without a penalty, where it can be told: what is checked is known of the data loss alone."""
    options = {name: value for name, value in loss.options.items() if name not in ("l1", "l2")}
    return loss._replace(options={**options, "l2": 0.0} if loss.takes("l2") else options)


def _takes_bias(loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray) -> bool:
    """Whether the loss takes a bias; one of the course's form says that it does not."""
    if loss.is_named:
        return True
    try:
        loss(X[:2], y[:2], W, np.zeros(len(W)))
    except (TypeError, ValueError):
        loss(X[:2], y[:2], W, None)  # if this does not work either, that is the caller's error to see
        return False
    return True


def _initial(
    loss: Loss, X: np.ndarray, y: np.ndarray, c: int, with_bias: bool, expected: float | None
) -> tuple[float, Check]:
    found = loss(X, y, np.zeros((c, X.shape[1])), np.zeros(c) if with_bias else None).loss
    if expected is not None:
        candidates = [(expected, f"{number(expected)}, as told")]
    elif loss.is_named:
        name = "squared_hinge" if loss.name != "softmax" and loss.power == 2 else loss.name
        candidates = [initial_loss(name, c if loss.options.get("kind") != "max" else 2, loss.margin)]
    else:
        candidates = [initial_loss("softmax", c, 1.0), initial_loss("hinge", c, 1.0)]
    nearest = min(candidates, key=lambda candidate: abs(candidate[0] - found))
    passed = abs(found - nearest[0]) <= SAME * max(nearest[0], SAME)
    wanted = " or ".join(words for _, words in candidates)
    return nearest[0], Check("initial loss", bool(passed), number(found), wanted)


def _penalty(loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Check:
    name = "penalty raises the loss"
    if not loss.takes("l2"):
        return Check(name, None, "the loss has no argument l2", "")
    strength = 1.0
    without, with_l2 = loss(X, y, W, b, l2=0.0), loss(X, y, W, b, l2=strength)
    rise = with_l2.loss - without.loss
    # A penalty of the course's form or half of it; its gradient pushes every weight towards zero.
    pull = float(np.sum((with_l2.dW - without.dW) * W))
    return Check(
        name, bool(rise > 0 and pull > 0),
        f"by {number(rise)}, with a gradient of {number(pull)} along W",
        f"> 0, sum(W**2) = {number(float(np.sum(W**2)))}",
    )  # fmt: skip


def _few_rows(loss: Loss, X: np.ndarray, y: np.ndarray, c: int, initial: float, with_bias: bool) -> Check:
    picked = independent_rows(X)
    W, b, value = _descend(loss, X[picked], y[picked], c, with_bias, _FEW_ROWS_STEPS, 0.3 * 0.01 * initial)
    accuracy = float(np.mean(functional.predict(X[picked], W, b) == y[picked]))
    return overfitted(value, initial, accuracy, len(picked))


def _shuffled(loss: Loss, sample: Sample, initial: float, with_bias: bool) -> Check:
    X, y, c, rng = sample
    half = sample.half

    def held_out(labels: np.ndarray) -> tuple[float, np.ndarray]:
        W, b, _ = _descend(loss, X[:half], labels[:half], c, with_bias, _STEPS, 0.5 * initial)
        return loss(X[half:], y[half:], W, b).loss, functional.predict(X[half:], W, b)

    true_loss, _ = held_out(y)

    def in_some_order() -> Check:
        mixed = rng.permutation(y)
        value, predicted = held_out(mixed)
        return shuffled(predicted, mixed[half:], c, value, true_loss, initial)

    return unless_all_fail(in_some_order)


def _falls(loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Check:
    value, dW, db = loss(X, y, W, b)
    square = float(np.sum(dW**2)) + (0.0 if db is None else float(np.sum(db**2)))
    moved = np.abs(functional.scores(X, dW, db)).max(initial=0.0)
    if not (square > 0 and np.isfinite(moved)):
        return Check("loss falls along -gradient", False, f"a gradient whose square is {number(square)}", "> 0")
    t = _SMALL_MOVE / float(moved)
    after = loss(X, y, W - t * dW, None if b is None or db is None else b - t * db).loss
    ratio = (value - after) / (t * square)
    return Check(
        "loss falls along -gradient", bool(_FALL[0] <= ratio <= _FALL[1]),
        f"by {number(ratio)} of what the gradient says", f"{_FALL[0]} to {_FALL[1]}",
    )  # fmt: skip


def _update(
    loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, small: np.ndarray, b: np.ndarray | None, rate: float | None
) -> Check:
    if rate is None and loss.is_named:
        name = "squared_hinge" if loss.name != "softmax" and loss.power == 2 else loss.name
        data = training.curvature(X, None, min(256, len(X)))
        rate = training.auto_rate(name, len(W), loss.margin, 0.0, data)
    if rate is None:
        return Check("update to weight", None, "no learning_rate is given", "")
    return update_size(rate, loss(X, y, small, b).dW, W)


def _scaling(loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray) -> Check:
    """f(c x, W) = c f(x, W) = f(x, c W): the same scores, so the same loss."""
    one, other = loss(FACTOR * X, y, W, None).loss, loss(X, y, FACTOR * W, None).loss
    return equal("scores scale with x", one, other, f"loss of f({FACTOR:g}x, W) and of f(x, {FACTOR:g}W)", 1e-9)


def _bias_column(loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Check:
    if b is None:
        return Check("bias as a column", None, "the loss takes no bias", "")
    apart = loss(X, y, W, b)
    joined = loss(np.column_stack([X, np.ones(len(X))]), y, np.column_stack([W, b]), None)
    one = np.concatenate([[apart.loss], apart.dW.ravel(), np.zeros(0) if apart.db is None else apart.db])
    other = np.concatenate([[joined.loss], joined.dW[:, :-1].ravel(), joined.dW[:, -1]])
    return equal("bias as a column", one, other, "loss and gradient of b and of a column of ones", 1e-9)


def _descend(
    loss: Loss, X: np.ndarray, y: np.ndarray, c: int, with_bias: bool, n_steps: int, goal: float
) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Weights after descending from zero until the loss is at most `goal`; the best seen.

    The rate is Polyak's, (loss - goal) / |gradient|^2: what takes the loss to the goal if it were straight. It needs
    neither the curvature nor a tuned number, and is right for smooth losses and for those with kinks.
    """
    W, b = np.zeros((c, X.shape[1])), np.zeros(c) if with_bias else None
    best: tuple[np.ndarray, np.ndarray | None, float] = (W.copy(), None if b is None else b.copy(), math.inf)
    goal_of_step = 0.5 * goal
    for _ in range(n_steps):
        result: Any = loss(X, y, W, b)
        if not math.isfinite(result.loss) or result.loss > _LOST * max(best[2], goal):
            break
        if result.loss < best[2]:
            best = (W.copy(), None if b is None else b.copy(), result.loss)
        square = float(np.sum(result.dW**2)) + (0.0 if result.db is None else float(np.sum(result.db**2)))
        if result.loss <= goal or not 0.0 < square < math.inf:
            break
        rate = (result.loss - goal_of_step) / square
        W -= rate * result.dW
        if b is not None:
            b -= rate * result.db
    return best
