"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import IO, Any


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, and rename it to `path`.

    A crash at any moment leaves the earlier file or the new one, never a part of one. The new one has the mode of the
    earlier. A symbolic link stays, and what it points to is replaced; a pipe or a device is written to as it is.
    """
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        with _naming(path), open(path, "wb") as stream:
            write(stream)
        return
    temporary, file = _create_beside(path)
    try:
        with _naming(path), file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, os.path.realpath(path))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # renamed already, and Ctrl-C came then
            os.unlink(temporary)
        raise


def as_path(path: Any, name: str = "path") -> str:
    """`path` as text; what can be no file's name is refused."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} is {path!r}; wanted is the name of a file or a folder, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"{name} is {text!r}; wanted is the name of a file or a folder, as text without NUL")
    return text


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """All that is in the file at `path`; a device is refused, as it may have no end."""
    with open(as_path(path), "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise OSError(errno.EINVAL, "is a device; wanted is a file", os.fspath(path))
        return stream.read()


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the OSError that `write_atomically` would meet, while there is nothing to lose yet."""
    mode = _mode(path)
    if mode is None or stat.S_ISREG(mode):
        temporary, file = _create_beside(path)
        file.close()
        os.unlink(temporary)
    elif not os.access(path, os.W_OK):  # not opened: a pipe may wait for its reader
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))


def _mode(path: str | os.PathLike[str]) -> int | None:
    """Kind and permissions of what is there, None for nothing; what can never be a file is refused."""
    as_path(path)  # os.stat takes a number for an open file
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if not os.path.basename(path) or (mode is not None and stat.S_ISDIR(mode)):
        raise IsADirectoryError(errno.EISDIR, "is not the name of a file", os.fspath(path))
    return mode


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Give an OSError that says nothing of a file, as of a disk that is full, the name of this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def _create_beside(path: str | os.PathLike[str]) -> tuple[str, IO[bytes]]:
    """A new file under a random name in the folder of `path`, and as readable as any new file."""
    try:  # the path of a folder that has gone cannot be told either
        temporary = os.path.join(os.path.dirname(os.path.realpath(path)), f".{os.urandom(8).hex()}.tmp")
        return temporary, open(temporary, "xb")  # the callers close it
    except OSError as error:
        error.filename = os.fspath(path)  # the name that the user knows
        raise
