"""A data set by its name or its path."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fastlin._files import as_path
from fastlin.datasets import cifar, folder, idx, toy
from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets.arrays import load_npy, load_npz
from fastlin.datasets.libsvm import load_libsvm
from fastlin.datasets.small import load_fashion_mnist_small


def _toy(name: str) -> Callable[[], Dataset]:
    return lambda: Dataset(name, *toy.MAKERS[name](), layout="hwc" if name == "bars" else None)


NAMES: dict[str, Callable[[], Dataset]] = {
    "fashion-mnist-small": load_fashion_mnist_small,
    "cifar10": cifar.load_cifar10,
    "cifar100": cifar.load_cifar100,
    "mnist": idx.load_mnist,
    "fashion-mnist": idx.load_fashion_mnist,
    **{name: _toy(name) for name in toy.MAKERS},
}
"""Data sets by the name the command line knows them by."""

_CIFAR = {"cifar10": cifar.load_cifar10, "cifar100": cifar.load_cifar100}
_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_LIBSVM = (".svm", ".libsvm", ".svmlight", ".svm.gz", ".libsvm.gz", ".svmlight.gz")
_PATHS = (
    "a path: .npz, .npy, LIBSVM's text in .svm or .libsvm, an IDX file, an archive or folder of CIFAR, a folder of IDX "
    "files, a folder of images by class"
)


def load(name_or_path: str | os.PathLike[str]) -> Dataset:
    """A data set by its name or its path.

    Parameters
    ----------
    name_or_path : str or path
        One of the `NAMES`; or a path:

        - ``*.npz``, ``*.npy``: NumPy's files (`load_npz`, `load_npy`);
        - ``*.svm``, ``*.libsvm``, ``*.svmlight``, also with ``.gz``: LIBSVM's text (`load_libsvm`);
        - ``*idx3-ubyte``, ``*idx3-ubyte.gz``: images without labels (`load_idx`);
        - ``cifar-10*.tar.gz``, ``cifar-100*.tar.gz``: as downloaded (`load_cifar10`, `load_cifar100`);
        - a folder of the files of CIFAR-10, CIFAR-100, MNIST (or Fashion-MNIST, where its name has "fashion" in it), or
          of images, a folder a class (`load_image_folder`).

    Returns
    -------
    Dataset

    Raises
    ------
    OSError
        When nothing is there or it may not be read.
    DatasetError
        When it is none of the above; a ValueError.

    Examples
    --------
    >>> load("ring")
    <Dataset ring: 1000 rows of float32 (2,), no test split>
    """
    text = as_path(name_or_path, "name_or_path")
    if not text:  # to Path the folder that one is in
        raise DatasetError(f"name_or_path is {text!r}; wanted is {_PATHS}; or one of {', '.join(NAMES)}")
    if text in NAMES:
        return NAMES[text]()
    path, lower = Path(text), text.lower()
    if lower.endswith(".npz"):
        return load_npz(text)
    if lower.endswith(".npy"):
        return load_npy(text)
    if lower.endswith(_LIBSVM):
        return load_libsvm(text)
    if path.is_dir():
        return _load_folder(path)
    if path.is_file():
        if lower.removesuffix(".gz").endswith("idx3-ubyte"):
            return idx.load_idx(text)
        published = cifar.name_of(path) if lower.endswith(_ARCHIVES) else None
        if published is not None:
            return _CIFAR[published](text)
        raise DatasetError(
            f"{text!r} is no data set; wanted is {_PATHS}. Of a table that numpy.loadtxt reads, "
            "numpy.savez('table.npz', X=X, y=y) makes one"
        )
    if path.exists():
        raise DatasetError(f"{text!r} is no regular file; wanted is {_PATHS}")
    if os.sep in text or path.suffix:
        raise FileNotFoundError(f"{text!r}: there is nothing there; wanted is {_PATHS}")
    raise DatasetError(f"{text!r} is no data set; wanted is {_PATHS}; or one of {', '.join(NAMES)}")


def _load_folder(path: Path) -> Dataset:
    published = cifar.name_of(path)
    if published is not None:
        return _CIFAR[published](path)
    if idx.is_idx_folder(path):
        return (idx.load_fashion_mnist if "fashion" in path.resolve().name.lower() else idx.load_mnist)(path)
    if folder.has_images(path):
        return folder.load_image_folder(path)
    raise DatasetError(f"the folder {os.fspath(path)!r} holds no data set; wanted is {_PATHS}")
