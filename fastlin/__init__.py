"""Linear classifiers on raw images and features, compiled: scores, softmax and hinge losses with gradients, SGD.

Public names load on first use, so that ``import fastlin`` brings in NumPy and the core alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastlin import functional
from fastlin._version import __version__

if TYPE_CHECKING:
    from fastlin import (
        cli,
        config,
        cs231n,
        datasets,
        diagnostics,
        features,
        formats,
        linear_model,
        model_file,
        pipeline,
        plotting,
        reference,
        training,
    )
    from fastlin._threads import get_num_threads, set_num_threads
    from fastlin.config import show_config
    from fastlin.functional import (
        adam_epoch,
        adam_step,
        evaluate,
        hinge_loss,
        moments,
        predict,
        scores,
        sgd_epoch,
        sgd_step,
        softmax,
        softmax_loss,
    )
    from fastlin.linear_model import LinearClassifier, SoftmaxClassifier, SVMClassifier
    from fastlin.path import PathResult, fit_path
    from fastlin.penalty import convert_penalty
    from fastlin.pipeline import ImagePipeline, load_model, make_pipeline

_MODULES = (
    "cli",
    "config",
    "cs231n",
    "datasets",
    "diagnostics",
    "features",
    "formats",
    "linear_model",
    "model_file",
    "pipeline",
    "plotting",
    "reference",
    "training",
)
_HOME = {
    **dict.fromkeys(functional.__all__, "fastlin.functional"),
    "ImagePipeline": "fastlin.pipeline",
    "LinearClassifier": "fastlin.linear_model",
    "SVMClassifier": "fastlin.linear_model",
    "PathResult": "fastlin.path",
    "SoftmaxClassifier": "fastlin.linear_model",
    "convert_penalty": "fastlin.penalty",
    "fit_path": "fastlin.path",
    "get_num_threads": "fastlin._threads",
    "load_model": "fastlin.pipeline",
    "make_pipeline": "fastlin.pipeline",
    "set_num_threads": "fastlin._threads",
    "show_config": "fastlin.config",
}

__all__ = [
    "ImagePipeline",
    "LinearClassifier",
    "PathResult",
    "SVMClassifier",
    "SoftmaxClassifier",
    "__version__",
    "adam_epoch",
    "adam_step",
    "cli",
    "config",
    "convert_penalty",
    "cs231n",
    "datasets",
    "diagnostics",
    "evaluate",
    "features",
    "fit_path",
    "formats",
    "functional",
    "get_num_threads",
    "hinge_loss",
    "linear_model",
    "load_model",
    "make_pipeline",
    "model_file",
    "moments",
    "pipeline",
    "plotting",
    "predict",
    "reference",
    "scores",
    "set_num_threads",
    "sgd_epoch",
    "sgd_step",
    "show_config",
    "softmax",
    "softmax_loss",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"fastlin.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastlin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
