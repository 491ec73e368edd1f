"""Timing on a machine that others use too: calls take turns, and each keeps its shortest time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

# A sample must be long beside the timer's cost and grain (below 1 us on Linux).
_SHORTEST_SAMPLE = 2e-3


def interleaved(
    calls: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 7,
    seconds: float = 8.0,
    timer: Callable[[], float] = time.process_time,
    warm: bool = False,
) -> dict[str, float]:
    """Time each call in turn, round after round, and keep each one's minimum.

    Noise only ever adds time, and what disturbs a round disturbs all its calls; so the ratios of the minima are those
    of the programs.

    Parameters
    ----------
    calls : mapping of name to function
        Called once before, to warm up, unless `warm`.
    repeats : int
        Rounds, at most; the first is the call that tells how many make a sample.
    seconds : float
        After this long no further round begins, though three always run.
    timer : function
        `time.process_time`, the CPU time of all threads, or `time.perf_counter`.
    warm : bool
        Whether all were called already.

    Returns
    -------
    dict of name to seconds
    """
    loops, shortest = {}, {}
    for name, call in calls.items():
        if not warm:
            call()
        taken = _sample(call, 1, timer)
        loops[name] = max(1, round(_SHORTEST_SAMPLE / max(taken, 1e-7)))
        # Of a long call this was a sample already.
        shortest[name] = taken if loops[name] == 1 else float("inf")
    names = list(calls)
    end = time.perf_counter() + seconds
    for k in range(max(repeats, 3) - 1):
        if k >= 2 and time.perf_counter() > end:
            break
        for name in names[k % len(names) :] + names[: k % len(names)]:
            shortest[name] = min(shortest[name], _sample(calls[name], loops[name], timer))
    return shortest


def _sample(call: Callable[[], Any], loops: int, timer: Callable[[], float]) -> float:
    start = timer()
    for _ in range(loops):
        call()
    return (timer() - start) / loops
