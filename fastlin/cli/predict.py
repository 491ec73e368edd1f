"""`fastlin predict`: predict with a saved model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin import _labels
from fastlin.cli._input import DATA_HELP, InputError, check_output

if TYPE_CHECKING:
    from fastlin.datasets import Dataset


def add_to(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "predict", help="predict with a saved model",
        description="Print a label a line for the rows of DATA (those to test, where it is split), and the accuracy on "
        "stderr where DATA brings labels. Of a folder of image files each line is the file's name, a tab and its "
        "label; images of another size are resized to that of the training.",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a file that `fastlin train --model` wrote")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP + "; y may be missing, and images lie in no class")
    parser.add_argument("-o", "--output", metavar="OUT", help="write the labels here instead")
    parser.add_argument("--threads", dest="n_threads", type=int, metavar="N", help="default: what the machine offers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return the exit code."""
    from fastlin._files import write_atomically
    from fastlin.pipeline import ImagePipeline, load_model

    if arguments.output is not None:
        check_output("--output", arguments.output, {"MODEL": arguments.model, "DATA": arguments.data})
    elif sys.stdout is None:
        raise InputError("stdout is closed; wanted is an open one, or --output")
    model = load_model(arguments.model)
    if isinstance(model, ImagePipeline):
        model.set_num_threads(arguments.n_threads)
    else:
        model.set_params(n_threads=arguments.n_threads)
    data, files = _load(arguments.data, model.image_shape_)
    X, y = (data.X_train, data.y_train) if data.X_test is None else (data.X_test, data.y_test)
    labels = model.predict(X)
    names = [f"{file}\t" for file in files] if files else [""] * len(labels)
    lines = "".join(f"{name}{label}\n" for name, label in zip(names, labels.tolist(), strict=True))
    if arguments.output is None:
        sys.stdout.write(lines)
        sys.stdout.flush()
    else:
        # A name of a file may be any bytes: Python has those that are no UTF-8 as lone surrogates.
        content = lines.encode(errors="surrogateescape")
        write_atomically(arguments.output, lambda file: file.write(content))
    if y is not None and len(y):
        print(_accuracy(labels, y, data, model.classes_), file=sys.stderr)
    return 0


def _load(name_or_path: str, image_shape: tuple[int, ...] | None) -> tuple[Dataset, list[str]]:
    """The data, and of a folder of image files their names in it."""
    from fastlin import datasets
    from fastlin.datasets import folder

    path = Path(name_or_path)
    if image_shape is None or name_or_path in datasets.NAMES or not path.is_dir() or not folder.has_images(path):
        return datasets.load(name_or_path), []
    height, width, channels = image_shape
    data = datasets.load_image_folder(path, (height, width), color="gray" if channels == 1 else "rgb")
    return data, [str(file.relative_to(path)) for file in folder.image_files(path)]


def _accuracy(labels: np.ndarray, y: np.ndarray, data: Dataset, classes: np.ndarray) -> str:
    """How many of the labels are right, or why that cannot be said."""
    if _kind_of(labels) == "strings":
        y = _labels.named(y, data.class_names)
    ours, theirs = _kind_of(labels), _kind_of(y)
    if ours != theirs:
        return f"no accuracy: the model's labels are {ours}, those of {data.name} are {theirs}"
    if not np.isin(y, classes).any():
        return f"no accuracy: none of the labels of {data.name} is one of the model's"
    return f"accuracy {np.mean(labels == y):.2%} on {len(y):,} rows"


def _kind_of(labels: np.ndarray) -> str:
    return {"U": "strings", "O": "strings", "S": "bytes"}.get(labels.dtype.kind, "numbers")
