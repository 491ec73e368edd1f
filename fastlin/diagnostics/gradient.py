"""The gradient check: what a loss says of its slope against how it changes when a weight is moved.

    numeric = (loss(W + h E) - loss(W - h E)) / 2h,    error = |analytic - numeric| / max(|analytic|, |numeric|, floor)

for the single entries of W and b (E is one there and zero elsewhere), and for whole directions E.

The step h is such that no score moves by more than the cube root of float64's epsilon: there the error of cutting the
Taylor series, which falls with h squared, meets that of rounding, which grows with 1/h. It follows the size of the
features, so that pixels 0..255 are checked as well as standardised ones.

The floor is there because a difference of two losses holds their rounding errors, divided by 2h, and no entry can be
known better than that. An entry much smaller than its floor is compared as if it were as large as the floor: the test
is then one of |analytic - numeric| against the rounding.

That test says something only where a slope stands out of the rounding, eps * |loss| / h. Where neither the analytic
slope nor the numeric one does, any gradient that is small enough would agree, of the wrong sign too: rounding hides the
slope, and the entry verifies nothing. A loss with a huge constant in it, or a tiny step, hides all of them, and a
report of hidden slopes alone does not pass. Zero is another matter: a gradient that says zero, up to its own rounding,
where the difference is mere rounding is right, provided that a slope of ordinary size would have been seen. By
themselves, without one that stands out, zeros pass only of a loss that is exactly flat, the same to the last bit.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from fastlin import _arrays
from fastlin.diagnostics._random import generator
from fastlin.diagnostics._table import Table, number
from fastlin.diagnostics.kinks import KnownKinks, rows_of_scores, shown_by_values
from fastlin.diagnostics.losses import Loss, LossFunction, as_loss

_EPS = float(np.finfo(np.float64).eps)
_SCORE_STEP = _EPS ** (1 / 3)
# Rounding errors of a loss, in units of epsilon times the size of loss and scores. Measured over the named losses,
# 5 to 3000 features, 1 to 1000 rows, pixels up to 1 and up to 255, weights of three sizes: never more than 1.9.
_ROUNDINGS = 4.0
# A slope has to be so many times its rounding error to verify anything: then one that passes is right to a tenth. And
# where zero is claimed, a slope that changes the loss by so much less than it changes the scores must still be seen.
_STANDS_OUT = 10.0
_ORDINARY = 1e-3
# Rows of the printed table.
_SHOWN = 8


class GradientEntry(NamedTuple):
    """One comparison.

    Attributes
    ----------
    name : str
        ``"W[3, 17]"``, ``"b[2]"``, ``"along the gradient"``, ``"along a random direction"``.
    analytic, numeric : float
        The slope as the loss gives it, and by central differences.
    error : float
        Relative error, with the floor; infinity where a value is not finite.
    step : float
        Half the width of the difference.
    kink : bool
        A kink of the loss lies within the step: the difference says nothing, and the entry is not counted.
    noise : float
        How far rounding of the losses may move `numeric`.
    hidden : bool
        Neither slope stands out of the rounding of the losses: they agree as any two small numbers would, and the entry
        is not counted.
    """

    name: str
    analytic: float
    numeric: float
    error: float
    step: float
    kink: bool
    noise: float = 0.0
    hidden: bool = False

    @property
    def counts(self) -> bool:
        """Neither a kink nor rounding keeps the comparison from saying something."""
        return not (self.kink or self.hidden)

    @property
    def stands_out(self) -> bool:
        """One of the two slopes is well beyond the rounding."""
        return max(abs(self.analytic), abs(self.numeric)) > _STANDS_OUT * self.noise


class GradientReport(NamedTuple):
    """What `check_gradient` found.

    Attributes
    ----------
    loss_name : str
    loss : float
        The loss at `W` and `b`.
    tolerance : float
        Largest relative error that passes.
    entries : tuple of GradientEntry
        Single weights and biases, largest error first, those hidden by rounding and those at kinks last.
    directions : tuple of GradientEntry
        Along the gradient and along random directions.
    n_total : int
        How many entries W and b have; `entries` holds all or a sample.
    """

    loss_name: str
    loss: float
    tolerance: float
    entries: tuple[GradientEntry, ...]
    directions: tuple[GradientEntry, ...]
    n_total: int

    @property
    def ok(self) -> bool:
        """Every comparison that counts passes, and at least one entry verifies something.

        Entries of slope zero do that by themselves only where the loss is exactly flat along all that are no kinks.
        """
        return not self.failed and self.n_checked > 0 and not self._all_lost

    @property
    def failed(self) -> tuple[GradientEntry, ...]:
        """The comparisons beyond the tolerance, directions included."""
        return tuple(e for e in (*self.entries, *self.directions) if not e.kink and not e.error <= self.tolerance)

    @property
    def n_checked(self) -> int:
        """Entries that count."""
        return sum(entry.counts for entry in self.entries)

    @property
    def n_kinks(self) -> int:
        """Entries whose step crosses a kink."""
        return sum(entry.kink for entry in self.entries)

    @property
    def n_hidden(self) -> int:
        """Entries whose slopes are lost in the rounding of the losses."""
        return sum(entry.hidden for entry in self.entries)

    @property
    def worst(self) -> tuple[GradientEntry, ...]:
        """The eight entries of largest error among those that count."""
        return tuple(entry for entry in self.entries if entry.counts)[:_SHOWN]

    @property
    def _all_lost(self) -> bool:
        """Whether no slope stands out of the rounding, though the loss is not exactly flat."""
        asked = [entry for entry in self.entries if not entry.kink]
        seen = any(entry.stands_out for entry in asked)
        flat = all(entry.counts and entry.analytic == entry.numeric == 0.0 for entry in asked)
        return not (seen or flat)

    def _verdict(self) -> str:
        kinks = f", {self.n_kinks} at a kink not counted" if self.n_kinks else ""
        hidden = f", {self.n_hidden} hidden by rounding not counted" if self.n_hidden else ""
        counted = f"{self.n_checked} of {self.n_total} entries checked{kinks}{hidden}"
        if self.ok:
            return f"ok: {counted}, largest relative error {number(self._largest(), 2)} <= {number(self.tolerance, 2)}"
        if self.failed:
            n_slopes = self.n_checked + sum(direction.counts for direction in self.directions)
            return f"FAILED: {counted}, {len(self.failed)} of {n_slopes} slopes beyond {number(self.tolerance, 2)}"
        if self._all_lost:
            return f"NOTHING VERIFIED: {counted}; no slope stands out of the rounding of the loss"
        return f"NOTHING CHECKED: {counted}"

    def _largest(self) -> float:
        return max((e.error for e in (*self.entries, *self.directions) if e.counts), default=0.0)

    def _table(self) -> Table:
        not_counted = [
            *[entry for entry in self.entries if entry.kink][: _SHOWN // 2],
            *[entry for entry in self.entries if entry.hidden][: _SHOWN // 2],
        ]
        lines, marks = [], []
        for entry in (*self.directions, *self.worst, *not_counted):
            passed = entry.error <= self.tolerance
            if entry.counts:
                verdict, mark = ("ok", "good") if passed else ("WRONG", "bad")
            else:
                verdict, mark = ("kink" if entry.kink else "hidden") + ", not counted", "note"
            lines.append(
                (entry.name, f"{entry.analytic:.8g}", f"{entry.numeric:.8g}", f"{entry.error:.1e}", verdict)
            )  # fmt: skip
            marks.append(mark)
        caption = f"gradient of {self.loss_name}, loss {number(self.loss, 6)}: {self._verdict()}"
        return Table(caption, ("slope", "analytic", "numeric", "error", ""), lines, marks)

    def __str__(self) -> str:
        return self._table().text()

    def __repr__(self) -> str:
        return f"<GradientReport of {self.loss_name}: {self._verdict()}>"

    def _repr_html_(self) -> str:
        return self._table().html()


def check_gradient(
    loss: str | LossFunction, X: Any, y: Any, W: Any, b: Any = None, *, n_entries: int | Literal["all"] = 200,
    n_directions: int = 3, step: float | None = None, tolerance: float = 1e-6, seed: int = 0, **options: Any,
) -> GradientReport:  # fmt: skip
    """Compare the gradient that a loss gives with central differences of the loss, in float64.

    ``numeric = (loss(W + h E) - loss(W - h E)) / 2h`` and
    ``error = |analytic - numeric| / max(|analytic|, |numeric|, floor)``, the floor being what the rounding of the two
    losses hides. An entry whose step crosses a kink of the loss (of a hinge, or of ``|w|`` under an l1 penalty) is
    reported as such and not counted: there the difference is no slope. Nor is one whose slopes, both, are lost in the
    rounding of the losses, about ``eps * |loss| / h``. Where that hides every slope that is not zero, nothing is
    verified, and the report does not pass: take large constants out of the loss, move away from an optimum, or leave
    `step` to its default.

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge"} or callable
        One of fastlin's losses, or a function ``loss(X, y, W, b, **options)`` that returns ``(loss, dW, db)``, or
        ``(loss, dW)`` where `b` is None; wrap one of the course's form, ``f(W, X, y, reg)``, in `course_loss`.
    X : array_like of shape (N, D) or (N, H, W, channels)
        Rows; they are copied to float64. Some dozens are enough: each entry takes two losses over all of them.
    y : array_like of shape (N,)
        Labels, integers 0..C-1.
    W : array_like of shape (C, D)
        The weights to check at. At zero every gradient of a softmax is small and a hinge has no violation that is
        satisfied: random ones check more.
    b : array_like of shape (C,), optional
        Bias.
    n_entries : int or "all"
        How many entries of `W` are compared, drawn at random without repetition, and as many of `b`.
    n_directions : int
        How many random directions are compared besides that of the gradient. A direction moves all entries at once, so
        it also finds what is wrong with a few entries that were not drawn.
    step : float, optional
        h, for every entry. Default: such that no score moves by more than 6e-6.
    tolerance : float
        Largest relative error that passes.
    seed : int
        Of the entries and directions drawn.
    **options
        Passed to the loss: ``margin``, ``l2``, ``sample_weight``, ``shift``, ...

    Returns
    -------
    GradientReport
        With ``.ok``, ``.worst``, ``.n_kinks``, ``.n_hidden``; ``print(report)`` shows a table, and so does a notebook.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, dtype or setting, or a loss that returns something else than is said above.

    References
    ----------
    Stanford CS231n, lecture notes "Neural networks 3", section "Gradient checks". Press et al., "Numerical recipes",
    section 5.7, on the step.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y, W = rng.normal(size=(50, 20)), rng.integers(0, 10, 50), rng.normal(size=(10, 20))
    >>> check_gradient("softmax", X, y, W, l2=0.1).ok
    True
    >>> def wrong(X, y, W, b):
    ...     loss, dW, db = fastlin.softmax_loss(X, y, W, b)
    ...     return loss, 1.001 * dW, db
    >>> import fastlin
    >>> report = check_gradient(wrong, X, y, W)
    >>> report.ok, report.n_kinks
    (False, 0)
    >>> def lost(X, y, W, b):
    ...     loss, dW, db = fastlin.softmax_loss(X, y, W, b)
    ...     return loss + 1e12, dW, db
    >>> report = check_gradient(lost, X, y, W)
    >>> report.ok, len(report.failed), report.n_checked, report.n_hidden
    (False, 0, 0, 200)
    """
    subject = as_loss(loss, options)
    X, y, W, b = _as_float64(X, y, W, b)
    n_directions = 0 if n_directions == 0 else _arrays.as_count(n_directions, "n_directions")
    tolerance = _arrays.as_positive(tolerance, "tolerance")
    step = None if step is None else _arrays.as_positive(step, "step")
    if n_entries != "all":
        n_entries = _arrays.as_count(n_entries, "n_entries")
    rng = generator(seed)

    line = _Lines(subject, X, y, W, b, step, tolerance)
    n_weights, n_biases = (W.size, 0 if b is None else b.size)
    entries: list[GradientEntry] = []
    db: np.ndarray | None
    for flat in _drawn(rng, n_weights, n_entries):
        where = np.unravel_index(flat, W.shape)
        dW = np.zeros_like(W)
        dW[where] = 1.0
        db = None if b is None else np.zeros_like(b)
        entries.append(line.compare(f"W[{where[0]}, {where[1]}]", dW, db))
    for flat in _drawn(rng, n_biases, n_entries):
        db = np.zeros(n_biases)
        db[flat] = 1.0
        entries.append(line.compare(f"b[{flat}]", np.zeros_like(W), db))
    entries.sort(key=lambda entry: (entry.kink, entry.hidden, -entry.error))

    directions = []
    if line.length > 0:
        db = None if line.at.db is None else line.at.db / line.length
        directions.append(line.compare("along the gradient", line.at.dW / line.length, db))
    for _ in range(n_directions):
        dW, db = rng.standard_normal(W.shape), None if b is None else rng.standard_normal(b.shape)
        length = _length(dW, db)
        directions.append(line.compare("along a random direction", dW / length, None if db is None else db / length))
    return GradientReport(
        subject.name, line.at.loss, tolerance, tuple(entries), tuple(directions), n_weights + n_biases
    )


class _Lines:
    """A loss along straight lines through one point."""

    def __init__(
        self, loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None, step: float | None,
        tolerance: float,
    ) -> None:  # fmt: skip
        self._loss, self._X, self._y, self._W, self._b = loss, X, y, W, b
        self._step, self._tolerance = step, tolerance
        self.at = loss(X, y, W.copy(), None if b is None else b.copy())
        if not np.isfinite(self.at.loss):
            raise ValueError(f"{loss.name} is {self.at.loss} at W; wanted is weights where the loss is finite")
        with np.errstate(over="ignore", invalid="ignore"):
            self.length = _length(self.at.dW, self.at.db)
        rows, labels = rows_of_scores(loss, X, y) if loss.is_named else (X, y)
        self._kinks = KnownKinks(loss, rows, labels, W, b) if loss.is_named else None
        self._rows = rows
        # A score is a sum of D rounded products: its error grows as the root of the sum of their squares.
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = np.sqrt((rows**2) @ (W**2).T + (0.0 if b is None else b**2))
        self._size = abs(self.at.loss) + float(sizes.max(initial=0.0))
        if np.isinf(self.length) or not np.isfinite(self._size):
            raise ValueError("X or W holds numbers whose squares overflow; wanted is smaller ones: rescale X, or W")

    def compare(self, name: str, dW: np.ndarray, db: np.ndarray | None) -> GradientEntry:
        """The slope along the unit direction (dW, db), as it is claimed and as it is measured."""
        at, loss = self.at, self._loss
        analytic = float(np.sum(at.dW * dW)) + (0.0 if db is None or at.db is None else float(np.sum(at.db * db)))
        moved = self._moved(dW, db)
        # Rounded to a power of two: W + h is exact more often.
        h = self._step or float(2.0 ** np.round(np.log2(_SCORE_STEP / moved)))

        def f(t: float) -> float:
            b = None if self._b is None else self._b + t * db  # type: ignore[operator]
            return float(loss(self._X, self._y, self._W + t * dW, b).loss)

        ends = f(-h), f(h)
        numeric = (ends[1] - ends[0]) / (2 * h)
        if not (np.isfinite(numeric) and np.isfinite(analytic)):
            return GradientEntry(name, analytic, numeric, float("inf"), h, False)
        noise = _ROUNDINGS * _EPS * self._size / h
        size = max(abs(analytic), abs(numeric), noise / self._tolerance)
        error = abs(analytic - numeric) / size if size > 0.0 else 0.0
        if self._kinks is not None:
            kink = self._kinks.within(h * dW, None if db is None else h * db)
        else:
            kink = error > self._tolerance and shown_by_values(f, at.loss, ends, h, analytic, noise)
        entry = GradientEntry(name, analytic, numeric, error, h, kink, noise)
        zero = abs(analytic) <= _ROUNDINGS * _EPS * moved and noise <= _ORDINARY * moved
        hidden = not (kink or zero or entry.stands_out) and error <= self._tolerance
        return entry._replace(hidden=hidden)

    def _moved(self, dW: np.ndarray, db: np.ndarray | None) -> float:
        """How far the score that moves most moves, a unit along (dW, db)."""
        moved = float(np.abs(self._rows @ dW.T + (0.0 if db is None else db)).max(initial=0.0))
        # Where no score moves, only a penalty changes, and any small step shows it.
        return moved or 1.0


def _drawn(rng: np.random.Generator, n: int, wanted: int | str) -> np.ndarray:
    if wanted == "all" or int(wanted) >= n:
        return np.arange(n)
    return np.sort(rng.choice(n, int(wanted), replace=False))


def _length(dW: np.ndarray, db: np.ndarray | None) -> float:
    return float(np.sqrt(np.sum(dW**2) + (0.0 if db is None else np.sum(db**2))))


def _as_float64(X: Any, y: Any, W: Any, b: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The arguments in float64; rows and labels are copies that a loss cannot write to."""
    rows = np.array(_arrays.as_rows(X), np.float64, order="C")
    if len(rows) == 0:
        raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one row")
    labels = _arrays.as_labels(y, len(rows)).copy()
    W = _arrays.as_weights(W, rows.shape[1], _arrays.FLOAT64)
    b = _arrays.as_bias(b, len(W), _arrays.FLOAT64)
    _arrays.check_labels(labels, len(W))
    rows.flags.writeable = labels.flags.writeable = False
    return rows, labels, W, b
