"""Export to ONNX, as a graph of a handful of standard operators.

The file is written by fastlin itself: a linear classifier takes six operators and a dozen kinds of message, and the
onnx package with its pinned protobuf is much to install for that. The tests read the files with both onnx's checker and
onnxruntime.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin._files import write_atomically
from fastlin._version import __version__
from fastlin.formats._model import weights_of
from fastlin.formats._protobuf import message
from fastlin.linear_model import LinearClassifier

# Of the end of 2020: the oldest in which each operator below has its present meaning (Softmax's axis is of 13).
OPSET = 13
IR_VERSION = 7

# Protocol buffers' own bound on a message.
_MOST_BYTES = (1 << 31) - 1

# TensorProto.DataType in onnx.proto.
_FLOAT, _UINT8, _INT64, _STRING, _BOOL, _FLOAT16, _DOUBLE = 1, 2, 7, 8, 9, 10, 11
_INPUTS = {"float32": _FLOAT, "uint8": _UINT8, "float16": _FLOAT16, "float64": _DOUBLE}


class _Tensor(NamedTuple):
    """Element type, shape and TensorProto of a constant."""

    element: int
    content: bytes


def to_onnx(
    model: LinearClassifier,
    path: str | os.PathLike[str],
    *,
    input_dtype: str = "float32",
    input_shape: tuple[int, ...] | None = None,
) -> None:
    """Write a fitted model to `path` as ONNX, atomically. Needs no other package.

    The graph is Flatten (of images), Cast, Gemm, ArgMax, Gather, and Softmax, all of the standard domain ``ai.onnx``,
    opset 13: any runtime of 2021 and later takes it.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.
    path : str or path-like
    input_dtype : {"float32", "uint8", "float16", "float64"}
        Type of the input "X". Scores are computed in float32, for float64 in float64, as the model itself does.
    input_shape : tuple of int, optional
        Shape of one row: (D,), or (H, W, channels) for images as they are stored. By default that of the images the
        model was fitted on, else (D,). The number of rows is free.

    Notes
    -----
    Outputs, in this order:

    - "label", (N,): the class; int64, string, bool, or double for labels that are floats.
    - "probabilities", (N, C), for softmax alone.
    - "scores", (N, C): `decision_function`; of two classes 0 and that.

    Of equal scores the first class wins, as in the model. A runtime sums in another order, so scores agree to rounding
    (about 1e-6 of the largest term in float32), and so does the label unless the two best scores are that close.

    Raises
    ------
    ValueError, TypeError
        For labels of bytes, objects other than strings, or integers beyond int64; a shape that has not D numbers; a
        model beyond the 2 GiB that a file may have.
    OSError
        When `path` cannot be written; what was there stays.

    Examples
    --------
    >>> import os, tempfile
    >>> from fastlin import SoftmaxClassifier
    >>> model = SoftmaxClassifier(random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_onnx(model, os.path.join(folder, "model.onnx"))
    """
    coef, intercept, classes = weights_of(model)
    _arrays.as_choice(input_dtype, "input_dtype", tuple(_INPUTS))
    shape = _row_shape(input_shape, model.image_shape_, coef.shape[1])
    if coef.nbytes > _MOST_BYTES // 2:  # float32 may become float64
        raise ValueError(f"the weights take {coef.nbytes} bytes; wanted is less than 1 GiB in an ONNX file")
    dtype = _arrays.FLOAT64 if input_dtype == "float64" else _arrays.FLOAT32
    if len(coef) == 1:  # the first class scores 0: Softmax and ArgMax then mean what the model's one score does
        coef, intercept = (np.concatenate([np.zeros_like(a), a]) for a in (coef, intercept))
    W = _arrays.as_weights(coef, coef.shape[1], dtype)
    b = intercept.astype(dtype)
    labels = _label_tensor(classes)
    content = _model(W, b, labels, _INPUTS[input_dtype], shape, model.loss == "softmax", _facts(model, classes))
    write_atomically(path, lambda file: file.write(content))


def _row_shape(given: Any, image_shape: tuple[int, ...] | None, n_features: int) -> tuple[int, ...]:
    if given is None:
        return image_shape or (n_features,)
    try:
        shape = tuple(_arrays.as_count(n, "input_shape") for n in given)
    except TypeError:
        raise TypeError(f"input_shape is {given!r}; wanted is (n_features,) or (height, width, channels)") from None
    if len(shape) not in (1, 3) or math.prod(shape) != n_features:
        raise ValueError(
            f"input_shape is {given!r}; wanted is ({n_features},), or (height, width, channels) of as many numbers"
        )
    return shape


def _label_tensor(classes: np.ndarray) -> _Tensor:
    dims = [(1, len(classes))]
    kind = classes.dtype.kind
    if kind == "U" or (kind == "O" and all(isinstance(label, str) for label in classes)):
        strings = [(6, label) for label in classes.tolist()]
        return _Tensor(_STRING, message(*dims, (2, _STRING), *strings, (8, "classes")))
    if kind in "iu" and int(classes[-1]) <= np.iinfo(np.int64).max:
        element, values = _INT64, classes.astype("<i8")
    elif kind == "b":
        element, values = _BOOL, classes
    elif kind == "f":
        element, values = _DOUBLE, classes.astype("<f8")
    else:
        raise TypeError(
            f"classes_ has dtype {classes.dtype}, and {classes[-1]!r} among them; wanted is strings, or integers that "
            "fit int64"
        )
    return _Tensor(element, message(*dims, (2, element), (8, "classes"), (9, values.tobytes())))


def _facts(model: LinearClassifier, classes: np.ndarray) -> dict[str, str]:
    """Metadata for whoever opens the file."""
    return {"model": type(model).__name__, "loss": model.loss, "classes": json.dumps(classes.tolist())}


def _model(
    W: np.ndarray, b: np.ndarray, labels: _Tensor, element: int, shape: tuple[int, ...], softmax: bool,
    facts: dict[str, str],
) -> bytes:  # fmt: skip
    """The ModelProto. Field numbers are those of onnx.proto."""
    computed = _DOUBLE if W.dtype == np.float64 else _FLOAT
    nodes, rows = [], "X"
    if len(shape) > 1:
        nodes.append(_node("Flatten", [rows], "rows", axis=1))
        rows = "rows"
    if element != computed:
        nodes.append(_node("Cast", [rows], "numbers", to=computed))
        rows = "numbers"
    nodes.append(_node("Gemm", [rows, "coef", "intercept"], "scores", transB=1))
    nodes.append(_node("ArgMax", ["scores"], "index", axis=1, keepdims=0))
    nodes.append(_node("Gather", ["classes", "index"], "label", axis=0))
    outputs = [_value("label", labels.element, "N")]
    if softmax:
        nodes.append(_node("Softmax", ["scores"], "probabilities", axis=1))
        outputs.append(_value("probabilities", computed, "N", len(W)))
    outputs.append(_value("scores", computed, "N", len(W)))
    weights = [
        message(*((1, n) for n in array.shape), (2, computed), (8, name), (9, _little(array)))
        for name, array in (("coef", W), ("intercept", b))
    ]
    graph = message(
        *((1, node) for node in nodes),
        (2, "linear_classifier"),
        *((5, tensor) for tensor in [*weights, labels.content]),
        (11, _value("X", element, "N", *shape)),
        *((12, output) for output in outputs),
    )
    return message(
        (1, IR_VERSION), (2, "fastlin"), (3, __version__), (7, graph), (8, message((1, ""), (2, OPSET))),
        *((14, message((1, key), (2, value))) for key, value in facts.items()),
    )  # fmt: skip


def _little(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _node(operator: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    integer = 2  # AttributeProto.INT
    return message(
        *((1, name) for name in inputs), (2, output), (3, operator), (4, operator),
        *((5, message((1, name), (3, value), (20, integer))) for name, value in attributes.items()),
    )  # fmt: skip


def _value(name: str, element: int, *shape: int | str) -> bytes:
    """A ValueInfoProto: a tensor whose sizes are numbers, or names where they are free."""
    dims = [(1, message((2 if isinstance(size, str) else 1, size))) for size in shape]
    return message((1, name), (2, message((1, message((1, element), (2, message(*dims)))))))
