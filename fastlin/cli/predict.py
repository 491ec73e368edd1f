"""`fastlin predict`: predict with a saved model."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin.cli._input import DATA_HELP

if TYPE_CHECKING:
    from fastlin.linear_model import LinearClassifier


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "predict", help="predict with a saved model",
        description="Print a label a line for the rows of DATA (those to test, where it is split), and the accuracy on "
        "stderr where DATA brings labels.",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a file that `fastlin train --model` wrote")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP + "; y may be missing")
    parser.add_argument("-o", "--output", metavar="OUT", help="write the labels here instead")
    parser.add_argument("--threads", type=int, metavar="N", help="default: what the machine offers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin import datasets
    from fastlin._files import check_writable, write_atomically
    from fastlin.linear_model import load_model

    if arguments.output is not None:
        check_writable(arguments.output)
    model: LinearClassifier = load_model(arguments.model).set_params(n_threads=arguments.threads)
    data = datasets.load(arguments.data)
    X, y = (data.X_train, data.y_train) if data.X_test is None else (data.X_test, data.y_test)
    labels = model.predict(X)
    lines = "".join(f"{label}\n" for label in labels.tolist())
    if arguments.output is None:
        sys.stdout.write(lines)
        sys.stdout.flush()
    else:
        write_atomically(arguments.output, lambda file: file.write(lines.encode()))
    if y is not None and len(y):
        ours, theirs = _kind_of(labels), _kind_of(y)
        if ours == theirs:
            result = f"accuracy {np.mean(labels == y):.2%} on {len(y):,} rows"
        else:
            result = f"no accuracy: the model's labels are {ours}, those of {data.name} are {theirs}"
        print(result, file=sys.stderr)
    return 0


def _kind_of(labels: np.ndarray) -> str:
    return {"U": "strings", "O": "strings", "S": "bytes"}.get(labels.dtype.kind, "numbers")
