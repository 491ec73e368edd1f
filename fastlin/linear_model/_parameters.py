"""The parameters of the estimators and their types; `LinearClassifier` says what each means."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from fastlin._params import Parameters

Loss = Literal["softmax", "hinge", "squared_hinge"]
Penalty = Literal["l2", "l1", "elasticnet"] | None
Solver = Literal["sgd", "adam", "lbfgs", "auto"]
Schedule = Literal[
    "auto", "constant", "invscaling", "optimal", "step", "cosine", "warmup", "one_cycle", "adaptive"
]  # fmt: skip
Strength = float | Literal["auto"]
Average = bool | int | Literal["auto"]
RandomState = int | np.random.Generator | np.random.RandomState | None


class LinearParameters(Parameters):
    """What the constructor of a linear classifier stores."""

    loss: Loss
    penalty: Penalty
    alpha: Strength
    l1_ratio: float
    fit_intercept: bool
    margin: float
    solver: Solver
    batch_size: int
    learning_rate: Schedule
    eta0: float | Literal["auto"]
    power_t: float
    momentum: float
    nesterov: bool
    max_iter: int | Literal["auto"]
    tol: float | None
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    max_time: float | None
    average: Average
    standardize: bool
    class_weight: Mapping[Any, float] | Literal["balanced"] | None
    shuffle: bool
    warm_start: bool
    random_state: RandomState
    callbacks: Sequence[Callable[[Any], Any]] | None
    checkpoint: str | os.PathLike[str] | None
    checkpoint_every: int
    n_threads: int | None
    verbose: int
