"""The training loop around `fastlin.functional.sgd_epoch`, and what it is told: standardisation, rate, history.

Nothing here knows of estimators or labels: rows, integer classes and weights in, weights and a history out.
"""

from fastlin.training.history import History
from fastlin.training.loop import DivergenceError, Parameters, Settings, train
from fastlin.training.random import as_generator
from fastlin.training.rates import auto_rate, curvature, linear_decay
from fastlin.training.standardize import FeatureStatistics, Standardization, check_finite, survey
from fastlin.training.state import FitState, row_for_two, row_per_class

__all__ = [
    "DivergenceError",
    "FeatureStatistics",
    "FitState",
    "History",
    "Parameters",
    "Settings",
    "Standardization",
    "as_generator",
    "auto_rate",
    "check_finite",
    "curvature",
    "linear_decay",
    "row_for_two",
    "row_per_class",
    "survey",
    "train",
]
