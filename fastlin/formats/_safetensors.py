"""The arrays of any safetensors file, beside the whole models that `save` and `load_model` keep in the format."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from fastlin import _safetensors
from fastlin._files import read_whole, write_atomically


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file by name, and its metadata.

    Parameters
    ----------
    path : str or path-like
        Any file of the format, such as the head of a network. It is read whole; nothing in it is run.

    Returns
    -------
    arrays : dict of str to ndarray
        As they are stored; bfloat16, which NumPy lacks, as float32 of the same values.
    metadata : dict of str to str
        Empty where the file has none.

    Raises
    ------
    OSError
        When there is no such file, or it may not be read.
    ValueError
        When it is not of the format by the letter, or holds numbers of fewer than 8 bits; the message names it.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "head.safetensors")
    ...     write_safetensors(path, {"weight": np.ones((2, 3), np.float32)}, {"of": "a test"})
    ...     arrays, metadata = read_safetensors(path)
    >>> arrays["weight"].shape, metadata
    ((2, 3), {'of': 'a test'})
    """
    content = read_whole(path)
    try:
        return _safetensors.parse(content)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} is not a safetensors file, or is damaged: {error}") from error


def write_safetensors(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays to `path` as safetensors, atomically.

    Parameters
    ----------
    path : str or path-like
    arrays : mapping of str to ndarray
        Of booleans, integers, or floats of 16, 32 or 64 bits.
    metadata : mapping of str to str, optional

    Raises
    ------
    TypeError
        For an array of another type, naming it, and for `arrays` or `metadata` that are no mapping.
    OSError
        When `path` cannot be written; what was there stays.
    """
    for name, value in (("arrays", arrays), ("metadata", metadata or {})):
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} is a {type(value).__name__}; wanted is a dict by name")
    content = _safetensors.dump({name: np.asarray(array) for name, array in arrays.items()}, metadata or {})
    write_atomically(path, lambda file: file.write(content))
