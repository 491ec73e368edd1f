"""The .npz format as `numpy.savez` writes it, read without trust: nothing unpickled, no size believed before it is checked.

`numpy.load` reads lazily and allocates by what a member says of itself; this reader takes a whole file's bytes and gives
copies of the arrays it really holds.
"""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np


def parse(content: bytes, kinds: str) -> dict[str, np.ndarray]:
    """The arrays of an uncompressed .npz by name; `kinds` are those of NumPy's dtypes there may be, of biufUS.

    Raises
    ------
    Exception
        ValueError, zipfile.BadZipFile or whatever else ZIP files and NumPy's headers can go wrong with.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        # Members may be said to lie on top of one another, and a small file to hold a thousand large ones.
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("its members are said to be larger than the file")
        arrays = {entry.filename.removesuffix(".npy"): _array(archive, entry, kinds) for entry in entries}
    if len(arrays) < len(entries):
        raise ValueError("it has two members of one name")
    return arrays


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kinds: str) -> np.ndarray:
    name = entry.filename
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ValueError(f"its member {name!r} is compressed")
    content = archive.read(entry)  # checks the member's CRC-32
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"its member {name!r} is not an array of the .npy format 1.0")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in kinds or dtype.itemsize == 0 or fortran_order:
        raise ValueError(f"its member {name!r} has dtype {dtype}, or is not in C order")
    data = content[stream.tell() :]
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) or any(length < 0 for length in shape):
        raise ValueError(f"its member {name!r} holds {len(data)} bytes where its shape {shape} takes {size}")
    array = np.ndarray(shape, dtype, data).copy()
    if dtype.kind == "U":
        array.tolist()  # raises for a number that is no character, which NumPy takes as it comes
    if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise ValueError(f"its member {name!r} holds booleans other than 0 and 1")
    return array
