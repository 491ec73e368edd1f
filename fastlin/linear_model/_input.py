"""What the estimators take: rows of any kind of table, labels, weights, and the names of the features."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin import _arrays, _labels, _sklearn
from fastlin._warnings import warn


def as_rows(X: Any) -> np.ndarray:
    """`X` as (N, D) rows: viewed where it is an array of numbers, converted where it is a table or a list."""
    if hasattr(X, "tocsr"):
        raise TypeError("X is a sparse matrix; fastlin takes dense rows: pass X.toarray()")
    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    if array.dtype == object:
        if hasattr(X, "isna"):  # pandas' own missing values are no floats
            array = np.where(X.isna(), np.nan, array)
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"X holds an object that is no number: {error}") from None
    if array.dtype.kind == "c":
        raise ValueError(f"X has dtype {array.dtype}. Complex data not supported; wanted is real numbers")
    if array.ndim == 1:
        raise ValueError(
            f"X has shape {array.shape}; wanted is (n_rows, n_features) or (n_rows, height, width, channels). "
            "Reshape your data: a single row is X[None, :]"
        )
    if array.ndim == 2 and array.shape[1] == 0:
        raise ValueError(f"X has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    return _arrays.as_rows(array)


def as_training_data(X: Any, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Rows, labels and weights of a fit."""
    if y is None:
        raise ValueError("a fit requires y to be passed, but the target y is None; wanted is one label a row of X")
    rows = as_rows(X)
    labels = _labels.as_array(y, "y")
    if labels.ndim == 2 and labels.shape[1] == 1:
        warn(
            f"A column-vector y was passed when a 1d array was expected: y has shape {labels.shape}; pass y.ravel()",
            _sklearn.conversion_warning(),
        )
        labels = labels.ravel()
    if sample_weight is not None and not isinstance(sample_weight, np.ma.MaskedArray):
        sample_weight = np.asarray(sample_weight)
        if sample_weight.ndim == 0:
            sample_weight = np.full(len(rows), sample_weight)
    return rows, _labels.as_label_array(labels, len(rows)), _arrays.as_sample_weight(sample_weight, len(rows))


def check_any_weight(weight: np.ndarray | None) -> None:
    """Refuse weights that leave no row."""
    if weight is not None and not weight.any():
        raise ValueError("sample_weight is zero for every row; wanted is at least one row of positive weight")


def accuracy(predicted: np.ndarray, y: Any, sample_weight: Any, classes: np.ndarray, rows: str) -> float:
    """Share of the labels that are `predicted` rightly, weighted where weights are given; `rows` are what X holds."""
    if y is not None:
        y = _labels.as_array(y, "y")
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y  # a column, as fit takes it
    labels = _labels.as_label_array(y, len(predicted))
    weight = _arrays.as_sample_weight(sample_weight, len(predicted))
    if len(predicted) == 0:
        raise ValueError(f"X has no {rows}; wanted is at least one to score")
    check_any_weight(weight)
    _labels.joined(classes, labels[:1])  # numbers against strings would be a silent 0
    return float(np.average(predicted == labels, weights=weight))


def image_shape(X: Any) -> tuple[int, ...] | None:
    """(H, W, channels) of images, None of rows."""
    # A table says its shape itself: an array of it would be another copy.
    shape: tuple[int, ...] = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    return shape[1:] if len(shape) == 4 else None
