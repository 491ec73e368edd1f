"""Print how fast fastlin is on this machine: beside NumPy and its other peers, and beside what the machine can do.

    python bench/compare.py [--quick] [--check] [--only TEXT] [--json FILE] [--markdown FILE]

One thread, CPU time. Implementations take turns and each one's shortest time counts, so that the ratios hold on a busy
machine too. An answer that differs from the float64 twin's is not timed. Needs NumPy and fastlin; torch and
scikit-learn are shown where they are installed.
"""

from __future__ import annotations

import machine

machine.fix_threads(1)

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import answers  # noqa: E402
import cases  # noqa: E402
import fit  # noqa: E402
import implementations  # noqa: E402
import limits  # noqa: E402
from timing import interleaved  # noqa: E402

PEERS = {"fastlin": "fastlin", "numpy": "NumPy", "torch": "torch", "sklearn": "scikit-learn"}
COLUMNS = ("operation", "dtype", "N x D x C", *PEERS.values(), "NumPy / fastlin", "limit", "of it")
# Test accuracies of two fits that differ by roundings alone differ by a few images in 10 000.
SAME_ACCURACY = 0.002
LEAST_ACCURACY = 0.41
# Times faster than the twin that the library promises: float32, and uint8, where the twin has to convert.
LEAST_RATIO = {"float32": 2.0, "uint8": 2.5}
LEAST_FIT_RATIO = 2.0


class Row(NamedTuple):
    """One line of the table; `seconds` by implementation, `wrong` what was not timed and why."""

    case: cases.Case
    seconds: dict[str, float]
    difference: float
    wrong: list[str]

    @property
    def ratio(self) -> float:
        return self.seconds.get("numpy", float("nan")) / self.seconds.get("fastlin", float("nan"))

    def limit(self, ceiling: limits.Limits) -> float:
        return ceiling.seconds(self.case.flops, self.case.bytes, self.case.dtype)

    def of_limit(self, ceiling: limits.Limits) -> float:
        return self.limit(ceiling) / self.seconds.get("fastlin", float("nan"))

    def as_dict(self, ceiling: limits.Limits) -> dict[str, Any]:
        figures = {"ratio": self.ratio, "limit": self.limit(ceiling), "of_limit": self.of_limit(ceiling)}
        shape = {"op": self.case.op, "dtype": self.case.dtype, "shape": self.case.shape}
        return shape | {"seconds": self.seconds, "difference": self.difference, "wrong": self.wrong} | figures


class Bar(NamedTuple):
    """A promise and what was reached."""

    name: str
    reached: float
    wanted: float

    @property
    def met(self) -> bool:
        return self.reached >= self.wanted

    def line(self) -> str:
        return f"{'met    ' if self.met else 'NOT MET'} {self.name}: {self.reached:.3g} (wanted {self.wanted:.3g})"


def measure(case: cases.Case, quick: bool) -> Row:
    """Check every implementation of a case, then time the right ones in turns."""
    calls, wrong, difference = implementations.calls(case), [], float("nan")
    for name in list(calls):
        try:
            found = answers.check(case, name, calls[name]())
        except AssertionError as error:
            wrong.append(str(error))
            del calls[name]
            continue
        if name == "fastlin":
            difference = found
    seconds = interleaved(calls, repeats=3 if quick else 9, seconds=1.0 if quick else 8.0)
    return Row(case, seconds, difference, wrong)


def bars(rows: list[Row], fitted: dict[str, Any]) -> list[Bar]:
    """The promises that these measurements can judge."""
    found = [
        Bar(f"{case.op} {case.dtype} {case.shape}, times faster than the twin", row.ratio, LEAST_RATIO[case.dtype])
        for row in rows
        if (case := row.case).op in ("softmax_loss", "hinge_loss") and case.shape == "50000x3072x10"
    ]
    if "ratio" in fitted:
        epochs = fitted["epochs"]
        found += [
            Bar(f"CIFAR-10, {epochs} epochs, times faster than the twin's loop", fitted["ratio"], LEAST_FIT_RATIO),
            Bar(f"CIFAR-10, {epochs} epochs, test accuracy", fitted["accuracy"], LEAST_ACCURACY),
            Bar("the same, no lower than the twin's", fitted["accuracy"], fitted["twin_accuracy"] - SAME_ACCURACY),
        ]
    return found


def time_text(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def cells(row: Row, ceiling: limits.Limits) -> list[str]:
    times = [time_text(row.seconds.get(name)) for name in PEERS]
    share = f"{100 * row.of_limit(ceiling):.0f} %"
    case = row.case
    return [case.op, case.dtype, case.shape, *times, f"{row.ratio:.2f}", time_text(row.limit(ceiling)), share]


def table(lines: list[list[str]]) -> list[str]:
    """Lay out as a Markdown table whose columns align as plain text too."""
    widths = [max(len(line[k]) for line in [list(COLUMNS), *lines]) for k in range(len(COLUMNS))]
    padded = [
        [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        for line in [list(COLUMNS), ["-" * width for width in widths], *lines]
    ]
    return [f"| {' | '.join(line)} |" for line in padded]


def limit_lines(ceiling: limits.Limits) -> list[str]:
    values = {"bandwidth": f"reads {ceiling.bandwidth / 1e9:.1f} GB/s"}
    values |= {f"peak {dtype}": f"{peak / 1e9:.0f} GFLOP/s in {dtype}" for dtype, peak in ceiling.peak.items()}
    return [f"limit: one core {value} ({ceiling.found_by[key]})" for key, value in values.items()]


def fit_lines(fitted: dict[str, Any]) -> list[str]:
    if "skipped" in fitted:
        return [fitted["skipped"]]
    head = f"CIFAR-10, {fitted['epochs']} epochs of softmax, batches of {fit.BATCH}, momentum {fit.MOMENTUM}:"
    runs = [
        f"  {name}: {run['seconds']:.2f} s in the epochs, {run['prepare']:.2f} s before, "
        f"test accuracy {100 * run['accuracy']:.2f} %"
        for name, run in fitted["runs"].items()
    ]
    return [head, *runs, f"  the faster twin ({fitted['twin']}) / fastlin: {fitted['ratio']:.2f}"]


def _without_nan(value: Any) -> Any:
    """The same with None for NaN, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if value != value else value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the large shapes' rows: a look, no judgement")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every promise is met")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in 'op | dtype | shape', or fit")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.quick and options.check:
        parser.error("--quick shrinks the shapes that the promises are about: leave out --quick or --check")
    chosen = [case for case in cases.CASES if options.only in case.group]
    if not chosen and options.only != "fit":
        known = ", ".join(case.group for case in cases.CASES)
        parser.error(f"--only {options.only!r} matches none of: fit, {known}")

    facts = machine.facts(1)
    head = machine.banner(facts)
    print(*head, sep="\n", flush=True)
    before = limits.measure(options.quick)
    rows = []
    for case in chosen:
        if options.quick:
            case = case.tenth()
        if sys.stderr.isatty():
            print(f"\r{case.group:60}", end="", file=sys.stderr, flush=True)
        rows.append(measure(case, options.quick))
    if sys.stderr.isatty():
        print(f"\r{'':60}\r", end="", file=sys.stderr)
    wrong = [message for row in rows for message in row.wrong]
    # Again at the end: a neighbour who was busy at the start must not lower the limit that all is measured by.
    ceiling = limits.best(before, limits.measure(options.quick))
    head += limit_lines(ceiling)
    body = table([cells(row, ceiling) for row in rows])
    print(*limit_lines(ceiling), "", *body, "", sep="\n", flush=True)

    fitted: dict[str, Any] = {"skipped": "the CIFAR-10 fit is left out by --only"}
    if options.only in ("", "fit"):
        fitted = fit.compare(epochs=1, repeats=1) if options.quick else fit.compare()
    judged = [] if options.quick else bars(rows, fitted)
    tail = fit_lines(fitted) + [""] + [bar.line() for bar in judged] + [f"WRONG   {message}" for message in wrong]
    print(*tail, sep="\n")

    if options.json:
        record = {
            "machine": facts,
            "limits": ceiling._asdict(),
            "rows": [row.as_dict(ceiling) for row in rows],
            "fit": fitted,
            "bars": [bar._asdict() | {"met": bar.met} for bar in judged],
        }
        options.json.write_text(json.dumps(_without_nan(record), indent=2, allow_nan=False) + "\n")
    if options.markdown:
        listed = [f"- {line}" for line in head]
        options.markdown.write_text("\n".join([*listed, "", *body, "", "```text", *tail, "```"]) + "\n")
    return int(bool(wrong) or (options.check and not all(bar.met for bar in judged)))


if __name__ == "__main__":
    sys.exit(main())
