"""`fastlin info`: what this build can do."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "info", help="version, compiler, SIMD levels, threads",
        description="Tell the version, the compiler, the SIMD levels that were built, that this CPU can run and that "
        "is in use, OpenMP, and how many threads a large call takes and who says so.",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin import config

    config.show_config()
    return 0
