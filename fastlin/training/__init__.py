"""The training loop around the epochs of `fastlin.functional`, and what it is told: standardisation, rates, stopping.

Nothing here knows of estimators or labels: rows, integer classes and weights in, weights and a history out.
"""

from fastlin.training.callbacks import TrainingView
from fastlin.training.checkpoint import Checkpoint, CheckpointError
from fastlin.training.descent import Iterate
from fastlin.training.divergence import DivergenceError
from fastlin.training.full_batch import Certificate, FullBatchResult, minimize, minimize_path
from fastlin.training.gram import Gram
from fastlin.training.history import EpochRecord, History
from fastlin.training.loop import train
from fastlin.training.parameters import Parameters
from fastlin.training.polishing import polish
from fastlin.training.random import as_generator
from fastlin.training.rates import adam_rate, auto_rate, curvature, linear_decay
from fastlin.training.schedules import SCHEDULES, Schedule, make_schedule
from fastlin.training.settings import Settings
from fastlin.training.settling import settle
from fastlin.training.solving import solve
from fastlin.training.standardize import FeatureStatistics, Standardization, check_finite, survey
from fastlin.training.state import FitState, row_for_two, row_per_class
from fastlin.training.stopping import Stopping, Validation, hold_out

__all__ = [
    "SCHEDULES",
    "Certificate",
    "Checkpoint",
    "CheckpointError",
    "DivergenceError",
    "EpochRecord",
    "FeatureStatistics",
    "FitState",
    "FullBatchResult",
    "Gram",
    "History",
    "Iterate",
    "Parameters",
    "Schedule",
    "Settings",
    "Standardization",
    "Stopping",
    "TrainingView",
    "Validation",
    "adam_rate",
    "as_generator",
    "auto_rate",
    "check_finite",
    "curvature",
    "hold_out",
    "linear_decay",
    "make_schedule",
    "minimize",
    "minimize_path",
    "polish",
    "row_for_two",
    "row_per_class",
    "settle",
    "solve",
    "survey",
    "train",
]
