"""Warnings that point at the line of the user's."""

from __future__ import annotations

import sys
import warnings


def warn(message: str, category: type[Warning]) -> None:
    """Warn of the line that called fastlin, however many calls within it lie between."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "fastlin":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
