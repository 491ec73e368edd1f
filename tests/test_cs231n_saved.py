"""Weights in the course's files: what is written the course reads, what it wrote is read, and nothing else is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastlin import cs231n


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained() -> cs231n.Softmax:
    rng = np.random.default_rng(0)
    softmax = cs231n.Softmax()
    softmax.train(rng.normal(size=(40, 7)), rng.integers(0, 4, 40), num_iters=5)
    return softmax


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_come_back_to_the_bit(dtype: type, capsys: pytest.CaptureFixture, folder: Path) -> None:
    softmax, again = trained(), cs231n.Softmax()
    softmax.W = softmax.W.astype(dtype)
    assert again.load("softmax.npy") is False and again.W is None
    softmax.save("softmax.npy")
    assert again.load("softmax.npy") is True
    assert capsys.readouterr().out.splitlines() == [
        "softmax.npy not available.", "softmax.npy saved.", "softmax.npy loaded.",
    ]  # fmt: skip
    np.testing.assert_array_equal(again.W, softmax.W)
    assert again.W.dtype == dtype and again.W.flags.writeable and os.listdir(folder) == ["softmax.npy"]
    again.train(np.ones((3, 7)), [0, 1, 3], num_iters=1)


def test_the_name_ends_in_npy_as_numpy_has_it(folder: Path) -> None:
    trained().save(folder / "w")
    assert os.listdir(folder) == ["w.npy"] and cs231n.LinearSVM().load(folder / "w")


def test_the_course_reads_what_is_written() -> None:
    softmax = trained()
    softmax.save("softmax.npy")
    params = np.load("softmax.npy", allow_pickle=True).item()
    assert set(params) == {"W"}
    np.testing.assert_array_equal(params["W"], softmax.W)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f8", ">f4"])
def test_what_the_course_wrote_is_read(order: Any, dtype: str) -> None:
    W = np.array(np.random.default_rng(0).normal(size=(5, 3)), dtype, order=order)
    np.save("course.npy", {"W": W})  # type: ignore[arg-type]  # as the course does
    svm = cs231n.LinearSVM()
    assert svm.load("course.npy")
    np.testing.assert_array_equal(svm.W, W)


class Runs:
    """Makes a folder where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was_here",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"W": Runs()}, r"it asks for posix\.mkdir, which no array needs"),
        (Runs(), r"it asks for posix\.mkdir"),
        ({"W": np.eye(3, dtype=int)}, "W has dtype '<i8'; wanted is floats"),
        ({"X": np.eye(3)}, "'W'"),
        ({"W": [1.0]}, "'list' object has no attribute 'array'"),
        ({"W": np.array([None])}, "W has dtype"),
        (np.eye(3), "it is an array of numbers; wanted is a dictionary with the array W"),
        ({"W": np.zeros(3)}, r"W has shape \(3,\)"),
    ],
    ids=str,
)
def test_what_holds_something_else_is_refused(content: Any, message: str, folder: Path) -> None:
    array = content if isinstance(content, np.ndarray) else np.array(content, dtype=object)
    np.save("other.npy", array, allow_pickle=True)
    softmax = trained()
    before = softmax.W.copy()
    with pytest.raises(ValueError, match=message):
        softmax.load("other.npy")
    np.testing.assert_array_equal(softmax.W, before)
    assert os.listdir(folder) == ["other.npy"]


def test_a_damaged_file_is_refused() -> None:
    trained().save("whole.npy")
    whole = Path("whole.npy").read_bytes()
    for length in range(len(whole)):
        Path("part.npy").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"'part\.npy' holds no saved classifier"):
            cs231n.Softmax().load("part.npy")
    Path("part.npy").write_bytes(pickle.dumps({"W": 1}))
    with pytest.raises(ValueError, match="holds no saved classifier"):
        cs231n.Softmax().load("part.npy")


def test_there_is_nothing_to_save_before_training(folder: Path) -> None:
    with pytest.raises(ValueError, match="call train first"):
        cs231n.Softmax().save("softmax.npy")
    assert not os.listdir(folder)
