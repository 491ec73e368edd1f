"""Data sets in NumPy's own files, .npz and .npy, read or memory-mapped.

Nothing is unpickled. Every size is checked against what the file really holds before memory is asked for.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from fastlin import _labels
from fastlin._files import as_path
from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets._reader import MOST_DEFLATED

# Compressed arrays may swell a thousandfold; stored ones are as large as their file. 16 GiB is more than any data set
# in these formats that fits the memory of most machines.
MOST_BYTES = 1 << 34
# Magic number and version of the .npy format, and how many bytes say the length of the header that follows.
_LENGTH_BYTES = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
_LONGEST_HEADER = 10000
# Booleans, integers, floats and strings; lengths of the axes as Python 2 wrote them too (3L).
_HEADER = re.compile(
    rb"\{ *'descr': *'([<>|=]?[biufUS]\d{1,9})', *'fortran_order': *(True|False), *'shape': *"
    rb"\(((?:\d{1,19}L?(?:, ?|(?=\))))*)\),? *\} *\n?"
)
_MALFORMED = (
    ValueError, EOFError, OSError, KeyError, TypeError, NotImplementedError, RuntimeError, zipfile.BadZipFile,
    zlib.error, struct.error,
)  # fmt: skip


def load_npz(path: str | os.PathLike[str], *, mmap: bool = False) -> Dataset:
    """A data set from an .npz file, as ``numpy.savez("file.npz", X=X, y=y)`` writes it.

    Parameters
    ----------
    path : path
        The file holds ``X`` and ``y``; or ``X_train``, ``y_train``, ``X_test`` and ``y_test``; and ``class_names``,
        what the labels 0, 1, ... mean, where there are any. ``y`` may be missing, for rows to predict. Nothing is
        unpickled: arrays of objects are refused.
    mmap : bool
        Whether rows stay in the file, mapped into memory and read as they are used. Their checksum is then not
        verified, and the file must be uncompressed, as ``numpy.savez`` (not ``savez_compressed``) writes it.

    Returns
    -------
    Dataset
        Of the file's own dtypes. (N, height, width, channels) are images of layout ``"hwc"``.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    DatasetError
        When it holds something else; a ValueError.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/mine.npz", X=np.eye(4, 3), y=np.arange(4))
    ...     load_npz(f"{folder}/mine.npz")
    <Dataset mine: 4 rows of float64 (3,), no test split>
    """
    text = as_path(path)
    with _open(text) as stream:
        return read_npz(stream, os.path.basename(text).removesuffix(".npz"), repr(text), text if mmap else None)


def load_npy(
    path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None, *, mmap: bool = False
) -> Dataset:
    """Rows from an .npy file, as ``numpy.save`` writes it, with labels from another where there are any.

    Parameters
    ----------
    path : path
        An array (n_rows, n_features) or (n_rows, height, width, channels).
    labels : path, optional
        An array (n_rows,) of labels.
    mmap : bool
        Whether rows stay in the file, mapped into memory and read as they are used.

    Returns
    -------
    Dataset
        Without a test split, of the file's own dtype.

    Raises
    ------
    OSError
        When a file is not there or may not be read.
    DatasetError
        When it holds something else; a ValueError.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/rows.npy", np.eye(4, 3))
    ...     load_npy(f"{folder}/rows.npy")
    <Dataset rows: 4 rows of float64 (3,), no test split>
    """
    text, labels = as_path(path), None if labels is None else as_path(labels, "labels")
    X = _read_npy(text, mmap)
    _check_rows(X, "the array", repr(text))
    y: np.ndarray | None = None
    if labels is not None:
        y = _read_npy(labels, False)
        if y.shape != (len(X),):
            raise DatasetError(
                f"{labels!r} has shape {y.shape}; wanted is ({len(X)},), one label a row of {text!r}"
            )
    return Dataset(os.path.basename(text).removesuffix(".npy"), X, y, layout="hwc" if X.ndim == 4 else None)


def read_npz(stream: IO[bytes], name: str, where: str, path: str | None = None) -> Dataset:
    """A data set from an open .npz file; with `path`, that of the same file, its rows are memory-mapped."""
    try:
        arrays = _read_archive(stream, where, path)
    except DatasetError:
        raise
    except _MALFORMED as error:
        raise DatasetError(f"{where} cannot be read as .npz arrays of numbers or strings: {error}") from error

    X_name, y_name = ("X_train", "y_train") if "X_train" in arrays else ("X", "y")
    if X_name not in arrays:
        raise DatasetError(
            f"{where} holds {', '.join(arrays) or 'nothing'}; wanted is X and y, or X_train, y_train, X_test and y_test"
        )
    pairs = [(X_name, y_name)] + ([("X_test", "y_test")] if "X_test" in arrays else [])
    for X, y in pairs:
        _check_rows(arrays[X], X, where)
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
    if names is not None and (names.ndim != 1 or names.dtype.kind != "U"):
        raise DatasetError(f"{where}: class_names is {names.dtype} of shape {names.shape}; wanted is a row of strings")
    if names is not None:
        _check_names(names, [arrays[y] for _, y in pairs if y in arrays], where)
    return Dataset(
        name, arrays[X_name], arrays.get(y_name), arrays.get("X_test"), arrays.get("y_test"),
        None if names is None else tuple(str(label) for label in names), "hwc" if arrays[X_name].ndim == 4 else None,
    )  # fmt: skip


def _check_rows(X: np.ndarray, name: str, where: str) -> None:
    if X.ndim not in (2, 4):
        raise DatasetError(
            f"{where}: {name} has shape {X.shape}; wanted is (n_rows, n_features) or (n_rows, h, w, channels)"
        )


def _check_names(names: np.ndarray, labels: list[np.ndarray], where: str) -> None:
    """Refuse names that leave a label out, or that make one class of two."""
    if len(np.unique(names)) != len(names):
        raise DatasetError(f"{where}: class_names holds a name twice; wanted is another for each label")
    for y in labels:
        try:
            _labels.named(y, names.tolist())
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from None


def _read_archive(stream: IO[bytes], where: str, path: str | None) -> dict[str, np.ndarray]:
    if stream.read(6) == b"\x93NUMPY":
        raise DatasetError(f"{where} is a single array, no .npz file; wanted is numpy.savez(path, X=X, y=y)")
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(stream) as archive:
        size = stream.seek(0, os.SEEK_END)
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            stored = info.compress_type == zipfile.ZIP_STORED
            if key in arrays:
                raise DatasetError(f"{where} holds {key} twice")
            if info.compress_size > size or info.file_size > info.compress_size * (1 if stored else MOST_DEFLATED):
                raise DatasetError(f"{where}: {key} claims {info.file_size} bytes, which the file cannot hold")
            if not stored and info.file_size > MOST_BYTES:
                raise DatasetError(f"{where}: {key} would take {info.file_size} bytes; wanted is at most {MOST_BYTES}")
            with archive.open(info) as member:
                shape, fortran, dtype = _header(member, info.file_size, f"{where}: {key}")
                start = member.tell()
                if path is None or not key.startswith("X"):
                    array = _empty(shape, fortran, dtype)
                    _fill(member, array)
                    if member.read(1):  # the end, where the checksum is verified
                        raise DatasetError(f"{where}: {key} goes on after its end")
                elif not stored:
                    raise DatasetError(
                        f"{where}: {key} is compressed, so it cannot be memory-mapped; wanted is numpy.savez"
                    )
                else:
                    array = _map(path, _start_of(stream, info) + start, shape, fortran, dtype, size)
            arrays[key] = array
    return arrays


def _start_of(stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a stored member's content begins: behind the local header and its name and extra field."""
    stream.seek(info.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", stream.read(4))
    return info.header_offset + 30 + name_length + extra_length


def _open(path: str) -> IO[bytes]:
    """The file, whose places can be sought: no pipe, and no device, which may have no end."""
    stream = open(path, "rb")  # noqa: SIM115 - the callers close it
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise DatasetError(f"{path!r} is no regular file")
    return stream


def _read_npy(path: str, mmap: bool) -> np.ndarray:
    with _open(path) as stream:
        try:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            shape, fortran, dtype = _header(stream, size, repr(path))
            if mmap:
                return _map(path, stream.tell(), shape, fortran, dtype, size)
            array = _empty(shape, fortran, dtype)
            _fill(stream, array)
            return array
        except DatasetError:
            raise
        except _MALFORMED as error:
            raise DatasetError(f"{path!r} cannot be read as an .npy array of numbers or strings: {error}") from error


def _header(stream: IO[bytes], size: int, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype; refused unless they make exactly the `size` bytes that there are."""
    start = stream.read(8)
    if start not in _LENGTH_BYTES:
        raise ValueError(f"it begins with {start!r}")
    length = int.from_bytes(stream.read(_LENGTH_BYTES[start]), "little")
    found = _HEADER.fullmatch(stream.read(min(length, _LONGEST_HEADER)))
    if not found:
        raise ValueError("its header is none of an array of numbers or strings")
    dtype = np.dtype(found[1].decode())
    fortran = found[2] == b"True"
    shape = tuple(int(n) for n in re.findall(rb"\d+", found[3]))
    wanted = stream.tell() + math.prod(shape) * dtype.itemsize
    if wanted != size:
        raise DatasetError(f"{where} has {size} bytes; wanted is {wanted} for {dtype} of shape {shape}")
    return shape, fortran, dtype


def _empty(shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]) -> np.ndarray:
    return np.empty(shape, dtype, order="F" if fortran else "C")


def _fill(stream: IO[bytes], array: np.ndarray) -> None:
    if array.nbytes == 0:
        return
    view = array.reshape(-1, order="A").view(np.uint8).data
    filled = 0
    while filled < len(view):
        count = stream.readinto(view[filled : filled + (1 << 24)])  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the file ends before the array does")
        filled += count


def _map(path: str, offset: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any], size: int) -> np.ndarray:
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes == 0:  # nothing can be mapped of nothing
        return _empty(shape, fortran, dtype)
    if offset + nbytes > size:
        raise EOFError("the file ends before the array does")
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
