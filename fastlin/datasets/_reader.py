"""Files read by count: plain or gzip, never further than was asked for, and every complaint with its place.

Whoever reads a file says how many bytes it wants. A file that holds fewer is refused where it ends; one that could not
possibly hold as many is refused before memory is asked for, so that a header of a few bytes cannot claim gigabytes.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from typing import NoReturn, Self

from fastlin.datasets._dataset import DatasetError

# A deflate stream cannot hold more than this many bytes a byte: 258 in two bits at best, and headers.
MOST_DEFLATED = 1032
_CHUNK = 1 << 16


class Reader:
    """The bytes of a file in order; decompressed where it is gzip.

    Attributes
    ----------
    where : str
        The file's name, as messages give it.
    size : int
        Its bytes on disk.
    offset : int
        How many bytes have been read, of the decompressed content.
    capacity : int
        More than this the file cannot hold.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.where = repr(os.fspath(path))
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - this class closes it
        try:
            status = os.fstat(self._file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DatasetError(f"{self.where} is no regular file")
            self.compressed = self._file.read(2) == b"\x1f\x8b"
            self._file.seek(0)
        except BaseException:
            self._file.close()
            raise
        self._stream = gzip.GzipFile(fileobj=self._file, mode="rb") if self.compressed else self._file
        self.offset = 0
        self.size = status.st_size
        self.capacity = self.size * (MOST_DEFLATED if self.compressed else 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        self._file.close()

    def refuse(self, message: str, offset: int | None = None) -> NoReturn:
        """Raise a DatasetError that names the file and the place."""
        content = "decompressed byte" if self.compressed else "byte"
        raise DatasetError(f"{self.where}, {content} {self.offset if offset is None else offset}: {message}")

    def read(self, size: int, what: str) -> bytearray:
        """Exactly `size` bytes, which are `what`; a file that cannot hold them is refused before memory is taken."""
        self.expect(size, what)
        content = bytearray(size)
        self.read_into(content, what)
        return content

    def expect(self, size: int, what: str) -> None:
        """Refuse the file if it cannot hold another `size` bytes."""
        if size > self.capacity - self.offset:
            self.refuse(f"{what} would take {size} bytes, which a file of this size cannot hold")

    def read_into(self, buffer: bytearray | memoryview, what: str) -> None:
        """Fill `buffer`; the file is refused if it ends before."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            count = self.read_some(view[filled:])
            if count == 0:
                self.refuse(f"the file ends {len(view) - filled} bytes before the end of {what}")
            filled += count

    def skip(self, size: int, what: str) -> None:
        """Read and forget."""
        chunk = memoryview(bytearray(min(size, _CHUNK)))
        while size > 0:
            part = chunk[: min(size, _CHUNK)]
            self.read_into(part, what)
            size -= len(part)

    def expect_end(self) -> None:
        """Refuse a file that goes on. Of gzip the checksum is verified here."""
        end = self.offset
        if self.read_some(memoryview(bytearray(1))):
            self.refuse("the file goes on after its end", end)

    def read_some(self, view: memoryview) -> int:
        """Read into `view` what there is; return how many bytes, 0 at the end of the file."""
        try:
            count = self._stream.readinto(view) or 0
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DatasetError(f"{self.where}, byte {self._file.tell()}: no sound gzip: {error}") from error
        self.offset += count
        return count
