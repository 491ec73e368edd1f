"""`fastlin report`: one page on a saved model and how it does on data."""

from __future__ import annotations

import argparse
import os
from typing import Any

from fastlin.cli._input import DATA_HELP, InputError, check_count, check_output


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "report", help="write a page on a model and how it does on data",
        description="Write one self-contained page of HTML: data, settings, training, templates, confusion, worst "
        "mistakes, checks, speed. It wants matplotlib: pip install 'fastlin[plot]'",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a file that `fastlin train --model` wrote")
    parser.add_argument("data", metavar="DATA", help=f"its test rows are predicted, where it has some: {DATA_HELP}")
    parser.add_argument("-o", "--output", metavar="OUT.html", required=True, help="file to write")
    parser.add_argument("--worst", type=int, default=12, metavar="N", help="mistakes shown at most (default: 12)")
    parser.add_argument("--no-checks", action="store_true", help="leave out the checks, which fit copies of the model")
    parser.add_argument("--seed", type=int, default=0, help="of the checks (default: 0)")
    parser.add_argument("--threads", dest="n_threads", type=int, metavar="N", help="default: what the machine offers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin import datasets, plotting
    from fastlin.pipeline import ImagePipeline, load_model

    if arguments.seed < 0:
        raise InputError(f"--seed is {arguments.seed}; wanted is an integer >= 0")
    check_count("--worst", arguments.worst)
    check_output("--output", arguments.output, {"MODEL": arguments.model, "DATA": arguments.data})
    model = load_model(arguments.model)
    if isinstance(model, ImagePipeline):
        model.set_num_threads(arguments.n_threads)
    else:
        model.set_params(n_threads=arguments.n_threads)
    data = datasets.load(arguments.data)
    try:
        plotting.write_report(
            model, data, arguments.output, n_worst=arguments.worst, checks=not arguments.no_checks, seed=arguments.seed
        )
    except ImportError as error:
        raise InputError(str(error)) from None
    print(f"report written to {arguments.output}, {os.path.getsize(arguments.output) / 1e6:.1f} MB")
    return 0
