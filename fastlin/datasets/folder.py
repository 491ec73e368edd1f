"""A folder of image files, a folder a class."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fastlin._files import as_path
from fastlin.datasets._dataset import Dataset, DatasetError

# What is opened as what; nothing else is tried, whatever a file holds: for some formats Pillow runs a program.
_FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WEBP", ".tif": "TIFF",
    ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM",
}  # fmt: skip
# Pixels of one file, known from its header before any is decoded: a photograph of 64 megapixels. A small file can
# claim any number.
MOST_PIXELS = 1 << 26
# Bytes of all images together.
MOST_BYTES = 1 << 34
_WIDE_MODES = ("I", "F")  # more than 8 bits a channel


def load_image_folder(
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    *,
    color: Literal["rgb", "gray", "grey"] = "rgb",
) -> Dataset:
    """Image files by class: each folder inside `path` is a class, and its images are of it.

    Parameters
    ----------
    path : path
        A folder of folders; their names, sorted, are the classes 0, 1, ... With folders ``train`` and ``test`` (and
        none other) the classes are inside each of these, the same ones. A folder of images without folders has no
        labels: rows to predict. PNG, JPEG, BMP, GIF (the first frame), WebP, TIFF, PPM and PGM are read; files and
        folders that begin with a dot, and files that end otherwise, are left out.
    size : (height, width), optional
        What every image is resized to, without keeping its proportions; by default all must have one size.
    color : {"rgb", "gray"}
        Three channels or one; "grey" is taken too. Transparency is dropped, and photographs are turned upright as their
        EXIF entry says.

    Returns
    -------
    Dataset
        uint8 (N, height, width, channels), in the order of classes, then file names; labels int64 with class names.

    Raises
    ------
    ImportError
        Without Pillow: ``pip install 'fastlin[image]'``.
    OSError
        When the folder is not there or a file may not be read.
    DatasetError
        When a file is no image, or larger than 64 megapixels, or of another size than the first.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(f"{folder}/{name}")
    ...         Image.new("RGB", (6, 4)).save(f"{folder}/{name}/1.png")
    ...     data = load_image_folder(folder)
    >>> data.X_train.shape, data.y_train.tolist(), data.class_names
    ((2, 4, 6, 3), [0, 1], ('cat', 'dog'))
    """
    if color not in ("rgb", "gray", "grey"):
        raise ValueError(f"color is {color!r}; wanted is 'rgb' or 'gray'")
    size = None if size is None else _as_size(size)
    root = Path(as_path(path))
    decode = _decoder(color)
    folders = _folders(root)
    if {folder.name for folder in folders} == {"train", "test"}:
        class_names = [folder.name for folder in _folders(root / "train")]
        if class_names != [folder.name for folder in _folders(root / "test")]:
            raise DatasetError(f"{os.fspath(root)!r}: train and test hold other classes; wanted is the same in both")
        X, y = _load([root / "train" / name for name in class_names], size, decode)
        X_test, y_test = _load([root / "test" / name for name in class_names], X.shape[1:3], decode, size is not None)
        return Dataset(root.resolve().name, X, y, X_test, y_test, tuple(class_names), "hwc")
    if folders:
        X, y = _load(folders, size, decode)
        return Dataset(root.resolve().name, X, y, class_names=tuple(folder.name for folder in folders), layout="hwc")
    X, _ = _load([root], size, decode)
    return Dataset(root.resolve().name, X, None, layout="hwc")


def _as_size(size: Any) -> tuple[int, int]:
    wanted = f"wanted is (height, width), at least 1 and at most {MOST_PIXELS} pixels"
    try:
        height, width = map(operator.index, size)
    except TypeError:
        raise TypeError(f"size is {size!r}; {wanted}") from None
    except ValueError:  # not two of them
        raise ValueError(f"size is {size!r}; {wanted}") from None
    if min(height, width) < 1 or height * width > MOST_PIXELS:
        raise ValueError(f"size is {size!r}; {wanted}")
    return height, width


def image_files(path: str | os.PathLike[str]) -> list[Path]:
    """The files that `load_image_folder` reads, in its order: of the test split, where there is one."""
    root = Path(path)
    folders = _folders(root)
    if {folder.name for folder in folders} == {"train", "test"}:
        root, folders = root / "test", _folders(root / "test")
    return [file for folder in folders or [root] for file in _images(folder)]


def has_images(folder: Path) -> bool:
    """Whether there is an image in the folder, or in one inside it, or inside that."""
    inside = _folders(folder)
    deeper = (place for parent in inside for place in _folders(parent))
    return any(_images(place) for place in (folder, *inside, *deeper))


def _folders(folder: Path) -> list[Path]:
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir()
        if file.suffix.lower() in _FORMATS and not file.name.startswith(".") and file.is_file()
    )  # fmt: skip


def _load(
    folders: list[Path],
    size: tuple[int, ...] | None,
    decode: Callable[[Path, tuple[int, ...] | None], np.ndarray],
    resize: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Images of one split; they must have `size` if they are not to be resized to it."""
    files = [_images(folder) for folder in folders]
    for folder, inside in zip(folders, files, strict=True):
        if not inside:
            raise DatasetError(f"{os.fspath(folder)!r} holds no image; wanted is files in {' '.join(_FORMATS)}")
    y = np.repeat(np.arange(len(folders)), [len(inside) for inside in files])
    X: np.ndarray | None = None
    for k, file in enumerate(file for inside in files for file in inside):
        image = decode(file, size if resize else None)
        if X is None:
            shape = image.shape if size is None else (*size, image.shape[2])
            if len(y) * image.nbytes > MOST_BYTES:
                raise DatasetError(
                    f"{len(y)} images of {image.shape[0]} x {image.shape[1]} pixels would take "
                    f"{len(y) * image.nbytes} bytes; wanted is at most {MOST_BYTES}: give a smaller size"
                )
            X, first = np.empty((len(y), *shape), np.uint8), file
        if image.shape != X.shape[1:]:
            height, width = X.shape[1:3]
            raise DatasetError(
                f"{os.fspath(file)!r} has {image.shape[0]} x {image.shape[1]} pixels; wanted is {height} x {width}, as "
                f"{os.fspath(first)!r} and those before it, or size=({height}, {width}) to resize all"
            )
        X[k] = image
    assert X is not None  # there is an image in each folder
    return X, y.astype(np.int64)


def _decoder(color: str) -> Callable[[Path, tuple[int, ...] | None], np.ndarray]:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError("image files need Pillow: pip install 'fastlin[image]'") from error

    def decode(file: Path, size: tuple[int, ...] | None) -> np.ndarray:
        where = repr(os.fspath(file))
        with open(file, "rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities in metadata; of size the check below
            try:
                with Image.open(stream, formats=[_FORMATS[file.suffix.lower()]]) as image:
                    width, height = image.size
                    if width * height > MOST_PIXELS:
                        raise DatasetError(f"{where} claims {width} x {height} pixels; wanted is {MOST_PIXELS} at most")
                    if image.mode[0] in _WIDE_MODES:
                        raise DatasetError(f"{where} has pixels of mode {image.mode}; wanted is 8 bits a channel")
                    upright = ImageOps.exif_transpose(image).convert("RGB" if color == "rgb" else "L")
                    if size is not None:
                        upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            except DatasetError:
                raise
            # Pillow's plugins raise whatever a damaged file leads them to.
            except Exception as error:
                raise DatasetError(f"{where} cannot be read as an image: {error}") from error
            pixels = np.asarray(upright, np.uint8)
            return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]

    return decode
