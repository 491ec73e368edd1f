"""`fastlin bench`: how fast this is here, beside its peers and beside what the machine can do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fastlin.cli._input import InputError


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "bench", help="measure this machine's limits and how near to them the library comes",
        description="Measure read bandwidth and arithmetic peak of this machine, then every kernel at every shape as "
        "a share of what they allow, beside the NumPy twin and, where they are installed, PyTorch, scikit-learn and "
        "JAX: one thread, two, and the lower SIMD levels, some eight minutes in all. One thread is told in CPU time, "
        "several in wall time; implementations take turns and each one's shortest time counts. An answer that differs "
        "from the float64 twin's is not timed, and the exit code is 1.",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a tenth of the large shapes' rows: a look, no judgement")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in 'operation | dtype | N x D x C'")
    parser.add_argument("--threads", type=int, metavar="N", help="on so many threads alone, compared with one")
    parser.add_argument("--level", metavar="LEVEL", help="at avx2 or baseline alone, beside NumPy without AVX-512")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every bar is met")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found for programs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write what is printed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin._files import check_writable, write_atomically
    from fastlin.benchmark import report, verdicts
    from fastlin.benchmark import run as parts

    if arguments.quick and arguments.check:
        raise InputError("--check is given with --quick, which shrinks what the bars are about; wanted is one of them")
    chosen = parts.parts(arguments.threads, arguments.level, arguments.only, arguments.quick)
    for path in (arguments.json, arguments.markdown):
        if path is not None:
            check_writable(path)
    found = [parts.measure(part) for part in chosen]
    page = report.page(found)
    sys.stdout.write(page)
    if arguments.json is not None:
        text = json.dumps(report.as_json(found), indent=1, allow_nan=False) + "\n"
        write_atomically(arguments.json, lambda stream: stream.write(text.encode()))
    if arguments.markdown is not None:
        write_atomically(arguments.markdown, lambda stream: stream.write(page.encode()))
    wrong = any(row.wrong for part in found for row in part.rows)
    missed = arguments.check and not all(verdict.met for _, verdict in verdicts.judge(found))
    return int(wrong or missed)
