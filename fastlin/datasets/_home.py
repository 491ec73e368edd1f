"""The one place that decides in which folder data sets lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fastlin._files import as_path


def folder_of(path: str | os.PathLike[str] | None, name: str = "") -> Path:
    """The folder (or archive) at `path`, by default `name` in the data home."""
    return data_home() / name if path is None else Path(as_path(path))


def data_home() -> Path:
    """The folder that loaders look in and fetchers write to.

    Returns
    -------
    Path
        ``$FASTLIN_DATA`` where it is set; else the platform's cache: ``$XDG_CACHE_HOME/fastlin`` or
        ``~/.cache/fastlin`` on Linux and other Unix, ``~/Library/Caches/fastlin`` on macOS,
        ``%LOCALAPPDATA%\\fastlin\\Cache`` on Windows. It need not exist; nothing is created here.

    Examples
    --------
    >>> data_home().name in ("fastlin", "Cache") or "FASTLIN_DATA" in os.environ
    True
    """
    named = os.environ.get("FASTLIN_DATA")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "fastlin" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fastlin"
    # The XDG base directory specification: a relative path there is invalid and must be ignored.
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if os.path.isabs(cache) else Path.home() / ".cache") / "fastlin"
