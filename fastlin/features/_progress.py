"""What a person sees of a long step: a bar on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastlin import _terminal


@contextmanager
def progress(verbose: bool, total: int, what: str, unit: str) -> Iterator[Callable[[int], object]]:
    """A function to be called with how many of `total` units were done: it moves a bar if `verbose`."""
    if not verbose or not _terminal.has_bar():
        yield lambda n: None
        return
    from tqdm import tqdm  # type: ignore[import-untyped]  # only here: it costs more than a small call

    with tqdm(total=total, desc=what, unit=unit, leave=False, dynamic_ncols=True) as bar:
        yield bar.update
