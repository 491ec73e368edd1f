"""Models as ONNX: the graph of the right operators, and the same labels and scores from another runtime."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastlin
from fastlin import LinearClassifier, SoftmaxClassifier
from fastlin.formats import _onnx, to_onnx
from fastlin.formats._protobuf import message
from fastlin.linear_model import NotFittedError


@pytest.fixture(scope="module")
def fashion():
    return fastlin.datasets.load_fashion_mnist_small()


def images(n_classes, dtype="uint8"):
    rng = np.random.default_rng(0)
    y = np.arange(300) % n_classes
    X = rng.integers(0, 160, (300, 4, 3, 2)) + (y[:, None, None, None] * rng.integers(0, 30, (4, 3, 2)))
    return X.astype(dtype), y


def run(path, X):
    """The outputs by name, in the file's order."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, {given.name: X}), strict=True))


def assert_agrees(model, X, outputs):
    """Scores to rounding; the same label wherever the two best scores are farther apart than that."""
    computed = np.float64 if X.dtype == np.float64 else np.float32
    assert list(outputs) == (["label", "probabilities", "scores"] if model.loss == "softmax" else ["label", "scores"])
    ours = model._score_per_class(X)
    assert outputs["scores"].dtype == computed and outputs["scores"].shape == ours.shape
    terms = np.abs(X.reshape(len(X), -1).astype(np.float64)) @ np.abs(model.coef_).max(axis=0) + 1
    rounding = np.finfo(computed).eps * 8 * terms
    assert (np.abs(outputs["scores"] - ours) <= rounding[:, None]).all()
    best = np.sort(ours, axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * rounding
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(outputs["label"][clear], model.predict(X)[clear])
    if model.loss == "softmax":
        np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), atol=2 * rounding.max())


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("input_dtype", ["uint8", "float32", "float16", "float64"])
@pytest.mark.parametrize("flat", [False, True])
def test_onnxruntime_agrees(tmp_path, loss, n_classes, input_dtype, flat):
    X, y = images(n_classes)
    model = LinearClassifier(loss, random_state=0).fit(X, y)
    path = tmp_path / "m.onnx"
    to_onnx(model, path, input_dtype=input_dtype, input_shape=(24,) if flat else None)
    X = X.reshape(len(X), -1) if flat else X
    assert_agrees(model, X.astype(input_dtype), run(path, X.astype(input_dtype)))
    assert [len(output) for output in run(path, X[:0].astype(input_dtype)).values()] == [0] * (2 + (loss == "softmax"))
    # A model fitted on float64 rows, whose weights are float64, scores float32 and uint8 rows in float32.
    model = LinearClassifier(loss, random_state=0).fit(X.astype(np.float64), y)
    to_onnx(model, path, input_dtype=input_dtype)
    assert_agrees(model, X.astype(input_dtype), run(path, X.astype(input_dtype)))


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (np.array(["ant", "", "cät\U0001f41d"]), object), (np.array(["a", "b", "c"], object), object),
        (np.array([5, -(2**62), 2**62]), np.int64), (np.array([5, 3, 200], np.uint8), np.int64),
        (np.array([0.0, 2.0, -4.0]), np.float64), (np.array([False, True]), np.bool_),
    ],
)  # fmt: skip
def test_labels(tmp_path, labels, dtype):
    X, y = images(len(labels))
    model = SoftmaxClassifier(random_state=0).fit(X, labels[y])
    to_onnx(model, tmp_path / "m.onnx", input_dtype="uint8")
    label = run(tmp_path / "m.onnx", X)["label"]
    assert label.dtype == dtype and (label.tolist() == model.predict(X).tolist())


def test_ties_go_to_the_first_class(tmp_path):
    X, y = images(2)
    for n_classes in (2, 3):
        X, y = images(n_classes)
        model = SoftmaxClassifier(random_state=0).fit(X, y)
        model.coef_[...] = 0
        model.intercept_[...] = 0
        to_onnx(model, tmp_path / "m.onnx", input_dtype="uint8")
        outputs = run(tmp_path / "m.onnx", X)
        assert (outputs["label"] == 0).all() and (model.predict(X) == 0).all()
        np.testing.assert_allclose(outputs["probabilities"], 1 / n_classes)


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_ten_thousand_images(tmp_path, fashion, loss, input_dtype):
    X = np.concatenate([fashion.X_train, fashion.X_test, fashion.X_train[:, ::-1]])[:10_000].astype(input_dtype)
    model = LinearClassifier(loss, random_state=0, max_iter=2).fit(fashion.X_train, fashion.y_train)
    to_onnx(model, tmp_path / "m.onnx", input_dtype=input_dtype)
    outputs = run(tmp_path / "m.onnx", X)
    assert len(X) == 10_000
    assert_agrees(model, X, outputs)
    # Of ten thousand rows, not one is as close as that here; on another machine one might be.
    assert (outputs["label"] != model.predict(X)).sum() <= 1


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("input_dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [None, (24,), (2, 2, 6)])
def test_the_checker_of_onnx_accepts_it(tmp_path, loss, n_classes, input_dtype, shape):
    onnx = pytest.importorskip("onnx")
    X, y = images(n_classes)
    model = LinearClassifier(loss, random_state=0, max_iter=1).fit(X, np.array(["a", "b", "c"])[y])
    path = tmp_path / "m.onnx"
    to_onnx(model, path, input_dtype=input_dtype, input_shape=shape)
    read = onnx.load(path)
    onnx.checker.check_model(read, full_check=True)
    assert read.SerializeToString() == path.read_bytes()  # no field is unknown to it, or out of order
    assert [(opset.domain, opset.version) for opset in read.opset_import] == [("", _onnx.OPSET)]
    assert read.ir_version == _onnx.IR_VERSION and read.producer_name == "fastlin"
    operators = {node.op_type for node in read.graph.node}
    wanted = {"Gemm", "ArgMax", "Gather"} | ({"Softmax"} if loss == "softmax" else set())
    wanted |= (set() if shape == (24,) else {"Flatten"}) | ({"Cast"} if input_dtype == "uint8" else set())
    assert operators == wanted
    sizes = [size.dim_param or size.dim_value for size in read.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["N", *(shape or (4, 3, 2))]
    facts = {entry.key: entry.value for entry in read.metadata_props}
    assert facts["loss"] == loss and json.loads(facts["classes"]) == model.classes_.tolist()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    X, y = images(3)
    for name in "ab":
        to_onnx(SoftmaxClassifier(random_state=0).fit(X, y), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_wire_format():
    """The examples of the protocol buffers' own guide: 150 in field 1, "testing" in field 2, a message in field 3."""
    assert message((1, 150)) == bytes.fromhex("089601")
    assert message((2, "testing")) == bytes.fromhex("120774657374696e67")
    assert message((3, message((1, 150)))) == bytes.fromhex("1a03089601")
    assert message((16, 0), (1, 2**63 - 1)) == bytes.fromhex("800100") + b"\x08" + b"\xff" * 8 + b"\x7f"
    assert message() == b""


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_dtype": "int8"}, ValueError, "input_dtype is 'int8'; wanted is one of 'float32', 'uint8'"),
        ({"input_shape": (23,)}, ValueError, r"input_shape is \(23,\); wanted is \(24,\), or"),
        ({"input_shape": (4, 6)}, ValueError, r"input_shape is \(4, 6\); wanted is \(24,\), or"),
        ({"input_shape": (-4, -6, 1)}, ValueError, "input_shape is -4; wanted"),
        ({"input_shape": 24}, TypeError, r"input_shape is 24; wanted is \(n_features,\)"),
        ({"input_shape": (24.0,)}, TypeError, r"input_shape is \(24.0,\); wanted"),
    ],
)
def test_what_is_refused(tmp_path, arguments, error, message):
    X, y = images(3)
    with pytest.raises(error, match=message):
        to_onnx(SoftmaxClassifier(max_iter=1).fit(X, y), tmp_path / "m.onnx", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_models_that_are_refused(tmp_path):
    X, y = images(2)
    for labels in (np.array([b"a", b"b"]), np.array([0, 2**63], np.uint64), np.array([0, 1], object)):
        with pytest.raises(TypeError, match=r"classes_ has dtype .* wanted is strings, or integers"):
            to_onnx(SoftmaxClassifier(max_iter=1).fit(X, labels[y]), tmp_path / "m.onnx")
    with pytest.raises(NotFittedError):
        to_onnx(SoftmaxClassifier(), tmp_path / "m.onnx")
    with pytest.raises(TypeError, match="model is a str"):
        to_onnx("m", tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []
