"""Toy sets: points and small images on which a linear classifier does well, or fails for a reason worth seeing."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlin import _arrays


def make_ring(n: int = 1000, *, noise: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A disc and the ring around it: no line parts them, a threshold on the distance from the middle does.

    Class 0 lies at distances 0 to 0.5 from the origin, class 1 at 0.75 to 1, both even over their area.

    Parameters
    ----------
    n : int
        Points; every second one of each class, in random order.
    noise : float
        Standard deviation of what is added to both coordinates.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    X : ndarray of float32, (n, 2)
    y : ndarray of int64, (n,)

    Examples
    --------
    >>> X, y = make_ring(6, noise=0.0)
    >>> bool(np.all((np.hypot(*X.T) > 0.6) == y))
    True

    References
    ----------
    Stanford CS231n, lecture notes, image features: the polar coordinates of the same points are linearly separable.
    """
    rng, y = _start(n, 2, noise, seed)
    inner, outer = np.where(y == 1, 0.75, 0.0), np.where(y == 1, 1.0, 0.5)
    radius = np.sqrt(rng.uniform(inner**2, outer**2))
    angle = rng.uniform(0.0, 2 * np.pi, n)
    return _finish(np.column_stack((radius * np.cos(angle), radius * np.sin(angle))), y, noise, rng)


def make_xor(n: int = 1000, *, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four squares like a chessboard's: no line parts the two classes, the sign of x0 * x1 does.

    Each point lies even in one of the squares of side 0.9 between 0.1 and 1 away from both axes; class 1 where its
    coordinates have the same sign.

    Parameters
    ----------
    n : int
        Points; every second one of each class, in random order.
    noise : float
        Standard deviation of what is added to both coordinates.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    X : ndarray of float32, (n, 2)
    y : ndarray of int64, (n,)

    Examples
    --------
    >>> X, y = make_xor(6)
    >>> bool(np.all((X[:, 0] * X[:, 1] > 0) == y))
    True

    References
    ----------
    Minsky, Papert: Perceptrons. MIT Press, 1969.
    """
    rng, y = _start(n, 2, noise, seed)
    first = rng.choice((-1.0, 1.0), n)
    signs = np.column_stack((first, np.where(y == 1, first, -first)))
    return _finish(signs * rng.uniform(0.1, 1.0, (n, 2)), y, noise, rng)


def make_blobs(
    n: int = 1000, *, n_features: int = 2, n_classes: int = 3, spread: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Normal clouds around random middles: what a linear classifier is made for.

    Parameters
    ----------
    n : int
        Points; as many of each class as of any other (or one less), in random order.
    n_features, n_classes : int
    spread : float
        Standard deviation of the clouds; their middles are standard normal times 2.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    X : ndarray of float32, (n, n_features)
    y : ndarray of int64, (n,)

    Examples
    --------
    >>> X, y = make_blobs(6, n_features=5)
    >>> X.shape, np.bincount(y).tolist()
    ((6, 5), [2, 2, 2])
    """
    rng, y = _start(n, n_classes, spread, seed, "spread")
    n_features = _at_least(1, n_features, "n_features")
    middles = 2.0 * rng.standard_normal((n_classes, n_features))
    return _finish(middles[y], y, spread, rng)


def make_spirals(
    n: int = 1000, *, n_classes: int = 3, turns: float = 0.65, noise: float = 0.02, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Arms that wind around the origin: a linear classifier gets about half of three of them.

    A point of class c at distance r, even from 0 to 1, lies at the angle 2 pi (turns * r + c / n_classes).

    Parameters
    ----------
    n : int
        Points; as many of each class as of any other (or one less), in random order.
    n_classes : int
        Arms.
    turns : float
        How often an arm winds around the origin.
    noise : float
        Standard deviation of what is added to both coordinates.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    X : ndarray of float32, (n, 2)
    y : ndarray of int64, (n,)

    Examples
    --------
    >>> X, y = make_spirals(6, noise=0.0)
    >>> bool(np.all(np.hypot(*X.T) <= 1))
    True

    References
    ----------
    Stanford CS231n, the notes' case study of a small network trains on such a set.
    """
    rng, y = _start(n, n_classes, noise, seed)
    turns = _arrays.as_finite(turns, "turns")
    radius = rng.uniform(0.0, 1.0, n)
    angle = 2 * np.pi * (turns * radius + y / n_classes)
    return _finish(np.column_stack((radius * np.cos(angle), radius * np.sin(angle))), y, noise, rng)


def make_bars(n: int = 1000, *, size: int = 8, noise: float = 20.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Small grey images of one bright bar: class 0 lies, class 1 stands.

    The bar takes a whole row or column, any of them as likely. So every pixel is as bright on average in both classes:
    a linear classifier on pixels is at chance, and one on features that tell orientations is not.

    Parameters
    ----------
    n : int
        Images; every second one of each class, in random order.
    size : int
        Height and width in pixels, at least 2.
    noise : float
        Standard deviation, in grey levels, of what is added to every pixel of the background, 64, and the bar, 192.
    seed : int
        The same seed gives the same images.

    Returns
    -------
    X : ndarray of uint8, (n, size, size, 1)
    y : ndarray of int64, (n,)

    Examples
    --------
    >>> X, y = make_bars(1, size=3, noise=0.0)
    >>> X[0, :, :, 0].tolist(), int(y[0])
    ([[64, 64, 64], [64, 64, 64], [192, 192, 192]], 0)
    """
    rng, y = _start(n, 2, noise, seed)
    size = _at_least(2, size, "size")
    bright = np.arange(size) == rng.integers(size, size=n)[:, np.newaxis]
    bar = np.where((y == 0)[:, np.newaxis, np.newaxis], bright[:, :, np.newaxis], bright[:, np.newaxis, :])
    images = np.where(bar, 192.0, 64.0) + noise * rng.standard_normal((n, size, size))
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)[..., np.newaxis], y


MAKERS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "ring": make_ring, "xor": make_xor, "blobs": make_blobs, "spirals": make_spirals, "bars": make_bars,
}  # fmt: skip


def _start(
    n: int, n_classes: int, noise: float, seed: int, name: str = "noise"
) -> tuple[np.random.Generator, np.ndarray]:
    """The generator, and classes in equal numbers in random order."""
    n, n_classes = _at_least(0, n, "n"), _at_least(2, n_classes, "n_classes")
    if not (isinstance(noise, numbers.Real) and 0 <= noise < np.inf):
        raise ValueError(f"{name} is {noise}; wanted is a number of at least 0")
    # PCG64 by name: the stream of the default generator may change between versions of NumPy.
    rng = np.random.Generator(np.random.PCG64(_at_least(0, seed, "seed")))
    return rng, rng.permutation(np.arange(n) % n_classes)


def _at_least(least: int, value: Any, name: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; wanted is an integer of at least {least}") from None
    if number < least:
        raise ValueError(f"{name} is {number}; wanted is at least {least}")
    return number


def _finish(X: np.ndarray, y: np.ndarray, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return (X + noise * rng.standard_normal(X.shape)).astype(np.float32), y
