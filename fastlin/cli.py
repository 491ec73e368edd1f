"""The command `fastlin`: train a classifier, predict with it, tell what this build can do.

Exit codes: 0 done, 1 the fit diverged, 2 the command or its input was wrong, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from fastlin.datasets import Dataset
    from fastlin.linear_model import LinearClassifier

_DEFAULT_DATA = "fashion-mnist-small"
# Share of the rows held out for testing where the data brings no test split.
_HELD_OUT = 0.2

_DATA_HELP = (
    "an .npz file with X and y, or X_train, y_train, X_test and y_test (numpy.savez writes one); "
    f"or the name of a data set that comes with fastlin: {_DEFAULT_DATA}"
)


class _InputError(Exception):
    """The input makes no sense; the message is all the user needs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except BrokenPipeError:
        # The reader of our output has gone, as `fastlin predict ... | head` does: no error, and nothing to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("fastlin: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        named = error.filename is not None
        print(f"fastlin: {error.filename!r}: {error.strerror}" if named else f"fastlin: {error}", file=sys.stderr)
        return 2
    except (_InputError, ValueError, TypeError, MemoryError, ArithmeticError) as error:
        from fastlin.training import DivergenceError

        print(f"fastlin: {error or type(error).__name__}", file=sys.stderr)
        return 1 if isinstance(error, DivergenceError) else 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastlin", description="Linear classifiers on images and other dense rows, fast."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    train = commands.add_parser(
        "train", help="train a classifier and test it",
        description="Train a linear classifier and test it on the test split. Without arguments: on bundled images.",
    )  # fmt: skip
    train.add_argument("--data", default=_DEFAULT_DATA, metavar="NAME-or-PATH", help=f"{_DATA_HELP} (default)")
    train.add_argument(
        "--loss", default="softmax", choices=("softmax", "hinge", "squared_hinge"), help="default: softmax"
    )
    train.add_argument("--epochs", type=int, metavar="N", help="passes over the rows (default: 10, more on few rows)")
    train.add_argument("--batch-size", type=int, default=256, metavar="N", help="rows a step (default: 256)")
    train.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="rate of the first step, decaying to 0 (default: from the data)",
    )
    train.add_argument("--alpha", type=float, default=1e-4, help="strength of the penalty (default: 1e-4)")
    train.add_argument(
        "--l1-ratio", type=float, default=0.0, metavar="R", help="share of l1 in the penalty (default: 0)"
    )
    train.add_argument("--margin", type=float, default=1.0, help="margin of the hinge losses (default: 1)")
    train.add_argument("--seed", type=int, default=0, help="of the shuffling and the split (default: 0)")
    train.add_argument("--threads", type=int, metavar="N", help="default: what the machine offers")
    train.add_argument("--model", metavar="OUT.npz", help="save the model here")
    train.set_defaults(run=_train)

    predict = commands.add_parser(
        "predict", help="predict with a saved model",
        description="Print a label a line for the rows of DATA (those to test, where it is split), and the accuracy on "
        "stderr where DATA brings labels.",
    )  # fmt: skip
    predict.add_argument("model", metavar="MODEL", help="a file that `fastlin train --model` wrote")
    predict.add_argument("data", metavar="DATA", help=_DATA_HELP + "; y may be missing")
    predict.add_argument("-o", "--output", metavar="OUT", help="write the labels here instead")
    predict.add_argument("--threads", type=int, metavar="N", help="default: what the machine offers")
    predict.set_defaults(run=_predict)

    info = commands.add_parser("info", help="version, compiler, SIMD levels, threads")
    info.set_defaults(run=_info)
    return parser


def _train(arguments: argparse.Namespace) -> int:
    from fastlin import config, datasets
    from fastlin._files import check_writable
    from fastlin.linear_model import LinearClassifier

    if arguments.model is not None:
        check_writable(arguments.model)
    if arguments.loss == "softmax":
        arguments.margin = 1.0  # it has none, so what was given says nothing
    data = datasets.load(arguments.data)
    X, y, X_test, y_test = _split(data, arguments.seed)
    model = LinearClassifier(
        arguments.loss,
        alpha=arguments.alpha,
        l1_ratio=arguments.l1_ratio,
        margin=arguments.margin,
        batch_size=arguments.batch_size,
        learning_rate="auto" if arguments.learning_rate is None else arguments.learning_rate,
        max_epochs="auto" if arguments.epochs is None else arguments.epochs,
        random_state=arguments.seed,
        n_threads=arguments.threads,
        verbose=1,
    )
    split = (
        "its test split"
        if data.X_test is not None
        else f"{_HELD_OUT:.0%} of the rows, held out at random (seed {arguments.seed})"
    )
    print(f"{data.name}: {len(X):,} rows of {X.dtype} {'x'.join(map(str, X.shape[1:]))} to train on; tested on {split}")
    _print_initial_loss(arguments, X, y)

    began = time.perf_counter()
    code = 0
    try:
        model.fit(X, y)
    except KeyboardInterrupt:
        if not hasattr(model, "classes_"):
            raise
        print("interrupted: going on with the weights of the last finished step", file=sys.stderr)
        code = 130
    seconds = time.perf_counter() - began

    if arguments.model is not None:
        model.save(arguments.model)
        print(f"model saved to {arguments.model}")
    n_trained = model.n_iter_ * len(X)
    accuracy = "no rows to test" if len(X_test) == 0 else f"test accuracy {model.score(X_test, y_test):.2%}"
    print(
        f"{accuracy}; {model.n_iter_} epochs in {seconds:.2f} s, {n_trained / seconds:,.0f} rows/s, "
        f"SIMD level {config.info()['simd']['in_use']}"
    )
    return code


def _print_initial_loss(arguments: argparse.Namespace, X: np.ndarray, y: np.ndarray) -> None:
    """The loss of all-zero weights as it is computed, beside what a pencil says: they agree, or something is broken."""
    from fastlin import _arrays, _labels, functional

    classes, index = _labels.encode(_labels.as_label_array(y, len(X)))
    margin = _arrays.as_positive(arguments.margin, "--margin")
    rows = _arrays.as_rows(X)
    W = np.zeros((len(classes), rows.shape[1]), _arrays.compute_dtype(rows))
    # The first thousand rows say as much as all: without weights every row has the same loss.
    sample, labels = rows[:1000], index[:1000]
    if arguments.loss == "softmax":
        loss = functional.softmax_loss(sample, labels, W).loss
        wanted, formula = np.log(len(classes)), "log C"
    else:
        power: Literal[1, 2] = 2 if arguments.loss == "squared_hinge" else 1
        loss = functional.hinge_loss(sample, labels, W, margin=margin, power=power).loss
        wanted = (len(classes) - 1) * margin**power
        formula = "C - 1" if margin == 1 else f"(C - 1) * margin{'**2' if power == 2 else ''}"
    print(f"initial {arguments.loss} loss {loss:.4f}, should be {formula} = {wanted:.4f} for {len(classes)} classes")


def _split(data: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and labels to train on and to test on; where the data is not split, a seeded fifth is held out."""
    if data.y_train is None:
        raise _InputError(f"{data.name} has no labels; wanted is y beside X")
    if data.X_test is not None and data.y_test is not None:
        return data.X_train, data.y_train, data.X_test, data.y_test
    if seed < 0:
        raise _InputError(f"--seed is {seed}; wanted is an integer >= 0")
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(data.X_train))
    n_test = round(_HELD_OUT * len(order))
    test, train = order[:n_test], order[n_test:]
    return data.X_train[train], data.y_train[train], data.X_train[test], data.y_train[test]


def _predict(arguments: argparse.Namespace) -> int:
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


def _info(arguments: Any) -> int:
    from fastlin import config

    config.show_config()
    return 0
