"""`fastlin train`: train a classifier and test it."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Literal

import numpy as np

from fastlin import _labels
from fastlin.cli._input import DATA_HELP, DEFAULT_DATA, HELD_OUT, InputError, auto_or, check_output, split_rows


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "train", help="train a classifier and test it",
        description="Train a linear classifier and test it on the test split. Without arguments: on bundled images.",
    )  # fmt: skip
    parser.add_argument(
        "--data", dest="name_or_path", default=DEFAULT_DATA, metavar="NAME-or-PATH", help=f"{DATA_HELP} (default)"
    )
    parser.add_argument(
        "--features", dest="spec", metavar="SPEC", parts=("N of words:N", "SIDE of @SIDE", "size"),
        help="train on features of images, with a penalty chosen on a tenth of them held out: raw, hog, hog4, color, "
        "color4, words or words:N (pairs of visual words), joined by +, as in hog+color; and @28 behind, as in "
        "words:1200@28: of five windows of 28 x 28 pixels (default: rows as they are)",
    )  # fmt: skip
    parser.add_argument(
        "--loss", default="softmax", choices=("softmax", "hinge", "squared_hinge"), help="default: softmax"
    )
    parser.add_argument(
        "--solver", choices=("sgd", "adam", "lbfgs", "auto"),
        help="minibatches with momentum (default), or Adam's rates; all rows at once (default with --features); sgd, "
        "then lbfgs if that pays",
    )  # fmt: skip
    parser.add_argument(
        "--epochs", dest="max_iter", type=auto_or(int), default="auto", metavar="N",
        help="passes over the rows, or auto: 10, more on few rows (default)",
    )  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=256, metavar="N", help="rows a step (default: 256)")
    parser.add_argument(
        "--learning-rate", default="auto", metavar="SCHEDULE",
        help="auto (linear to 0), constant, invscaling, optimal, step, cosine, warmup, one_cycle or adaptive",
    )  # fmt: skip
    parser.add_argument(
        "--eta0", type=auto_or(float), default="auto", metavar="RATE",
        help="rate of the first step, or auto: from the data (default)",
    )  # fmt: skip
    parser.add_argument("--penalty", default="l2", choices=("l2", "l1", "elasticnet", "none"), help="default: l2")
    parser.add_argument(
        "--alpha", type=auto_or(float), default="auto", help="strength of the penalty, or auto: from the data (default)"
    )
    parser.add_argument(
        "--l1-ratio", type=float, default=0.15, metavar="R", help="share of l1 in the elasticnet (default: 0.15)"
    )
    parser.add_argument("--early-stopping", action="store_true", help="stop by a tenth of the rows, held out")
    parser.add_argument("--margin", type=float, default=1.0, help="margin of the hinge losses (default: 1)")
    parser.add_argument(
        "--seed", dest="random_state", type=int, default=0, metavar="SEED",
        help="of the shuffling and the split (default: 0)",
    )  # fmt: skip
    parser.add_argument("--threads", dest="n_threads", type=int, metavar="N", help="default: what the machine offers")
    parser.add_argument("--checkpoint", metavar="PATH", help="save the running fit here; go on from what is there")
    parser.add_argument("--model", metavar="OUT.npz", help="save the model here, with its features in one file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin import config, datasets
    from fastlin.linear_model import LinearClassifier
    from fastlin.model_file import check_name

    if arguments.model is not None:
        inputs = {"--data": arguments.name_or_path, "--checkpoint": arguments.checkpoint}
        check_output("--model", arguments.model, inputs)
        check_name(arguments.model)
    if arguments.loss == "softmax":
        arguments.margin = 1.0  # it has none, so what was given says nothing
    data = datasets.load(arguments.name_or_path)
    X, y, X_test, y_test = split_rows(data, arguments.random_state)
    # The model answers with names, where there are some: who predicts later has the model alone.
    y, y_test = _labels.named(y, data.class_names), _labels.named(y_test, data.class_names)
    model = LinearClassifier(
        arguments.loss,
        penalty=None if arguments.penalty == "none" else arguments.penalty,
        alpha=arguments.alpha,
        l1_ratio=arguments.l1_ratio,
        margin=arguments.margin,
        batch_size=arguments.batch_size,
        solver=arguments.solver or ("sgd" if arguments.spec is None else "lbfgs"),
        learning_rate=arguments.learning_rate,
        eta0=arguments.eta0,
        early_stopping=arguments.early_stopping,
        checkpoint=arguments.checkpoint,
        max_iter=arguments.max_iter,
        random_state=arguments.random_state,
        n_threads=arguments.n_threads,
        verbose=1,
    )
    split = (
        "its test split"
        if data.X_test is not None
        else f"{HELD_OUT:.0%} of the rows, held out at random (seed {arguments.random_state})"
    )
    print(f"{data.name}: {len(X):,} rows of {X.dtype} {'x'.join(map(str, X.shape[1:]))} to train on; tested on {split}")
    if arguments.spec is not None:
        return _run_chain(arguments, model, (X, y), (X_test, y_test))
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


def _run_chain(arguments: argparse.Namespace, classifier: Any, train: Any, test: Any) -> int:
    """Fit features, penalty and classifier; print the accuracies, save one file."""
    from fastlin import pipeline

    for option, given in (("--checkpoint", arguments.checkpoint), ("--early-stopping", arguments.early_stopping)):
        if given:
            raise InputError(f"{option} is of one fit, and --features makes several; wanted is one of the two")
    features = pipeline.make_features(
        arguments.spec, random_state=arguments.random_state, n_threads=arguments.n_threads, verbose=1
    )
    if features is not None and train[0].ndim != 4:
        raise InputError(
            f"--features is {arguments.spec!r}, and X has shape {train[0].shape}; wanted is images, "
            "(n_images, height, width, channels)"
        )
    model = pipeline.ImagePipeline(
        features,
        classifier.set_params(verbose=0), alpha=arguments.alpha,
        random_state=arguments.random_state, verbose=1,
    )  # fmt: skip
    began = time.perf_counter()
    model.fit(*train)
    fitted = time.perf_counter()
    if arguments.model is not None:
        model.save(arguments.model)
        print(f"model saved to {arguments.model}")
    print(f"penalty {model.alpha_:g}; fitted in {fitted - began:.2f} s")
    parts = [("training", train), ("test", test)]
    for name, (X, y) in parts:
        if len(X) == 0:
            print(f"no rows for the {name} accuracy")
            continue
        began = time.perf_counter()
        print(f"{name} accuracy {model.score(X, y):.2%} on {len(X):,} images, {time.perf_counter() - began:.2f} s")
    return 0


def _print_initial_loss(arguments: argparse.Namespace, X: np.ndarray, y: np.ndarray) -> None:
    """The loss of all-zero weights as it is computed, beside what a pencil says: they agree, or something is broken."""
    from fastlin import _arrays, functional

    classes, index = _labels.encode(_labels.as_label_array(y, len(X)))
    margin = _arrays.as_positive(arguments.margin, "margin")
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
