"""PNG files of plain pixels, written with the standard library alone.

A file is the eight bytes of the signature and three chunks: the header, the rows of pixels deflated, the end. Each
chunk is its length, its name, its bytes, and a checksum of name and bytes. A row of pixels is preceded by the number of
its filter, here always 0, none: templates are noise to a filter, and small.

References: Portable Network Graphics (PNG) Specification, third edition, W3C 2025, chapters 5 and 11.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any

import numpy as np

from fastlin import _arrays
from fastlin._files import write_atomically

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_LARGEST_SIDE = 2**31 - 1


def encode_png(pixels: Any) -> bytes:
    """The bytes of a PNG file of `pixels`.

    Parameters
    ----------
    pixels : ndarray of uint8, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB, or RGB with opacity; the first row is the top.

    Returns
    -------
    bytes
        The same pixels give the same bytes, for one version of zlib.

    Raises
    ------
    ValueError, TypeError
        For pixels of another type or shape, or none.

    Examples
    --------
    >>> import numpy as np
    >>> encode_png(np.zeros((2, 2), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    array = _arrays.as_array(pixels, "pixels")
    if array.dtype != np.uint8:
        raise TypeError(f"pixels has dtype {array.dtype}; wanted is uint8")
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[2] not in _COLOUR_TYPES or array.size == 0 or max(array.shape) > _LARGEST_SIDE:
        raise ValueError(
            f"pixels has shape {np.shape(pixels)}; wanted is (height, width), or (height, width, channels) with 1, 3 "
            "or 4 channels, and at least one pixel"
        )
    height, width, channels = array.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = array.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    deflated = zlib.compress(rows.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", deflated) + _chunk(b"IEND", b"")


def write_png(path: str | os.PathLike[str], pixels: Any) -> None:
    """Write `pixels`, as of `encode_png`, to `path`, atomically."""
    data = encode_png(pixels)
    write_atomically(path, lambda file: file.write(data))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
