"""A tar archive read as a stream: names and contents of its files, nothing unpacked to disk.

Only what the published archives hold is taken: regular files and folders below the archive's own root. A link, a
device, a path that leads elsewhere, a damaged header or an archive that swells beyond all measure is refused with its
place.
The format is that of POSIX.1-1988 (ustar) and its pre-POSIX form.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastlin.datasets._reader import Reader

_BLOCK = 512
# The largest published archive holds 186 MB in 9 files.
_MOST_BYTES = 1 << 29
_MOST_MEMBERS = 1000
_MOST_EXTENDED = 1 << 16


def members(reader: Reader) -> Iterator[tuple[str, int]]:
    """Path and size of each regular file; what the caller does not read of it before the next is skipped."""
    for _ in range(_MOST_MEMBERS):
        start = reader.offset
        header = bytes(reader.read(_BLOCK, "the header of a tar member"))
        if not any(header):
            _drain(reader)
            return
        path, size, kind = _parse(reader, header, start)
        if start + size > _MOST_BYTES:
            reader.refuse(f"{path!r} has {size} bytes; wanted is at most {_MOST_BYTES} in the archive", start)
        if kind in (b"x", b"g"):
            # Times and owners of the next member, which do not matter; a path or a size there would.
            if size > _MOST_EXTENDED:
                reader.refuse(f"an extended header has {size} bytes; wanted is at most {_MOST_EXTENDED}", start)
            content = bytes(reader.read(size, "an extended header"))
            if any(b" " + key + b"=" in content for key in (b"path", b"linkpath", b"size")):
                reader.refuse("an extended header changes the path or size of a member", start)
        elif kind in (b"0", b"\0"):
            yield path, size
        elif kind != b"5":
            reader.refuse(f"{path!r} is neither a file nor a folder", start)
        end = start + _BLOCK + -(-size // _BLOCK) * _BLOCK
        reader.skip(end - reader.offset, f"{path!r}")
    reader.refuse(f"the archive has more than {_MOST_MEMBERS} members")


def _drain(reader: Reader) -> None:
    """Read the padding that ends an archive, so that of gzip the checksum is verified."""
    padding = memoryview(bytearray(_BLOCK))
    while count := reader.read_some(padding):
        if any(padding[:count]):
            reader.refuse("the archive goes on after its end")
        if reader.offset > _MOST_BYTES:
            reader.refuse(f"the archive is longer than {_MOST_BYTES} bytes")


def _parse(reader: Reader, header: bytes, start: int) -> tuple[str, int, bytes]:
    stated = _octal(header[148:156])
    # The sum is taken with blanks where it is written itself.
    if stated != sum(header[:148]) + sum(header[156:]) + 8 * ord(" "):
        reader.refuse("no tar header: its checksum is wrong", start)
    path = header[:100].split(b"\0")[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0")[0]
        path = prefix + b"/" + path if prefix else path
    text = path.decode("utf-8", "backslashreplace")
    if text.startswith("/") or "\\" in text or ":" in text or ".." in text.split("/"):
        reader.refuse(f"{text!r} leads out of the archive", start)
    size = _octal(header[124:136])
    if size is None:
        reader.refuse(f"{text!r} has no size", start)
    return text, size, header[156:157]


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None
