"""The .npz format as `numpy.savez` writes it; read without trust: nothing unpickled, no size believed unchecked.

`numpy.load` reads lazily and allocates by what a member says of itself; this reader takes a whole file's bytes and
gives copies of the arrays it really holds.
"""

from __future__ import annotations

import io
import math
import re
import sys
import zipfile
from collections.abc import Mapping
from typing import IO

import numpy as np

# Magic, version 1.0, length, and the header as `numpy.save` writes it: a Python literal, which is not evaluated here.
# The comma after a single length stands, as in Python's tuples of one; of lengths there are as many as every NumPy has.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<descr>[<>|](?P<kind>[biufUS])\d{1,9})', 'fortran_order': False, "
    rb"'shape': \((?P<shape>|\d{1,19},|\d{1,19}(, \d{1,19}){1,31})\), \} *\n",
    re.DOTALL,
)


def write(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays`, of kinds that need no pickling, as an uncompressed .npz in C order: as `parse` wants it."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            # As in NumPy: how large a member becomes is not known when it begins.
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                in_c_order = np.require(array, requirements="C")  # np.ascontiguousarray makes an axis of a number
                np.lib.format.write_array(member, in_c_order, version=(1, 0), allow_pickle=False)


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
    start = 10 + int.from_bytes(content[8:10], "little")
    header = _HEADER.fullmatch(content[:start])
    if header is None or header["kind"].decode() not in kinds:
        raise ValueError(f"its member {name!r} is not of the .npy format 1.0 in C order, of a dtype of {kinds}")
    dtype = np.dtype(header["descr"].decode())
    shape = tuple(int(length) for length in header["shape"].split(b",") if length)
    data = content[start:]
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) or dtype.itemsize == 0:
        raise ValueError(f"its member {name!r} holds {len(data)} bytes where its shape {shape} takes {size}")
    array = np.ndarray(shape, dtype, data).copy()
    # What NumPy takes as it comes, and what is no value of the type.
    if dtype.kind == "U" and (array.reshape(-1).view(dtype.str[0] + "u4") > sys.maxunicode).any():
        raise ValueError(f"its member {name!r} holds numbers that are no characters")
    if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise ValueError(f"its member {name!r} holds booleans other than 0 and 1")
    return array
