"""CIFAR-10 as the assignment loads it: float64, in the course's splits."""

from __future__ import annotations

import os
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fastlin import _arrays, datasets

Images = NDArray[np.float64]
Labels = NDArray[np.int64]


def load_CIFAR10(ROOT: str | os.PathLike[str]) -> tuple[Images, Labels, Images, Labels]:
    """Load CIFAR-10 from the folder of its Python version.

    Parameters
    ----------
    ROOT : path
        The folder ``cifar-10-batches-py``, or whatever else `fastlin.datasets.load_cifar10` takes. The pickles in it
        are decoded without running what they may hold.

    Returns
    -------
    Xtr, Ytr, Xte, Yte : ndarray
        Images (50000, 32, 32, 3) and (10000, 32, 32, 3), float64 from 0 to 255; labels int64, 0 to 9. The images take
        1.5 GB; `fastlin.datasets.load_cifar10` gives the same as uint8 in an eighth of that.

    Raises
    ------
    OSError, ValueError
        When the files are not there or hold something else.
    """
    Xtr, Ytr, Xte, Yte = _load(ROOT)
    return Xtr.astype(np.float64), Ytr.astype(np.int64), Xte.astype(np.float64), Yte.astype(np.int64)


def get_CIFAR10_data(
    num_training: int = 49000, num_validation: int = 1000, num_test: int = 1000, subtract_mean: bool = True,
    cifar10_dir: str | os.PathLike[str] | None = None,
) -> dict[str, NDArray]:  # fmt: skip
    """Load CIFAR-10 and cut it into training, validation and test images.

    Training takes the first images, validation those that follow them, test the first of the test set.

    Parameters
    ----------
    num_training, num_validation, num_test : int
        How many images of each; the first two together at most 50000, the last at most 10000.
    subtract_mean : bool
        Subtract the mean training image from all of them.
    cifar10_dir : path, optional
        As ROOT of `load_CIFAR10`. Default: where `fastlin.datasets.load_cifar10` looks by itself.

    Returns
    -------
    dict of str to ndarray
        ``X_train``, ``X_val``, ``X_test``: float64, (N, 3, 32, 32), the channels first; ``y_train``, ``y_val``,
        ``y_test``: int64.

    Raises
    ------
    OSError, ValueError
        When the files are not there or hold something else, or for more images than there are.
    """
    num_training = _arrays.as_step_count(num_training, "num_training")
    num_validation = _arrays.as_step_count(num_validation, "num_validation")
    num_test = _arrays.as_step_count(num_test, "num_test")
    Xtr, Ytr, Xte, Yte = _load(cifar10_dir)
    parts = {
        "train": (Xtr, Ytr, 0, num_training),
        "val": (Xtr, Ytr, num_training, num_training + num_validation),
        "test": (Xte, Yte, 0, num_test),
    }
    cut: dict[str, NDArray] = {}
    for name, (images, labels, start, stop) in parts.items():
        if not 0 <= start <= stop <= len(images):
            raise ValueError(f"{name} is images {start} to {stop}; wanted is within 0 to {len(images)}")
        cut[f"X_{name}"] = images[start:stop].astype(np.float64)
        cut[f"y_{name}"] = labels[start:stop].astype(np.int64)
    if subtract_mean:
        mean = cut["X_train"].mean(axis=0)
        for name in parts:
            cut[f"X_{name}"] -= mean
    return cut | {f"X_{name}": cut[f"X_{name}"].transpose(0, 3, 1, 2).copy() for name in parts}


def _load(path: str | os.PathLike[str] | None) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    data = datasets.load_cifar10(path)
    # A loader of a set that is published with labels and a test split leaves out neither.
    return cast("tuple[NDArray, NDArray, NDArray, NDArray]", (data.X_train, data.y_train, data.X_test, data.y_test))
