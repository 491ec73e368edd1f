"""Where the random numbers of the checks come from: a seed, and nothing else."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def generator(seed: Any, stream: int = 0) -> np.random.Generator:
    """PCG64 of an integer seed >= 0; each `stream` is independent of the others."""
    try:
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed is {seed!r}; wanted is an integer >= 0") from None
    if number < 0:
        raise ValueError(f"seed is {number}; wanted is an integer >= 0")
    return np.random.Generator(np.random.PCG64([number, stream]))
