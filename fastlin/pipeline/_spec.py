"""Features by a short name: "raw", "hog+color", "words:800", "words:1200@28"."""

from __future__ import annotations

from typing import Any, Literal

from fastlin import _arrays
from fastlin.features import HOG, ColorHistogram, Concat, Crops, VisualWords
from fastlin.linear_model import LinearClassifier
from fastlin.pipeline._pipeline import ImagePipeline

# Word pairs where no number is given: what encodes 60 000 images of 32 x 32 pixels in ten seconds of two cores.
_PAIRS = 400
# Worth 6 % more on CIFAR-10 than `HOG`'s defaults, which are scikit-image's: which side of an edge is the lighter one,
# and votes shared by neighbouring bins and cells.
_HOG: dict[str, Any] = {"orientations": 18, "cells_per_block": (2, 2), "signed": True, "interpolate": True}
_NAMES = "raw, hog, hog4, color, color4, words and words:N, joined by +, and @SIDE behind; raw stands alone"


def make_features(spec: str, *, random_state: Any = 0, n_threads: int | None = None, verbose: int = 0) -> Any:
    """The transformer that a short name stands for; None for "raw".

    Parameters
    ----------
    spec : str
        Joined by ``+``, in this order:

        - ``hog``: gradients in 18 signed directions with interpolated votes, in cells of 8 x 8 pixels and blocks of
          2 x 2 cells; ``hog4``: in cells of 4 x 4;
        - ``color``: a joint histogram of hue, saturation and value; ``color4``: one for each quarter of the image;
        - ``words``, ``words:N``: N (400) pairs of visual words.

        Or ``raw``: the pixels. ``@SIDE`` behind: of five windows of so many pixels of each image
        (`fastlin.features.Crops`), as ``words:1200@28``; the fit then has five times as many rows.
    random_state, n_threads
        Of the transformers.
    verbose : int
        1 shows progress bars of visual words; histograms take a second for 50 000 images.

    Examples
    --------
    >>> make_features("color+words:200").get_params(deep=False)
    {'transformers': [('color', ColorHistogram()), ('words', VisualWords(n_words=200, random_state=0))]}
    """
    if not isinstance(spec, str):
        raise TypeError(f"spec is {spec!r}; wanted is a string of {_NAMES}")
    if spec == "raw":
        return None
    of_window, at, side = spec.partition("@")
    if at:
        if of_window == "raw" or not (side.isascii() and side.isdigit()):
            raise ValueError(f"spec is {spec!r}; wanted is features other than raw, and behind @ a number of pixels")
        whole = make_features(of_window, random_state=random_state, n_threads=n_threads, verbose=verbose)
        if isinstance(whole, VisualWords):
            whole.set_params(dtype="float16")  # there are five times as many
        return Crops(whole, _arrays.as_count(int(side), "SIDE of @SIDE"))
    common: dict[str, Any] = {"n_threads": n_threads}
    parts: list[tuple[str, Any]] = []
    for name in spec.split("+"):
        kind, colon, number = name.partition(":")
        if kind == "words" and (number.isascii() and number.isdigit() if colon else True):
            pairs = _arrays.as_count(int(number), "N of words:N") if colon else _PAIRS
            words = VisualWords(pairs, random_state=random_state, verbose=verbose > 0, **common)
            if pairs > words.n_patches:
                raise ValueError(
                    f"N of words:N is {pairs}; wanted is at most {words.n_patches}, the patches they are learned from"
                )
            parts.append((kind, words))
        elif name == "hog":
            parts.append((name, HOG(**_HOG, **common)))
        elif name == "hog4":
            parts.append((name, HOG(pixels_per_cell=(4, 4), **_HOG, **common)))
        elif name == "color":
            parts.append((name, ColorHistogram(**common)))
        elif name == "color4":
            parts.append((name, ColorHistogram(grid=(2, 2), **common)))
        else:
            raise ValueError(f"spec is {spec!r}, of which {name!r} is unknown; wanted is {_NAMES}")
    names = [name for name, _ in parts]
    if len(set(names)) < len(names):
        raise ValueError(f"spec is {spec!r}, which has a part twice; wanted is each of {_NAMES} once")
    return parts[0][1] if len(parts) == 1 else Concat(parts)


def make_pipeline(
    spec: str, *, loss: Literal["softmax", "hinge", "squared_hinge"] = "softmax",
    solver: Literal["lbfgs", "sgd", "adam", "auto"] = "lbfgs", alpha: float | Literal["auto"] = "auto",
    validation_fraction: float = 0.1, random_state: int | None = 0, n_threads: int | None = None, verbose: int = 0,
) -> ImagePipeline:  # fmt: skip
    """An `ImagePipeline` by the short name of its features.

    Parameters
    ----------
    spec : str
        As `make_features` takes it: "raw", "hog+color", "hog4+color4", "words:800", "words:400+hog+color",
        "words:1200@28".
    loss, solver
        Of the classifier. "lbfgs" wants the extra: pip install 'fastlin[solvers]'; "sgd" does without.
    alpha, validation_fraction
        As in `ImagePipeline`.
    random_state, n_threads, verbose
        Of all parts.

    Returns
    -------
    ImagePipeline

    Examples
    --------
    >>> import fastlin
    >>> from fastlin.datasets import make_bars
    >>> X, y = make_bars(400, size=16)
    >>> fastlin.make_pipeline("hog", solver="sgd").fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.95
    True
    """
    common: dict[str, Any] = {"random_state": random_state, "n_threads": n_threads}
    return ImagePipeline(
        make_features(spec, **common, verbose=verbose), LinearClassifier(loss, solver=solver, **common), alpha=alpha,
        validation_fraction=validation_fraction, random_state=random_state, verbose=verbose,
    )  # fmt: skip
