"""Weights by class: how much a row of each class counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastlin import _arrays


def class_counts(index: np.ndarray, weight: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Summed weight of the rows of each class, (C,) float64."""
    return np.bincount(index, weights=weight, minlength=n_classes).astype(np.float64)


def row_weights(
    class_weight: Any, classes: np.ndarray, index: np.ndarray, weight: np.ndarray | None, counts: np.ndarray
) -> np.ndarray | None:
    """Each row's weight times that of its class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        "balanced": N / (C N_c), so that all classes count alike; a dict: a number a label, 1 for one it leaves out.
    classes : ndarray of shape (C,)
        The labels.
    index : ndarray of shape (N,)
        Each row's class among them.
    weight : ndarray of shape (N,) or None
        Weights of the rows.
    counts : ndarray of shape (C,)
        Weight of the rows of each class seen so far, N_c.
    """
    if class_weight is None:
        return weight
    per_class = _balanced(counts) if isinstance(class_weight, str) else _of_mapping(class_weight, classes)
    if isinstance(class_weight, str):
        _arrays.check_word(class_weight, "class_weight", "balanced", "None, or a dict of a number a label")
    weighted = per_class[index]
    return weighted if weight is None else weighted * weight


def _balanced(counts: np.ndarray) -> np.ndarray:
    # A class that no row is of has no row to weigh.
    seen = np.maximum(counts, np.finfo(np.float64).tiny)
    return np.where(counts > 0, counts.sum() / (len(counts) * seen), 0.0)


def _of_mapping(class_weight: Any, classes: np.ndarray) -> np.ndarray:
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight is {class_weight!r}; wanted is None, 'balanced', or a dict of a number a label")
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(f"class_weight has the label {unknown[0]!r}, which is not among the classes {labels}")
    return np.array(
        [_arrays.as_nonnegative(class_weight.get(label, 1.0), f"class_weight[{label!r}]") for label in labels]
    )
