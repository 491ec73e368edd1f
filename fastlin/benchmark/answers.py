"""Whether an answer is right: compared with the NumPy twin's in float64, and not timed if it is not.

The twin goes over the rows in blocks, so that no float64 copy of X exists.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from fastlin import reference
from fastlin.benchmark import images, peers
from fastlin.benchmark.cases import (
    BLOCK,
    EPOCH,
    IMAGE_OPS,
    L2,
    MOMENTUM,
    RATE,
    Case,
    batches_of,
    data_of,
)  # fmt: skip

# What fastlin's results may differ by from the float64 twin's, of the largest entry: the library's promise, by the type
# they are computed in; over the 200 or 1600 steps of an epoch roundings grow.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
EPOCH_TOLERANCE = 1e-4
# What the others may: nobody promised, and NumPy adds up a column of 50 000 numbers one by one, which leaves `db` of
# the hinge 6e-4 off. A wrong formula is further away than that.
PEER_TOLERANCE = 2e-3


def check(case: Case, name: str, result: Any) -> float:
    """Compare the first result of an implementation with the float64 twin's.

    Returns
    -------
    float
        The largest difference, of the largest entry.

    Raises
    ------
    AssertionError
        If it is more than promised or than `PEER_TOLERANCE`; the message names case, implementation and quantity.
    """
    if case.op in IMAGE_OPS:
        return images.check(case, result)
    if case.op == "predict":
        found = {"score of the chosen class": _shortfall(_truth(case), result)}
    elif case.op == "scores":
        found = {"largest score": _difference(result, _truth(case))}
    elif name == "sklearn":
        # It starts from weights of its own in an order of its own, so there is no result to compare with: that it has
        # not diverged is all that can be said.
        chance = np.log(case.c)
        found = {"loss": 0.0 if np.isfinite(result) and result < 3 * chance else np.inf}
    else:
        keys = ("W", "b", "loss") if case.op == EPOCH else ("loss", "dW", "db")
        found = {key: _difference(got, want) for key, got, want in zip(keys, result, _truth(case), strict=True)}
    own = EPOCH_TOLERANCE if case.op == EPOCH else TOLERANCE["float64" if case.dtype == "float64" else "float32"]
    tolerance = own if name == "fastlin" else PEER_TOLERANCE
    for key, difference in found.items():
        if not difference <= tolerance:
            raise AssertionError(
                f"{case.group}: {name}'s {key} is {difference:.1e} of its largest entry away from the float64 "
                f"twin's; wanted is at most {tolerance:.0e}. It is not timed"
            )
    return max(found.values())


def _difference(got: Any, want: Any) -> float:
    return float(np.max(np.abs(np.asarray(got, np.float64) - want)) / np.max(np.abs(want)))


def _shortfall(scores: np.ndarray, classes: np.ndarray) -> float:
    """By how much the chosen classes' scores fall short of the largest: of two nearly equal either is right."""
    chosen = scores[np.arange(len(scores)), classes]
    return float(np.max(scores.max(axis=1) - chosen) / np.max(np.abs(scores)))


@functools.lru_cache(maxsize=2)
def _truth(case: Case) -> Any:
    """The twin's first result in float64; for `predict` the scores, by which two nearly equal classes can be told."""
    X, y, W, b, shift, scale, order = data_of(case)
    W, b = W.astype(np.float64), b.astype(np.float64)
    if case.op == EPOCH:
        velocity = np.zeros_like(W), np.zeros_like(b)
        total = 0.0
        for start in range(0, len(order), BLOCK):
            rows = order[start : start + BLOCK]
            part = reference.sgd_epoch(
                X[rows].astype(np.float64), y[rows], W, b, batch_size=case.batch, lr=RATE, momentum=MOMENTUM, l2=L2,
                velocity=velocity, shift=shift, scale=scale,
            )  # fmt: skip
            total += len(rows) * part.loss
        return W, b, total / len(order)
    rows = next(batches_of(case)).get("rows", np.arange(len(X)))
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    if case.op in ("scores", "predict"):
        return np.concatenate([reference.scores(X[block].astype(np.float64), W, b) for block in blocks])
    function = peers.loss_of(reference, case.op)
    loss, dW, db = L2 * np.sum(W * W), 2 * L2 * W, np.zeros_like(b)
    for block in blocks:
        part = function(X[block].astype(np.float64), y[block], W, b)
        share = len(block) / len(rows)
        loss, dW, db = loss + share * part.loss, dW + share * part.dW, db + share * part.db
    return loss, dW, db
