"""What was measured as a page of Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastlin.benchmark import bars, machine
from fastlin.benchmark.cases import EPOCH, HINGE, IMAGE_OPS, SOFTMAX, SQUARED_HINGE
from fastlin.benchmark.rows import ALONE, Found, Part, Row
from fastlin.benchmark.verdicts import NAMES, Verdict, judge

# Operations of a table, its title, and what is to be said of it.
GROUPS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    ((SOFTMAX,), "Softmax loss with gradient", ""),
    ((HINGE,), "Multiclass hinge loss with gradient", ""),
    ((SQUARED_HINGE,), "Squared hinge loss with gradient", ""),
    (("scores", "predict"), "Scores and classes", ""),
    ((EPOCH,), "An epoch of gradient descent, momentum, shuffled", " The limit is that of losses and gradients alone."),
    (IMAGE_OPS, "Image features", " HoG and histograms count and look up: the limit is that of their bytes alone."),
)
WANTED = "wanted (bold: missed)"
# Measurements of one limit, minutes apart, that differ by more than this were disturbed.
MOST_DISAGREEMENT = 0.05


def page(found: Sequence[Found]) -> str:
    """The report, in Markdown."""
    verdicts = judge(found)
    lines = ["# Benchmarks", "", "Written by `fastlin bench --markdown FILE`; `fastlin bench --help` says more.", ""]
    lines += [*_machine(found), "", *_limits(found), ""]
    for part in found:
        lines += _part(part, [verdict for of, verdict in verdicts if of == part.part])
    wrong = [message for part in found for row in part.rows for message in row.wrong]
    if wrong:
        lines += ["## Wrong answers", "", *(f"- {message}" for message in wrong), ""]
    missed = [(part, verdict) for part, verdict in verdicts if not verdict.met]
    if verdicts:
        lines += ["## Bars", "", f"{len(verdicts) - len(missed)} of {len(verdicts)} are met. No slower means within "]
        lines[-1] += f"{bars.NOISE:.0%}, by which two timings of the same code differ. Missed:"
        lines += [""]
        lines += [f"- {_name(part)}: {verdict.line()}" for part, verdict in missed] or ["- none"]
        lines += [""]
    return "\n".join(lines)


def as_json(found: Sequence[Found]) -> dict[str, Any]:
    """The same for programs: what JSON has no word for (NaN) is null."""
    verdicts = judge(found)
    return {
        "parts": [
            {
                "part": _name(part.part),
                "threads": part.part.threads,
                "level": part.part.level,
                "others": part.part.others,
                "quick": part.part.quick,
                "machine": part.facts,
                "limits": part.limits._asdict() | {"disagreement": part.disagreement},
                "rows": [_row_as_json(row) for row in part.rows],
                "bars": [
                    verdict._asdict() | {"case": verdict.case.group, "met": verdict.met}
                    for of, verdict in verdicts if of == part.part
                ],
            }
            for part in found
        ]
    }  # fmt: skip


def _row_as_json(row: Row) -> dict[str, Any]:
    figures = {"limit": row.limit, "share": row.share, "ratio": row.ratio(), "difference": row.difference}
    shape = {"op": row.case.op, "dtype": row.case.dtype, "size": row.case.size}
    return shape | {"seconds": row.seconds, "wrong": row.wrong} | {
        name: value if value == value else None for name, value in figures.items()
    }  # fmt: skip


def _name(part: Part) -> str:
    if part.others:
        return f"{part.threads} threads beside {part.others} other busy processes"
    if part.level is not None:
        return f"one thread, {part.level}"
    return "one thread" if part.threads == 1 else f"{part.threads} threads"


# The machine


def _machine(found: Sequence[Found]) -> list[str]:
    facts = found[0].facts
    lines = [f"- {line}" for line in machine.banner(facts)]
    loads = [(_name(part.part), part.facts["load"], part.facts["load_after"]) for part in found]
    lines += [f"- load before and after, {name}: {before:.2f}, {after:.2f}" for name, before, after in loads]
    if any(part.part.quick for part in found):
        lines += ["- **a quick look**: a tenth of the rows of the large shapes; no bar is judged"]
    disturbed = [part for part in found if part.disagreement > MOST_DISAGREEMENT and not part.part.others]
    if machine.is_busy(facts["load"]) or disturbed:
        worst = max(part.disagreement for part in found)
        lines += [
            f"- **the machine was busy**: load {facts['load']:.2f} at the start; limits measured again at the end of a "
            f"part differ by up to {100 * worst:.0f} %. Shares of the limit and wall times suffer, ratios of CPU times "
            "less"
        ]
    return lines


def _limits(found: Sequence[Found]) -> list[str]:
    """The roof: bandwidth and peaks, and the operations a byte at which one hands over to the other."""
    peaks = list(dict.fromkeys(name for part in found for name in part.limits.peak))
    header = ["", "reads", *peaks, "float32 operations a byte at the ridge"]
    lines = []
    for part in found:
        if part.part.others:
            continue
        peak, bandwidth = part.limits.peak, part.limits.bandwidth
        cells = [f"{peak[name] / 1e9:.0f} GFLOP/s" if name in peak else "" for name in peaks]
        name = f"{_name(part.part)} ({part.facts['simd']})" if part.part.level is None else _name(part.part)
        lines.append([name, f"{bandwidth / 1e9:.1f} GB/s", *cells, f"{peak['float32'] / bandwidth:.1f}"])
    return [
        "## The limit",
        "",
        "What the processor reads from memory and multiplies and adds in registers at most. A row's limit is",
        "max(operations / peak, bytes of its rows / bandwidth), with the 4 N D C operations of a loss with gradient as",
        "formulas have them. fastlin makes do with 4 N D (C - 1) of up to 40 classes, and with fewer where lists of",
        "rows make the hinge's gradient (of these rows two thirds violate a margin): a share may pass 100 %.",
        "",
        *table(header, lines),
    ]


# The rows


def _part(found: Found, verdicts: list[Verdict]) -> list[str]:
    part = found.part
    if part.threads > 1:
        return _threads(found, verdicts)
    if part.level is not None:
        pools = "; ".join(found.facts.get("pools", ()))
        head = f"CPU time; NumPy without AVX-512{f' ({pools})' if pools else ''}."
        return [f"## The level {part.level}, one thread", "", head, "", *_table(found.rows, verdicts), ""]
    lines = []
    for ops, title, more in GROUPS:
        rows = [row for row in found.rows if row.case.op in ops]
        if rows:
            lines += [f"## {title}, one thread", "", f"CPU time.{more}", "", *_table(rows, verdicts), ""]
    return lines


def _table(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> list[str]:
    names = [name for name in ("numpy", "torch", "sklearn", "jax") if any(name in row.seconds for row in rows)]
    header = ["operation", "dtype", "N x D x C", "fastlin", *(NAMES[name] for name in names)]
    header += ["NumPy / fastlin", "limit", "of it", WANTED]
    return table(header, [_cells(row, names, [v for v in verdicts if v.case == row.case]) for row in rows])


def _cells(row: Row, names: Sequence[str], verdicts: Sequence[Verdict]) -> list[str]:
    times = [time_text(row.seconds.get(name)) for name in ("fastlin", *names)]
    ratio = f"{row.ratio():.2f}" if "numpy" in row.seconds else ""
    least = [time_text(row.limit), f"{100 * row.share:.0f} %"] if row.limit == row.limit else ["", ""]
    return [row.case.op, row.case.dtype, row.case.size, *times, ratio, *least, _wanted(verdicts)]


def _wanted(verdicts: Sequence[Verdict]) -> str:
    """The bars of a row, in bold where they are missed."""
    return "; ".join(verdict.bar if verdict.met else f"**{verdict.bar}**" for verdict in verdicts)


def _threads(found: Found, verdicts: list[Verdict]) -> list[str]:
    part = found.part
    names = [name for name in ("numpy", "torch") if any(name in row.seconds for row in found.rows)]
    header = ["operation", "dtype", "N x D x C", "one thread", f"{part.threads} threads", "one / several"]
    header += [f"{NAMES[name]}, {part.threads} threads" for name in names]
    header += [WANTED] if part.others else ["of the limit", WANTED]
    lines = []
    for row in found.rows:
        alone, several = row.seconds.get(ALONE), row.seconds.get("fastlin")
        line = [row.case.op, row.case.dtype, row.case.size, time_text(alone), time_text(several)]
        line += [f"{row.ratio(ALONE):.2f}", *(time_text(row.seconds.get(name)) for name in names)]
        line += [] if part.others else [f"{100 * row.share:.0f} %"]
        lines.append([*line, _wanted([verdict for verdict in verdicts if verdict.case == row.case])])
    title = _name(part)
    return [f"## {title[0].upper()}{title[1:]}", "", "Wall time, the best of turns.", "", *table(header, lines), ""]


def time_text(seconds: float | None) -> str:
    """Three digits and a unit; nothing for what was not timed."""
    if seconds is None or seconds != seconds:
        return ""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Lay out as a Markdown table whose columns align as plain text too."""
    lines = [list(line) for line in lines]
    widths = [max(len(line[k]) for line in [header, *lines]) for k in range(len(header))]
    padded = [
        [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        for line in [header, ["-" * max(width, 1) for width in widths], *lines]
    ]
    return [f"| {' | '.join(line)} |" for line in padded]
