"""The names of a table's columns: read in a fit, and compared with those of what comes later, as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin._warnings import warn


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
        warn(f"X has feature names, but {name} was fitted without feature names", UserWarning)
    elif fitted is not None and given is None:
        warn(f"X does not have valid feature names, but {name} was fitted with feature names", UserWarning)
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


def _listed(names: list[str]) -> str:
    # As many as scikit-learn shows.
    return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")
