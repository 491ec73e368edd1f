"""A fitted model as arrays, and arrays as a fitted model."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from fastlin import _labels, training
from fastlin.linear_model import LinearClassifier

Model = TypeVar("Model", bound=LinearClassifier)


def weights_of(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`coef_`, `intercept_` and `classes_` of a fitted model; two classes have one row."""
    if not isinstance(model, LinearClassifier):
        raise TypeError(f"model is a {type(model).__name__}; wanted is a LinearClassifier")
    model._check_fitted()
    return model.coef_, model.intercept_, model.classes_


def fitted(model: Model, coef: Any, intercept: Any, classes: Any, names: tuple[str, str]) -> Model:
    """`model`, with these weights on raw rows instead of a fit.

    `coef` is (C, D), or (1, D) for two classes: the second's less the first's. `partial_fit` goes on from there.
    `names` are those of the two in messages.
    """
    coef = _as_floats(coef, names[0])
    classes = _labels.as_classes(classes)
    n_rows = 1 if len(classes) == 2 else len(classes)
    if coef.ndim != 2 or len(coef) != n_rows or coef.shape[1] == 0:
        wanted = f"({n_rows}, n_features) for {len(classes)} classes"
        raise ValueError(f"{names[0]} has shape {coef.shape}; wanted is {wanted}")
    intercept = _as_floats(intercept, names[1]).astype(coef.dtype)
    if intercept.shape != (n_rows,):
        wanted = f"({n_rows},), as {names[0]} has that many rows"
        raise ValueError(f"{names[1]} has shape {intercept.shape}; wanted is {wanted}")
    state = training.FitState(coef, intercept, training.as_generator(model.random_state))
    model._restore(state, _labels.Meaning(classes, np.zeros(len(classes))))
    return model


def _as_floats(value: Any, name: str) -> np.ndarray:
    """A copy in float32 or float64, finite: float32 for float32 and narrower floats, float64 for the rest."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; wanted is real numbers")
    narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    array = np.array(array, np.float32 if narrow else np.float64, order="C")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds {array[~np.isfinite(array)][0]}; wanted is finite numbers")
    return array
