"""A saved model: named arrays and a header of plain facts in an uncompressed .npz, as docs/model_file.md describes it.

Nothing is unpickled, ever. A file is read by the letter of the format, every size checked against what the file really
holds before memory is asked for, so that a truncated, corrupt or hostile one is refused with its name.
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastlin import _labels
from fastlin._files import write_atomically
from fastlin.training import FeatureStatistics, FitState, History

FORMAT = "fastlin-model"
VERSION = 1

_HEADER = "header"
_STATISTICS = ("mean", "variance", "low", "high")
_FLOATS = (np.float32, np.float64)
# Booleans, integers, floats, and strings: all that a model is made of, and nothing that could carry code.
_KINDS = "biufUS"
# Whole numbers up to here are exact as float64 too, which the learning rates are computed in.
_MOST_STEPS = 2**53


class ModelFileError(ValueError):
    """A file is not a model that this version can read."""


def save(model: Any, state: FitState, path: str | os.PathLike[str]) -> None:
    """Write a fitted linear model and its state to `path`."""
    params = {
        name: value.item() if isinstance(value, np.generic) else value for name, value in model.get_params().items()
    }
    if not isinstance(params["random_state"], int):
        params["random_state"] = None
    header = {
        "model": type(model).__name__,
        "params": params,
        "image_shape": model.image_shape_,
        "n_steps": state.n_steps,
        "rate": state.rate,
        "rows_seen": state.rows_seen,
        "object_classes": model.classes_.dtype == object,
    }
    classes = model.classes_
    if classes.dtype == object:
        if not all(isinstance(label, str) for label in classes):
            raise TypeError("classes_ holds objects other than strings, which a model file cannot hold; fit to strings")
        classes = classes.astype(str)
    arrays = {"classes": classes, "coef": model.coef_, "intercept": model.intercept_}
    if state.statistics is not None:
        header["resolution"] = state.statistics.resolution
        header["weight"] = state.statistics.weight
        arrays |= {f"statistics/{name}": getattr(state.statistics, name) for name in _STATISTICS}
    arrays |= {f"history/{name}": column for name, column in state.history.items()}
    write(path, header, arrays)


def load(
    path: str | os.PathLike[str], model_classes: Mapping[str, type]
) -> tuple[Any, FitState, np.ndarray, tuple[int, ...] | None]:
    """The model, its state, classes and image shape from `path`; `model_classes` says which models there may be."""
    header, arrays = read(path)
    try:
        return _model(header, arrays, model_classes)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{os.fspath(path)!r} is not a model file, or is damaged: {error}") from error


def _model(header, arrays, model_classes):
    model = model_classes[header["model"]](**_checked_params(header["params"]))
    classes, coef, intercept = arrays["classes"], arrays["coef"], arrays["intercept"]
    n_rows = 1 if len(classes) == 2 else len(classes)
    _check("classes", np.array_equal(_labels.as_classes(classes), classes))
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
        statistics = FeatureStatistics(_number(header, "weight"), *vectors, _number(header, "resolution"))
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
    state = FitState(
        coef, intercept, rng, statistics=statistics, rows_seen=_number(header, "rows_seen"),
        n_steps=n_steps, rate=_number(header, "rate"), history=History.from_columns(columns),
    )  # fmt: skip
    return model, state, classes.astype(object) if of_objects else classes, image_shape


def _checked_params(params: dict[str, Any]) -> dict[str, Any]:
    _check("params", isinstance(params, dict))
    for name, value in params.items():
        _check(f"params.{name}", value is None or isinstance(value, bool | int | float | str))
    seed = params.get("random_state")
    _check("params.random_state", seed is None or (type(seed) is int and seed >= 0))
    return params


def _number(header: dict[str, Any], name: str) -> float:
    value = header[name]
    _check(name, type(value) in (int, float) and 0 <= value <= sys.float_info.max)
    return float(value)


def _check(name: str, right: bool) -> None:
    if not right:
        raise ValueError(f"its {name} is not what a model has there")


def write(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `header` and `arrays` to `path`, atomically."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, allow_nan=False)
    members = {_HEADER: np.array(text), **arrays}
    for name, array in members.items():
        if array.dtype.kind not in _KINDS:
            raise TypeError(
                f"{name} has dtype {array.dtype}, which a model file cannot hold; wanted is numbers or strings"
            )
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **members))


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of the model file at `path`.

    Raises
    ------
    OSError
        When there is no such file, or it may not be read.
    ModelFileError
        When it is not a model file, is damaged, or comes from a later version of the format.
    """
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            members = {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries}
        if len(members) < len(entries):
            raise ValueError("it has two members of one name")
        header = json.loads(members.pop(_HEADER).item())
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
        version = header["version"]
    # Parsers fed with arbitrary bytes fail in a dozen ways, from BadZipFile to RecursionError; all mean the same here.
    except Exception as error:
        raise ModelFileError(f"{os.fspath(path)!r} is not a model file, or is damaged: {error}") from error
    if version != VERSION:
        raise ModelFileError(
            f"{os.fspath(path)!r} is a model file of version {version!r}; this fastlin reads version {VERSION}"
        )
    return header, members


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ValueError(f"its member {entry.filename!r} is compressed")
    content = archive.read(entry)  # checks the member's CRC-32
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"its member {entry.filename!r} is not an array of the .npy format 1.0")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in _KINDS or dtype.itemsize == 0 or fortran_order:
        raise ValueError(f"its member {entry.filename!r} has dtype {dtype}, or is not in C order")
    data = content[stream.tell() :]
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size != len(data) or any(length < 0 for length in shape):
        raise ValueError(f"its member {entry.filename!r} holds {len(data)} bytes where its shape {shape} takes {size}")
    return np.ndarray(shape, dtype, data).copy()
