"""What every transformer here shares: parameters by name, scikit-learn's protocol, and a state that can be saved."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

import numpy as np

from fastlin import _arrays, _columns, _sklearn
from fastlin._params import Parameters
from fastlin.features import _images

# Bytes of rows that a transform looks at between two looks at Ctrl-C.
_PART_BYTES = 1 << 24


S = TypeVar("S")


def refusing(from_state: Callable[..., S]) -> Callable[..., S]:
    """Decorate a `from_state`: whatever goes wrong with a state that is none becomes a ValueError that says so."""

    @functools.wraps(from_state)
    def from_any(cls: type, *plain_and_arrays: Any, **by_name: Any) -> S:
        try:
            return from_state(cls, *plain_and_arrays, **by_name)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"plain and arrays are no state of {cls.__name__}; wanted is what its get_state gives: {why:.300}"
            ) from error

    return from_any


class Transformer(Parameters, _sklearn.TransformOutput):
    """Rows in, rows out. A child says what `fit` learns, and names it in `_plain` and `_arrays` for the state.

    Attributes whose names end in an underscore come from `fit`.
    """

    # Attributes that are plain values (numbers, words, tuples of them), and those that are arrays, or None.
    _plain: tuple[str, ...] = ("n_features_in_", "feature_names_in_")
    _learnt: tuple[str, ...] = ()
    n_features_in_: int
    feature_names_in_: np.ndarray
    # Whether `transform` needs what `fit` learns.
    _needs_fit = True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from `X` what `transform` needs; `y` is not looked at."""
        raise NotImplementedError

    def transform(self, X: Any) -> np.ndarray:
        """The features of `X`, a row a row; `set_output` says in what."""
        raise NotImplementedError

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit`, then `transform`."""
        return self.fit(X, y).transform(X)

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All there is to save: plain values, and arrays by name. `from_state` makes the same transformer of them.

        The plain values are numbers, words, None, and lists and dicts of them, as JSON has.
        """
        plain = {"params": self.get_params(deep=False)}
        plain["fitted"] = {name: getattr(self, name) for name in self._plain if hasattr(self, name)}
        learnt = {name: getattr(self, name, None) for name in self._learnt}
        return listed(plain), {name: array for name, array in learnt.items() if array is not None}

    @classmethod
    @refusing
    def from_state(cls, plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The transformer whose `get_state` gave these; ValueError for what no `get_state` gives."""
        names = {"params", "fitted"}
        if set(plain) != names or set(plain["params"]) != set(cls._parameter_names()):
            raise ValueError(f"plain is no state of {cls.__name__}; wanted is what its get_state gives")
        self = cls(**_tupled(plain["params"]))
        self._restore(plain["fitted"])
        if set(arrays) != set(cls._learnt if plain["fitted"] else ()):
            raise ValueError(f"the state holds the arrays {sorted(arrays)}; wanted is {sorted(cls._learnt)} of a fit")
        for name, array in arrays.items():
            _check_learnt(name, array, self.n_features_in_)
        vars(self).update(arrays)
        return self

    def _restore(self, fitted: dict[str, Any]) -> None:
        """Take from a state the plain values that a fit learns, of which there are all or none."""
        if not set(fitted) <= set(self._plain):
            raise ValueError(f"the state holds what is no attribute of {type(self).__name__}")
        if not fitted:
            return
        missing = [name for name in self._plain if name not in fitted and name != "feature_names_in_"]
        if missing:
            raise ValueError(f"the state of {type(self).__name__} has no {missing[0]}; wanted is what a fit leaves")
        n_features = fitted["n_features_in_"]
        if type(n_features) is not int or n_features < 1:
            raise ValueError(f"n_features_in_ is {n_features!r}; wanted is an integer >= 1")
        vars(self).update(_tupled(fitted))
        if "feature_names_in_" in fitted:
            self.feature_names_in_ = as_names(fitted["feature_names_in_"], n_features)

    def _note(self, X: Any, n_features: int) -> None:
        """Note the features of a fit to `X`: how many, and the names of a table's."""
        names = _columns.feature_names(X)
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        self.n_features_in_ = n_features

    def _check_columns(self, X: Any) -> None:
        if hasattr(self, "n_features_in_"):
            _columns.check_feature_names(self, X)

    def _column_names(self, input_features: Any) -> list[str] | None:
        """The names given, which must be those of the fit where that had some, or else the latter."""
        fitted = self.feature_names_in_.tolist() if hasattr(self, "feature_names_in_") else None
        if isinstance(input_features, str) or (input_features is not None and not _arrays.has_axes(input_features)):
            raise TypeError(f"input_features is {input_features!r}; wanted is a list of names")
        names = fitted if input_features is None else [str(name) for name in input_features]
        if fitted is not None and names != fitted:
            raise ValueError(f"input_features is {names}; wanted is {fitted}, as in the fit")
        return names

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_features_in_"):
            raise _sklearn.not_fitted_error(f"this {type(self).__name__} is not fitted; call fit first")

    def _check_width(self, n_features: int) -> None:
        if hasattr(self, "n_features_in_") and n_features != self.n_features_in_:
            raise ValueError(f"X has {n_features} features; wanted is {self.n_features_in_}, as in the fit")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self) -> Any:
        # Only scikit-learn calls this, so that it is loaded already.
        from sklearn.utils import (  # type: ignore[import-untyped]
            InputTags,
            Tags,
            TargetTags,
            TransformerTags,
        )

        return Tags(
            estimator_type="transformer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float32", "float64"]),
            input_tags=InputTags(sparse=False, three_d_array=isinstance(self, ImageTransformer)),
            requires_fit=self._needs_fit,
        )


class RowTransformer(Transformer):
    """Transformer of (N, D) rows; images are read as rows. Results are float32, or float64 for float64 rows."""

    def transform(self, X: Any) -> np.ndarray:
        """The features of `X`, (N, D) or (N, H, W, channels), as an array (N, n_features_out)."""
        if self._needs_fit:
            self._check_fitted()
        rows = _arrays.as_rows(X)
        self._check_width(rows.shape[1])
        self._check_columns(X)
        return self._in_output(self._transformed(rows), X)

    def _transformed(self, rows: np.ndarray) -> np.ndarray:
        dtype = _arrays.compute_dtype(rows)
        out = np.empty((len(rows), self._n_out(rows.shape[1])), dtype)
        for part in row_parts(rows):
            self._write(rows[part].astype(dtype), out[part])
        return out

    def fit(self, X: Any, y: Any = None) -> Self:
        """Note the number of features; there is nothing else to learn."""
        rows = _arrays.as_rows(X)
        self._n_out(rows.shape[1])
        self._note(X, rows.shape[1])
        return self

    def _n_out(self, n_features: int) -> int:
        raise NotImplementedError

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` from a few rows of its dtype, which may be overwritten."""
        raise NotImplementedError

    def _input_names(self, input_features: Any) -> list[str]:
        self._check_fitted()
        names = self._column_names(input_features)
        if names is None:
            return [f"x{k}" for k in range(self.n_features_in_)]
        if len(names) != self.n_features_in_:
            raise ValueError(f"input_features has {len(names)} names; wanted is {self.n_features_in_}, as in the fit")
        return names


class ImageTransformer(Transformer):
    """Transformer of images that learns nothing from them but their shape."""

    image_shape: Any
    dtype: Any
    image_shape_: tuple[int, int, int]
    n_features_out_: int
    _plain = ("n_features_in_", "n_features_out_", "image_shape_")
    _needs_fit = False

    def _restore(self, fitted: dict[str, Any]) -> None:
        super()._restore(fitted)
        if fitted:
            self.image_shape_ = _images.as_image_shape(fitted["image_shape_"])
            height, width, channels = self.image_shape_
            n_in, n_out = height * width * channels, self._n_out(self.image_shape_)
            if (self.n_features_in_, self.n_features_out_) != (n_in, n_out):
                raise ValueError(
                    f"n_features_in_ is {self.n_features_in_} and n_features_out_ {self.n_features_out_}; wanted is "
                    f"{n_in} and {n_out}, as images of {self.image_shape_} have"
                )

    def fit(self, X: Any, y: Any = None) -> Self:
        """Note the shape of the images, and check that the parameters suit it."""
        batch = _images.as_image_batch(X, self.image_shape)
        height, width, channels = batch.pixels.shape[1:]
        n_out = self._n_out((height, width, channels))
        _images.result_dtype(batch, self.dtype)
        self.image_shape_ = (height, width, channels)
        self.n_features_in_, self.n_features_out_ = height * width * channels, n_out
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The features of the images, (N, n_features_out); fitted or not, as nothing is learnt.

        `X` is (N, H, W, channels), (N, H, W), or flat rows where `image_shape` is given or it was fitted on images.
        """
        batch = _images.as_image_batch(X, getattr(self, "image_shape_", self.image_shape))
        shape = batch.pixels.shape[1:]
        if hasattr(self, "image_shape_") and shape != self.image_shape_:
            raise ValueError(f"X has images of shape {shape}; wanted is {self.image_shape_}, as in the fit")
        out = np.empty((len(batch.pixels), self._n_out(shape)), _images.result_dtype(batch, self.dtype))
        self._write(batch, out)
        return self._in_output(out, X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: the class's, and a number."""
        self._check_fitted()
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{k}" for k in range(self.n_features_out_)], dtype=object)

    def _n_out(self, image_shape: tuple[int, int, int]) -> int:
        raise NotImplementedError

    def _write(self, batch: _images.Images, out: np.ndarray) -> None:
        raise NotImplementedError


def row_parts(rows: np.ndarray) -> Iterator[slice]:
    """Rows a few at a time, so that Ctrl-C is seen and what is made on the way stays small."""
    step = max(1, _PART_BYTES // (8 * rows.shape[1]))
    for start in range(0, len(rows), step):
        yield slice(start, min(start + step, len(rows)))


def _check_learnt(name: str, array: np.ndarray, n_features: int) -> None:
    """Refuse what no fit learns: it is one finite number a feature."""
    if array.dtype != np.float64 or array.shape != (n_features,) or not np.isfinite(array).all():
        raise ValueError(
            f"{name} is {array.dtype} of shape {array.shape}; wanted is finite float64 of shape ({n_features},)"
        )


def as_names(names: Any, n_features: int) -> np.ndarray:
    """The names of a state as a fit has them."""
    right = isinstance(names, list | tuple) and len(names) == n_features and all(isinstance(n, str) for n in names)
    if not right:
        raise ValueError(f"feature_names_in_ is {names!r}; wanted is {n_features} strings")
    return np.array(names, dtype=object)


def listed(value: Any) -> Any:
    """The same with lists for tuples and Python's numbers for NumPy's."""
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [listed(item) for item in value]
    if isinstance(value, np.ndarray):
        return listed(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return np.dtype(value).name if isinstance(value, (np.dtype, type)) else value


def _tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tupled(item) for key, item in value.items()}
    return tuple(_tupled(item) for item in value) if isinstance(value, (list, tuple)) else value
