"""Encoding of images by a fitted dictionary: what the compiled loop is told, in steps short enough to interrupt."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastlin import _arrays, _threads
from fastlin._core import kernels as _kernels
from fastlin._core import words as _words
from fastlin.features._pooling import Geometry, geometry

# Seconds of a step between two looks at Ctrl-C. The threads of a step wait for its last one, so short ones are dear
# where others use the machine too. The first step is of so many multiplications and additions a thread: 20 ms with
# AVX-512, 0.1 s with SSE2.
_SECONDS = 0.1
_STEP = 2e9


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted dictionary, as the kernels and their twin read it.

    Attributes
    ----------
    whitening : ndarray of float32, shape (n_components, d)
        Even components first, then the `odd` odd ones.
    bias : ndarray of float32, shape (n_components,)
    words : ndarray of float32, shape (n_words, n_components)
        One of each mirror pair, where odd > 0.
    even, odd : int
    patch_size : int
    contrast_eps : float
        On the scale of 0..255.
    encoding : {"soft", "triangle", "hard"}
    threshold : float
    pooling : (int, int)
    overlap : bool
    join : bool
        The sums of a mirror word, of the mirrored cell, are added to its word's.
    power : float
    """

    whitening: np.ndarray
    bias: np.ndarray
    words: np.ndarray
    even: int
    odd: int
    patch_size: int
    contrast_eps: float
    encoding: str
    threshold: float
    pooling: tuple[int, int]
    overlap: bool
    join: bool
    power: float

    @functools.cached_property
    def ones(self) -> np.ndarray:
        """The whitening's product with a patch of ones, float32: the rounding of zeros, as patches have no mean."""
        return self.whitening.sum(axis=1, dtype=np.float64).astype(np.float32)

    @property
    def layout(self) -> tuple[int, int, int, int, int]:
        """Shape of the features: bins in y and x, mirrors, signs, words."""
        mirrors = 2 if self.odd and not self.join else 1
        return *self.pooling, mirrors, 2 if self.encoding == "soft" else 1, len(self.words)

    @property
    def n_features(self) -> int:
        """Length of an image's feature vector."""
        return int(np.prod(self.layout))

    def geometry(self, shape: tuple[int, int, int]) -> Geometry:
        """Where the positions and bins of images of `shape` lie."""
        return geometry(shape, self.patch_size, self.pooling, self.overlap)

    def operations(self, n_positions: int) -> float:
        """Multiplications and additions of so many positions."""
        n_components, d = self.whitening.shape
        return 2.0 * n_positions * n_components * (len(self.words) + d)


def whitening_bias(components: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """What components (x - mean) adds to components x, float32 (n_components,)."""
    return (-components.astype(np.float64) @ mean.astype(np.float64)).astype(np.float32)


def products_for(precision: str) -> str:
    """The core's arithmetic for a `precision`: "float32", "bfloat16" or "auto", the fastest there is."""
    _arrays.as_choice(precision, "precision", ("auto", "float32", "bfloat16"))
    available = _kernels.products()
    if precision == "auto":
        return available[-1]
    if precision == "float32":
        return precision
    for name in ("amx_bf16", "avx512_bf16"):
        if name in available:
            return name
    raise ValueError(
        "precision is 'bfloat16', and this CPU or this build has no bfloat16 products; wanted is 'float32' or 'auto'"
    )


def encode(
    model: Model,
    images: np.ndarray,
    scale: float,
    out: np.ndarray,
    *,
    precision: str,
    n_threads: int | None,
    images_done: Callable[[int], object],
) -> None:
    """Write the features (N, F) of `images` (N, H, W, channels) times `scale` to `out`, of float32 or float16."""
    products = products_for(precision)
    where = model.geometry(images.shape[1:])
    of_image = model.operations(len(where.offset))
    threads = _threads.resolve(n_threads, of_image * len(images))
    if of_image > _STEP and where.n_chunks > 1:
        _encode_in_parts(model, images, scale, out, where, products, threads, images_done)
        return
    start, step = 0, max(threads, int(_STEP / of_image) * threads)
    while start < len(images):
        began = time.perf_counter()
        rows = out[start : start + step]
        batch = as_contiguous(images[start : start + step])
        features = rows if rows.dtype == np.float32 else np.empty(rows.shape, np.float32)
        _words.encode(batch, scale, where, model, products, features, 0, where.n_chunks, None, threads)
        if features is not rows:
            rows[...] = features
        images_done(len(rows))
        start += step
        # An image's features are the same whatever the step it is in.
        faster = _SECONDS / max(time.perf_counter() - began, 1e-6)
        step = max(threads, int(step * min(max(faster, 0.25), 4.0)))


def _encode_in_parts(model, images, scale, out, where, products, threads, images_done):
    """Images so large that one alone would make Ctrl-C wait: a few chunks of a few images at a time."""
    mirrors, signs = 2 if model.odd else 1, model.layout[3]
    padded = _words.padded_words(products, len(model.words), model.even, model.odd)
    chunks = max(1, int(_STEP / model.operations(where.most_positions)))
    for start in range(0, len(images), threads):
        batch = as_contiguous(images[start : start + threads])
        features = np.empty((len(batch), model.n_features), np.float32)
        sums = np.zeros((len(batch), where.n_regions * mirrors * signs * padded), np.float32)
        for chunk in range(0, where.n_chunks, chunks):
            last = min(chunk + chunks, where.n_chunks)
            _words.encode(batch, scale, where, model, products, features, chunk, last, sums, threads)
        out[start : start + threads] = features
        images_done(len(batch))


def as_contiguous(images: np.ndarray) -> np.ndarray:
    """`images` of uint8 or float32, in C order."""
    dtype = np.uint8 if images.dtype == np.uint8 else np.float32
    return np.ascontiguousarray(images, dtype)


def nearest_words(rows: np.ndarray, words: np.ndarray, odd: int, n_threads: int | None) -> np.ndarray:
    """Number of the nearest of `words` (K, D) to each of `rows` (n, D), or K more for its mirror image; int64."""
    nearest = np.empty(len(rows), np.int64)
    threads = _threads.resolve(n_threads, 2.0 * rows.size * len(words))
    _words.assign(np.ascontiguousarray(rows), np.ascontiguousarray(words), odd, nearest, threads)
    return nearest
