"""Signals sent in the middle of a call, as a terminal or an alarm sends them."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# How soon Ctrl-C must be heard, in seconds.
SOON = 0.25


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Without garbage collection.

    A handler's exception is lost, by Python itself, when the handler happens to run within a callback of the
    collector's, and other tests leave much to collect.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def signal_after(seconds: float, number: int = signal.SIGINT, handler: Any = None) -> Iterator[list[float]]:
    """Send the signal once, from another thread; gives the time when it was sent."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), number)

    before = signal.signal(number, handler or signal.default_int_handler)
    timer = threading.Timer(seconds, send)
    try:
        with collector_at_rest():
            timer.start()
            yield sent
    finally:
        timer.cancel()
        timer.join()
        signal.signal(number, before)


def heard_soon(attempt: Callable[[], float]) -> None:
    """Assert that `attempt`, which gives the seconds from signal to exception, is quick at least once in three times.

    A machine busy with other things may take its time over one.
    """
    took: list[float] = []
    for _ in range(3):
        took.append(attempt())
        if took[-1] < SOON:
            return
    raise AssertionError(f"the interrupts took {took} seconds; wanted is less than {SOON}")
