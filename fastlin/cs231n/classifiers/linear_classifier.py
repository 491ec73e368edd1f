"""The classes of the assignment: `LinearClassifier`, and `LinearSVM` and `Softmax`, whose training is compiled.

Their random numbers are NumPy's global ones, drawn in the order of the course's loop, so that ``np.random.seed`` gives
the same batches: ``np.random.randn(D, C)`` for the weights where there are none yet, then
``np.random.choice(N, batch_size)`` for each iteration.
"""

# ruff: noqa: NPY002 - the course draws from NumPy's global generator

from __future__ import annotations

import math
import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays, functional
from fastlin._results import EpochReport
from fastlin.cs231n.classifiers import _saved
from fastlin.cs231n.classifiers._layout import as_course_weights, check_features
from fastlin.cs231n.classifiers.linear_svm import svm_loss_vectorized
from fastlin.cs231n.classifiers.softmax import softmax_loss_vectorized

# Iterations of one call into the core: enough that the call costs nothing beside them; a tenth of a second of the
# course's batches, for those who watch the losses.
_SEGMENT = 100


class LinearClassifier:
    """A linear classifier trained by minibatch gradient descent; a subclass brings the loss.

    Attributes
    ----------
    W : ndarray of shape (D, C), or None
        Weights, a column a class; the bias is the last row where X ends in a column of ones. None before `train`.

    References
    ----------
    Stanford CS231n, lecture notes "Optimization".
    """

    def __init__(self) -> None:
        self.W: NDArray[Any] | None = None

    def train(
        self, X: ArrayLike, y: ArrayLike, learning_rate: float = 1e-3, reg: float = 1e-5, num_iters: int = 100,
        batch_size: int = 200, verbose: bool = False,
    ) -> list[float]:  # fmt: skip
        """Take `num_iters` steps of gradient descent, each on `batch_size` rows drawn with replacement.

        Parameters
        ----------
        X : array_like of shape (N, D)
            Rows, float64 as a rule. `LinearSVM` and `Softmax` read them where they lie; float32, float16 and uint8 rows
            they compute in float32, and so is `W` then.
        y : array_like of shape (N,)
            Labels, integers 0..C-1. The first training makes as many classes as the largest label tells.
        learning_rate : float
            Rate, > 0.
        reg : float
            Penalty, >= 0, on the sum of the squares of W.
        num_iters, batch_size : int
            Steps to take, and rows of each.
        verbose : bool
            Print the loss of every hundredth iteration.

        Returns
        -------
        list of float
            Loss of each batch before its step, penalty included.

        Raises
        ------
        ValueError, TypeError
            For a wrong shape, dtype, label, rate or count; the message names the argument, and nothing was drawn.
        KeyboardInterrupt
            After Ctrl-C; `W` is then that of the last finished step.

        Warns
        -----
        RuntimeWarning
            Once, when the loss is no longer finite; the training goes on, as the course's does.
        """
        rows = _arrays.as_rows(X)
        y = _arrays.as_labels(y, len(rows))
        compiled = _COMPILED.get(type(self).loss)
        dtype = _arrays.compute_dtype(rows) if compiled else _arrays.FLOAT64
        _arrays.as_positive(learning_rate, "learning_rate", dtype)
        _arrays.as_nonnegative(reg, "reg", dtype)
        batch_size = _arrays.as_count(batch_size, "batch_size")
        num_iters = _arrays.as_step_count(num_iters, "num_iters")
        self.W = self._start(rows, y, dtype)

        # One call of the core takes many steps. Numbers drawn at once are those drawn a batch at a time.
        segment = _SEGMENT if compiled else 1
        loss_history: list[float] = []
        for first in range(0, num_iters, segment):
            picked = np.random.choice(len(rows), (min(segment, num_iters - first), batch_size))
            if compiled:
                # W.T is C-contiguous: _start made it so, and the steps are taken in place.
                report = EpochReport()
                functional.sgd_epoch(
                    rows, y, self.W.T, None, loss=compiled, order=picked.ravel(), batch_size=batch_size,
                    lr=learning_rate, l2=reg, report=report,
                )  # fmt: skip
                losses = report.losses.tolist()
            else:
                loss, gradient = self.loss(rows[picked[0]], y[picked[0]], reg)
                losses = [loss]
                self.W -= learning_rate * gradient
            for iteration, loss in enumerate(losses, first):
                if not math.isfinite(loss) and all(map(math.isfinite, loss_history[-1:])):
                    warnings.warn(
                        f"the loss of iteration {iteration} is {loss}: learning_rate {learning_rate} with reg {reg} is "
                        "too large for these rows",
                        RuntimeWarning,
                        stacklevel=2,
                    )
                loss_history.append(loss)
                if verbose and iteration % 100 == 0:
                    print(f"iteration {iteration} / {num_iters}: loss {loss:f}")
        return loss_history

    def _start(self, rows: np.ndarray, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Weights (D, C) to begin with, in the layout of the steps in place: a copy of W's, or new ones."""
        if len(rows) == 0:
            raise ValueError("X has no rows; wanted is at least one")
        n_classes = int(y.max()) + 1 if self.W is None else as_course_weights(self.W).shape[1]
        outside = np.flatnonzero((y < 0) | (y >= n_classes))
        if outside.size:
            wanted = f"0..{n_classes - 1}, as W has {n_classes} classes" if self.W is not None else "0..n_classes-1"
            raise ValueError(f"y[{outside[0]}] is {y[outside[0]]}; wanted is {wanted}")
        if self.W is not None:
            check_features(rows, np.asarray(self.W))
            return np.array(np.transpose(self.W), dtype, order="C").T
        W = 0.001 * np.random.randn(rows.shape[1], n_classes)
        return np.array(W.T, dtype, order="C").T

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell the class of the largest score of each row.

        Parameters
        ----------
        X : array_like of shape (N, D)
            Rows, as in `train`.

        Returns
        -------
        ndarray of shape (N,), int64

        Raises
        ------
        ValueError
            Before `train`, or for rows of another length.
        """
        W, rows = self._trained(), _arrays.as_rows(X)
        check_features(rows, W)
        return functional.predict(rows, W.T)

    def loss(self, X_batch: Any, y_batch: Any, reg: float) -> tuple[float, NDArray[Any]]:
        """Compute the loss of a batch and its gradient with respect to W, (D, C): for a subclass to write."""
        raise NotImplementedError(f"{type(self).__name__} has no loss; wanted is a subclass that returns (loss, grad)")

    def save(self, fname: str | os.PathLike[str]) -> None:
        """Write `W` to a file that the course's own `load` reads too: a dictionary in NumPy's ``.npy``.

        Parameters
        ----------
        fname : path
            In the working directory, where it names no other; the course writes to its folder ``saved``. ``.npy`` is
            appended where it is not there.

        Raises
        ------
        ValueError
            Before `train`.
        """
        _saved.write(fname, self._trained())
        print(fname, "saved.")

    def load(self, fname: str | os.PathLike[str]) -> bool:
        """Read `W` back from a file of `save`, or of the course's; without running what its pickle may hold.

        Parameters
        ----------
        fname : path
            As in `save`.

        Returns
        -------
        bool
            False, and `W` as it was, where there is no such file.

        Raises
        ------
        ValueError
            When the file holds something else.
        """
        W = _saved.read(fname)
        if W is None:
            print(fname, "not available.")
            return False
        self.W = as_course_weights(W)
        print(fname, "loaded.")
        return True

    def _trained(self) -> NDArray[Any]:
        if self.W is None:
            raise ValueError(f"this {type(self).__name__} has no weights yet; call train first, or set W")
        return as_course_weights(self.W)


class LinearSVM(LinearClassifier):
    """A linear classifier with the multiclass SVM loss.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[-2.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), np.array([0, 0, 1, 1])
    >>> np.random.seed(0)
    >>> svm = LinearSVM()
    >>> history = svm.train(X, y, learning_rate=0.1, num_iters=50, batch_size=2)
    >>> svm.predict(X), svm.W.shape, len(history)
    (array([0, 0, 1, 1]), (2, 2), 50)
    """

    def loss(self, X_batch: ArrayLike, y_batch: ArrayLike, reg: float) -> tuple[float, NDArray[Any]]:
        """Compute `svm_loss_vectorized` at W."""
        return svm_loss_vectorized(self._trained(), X_batch, y_batch, reg)


class Softmax(LinearClassifier):
    """A linear classifier with the softmax (cross-entropy) loss.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[-2.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), np.array([0, 0, 1, 1])
    >>> np.random.seed(0)
    >>> softmax = Softmax()
    >>> history = softmax.train(X, y, learning_rate=0.5, num_iters=50, batch_size=2)
    >>> softmax.predict(X), softmax.W.shape, len(history)
    (array([0, 0, 1, 1]), (2, 2), 50)
    """

    def loss(self, X_batch: ArrayLike, y_batch: ArrayLike, reg: float) -> tuple[float, NDArray[Any]]:
        """Compute `softmax_loss_vectorized` at W."""
        return softmax_loss_vectorized(self._trained(), X_batch, y_batch, reg)


# A subclass that writes a loss of its own is trained with that.
_COMPILED: dict[Any, Any] = {LinearSVM.loss: "hinge", Softmax.loss: "softmax"}
