"""A saved model: named arrays and a header of plain facts, in an uncompressed .npz or in safetensors.

docs/model_file.md describes both. Nothing is unpickled, ever. A file is read by the letter of the format,
every size checked against what the file really holds before memory is asked for, so that a truncated, corrupt or
hostile one is refused with its name.
"""

from __future__ import annotations

import json
import math
import os
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastlin import _labels, _npz, _safetensors
from fastlin._files import as_path, read_whole, write_atomically
from fastlin._labels import Meaning
from fastlin.training import FeatureStatistics, FitState, History

FORMAT = "fastlin-model"
VERSION = 1

_HEADER = "header"
_CHECKSUM = "crc32"
_STATISTICS = ("mean", "variance", "low", "high")
_FLOATS = (np.float32, np.float64)
# Booleans, integers, floats, and strings: all that a model is made of, and nothing that could carry code.
_KINDS = "biufUS"
# Whole numbers up to here are exact as float64 too, which the learning rates are computed in.
_MOST_STEPS = 2**53
# An array of strings takes as much for each as for the longest: a bound on what a small file may ask for.
_MOST_STRING_BYTES = 1 << 26
# What a file does not hold, such as a generator: the model that is read has the default there.
_NOT_PLAIN = object()
# Nor does it hold, or say to a reader, which file of his to write to.
_NOT_KEPT = ("callbacks", "checkpoint")


class ModelFileError(ValueError):
    """A file is not a model that this version can read."""


def save(model: Any, state: FitState, path: str | os.PathLike[str]) -> None:
    """Write a fitted linear model and its state to `path`; parameters that no fit would take are refused."""
    write(path, *pack(model, state))


def pack(model: Any, state: FitState) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a fitted linear model; `unpack` is the way back."""
    model._check_params(model.classes_)
    params = {name: _plain(value) for name, value in model.get_params(deep=False).items() if name not in _NOT_KEPT}
    for name, value in params.items():  # of those that no fit of this kind looks at
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value!r}, which a model file cannot hold; wanted is a finite number")
    header = {
        "model": type(model).__name__,
        "params": {name: value for name, value in params.items() if value is not _NOT_PLAIN},
        "image_shape": model.image_shape_,
        "n_steps": state.n_steps,
        "rate": state.rate,
        "alpha": state.alpha if math.isfinite(state.alpha) else None,
        "rows_seen": state.rows_seen,
        "object_classes": model.classes_.dtype == object,
    }
    classes = model.classes_
    if classes.dtype == object:
        if not all(isinstance(label, str) for label in classes):
            raise TypeError("classes_ holds objects other than strings, which a model file cannot hold; fit to strings")
        strings = classes.astype(str)
        if not np.array_equal(strings.astype(object), classes):  # NumPy drops NULs at the ends
            raise ValueError("classes_ holds a string that ends with NUL, which no model file can hold; fit to another")
        classes = strings
    arrays = {"classes": classes, "coef": model.coef_, "intercept": model.intercept_}
    if state.statistics is not None:
        header["resolution"] = state.statistics.resolution
        header["weight"] = state.statistics.weight
        arrays |= {f"statistics/{name}": getattr(state.statistics, name) for name in _STATISTICS}
    arrays |= {f"history/{name}": column for name, column in state.history.items()}
    arrays["class_counts"] = model._class_counts
    if hasattr(model, "feature_names_in_"):
        header["feature_names"] = model.feature_names_in_.tolist()
    return header, arrays


def load(
    path: str | os.PathLike[str], model_classes: Mapping[str, type]
) -> tuple[Any, FitState, Meaning]:
    """The model, its state and what its numbers mean from `path`; `model_classes` says which models there may be."""
    header, arrays = read(path)
    try:
        return unpack(header, arrays, model_classes)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise refusal(path, error) from error


def unpack(
    header: dict[str, Any], arrays: dict[str, np.ndarray], model_classes: Mapping[str, type]
) -> tuple[Any, FitState, Meaning]:
    """What `pack` packed: the model, its state and what its numbers mean; errors of many kinds where it is not so."""
    model = model_classes[header["model"]](**_read_params(header["params"]))
    classes, coef, intercept = arrays["classes"], arrays["coef"], arrays["intercept"]
    _check("classes", np.array_equal(_labels.as_classes(classes), classes))
    model._check_params(classes)
    n_rows = 1 if len(classes) == 2 else len(classes)
    of_objects = header["object_classes"]
    _check("object_classes", type(of_objects) is bool and (classes.dtype.kind == "U" or not of_objects))
    _check("coef", coef.ndim == 2 and len(coef) == n_rows and coef.dtype in _FLOATS and bool(np.isfinite(coef).all()))
    _check(
        "intercept",
        intercept.shape == (n_rows,) and intercept.dtype == coef.dtype and bool(np.isfinite(intercept).all()),
    )
    n_features = coef.shape[1]
    _check("coef", n_features >= 1)
    statistics = None
    if "resolution" in header:
        vectors = [arrays[f"statistics/{name}"] for name in _STATISTICS]
        for name, vector in zip(_STATISTICS, vectors, strict=True):
            finite = vector.shape == (n_features,) and vector.dtype == np.float64 and bool(np.isfinite(vector).all())
            _check(f"statistics/{name}", finite and (name != "variance" or bool((vector >= 0).all())))
        mean, variance, low, high = vectors
        with np.errstate(over="ignore"):
            _check("statistics", bool(np.isfinite([high - mean, mean - low]).all()))
        _check("resolution", header["resolution"] <= 1)
        statistics = FeatureStatistics(
            _number(header, "weight"), mean, variance, low, high, _number(header, "resolution")
        )
    image_shape = header["image_shape"]
    if image_shape is not None:
        _check("image_shape", all(type(n) is int and n > 0 for n in image_shape) and len(image_shape) == 3)
        _check("image_shape", image_shape[0] * image_shape[1] * image_shape[2] == n_features)
        image_shape = tuple(image_shape)
    # Files of before there were all of the columns have fewer.
    columns = {name: arrays[f"history/{name}"] for name in History() if f"history/{name}" in arrays}
    for name in ("epoch", "loss", "penalty", "accuracy", "rate", "seconds", "rows_per_second"):
        _check(f"history/{name}", name in columns)
    for name in columns:
        empty = History()[name]
        right = columns[name].dtype == empty.dtype and columns[name].shape == (len(columns["epoch"]),)
        _check(f"history/{name}", right)
    _check("history/epoch", np.array_equal(columns["epoch"], np.arange(1, len(columns["epoch"]) + 1)))
    n_steps = header["n_steps"]
    _check("n_steps", type(n_steps) is int and 0 <= n_steps <= _MOST_STEPS)
    rng = np.random.Generator(np.random.PCG64(model.random_state))
    # Files of before alpha came from the data have it among the parameters.
    alpha = header.get("alpha") if "alpha" in header else model.alpha
    state = FitState(
        coef, intercept, rng, statistics=statistics, rows_seen=_number(header, "rows_seen"),
        n_steps=n_steps, rate=_number(header, "rate"), history=History.from_columns(columns),
        alpha=math.nan if alpha is None else _number({"alpha": alpha}, "alpha"),
    )  # fmt: skip
    # Files of before there were counts of the rows and names of the features have none.
    counts = arrays.get("class_counts", np.zeros(len(classes)))
    right = counts.shape == (len(classes),) and counts.dtype == np.float64
    _check("class_counts", right and bool((np.isfinite(counts) & (counts >= 0)).all()))
    names = header.get("feature_names")
    if names is not None:
        right = isinstance(names, list) and len(names) == n_features and all(type(name) is str for name in names)
        _check("feature_names", right)
        names = np.array(names, dtype=object)
    return model, state, Meaning(classes.astype(object) if of_objects else classes, counts, image_shape, names)


def _plain(value: Any) -> Any:
    """A parameter as JSON holds it: numbers, strings and None as they are, a dict as {"pairs": [[key, value], ...]}."""
    if isinstance(value, np.generic):
        value = value.item()
    if _is_plain(value):
        return value
    if isinstance(value, dict):
        pairs = [[_plain(key), _plain(entry)] for key, entry in value.items()]
        if not any(_NOT_PLAIN in pair for pair in pairs):
            return {"pairs": pairs}
    return _NOT_PLAIN


def _read_params(params: Any) -> dict[str, Any]:
    """The parameters that `_plain` made JSON of; their values are checked by the model."""
    _check("params", isinstance(params, dict))
    read = {}
    for name, value in params.items():
        if isinstance(value, dict):
            pairs = value.get("pairs", [])
            _check(f"params.{name}", value.keys() == {"pairs"} and isinstance(pairs, list))
            _check(f"params.{name}", all(isinstance(pair, list) and len(pair) == 2 for pair in pairs))
            _check(f"params.{name}", all(_is_plain(part) for pair in pairs for part in pair))
            value = dict(pairs)
        else:
            _check(f"params.{name}", _is_plain(value))
        if name not in _NOT_KEPT:
            read[name] = value
    seed = read.get("random_state")
    _check("params.random_state", seed is None or type(seed) is int)
    return read


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _number(header: dict[str, Any], name: str) -> float:
    value = header[name]
    _check(name, type(value) in (int, float) and 0 <= value <= sys.float_info.max)
    return float(value)


def _check(name: str, right: bool) -> None:
    if not right:
        raise ValueError(f"its {name} is not what a model has there")


def check_name(path: str | os.PathLike[str]) -> None:
    """Refuse what is no path, and a name that promises another format."""
    name = as_path(path)
    if name.lower().endswith(".onnx"):
        raise ValueError(f"path is {name!r}; wanted is a name in .npz or .safetensors: formats.to_onnx writes ONNX")


def write(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `header` and `arrays` to `path`, atomically: as safetensors where its name ends so, else as .npz."""
    check_name(path)
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, allow_nan=False)
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            raise TypeError(
                f"{name} has dtype {array.dtype}, which a model file cannot hold; wanted is numbers or strings"
            )
    if os.fspath(path).lower().endswith(".safetensors"):
        content = _as_safetensors(text, arrays)
        write_atomically(path, lambda file: file.write(content))
    else:
        members = {_HEADER: np.array(text), **arrays}
        write_atomically(path, lambda file: _npz.write(file, members))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of the model file at `path`, of either container: the content tells which.

    Raises
    ------
    OSError
        When there is no such file, or it may not be read.
    ModelFileError
        When it is not a model file, is damaged, or comes from a later version of the format.
    """
    content = read_whole(path)
    try:
        text, arrays = (_from_safetensors if _safetensors.looks_like(content) else _from_npz)(content)
        header = _safetensors.as_object(text)
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r:.80}, not {FORMAT!r}")
        version = header["version"]
    # Parsers fed with arbitrary bytes fail in a dozen ways, from BadZipFile to RecursionError; all mean the same here.
    except Exception as error:
        raise refusal(path, error) from error
    if version != VERSION:
        raise ModelFileError(
            f"{os.fspath(path)!r} is a model file of version {version!r:.80}; this fastlin reads version {VERSION}"
        )
    return header, arrays


def refusal(path: str | os.PathLike[str], error: Exception) -> ModelFileError:
    """What to say of a file whose reading ended in `error`."""
    why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
    return ModelFileError(f"{os.fspath(path)!r} is not a model file, or is damaged: {why:.300}")


def _from_npz(content: bytes) -> tuple[str, dict[str, np.ndarray]]:
    arrays = _npz.parse(content, _KINDS)
    return arrays.pop(_HEADER).item(), arrays


# safetensors has no strings and no checksum: both are in its metadata.


def _as_safetensors(text: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    metadata, tensors = {_HEADER: text}, {}
    for name, array in arrays.items():
        if array.dtype.kind == "S":
            raise TypeError(f"{name} has dtype {array.dtype}, which safetensors cannot hold; wanted is .npz for bytes")
        if array.dtype.kind == "U":
            if array.nbytes > _MOST_STRING_BYTES:
                raise ValueError(f"{name} takes {array.nbytes} bytes; wanted is at most {_MOST_STRING_BYTES}")
            metadata[name] = json.dumps(array.tolist())
        else:
            tensors[name] = array
    metadata[_CHECKSUM] = _checksum(metadata, tensors)
    return _safetensors.dump(tensors, metadata)


def _from_safetensors(content: bytes) -> tuple[str, dict[str, np.ndarray]]:
    arrays, metadata = _safetensors.parse(content)
    if _HEADER not in metadata:
        raise ValueError("it is safetensors, but its metadata has no header of a model")
    if metadata.pop(_CHECKSUM, None) != _checksum(metadata, arrays):
        raise ValueError(f"its {_CHECKSUM} is not that of what it holds")
    text = metadata.pop(_HEADER)
    for name, values in metadata.items():
        strings = _safetensors.as_object(f'{{"": {values}}}')[""]
        if name in arrays or not isinstance(strings, list) or not all(isinstance(value, str) for value in strings):
            raise ValueError(f"its {name} is not a list of strings, or there twice")
        if 4 * len(strings) * max(map(len, strings), default=0) > _MOST_STRING_BYTES:
            raise ValueError(f"its {name} takes more than {_MOST_STRING_BYTES} bytes")
        arrays[name] = np.array(strings, str)
    return text, arrays


def _checksum(metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """CRC-32 of all names and values, each value after its name, those of the metadata first, in the names' order."""
    crc = 0
    for name in sorted(metadata):
        crc = zlib.crc32(name.encode() + metadata[name].encode(), crc)
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), crc)
    return f"{crc:08x}"
