"""`fastlin plot`: one picture of a saved model, or of the losses."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin.cli._input import DATA_HELP, InputError, check_count

if TYPE_CHECKING:
    from fastlin.datasets import Dataset


# Dots an inch: with fewer no letter can be told, with more than printers have a picture takes gigabytes.
_DPI = (20, 2400)


def add_to(commands: Any) -> None:
    """Add the subcommand, with a subcommand of its own for each kind of picture."""
    parser = commands.add_parser(
        "plot", help="draw a picture of a model",
        description="Draw one picture into a file: .png, .svg or .pdf. Wants matplotlib: pip install 'fastlin[plot]'",
    )  # fmt: skip
    kinds = parser.add_subparsers(title="pictures", metavar="PICTURE", required=True)

    templates = _add(kinds, "templates", "the weights of each class as an image", templates_of, data="?")
    templates.add_argument(
        "--scale", default="symmetric", choices=("symmetric", "class", "global"), help="default: symmetric"
    )
    templates.add_argument(
        "--weights", default="standardized", choices=("standardized", "raw"), help="default: standardized"
    )
    templates.add_argument("--layout", default="auto", choices=("auto", "hwc", "chw"), help="default: auto")
    templates.add_argument("--shape", type=_sides, metavar="H,W,C", help="of the images, where the model knows none")
    templates.add_argument("--plain", action="store_true", help="a .png of bare pixels, without matplotlib")

    words = _add(kinds, "words", "the visual words that speak for each class", words_of, data="?")
    words.add_argument("-n", type=int, default=8, metavar="N", help="words a class (default: 8)")

    curves = _add(kinds, "curves", "loss, accuracy and steps over the epochs", curves_of)
    curves.add_argument(
        "--panels", metavar="A,B",
        help="of loss, accuracy, update_ratio, rate, gradient_norm, rows_per_second (default: the first three, where "
        "the model has them)",
    )  # fmt: skip
    weights = _add(kinds, "weights", "how many weights there are of each size", weights_of)
    weights.add_argument(
        "--weights", default="standardized", choices=("standardized", "raw"), help="default: standardized"
    )
    confusion = _add(kinds, "confusion", "which classes are taken for which", confusion_of, data=None)
    confusion.add_argument("--counts", action="store_true", help="rows, not percent of the true class")
    worst = _add(kinds, "worst", "the images most wrong about", worst_of, data=None)
    worst.add_argument("-n", type=int, default=12, metavar="N", help="at most so many (default: 12)")
    evidence = _add(kinds, "evidence", "what in an image speaks for and against classes", evidence_of, data=None)
    evidence.add_argument("--row", type=int, default=0, metavar="N", help="which image of DATA, from 0 (default: 0)")
    _add(kinds, "regions", "the plane by predicted class, for two features", regions_of, data=None)
    losses = _add(kinds, "losses", "the losses as functions", losses_of, model=False)
    losses.add_argument("--margin", type=float, default=1.0, help="of the hinges (default: 1)")
    penalties = _add(kinds, "penalties", "the penalties as functions", penalties_of, model=False)
    penalties.add_argument("--l1-ratio", type=float, default=0.5, help="of the elastic net (default: 0.5)")


def _add(kinds: Any, name: str, help: str, draw: Any, *, model: bool = True, data: str | None = "") -> Any:
    """A kind of picture; `data` is None where it needs data, "?" where it may, "" where it takes none."""
    parser = kinds.add_parser(name, help=help, description=f"Draw {help}.")
    if model:
        parser.add_argument("model", metavar="MODEL", help="a file that `fastlin train --model` wrote")
    if data != "":
        more = "its test rows, where it has some" if data is None else "the names of its classes alone are taken"
        parser.add_argument("data", metavar="DATA", nargs=data, help=f"{more}: {DATA_HELP}")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="file to write: .png, .svg or .pdf")
    parser.add_argument("--dpi", type=int, default=160, metavar="N", help="dots an inch of a .png (default: 160)")
    parser.set_defaults(run=run, draw=draw)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin._files import check_writable
    from fastlin.plotting import _figure

    _figure.picture_format(arguments.output)
    check_count("--dpi", arguments.dpi)
    if not _DPI[0] <= arguments.dpi <= _DPI[1]:
        raise InputError(f"--dpi is {arguments.dpi}; wanted is {_DPI[0]}..{_DPI[1]}")
    if hasattr(arguments, "n"):
        check_count("-n", arguments.n)
    check_writable(arguments.output)
    try:
        figure = arguments.draw(arguments)
    except ImportError as error:
        raise InputError(str(error)) from None
    if figure is not None:
        _figure.save_figure(figure, arguments.output, dpi=arguments.dpi)
    return 0


def templates_of(arguments: argparse.Namespace) -> Any:
    """Draw the templates."""
    from fastlin import plotting

    model = _model(arguments)
    options = {name: getattr(arguments, name) for name in ("scale", "weights", "layout", "shape")}
    if arguments.plain:
        if not arguments.output.lower().endswith(".png"):
            raise InputError(f"--output is {arguments.output!r} with --plain; wanted is a name that ends with .png")
        plotting.save_templates_png(model, arguments.output, **options)
        return None
    names = _names(model, _data(arguments)) if arguments.data is not None else None
    return plotting.templates(model, class_names=names, **options)


def words_of(arguments: argparse.Namespace) -> Any:
    """Draw the visual words of a chain."""
    from fastlin import plotting

    model = _model(arguments)
    names = _names(model, _data(arguments)) if arguments.data is not None else None
    return plotting.words(model, n=arguments.n, class_names=names)


def curves_of(arguments: argparse.Namespace) -> Any:
    """Draw the history."""
    from fastlin import plotting
    from fastlin.plotting._images import classifier_of
    from fastlin.plotting.curves import panels_of

    history = classifier_of(_model(arguments)).history_
    if arguments.panels is not None:
        return plotting.learning_curves(history, panels=arguments.panels.split(","))
    standard = ("loss", "accuracy", "update_ratio")
    return plotting.learning_curves(history, panels=panels_of(history, standard) or standard)


def weights_of(arguments: argparse.Namespace) -> Any:
    """Draw the sizes of the weights."""
    from fastlin import plotting

    return plotting.weight_histogram(_model(arguments), weights=arguments.weights)


def confusion_of(arguments: argparse.Namespace) -> Any:
    """Draw the confusion of classes."""
    from fastlin import plotting

    model, data = _model(arguments), _data(arguments)
    return plotting.confusion(
        model, *_labelled(data, model), normalize=not arguments.counts, class_names=_names(model, data)
    )  # fmt: skip


def worst_of(arguments: argparse.Namespace) -> Any:
    """Draw the worst mistakes."""
    from fastlin import plotting

    model, data = _model(arguments), _data(arguments)
    return plotting.worst(model, *_labelled(data, model), n=arguments.n, class_names=_names(model, data))


def evidence_of(arguments: argparse.Namespace) -> Any:
    """Draw the evidence in one image."""
    from fastlin import plotting

    model, data = _model(arguments), _data(arguments)
    X = data.X_train if data.X_test is None else data.X_test
    if not 0 <= arguments.row < len(X):
        raise InputError(f"--row is {arguments.row}; wanted is 0..{len(X) - 1}, as {data.name} has {len(X)} rows")
    return plotting.evidence(model, np.asarray(X[arguments.row]), class_names=_names(model, data))


def regions_of(arguments: argparse.Namespace) -> Any:
    """Draw the plane by predicted class."""
    from fastlin import plotting

    model, data = _model(arguments), _data(arguments)
    return plotting.decision_regions(model, *_labelled(data, model), class_names=_names(model, data))


def losses_of(arguments: argparse.Namespace) -> Any:
    """Draw the losses."""
    from fastlin import plotting

    return plotting.loss_shapes(margin=arguments.margin)


def penalties_of(arguments: argparse.Namespace) -> Any:
    """Draw the penalties."""
    from fastlin import plotting

    return plotting.penalty_shapes(l1_ratio=arguments.l1_ratio)


def _model(arguments: argparse.Namespace) -> Any:
    from fastlin.pipeline import load_model

    return load_model(arguments.model)


def _data(arguments: argparse.Namespace) -> Dataset:
    from fastlin import datasets

    return datasets.load(arguments.data)


def _names(model: Any, data: Dataset) -> list[str]:
    from fastlin.plotting._images import names_in

    return names_in(data.class_names, model.classes_)


def _labelled(data: Dataset, model: Any) -> tuple[np.ndarray, np.ndarray]:
    """The test rows and their labels as the model has them, or all where the data is not split."""
    from fastlin.plotting._images import labels_in

    X, y = (data.X_train, data.y_train) if data.X_test is None else (data.X_test, data.y_test)
    if y is None:
        raise InputError(f"{data.name} has no labels; wanted is y beside X")
    return X, labels_in(y, data.class_names, model.classes_)


def _sides(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(side) for side in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted is numbers such as 32,32,3") from None
