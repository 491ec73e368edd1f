"""What the loop changes: weights, velocity and means, with the counts that go with them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

_Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Parameters:
    """What the loop changes in place, all in the coordinates of the training.

    Attributes
    ----------
    W, b : ndarray of shape (C, D) and (C,)
    velocity : pair of ndarray
        Of both; with Adam the running mean of the gradient.
    square : pair of ndarray or None
        Adam's running mean of the squared gradient.
    average : pair of ndarray or None
        Mean of the weights after each step, where they are averaged.
    n_steps, n_averaged, n_adapted : int
        Steps taken, weights in the mean, gradients in Adam's means.
    n_halvings : int
        How often the rates were halved, where `Settings.halve_rate` allows it.
    """

    W: np.ndarray
    b: np.ndarray
    velocity: _Pair
    square: _Pair | None = None
    average: _Pair | None = None
    n_steps: int = 0
    n_averaged: int = 0
    n_adapted: int = 0
    n_halvings: int = 0

    @classmethod
    def zeros(cls, n_classes: int, n_features: int, dtype: np.dtype) -> Parameters:
        """Weights that know nothing, at rest."""
        W, b = np.zeros((n_classes, n_features), dtype), np.zeros(n_classes, dtype)
        return cls(W, b, (np.zeros_like(W), np.zeros_like(b)))

    @property
    def result(self) -> _Pair:
        """The weights to use: the mean, where there is one."""
        return (self.W, self.b) if self.average is None else self.average

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays there are, by name."""
        pairs = {"weights": (self.W, self.b), "velocity": self.velocity, "square": self.square, "average": self.average}
        return {f"{name}/{part}": pair[i] for name, pair in pairs.items() if pair for i, part in enumerate("Wb")}

    def copy(self) -> Parameters:
        """The same in arrays of their own."""
        return deepcopy(self)

    def rest(self) -> None:
        """Forget the velocity, or Adam's means."""
        self.velocity = np.zeros_like(self.W), np.zeros_like(self.b)
        self.square, self.n_adapted = None, 0

    def take(self, other: Parameters) -> None:
        """Become what `other` is, which is not to be used afterwards."""
        vars(self).update(vars(other))
