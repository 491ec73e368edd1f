"""MNIST and Fashion-MNIST in IDX files, plain and gzip, and what is none."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from published import idx, mnist_files, write_folder

from fastlin import datasets
from fastlin.datasets import DatasetError, load_fashion_mnist, load_idx, load_mnist

REAL = datasets.data_home() / "fashion-mnist"


@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
@pytest.mark.parametrize("form", ["gz", "plain", "dotted"])
def test_the_four_files(tmp_path, load, form):
    files = mnist_files()
    if form != "gz":
        files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in files.items()}
    if form == "dotted":
        files = {name.replace("-idx", ".idx"): content for name, content in files.items()}
    data = load(write_folder(tmp_path, files))
    assert data.layout == "hwc" and data.X_train.dtype == np.uint8
    assert data.X_train.shape == (9, 28, 28, 1) and data.X_test.shape == (4, 28, 28, 1)
    assert data.y_train.tolist() == list(range(9)) and data.y_test.tolist() == [3, 0, 9, 9]
    assert data.y_train.dtype == np.int64 and len(data.class_names) == 10
    assert data.class_names[9] == ("9" if load is load_mnist else "Ankle boot")
    wanted = np.random.default_rng(5).integers(0, 256, (9, 28, 28), np.uint8)
    np.testing.assert_array_equal(data.X_train[..., 0], wanted)


def test_by_name_and_by_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"^MNIST is not in '.*mnist'; fastlin\.datasets\.fetch_mnist\(\)"):
        datasets.load("mnist")
    with pytest.raises(FileNotFoundError, match=r"fastlin\.datasets\.fetch_fashion_mnist\(\) downloads it"):
        load_fashion_mnist()
    for name in ("mnist", "fashion-mnist"):
        write_folder(tmp_path / name, mnist_files())
        assert datasets.load(name).name == name
        assert datasets.load(tmp_path / name).name == name
    one = datasets.load(tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert one.X_train.shape == (4, 28, 28, 1) and one.y_train is None


def test_any_images(tmp_path):
    X = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    (tmp_path / "x").write_bytes(idx(X))
    (tmp_path / "y").write_bytes(idx(np.array([200, 7], np.uint8)))
    data = load_idx(tmp_path / "x", tmp_path / "y")
    np.testing.assert_array_equal(data.X_train[..., 0], X)
    assert data.y_train.tolist() == [200, 7]
    (tmp_path / "none").write_bytes(idx(np.empty((0, 5, 3), np.uint8)))
    assert load_idx(tmp_path / "none").X_train.shape == (0, 5, 3, 1)


IMAGES = idx(np.arange(30, dtype=np.uint8).reshape(2, 5, 3))


def squeezed(content):
    """gzip, without the time in it: names of tests are the same each time."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "byte 0: the magic number would take 4 bytes, which a file of this size cannot hold"),
        (IMAGES[:-1], "byte 16: values of shape .2, 5, 3. would take 30 bytes"),
        (IMAGES + b"x", "byte 46: the file goes on after its end"),
        (b"\x00\x00\x0d\x03" + IMAGES[4:], "byte 0: the magic number is 00 00 0d 03; wanted is 00 00 08 03"),
        (b"\x00\x00\x08\x01" + IMAGES[4:], "wanted is 00 00 08 03"),
        (b"\x03\x08\x00\x00" + IMAGES[4:], "the magic number is"),
        (IMAGES[:10], "the lengths of the axes would take 12 bytes"),
        (IMAGES[:4] + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), "wanted is at most 8589934592"),
        (IMAGES[:4] + struct.pack(">3I", 60000, 28, 28) + bytes(99), "would take 47040000 bytes, which a file of this"),
        (IMAGES[:4] + struct.pack(">3I", 5, 0, 28), "images of .0, 28. pixels"),
        (squeezed(IMAGES)[:-9], "no sound gzip"),
        (squeezed(IMAGES)[:-8] + bytes(8), "no sound gzip"),
        (squeezed(IMAGES + bytes(100)), "decompressed byte 46: the file goes on after its end"),
        (squeezed(IMAGES[:-3]), "decompressed byte 43: the file ends 3 bytes before the end of the values"),
        (squeezed(IMAGES[:4] + struct.pack(">3I", 1, 1 << 16, 1 << 15)), "which a file of this size cannot hold"),
        (b"\x1f\x8bxyz", "no sound gzip"),
    ],
)
def test_files_that_are_not_in_the_format(tmp_path, content, message):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_idx(tmp_path / "images")
    assert "images', " in str(caught.value)


def test_files_that_do_not_fit_each_other(tmp_path):
    for name, content, message in [
        ("train-labels-idx1-ubyte.gz", idx(np.zeros(8, np.uint8)), "has 8 labels; wanted is 9, one an image"),
        ("train-labels-idx1-ubyte.gz", idx(np.full(9, 10, np.uint8)), "byte 8: label 10; wanted is 0 to 9"),
        ("t10k-images-idx3-ubyte.gz", idx(np.zeros((4, 9, 28), np.uint8)), "has images of .9, 28. pixels; wanted is"),
    ]:
        write_folder(tmp_path, {**mnist_files(), name: gzip.compress(content)})
        with pytest.raises(DatasetError, match=message) as caught:
            load_mnist(tmp_path)
        assert name in str(caught.value)


def test_bytes_changed_at_random_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    plain = idx(rng.integers(0, 256, (20, 9, 9), np.uint8))
    for whole in (plain, squeezed(plain)):
        refused = 0
        for _ in range(80):
            content = np.frombuffer(whole, np.uint8).copy()
            content[rng.integers(0, 40 if rng.random() < 0.7 else len(content), 2)] = rng.integers(0, 256, 2)
            (tmp_path / "x").write_bytes(content.tobytes()[: rng.integers(1, 3 * len(whole))])
            try:
                load_idx(tmp_path / "x")
            except DatasetError as error:
                assert "x', " in str(error)
                refused += 1
        assert refused > 10


@pytest.mark.skipif(not REAL.is_dir(), reason="Fashion-MNIST is not in the cache")
def test_the_real_files():
    data = load_fashion_mnist()
    assert data.X_train.shape == (60000, 28, 28, 1) and data.X_test.shape == (10000, 28, 28, 1)
    assert np.bincount(data.y_train).tolist() == [6000] * 10 and data.class_names[data.y_train[0]] == "Ankle boot"
