"""Transformers of rows: the coordinates in which what is round, crossed or unevenly scaled becomes linear.

A linear classifier on (x, y) is no better than chance on a ring around a disc, and on XOR; on the radius, and on the
product, it is nearly always right (Stanford CS231n, lecture notes "Linear classification"; lecture 4, image features).
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from fastlin import _arrays, functional
from fastlin.features._base import RowTransformer, row_parts

__all__ = ["BiasTrick", "PolarCoordinates", "Polynomial2", "SignedPower", "Standardize"]

# A feature whose deviation is below this share of its mean is rounding noise around a constant: a few units in the last
# place of the storage, or in float64 what remains of them after a sum over a million rows.
_RESOLUTION = {"e": 2.0**-10, "f": 2.0**-22}
_RESOLUTION_DOUBLE = 2.0**-40


class PolarCoordinates(RowTransformer):
    """Radius and angle of points of the plane: r = |x - c| and theta = atan2(x_1 - c_1, x_0 - c_0).

    Parameters
    ----------
    center : "mean", None or array of shape (2,)
        c: the mean of the rows of the fit, the origin, or the point given.
    angle : {"sincos", "raw", None}
        cos and sin of the angle; the angle itself, in (-pi, pi], which jumps at its ends; or the radius alone.

    Attributes
    ----------
    center_ : ndarray of shape (2,)
    n_features_in_ : int
        2.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    Examples
    --------
    >>> PolarCoordinates(center=None).fit_transform([[3.0, 4.0]])
    array([[5. , 0.6, 0.8]])
    """

    _learnt = ("center_",)

    def __init__(
        self, center: ArrayLike | Literal["mean"] | None = "mean", angle: Literal["sincos", "raw"] | None = "sincos"
    ) -> None:
        self.center = center
        self.angle = angle

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the centre."""
        rows = _arrays.as_rows(X)
        self._n_out(rows.shape[1])
        if isinstance(self.center, str):
            _arrays.check_word(self.center, "center", "mean", "two finite numbers")
            center = functional.moments(rows).mean
        else:
            center = np.zeros(2) if self.center is None else _arrays.as_array(self.center, "center")
        if center.shape != (2,) or center.dtype.kind not in "fiub" or not np.isfinite(center).all():
            raise ValueError(f"center is {center.tolist()}; wanted is two finite numbers")
        self.center_ = center.astype(np.float64)
        self._note(X, rows.shape[1])
        return self

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns."""
        self._input_names(input_features)
        angles = {"sincos": ["cos", "sin"], "raw": ["angle"], None: []}
        return np.array(["radius", *angles[self.angle]], dtype=object)

    def _n_out(self, n_features: int) -> int:
        if n_features != 2:
            raise ValueError(f"X has {n_features} features; wanted is 2, the coordinates of points of the plane")
        if self.angle is None:
            return 1
        return {"sincos": 3, "raw": 2}[_arrays.as_choice(self.angle, "angle", ("sincos", "raw"))]

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        rows -= self.center_.astype(rows.dtype)
        out[:, 0] = np.hypot(rows[:, 0], rows[:, 1])
        if self.angle is not None:
            theta = np.arctan2(rows[:, 1], rows[:, 0])
            if self.angle == "raw":
                out[:, 1] = theta
            else:
                out[:, 1], out[:, 2] = np.cos(theta), np.sin(theta)


class Polynomial2(RowTransformer):
    """The features, and their products of two: x_i and x_i x_j for i <= j, in that order.

    Parameters
    ----------
    interaction_only : bool
        Leave the squares out: i < j.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    Examples
    --------
    >>> Polynomial2().fit_transform([[2.0, 3.0]])
    array([[2., 3., 4., 6., 9.]])
    """

    _needs_fit = False

    def __init__(self, interaction_only: bool = False) -> None:
        self.interaction_only = interaction_only

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns, in scikit-learn's way: "x0", "x0^2", "x0 x1"."""
        names = self._input_names(input_features)
        squares = 1 if self.interaction_only else 0
        products = [
            f"{first}^2" if i == j else f"{first} {names[j]}"
            for i, first in enumerate(names) for j in range(i + squares, len(names))
        ]  # fmt: skip
        return np.array([*names, *products], dtype=object)

    def _n_out(self, n_features: int) -> int:
        return n_features + n_features * (n_features + (-1 if self.interaction_only else 1)) // 2

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        d = rows.shape[1]
        out[:, :d] = rows
        end = d
        for i in range(d):
            first = i + 1 if self.interaction_only else i
            np.multiply(rows[:, i : i + 1], rows[:, first:], out=out[:, end : end + d - first])
            end += d - first


class SignedPower(RowTransformer):
    """sign(x) |x|**power; a power of 0.5 tames large values of histograms and sums (Perronnin et al. 2010).

    Parameters
    ----------
    power : float
        Above 0.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    Examples
    --------
    >>> SignedPower().fit_transform([[4.0, -9.0]])
    array([[ 2., -3.]])
    """

    _needs_fit = False

    def __init__(self, power: float = 0.5) -> None:
        self.power = power

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: those of the features."""
        return np.array(self._input_names(input_features), dtype=object)

    def _n_out(self, n_features: int) -> int:
        _arrays.as_positive(self.power, "power")
        return n_features

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        np.abs(rows, out=out)
        if self.power == 0.5:
            np.sqrt(out, out=out)
        else:
            np.power(out, rows.dtype.type(self.power), out=out)
        np.copysign(out, rows, out=out)


class BiasTrick(RowTransformer):
    """The features and a column of ones behind them, whose weights are then the bias (CS231n's "bias trick").

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    Examples
    --------
    >>> BiasTrick().fit_transform([[4.0, -9.0]])
    array([[ 4., -9.,  1.]])
    """

    _needs_fit = False

    def __init__(self) -> None:
        pass

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: those of the features, and "bias"."""
        return np.array([*self._input_names(input_features), "bias"], dtype=object)

    def _n_out(self, n_features: int) -> int:
        return n_features + 1

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        out[:, :-1] = rows
        out[:, -1] = 1


class Standardize(RowTransformer):
    """(x - mean) / sd of each feature, from moments that are exact however many parts the rows come in.

    A constant feature becomes zero. fastlin's estimators do this by themselves, without a copy; here it is for other
    estimators, and before a step that multiplies features.

    Parameters
    ----------
    with_mean, with_std : bool
        Subtract the mean; divide by the standard deviation.
    n_threads : int or None
        Of the moments; -1 for all.

    Attributes
    ----------
    mean_, var_, scale_ : ndarray of shape (D,)
        Moments over all rows seen, and the standard deviation, 1 for a constant feature. float64.
    n_samples_seen_ : float
        Weight of the rows seen: their number, where no weights were given.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    References
    ----------
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983).

    Examples
    --------
    >>> Standardize().fit_transform([[0.0, 5.0], [2.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    _plain = ("n_features_in_", "feature_names_in_", "n_samples_seen_", "_resolution")
    _learnt = ("mean_", "var_", "scale_")
    mean_: np.ndarray
    var_: np.ndarray
    n_samples_seen_: float
    _resolution: float

    def __init__(self, with_mean: bool = True, with_std: bool = True, n_threads: int | None = None) -> None:
        self.with_mean = with_mean
        self.with_std = with_std
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Take the moments of the rows of `X`, weighted where weights are given."""
        return self._observe(X, sample_weight, first=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Merge the moments of more rows with those seen before; no rows change nothing."""
        return self._observe(X, sample_weight, first=not hasattr(self, "n_features_in_"))

    def _observe(self, X: Any, sample_weight: Any, first: bool) -> Self:
        rows = _arrays.as_rows(X)
        weight = _arrays.as_sample_weight(sample_weight, len(rows))
        if not first:
            self._check_width(rows.shape[1])
            self._check_columns(X)
        seen = 0.0 if first else self.n_samples_seen_
        mean, variance = (np.zeros(rows.shape[1]),) * 2 if first else (self.mean_, self.var_)
        for part in row_parts(rows):
            part_weight = None if weight is None else weight[part]
            new = float(part.stop - part.start) if part_weight is None else float(part_weight.sum())
            if new == 0:
                continue
            moments = functional.moments(rows[part], sample_weight=part_weight, n_threads=self.n_threads)
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
                share, apart = new / (seen + new), moments.mean - mean
                variance = variance + share * (moments.variance - variance) + share * (1 - share) * apart**2
                mean, seen = mean + share * apart, seen + new
        if seen == 0:
            raise ValueError("X has no rows of positive weight; wanted is at least one")
        if not np.isfinite(variance).all():
            feature = int(np.flatnonzero(~np.isfinite(variance))[0])
            raise ValueError(f"X has moments that are not finite in feature {feature}; wanted is finite numbers")
        resolution = _RESOLUTION.get(rows.dtype.char, _RESOLUTION_DOUBLE)
        self._resolution = resolution if first else max(resolution, self._resolution)
        self.mean_, self.var_, self.n_samples_seen_ = mean, variance, seen
        sd = np.sqrt(variance)
        self.scale_ = np.where(sd <= self._resolution * np.abs(mean), 1.0, sd)
        if first:
            self._note(X, rows.shape[1])
        return self

    def _restore(self, fitted: dict[str, Any]) -> None:
        super()._restore(fitted)
        if fitted:
            self.n_samples_seen_ = _arrays.as_positive(fitted["n_samples_seen_"], "n_samples_seen_")
            self._resolution = _arrays.as_positive(fitted["_resolution"], "_resolution")

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Rows from standardised rows."""
        self._check_fitted()
        rows = _arrays.as_rows(X)
        self._check_width(rows.shape[1])
        out = rows.astype(_arrays.compute_dtype(rows))
        if self.with_std:
            out *= self.scale_.astype(out.dtype)
        if self.with_mean:
            out += self.mean_.astype(out.dtype)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: those of the features."""
        return np.array(self._input_names(input_features), dtype=object)

    def _n_out(self, n_features: int) -> int:
        return n_features

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        if self.with_mean:
            rows -= self.mean_.astype(rows.dtype)
        if self.with_std:
            rows /= self.scale_.astype(rows.dtype)
        out[...] = rows
