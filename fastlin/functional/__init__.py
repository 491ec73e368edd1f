"""Batched scores, losses with gradients, and gradient descent: check, allocate, call the compiled loops.

`fastlin.reference` holds the NumPy twin of every function here, with the formulas spelt out.
"""

from fastlin.functional.adam import adam_epoch, adam_step
from fastlin.functional.losses import evaluate, hinge_loss, softmax_loss
from fastlin.functional.scores import moments, predict, scores, softmax
from fastlin.functional.sgd import sgd_epoch, sgd_step

__all__ = [
    "adam_epoch",
    "adam_step",
    "evaluate",
    "hinge_loss",
    "moments",
    "predict",
    "scores",
    "sgd_epoch",
    "sgd_step",
    "softmax",
    "softmax_loss",
]
