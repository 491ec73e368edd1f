"""The text format of LIBSVM and svmlight: a row a line, ``label index:value index:value ...``, indices from 1.

Rows come out dense, so the widest index decides about memory: it is compared with a bound before any is taken. Text is
parsed a block of lines at a time, by array operations on its bytes; if a block is not in the format, its lines are gone
through one by one to say which is not.
"""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import numpy as np

from fastlin import _arrays
from fastlin._files import as_path
from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets._reader import Reader

# Bytes of the dense rows, by default.
MOST_BYTES = 1 << 32
_BLOCK = 1 << 20
_LONGEST_LINE = 1 << 26
# Of gzip, whose content may be a thousand times its file: more than any published set's text.
_MOST_TEXT = 1 << 33
# The largest index that the parser's float64 and the arrays' indices both hold by far.
_MOST_INDEX = 1 << 31
_INDEX_DIGITS = 10
_NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LINE = re.compile(rb"(?:%s(?:[ \t]+\d+:%s)*)?" % (_NUMBER, _NUMBER))


class _Rows(NamedTuple):
    """Labels (n,), and of every entry its row, index from 0 and value."""

    labels: np.ndarray
    row: np.ndarray
    column: np.ndarray
    value: np.ndarray


def load_libsvm(
    path: str | os.PathLike[str],
    test_path: str | os.PathLike[str] | None = None,
    *,
    n_features: int | None = None,
    dtype: type[np.float32] | type[np.float64] = np.float32,
    max_bytes: int = MOST_BYTES,
) -> Dataset:
    """Rows from LIBSVM's text format, made dense.

    Parameters
    ----------
    path : path
        Lines ``label index:value index:value ...``, plain or .gz; indices begin with 1 and ascend, what is not there
        is 0, and a comment goes from # to the end of the line.
    test_path : path, optional
        Rows to test on, as wide as those to train on.
    n_features : int, optional
        How wide the rows are; by default as the largest index of all.
    dtype : float32 or float64
        Of the rows.
    max_bytes : int
        What the dense rows of one file may take.

    Returns
    -------
    Dataset
        Labels int64 where all are whole numbers, else float64.

    Raises
    ------
    OSError
        When a file is not there or may not be read.
    DatasetError
        When a line is not in the format, an index is above `n_features`, or the rows would take more than `max_bytes`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(f"{folder}/two.svm", "w") as file:
    ...         _ = file.write("1 1:0.5 3:2\\n-1 2:1\\n")
    ...     data = load_libsvm(f"{folder}/two.svm")
    >>> data.X_train.tolist(), data.y_train.tolist()
    ([[0.5, 0.0, 2.0], [0.0, 1.0, 0.0]], [1, -1])

    References
    ----------
    Chang, Lin: LIBSVM, a library for support vector machines. ACM Trans. Intelligent Systems and Technology 2, 2011.
    """
    if n_features is not None:
        n_features = _arrays.as_count(n_features, "n_features")
    if not isinstance(dtype, str | type | np.dtype) or dtype not in (np.float32, np.float64, "float32", "float64"):
        raise ValueError(f"dtype is {dtype!r}; wanted is float32 or float64")
    max_bytes = _arrays.as_count(max_bytes, "max_bytes")
    paths = [as_path(path)] + ([] if test_path is None else [as_path(test_path, "test_path")])
    parts = [_read(file) for file in paths]
    widths = [int(rows.column.max(initial=-1)) + 1 for rows in parts]
    width = max(widths) if n_features is None else n_features
    dense = []
    for file, rows, own in zip(paths, parts, widths, strict=True):
        size = len(rows.labels) * width * np.dtype(dtype).itemsize
        if own > width:
            raise DatasetError(f"{file!r} has the index {own}; wanted is at most n_features = {width}")
        if width == 0 or len(rows.labels) == 0:
            raise DatasetError(f"{file!r} holds no {'features' if width == 0 else 'rows'}")
        if size > max_bytes:
            raise DatasetError(
                f"{file!r}: {len(rows.labels)} dense rows as wide as the largest index, {width}, would take {size} "
                f"bytes; wanted is at most {max_bytes}"
            )
        X = np.zeros((len(rows.labels), width), dtype)
        with np.errstate(over="ignore"):
            values = rows.value.astype(dtype)
        if not np.isfinite(values).all():
            raise DatasetError(
                f"{file!r} holds {rows.value[~np.isfinite(values)][0]:g}, which is too large for {X.dtype}; wanted is "
                "smaller numbers, or dtype=numpy.float64"
            )
        X[rows.row, rows.column] = values
        dense.append((X, _as_labels(rows.labels)))
    name = os.path.basename(paths[0])
    return Dataset(name, *dense[0]) if len(dense) == 1 else Dataset(name, *dense[0], *dense[1])


def _as_labels(labels: np.ndarray) -> np.ndarray:
    whole = bool(np.all((labels == np.floor(labels)) & (np.abs(labels) < 2**53)))
    return labels.astype(np.int64) if whole else labels


def _read(path: str) -> _Rows:
    parts: list[_Rows] = []
    n_lines = n_rows = 0
    with Reader(path) as reader:
        for text in _blocks(reader):
            rows = _parse(text)
            if rows is None:
                _complain(text, n_lines, reader.where)
            parts.append(rows._replace(row=rows.row + n_rows))
            n_rows += len(rows.labels)
            n_lines += text.count(b"\n")
    if not parts:
        return _Rows(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _blocks(reader: Reader) -> Iterator[bytes]:
    """Whole lines, about a megabyte at a time."""
    rest = b""
    chunk = memoryview(bytearray(_BLOCK))
    while count := reader.read_some(chunk):
        if reader.compressed and reader.offset > _MOST_TEXT:
            reader.refuse(f"the text goes on after {_MOST_TEXT} bytes")
        text = rest + bytes(chunk[:count])
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if len(rest) > _LONGEST_LINE:
            reader.refuse(f"a line of more than {_LONGEST_LINE} bytes")
        if end:
            yield text[:end]
    if rest:
        yield rest + b"\n"


def _parse(text: bytes) -> _Rows | None:
    """The rows of a block of lines, None where it is not in the format."""
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    if text.translate(None, b"0123456789+-.eE: \t\r\n"):
        return None
    bytes_ = np.frombuffer(text, np.uint8)
    colon = bytes_ == ord(":")
    blank = (bytes_ <= ord(" ")) | colon
    starts = np.flatnonzero(~blank & np.concatenate(([True], blank[:-1])))
    if len(starts) == 0:
        return None if colon.any() else _Rows(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    # What each token is: the first of a line is a label, one behind a colon a value, one before it an index.
    line = np.cumsum(bytes_ == ord("\n"))[starts]
    is_label = np.concatenate(([True], line[1:] != line[:-1]))
    is_value = colon[starts - 1] & (starts > 0)
    places = np.flatnonzero(colon)
    if places.size and (places[0] == 0 or blank[places - 1].any() or blank[places + 1].any()):
        return None  # a colon that does not stand between an index and a value
    is_index = ~is_label & ~is_value
    if (is_label & is_value).any() or is_value.sum() != len(places) or is_index.sum() != len(places):
        return None
    if not np.array_equal(np.flatnonzero(is_index) + 1, np.flatnonzero(is_value)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # of text that is no number, where parsing ends
        try:
            numbers = np.fromstring(text.replace(b":", b" ").decode("ascii"), np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    if len(numbers) != len(starts) or not np.isfinite(numbers).all():
        return None
    indices, row = numbers[is_index], np.cumsum(is_label)[is_index] - 1
    # Digits alone make an index: a sign, point or exponent before its colon shows in this count.
    odd = np.concatenate(([0], np.cumsum((bytes_ < ord("0")) | (bytes_ > ord("9")))))
    first = starts[is_index]
    whole = (odd[places] == odd[first]) & (places - first <= _INDEX_DIGITS)
    if not (whole & (indices >= 1) & (indices <= _MOST_INDEX)).all():
        return None
    if ((np.diff(indices) <= 0) & (np.diff(row) == 0)).any():
        return None
    return _Rows(numbers[is_label], row, indices.astype(np.int64) - 1, numbers[is_value])


def _complain(text: bytes, n_before: int, where: str) -> NoReturn:
    """Raise the error that names the first line which is not in the format."""
    for number, full in enumerate(text.split(b"\n"), n_before + 1):
        line = full.split(b"#")[0].strip(b" \t\r")  # not all that Python takes for blanks: `_parse` does not
        if not _LINE.fullmatch(line):
            shown = line[:60].decode("ascii", "backslashreplace")
            raise DatasetError(f"{where}, line {number}: {shown!r}; wanted is 'label index:value index:value ...'")
        tokens = line.replace(b":", b" ").split()
        if not np.isfinite(np.array(tokens[:1] + tokens[2::2], np.float64)).all():
            raise DatasetError(f"{where}, line {number}: a number is too large for float64")
        indices = [float(index) for index in tokens[1::2]]
        if any(len(index) > _INDEX_DIGITS for index in tokens[1::2]) or not all(
            1 <= index <= _MOST_INDEX for index in indices
        ):
            raise DatasetError(f"{where}, line {number}: an index is not from 1 to {_MOST_INDEX}")
        if any(second <= first for first, second in itertools.pairwise(indices)):
            raise DatasetError(f"{where}, line {number}: the indices do not ascend")
    raise AssertionError(f"{where}: a block of lines is refused, and each of them is in the format")
