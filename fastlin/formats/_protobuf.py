"""Protocol buffers' wire format, as far as writing a small ONNX file takes it.

A message is a run of fields; a field is a key, number << 3 | kind, and a value: of kind 0 a varint, of kind 2 a length
and that many bytes (https://protobuf.dev/programming-guides/encoding). Repeated fields come one after another.
"""

from __future__ import annotations

from typing import Any

_VARINT, _BYTES = 0, 2


def message(*fields: tuple[int, Any]) -> bytes:
    """The bytes of a message with these (number, value) fields: an int from 0, a str, or the bytes of another."""
    return b"".join(part for number, value in fields for part in _field(number, value))


def _field(number: int, value: Any) -> tuple[bytes, ...]:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT), _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES), _varint(len(content)), content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
