"""The sanity suite: what every right loss, and every model that trains, answers alike.

Eight questions, each of which some common mistake fails:

    initial loss                a missing mean, a wrong margin, the right class counted among the wrong
    penalty raises the loss     a penalty left out, or of the wrong sign
    twenty rows overfitted      a gradient that leads nowhere, a rate that is too small or too large
    shuffled labels give chance answers that come from elsewhere than from the labels
    loss falls along -gradient  a gradient of the wrong sign or size
    update to weight            a rate that does not suit the scale of the features
    scores scale with x         something between the rows and the scores that is not linear
    bias as a column            a bias added twice, penalised, or left out
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastlin import _arrays, _labels
from fastlin.diagnostics import sanity_loss, sanity_model
from fastlin.diagnostics._random import generator
from fastlin.diagnostics._table import Table
from fastlin.diagnostics.losses import LossFunction, as_loss
from fastlin.diagnostics.sanity_common import Check, Sample
from fastlin.linear_model import LinearClassifier


class SanityReport(NamedTuple):
    """What `sanity_suite` found.

    Attributes
    ----------
    subject : str
        The loss or the model.
    checks : tuple of Check
        Each with ``name``, ``passed`` (None where it could not be asked), ``found`` and ``wanted``.
    n_rows : int
        Rows looked at.
    """

    subject: str
    checks: tuple[Check, ...]
    n_rows: int

    @property
    def ok(self) -> bool:
        """No check failed, and not all were left out."""
        return not self.failed and any(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.passed is False)

    def __getitem__(self, key: Any) -> Any:
        """A check by its name, or a field by its place."""
        if isinstance(key, str):
            for check in self.checks:
                if check.name == key:
                    return check
            raise KeyError(f"{key!r}; there are {', '.join(check.name for check in self.checks)}")
        return tuple.__getitem__(self, key)

    def _verdict(self) -> str:
        left_out = sum(check.passed is None for check in self.checks)
        tail = f", {left_out} left out" if left_out else ""
        passed = f"{sum(check.passed is True for check in self.checks)} of {len(self.checks)} passed{tail}"
        return f"ok: {passed}" if self.ok else f"FAILED: {passed}"

    def _table(self) -> Table:
        words = {True: ("ok", "good"), False: ("FAILED", "bad"), None: ("left out", "note")}
        return Table(
            f"sanity of {self.subject} on {self.n_rows:,} rows: {self._verdict()}",
            ("check", "", "found", "wanted"),
            [(check.name, words[check.passed][0], check.found, check.wanted) for check in self.checks],
            [words[check.passed][1] for check in self.checks],
        )

    def __str__(self) -> str:
        return self._table().text()

    def __repr__(self) -> str:
        return f"<SanityReport of {self.subject}: {self._verdict()}>"

    def _repr_html_(self) -> str:
        return self._table().html()


def sanity_suite(
    model_or_loss: LinearClassifier | str | LossFunction, X: Any, y: Any, *, n_rows: int = 2000,
    initial_loss: float | None = None, learning_rate: float | None = None, seed: int = 0, **options: Any,
) -> SanityReport:  # fmt: skip
    """Ask a loss or a model the questions that every right one answers alike.

    The initial loss is log C or (C - 1) * margin; the penalty raises the loss; twenty rows can be overfitted; shuffled
    labels give chance; the loss falls along its gradient by what the gradient says; the first update is a sane share of
    the weights; scores scale with x; a bias is a column of ones.

    Parameters
    ----------
    model_or_loss : LinearClassifier, {"softmax", "hinge", "squared_hinge"} or callable
        A model is fitted, in copies with its own parameters, and left as it is. A callable is a loss as in
        `check_gradient`: ``loss(X, y, W, b)``, with a keyword ``l2`` where it has a penalty.
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows. A loss is given a sample, standardised, in float64; a model a sample as it is.
    y : array_like of shape (N,)
        Labels, of any kind; at least two classes.
    n_rows : int
        Size of the sample, drawn at random; half of it is held out from the fits.
    initial_loss : float, optional
        What a callable's loss is at W = 0. Default: log C or C - 1, whichever it is.
    learning_rate : float, optional
        Of the update whose size is looked at, on standardised rows. Default: the one that fits get by default; for a
        callable, or for a loss without that, the check is left out. A model brings its own.
    seed : int
        Of all that is drawn.
    **options
        Of a loss, passed to it: ``margin``, ``kind``, ...

    Returns
    -------
    SanityReport
        With ``.ok`` and ``.checks``; ``print(report)`` shows a table, and so does a notebook.

    Raises
    ------
    ValueError, TypeError
        For rows, labels or settings that make no sense; the message names the argument.

    References
    ----------
    Stanford CS231n, lecture notes "Neural networks 3", sections "Sanity checks" and "Babysitting the learning process".

    Examples
    --------
    >>> import fastlin
    >>> data = fastlin.datasets.load_fashion_mnist_small()
    >>> sanity_suite("hinge", data.X_train, data.y_train, n_rows=400).ok
    True
    """
    rows = _arrays.as_rows(X)
    labels = _labels.as_label_array(y, len(rows))
    n_rows = _arrays.as_count(n_rows, "n_rows")
    initial_loss = None if initial_loss is None else _arrays.as_nonnegative(initial_loss, "initial_loss")
    learning_rate = None if learning_rate is None else _arrays.as_positive(learning_rate, "learning_rate")
    if min(n_rows, len(rows)) < 4:
        raise ValueError(f"{min(n_rows, len(rows))} rows are looked at; wanted is at least 4")
    rng = generator(seed)
    picked = rng.permutation(len(rows))[:n_rows]
    # The classes are those of the sample: a fit to it cannot know of others.
    classes, index = _labels.encode(labels[picked])
    sample = Sample(rows[picked], index, len(classes), rng)
    if isinstance(model_or_loss, LinearClassifier):
        if options or initial_loss is not None or learning_rate is not None:
            given = [*options, "learning_rate" if initial_loss is None else "initial_loss"][0]
            raise TypeError(f"{given} is given with a model, which brings its own; wanted is the model alone")
        checks = sanity_model.checks(model_or_loss, sample)
        name = repr(model_or_loss)
    else:
        loss = as_loss(model_or_loss, options)
        checks = sanity_loss.checks(loss, sample, initial_loss, learning_rate)
        name = loss.name
    return SanityReport(name, tuple(checks), len(picked))


__all__ = ["Check", "SanityReport", "sanity_suite"]
