"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin import _labels
from fastlin.plotting import _images
from fastlin.plotting._figure import name_text, on_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More classes than this have cells too small for a number, and more than that, names too small to be read.
_MOST_NUMBERS = 20
_MOST_NAMES = 50


def confusion_counts(model: Any, X: Any, y: Any) -> np.ndarray:
    """How many rows of each class are predicted as each.

    Parameters
    ----------
    model : LinearClassifier or ImagePipeline
        Fitted.
    X : array of shape (N, D) or (N, H, W, channels)
    y : array of shape (N,)
        Labels, all among ``model.classes_``; a class may have no row.

    Returns
    -------
    ndarray of int64, (C, C)
        Row i, column j: rows of class i that were predicted as class j.

    Examples
    --------
    >>> import fastlin
    >>> X, y = fastlin.datasets.make_ring(400)
    >>> confusion_counts(fastlin.SoftmaxClassifier(random_state=0).fit(X, y), X, y).sum(axis=1).tolist()
    [200, 200]
    """
    _images.check_fitted(model)
    predicted = model.predict(X)
    _, true = _labels.encode(_labels.as_label_array(y, len(predicted)), None, model.classes_)
    _, index = _labels.encode(predicted, None, model.classes_)
    return count_pairs(true, index, len(model.classes_))


def count_pairs(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """How often each pair of a true class, 0..C-1, and a predicted one is there, (C, C)."""
    return np.bincount(n_classes * true + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def confusion(
    model: Any, X: Any, y: Any, *, normalize: bool = True, class_names: Sequence[Any] | None = None,
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw which classes are taken for which: a row a true class, a column a predicted one.

    Parameters
    ----------
    model, X, y
        As of `confusion_counts`.
    normalize : bool
        Colour and number are shares of the true class in percent, so that every row sums to 100; else counts. A class
        without rows is 0.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    ax : matplotlib axes, optional
        To draw on; default: those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return draw_counts(confusion_counts(model, X, y), _images.as_names(class_names, model.classes_), normalize, ax)


def draw_counts(counts: np.ndarray, names: list[str], normalize: bool, ax: Any = None) -> Any:
    """`confusion` of counts that are there already."""
    rows = counts.sum(axis=1, keepdims=True)
    values = np.divide(100.0 * counts, rows, out=np.zeros(counts.shape), where=rows > 0) if normalize else counts
    n = len(counts)
    side = 1.8 + 0.42 * min(n, 12)
    figure, ax = on_axes(ax, side, side)
    largest = 100.0 if normalize else max(int(counts.max(initial=0)), 1)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=largest, interpolation="nearest")
    if n <= _MOST_NUMBERS:
        for i in range(n):
            for j in range(n):
                shown = f"{values[i, j]:.0f}" if normalize else str(counts[i, j])
                if counts[i, j]:
                    colour = "white" if values[i, j] > 0.5 * largest else "black"
                    ax.text(j, i, shown, ha="center", va="center", fontsize=8, color=colour)
    if n <= _MOST_NAMES:
        size = 8 if n <= _MOST_NUMBERS else 5
        texts = [name_text(name) for name in names]
        ax.set_xticks(range(n), texts, rotation=90 if max(map(len, texts)) > 2 else 0, fontsize=size, parse_math=False)
        ax.set_yticks(range(n), texts, fontsize=size, parse_math=False)
    accuracy = np.trace(counts) / max(counts.sum(), 1)
    ax.set_xlabel("predicted", fontsize=9)
    ax.set_ylabel("true", fontsize=9)
    unit = "percent of the true class" if normalize else "rows"
    ax.set_title(f"accuracy {accuracy:.1%}; in {unit}", fontsize=9)
    return figure
