"""Dictionaries of visual words: patches of images, normalised, whitened, and clustered, mirror images included.

Notation: a patch is d = patch_size * patch_size * channels pixels; mirroring it left to right permutes them. Mirroring
keeps some directions of that space (even ones) and turns the sign of others (odd ones). If the covariance of the
patches is made symmetric under mirroring, each of its eigenvectors is even or odd; so in whitened coordinates, even
components first, the mirror image of (e, o) is (e, -o), and the products of one word with a patch and with its mirror
image are those of its even and odd part, added and subtracted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Rows whose contrast is normalised, or whose covariance is summed up, at once: some 7 MB of float64 patches of 6 x 6 x
# 3.
_ROWS = 8192
# Eigenvalues below this share of the largest are the rounding of zeros, which subtracting the mean leaves at least one
# of.
_ZERO = 1e-9


class Whitening(NamedTuple):
    """w = components (x - mean), the first components even under mirroring and the last `odd` odd.

    Attributes
    ----------
    components : ndarray of float64, shape (n_components, d)
        Eigenvectors of the covariance over sqrt(eigenvalue + eps).
    mean : ndarray of float64, shape (d,)
    odd : int
        0 where mirror images were not to be told apart.
    variance : ndarray of float64, shape (n_components,)
        The eigenvalues.
    """

    components: np.ndarray
    mean: np.ndarray
    odd: int
    variance: np.ndarray

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        """Whitened `patches` (n, d), in float32."""
        bias = -self.components @ self.mean
        matrix, offset = self.components.T.astype(np.float32), bias.astype(np.float32)
        return patches.astype(np.float32, copy=False) @ matrix + offset


def mirror_pixels(patch_size: int, channels: int) -> np.ndarray:
    """The permutation p such that patch[p] is the patch mirrored left to right; shape (d,)."""
    pixels = np.arange(patch_size * patch_size * channels).reshape(patch_size, patch_size, channels)
    return pixels[:, ::-1].ravel()


def sample_patches(images: np.ndarray, n_patches: int, patch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Patches from anywhere in `images` (N, H, W, channels), as (n_patches, d) of the images' dtype."""
    n_images, height, width, _ = images.shape
    image = np.sort(rng.integers(0, n_images, n_patches))  # in the order they lie in memory
    y = rng.integers(0, height - patch_size + 1, n_patches)
    x = rng.integers(0, width - patch_size + 1, n_patches)
    side = np.arange(patch_size)
    patches = images[image[:, None, None], (y[:, None] + side)[:, :, None], (x[:, None] + side)[:, None, :]]
    return rng.permutation(patches.reshape(n_patches, -1))


def normalize_contrast(patches: np.ndarray, eps: float) -> np.ndarray:
    """(x - mean(x)) / sqrt(var(x) + eps) of each row, variance over d - 1; zero where that is 0 / 0. float32."""
    out = np.empty(patches.shape, np.float32)
    for start in range(0, len(patches), _ROWS):
        x = patches[start : start + _ROWS].astype(np.float64)
        x -= x.mean(axis=1, keepdims=True)
        variance = (x * x).sum(axis=1, keepdims=True) / max(x.shape[1] - 1, 1) + eps
        out[start : start + _ROWS] = x / np.sqrt(np.where(variance > 0.0, variance, np.inf))
    return out


def fit_whitening(
    patches: np.ndarray, eps: float, n_components: int | None, mirrored: np.ndarray | None = None
) -> Whitening:
    """Principal components of normalised `patches` (n, d), scaled to unit variance.

    Parameters
    ----------
    patches : ndarray of shape (n, d)
    eps : float
        Added to the variances, so that noise is not blown up.
    n_components : int or None
        How many are kept, of the largest variance; None keeps all. Directions without any variance are never kept.
    mirrored : ndarray of shape (d,), optional
        `mirror_pixels`: makes mean and covariance those of the patches and their mirror images.
    """
    d = patches.shape[1]
    mean, covariance = np.zeros(d), np.zeros((d, d))
    for start in range(0, len(patches), _ROWS):
        mean += patches[start : start + _ROWS].sum(axis=0, dtype=np.float64)
    mean /= len(patches)
    if mirrored is not None:
        mean = (mean + mean[mirrored]) / 2
    for start in range(0, len(patches), _ROWS):
        x = patches[start : start + _ROWS] - mean
        covariance += x.T @ x
    covariance /= max(len(patches) - 1, 1)
    bases: list[tuple[np.ndarray, int]] = [(np.eye(d), 0)]
    if mirrored is not None:
        covariance = (covariance + covariance[np.ix_(mirrored, mirrored)]) / 2
        even_basis, odd_basis = _parity_bases(mirrored)
        bases = [(even_basis, 0), (odd_basis, 1)]
    values, vectors, parity = [], [], []
    for basis, odd in bases:
        value, vector = np.linalg.eigh(basis.T @ covariance @ basis)
        values.append(value)
        vectors.append(basis @ vector)
        parity.append(np.full(len(value), odd))
    value, vector, odd_of = np.concatenate(values), np.concatenate(vectors, axis=1), np.concatenate(parity)
    order = np.argsort(-value, kind="stable")
    order = order[value[order] > _ZERO * value.max(initial=0.0)][:n_components]
    if len(order) == 0:
        raise ValueError("the images' patches are all alike; wanted is images with some contrast")
    order = order[np.argsort(odd_of[order], kind="stable")]
    value, vector, odd_of = value[order], vector[:, order], odd_of[order]
    # An eigenvector's sign is the library's whim: let its largest entry be positive.
    vector = vector * np.sign(vector[np.abs(vector).argmax(axis=0), np.arange(len(order))])
    return Whitening((vector / np.sqrt(value + eps)).T, mean, int(odd_of.sum()), value)


def _parity_bases(mirrored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal bases (d, .) of the even and of the odd patches."""
    d = len(mirrored)
    left = np.flatnonzero(np.arange(d) < mirrored)
    fixed = np.flatnonzero(np.arange(d) == mirrored)
    identity = np.eye(d)
    even = np.concatenate([(identity[left] + identity[mirrored[left]]) / np.sqrt(2.0), identity[fixed]])
    odd = (identity[left] - identity[mirrored[left]]) / np.sqrt(2.0)
    return even.T, odd.T


def kmeans(
    rows: np.ndarray,
    n_words: int,
    odd: int,
    n_iter: int,
    rng: np.random.Generator,
    assign: Callable[[np.ndarray, np.ndarray, int], np.ndarray],
    step_done: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Lloyd's k-means of whitened `rows` (n, D), over them and their mirror images if there are odd components.

    A centre and its mirror image then are one word: a row is nearest to one of the two, is mirrored where it is the
    other, and moves the centre. Centres start at rows picked at random, as do those that have lost all theirs.

    Parameters
    ----------
    assign : callable
        Of (rows, centres, odd): number of the nearest centre, n_words more for its mirror image.
    step_done : callable
        Called after each iteration.

    Returns
    -------
    ndarray of float32, shape (n_words, D)
    """
    centres = rows[_pick(rng, len(rows), n_words)].copy()
    even = rows.shape[1] - odd
    for _ in range(n_iter):
        nearest = assign(rows, centres, odd)
        word = nearest % n_words
        order = np.argsort(word, kind="stable")
        members = rows[order]
        members[nearest[order] >= n_words, even:] *= -1
        count = np.bincount(word, minlength=n_words)
        found = np.flatnonzero(count)
        start = (np.cumsum(count) - count)[found]
        # Summed in float64: a word may have thousands of members.
        sums = np.add.reduceat(members, start, axis=0, dtype=np.float64)
        centres[found] = sums / count[found, None]
        lost = np.flatnonzero(count == 0)
        centres[lost] = rows[rng.integers(0, len(rows), len(lost))]
        step_done()
    return centres


def random_words(rows: np.ndarray, n_words: int, rng: np.random.Generator) -> np.ndarray:
    """`n_words` of whitened `rows`, picked at random."""
    return rows[_pick(rng, len(rows), n_words)].copy()


def _pick(rng: np.random.Generator, n_rows: int, n_words: int) -> np.ndarray:
    if n_rows < n_words:
        raise ValueError(f"n_words is {n_words} while n_patches is {n_rows}; wanted is as many patches or more")
    return rng.choice(n_rows, n_words, replace=False)


def as_bfloat16(words: np.ndarray) -> np.ndarray:
    """`words` (K, D), rounded to the nearest numbers that bfloat16 holds, ties to even: float32 again.

    Of rounded patches the errors are chance, and most of them go in the sums over positions; of a word that is rounded
    for its products the error is the same everywhere, and stays. Words of these numbers need no rounding.
    """
    bits = np.ascontiguousarray(words, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def unit_norm(words: np.ndarray) -> np.ndarray:
    """`words` (K, D) over their lengths; a word of length zero stays."""
    length = np.linalg.norm(words.astype(np.float64), axis=1, keepdims=True)
    return (words / np.where(length > 0.0, length, 1.0)).astype(np.float32)
