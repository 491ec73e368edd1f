"""Whether each row is what is wanted: `bars` applied to what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fastlin.benchmark import bars
from fastlin.benchmark.cases import EPOCH, HINGE, SOFTMAX, Case
from fastlin.benchmark.rows import ALONE, Found, Part, Row

NAMES = {"numpy": "NumPy", "torch": "PyTorch", "sklearn": "scikit-learn", "jax": "JAX", ALONE: "one thread"}


class Verdict(NamedTuple):
    """A bar and what was reached: at least `wanted`, or at most."""

    case: Case
    what: str
    reached: float
    wanted: float
    at_most: bool = False
    unit: str = "x"

    @property
    def met(self) -> bool:
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted

    @property
    def bar(self) -> str:
        """What is wanted."""
        return f"{self.what} {'<=' if self.at_most else '>='} {self.text(self.wanted)}"

    def line(self) -> str:
        """What is wanted of what, and what was reached."""
        return f"{self.case.group}: {self.bar}, reached {self.text(self.reached)}"

    def text(self, value: float) -> str:
        """A figure in the bar's unit."""
        if self.unit == "%":
            return f"{100 * value:.0f} %"
        return f"{value * 1e6:.2f} us" if self.unit == "s" else f"{value:.2f}x"


def judge(found: Sequence[Found]) -> list[tuple[Part, Verdict]]:
    """Every bar that these measurements can tell of. A part that shrank its cases tells of none."""
    return [(part.part, verdict) for part in found if not part.part.quick for verdict in _of_part(part)]


def _of_part(found: Found) -> Iterator[Verdict]:
    part = found.part
    for row in found.rows:
        if "fastlin" not in row.seconds:
            continue
        if part.threads > 1:
            yield from _of_threads(row, part)
        elif part.level == "baseline":
            yield from _faster(row, "numpy", bars.BASELINE * (1 - bars.NOISE))
        elif row.case.op in (SOFTMAX, HINGE):
            yield from _of_loss(row, widest=part.level is None)
        elif row.case.op == EPOCH:
            yield from _of_epoch(row, found.rows)
        elif row.case.op == "predict" and row.case.dtype == "uint8":
            yield from _faster(row, "numpy", bars.PREDICT_UINT8)


def _faster(row: Row, name: str, wanted: float) -> Iterator[Verdict]:
    """Times faster than another, where that was timed."""
    if name in row.seconds:
        yield Verdict(row.case, f"{NAMES[name]} / fastlin", row.ratio(name), wanted)


def _of_loss(row: Row, widest: bool) -> Iterator[Verdict]:
    wanted = bars.LOSSES[row.case.shape]
    yield from _faster(row, "numpy", wanted.ratio)
    if widest and wanted.share is not None:
        yield Verdict(row.case, "share of the limit", row.share, wanted.share, unit="%")
    if widest and wanted.seconds is not None:
        yield Verdict(row.case, "a call", row.seconds["fastlin"], wanted.seconds, at_most=True, unit="s")


def _of_epoch(row: Row, rows: Sequence[Row]) -> Iterator[Verdict]:
    case = row.case
    for name, wanted in bars.EPOCH[case.batch].items():
        yield from _faster(row, name, wanted)
    mine = row.seconds["fastlin"]
    for other in rows:
        theirs = other.seconds.get("fastlin")
        if theirs is None:
            continue
        if case.batch == 256 and other.case == Case(SOFTMAX, *case.shape):
            yield Verdict(case, "epoch / full-batch pass", mine / theirs, bars.EPOCH_OF_PASS, at_most=True)
        if case.dtype == "uint8" and other.case == case._replace(dtype="float32"):
            wanted = bars.UINT8_OF_FLOAT32 * (1 + bars.NOISE)
            yield Verdict(case, "uint8 / float32", mine / theirs, wanted, at_most=True)


def _of_threads(row: Row, part: Part) -> Iterator[Verdict]:
    if part.others:
        yield from _faster(row, ALONE, bars.TWO_THREADS_BUSY)
        return
    large = row.case.op != EPOCH and row.case.flops >= bars.LARGE_FLOPS
    yield from _faster(row, ALONE, bars.TWO_THREADS_LARGE if large else bars.TWO_THREADS * (1 - bars.NOISE))
    if row.case.op == EPOCH and row.case.batch == 256 and part.threads == 2:
        for name, wanted in bars.EPOCH_TWO_THREADS.items():
            yield from _faster(row, name, wanted)
