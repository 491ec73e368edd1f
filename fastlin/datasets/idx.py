"""IDX files: MNIST, Fashion-MNIST, and whatever else comes in that format, plain or gzip.

The format: two zero bytes, a byte for the type (8: unsigned bytes), one for the number of axes, their lengths as
big-endian 32-bit integers, then the values in C order.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import numpy as np

from fastlin._files import as_path
from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets._home import folder_of
from fastlin.datasets._reader import Reader

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_UNSIGNED_BYTE = 8
# Of gzip, whose content may be a thousand times its file: ten times the largest published set (EMNIST, 814 255 images).
_MOST_BYTES = 1 << 33
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def load_mnist(path: str | os.PathLike[str] | None = None) -> Dataset:
    """MNIST: 70 000 handwritten digits, 28 x 28 grey pixels.

    Parameters
    ----------
    path : path, optional
        A folder with the four IDX files, plain or .gz; by default ``mnist`` in `data_home`.

    Returns
    -------
    Dataset
        X_train uint8 (60000, 28, 28, 1), X_test uint8 (10000, 28, 28, 1), labels int64 0..9 with their class names.

    Raises
    ------
    FileNotFoundError
        When a file is not there; the message says how to get it.
    DatasetError
        When a file is not in the format; names the file and the place.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition. Proc. IEEE 86, 1998.
    """
    return _load(path, "mnist", "MNIST", DIGITS)


def load_fashion_mnist(path: str | os.PathLike[str] | None = None) -> Dataset:
    """Fashion-MNIST: 70 000 photographs of clothes, 28 x 28 grey pixels, ten kinds.

    Parameters
    ----------
    path : path, optional
        A folder with the four IDX files, plain or .gz; by default ``fashion-mnist`` in `data_home`.

    Returns
    -------
    Dataset
        X_train uint8 (60000, 28, 28, 1), X_test uint8 (10000, 28, 28, 1), labels int64 0..9 with their class names.

    Raises
    ------
    FileNotFoundError
        When a file is not there; the message says how to get it.
    DatasetError
        When a file is not in the format; names the file and the place.

    References
    ----------
    Xiao, Rasul, Vollgraf: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms.
    arXiv:1708.07747.
    """
    return _load(path, "fashion-mnist", "Fashion-MNIST", CLOTHES)


def load_idx(images: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None) -> Dataset:
    """Images from one IDX file, plain or .gz, with labels from another where there are any.

    Parameters
    ----------
    images : path
        Unsigned bytes of shape (N, height, width).
    labels : path, optional
        Unsigned bytes of shape (N,).

    Returns
    -------
    Dataset
        Without a test split; X_train uint8 (N, height, width, 1), labels int64.

    Raises
    ------
    OSError
        When a file is not there or may not be read.
    DatasetError
        When a file is not in the format; names the file and the place.

    Examples
    --------
    Two images of 1 x 3 pixels: two zeros, the type of bytes, the number of axes, their lengths, the pixels.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "few-images-idx3-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 3]) + np.array([2, 1, 3], ">u4").tobytes() + bytes(range(6)))
    ...     load_idx(path).X_train[..., 0].tolist()
    [[[0, 1, 2]], [[3, 4, 5]]]
    """
    images = as_path(images, "images")
    X = _read(images, 3)[..., np.newaxis]
    y = None if labels is None else _read_labels(as_path(labels, "labels"), len(X))
    return Dataset(os.path.basename(images), X, y, layout="hwc")


def is_idx_folder(folder: Path) -> bool:
    """Whether the images to train on are there."""
    return _one_of(folder, FILES[0]) is not None


def _load(path: str | os.PathLike[str] | None, name: str, title: str, class_names: tuple[str, ...]) -> Dataset:
    folder = folder_of(path, name)
    found = [_one_of(folder, file) for file in FILES]
    files = [file for file in found if file is not None]
    if len(files) < len(FILES):
        raise FileNotFoundError(
            f"{title} is not in {os.fspath(folder)!r}; fastlin.datasets.fetch_{name.replace('-', '_')}() downloads it, "
            f"or put {', '.join(file + '.gz' for file in FILES)} there"
        )
    X_train, X_test = _read(files[0], 3), _read(files[2], 3)
    if X_test.shape[1:] != X_train.shape[1:]:
        raise DatasetError(
            f"{os.fspath(files[2])!r} has images of {X_test.shape[1:]} pixels; wanted is {X_train.shape[1:]}, as in "
            f"{os.fspath(files[0])!r}"
        )
    y_train = _read_labels(files[1], len(X_train), len(class_names))
    y_test = _read_labels(files[3], len(X_test), len(class_names))
    return Dataset(name, X_train[..., np.newaxis], y_train, X_test[..., np.newaxis], y_test, class_names, "hwc")


def _one_of(folder: Path, name: str) -> Path | None:
    """The file under any of the names that it goes by; some tools that unpack write a dot for the second dash."""
    dotted = name.replace("-idx", ".idx")
    candidates = (folder / f"{stem}{suffix}" for stem in (name, dotted) for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _read_labels(path: str | os.PathLike[str], n: int, n_classes: int = 256) -> np.ndarray:
    labels = _read(path, 1)
    if len(labels) != n:
        raise DatasetError(f"{os.fspath(path)!r} has {len(labels)} labels; wanted is {n}, one an image")
    if n and labels.max() >= n_classes:
        worst = int(labels.argmax())
        raise DatasetError(
            f"{os.fspath(path)!r}, byte {8 + worst}: label {labels[worst]}; wanted is 0 to {n_classes - 1}"
        )
    return labels.astype(np.int64)


def _read(path: str | os.PathLike[str], n_axes: int) -> np.ndarray:
    with Reader(path) as reader:
        magic = bytes(reader.read(4, "the magic number"))
        if magic != bytes((0, 0, _UNSIGNED_BYTE, n_axes)):
            wanted = f"00 00 08 {n_axes:02x}, unsigned bytes of {n_axes} axes"
            reader.refuse(f"the magic number is {magic.hex(' ')}; wanted is {wanted}", 0)
        shape = struct.unpack(f">{n_axes}I", reader.read(4 * n_axes, "the lengths of the axes"))
        size = math.prod(shape)
        if 0 in shape[1:]:
            reader.refuse(f"images of {shape[1:]} pixels", 4)
        if size > _MOST_BYTES:
            reader.refuse(f"values of shape {shape} would take {size} bytes; wanted is at most {_MOST_BYTES}", 4)
        reader.expect(size, f"values of shape {shape}")
        values = np.empty(shape, np.uint8)
        if size:
            reader.read_into(values.data, f"the values of shape {shape}")
        reader.expect_end()
    return values
