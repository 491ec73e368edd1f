"""Weights as the course's classifiers save them: the dictionary {"W": W}, pickled into an ``.npy``."""

from __future__ import annotations

import io
import os
import pickle
from typing import Any, BinaryIO

import numpy as np

from fastlin import _files


def write(fname: str | os.PathLike[str], W: np.ndarray) -> None:
    """Write `W`, whole or not at all."""
    content: Any = {"W": np.ascontiguousarray(W)}
    _files.write_atomically(_path(fname), lambda stream: np.save(stream, content, allow_pickle=True))


def read(fname: str | os.PathLike[str]) -> np.ndarray | None:
    """The weights that `write` or the course wrote; None where there is no such file."""
    path = _path(fname)
    try:
        content = _files.read_whole(path)
    except FileNotFoundError:
        return None
    try:
        return _weights(io.BytesIO(content))
    except Exception as error:  # damaged bytes make the readers raise whatever they please
        raise ValueError(f"{path!r} holds no saved classifier: {error}") from None


def _weights(stream: BinaryIO) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if shape != () or not dtype.hasobject:
        raise ValueError("it is an array of numbers; wanted is a dictionary with the array W")
    # An array of objects has its items at the end of its state.
    (content,) = _Reader(stream).load().state[-1]
    return content["W"].array()


class _Reader(pickle.Unpickler):
    """Reads dictionaries and arrays. The three names that these ask for mean nothing but the classes below."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] != "numpy" or name not in _MEANT:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return _MEANT[name]


class _Type:
    """What a pickle says of a dtype: its letter and size, and the order of its bytes."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.code = state[1] + self.code


class _Array:
    """What a pickle says of an array."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _, shape, dtype, fortran, content = self.state
        if dtype.code not in ("<f8", "<f4", "<f2", ">f8", ">f4", ">f2"):
            raise ValueError(f"W has dtype {dtype.code!r}; wanted is floats")
        return np.frombuffer(content, dtype.code).reshape(shape, order="F" if fortran else "C").astype(dtype.code[1:])


_MEANT = {"_reconstruct": _Array, "ndarray": _Array, "dtype": _Type}


def _path(fname: str | os.PathLike[str]) -> str:
    path = _files.as_path(fname, "fname")
    return path if path.endswith(".npy") else path + ".npy"
