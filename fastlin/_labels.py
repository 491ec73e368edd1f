"""Labels of any kind and the classes 0..C-1 that stand for them; what else the numbers of a model mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Meaning(NamedTuple):
    """What the numbers of a model stand for.

    Attributes
    ----------
    classes : ndarray of shape (C,)
        The labels, sorted.
    counts : ndarray of shape (C,)
        Weight of the rows of each that were seen.
    image_shape : tuple of int or None
        (H, W, channels), where a row is an image.
    names : ndarray of shape (D,) or None
        Of the features, where they have some.
    """

    classes: np.ndarray
    counts: np.ndarray
    image_shape: tuple[int, ...] | None = None
    names: np.ndarray | None = None


def as_array(labels: Any, name: str) -> np.ndarray:
    """`labels` as an array; refused is what NumPy would change in silence: masks, and numbers among strings."""
    if isinstance(labels, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill it first, for example {name}.filled(0)")
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise ValueError(f"{name} makes no array; wanted is one label a row: {error}") from None
    if array.dtype.kind == "T":  # NumPy 2's own strings: as Python's, which are sorted and saved
        return array.astype(object)
    if array.dtype.kind == "U" and array.ndim == 1 and isinstance(labels, list | tuple):
        kinds = sorted({"str" if isinstance(label, str) else type(label).__name__ for label in labels})
        if len(kinds) > 1:
            raise TypeError(f"{name} mixes {' and '.join(kinds)}; wanted is labels of one kind")
    return array


def as_label_array(y: Any, n_rows: int, name: str = "y") -> np.ndarray:
    """`y` as an array of one label a row: integers, strings, booleans, or floats that hold whole numbers."""
    if y is None:
        raise ValueError(f"{name} is None; wanted is one label a row of X")
    labels = as_array(y, name)
    if labels.ndim != 1 or len(labels) != n_rows:
        hint = f": pass {name}.ravel()" if labels.ndim == 2 and labels.shape[1] == 1 else ""
        raise ValueError(f"{name} has shape {labels.shape}; wanted is ({n_rows},), one label a row of X{hint}")
    return _check_kind(labels, name)


def as_classes(classes: Any) -> np.ndarray:
    """The sorted, distinct labels of a `classes` argument."""
    labels = as_array(classes, "classes")
    if labels.ndim != 1:
        raise ValueError(f"classes has shape {labels.shape}; wanted is one axis of labels")
    return _at_least_two(_distinct(_check_kind(labels, "classes"), "classes")[0], "classes")


def encode(
    labels: np.ndarray, weight: np.ndarray | None = None, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The classes, sorted, and each label's place among them, as int64.

    They are those among `labels`, or the known `classes`, and an unknown label is then refused. A row of weight zero is
    not there: its label may be any, and its place is 0.
    """
    if weight is not None:
        kept = np.flatnonzero(weight)
        index = np.zeros(len(labels), np.int64)
        classes, index[kept] = encode(labels[kept], classes=classes)
        return classes, index
    found, index = _distinct(labels, "y")
    if classes is None:
        return _at_least_two(found, "y"), index.astype(np.int64, copy=False)
    return classes, _places(found, classes)[index]


def named(labels: np.ndarray, class_names: Sequence[str] | None) -> np.ndarray:
    """What the labels 0, 1, ... are called, by a data set's `class_names`; labels that are no integers as they are."""
    if class_names is None or labels.dtype.kind not in "iu":
        return labels
    unnamed = labels[(labels < 0) | (labels >= len(class_names))]
    if len(unnamed):
        raise ValueError(
            f"y holds {unnamed[0]}, which class_names does not name; wanted is labels 0..{len(class_names) - 1}"
        )
    return np.array(class_names)[labels]


def joined(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The known `classes` and more `labels`, in one array; NumPy would make strings of numbers beside strings."""
    if not len(labels):
        return classes
    strings = [array.dtype.kind in "US" for array in (classes, labels)]
    if strings[0] != strings[1] and "O" not in (classes.dtype.kind, labels.dtype.kind):
        raise TypeError(
            f"y holds {labels.tolist()[0]!r}, while the classes are {_listed(classes)}; wanted is labels of one kind"
        )
    return np.concatenate([classes, labels])


def _places(found: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Where in the known `classes` each of the distinct labels `found` is, as int64."""
    try:
        place = np.minimum(np.searchsorted(classes, found), len(classes) - 1)
        known = np.asarray(classes[place] == found)
    except TypeError:
        known = np.zeros(len(found), bool)
    if known.shape != found.shape or not known.all():
        unknown = found if known.shape != found.shape else found[~known]
        raise ValueError(f"y holds {unknown.tolist()[0]!r}, which is not among the classes {_listed(classes)}")
    return place.astype(np.int64, copy=False)


def _check_kind(labels: np.ndarray, name: str) -> np.ndarray:
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise ValueError(f"{name} holds {labels[~np.isfinite(labels)][0]}; wanted is labels")
        if (labels != np.floor(labels)).any():
            raise ValueError(
                f"{name} holds {labels[labels != np.floor(labels)][0]}, a continuous value; wanted is labels "
                "(integers, strings, booleans): this is classification, not regression"
            )
    elif labels.dtype.kind not in "iubUSO":
        raise TypeError(f"{name} has dtype {labels.dtype}; wanted is labels: integers, strings or booleans")
    return labels


def _distinct(labels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        return np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels})
        raise TypeError(
            f"{name} {'mixes' if len(kinds) > 1 else 'holds'} {' and '.join(kinds)}; wanted is labels of one kind that "
            "can be sorted"
        ) from None


def _at_least_two(classes: np.ndarray, name: str) -> np.ndarray:
    if len(classes) < 2:
        only = f"only one class, {classes.tolist()[0]!r}" if len(classes) else "no labels"
        raise ValueError(f"{name} holds {only}; wanted is at least two classes")
    return classes


def _listed(classes: np.ndarray) -> str:
    shown = ", ".join(repr(label) for label in classes[:10].tolist())
    return shown + (f", ... ({len(classes)} in all)" if len(classes) > 10 else "")
