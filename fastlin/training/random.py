"""Where a fit's random numbers come from."""

from fastlin._random import as_generator

__all__ = ["as_generator"]
