"""What the functions of this layer share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastlin import _arrays
from fastlin._core import plain as _plain

Real = NDArray[np.float32] | NDArray[np.float64]

# As in fl_loss_kind of src_c/fl_kernels.h.
SOFTMAX = 0
HINGE = {"sum": 1, "max": 2}


def check_labels(y: Any, rows: Any, weight: Any, n_classes: int) -> None:
    """Refuse labels, of the rows that count, outside of 0..n_classes-1."""
    wrong = _plain.find_wrong_label(y, rows, weight, n_classes)
    if wrong >= 0:
        _arrays.refuse_label(y, wrong, n_classes)
