"""How far more threads help: the losses, epochs, predictions and image features on 1, 2, 4, ... threads.

    python bench/scaling.py [--only TEXT] [--threads N ...] [--markdown FILE]

Wall time; the thread counts take turns, and each keeps its shortest time. The machine should be idle. Every answer is
checked against the float64 twin's before it is timed. Beside all stands the share of what the most threads can read,
multiply and add; beside epochs NumPy's and PyTorch's times on as many.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from threads import fix_threads

from fastlin import _threads
from fastlin._files import check_writable, write_atomically
from fastlin.benchmark import answers, limits, machine, peers
from fastlin.benchmark.cases import Case
from fastlin.benchmark.limits import Limits
from fastlin.benchmark.report import table, time_text
from fastlin.benchmark.rows import Part, limit_of, names_of
from fastlin.benchmark.run import THREAD_CASES
from fastlin.benchmark.timing import interleaved

# Images enough that each of many threads has several.
CASES = (*THREAD_CASES, Case("hog", 2000, 3072, 0, "uint8"), Case("visual_words", 512, 3072, 0, "uint8"))
ROUNDS, SECONDS = 9, 2.0


def counts_up_to(cpus: int) -> list[int]:
    """One thread, two, four and so on, and all there are."""
    return sorted({min(1 << k, cpus) for k in range(cpus.bit_length() + 1)})


def times(case: Case, counts: list[int]) -> dict[str, float]:
    """Seconds by thread count, and those of the peers that `fastlin bench` times on several threads, on the most."""
    calls = {str(n): peers.call(case, "fastlin", n) for n in counts}
    for call in calls.values():
        answers.check(case, "fastlin", call())
    others = names_of(case, Part([case], threads=counts[-1])) if counts[-1] > 1 else []
    calls |= {name: peers.call(case, name, counts[-1]) for name in others if name != "fastlin"}
    return interleaved(calls, repeats=ROUNDS, seconds=SECONDS, timer=time.perf_counter)


def page(cases: list[Case], counts: list[int]) -> str:
    """Measure, and write the page."""
    facts = machine.facts(counts[-1])
    ceilings: dict[int, Limits] = {n: limits.measure(n) for n in counts}
    lines = []
    for case in cases:
        print(f"{time.strftime('%X')} {case.group}", file=sys.stderr)
        seconds = times(case, counts)
        alone = seconds[str(counts[0])]
        row = [case.op, case.dtype, case.size, time_text(alone)]
        row += [f"{alone / seconds[str(n)]:.2f}" for n in counts[1:]]
        row += [f"{100 * limit_of(case, ceilings[counts[-1]]) / seconds[str(counts[-1])]:.0f} %"]
        lines.append([*row, *(time_text(seconds.get(name)) for name in ("numpy", "torch"))])
    header = ["operation", "dtype", "N x D x C", "one thread", *(f"{n} threads" for n in counts[1:])]
    header += [f"{name}, {counts[-1]} threads" for name in ("of the limit", "NumPy", "PyTorch")]
    roof = [
        [str(n), f"{ceiling.bandwidth / 1e9:.0f} GB/s", f"{ceiling.peak['float32'] / 1e9:.0f} GFLOP/s"]
        for n, ceiling in ceilings.items()
    ]
    return "\n".join([
        "# Scaling with threads", "", "Written by `python bench/scaling.py --markdown FILE`.", "",
        *(f"- {line}" for line in machine.banner(facts)), f"- load at the end: {machine.load()}", "",
        "Wall time; of more threads than one, times faster than one.", "", *table(header, lines), "",
        "What so many threads read from memory, and multiply and add in registers, at most:", "",
        *table(["threads", "reads", "float32"], roof), "",
    ])  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in 'operation | dtype | N x D x C'")
    parser.add_argument("--threads", type=int, nargs="+", metavar="N", help="thread counts (default: 1, 2, 4, ... all)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page there too")
    options = parser.parse_args(arguments)
    cpus = _threads.available_cpus()
    counts = options.threads or counts_up_to(cpus)
    if min(counts) < 1 or max(counts) > cpus:
        parser.error(f"--threads is {counts}; wanted are 1..{cpus}, the processors this process may use")
    cases = [case for case in CASES if options.only in case.group]
    if not cases:
        parser.error(f"--only is {options.only!r}; wanted is a part of: {'; '.join(case.group for case in CASES)}")
    if options.markdown is not None:
        check_writable(options.markdown)
    text = page(cases, sorted(set(counts)))
    sys.stdout.write(text)
    if options.markdown is not None:
        write_atomically(options.markdown, lambda stream: stream.write(text.encode()))
    return 0


if __name__ == "__main__":
    fix_threads(_threads.available_cpus())
    sys.exit(main())
