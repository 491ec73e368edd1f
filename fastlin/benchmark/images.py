"""Image features among the cases: their images, calls, answers and work.

The twin takes a few of the images, as it needs a hundred times as long; its time is told for all of them.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlin._core import kernels
from fastlin.benchmark.cases import Case
from fastlin.features import VisualWords, _words_reference, color_histogram, hog, reference
from fastlin.features._encoder import products_for

SIDE = 32
# The settings that the figures are known by: Dalal and Triggs' blocks, an HSV histogram, a small dictionary.
HOG: dict[str, Any] = {"cells_per_block": (2, 2)}
HISTOGRAM: dict[str, Any] = {"bins": (12, 4, 4), "space": "hsv"}
PAIRS = 192
# Images the twin is given.
_TWIN = {"hog": 100, "color_histogram": 50}
_TWIN_WORDS = 2
# Of the largest entry. HoG and histograms are counts and roots of them, equal but for roundings; bfloat16 has 8 bits.
TOLERANCE = {"hog": 1e-5, "color_histogram": 1e-5, "visual_words": 1e-4, "visual_words_bf16": 3e-2}


def images(dtype: str, n: int, size: int = SIDE) -> np.ndarray:
    """Colour images (n, size, size, 3) with smooth parts, edges and noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 220, (n, size // 4, size // 4, 3))
    X = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2) + rng.uniform(0, 36, (n, size, size, 3))
    return X.astype(np.uint8) if dtype == "uint8" else (X / 256).astype(dtype)


def can_run(case: Case) -> bool:
    """Whether this CPU has the arithmetic of the case."""
    return case.op != "visual_words_bf16" or any(name.endswith("bf16") for name in kernels.products())


def precision(case: Case) -> str:
    """Of the products with visual words."""
    return "bfloat16" if case.op == "visual_words_bf16" else "float32"


def arithmetic(case: Case) -> str:
    """The core's name of the arithmetic that most of the work is in."""
    return products_for(precision(case))


def call(case: Case, name: str, n_threads: int) -> Callable[[], np.ndarray]:
    """The call of fastlin or of the twin."""
    X = _images(case)[: len_of(case, name)]
    if case.op == "hog":
        return lambda: hog(X, n_threads=n_threads, **HOG) if name == "fastlin" else reference.hog(X, **HOG)
    if case.op == "color_histogram":
        if name == "fastlin":
            return lambda: color_histogram(X, n_threads=n_threads, **HISTOGRAM)
        return lambda: reference.color_histogram(X, **HISTOGRAM)
    # A copy: the calls of several thread counts take turns.
    words = copy.copy(_words(precision(case))).set_params(n_threads=n_threads)
    if name == "fastlin":
        return lambda: words.transform(X)
    return lambda: _words_reference.encode(X, words._model)


def len_of(case: Case, name: str) -> int:
    """How many of the images an implementation is given."""
    return case.n if name == "fastlin" else min(case.n, _TWIN.get(case.op, _TWIN_WORDS))


def check(case: Case, result: Any) -> float:
    """The largest difference from the twin's features, of their largest entry; see `answers.check`."""
    wanted = call(case, "numpy", 1)()
    difference = float(np.max(np.abs(result[: len(wanted)] - wanted)) / np.max(np.abs(wanted)))
    if not difference <= TOLERANCE[case.op]:
        raise AssertionError(
            f"{case.group}: features are {difference:.1e} of the largest away from the twin's; wanted is at most "
            f"{TOLERANCE[case.op]:.0e}. It is not timed"
        )
    return difference


def flops(case: Case) -> float:
    """Of visual words: whitening and products. HoG and histograms count and look up: only their bytes are told."""
    if not case.op.startswith("visual_words"):
        return 0.0
    words = _words(precision(case))
    return case.n * words._model.operations(len(words._model.geometry((SIDE, SIDE, 3)).offset))


@functools.lru_cache(maxsize=1)
def _images(case: Case) -> np.ndarray:
    return images(case.dtype, case.n)


@functools.cache
def _words(precision: str) -> Any:
    words = VisualWords(PAIRS, dictionary="random", n_patches=5000, precision=precision, random_state=0)
    return words.fit(images("uint8", 200))
