"""Data sets in .npz and .npy files, read and memory-mapped."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from fastlin import datasets
from fastlin.datasets import DatasetError, load, load_npy, load_npz


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", "f2", "?", "i8"])
def test_rows_of_every_kind(tmp_path, mmap, order, dtype):
    X = np.asarray(np.arange(24).reshape(6, 4) % 5, dtype, order=order)
    np.savez(tmp_path / "a.npz", X=X, y=np.arange(6))
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "y.npy", np.arange(6))
    for data in (load_npz(tmp_path / "a.npz", mmap=mmap), load_npy(tmp_path / "a.npy", tmp_path / "y.npy", mmap=mmap)):
        assert data.name == "a" and data.layout is None
        assert data.X_train.dtype == X.dtype and data.X_train.flags.f_contiguous == (order == "F")
        np.testing.assert_array_equal(data.X_train, X)
        np.testing.assert_array_equal(data.y_train, np.arange(6))
        assert isinstance(data.X_train, np.memmap) == mmap and not isinstance(data.y_train, np.memmap)
        assert data.X_train.flags.writeable != mmap


def test_mapped_rows_stay_in_the_file(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", X_train=images, y_train=np.zeros(30), X_test=images[:2], y_test=np.zeros(2))
    data = load_npz(tmp_path / "a.npz", mmap=True)
    assert data.layout == "hwc" and isinstance(data.X_test, np.memmap)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    at = content.index(images.tobytes())
    with open(tmp_path / "a.npz", "r+b") as file:
        file.seek(at)
        file.write(bytes([255 - images.flat[0]]))
    assert data.X_train.flat[0] == 255 - images.flat[0]
    with pytest.raises(DatasetError, match="Bad CRC-32"):
        load_npz(tmp_path / "a.npz")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no /dev/zero")
@pytest.mark.parametrize("name", ["rows.npz", "rows.npy"])
def test_a_file_without_an_end_is_not_read(tmp_path, name):
    path = tmp_path / name
    path.symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match=f"{name}' is no regular file"):
        load(path)


def test_compressed_files_are_read_but_not_mapped(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((9, 4)), y=np.arange(9))
    assert load_npz(tmp_path / "a.npz").X_train.shape == (9, 4)
    with pytest.raises(DatasetError, match=r"X is compressed, so it cannot be memory-mapped; wanted is numpy.savez"):
        load_npz(tmp_path / "a.npz", mmap=True)


def test_nothing_to_map(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.empty((0, 4)), y=np.empty(0))
    np.save(tmp_path / "a.npy", np.empty((0, 4)))
    for mmap in (False, True):
        assert load_npz(tmp_path / "a.npz", mmap=mmap).X_train.shape == (0, 4)
        assert load_npy(tmp_path / "a.npy", mmap=mmap).X_train.shape == (0, 4)


def npy(shape: tuple[int, ...], content: bytes = b"", descr: str = "<f8") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue() + content


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as an .npy array"),
        (b"\x93NUMPY\x01\x00", "cannot be read as an .npy array"),
        (npy((10**6, 10**6)), "wanted is 8000000000128 for float64 of shape"),
        (npy((3, 2), bytes(47)), "has 175 bytes; wanted is 176"),
        (npy((3, 2), bytes(49)), "has 177 bytes; wanted is 176"),
        (npy((-3, -2), bytes(48)), "its header is none"),
        (npy((2**62, 2**62)), "wanted is"),
        (npy((6,), bytes(48)), r"has shape \(6,\); wanted is \(n_rows, n_features\)"),
        (npy((3, 2), bytes(48), "|O"), "its header is none"),
        (npy((3, 2), bytes(48), "<c8"), "its header is none"),
        (npy((3, 2), bytes(48)).replace(b"\x01\x00", b"\x09\x00", 1), "cannot be read as an .npy array"),
        (npy((3, 2), bytes(48)).replace(b"shape", b"shabe"), "cannot be read as an .npy array"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{", "cannot be read as an .npy array"),
    ],
)
def test_arrays_that_are_none(tmp_path, content, message, mmap):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_npy(tmp_path / "a.npy", mmap=mmap)
    assert "a.npy'" in str(caught.value)


def test_labels_of_another_length(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", np.ones(2))
    with pytest.raises(DatasetError, match=r"y.npy' has shape \(2,\); wanted is \(3,\), one label a row of '.*a.npy'"):
        load_npy(tmp_path / "a.npy", tmp_path / "y.npy")
    assert datasets.load(tmp_path / "a.npy").y_train is None


def zipped(path, method=zipfile.ZIP_STORED, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("mmap", [False, True])
def test_archives_that_claim_too_much(tmp_path, mmap, monkeypatch):
    path = tmp_path / "a.npz"
    zipped(path, X=npy((10**6, 10**6)))
    with pytest.raises(DatasetError, match="X has 128 bytes; wanted is 8000000000128 for float64"):
        load_npz(path, mmap=mmap)
    zipped(path, X=npy((3, 2), bytes(48), "|O"))
    with pytest.raises(DatasetError, match="its header is none"):
        load_npz(path, mmap=mmap)
    # Sizes in the directory that the file does not bear out.
    zipped(path, X=npy((3, 2), bytes(48)))
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02")
    for sizes in ((176, 2**31), (2**31, 2**31)):
        path.write_bytes(whole[: at + 20] + struct.pack("<II", *sizes) + whole[at + 28 :])
        with pytest.raises(DatasetError, match="X claims 2147483648 bytes, which the file cannot hold"):
            load_npz(path, mmap=mmap)
    monkeypatch.setattr("fastlin.datasets.arrays.MOST_BYTES", 1000)
    zipped(path, zipfile.ZIP_DEFLATED, X=npy((30, 20), bytes(4800)))
    with pytest.raises(DatasetError, match="X would take 4928 bytes; wanted is at most 1000"):
        load_npz(path, mmap=mmap)


@pytest.mark.parametrize(
    ("y", "names", "message"),
    [
        ([0, 1, 2], ["a", "b"], "y holds 2, which class_names does not name; wanted is labels 0..1"),
        ([0, -1, 1], ["a", "b"], "y holds -1, which class_names does not name"),
        ([0, 1, 1], ["a", "a"], "class_names holds a name twice"),
    ],
)
def test_class_names_name_each_label(tmp_path, y, names, message):
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=y, class_names=names)
    with pytest.raises(DatasetError, match=rf"a\.npz': {message}"):
        load_npz(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=np.array(y).astype(str), class_names=["a", "b"])
    assert load_npz(tmp_path / "a.npz").y_train.dtype.kind == "U"


def test_class_names_are_a_row_of_strings(tmp_path):
    for names in (np.array("ab"), np.arange(3), np.array([["a"]])):
        np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), class_names=names)
        with pytest.raises(DatasetError, match="wanted is a row of strings"):
            load_npz(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bytes_changed_at_random_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("npz", "npy"):
        path = tmp_path / f"a.{suffix}"
        if suffix == "npz":
            np.savez(path, X=rng.random((6, 4)), y=np.arange(6))
        else:
            np.save(path, rng.random((6, 4)))
        whole, refused = np.frombuffer(path.read_bytes(), np.uint8), 0
        for k in range(250):
            content = whole.copy()
            content[rng.integers(0, len(whole) if k % 2 else 128, 2)] = rng.integers(0, 256, 2)
            path.write_bytes(content.tobytes()[: rng.integers(1, 3 * len(whole))])
            try:
                (load_npz if suffix == "npz" else load_npy)(path, mmap=bool(k % 3))
            except DatasetError as error:
                assert f"a.{suffix}'" in str(error)
                refused += 1
        assert refused > 50
