"""One part of a run, in one process: the machine's limits, and a row for each case."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastlin import _terminal
from fastlin.benchmark import answers, images, limits, machine, peers
from fastlin.benchmark.cases import IMAGE_OPS, Case
from fastlin.benchmark.limits import Limits
from fastlin.benchmark.timing import interleaved

# What fastlin takes on one thread, where the row is of several.
ALONE = "fastlin, one thread"


class Row(NamedTuple):
    """One line of a table; `seconds` by implementation, `wrong` what was not timed and why."""

    case: Case
    seconds: dict[str, float]
    limit: float
    difference: float
    wrong: list[str]

    def ratio(self, name: str = "numpy") -> float:
        """Times faster than another; NaN where either was not timed."""
        return self.seconds.get(name, float("nan")) / self.seconds.get("fastlin", float("nan"))

    @property
    def share(self) -> float:
        """Of the limit: 1 is as fast as the machine can be."""
        return self.limit / self.seconds.get("fastlin", float("nan"))


class Part(NamedTuple):
    """What one process measures; `level` None is the widest, `others` so many busy processes beside it."""

    cases: Sequence[Case]
    threads: int = 1
    level: str | None = None
    others: int = 0
    quick: bool = False


class Found(NamedTuple):
    """What came of a part."""

    part: Part
    facts: dict[str, Any]
    limits: Limits
    disagreement: float
    rows: list[Row]


def names_of(case: Case, part: Part) -> list[str]:
    """Who is timed: all on one thread; on several threads fastlin, and beside it what a bar is about."""
    if part.threads > 1:
        wanted = ["fastlin", "numpy", "torch"] if case.batch == 256 and not part.others else ["fastlin"]
    elif part.level is not None:
        wanted = ["fastlin", "numpy"]
    else:
        return peers.available(case)
    return [name for name in peers.available(case) if name in wanted]


def measure(part: Part) -> Found:
    """Measure the limits, then row by row, then the limits again: a neighbour must not lower what all is told by."""
    facts = machine.facts(part.threads)
    before = limits.measure(part.threads, part.quick)
    rows = []
    for case in part.cases:
        if case.op in IMAGE_OPS and not images.can_run(case):
            continue
        if part.quick:
            case = case.tenth()
        if _terminal.has_bar():
            print(f"\r{case.group:70}", end="", file=sys.stderr, flush=True)
        rows.append(measure_case(case, part))
    if _terminal.has_bar():
        print(f"\r{'':70}\r", end="", file=sys.stderr)
    after = limits.measure(part.threads, part.quick)
    ceiling = before.best(after)
    facts["load_after"] = machine.load()
    rows = [row._replace(limit=limit_of(row.case, ceiling)) for row in rows]
    return Found(part, facts, ceiling, before.disagreement(after), rows)


def measure_case(case: Case, part: Part) -> Row:
    """Check every implementation of a case, then time the right ones in turns; its limit is filled in later."""
    calls, wrong, difference = {}, [], float("nan")
    for name in names_of(case, part):
        call = peers.call(case, name, part.threads)
        try:
            found = answers.check(case, name, call())
        except AssertionError as error:
            wrong.append(str(error))
            continue
        calls[name] = call
        if name == "fastlin":
            difference = found
    if part.threads > 1 and "fastlin" in calls:
        calls[ALONE] = peers.call(case, "fastlin", 1)
    timer = time.process_time if part.threads == 1 else time.perf_counter
    repeats, most = (3, 1.0) if part.quick else (9, 2.0)
    seconds = interleaved(calls, repeats=repeats, seconds=most, timer=timer, warm=True)
    if case.op in IMAGE_OPS:
        seconds = {name: taken * case.n / images.len_of(case, name) for name, taken in seconds.items()}
    return Row(case, seconds, float("nan"), difference, wrong)


def limit_of(case: Case, ceiling: Limits) -> float:
    """The least seconds that a case can take: rows of 16 bits and less are computed in float32."""
    if case.op in IMAGE_OPS:
        return ceiling.seconds(images.flops(case), case.bytes, images.arithmetic(case))
    return ceiling.seconds(case.flops, case.bytes, "float64" if case.dtype == "float64" else "float32")
