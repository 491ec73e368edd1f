"""Models that travel: to ONNX and safetensors, to and from scikit-learn, to and from the arrays of a torch Linear.

None of it needs the package it is named after to be installed, `to_sklearn` excepted. What each format holds and what
it loses stands in docs/formats.md; `model.save` and `fastlin.load_model` keep all of a model.
"""

from __future__ import annotations

from fastlin.formats._onnx import to_onnx
from fastlin.formats._safetensors import read_safetensors, write_safetensors
from fastlin.formats._sklearn import from_sklearn, to_sklearn
from fastlin.formats._torch import from_torch, to_torch

__all__ = [
    "from_sklearn",
    "from_torch",
    "read_safetensors",
    "to_onnx",
    "to_sklearn",
    "to_torch",
    "write_safetensors",
]
