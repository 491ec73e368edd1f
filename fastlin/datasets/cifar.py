"""CIFAR-10 and CIFAR-100 as their authors publish them: binary or Python version, in a folder or as downloaded.

The files hold images a colour after the other. They are read a few hundred at a time into memory that stays in the
second-level cache, and turned from there to a pixel after the other, so that the pixels are written to memory once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from fastlin._core.planes import interleave
from fastlin.datasets._dataset import Dataset, DatasetError, Layout, check_layout
from fastlin.datasets._home import folder_of
from fastlin.datasets._reader import Reader
from fastlin.datasets._tar import members
from fastlin.datasets._unpickle import decode

SIDE = 32
PIXELS = SIDE * SIDE
IMAGE_BYTES = 3 * PIXELS
# Records read at a time: 787 kB, which with the images made of them stay in most second-level caches.
_BLOCK = 256
# What a pickle holds beside the pixels, a label of 2 bytes and a file name of up to 80 an image, and a text file of
# names holds: all published ones are below.
_MOST_PICKLED = 128
_MOST_NAMES = 1 << 14


class _Part(NamedTuple):
    """A file with images: its name, that of its Python version, its split and how many images."""

    binary: str
    python: str
    split: str
    n_images: int


@dataclass(frozen=True)
class _Published:
    """What the authors publish of one data set; `labels` in the order in which a binary record begins with them."""

    name: str
    title: str
    parts: tuple[_Part, ...]
    labels: dict[str, tuple[str, str, str, int]]  # its binary names, Python labels, Python names, number of classes
    python_meta: str
    folders: tuple[str, str]
    archives: tuple[str, str]


CIFAR10 = _Published(
    "cifar10", "CIFAR-10",
    (
        *(_Part(f"data_batch_{k}.bin", f"data_batch_{k}", "train", 10000) for k in range(1, 6)),
        _Part("test_batch.bin", "test_batch", "test", 10000),
    ),
    {"label": ("batches.meta.txt", "labels", "label_names", 10)},
    "batches.meta",
    ("cifar-10-batches-bin", "cifar-10-batches-py"),
    ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"),
)  # fmt: skip
CIFAR100 = _Published(
    "cifar100", "CIFAR-100",
    (_Part("train.bin", "train", "train", 50000), _Part("test.bin", "test", "test", 10000)),
    {
        "coarse": ("coarse_label_names.txt", "coarse_labels", "coarse_label_names", 20),
        "fine": ("fine_label_names.txt", "fine_labels", "fine_label_names", 100),
    },
    "meta",
    ("cifar-100-binary", "cifar-100-python"),
    ("cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"),
)  # fmt: skip


def load_cifar10(path: str | os.PathLike[str] | None = None, *, layout: Layout = "hwc") -> Dataset:
    """CIFAR-10: 60 000 photographs of ten kinds of animals and vehicles, 32 x 32 pixels in colour.

    Parameters
    ----------
    path : path, optional
        The folder ``cifar-10-batches-bin`` or ``cifar-10-batches-py``, or one in which it lies; or the archive
        ``cifar-10-binary.tar.gz`` or ``cifar-10-python.tar.gz`` as downloaded, which is not unpacked. Default: what
        there is of them in `data_home`, the binary folder first, which loads fastest.
    layout : {"hwc", "chw"}
        ``"hwc"``: images (N, 32, 32, 3), a pixel after the other; ``"chw"``: (N, 3, 32, 32), a colour after the
        other, as the files hold them.

    Returns
    -------
    Dataset
        X_train uint8 of 50 000 images, X_test of 10 000, labels int64 0..9, class names.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`, or nothing in `data_home`; the message says how to get it.
    DatasetError
        When the files are not those that are published; names the file and the place.

    Notes
    -----
    The Python version is a pickle. It is read by a decoder that runs nothing and accepts those files only.

    References
    ----------
    Krizhevsky: Learning multiple layers of features from tiny images. Technical report, University of Toronto, 2009.
    https://www.cs.toronto.edu/~kriz/cifar.html
    """
    return _load(CIFAR10, path, "label", layout)


def load_cifar100(
    path: str | os.PathLike[str] | None = None, labels: Literal["fine", "coarse"] = "fine", *, layout: Layout = "hwc"
) -> Dataset:
    """CIFAR-100: 60 000 photographs of 100 kinds in 20 groups, 32 x 32 pixels in colour.

    Parameters
    ----------
    path : path, optional
        The folder ``cifar-100-binary`` or ``cifar-100-python``, or one in which it lies; or the archive
        ``cifar-100-binary.tar.gz`` or ``cifar-100-python.tar.gz`` as downloaded, which is not unpacked. Default: what
        there is of them in `data_home`, the binary folder first, which loads fastest.
    labels : {"fine", "coarse"}
        The 100 kinds or the 20 groups.
    layout : {"hwc", "chw"}
        As of `load_cifar10`.

    Returns
    -------
    Dataset
        X_train uint8 of 50 000 images, X_test of 10 000, labels int64 0..99 or 0..19, class names.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`, or nothing in `data_home`; the message says how to get it.
    DatasetError
        When the files are not those that are published; names the file and the place.

    References
    ----------
    Krizhevsky: Learning multiple layers of features from tiny images. Technical report, University of Toronto, 2009.
    https://www.cs.toronto.edu/~kriz/cifar.html
    """
    if labels not in ("fine", "coarse"):
        raise ValueError(f"labels is {labels!r}; wanted is 'fine' or 'coarse'")
    return _load(CIFAR100, path, labels, layout)


def name_of(path: Path) -> str | None:
    """``"cifar10"`` or ``"cifar100"`` where a folder or an archive looks like it by its names, else None."""
    if path.is_file():
        return "cifar100" if "cifar-100" in path.name else "cifar10" if "cifar-10" in path.name else None
    if any(_is_version(path, python, CIFAR10) for python in (False, True)):
        return CIFAR10.name
    has_meta = (path / CIFAR100.python_meta).is_file()
    if _is_version(path, False, CIFAR100) or (has_meta and _is_version(path, True, CIFAR100)):
        return CIFAR100.name
    return None


def _is_version(folder: Path, python: bool, published: _Published) -> bool:
    first = published.parts[0]
    return (folder / (first.python if python else first.binary)).is_file()


def _find(published: _Published, path: str | os.PathLike[str] | None) -> tuple[Path, bool]:
    """The folder or archive to read, and whether it is the Python version (of an archive: not known yet)."""
    root = folder_of(path)
    if path is not None and root.is_file():
        return root, False
    if path is not None and not root.exists():
        raise FileNotFoundError(f"{os.fspath(path)!r}: there is nothing there")
    binary, python = published.folders
    for folder, is_python in ((root, False), (root, True), (root / binary, False), (root / python, True)):
        if _is_version(folder, is_python, published):
            return folder, is_python
    for archive in published.archives:
        if (root / archive).is_file():
            return root / archive, False
    raise FileNotFoundError(
        f"{published.title} is not in {os.fspath(root)!r}; fastlin.datasets.fetch_{published.name}() downloads it, or "
        f"put {' or '.join(published.archives)} there"
    )


class _Arrays:
    """Images and labels as they fill up, a split at a time."""

    def __init__(self, published: _Published, labels: str, layout: Layout) -> None:
        self.published, self.labels, self.layout = published, labels, layout
        self.first: dict[str, int] = {}  # of each file, where its images begin in their split
        n = {"train": 0, "test": 0}
        for part in published.parts:
            self.first[part.binary] = n[part.split]
            n[part.split] += part.n_images
        shape = (PIXELS, 3) if layout == "hwc" else (3, PIXELS)
        self.X = {split: np.empty((n[split], *shape), np.uint8) for split in n}
        self.y = {split: np.empty(n[split], np.int64) for split in n}
        self.class_names: tuple[str, ...] | None = None
        self.n_classes = published.labels[labels][3]

    def put(self, part: _Part, start: int, records: np.ndarray, skip: int) -> None:
        """Images from records that hold `skip` bytes each before the pixels, as the `start`-th of their file."""
        begin = self.first[part.binary] + start
        out = self.X[part.split][begin : begin + len(records)]
        if self.layout == "hwc":
            interleave(records, skip, out)
        else:
            out[:] = records[:, skip:].reshape(out.shape)

    def read_binary(self, reader: Reader, part: _Part) -> None:
        keys = list(self.published.labels)
        skip, which = len(keys), keys.index(self.labels)
        buffer = np.empty((min(_BLOCK, part.n_images), skip + IMAGE_BYTES), np.uint8)
        y = self.y[part.split][self.first[part.binary] :][: part.n_images]
        began = reader.offset
        for start in range(0, part.n_images, _BLOCK):
            records = buffer[: part.n_images - start]
            reader.read_into(records.data, "the images")
            self.put(part, start, records, skip)
            y[start : start + len(records)] = records[:, which]
        worst = int(y.argmax())
        if y[worst] >= self.n_classes:
            offset = began + worst * (skip + IMAGE_BYTES) + which
            reader.refuse(f"label {y[worst]}; wanted is 0 to {self.n_classes - 1}", offset)

    def read_python(self, reader: Reader, size: int, part: _Part) -> None:
        if size > part.n_images * (IMAGE_BYTES + _MOST_PICKLED) + _MOST_NAMES:
            reader.refuse(f"the file has {size} bytes, too many for {part.n_images} images")
        content = decode(reader.read(size, "the pickle"), reader.where)
        key = self.published.labels[self.labels][1]
        images, labels = content.get("data"), content.get(key)
        if not isinstance(images, np.ndarray) or images.shape != (part.n_images, IMAGE_BYTES):
            raise DatasetError(f"{reader.where}: 'data' is no array of {part.n_images} images of {IMAGE_BYTES} bytes")
        if (
            not isinstance(labels, list) or len(labels) != part.n_images
            or not all(type(label) is int and 0 <= label < self.n_classes for label in labels)
        ):  # fmt: skip
            raise DatasetError(f"{reader.where}: {key!r} is no list of {part.n_images} labels below {self.n_classes}")
        for start in range(0, part.n_images, _BLOCK):
            self.put(part, start, np.ascontiguousarray(images[start : start + _BLOCK]), 0)
        self.y[part.split][self.first[part.binary] :][: part.n_images] = labels

    def read_names(self, reader: Reader, size: int, python: bool) -> None:
        if size > _MOST_NAMES:
            reader.refuse(f"the file of class names has {size} bytes; wanted is at most {_MOST_NAMES}")
        content = reader.read(size, "the class names")
        if python:
            entry = decode(content, reader.where).get(self.published.labels[self.labels][2])
            lines = entry if isinstance(entry, list) else []
        else:
            lines = [line.strip() for line in bytes(content).split(b"\n") if line.strip()]
        names = tuple(line.decode("latin-1") for line in lines if isinstance(line, bytes))
        if len(names) != self.n_classes:
            raise DatasetError(f"{reader.where} holds {len(names)} class names; wanted is {self.n_classes}")
        self.class_names = names


def _readers(arrays: _Arrays, python: bool) -> dict[str, Callable[[Reader, int], None]]:
    """What to do with each file, by its name."""

    def images(part: _Part) -> Callable[[Reader, int], None]:
        def read(reader: Reader, size: int) -> None:
            if python:
                arrays.read_python(reader, size, part)
                return
            wanted = part.n_images * (len(arrays.published.labels) + IMAGE_BYTES)
            if size != wanted:
                reader.refuse(f"{part.binary} has {size} bytes; wanted is {wanted}")
            arrays.read_binary(reader, part)

        return read

    names = arrays.published.python_meta if python else arrays.published.labels[arrays.labels][0]
    readers = {part.python if python else part.binary: images(part) for part in arrays.published.parts}
    readers[names] = lambda reader, size: arrays.read_names(reader, size, python)
    return readers


def _load(published: _Published, path: str | os.PathLike[str] | None, labels: str, layout: Layout) -> Dataset:
    check_layout(layout)
    source, python = _find(published, path)
    arrays = _Arrays(published, labels, layout)
    missing = _read_archive(source, arrays) if source.is_file() else _read_folder(source, arrays, python)
    if missing:
        raise DatasetError(f"{os.fspath(source)!r} is no whole {published.title}: {', '.join(missing)} is missing")
    shape = (SIDE, SIDE, 3) if layout == "hwc" else (3, SIDE, SIDE)
    X = {split: images.reshape(-1, *shape) for split, images in arrays.X.items()}
    return Dataset(
        published.name, X["train"], arrays.y["train"], X["test"], arrays.y["test"], arrays.class_names, layout
    )


def _read_folder(folder: Path, arrays: _Arrays, python: bool) -> list[str]:
    readers = _readers(arrays, python)
    missing = [name for name in readers if not (folder / name).is_file()]
    if not missing:
        for name, read in readers.items():
            with Reader(folder / name) as reader:
                if reader.compressed:
                    reader.refuse("the file is compressed; wanted is one as unpacked from its archive")
                read(reader, reader.size)
                reader.expect_end()
    return missing


def _read_archive(path: Path, arrays: _Arrays) -> list[str]:
    """Read what the archive holds of either version; return the names of what it lacks."""
    versions = [_readers(arrays, python) for python in (False, True)]
    found: list[set[str]] = [set(), set()]
    with Reader(path) as reader:
        for name, size in _with_own_name(reader):
            for readers, seen in zip(versions, found, strict=True):
                if name in readers:
                    if name in seen:
                        reader.refuse(f"{name} is there twice")
                    readers[name](reader, size)
                    seen.add(name)
    better = int(len(found[1]) > len(found[0]))
    return [name for name in versions[better] if name not in found[better]]


def _with_own_name(reader: Reader) -> Iterator[tuple[str, int]]:
    return ((path.rpartition("/")[2], size) for path, size in members(reader))
