"""The safetensors format, written and read by the letter: named arrays and string metadata, nothing that could run.

    8 bytes      length of the header, little-endian
    header       JSON: {"__metadata__": {key: string}, name: {"dtype", "shape", "data_offsets": [begin, end]}}
    the rest     the arrays' bytes in C order, little-endian, one after another, without a gap

The format is that of https://github.com/huggingface/safetensors. It is simple enough that an own reader costs less than
a dependency, and this one is stricter than the format asks: what a reader could take in two ways is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

# The reference reader refuses longer headers too.
_LONGEST_HEADER = 100_000_000
# As many as every NumPy has.
_MOST_AXES = 32

_CODES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4", "I32": "<i4",
    "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
_DTYPES = {code: np.dtype(dtype) for code, dtype in _CODES.items()}
# What NumPy lacks: the upper half of a float32, read as that float32.
_BFLOAT16 = "BF16"


def dump(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The file that holds `arrays`, of booleans, integers and floats up to 64 bits, and `metadata`."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    parts: list[bytes] = []
    end = 0
    # The widest first: each array then lies at a multiple of its width, for readers that map the file.
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        code, part = _encoded(name, array)
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [end, end + len(part)]}
        end += len(part)
        parts.append(part)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LONGEST_HEADER:
        raise ValueError(f"the header takes {len(text)} bytes; wanted is at most {_LONGEST_HEADER}")
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _encoded(name: str, array: np.ndarray) -> tuple[str, bytes]:
    little = array.dtype.newbyteorder("<")
    for code, dtype in _DTYPES.items():
        if little == dtype and name != "__metadata__":
            return code, array.astype(little, copy=False).tobytes()
    raise TypeError(f"{name} has dtype {array.dtype}, which safetensors cannot hold; wanted is numbers of 8 to 64 bits")


def looks_like(content: bytes) -> bool:
    """Whether `content` begins as a safetensors file does."""
    return content[8:9] == b"{"


def parse(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the metadata of a safetensors file; bfloat16 comes as float32.

    Raises
    ------
    ValueError
        For what is not such a file, whole and by the letter.
    """
    if len(content) < 8:
        raise ValueError(f"it has {len(content)} bytes, fewer than the 8 that say how long its header is")
    length = int.from_bytes(content[:8], "little")
    if length > min(_LONGEST_HEADER, len(content) - 8):
        raise ValueError(f"its header is said to take {length} bytes, of {len(content) - 8} there are")
    header = as_object(content[8 : 8 + length])
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its __metadata__ is not an object of strings")
    data = memoryview(content)[8 + length :]
    arrays, extents = {}, []
    for name, entry in header.items():
        arrays[name], extent = _array(name, entry, data)
        extents.append(extent)
    end = 0
    for start, stop in sorted(extents):
        if start != end:
            raise ValueError(f"its arrays leave a gap, or overlap, at byte {min(start, end)} of the data")
        end = stop
    if end != len(data):
        raise ValueError(f"its arrays take {end} bytes, of {len(data)} there are")
    return arrays, metadata


def as_object(text: bytes | str) -> dict[str, Any]:
    """A JSON object, of which no key comes twice and no number is NaN or infinite."""
    if isinstance(text, bytes):
        text = text.decode()  # strictly UTF-8: json.loads would guess at UTF-16 too
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("its header is not a JSON object")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header has a key twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"its header holds {name}, which is not JSON")


def _array(name: str, entry: Any, data: memoryview) -> tuple[np.ndarray, tuple[int, int]]:
    """One array, copied out of the data only after all that is said of it was found to agree, and where it lay."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its entry {name!r} does not give just dtype, shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or (code not in _DTYPES and code != _BFLOAT16):
        raise ValueError(f"its array {name!r} has dtype {code!r}; wanted is one of {', '.join(_DTYPES)}, {_BFLOAT16}")
    for sizes in (shape, offsets):
        # Bounded, so that the product below is quickly computed whatever is written there.
        whole = isinstance(sizes, list) and all(type(size) is int and 0 <= size < 2**63 for size in sizes)
        if not whole or len(sizes) > _MOST_AXES:
            raise ValueError(f"its array {name!r} has sizes {sizes!r:.80}; wanted is lists of integers >= 0")
    dtype = np.dtype("<u2") if code == _BFLOAT16 else _DTYPES[code]
    size = math.prod(shape) * dtype.itemsize
    if len(offsets) != 2 or offsets[1] > len(data) or offsets[1] - offsets[0] != size:
        raise ValueError(f"its array {name!r} of shape {shape!r:.80} is not at {offsets!r:.80}, or not all of it")
    start, stop = offsets
    flat = np.frombuffer(data[start:stop], dtype)
    if code == "BOOL" and (flat.view(np.uint8) > 1).any():
        raise ValueError(f"its array {name!r} holds booleans other than 0 and 1")
    if code == _BFLOAT16:
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    # In the machine's byte order, and of the array's own memory.
    return flat.astype(flat.dtype.newbyteorder("=")).reshape(shape), (start, stop)
