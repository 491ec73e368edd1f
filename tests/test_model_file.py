"""Saved models: the same bits back, and nothing else accepted."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import re
import stat
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

from fastlin import formats, model_file
from fastlin._files import check_writable
from fastlin.linear_model import LinearClassifier, NotFittedError, SoftmaxClassifier, SVMClassifier, load_model
from fastlin.model_file import ModelFileError


def rows(n_classes, dtype):
    rng = np.random.default_rng(0)
    y = np.arange(120) % n_classes
    return (rng.standard_normal((120, 12)) * 20 + 5 * y[:, None] + 100).astype(dtype), y


@pytest.fixture
def saved(tmp_path):
    X, y = rows(3, np.float32)
    path = tmp_path / "model.npz"
    SoftmaxClassifier(random_state=0, max_iter=2).fit(X.reshape(-1, 2, 2, 3), y).save(path)
    return path


@pytest.mark.parametrize(
    "model", [LinearClassifier("squared_hinge"), SoftmaxClassifier(standardize=False), SVMClassifier(margin=2.0)]
)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("labels", [["a", "bb", "c"], [5, 6, 9]])
@pytest.mark.parametrize("as_object", [False, True])
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_comes_back_to_the_same_bits(tmp_path, model, n_classes, dtype, labels, as_object, suffix):
    X, y = rows(n_classes, dtype)
    labels = np.array(labels)[y]
    if as_object:  # objects other than strings are refused, see below
        labels = labels.astype(object if labels.dtype.kind == "U" else float)
    model = type(model)(**model.get_params()).set_params(random_state=1, max_iter=3).fit(X, labels)
    path = tmp_path / f"model.{suffix}"
    model.save(path)
    again = load_model(path)
    assert type(again) is type(model) and again.get_params() == model.get_params()
    for name in ("coef_", "intercept_", "classes_", "shift_", "scale_"):
        ours, theirs = getattr(model, name), getattr(again, name)
        if ours is None:
            assert theirs is None
            continue
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.decision_function(X), again.decision_function(X))
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    assert {k: v.tobytes() for k, v in again.history_.items()} == {k: v.tobytes() for k, v in model.history_.items()}
    assert (again.n_iter_, again.t_, again.learning_rate_) == (model.n_iter_, model.t_, model.learning_rate_)
    assert again.partial_fit(X, labels).n_iter_ == 4
    again.save(path)  # over the old one
    assert load_model(path).n_iter_ == 4


def test_what_comes_back_is_of_its_class(saved):
    model = load_model(saved)
    assert model.image_shape_ == (2, 2, 3)
    assert isinstance(SoftmaxClassifier.load(saved), SoftmaxClassifier)
    assert isinstance(LinearClassifier.load(saved), SoftmaxClassifier)
    with pytest.raises(TypeError, match="holds a SoftmaxClassifier; wanted is a SVMClassifier"):
        SVMClassifier.load(saved)


def test_the_documented_reading_works(saved):
    """As docs/model_file.md writes it."""
    X = rows(3, np.float32)[0]
    with np.load(saved, allow_pickle=False) as file:
        header = json.loads(file["header"].item())
        scores = X.reshape(len(X), -1) @ file["coef"].T + file["intercept"]
        labels = file["classes"][scores.argmax(axis=1)]
    assert header["format"] == "fastlin-model" and header["version"] == 1
    np.testing.assert_array_equal(labels, load_model(saved).predict(X))


def test_unsaveable(tmp_path):
    with pytest.raises(NotFittedError):
        LinearClassifier().save(tmp_path / "model.npz")
    X, y = rows(2, np.float32)
    model = LinearClassifier(max_iter=1).fit(X, y.astype(object))
    with pytest.raises(TypeError, match="objects other than strings"):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_generator_is_saved_as_none(tmp_path):
    X, y = rows(2, np.float32)
    LinearClassifier(max_iter=1, random_state=np.random.default_rng(0), alpha=np.float64(0.5)).fit(X, y).save(
        tmp_path / "m.npz"
    )
    assert load_model(tmp_path / "m.npz").get_params()["random_state"] is None
    assert load_model(tmp_path / "m.npz").alpha == 0.5


def test_parameters_that_no_fit_would_take_are_not_saved(tmp_path):
    X, y = rows(2, np.float32)
    model = LinearClassifier(max_iter=1).fit(X, y)
    for params in (
        {"alpha": -1}, {"random_state": -1}, {"loss": "hing"}, {"max_iter": 0}, {"eta0": 0}, {"power_t": np.nan}
    ):  # fmt: skip
        name = next(iter(params))
        with pytest.raises(ValueError, match=f"{name} is "):
            LinearClassifier.load(save_to(tmp_path / "a.npz", model)).set_params(**params).save(tmp_path / "b.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def save_to(path, model):
    model.save(path)
    return path


class Weighted(LinearClassifier):
    """With a parameter that is a dict, and one that no file holds."""

    def __init__(self, loss="softmax", *, alpha=1e-4, class_weight=None, callback=None):
        super().__init__(loss, alpha=alpha)
        self.class_weight = class_weight
        self.callback = callback


def test_a_parameter_may_be_a_dict_and_what_is_not_plain_is_left_out(tmp_path):
    X, y = rows(2, np.float32)
    weights = {0: 1.5, 1: np.float64(2.0)}
    model = Weighted(class_weight=weights, callback=print, alpha=np.float32(0.5)).fit(X, y)
    model.save(tmp_path / "m.npz")
    again = model_file.load(tmp_path / "m.npz", {"Weighted": Weighted})[0]
    assert again.get_params() == {"loss": "softmax", "alpha": 0.5, "class_weight": weights, "callback": None}
    with pytest.raises(TypeError, match=r"class_weight\[0\] is <built-in function print>"):
        model.set_params(class_weight={0: print}).save(tmp_path / "m.npz")


def test_a_failed_write_leaves_the_earlier_file_and_no_other(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*arguments, **keywords):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        load_model(saved).save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_full_disk_is_told_with_the_files_name(saved, monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{re.escape(str(saved))}'"):
        load_model(saved).save(saved)


# Where it is written


def test_a_link_stays_and_its_target_keeps_its_mode(saved):
    os.chmod(saved, 0o640)
    link = saved.parent / "link.npz"
    link.symlink_to(saved.name)
    before = saved.stat().st_ino
    load_model(saved).save(link)
    assert link.is_symlink() and saved.stat().st_ino != before
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640
    assert {entry.name for entry in saved.parent.iterdir()} == {"model.npz", "link.npz"}


def test_a_new_file_is_as_readable_as_any_other(saved):
    plain = saved.parent / "plain"
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


def test_a_pipe_is_written_to_and_not_replaced(saved):
    """Not tried on /dev/null: a failure would replace that of the machine."""
    model = load_model(saved)
    pipe = saved.parent / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    model.save(pipe)
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (saved.parent / "copy.npz").write_bytes(received[0])
    with np.load(saved.parent / "copy.npz") as file:
        np.testing.assert_array_equal(file["coef"], model.coef_)


@pytest.mark.parametrize("path", ["", "FOLDER", "FOLDER/new/", "FOLDER/none/m.npz", "FOLDER/model.npz/m.npz"])
def test_what_cannot_be_written_is_told_with_its_name(saved, path):
    path = path.replace("FOLDER", str(saved.parent))
    for attempt in (check_writable, load_model(saved).save):
        with pytest.raises(OSError) as caught:
            attempt(path)
        assert caught.value.filename == path
    assert list(saved.parent.iterdir()) == [saved]


# What is refused


def test_missing_files_stay_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.npz")


@pytest.mark.parametrize("read", [load_model, formats.read_safetensors])
def test_what_is_no_name_of_a_file(read):
    for path in (None, 3, b"model.npz", ["model.npz"]):
        with pytest.raises(TypeError, match=r"^path is .*; wanted is the name of a file"):
            read(path)
    with pytest.raises(ValueError, match=r"^path is 'a\\x00b'; wanted is the name of a file"):
        read("a\0b")


@pytest.mark.skipif(os.name == "nt", reason="there the folder one is in stays")
def test_a_folder_that_has_gone_is_told_by_the_name_given(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError, match=r"model\.npz"):
        check_writable("model.npz")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no /dev/zero")
@pytest.mark.parametrize("read", [load_model, formats.read_safetensors])
def test_a_file_without_an_end_is_not_read(read):
    with pytest.raises(OSError, match="is a device; wanted is a file: '/dev/zero'"):
        read("/dev/zero")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x93NUMPY", b"not a zip at all" * 100, pickle.dumps({"a": 1})], ids=range(5)
)
def test_other_files(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"other\.npz' is not a model file"):
        load_model(path)


def test_truncated_anywhere(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), 97):
        saved.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=r"model\.npz"):
            load_model(saved)


def test_any_changed_byte_is_refused_or_harmless(saved):
    """A thousand flipped bytes: refused with the file's name, or (in what ZIP does not care for) the same model."""
    content = saved.read_bytes()
    model = load_model(saved)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 1000):
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        saved.write_bytes(changed)
        try:
            other = load_model(saved)
        except ModelFileError as error:
            assert "model.npz" in str(error)
        else:
            np.testing.assert_array_equal(other.coef_, model.coef_)
            np.testing.assert_array_equal(other.classes_, model.classes_)


def rewrite(path, *, compress=False, **changes):
    """Write the file again with members changed, or left out where None."""
    with np.load(path, allow_pickle=True) as file:
        members = {name: file[name] for name in file.files} | changes
    members = {name: value for name, value in members.items() if value is not None}
    (np.savez_compressed if compress else np.savez)(path, **members)


def header_with(path, **changes):
    with np.load(path) as file:
        header = json.loads(file["header"].item()) | changes
    return np.array(json.dumps(header))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a file was run",))


@pytest.mark.parametrize(
    "members",
    [
        {"coef": None}, {"classes": None}, {"header": None}, {"history/loss": None},
        {"intercept": np.zeros(2, np.float32)}, {"coef": np.zeros((3, 11), np.float32)},
        {"coef": np.zeros((3, 12), np.int64)}, {"coef": np.zeros(36, np.float32)},
        {"coef": np.full((3, 12), np.nan, np.float32)}, {"classes": np.array([1, 1, 2])}, {"classes": np.array([1])},
        {"coef": np.array([Bomb()], dtype=object)}, {"classes": np.zeros((3, 1))}, {"header": np.array("{")},
        {"header": np.array("[1]")}, {"header": np.array(3)}, {"statistics/variance": np.full(12, -1.0)},
        {"statistics/mean": np.zeros(3)}, {"coef": np.zeros((3, 12), np.complex64)},
        {"classes": np.array(["", "", ""])},
        {"statistics/mean": np.full(12, 1.7e308), "statistics/low": np.full(12, -1.7e308)},
        {"classes": np.array([2, 1, 0])}, {"classes": np.array(["b", "a", "c"])},
        {"classes": np.array([0, 1, np.nan])}, {"classes": np.array([0, 1, np.inf])}, {"classes": np.array(3)},
        {"history/loss": np.zeros(3)}, {"history/loss": np.zeros((2, 1))}, {"history/loss": np.zeros(2, np.float32)},
        {"history/loss": np.array(["a", "b"])}, {"history/epoch": np.array([1.0, 2.0])},
        {"history/epoch": np.array([1, 3])}, {"history/epoch": np.array(1)},
    ],
)  # fmt: skip
def test_members_that_make_no_model(saved, members):
    rewrite(saved, **members)
    with pytest.raises(ModelFileError, match=r"model\.npz' is not a model file, or is damaged"):
        load_model(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"}, {"version": 2}, {"model": "os.system"}, {"model": "object"}, {"params": {"aplha": 1}},
        {"params": 3}, {"params": {"random_state": -1}}, {"params": {"random_state": 1.5}}, {"params": {"loss": ["x"]}},
        {"params": {"alpha": -1}}, {"params": {"alpha": "x"}}, {"params": {"alpha": 10**400}},
        {"params": {"l1_ratio": 2}}, {"params": {"batch_size": 0}}, {"params": {"batch_size": 1.5}},
        {"params": {"momentum": 1}}, {"params": {"learning_rate": "fast"}}, {"params": {"learning_rate": -1}},
        {"params": {"max_iter": 0}}, {"params": {"n_threads": 0}}, {"params": {"alpha": {"pairs": []}}},
        {"params": {"alpha": {"pairs": [[1, []]]}}}, {"params": {"alpha": {"pairs": [[1]]}}}, {"params": {"alpha": {}}},
        {"resolution": 2}, {"image_shape": [2, 2]},
        {"image_shape": [2, 2, 4]},
        {"image_shape": 7}, {"weight": "x"}, {"n_steps": -1}, {"rate": None}, {"rows_seen": float("inf")},
        {"rows_seen": 10**400}, {"weight": 10**400}, {"rate": -(10**400)}, {"n_steps": 10**400}, {"n_steps": 1.5},
        {"n_steps": 2.0}, {"n_steps": True}, {"n_steps": "1"}, {"image_shape": [10**400, 1, 1]},
        {"object_classes": 1}, {"object_classes": True},
    ],
)  # fmt: skip
def test_headers_that_make_no_model(saved, changes):
    rewrite(saved, header=header_with(saved, **changes))
    with pytest.raises(
        ModelFileError, match=r"model\.npz' is (not a model file, or is damaged|a model file of version 2)"
    ):
        load_model(saved)


def test_compressed_members_and_wrong_sizes(saved, tmp_path):
    rewrite(saved, compress=True)
    with pytest.raises(ModelFileError, match="compressed"):
        load_model(saved)
    # A header that claims a shape of a terabyte over a few bytes: refused before memory is asked for.
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("coef.npy", member.getvalue() + bytes(64))
    with pytest.raises(ModelFileError, match="holds 64 bytes where its shape"):
        load_model(path)


def test_members_on_top_of_one_another_take_no_memory(saved):
    """A directory that lists one large member two hundred times, each time under another name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        member = io.BytesIO()
        np.save(member, np.zeros(10**6 // 8))
        archive.writestr("a000.npy", member.getvalue())
        (entry,) = archive.infolist()
        for number in range(1, 200):
            copy = zipfile.ZipInfo(f"a{number:03}.npy")
            copy.header_offset, copy.CRC = entry.header_offset, entry.CRC
            copy.compress_size = copy.file_size = entry.file_size
            archive.filelist.append(copy)
    saved.write_bytes(content.getvalue())
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="its members are said to be larger than the file"):
        load_model(saved)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').abort(),), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 12), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (), }",
        "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (36,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3, -12), }",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (3, 12), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (3, 12), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (36), }", "(" * 5000,
    ],
)  # fmt: skip
def test_headers_of_arrays_that_make_no_model(saved, header):
    text = header.encode() + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(36 * 8)
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | {"coef.npy": member}
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match=r"model\.npz' is not a model file"):
        load_model(saved)


@pytest.mark.parametrize(
    "array", [np.array([7, 1], np.uint8).view(bool), np.array([97, 0x110000], "<u4").view("<U1")], ids=["bool", "str"]
)
def test_values_that_no_array_of_the_type_holds(saved, array):
    rewrite(saved, classes=array)
    with pytest.raises(ModelFileError, match=r"holds (booleans other than 0 and 1|numbers that are no char)"):
        load_model(saved)


@pytest.mark.parametrize("name", ["coef.npy", "coef"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(saved, name):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(name, archive.read("coef.npy"))
    with pytest.raises(ModelFileError, match=r"model\.npz' is not a model file.* two members of one name"):
        load_model(saved)


def test_any_layout_of_an_array_is_written(tmp_path):
    arrays = {"f": np.ones((2, 3)).T, "strided": np.arange(9)[::3], "number": np.array(2.5), "none": np.zeros((0, 3))}
    for name in ("m.npz", "m.safetensors"):
        model_file.write(tmp_path / name, {}, arrays)
        read = model_file.read(tmp_path / name)[1]
        assert read.keys() == arrays.keys()
        for key, array in arrays.items():
            assert read[key].shape == array.shape and read[key].dtype == array.dtype
            np.testing.assert_array_equal(read[key], array)
    with np.load(tmp_path / "m.npz") as file:
        assert set(file.files) == {"header", *arrays}


def test_write_refuses_objects(tmp_path):
    with pytest.raises(TypeError, match="x has dtype object"):
        model_file.write(tmp_path / "m.npz", {}, {"x": np.array([None])})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("m.onnx", ValueError, r"path is .*m\.onnx'; wanted is .*to_onnx writes ONNX"),
        (None, TypeError, "path is None; wanted is the name of a file"),
        (b"m.npz", TypeError, "path is b'm.npz'"),
        (3, TypeError, "path is 3"),
    ],
)
def test_save_under_a_name_of_another_kind(tmp_path, path, error, message):
    X, y = rows(3, np.float32)
    model = SoftmaxClassifier(max_iter=1, random_state=0).fit(X, y)
    with pytest.raises(error, match=message):
        model.save(tmp_path / path if isinstance(path, str) else path)
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_numpys_strings_would_shorten(tmp_path):
    X, y = rows(2, np.float32)
    model = SoftmaxClassifier(max_iter=1, random_state=0).fit(X, np.array(["a\0", "b"], object)[y])
    with pytest.raises(ValueError, match="classes_ holds a string that ends with NUL"):
        model.save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []
