"""`fastlin check`: is the gradient the gradient, and does everything that must hold hold on this data?"""

from __future__ import annotations

import argparse
from typing import Any

from fastlin.cli._input import DATA_HELP, DEFAULT_DATA, InputError

# Rows of the gradient check: each of its entries takes two losses over all of them.
_GRADIENT_ROWS = 50


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "check", help="check the gradient and the sanity of a loss on data",
        description="Compare the loss's gradient with differences of the loss, and ask the loss and a classifier with "
        "it what every right one answers alike. Exits with 1 if a check fails.",
    )  # fmt: skip
    parser.add_argument(
        "--data", dest="name_or_path", default=DEFAULT_DATA, metavar="NAME-or-PATH", help=f"{DATA_HELP} (default)"
    )
    parser.add_argument(
        "--loss", default="softmax", choices=("softmax", "hinge", "squared_hinge"), help="default: softmax"
    )
    parser.add_argument("--margin", type=float, default=1.0, help="margin of the hinge losses (default: 1)")
    parser.add_argument(
        "--rows", dest="n_rows", type=int, default=2000, metavar="N", help="rows of the sanity checks (default: 2000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn at random (default: 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    import numpy as np

    from fastlin import _arrays, _labels, datasets, training
    from fastlin.diagnostics import check_gradient, sanity_suite
    from fastlin.linear_model import LinearClassifier

    if arguments.seed < 0:
        raise InputError(f"--seed is {arguments.seed}; wanted is an integer >= 0")
    data = datasets.load(arguments.name_or_path)
    if data.y_train is None:
        raise InputError(f"{data.name} has no labels; wanted is y beside X")
    rows = _arrays.as_rows(data.X_train)
    if len(rows) == 0:
        raise InputError(f"{data.name} has no rows; wanted is at least four")
    classes, labels = _labels.encode(_labels.as_label_array(data.y_train, len(rows)))
    options = {} if arguments.loss == "softmax" else {"margin": arguments.margin}
    print(f"{data.name}: {len(rows):,} rows of {rows.dtype}, {rows.shape[1]} features, {len(classes)} classes\n")

    rng = np.random.Generator(np.random.PCG64(arguments.seed))
    picked = np.sort(rng.permutation(len(rows))[:_GRADIENT_ROWS])
    # Raw rows, standardised by folding: the path that fits take.
    shift, scale = training.survey(rows, None, None).standardization()
    W = rng.standard_normal((len(classes), rows.shape[1])) / np.sqrt(rows.shape[1])
    b = 0.1 * rng.standard_normal(len(classes))
    reports: list[Any] = [
        check_gradient(
            arguments.loss, rows[picked], labels[picked], W, b, seed=arguments.seed, l2=0.1, shift=shift, scale=scale,
            **options,
        )
    ]  # fmt: skip
    print(reports[-1], flush=True)
    for subject in (arguments.loss, LinearClassifier(arguments.loss, margin=arguments.margin)):
        own = options if isinstance(subject, str) else {}
        reports.append(sanity_suite(subject, rows, labels, n_rows=arguments.n_rows, seed=arguments.seed, **own))
        print(f"\n{reports[-1]}", flush=True)
    passed = all(report.ok for report in reports)
    print(f"\n{'all checks passed' if passed else 'CHECKS FAILED'}")
    return 0 if passed else 1
