"""Data sets: one small real one that comes with the library, and a user's own in an .npz file.

A data set is rows and labels, split for training and testing or not. Nothing here knows of models.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import IO

import numpy as np

__all__ = ["NAMES", "Dataset", "DatasetError", "load", "load_fashion_mnist_small", "load_npz"]


class DatasetError(ValueError):
    """A file or a name is no data set."""


@dataclass(frozen=True)
class Dataset:
    """Rows with their labels.

    Attributes
    ----------
    name : str
    X_train : ndarray of shape (N, D) or (N, H, W, channels)
    y_train : ndarray of shape (N,), or None where a file brings no labels
    X_test, y_test : ndarray, or None where there is no test split
    class_names : tuple of str, or None
        What the labels 0, 1, ... mean.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray | None
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        test = "no test split" if self.X_test is None else f"{len(self.X_test)} to test"
        return (
            f"<Dataset {self.name}: {len(self.X_train)} rows of {self.X_train.dtype} {self.X_train.shape[1:]}, {test}>"
        )


def load_fashion_mnist_small() -> Dataset:
    """A tenth of Fashion-MNIST: photographs of clothes, 28 x 28 grey pixels, ten kinds.

    The first 600 images of each class for training and the first 100 for testing, in the order they were published in.
    Fashion-MNIST is (c) 2017 Zalando SE, under the MIT licence; see NOTICE.

    Returns
    -------
    Dataset
        X_train uint8 (6000, 28, 28, 1), X_test uint8 (1000, 28, 28, 1), labels int64 0..9 with their class names.

    Examples
    --------
    >>> data = load_fashion_mnist_small()
    >>> data
    <Dataset fashion-mnist-small: 6000 rows of uint8 (28, 28, 1), 1000 to test>
    >>> data.class_names[int(data.y_train[0])]
    'Ankle boot'

    References
    ----------
    Xiao, Rasul, Vollgraf: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms.
    arXiv:1708.07747.
    """
    file = resources.files("fastlin.datasets") / "data" / "fashion_mnist_small.npz"
    with file.open("rb") as stream:
        return _read(stream, "fashion-mnist-small", "the bundled fashion_mnist_small.npz")


NAMES: dict[str, Callable[[], Dataset]] = {"fashion-mnist-small": load_fashion_mnist_small}
"""Data sets by the name the command line knows them by."""


def load(name_or_path: str | os.PathLike[str]) -> Dataset:
    """A data set by one of the `NAMES`, or from a path that ends in .npz."""
    text = os.fspath(name_or_path)
    if text in NAMES:
        return NAMES[text]()
    if text.endswith(".npz"):
        return load_npz(text)
    raise DatasetError(f"{text!r} is no data set; wanted is the path of an .npz file or one of {', '.join(NAMES)}")


def load_npz(path: str | os.PathLike[str]) -> Dataset:
    """A data set from an .npz file, as ``numpy.savez("file.npz", X=X, y=y)`` writes it.

    Parameters
    ----------
    path : path
        The file holds ``X`` and ``y``; or ``X_train``, ``y_train``, ``X_test`` and ``y_test``; and ``class_names``
        where there are any. ``y`` may be missing, for rows to predict. Nothing is unpickled: arrays of objects are
        refused.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    DatasetError
        When it holds something else; a ValueError.
    """
    text = os.fspath(path)
    with open(text, "rb") as stream:
        return _read(stream, os.path.basename(text).removesuffix(".npz"), repr(text))


def _read(stream: IO[bytes], name: str, where: str) -> Dataset:
    try:
        archive = np.load(stream, allow_pickle=False)
        arrays = dict(archive) if isinstance(archive, np.lib.npyio.NpzFile) else None
    except (
        ValueError,
        EOFError,
        OSError,
        KeyError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        TypeError,
    ) as error:
        raise DatasetError(f"{where} cannot be read as .npz arrays of numbers or strings: {error}") from error
    if arrays is None:
        raise DatasetError(f"{where} is a single array, no .npz file; wanted is numpy.savez(path, X=X, y=y)")

    split = "X_train" in arrays
    X_name, y_name = ("X_train", "y_train") if split else ("X", "y")
    if X_name not in arrays:
        raise DatasetError(
            f"{where} holds {', '.join(arrays) or 'nothing'}; wanted is X and y, or X_train, y_train, X_test and y_test"
        )
    pairs = [(X_name, y_name)] + ([("X_test", "y_test")] if "X_test" in arrays else [])
    for X, y in pairs:
        if arrays[X].ndim not in (2, 4):
            raise DatasetError(
                f"{where}: {X} has shape {arrays[X].shape}; wanted is (n_rows, n_features) or (n_rows, h, w, channels)"
            )
        if y in arrays and arrays[y].shape != (len(arrays[X]),):
            raise DatasetError(
                f"{where}: {y} has shape {arrays[y].shape}; wanted is ({len(arrays[X])},), one label a row of {X}"
            )
    if "X_test" in arrays and "y_test" not in arrays:
        raise DatasetError(f"{where} holds X_test without y_test; wanted is both or neither")
    if "X_test" in arrays and arrays["X_test"].shape[1:] != arrays[X_name].shape[1:]:
        raise DatasetError(
            f"{where}: X_test has rows of shape {arrays['X_test'].shape[1:]}; wanted is {arrays[X_name].shape[1:]}, as "
            f"in {X_name}"
        )
    names = arrays.get("class_names")
    return Dataset(
        name, arrays[X_name], arrays.get(y_name), arrays.get("X_test"), arrays.get("y_test"),
        None if names is None else tuple(str(label) for label in names),
    )  # fmt: skip
