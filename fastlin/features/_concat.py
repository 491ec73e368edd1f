"""Features side by side: arrays, or transformers of the same images or rows."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from fastlin import _arrays
from fastlin.features import _images
from fastlin.features._base import ImageTransformer, Transformer, listed, refusing

__all__ = ["Concat", "concat"]

# Rows that transformers with results of their own are asked for at a time: enough work for all threads.
_PART_ROWS = 2048


def concat(*features: Any) -> np.ndarray:
    """Put arrays of as many rows side by side.

    Parameters
    ----------
    *features : arrays of shape (N, D) or (N, H, W, channels)

    Returns
    -------
    ndarray of shape (N, sum of D)
        float32 where all are of up to 16 bits or float32, else float64.

    Examples
    --------
    >>> concat([[1, 2]], [[3]])
    array([[1., 2., 3.]])
    """
    if not features:
        raise ValueError("features is empty; wanted is at least one array")
    rows = [_arrays.as_rows(array, f"features[{k}]") for k, array in enumerate(features)]
    lengths = [len(array) for array in rows]
    if len(set(lengths)) > 1:
        raise ValueError(f"features have {lengths} rows; wanted is as many of each")
    out = np.empty((lengths[0], sum(array.shape[1] for array in rows)), _common(map(_arrays.compute_dtype, rows)))
    end = 0
    for array in rows:
        end += array.shape[1]
        out[:, end - array.shape[1] : end] = array
    return out


class Concat(Transformer):
    """Transformers of the same `X`, their results side by side; like scikit-learn's FeatureUnion, without a copy.

    Parameters
    ----------
    transformers : list of (str, transformer)
        Each with a name, by which its parameters are set: ``set_params(hog__orientations=12)``.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of a table's columns; there only where the fit was of one with names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.features import HOG, ColorHistogram
    >>> both = Concat([("hog", HOG(cells_per_block=(2, 2))), ("color", ColorHistogram())])
    >>> both.fit_transform(np.zeros((5, 32, 32, 3), np.uint8)).shape
    (5, 516)
    """

    def __init__(self, transformers: Sequence[tuple[str, Any]]) -> None:
        self.transformers = transformers

    @property
    def _needs_fit(self) -> bool:  # type: ignore[override]
        return any(getattr(transformer, "_needs_fit", True) for _, transformer in self.transformers)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """`transformers`; with `deep` each by its name, and each one's parameters as ``name__parameter``."""
        params: dict[str, Any] = {"transformers": self.transformers}
        if deep:
            for name, transformer in self.transformers:
                params[name] = transformer
                params |= {f"{name}__{inner}": value for inner, value in transformer.get_params(deep=True).items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set `transformers`, one of them by its name, or a parameter of one as ``name__parameter``."""
        known = self.get_params(deep=True)
        for name in params:
            if name not in known:
                raise ValueError(f"{name!r} is no parameter of Concat; there are {', '.join(known)}")
        self.transformers = params.pop("transformers", self.transformers)
        self.transformers = [(name, params.pop(name, transformer)) for name, transformer in self.transformers]
        for name, transformer in self.transformers:
            inner = {key.removeprefix(f"{name}__"): params[key] for key in params if key.startswith(f"{name}__")}
            transformer.set_params(**inner)
        return self

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit each transformer on `X`."""
        self._check_names()
        array = _arrays.as_array(X, "X")  # as `transform` passes it on
        for _, transformer in self.transformers:
            transformer.fit(array, y)
        self._note(X, int(np.prod(array.shape[1:])))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Each transformer's result, in their order, as one array (N, sum of their features)."""
        self._check_names()
        self._check_columns(X)
        return self._in_output(self._transformed(X), X)

    def _transformed(self, X: Any) -> np.ndarray:
        if not all(isinstance(transformer, ImageTransformer) for _, transformer in self.transformers):
            return self._by_parts(_arrays.as_array(X, "X"))
        # Image transformers write into their columns of the result.
        jobs = []
        for _, transformer in self.transformers:
            batch = _images.as_image_batch(X, getattr(transformer, "image_shape_", transformer.image_shape))
            height, width, channels = batch.pixels.shape[1:]
            transformer._check_width(height * width * channels)
            dtype = _images.result_dtype(batch, transformer.dtype)
            jobs.append((transformer, batch, transformer._n_out((height, width, channels)), dtype))
        out = np.empty((len(jobs[0][1].pixels), sum(n_out for _, _, n_out, _ in jobs)), _common(job[3] for job in jobs))
        end = 0
        for transformer, batch, n_out, dtype in jobs:
            end += n_out
            if dtype == out.dtype:
                transformer._write(batch, out[:, end - n_out : end])
            else:
                out[:, end - n_out : end] = transformer.transform(X)
        return out

    def _by_parts(self, X: np.ndarray) -> np.ndarray:
        """A few rows at a time, so that no transformer's result is ever held whole beside that of all."""
        if X.ndim == 0:
            raise ValueError(f"X has shape {X.shape}; wanted is rows, or images")
        out: np.ndarray | None = None
        for start in range(0, max(len(X), 1), _PART_ROWS):
            rows = X[start : start + _PART_ROWS]
            part = concat(*(transformer.transform(rows) for _, transformer in self.transformers))
            if out is None:
                out = np.empty((len(X), part.shape[1]), part.dtype)
            out[start : start + len(part)] = part
        assert out is not None  # of no rows there is one part
        return out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: the transformer's, two underscores, and its own."""
        columns = self._column_names(input_features)
        names = [
            f"{name}__{column}"
            for name, transformer in self.transformers
            for column in transformer.get_feature_names_out(columns)
        ]
        return np.array(names, dtype=object)

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The states of the transformers, of which each must be of this package; arrays are called ``name.array``."""
        fitted = {name: listed(vars(self)[name]) for name in self._plain if name in vars(self)}
        plain: dict[str, Any] = {"fitted": fitted, "transformers": []}
        arrays: dict[str, np.ndarray] = {}
        for name, transformer in self.transformers:
            if type(transformer).__module__.partition(".")[0] != "fastlin":
                raise TypeError(f"{name!r} is {type(transformer).__name__}; wanted is one of fastlin's, to be saved")
            inner, inner_arrays = transformer.get_state()
            plain["transformers"].append({"name": name, "class": type(transformer).__name__, "state": inner})
            arrays |= {f"{name}.{key}": array for key, array in inner_arrays.items()}
        return plain, arrays

    @classmethod
    @refusing
    def from_state(cls, plain: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The transformer whose `get_state` gave these; ValueError for what no `get_state` gives."""
        package = importlib.import_module("fastlin.features")
        transformers = []
        for entry in plain["transformers"]:
            name, class_name = entry["name"], entry["class"]
            kind = getattr(package, class_name, None) if class_name in package.__all__ else None
            if not (isinstance(kind, type) and hasattr(kind, "from_state")):
                raise ValueError(f"the state names {class_name!r}; wanted is a transformer of fastlin.features")
            own = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            transformers.append((name, kind.from_state(entry["state"], own)))
        self = cls(transformers)
        self._check_names()
        self._restore(plain["fitted"])
        return self

    def _check_names(self) -> None:
        if not isinstance(self.transformers, Sequence):
            raise TypeError(f"transformers is {self.transformers!r}; wanted is pairs of a name and a transformer")
        for step in self.transformers:
            if not isinstance(step, tuple | list) or len(step) != 2 or not isinstance(step[0], str):
                raise TypeError(f"transformers holds {step!r}; wanted is pairs of a name and a transformer")
        names = [name for name, _ in self.transformers]
        if not names or len(set(names)) < len(names) or any("__" in name or "." in name for name in names):
            raise ValueError(
                f"transformers has the names {names}; wanted is at least one, each of its own, without '__' and '.'"
            )


def _common(dtypes: Any) -> np.dtype:
    return _arrays.FLOAT64 if _arrays.FLOAT64 in set(dtypes) else _arrays.FLOAT32
