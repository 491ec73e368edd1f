"""Where data sets lie, what they are called, and the toy sets."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

from fastlin import datasets
from fastlin.datasets import DatasetError, _home, data_home, make_bars, make_blobs, make_ring, make_spirals, make_xor
from fastlin.datasets.toy import MAKERS


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    for name in ("FASTLIN_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for platform, wanted in [
        ("linux", "/home/me/.cache/fastlin"), ("freebsd14", "/home/me/.cache/fastlin"),
        ("darwin", "/home/me/Library/Caches/fastlin"), ("win32", "/home/me/AppData/Local/fastlin/Cache"),
    ]:  # fmt: skip
        monkeypatch.setattr(sys, "platform", platform)
        assert data_home() == Path(wanted)
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert data_home() == Path("/local/fastlin/Cache")
    monkeypatch.setattr(sys, "platform", "linux")
    for value, wanted in [("/cache", "/cache"), ("relative", "/home/me/.cache"), ("", "/home/me/.cache")]:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert data_home() == Path(wanted) / "fastlin"
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.setenv("FASTLIN_DATA", "~/mine")
    assert data_home() == Path("/home/me/mine")


def test_one_place_decides_where():
    for path in Path(_home.__file__).parent.glob("*.py"):
        if path.name != "_home.py":
            assert "environ" not in path.read_text(), path.name


def test_names_and_paths(tmp_path):
    with pytest.raises(DatasetError, match=r"'imagenet' is no data set; wanted is a path: .npz, .* cifar10, cifar100"):
        datasets.load("imagenet")
    for path in ("/nowhere/a.bin", "no/folder", "b.tar.gz"):
        with pytest.raises(FileNotFoundError, match="there is nothing there; wanted is a path"):
            datasets.load(path)
    for path in ("/nowhere/a.npz", "/nowhere/a.npy", "/nowhere/a.svm"):
        with pytest.raises(FileNotFoundError, match="No such file"):
            datasets.load(path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"a.txt' is no data set; wanted is .* numpy.savez\('table.npz', X=X, y=y\)"):
        datasets.load(tmp_path / "a.txt")
    with pytest.raises(DatasetError, match="holds no data set; wanted is a path"):
        datasets.load(tmp_path)


def test_the_command_says_every_name():
    from fastlin.cli._input import DATA_HELP

    for name in datasets.NAMES:
        assert name in DATA_HELP


# Toy sets


@pytest.mark.parametrize("name", MAKERS)
def test_toy_sets_are_seeded_balanced_and_shuffled(name):
    make = MAKERS[name]
    X, y = make(400)
    assert X.dtype == (np.uint8 if name == "bars" else np.float32) and y.dtype == np.int64
    assert len(X) == len(y) == 400 and X.flags.c_contiguous
    counts = np.bincount(y)
    assert counts.max() - counts.min() <= 1
    assert np.any(np.diff(y) < 0)  # not sorted
    again, labels = make(400)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, labels)
    assert not np.array_equal(make(400, seed=1)[0], X)
    assert make(0)[0].shape == (0, *X.shape[1:])
    data = datasets.load(name)
    assert data.name == name and len(data.X_train) == 1000 and data.X_test is None
    assert data.layout == ("hwc" if name == "bars" else None)


@pytest.mark.parametrize("name", MAKERS)
def test_toy_sets_refuse_nonsense(name):
    make = MAKERS[name]
    with pytest.raises(ValueError, match="n is -1; wanted is at least 0"):
        make(-1)
    spread = "spread" if name == "blobs" else "noise"
    for value in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"{spread} is {value}; wanted is a number of at least 0"):
            make(**{spread: value})
    if "n_classes" in inspect.signature(make).parameters:
        with pytest.raises(ValueError, match="n_classes is 1; wanted is at least 2"):
            make(n_classes=1)
    with pytest.raises(ValueError, match="size is 1"):
        make_bars(size=1)
    with pytest.raises(ValueError, match="n_features is 0"):
        make_blobs(n_features=0)


@pytest.mark.parametrize("name", MAKERS)
def test_toy_sets_refuse_what_is_no_number(name):
    make = MAKERS[name]
    for value in (None, "10", 1.5, [10]):
        with pytest.raises(TypeError, match=r"n is .*; wanted is an integer of at least 0"):
            make(value)
        with pytest.raises(TypeError, match=r"seed is .*; wanted is an integer of at least 0"):
            make(seed=value)
    with pytest.raises(ValueError, match="seed is -1; wanted is at least 0"):
        make(seed=-1)
    spread = "spread" if name == "blobs" else "noise"
    for value in (None, "1", [0.1]):
        with pytest.raises(ValueError, match=f"{spread} is .*; wanted is a number of at least 0"):
            make(**{spread: value})
    if "turns" in inspect.signature(make).parameters:
        with pytest.raises(ValueError, match="turns is inf; wanted is a finite number"):
            make(turns=np.inf)


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (datasets.load, "name_or_path"), (datasets.load_npz, "path"), (datasets.load_npy, "path"),
        (lambda path: datasets.load_npy("no.npy", path), "labels"), (datasets.load_libsvm, "path"),
        (lambda path: datasets.load_libsvm("no.svm", path), "test_path"), (datasets.load_idx, "images"),
        (datasets.load_mnist, "path"), (datasets.load_cifar10, "path"), (datasets.load_image_folder, "path"),
        (datasets.fetch_cifar100, "path"), (datasets.fetch_mnist, "path"),
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_by_name(load, name):
    for path in (3, b"rows.npz", ["rows.npz"]):
        with pytest.raises(TypeError, match=f"^{name} is .*; wanted is the name of a file or a folder"):
            load(path)


def least_squares_accuracy(X: np.ndarray, y: np.ndarray) -> float:
    """Of the first half's least-squares fit to the classes, on the second half: as linear as a classifier can be."""
    rows = np.column_stack((X.reshape(len(X), -1).astype(np.float64), np.ones(len(X))))
    half = len(X) // 2
    W = np.linalg.lstsq(rows[:half], np.eye(y.max() + 1)[y[:half]], rcond=None)[0]
    return float(np.mean((rows[half:] @ W).argmax(1) == y[half:]))


def test_what_the_toy_sets_are_for():
    X, y = make_ring(2000)
    assert least_squares_accuracy(X, y) < 0.6 < 0.99 < least_squares_accuracy(np.hypot(*X.T)[:, None], y)
    X, y = make_xor(2000)
    assert least_squares_accuracy(X, y) < 0.6 < 0.99 < least_squares_accuracy(X[:, :1] * X[:, 1:], y)
    X, y = make_blobs(2000, n_features=5)
    assert least_squares_accuracy(X, y) > 0.95
    X, y = make_spirals(2000)
    assert 0.4 < least_squares_accuracy(X, y) < 0.65
    X, y = make_bars(4000)
    images = X[..., 0].astype(float)
    variances = np.column_stack((images.mean(2).var(1), images.mean(1).var(1)))
    assert least_squares_accuracy(X, y) < 0.6 < 0.99 < least_squares_accuracy(variances, y)


def test_the_shapes_of_toy_sets():
    X, y = make_ring(500, noise=0.0)
    radius = np.hypot(*X.T)
    assert radius[y == 0].max() <= 0.5 and radius[y == 1].min() >= 0.75 and radius.max() <= 1
    X, y = make_xor(500)
    assert np.abs(X).min() >= 0.1 and np.abs(X).max() <= 1 and np.array_equal(X[:, 0] * X[:, 1] > 0, y == 1)
    X, y = make_spirals(500, noise=0.0, n_classes=4)
    turned = np.arctan2(X[:, 1], X[:, 0]) / (2 * np.pi) - 0.65 * np.hypot(*X.T) - y / 4
    np.testing.assert_allclose(turned - np.rint(turned), 0, atol=1e-4)
    X, y = make_bars(50, size=5, noise=0.0)
    assert np.all(np.sort(np.ptp(X[..., 0], axis=1).max(1) > 0) == np.sort(y == 0))
    assert set(np.unique(X)) == {64, 192} and np.all((X == 192).sum((1, 2, 3)) == 5)


def test_the_page_says_every_name_and_function():
    page = Path(__file__).resolve().parent.parent / "docs" / "datasets.md"
    if not page.is_file():
        pytest.skip("the documentation is not beside the tests")
    text = page.read_text()
    for name in [*datasets.NAMES, *(name for name in datasets.__all__ if name.startswith(("load_", "fetch_")))]:
        assert f"`{name}" in text, name
