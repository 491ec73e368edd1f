"""What the estimators take: rows of any kind of table, labels, weights, and the names of the features."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from fastlin import _arrays, _labels, _sklearn


def as_rows(X: Any) -> np.ndarray:
    """`X` as (N, D) rows: viewed where it is an array of numbers, converted where it is a table or a list."""
    if hasattr(X, "tocsr"):
        raise TypeError("X is a sparse matrix; fastlin takes dense rows: pass X.toarray()")
    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    if array.dtype == object:
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
        _warn(
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


def feature_names(X: Any) -> np.ndarray | None:
    """The names of the columns of a table, where all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or callable(columns):
        return None
    names = np.asarray(list(columns), dtype=object)
    strings = sum(isinstance(name, str) for name in names)
    if 0 < strings < len(names):
        raise TypeError(
            "X has columns named by strings and by other things; feature names are only supported if all input "
            "features have string names: pass X.to_numpy(), or rename the columns"
        )
    return names if strings else None


def check_feature_names(estimator: Any, X: Any) -> None:
    """Refuse columns in another order or of other names than in the fit; warn where one side has names."""
    fitted = getattr(estimator, "feature_names_in_", None)
    given = feature_names(X)
    name = type(estimator).__name__
    if fitted is None and given is not None:
        _warn(f"X has feature names, but {name} was fitted without feature names", UserWarning)
    elif fitted is not None and given is None:
        _warn(f"X does not have valid feature names, but {name} was fitted with feature names", UserWarning)
    elif fitted is not None and given is not None and not np.array_equal(fitted, given):
        unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
        message = "The feature names should match those that were passed during fit.\n"
        if unseen:
            message += "Feature names unseen at fit time:\n" + _listed(unseen)
        if missing:
            message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
        if not unseen and not missing:
            message += "Feature names must be in the same order as they were in fit.\n"
        raise ValueError(message)


def _warn(message: str, category: type[Warning]) -> None:
    """Warn of the line that called fastlin, however many calls within it lie between."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "fastlin":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _listed(names: list[str]) -> str:
    # As many as scikit-learn shows.
    return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")
