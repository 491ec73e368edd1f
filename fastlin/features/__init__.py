"""Features of images and of rows: functions over compiled kernels, and scikit-learn transformers over the functions.

`hog` and `color_histogram` turn images into rows that a linear classifier separates far better than pixels; the
transformers of rows bring the classic non-linear coordinates. Nothing here knows of models, and scikit-learn is not
needed: the transformers follow its protocol.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastlin.features import reference
    from fastlin.features._color_histogram import ColorHistogram, color_histogram
    from fastlin.features._concat import Concat, concat
    from fastlin.features._crops import Crops
    from fastlin.features._hog import HOG, hog
    from fastlin.features.transforms import BiasTrick, PolarCoordinates, Polynomial2, SignedPower, Standardize
    from fastlin.features.visual_words import COATES_2011, VisualWords

_HOME = {
    "BiasTrick": "transforms",
    "COATES_2011": "visual_words",
    "ColorHistogram": "_color_histogram",
    "Concat": "_concat",
    "Crops": "_crops",
    "HOG": "_hog",
    "PolarCoordinates": "transforms",
    "Polynomial2": "transforms",
    "SignedPower": "transforms",
    "Standardize": "transforms",
    "VisualWords": "visual_words",
    "color_histogram": "_color_histogram",
    "concat": "_concat",
    "hog": "_hog",
}

__all__ = [
    "COATES_2011",
    "HOG",
    "BiasTrick",
    "ColorHistogram",
    "Concat",
    "Crops",
    "PolarCoordinates",
    "Polynomial2",
    "SignedPower",
    "Standardize",
    "VisualWords",
    "color_histogram",
    "concat",
    "hog",
    "reference",
]


def __getattr__(name: str) -> Any:
    if name == "reference":
        return importlib.import_module("fastlin.features.reference")
    if name in _HOME:
        value = getattr(importlib.import_module(f"fastlin.features.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastlin.features' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
