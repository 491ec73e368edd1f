"""Where the random numbers of a fit come from."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_generator(random_state: Any) -> np.random.Generator:
    """PCG64 from a seed, a generator as it is, or one seeded by a RandomState."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1)
    elif random_state is not None and (
        isinstance(random_state, bool) or not isinstance(random_state, int | np.integer)
    ):
        raise TypeError(
            f"random_state is {random_state!r}; wanted is None, an integer, a numpy.random.Generator or a RandomState"
        )
    elif random_state is not None and random_state < 0:
        raise ValueError(f"random_state is {random_state}; wanted is an integer >= 0")
    return np.random.Generator(np.random.PCG64(random_state))
