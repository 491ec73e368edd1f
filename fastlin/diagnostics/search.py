"""Random search: guess W, keep the best. The baseline that says what any descent is worth.

A guess costs 2 N D C operations, a pass over the rows, and NumPy's loop reads all rows anew for each. Here guesses are
stacked: the scores of many W for one block of rows are a single call of the compiled `scores`, with all their rows
of weights as its classes, so that a row is read from memory once for a stack and the arithmetic runs at the speed of
matrix multiplication. Weights are ordered class by class and in a class guess by guess: the losses of a block are then
sums over its middle axis, whose inner one, the guesses, is contiguous.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from fastlin import _arrays, functional
from fastlin.diagnostics._random import generator
from fastlin.diagnostics._table import Table, number
from fastlin.diagnostics.losses import NAMES

# Rows of weights scored at once, and rows of X in a block. At 3072 features one core reaches 110 GFLOP/s with any stack
# from 80 to 320 on blocks of 1000 rows and more, and 72 with the 10 rows of a single guess; the scores of a block,
# 2.6 MB of float32, stay in cache for their losses. They depend on the shape alone, so the bits do not on the threads.
_STACK = 320
_BLOCK = 2048
# Standard deviation of the scores of a guess. On CIFAR-10 the best of 1000 guesses is right on more test images at 0.3
# than at 1, and at 0.1 on no more. Centred rows matter as much: what raw ones have in common, their brightness, else
# makes up most of every score (bench/random_search.py prints the figures).
_SPREAD = 0.3


class RandomSearchResult(NamedTuple):
    """What `random_search` found.

    Attributes
    ----------
    W, b : ndarray of shape (C, D) and (C,)
        The best guess.
    loss, accuracy : float
        Of the best guess on all rows.
    losses : ndarray of shape (trials,), float64
        Of every guess, on the rows searched on.
    best : int
        Which guess it was.
    loss_name : str
    n_rows : int
        How many rows the search looked at.
    """

    W: np.ndarray
    b: np.ndarray
    loss: float
    accuracy: float
    losses: np.ndarray
    best: int
    loss_name: str
    n_rows: int

    @property
    def best_so_far(self) -> np.ndarray:
        """The least loss of the first 1, 2, ... guesses, (trials,)."""
        return np.minimum.accumulate(self.losses)

    def _table(self) -> Table:
        running = self.best_so_far
        improved = np.flatnonzero(np.diff(running, prepend=np.inf) < 0)
        lines = [(str(trial + 1), number(running[trial], 6)) for trial in improved]
        caption = (
            f"random search, {len(self.losses)} guesses on {self.n_rows:,} rows: best {self.loss_name} loss "
            f"{number(self.loss, 5)}, accuracy {self.accuracy:.2%} where chance is {1 / len(self.W):.0%}"
        )
        return Table(caption, ("guess", "best loss so far"), lines)

    def __str__(self) -> str:
        return self._table().text()

    def __repr__(self) -> str:
        return f"<RandomSearchResult: {self._table().caption}>"

    def _repr_html_(self) -> str:
        return self._table().html()


def random_search(
    X: Any, y: Any, trials: int = 1000, *, loss: Literal["softmax", "hinge", "squared_hinge"] = "hinge",
    margin: float = 1.0, center: bool = True, scale: float | None = None, n_classes: int | None = None,
    n_rows: int | None = None, seed: int = 0, n_threads: int | None = None,
) -> RandomSearchResult:  # fmt: skip
    """Draw `trials` random models, score each on the rows, and keep the one of least loss.

    Each W and b is drawn from a normal distribution of mean 0 and standard deviation `scale`, and applied to
    ``x - mean``; the result's b has ``- W mean`` folded in, so that it applies to the rows as they are.

    Parameters
    ----------
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows; never copied, except those drawn by `n_rows`.
    y : array_like of shape (N,)
        Labels, integers 0..C-1.
    trials : int
        How many models. One costs 2 N D C operations: 1000 on CIFAR-10's 50 000 x 3072 x 10 are 3 TFLOP, half a
        minute of one quiet core with AVX-512, which does 1e11 a second.
    loss : {"softmax", "hinge", "squared_hinge"}
        What is best; without a penalty.
    margin : float
        Of the hinge losses.
    center : bool
        Guess on the rows less their mean, as the course's data are prepared; else on the rows as they are.
    scale : float, optional
        Default: such that scores have a standard deviation of 0.3. For CIFAR-10 that is 8.5e-5; the lecture takes 1e-4.
    n_classes : int, optional
        Default: the largest label and one more.
    n_rows : int, optional
        Search on so many rows drawn at random, at their share of the cost; the best model is then measured on all.
        A guess's loss on 2000 rows is known to about a percent, which is less than the guesses differ by.
    seed : int
        Of the models and the rows drawn. The same seed gives the same bits at any number of threads.
    n_threads : int, optional
        Most threads to use; -1 for all.

    Returns
    -------
    RandomSearchResult
        ``.W``, ``.b``, ``.loss``, ``.accuracy`` of the best, ``.losses`` of all.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype, label or setting; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization: stochastic gradient descent", strategy 1: 15.5 % test accuracy on
    CIFAR-10 after 1000 guesses.

    Examples
    --------
    >>> import fastlin
    >>> data = fastlin.datasets.load_fashion_mnist_small()
    >>> found = random_search(data.X_train, data.y_train, 100, n_rows=1000)
    >>> found.accuracy > 0.1, found.losses.shape
    (True, (100,))
    """
    rows = _arrays.as_rows(X)
    labels = _arrays.as_labels(y, len(rows))
    if len(rows) == 0:
        raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one row")
    trials = _arrays.as_count(trials, "trials")
    _arrays.as_choice(loss, "loss", NAMES)
    dtype = _arrays.compute_dtype(rows)
    margin = _arrays.as_positive(margin, "margin", dtype)
    scale = None if scale is None else _arrays.as_positive(scale, "scale", dtype)
    n_classes = _class_count(labels, n_classes)
    n_threads = _arrays.as_thread_count(n_threads)
    searched, their_labels = rows, labels
    n_rows = len(rows) if n_rows is None else _arrays.as_count(n_rows, "n_rows")
    if n_rows < len(rows):
        picked = np.sort(generator(seed, 1).choice(len(rows), n_rows, replace=False))
        searched, their_labels = rows[picked], labels[picked]
    mean, variance = functional.moments(searched, n_threads=n_threads)
    if not center:
        mean, variance = np.zeros_like(mean), variance + mean**2
    if scale is None:
        square_length = float(variance.sum())
        scale = _SPREAD / float(np.sqrt(square_length)) if 0.0 < square_length < np.inf else 1.0

    rng = generator(seed)
    losses = np.empty(trials)
    best, W, b = -1, np.empty(0), np.empty(0)
    stack = max(1, _STACK // n_classes)
    for first in range(0, trials, stack):
        n = min(stack, trials - first)
        # A guess is drawn whole before the next, so that the first guesses do not depend on how many follow.
        guesses = rng.standard_normal((n, n_classes, rows.shape[1] + 1), dtype=dtype)
        guesses *= dtype.type(scale)
        # einsum calls no BLAS, whose bits may change with its number of threads.
        with np.errstate(over="ignore", invalid="ignore"):  # their losses are not finite then, which is refused below
            guesses[:, :, -1] -= np.einsum("ncd,d->nc", guesses[:, :, :-1], mean)
        found = _losses_of(guesses, searched, their_labels, loss, margin, n_threads)
        losses[first : first + n] = found
        least = int(found.argmin())
        if best < 0 or found[least] < losses[best]:
            best = first + least
            W, b = guesses[least, :, :-1].copy(), guesses[least, :, -1].copy()
    if not np.isfinite(losses).all():
        raise ValueError(
            "the loss of a guess is not finite: X holds NaN, infinity or too large numbers; wanted is finite rows"
        )
    on_all = _loss_on(rows, labels, W, b, loss, margin, n_threads)
    accuracy = float(np.mean(functional.predict(rows, W, b, n_threads=n_threads) == labels))
    return RandomSearchResult(W, b, on_all, accuracy, losses, best, loss, len(searched))


def _losses_of(
    guesses: np.ndarray, rows: np.ndarray, y: np.ndarray, loss: str, margin: float, n_threads: int | None
) -> np.ndarray:
    """Mean losses of n models, (n, C, D + 1) with the bias last, over the rows."""
    n, n_classes, _ = guesses.shape
    by_class = guesses.transpose(1, 0, 2)
    W = np.ascontiguousarray(by_class[:, :, :-1]).reshape(n_classes * n, -1)
    b = np.ascontiguousarray(by_class[:, :, -1]).reshape(-1)
    total = np.zeros(n)
    buffer = np.empty((min(_BLOCK, len(rows)), n_classes * n), guesses.dtype)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        scores = functional.scores(block, W, b, out=buffer[: len(block)], n_threads=n_threads)
        with np.errstate(over="ignore", invalid="ignore"):  # as above
            per_row = _row_losses(scores.reshape(len(block), n_classes, n), y[start : start + _BLOCK], loss, margin)
        total += per_row.sum(axis=0, dtype=np.float64)
    return total / len(rows)


def _row_losses(s: np.ndarray, y: np.ndarray, loss: str, margin: float) -> np.ndarray:
    """Losses (N, n) of scores (N, C, n), which are overwritten."""
    n = np.arange(len(y))
    right = s[n, y]
    if loss == "softmax":
        largest = s.max(axis=1)
        s -= largest[:, None]
        with np.errstate(under="ignore"):
            np.exp(s, out=s)
        return np.log(s.sum(axis=1)) + largest - right
    right -= s.dtype.type(margin)
    s -= right[:, None]
    s[n, y] = 0.0
    np.maximum(s, 0.0, out=s)
    if loss == "squared_hinge":
        s *= s
    return s.sum(axis=1)


def _loss_on(
    rows: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray, loss: str, margin: float, n_threads: int | None
) -> float:
    if loss == "softmax":
        return functional.softmax_loss(rows, y, W, b, n_threads=n_threads).loss
    power: Literal[1, 2] = 2 if loss == "squared_hinge" else 1
    return functional.hinge_loss(rows, y, W, b, margin=margin, power=power, n_threads=n_threads).loss


def _class_count(labels: np.ndarray, n_classes: int | None) -> int:
    n_classes = int(labels.max()) + 1 if n_classes is None else _arrays.as_count(n_classes, "n_classes")
    _arrays.check_labels(labels, max(n_classes, 1))
    return n_classes
