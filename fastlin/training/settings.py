"""What a fit goes by from its first step to its last."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np


class Settings(NamedTuple):
    """What does not change during a fit. The penalty is l2 * sum(W**2) + l1 * sum(|W|), as in the functional layer.

    Attributes
    ----------
    loss : {"softmax", "hinge", "squared_hinge"}
    optimizer : {"sgd", "adam"}
        Adam takes `beta1`, `beta2` and `epsilon`; `momentum` and `nesterov` are not looked at.
    fit_intercept : bool
        Without, the biases stay 0 on raw rows.
    average_from : int or None
        The first step, from 0, whose weights enter the mean that the fit results in.
    average_tail : bool
        The fit results in the mean over the steps of the second half of the last epoch; `average_from` says nothing.
    halve_rate : bool
        A fit that diverges begins again with half the rates, up to eight times: for a rate that nobody has given.
    """

    loss: str
    margin: float
    l2: float
    l1: float
    batch_size: int
    momentum: float
    nesterov: bool
    shuffle: bool
    n_threads: int | None
    optimizer: str = "sgd"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    fit_intercept: bool = True
    average_from: int | None = None
    average_tail: bool = False
    halve_rate: bool = False

    def zero_weight_loss(self, n_classes: int) -> float:
        """Loss of all-zero weights: log C for softmax, (C - 1) * margin**power for the hinges."""
        if self.loss == "softmax":
            return math.log(n_classes)
        return (n_classes - 1) * self.margin**self.power

    @property
    def power(self) -> Literal[1, 2]:
        """Power of the hinge."""
        return 2 if self.loss == "squared_hinge" else 1

    @property
    def loss_options(self) -> dict[str, Any]:
        """The loss as the functional layer is told of it."""
        loss = "softmax" if self.loss == "softmax" else "hinge"
        return {"loss": loss, "power": self.power, "margin": self.margin, "n_threads": self.n_threads}

    def penalty(self, W: np.ndarray) -> float:
        """The penalty's value at `W`."""
        W = W.astype(np.float64)
        return self.l2 * float((W * W).sum()) + self.l1 * float(np.abs(W).sum())
