"""Whether there is a terminal to draw a progress bar on."""

from __future__ import annotations

import sys


def has_bar() -> bool:
    """Whether standard error is a terminal; it is None where the process was started without one."""
    return sys.stderr is not None and sys.stderr.isatty()
