"""The bundled images, and a user's own file."""

from __future__ import annotations

import gzip
import os
import runpy
from pathlib import Path

import numpy as np
import pytest

from fastlin import datasets
from fastlin.datasets import DatasetError

FASHION = Path(os.environ.get("FASTLIN_DATA", "~/.cache/fastlin")).expanduser() / "fashion-mnist"


def test_the_bundled_set():
    data = datasets.load_fashion_mnist_small()
    assert data.X_train.shape == (6000, 28, 28, 1) and data.X_test.shape == (1000, 28, 28, 1)
    assert data.X_train.dtype == data.X_test.dtype == np.uint8
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert np.bincount(data.y_train).tolist() == [600] * 10
    assert np.bincount(data.y_test).tolist() == [100] * 10
    assert len(data.class_names) == 10 and data.class_names[9] == "Ankle boot"
    assert data.X_train.max() == 255 and 60 < data.X_train.mean() < 85
    # The published order begins with an ankle boot and two shirts.
    assert [data.class_names[label] for label in data.y_train[:3]] == ["Ankle boot", "T-shirt/top", "T-shirt/top"]
    assert repr(data) == "<Dataset fashion-mnist-small: 6000 rows of uint8 (28, 28, 1), 1000 to test>"


def test_the_bundled_set_is_what_its_script_makes(tmp_path):
    if not (FASHION / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"Fashion-MNIST is not in {FASHION}")
    script = runpy.run_path(str(Path(datasets.__file__).parent / "make_fashion_mnist_small.py"))
    data = datasets.load_fashion_mnist_small()
    for split, prefix, count in (("train", "train", 600), ("test", "t10k", 100)):
        images = script["read_idx"](FASHION / f"{prefix}-images-idx3-ubyte.gz")
        labels = script["read_idx"](FASHION / f"{prefix}-labels-idx1-ubyte.gz")
        rows = script["first_of_each_class"](labels, count)
        np.testing.assert_array_equal(getattr(data, f"X_{split}")[..., 0], images[rows])
        np.testing.assert_array_equal(getattr(data, f"y_{split}"), labels[rows])


def test_the_script_reads_idx_and_refuses_others(tmp_path):
    read_idx = runpy.run_path(str(Path(datasets.__file__).parent / "make_fashion_mnist_small.py"))["read_idx"]
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03abcdef"))
    assert read_idx(path).tolist() == [[97, 98, 99], [100, 101, 102]]
    path.write_bytes(gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00"))
    with pytest.raises(ValueError, match="no IDX file"):
        read_idx(path)


def test_npz_without_a_split(tmp_path):
    X, y = np.arange(12.0).reshape(4, 3), np.array(["a", "b", "a", "b"])
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    data = datasets.load(str(tmp_path / "mine.npz"))
    assert data.name == "mine" and data.X_test is None and data.class_names is None
    np.testing.assert_array_equal(data.X_train, X)
    np.testing.assert_array_equal(data.y_train, y)
    assert repr(data) == "<Dataset mine: 4 rows of float64 (3,), no test split>"
    np.savez(tmp_path / "mine.npz", X=X)
    assert datasets.load_npz(tmp_path / "mine.npz").y_train is None


def test_npz_with_a_split(tmp_path):
    arrays = {
        "X_train": np.zeros((4, 2, 2, 3), np.uint8),
        "y_train": np.arange(4),
        "X_test": np.ones((2, 2, 2, 3), np.uint8),
    }
    np.savez(tmp_path / "mine.npz", **arrays, y_test=np.arange(2), class_names=np.array(["w", "x", "y", "z"]))
    data = datasets.load_npz(tmp_path / "mine.npz")
    assert (
        data.X_test.shape == (2, 2, 2, 3)
        and data.y_test.tolist() == [0, 1]
        and data.class_names == ("w", "x", "y", "z")
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones(3)}, "holds a; wanted is X and y, or X_train"),
        ({}, "holds nothing"),
        ({"X": np.ones(3), "y": np.ones(3)}, r"X has shape \(3,\)"),
        ({"X": np.ones((3, 2)), "y": np.ones(2)}, r"y has shape \(2,\); wanted is \(3,\)"),
        ({"X_train": np.ones((3, 2)), "y_train": np.ones(3), "X_test": np.ones((3, 2))}, "X_test without y_test"),
        (
            {"X_train": np.ones((3, 2)), "y_train": np.ones(3), "X_test": np.ones(3), "y_test": np.ones(3)},
            "X_test has shape",
        ),
        (
            {"X_train": np.ones((3, 2)), "y_train": np.ones(3), "X_test": np.ones((3, 4)), "y_test": np.ones(3)},
            r"X_test has rows of shape \(4,\); wanted is \(2,\), as in X_train",
        ),
        (
            {"X_train": np.ones((3, 4)), "y_train": np.ones(3), "X_test": np.ones((3, 2, 2, 1)), "y_test": np.ones(3)},
            r"X_test has rows of shape \(2, 2, 1\); wanted is \(4,\), as in X_train",
        ),
        ({"X": np.array([[None]]), "y": np.ones(1)}, "cannot be read as .npz arrays"),
    ],
)
def test_files_that_are_no_data_set(tmp_path, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DatasetError, match=message) as caught:
        datasets.load_npz(tmp_path / "mine.npz")
    assert "mine.npz" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04rubbish"])
def test_files_that_are_no_npz(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"mine\.npz"):
        datasets.load(path)


def test_a_truncated_npz(tmp_path):
    np.savez(tmp_path / "mine.npz", X=np.ones((30, 20)), y=np.ones(30))
    content = (tmp_path / "mine.npz").read_bytes()
    for length in range(0, len(content), 211):
        (tmp_path / "mine.npz").write_bytes(content[:length])
        with pytest.raises(DatasetError, match=r"mine\.npz"):
            datasets.load_npz(tmp_path / "mine.npz")


def test_a_bare_npy_under_the_name(tmp_path):
    with open(tmp_path / "mine.npz", "wb") as file:
        np.save(file, np.ones((3, 2)))
    with pytest.raises(DatasetError, match="is a single array"):
        datasets.load_npz(tmp_path / "mine.npz")


def test_names():
    assert datasets.load("fashion-mnist-small").name == "fashion-mnist-small"
    with pytest.raises(DatasetError, match="name_or_path is ''; wanted is"):
        datasets.load("")
    with pytest.raises(DatasetError, match=r"'imagenet' is no data set; wanted is .* fashion-mnist-small"):
        datasets.load("imagenet")
    with pytest.raises(FileNotFoundError):
        datasets.load("/nowhere/mine.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_there_but_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="pipe' is no regular file; wanted is"):
        datasets.load(tmp_path / "pipe")
