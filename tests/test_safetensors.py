"""The safetensors format by the letter: what others write is read, what is written others read, the rest is refused."""

from __future__ import annotations

import itertools
import json
import tracemalloc

import numpy as np
import pytest

from fastlin import LinearClassifier, SoftmaxClassifier, load_model, model_file
from fastlin.formats import read_safetensors, write_safetensors
from fastlin.model_file import ModelFileError

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8", ">f4", ">i8"]


def arrays():
    rng = np.random.default_rng(0)
    made = {f"of {dtype}": (rng.random((3, 2)) * 90 > 45).astype(dtype) for dtype in DTYPES}
    return made | {"none": np.zeros((0, 4)), "number": np.array(2.5), "é": np.arange(7)[::2], "f": np.ones((2, 3)).T}


def fitted(labels=("ant", "bee", "cät")):
    X = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    return SoftmaxClassifier(random_state=0, max_iter=1).fit(X, np.array(labels)[np.arange(30) % len(labels)]), X


def container(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="U8", shape=(1,), offsets=(0, 1), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(ours[name], array)


def test_there_and_back(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", arrays(), {"a": "ü", "b": ""})
    read, metadata = read_safetensors(tmp_path / "a.safetensors")
    assert_same(read, arrays())
    assert metadata == {"a": "ü", "b": ""}
    read["number"][...] = 1  # an array of its own


def test_the_reference_implementation_reads_what_is_written_and_is_read(tmp_path):
    reference = pytest.importorskip("safetensors.numpy")
    native = {name: np.ascontiguousarray(a.astype(a.dtype.newbyteorder("="))) for name, a in arrays().items()}
    write_safetensors(tmp_path / "ours.safetensors", arrays())
    assert_same(reference.load_file(tmp_path / "ours.safetensors"), native)
    reference.save_file(native, tmp_path / "theirs.safetensors", {"k": "v"})
    read, metadata = read_safetensors(tmp_path / "theirs.safetensors")
    assert_same(read, native)
    assert metadata == {"k": "v"}
    # The bytes are the same too: both put the widest first and pad the header to eight.
    some = {"b": native["of u1"], "a": native["of f4"], "d": native["of f4"], "c": native["of f8"]}
    write_safetensors(tmp_path / "ours.safetensors", some, {"k": "v"})
    reference.save_file(some, tmp_path / "theirs.safetensors", {"k": "v"})
    assert (tmp_path / "ours.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_the_reference_implementation_reads_a_model(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    model, X = fitted()
    model.save(tmp_path / "m.safetensors")
    with safetensors.safe_open(tmp_path / "m.safetensors", "np") as file:
        scores = X @ file.get_tensor("coef").T + file.get_tensor("intercept")
        classes = json.loads(file.metadata()["classes"])
        assert json.loads(file.metadata()["header"])["model"] == "SoftmaxClassifier"
    assert [classes[i] for i in scores.argmax(axis=1)] == model.predict(X).tolist()


def test_bfloat16_is_read_as_float32(tmp_path):
    values = np.array([1.0, -2.5, 3e38, 0.0], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    path = tmp_path / "b.safetensors"
    path.write_bytes(container({"w": entry("BF16", (2, 2), (0, 8))}, halves.tobytes()))
    read = read_safetensors(path)[0]["w"]
    assert read.dtype == np.float32 and read.shape == (2, 2)
    np.testing.assert_allclose(read.ravel(), values, rtol=2**-8)
    assert read.ravel()[:2].tolist() == [1.0, -2.5]


def test_what_is_no_mapping(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(TypeError, match=r"arrays is a \w+Path; wanted is a dict"):
        write_safetensors({"x": np.ones(2)}, path)
    with pytest.raises(TypeError, match="metadata is a list"):
        write_safetensors(path, {"x": np.ones(2)}, ["of"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([b"a"]), np.array([None]), np.zeros(1, complex), np.zeros(1, "M8[s]")]
)
def test_arrays_that_it_cannot_hold(tmp_path, array):
    with pytest.raises(TypeError, match="x has dtype"):
        write_safetensors(tmp_path / "a.safetensors", {"x": array})
    assert list(tmp_path.iterdir()) == []


TWICE = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "0 bytes"),
        (b"1234567", "7 bytes"),
        (bytes(8), "not a|Expecting"),
        (container(b"{}", length=3), "said to take 3"),
        (container(b"{}", length=2**64 - 1), "said to take"),
        (container(b"[]"), "not a JSON object"),
        (container(b'{"a":'), "Expecting value"),
        (container(b'{"a": NaN}'), "holds NaN"),
        (container(TWICE, b"1"), "key twice"),
        (container(b"[" * 100_000), "nested too deeply"),
        (container(b'{"":' * 100_000), "nested too deeply"),
        (container("{}".encode("utf-16")), "codec can't decode"),
        (container({"__metadata__": {"a": 1}}), "of strings"),
        (container({"__metadata__": [1]}), "of strings"),
        (container({"a": 1}), "does not give just"),
        (container({"a": entry(more=1)}, b"1"), "does not give just"),
        (container({"a": entry("F8_E4M3")}, b"1"), "has dtype"),
        (container({"a": entry(["U8"])}, b"1"), "has dtype"),
        (container({"a": entry(shape=(-1,))}, b"1"), "has sizes"),
        (container({"a": entry(shape=(True,))}, b"1"), "has sizes"),
        (container({"a": entry(shape=(1.0,))}, b"1"), "has sizes"),
        (container({"a": entry(shape=(2**40,), offsets=(0, 2**40))}, b"1"), "not at"),
        (container({"a": entry(shape=(2**63,))}, b"1"), "has sizes"),
        (container({"a": entry(shape=(1,) * 33)}, b"1"), "has sizes"),
        (container({"a": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}), "dimension|array"),
        (container({"a": entry(offsets=(0,))}, b"1"), "not at"),
        (container({"a": entry(offsets=(1, 0))}, b"1"), "not at"),
        (container({"a": entry(offsets=(1, 2))}, b"12"), "a gap, or overlap, at byte 0"),
        (container({"a": entry(), "b": entry()}, b"1"), "a gap, or overlap"),
        (container({"a": entry()}, b"12"), "take 1 bytes, of 2"),
        (container({"a": entry("BOOL")}, b"\2"), "booleans other"),
        (container(b'{"a":{"dtype":"U8","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,1]}}', b"1"), "digits"),
    ],
    ids=itertools.count(),
)
def test_what_is_not_of_the_format_is_refused_by_name(tmp_path, content, why):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.safetensors' is not a safetensors file, or is damaged: .*({why})"):
        read_safetensors(path)
    with pytest.raises(ModelFileError, match=r"a\.safetensors' is not a model file"):
        load_model(path)


def test_a_missing_file_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_safetensors(tmp_path / "none.safetensors")


# Models


def test_the_content_and_not_the_name_tells_the_container(tmp_path):
    model, X = fitted()
    for written, named in (("m.safetensors", "m.npz"), ("n.npz", "n.safetensors"), ("o.SafeTensors", "o")):
        model.save(tmp_path / written)
        assert ((tmp_path / written).read_bytes()[8:9] == b"{") == (written != "n.npz")
        (tmp_path / written).rename(tmp_path / named)
        np.testing.assert_array_equal(load_model(tmp_path / named).predict(X), model.predict(X))


@pytest.mark.parametrize(
    "labels", [("ant", "", "\U0001f41d"), (False, True), (-5, 2**62, 7), (2**64 - 1, 3), (0.0, 2.0)]
)
def test_labels_come_back(tmp_path, labels):
    model, X = fitted(labels)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.classes_.tolist() == model.classes_.tolist() and again.classes_.dtype.kind == model.classes_.dtype.kind
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_labels_that_it_cannot_hold(tmp_path):
    model, _ = fitted((b"ant", b"bee"))
    with pytest.raises(TypeError, match=r"classes has dtype \|S3, which safetensors cannot hold; wanted is \.npz"):
        model.save(tmp_path / "m.safetensors")
    model, _ = fitted(("a", "b" * 2**24))
    with pytest.raises(ValueError, match="classes takes 134217728 bytes; wanted is at most"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_another_models_file_is_told_from_a_damaged_one(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", {"weight": np.ones((2, 3))}, {"format": "pt"})
    with pytest.raises(ModelFileError, match="it is safetensors, but its metadata has no header of a model"):
        load_model(tmp_path / "a.safetensors")


def test_every_changed_byte_is_noticed(tmp_path):
    """The format has no checksum; the model's own covers all values."""
    path = tmp_path / "m.safetensors"
    model, X = fitted()
    model.save(path)
    content = path.read_bytes()
    harmless = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            other = load_model(path)
        except ModelFileError:
            continue
        # A space that became a line's end, a name's escape: nothing that the model is made of.
        assert other.get_params() == model.get_params() and other.classes_.tolist() == model.classes_.tolist()
        np.testing.assert_array_equal(other.decision_function(X), model.decision_function(X))
        harmless += 1
    assert harmless < 10


def test_strings_of_a_small_file_do_not_take_large_memory(tmp_path):
    model, _ = fitted()
    model.save(tmp_path / "m.safetensors")
    header, found = model_file.read(tmp_path / "m.safetensors")
    content, metadata = read_safetensors(tmp_path / "m.safetensors")
    # NumPy gives each string the room of the longest: a hundred kilobytes would become three gigabytes.
    metadata = {"header": metadata["header"], "classes": json.dumps([""] * 20_000 + ["x" * 40_000])}
    metadata["crc32"] = model_file._checksum(metadata, content)
    write_safetensors(tmp_path / "m.safetensors", content, metadata)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="classes takes more than"):
        load_model(tmp_path / "m.safetensors")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
    assert header["model"] == "SoftmaxClassifier" and found["classes"].tolist() == ["ant", "bee", "cät"]


def test_partial_fit_goes_on_from_a_loaded_model(tmp_path):
    model, X = fitted()
    model.save(tmp_path / "m.safetensors")
    labels = model.classes_[np.arange(30) % 3]
    ours = LinearClassifier.load(tmp_path / "m.safetensors").partial_fit(X, labels)
    model.save(tmp_path / "m.npz")
    theirs = LinearClassifier.load(tmp_path / "m.npz").partial_fit(X, labels)
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)
