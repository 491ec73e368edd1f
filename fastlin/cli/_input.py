"""What several subcommands share: naming data, splitting it, refusing input."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fastlin._files import check_writable

if TYPE_CHECKING:
    from fastlin.datasets import Dataset

DEFAULT_DATA = "fashion-mnist-small"
# Share of the rows held out for testing where the data brings no test split.
HELD_OUT = 0.2

DATA_HELP = (
    "a name: cifar10, cifar100, mnist, fashion-mnist (in $FASTLIN_DATA or the cache; fastlin.datasets.fetch_cifar10() "
    "and its like download them), ring, xor, blobs, spirals, bars (toy sets); or a path: an .npz file with X and y, or "
    "X_train, y_train, X_test and y_test (numpy.savez writes one), an .npy file of rows, LIBSVM's text in .svm or "
    ".libsvm, CIFAR's or MNIST's folder or archive, a folder of images by class; or what comes with fastlin: "
    f"{DEFAULT_DATA}"
)


class InputError(Exception):
    """The input makes no sense; the message is all the user needs."""


def auto_or(number: Callable[[str], float]) -> Callable[[str], float | str]:
    """A reader of an option whose value is a number, or "auto"."""

    def read(text: str) -> float | str:
        try:
            return text if text == "auto" else number(text)
        except ValueError:
            kind = "an integer" if number is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r}; wanted is auto or {kind}") from None

    return read


def check_output(option: str, output: str, inputs: dict[str, str | None]) -> None:
    """Refuse, before anything is computed, an `output` that cannot be written, or that is a file of the `inputs`."""
    from fastlin.datasets import NAMES

    check_writable(output)
    for name, path in inputs.items():
        if path is not None and path not in NAMES and os.path.realpath(path) == os.path.realpath(output):
            raise InputError(f"{option} is {output!r}, the file of {name}, which would be lost; wanted is another")


def check_count(option: str, number: int) -> None:
    """Refuse what is no count of things."""
    if number < 1:
        raise InputError(f"{option} is {number}; wanted is an integer >= 1")


def split_rows(data: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and labels to train on and to test on; where the data is not split, a seeded fifth is held out."""
    if data.y_train is None:
        raise InputError(f"{data.name} has no labels; wanted is y beside X")
    if data.X_test is not None and data.y_test is not None:
        return data.X_train, data.y_train, data.X_test, data.y_test
    if seed < 0:
        raise InputError(f"--seed is {seed}; wanted is an integer >= 0")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(data.X_train))
    n_test = round(HELD_OUT * len(order))
    test, train = order[:n_test], order[n_test:]
    return data.X_train[train], data.y_train[train], data.X_train[test], data.y_train[test]
