"""The visual words that speak for a class, as patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin.features import Concat, Crops, VisualWords
from fastlin.pipeline import ImagePipeline
from fastlin.plotting import _images
from fastlin.plotting._figure import name_text, panels, show_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class WordImages(NamedTuple):
    """What `word_images` computed.

    Attributes
    ----------
    pixels : ndarray of uint8, (n_classes, n, size, size, channels)
        The words that add most to the score of each class, the most first.
    words : ndarray of int64, (n_classes, n)
        Their numbers.
    weights : ndarray of float64, (n_classes, n)
        What a standard deviation of the word's sums adds to the score, over all cells of the grid together.
    labels : list
        The class of each row.
    """

    pixels: np.ndarray
    words: np.ndarray
    weights: np.ndarray
    labels: list[Any]


def word_images(model: Any, *, n: int = 8, classes: Any = None) -> WordImages:
    """The visual words that speak most for each class, as images of uint8.

    A word's weight is that of all its columns in which an image answers to it and not to its negative, over the cells
    of the grid, by a standard deviation each. A patch is shown with its whitening undone, as its difference from the
    mean patch: mid grey is none, and its largest number is black or white.

    Parameters
    ----------
    model : ImagePipeline
        Fitted, with `VisualWords` among its features.
    n : int
        Words of each class; fewer where there are not as many.
    classes : label or sequence of labels, optional
        Which; default: all.

    Returns
    -------
    WordImages

    Raises
    ------
    TypeError
        For a model without visual words.

    Examples
    --------
    >>> import fastlin
    >>> X, y = fastlin.datasets.make_bars(200, size=12)
    >>> model = fastlin.make_pipeline("words:16", solver="sgd", alpha=1e-3).fit(X, y)
    >>> word_images(model, n=3).pixels.shape
    (2, 3, 6, 6, 1)
    """
    n = _arrays.as_count(n, "n")
    words, columns = words_of(model)
    if words.n_channels_ not in (1, 3):
        raise ValueError(f"the words have {words.n_channels_} channels; wanted is 1 or 3, grey or RGB")
    W = _images.class_weights(model.classifier_, "standardized")[:, columns]
    # Cells, mirrors, signs, words: the first of the signs is the word itself.
    per_word = W.reshape(len(W), -1, *words._model.layout[2:])[:, :, :, 0].sum(axis=(1, 2))
    places = _images.as_places(classes, model.classes_)
    best = np.argsort(-per_word[places], axis=1, kind="stable")[:, :n]
    patches = words.word_patches().astype(np.float64)
    patches -= words.mean_.reshape(patches.shape[1:])
    limit = np.abs(patches).max(axis=(1, 2, 3), keepdims=True)
    pixels = np.floor(127.5 * (1.0 + patches / np.where(limit > 0, limit, 1.0)) + 0.5).astype(np.uint8)
    labels = model.classes_.tolist()
    weights = np.take_along_axis(per_word[places], best, axis=1)
    return WordImages(pixels[best], best, weights, [labels[place] for place in places])


def words(
    model: Any, *, n: int = 8, classes: Any = None, class_names: Sequence[Any] | None = None,
    figure: Figure | None = None,
) -> Figure:  # fmt: skip
    """Draw the visual words that speak most for each class, a row a class.

    Parameters
    ----------
    model, n, classes
        As of `word_images`.
    class_names : sequence of str, optional
        A name a class, in the order of ``model.classes_``; default: the labels.
    figure : matplotlib figure or subfigure, optional
        To draw on; default: a new one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = word_images(model, n=n, classes=classes)
    names = _images.as_names(class_names, model.classes_)
    places = _images.as_places(classes, model.classes_)
    rows, columns = shown.words.shape
    figure, axes = panels(figure, rows, columns, 0.7, 0.7)
    for k, ax in enumerate(axes):
        row, column = divmod(k, columns)
        show_image(ax, _images.without_single_channel(shown.pixels[row, column]))
        if column == 0:
            ax.set_ylabel(
                name_text(names[places[row]]), fontsize=9, rotation=0, ha="right", va="center", parse_math=False
            )
    return figure


def words_of(model: Any) -> tuple[VisualWords, slice]:
    """The visual words of a chain, and their columns among its features."""
    if not isinstance(model, ImagePipeline):
        raise TypeError(f"model is {type(model).__name__}; wanted is an ImagePipeline with visual words")
    _images.check_fitted(model)
    features, start = model.features_, 0
    if isinstance(features, Crops):
        features = features.transformer
    parts = [part for _, part in features.transformers] if isinstance(features, Concat) else [features]
    for part in parts:
        if isinstance(part, VisualWords):
            return part, slice(start, start + part.n_features_out_)
        start += getattr(part, "n_features_out_", 0)
    raise TypeError(f"model's features are {features!r}; wanted are visual words among them")
