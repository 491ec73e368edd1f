"""The worked example: what the losses say of given scores, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastlin import _arrays, functional
from fastlin.diagnostics._table import Table, fixed

# Above this exp(s) has no use in a table, and soon none in float64: the largest score is subtracted first.
_LARGEST_EXPONENT = 50.0


class Move(NamedTuple):
    """The losses when the right score alone is moved.

    Attributes
    ----------
    by : float
        What was added to the right score.
    hinge, squared_hinge, softmax : float
    probability : float
        Of the right class.
    """

    by: float
    hinge: float
    squared_hinge: float
    softmax: float
    probability: float


class LossExplanation(NamedTuple):
    """What `explain_losses` worked out for one row of scores.

    Attributes
    ----------
    scores : ndarray of shape (C,)
    y : int
        The right class.
    margin : float
    class_names : tuple of str
    differences : ndarray of shape (C,)
        s_j - s_y + margin: by how much each class violates the margin; at the right class the margin itself, which does
        not count.
    hinge_terms, squared_hinge_terms : ndarray of shape (C,)
        max(0, difference) to the power 1 and 2; 0 at the right class.
    shift : float
        Subtracted from the scores before they are exponentiated: 0, or the largest score where that is above 50.
    exponents, probabilities : ndarray of shape (C,)
        exp(s - shift), and that divided by its sum.
    moves : tuple of Move
    """

    scores: np.ndarray
    y: int
    margin: float
    class_names: tuple[str, ...]
    differences: np.ndarray
    hinge_terms: np.ndarray
    squared_hinge_terms: np.ndarray
    shift: float
    exponents: np.ndarray
    probabilities: np.ndarray
    moves: tuple[Move, ...]

    @property
    def hinge(self) -> float:
        """sum over j != y of max(0, s_j - s_y + margin)."""
        return float(self.hinge_terms.sum())

    @property
    def squared_hinge(self) -> float:
        """The sum of the squares of the same."""
        return float(self.squared_hinge_terms.sum())

    @property
    def softmax(self) -> float:
        """-log p_y, in natural logarithms."""
        return _losses(self.scores, self.y, self.margin)[2]

    @property
    def satisfied_at(self) -> float:
        """How far the right score must move for the hinge loss to be just zero."""
        return float(np.delete(self.differences, self.y).max())

    def _tables(self) -> tuple[Table, Table]:
        lines, marks = [], []
        for j, name in enumerate(self.class_names):
            right = j == self.y
            hinges = ("right", "", "") if right else (
                fixed(self.differences[j]), fixed(self.hinge_terms[j]), fixed(self.squared_hinge_terms[j])
            )  # fmt: skip
            lines.append(
                (name, fixed(self.scores[j]), *hinges, fixed(self.exponents[j]), fixed(self.probabilities[j]))
            )  # fmt: skip
            marks.append("good" if right else "bad" if self.hinge_terms[j] > 0 else "")
        losses = f"hinge loss {fixed(self.hinge)}, squared hinge {fixed(self.squared_hinge)}, softmax loss -log "
        losses += f"{fixed(self.probabilities[self.y])} = {fixed(self.softmax)}"
        difference = f"s - {fixed(self.scores[self.y], 2)} + {self.margin:g}"
        exponent = "exp(s)" if self.shift == 0 else f"exp(s - {fixed(self.shift, 2)})"
        header = ("class", "score s", difference, "hinge", "squared", exponent, "probability")
        moved = [
            (f"{move.by:+g}", fixed(self.scores[self.y] + move.by, 2), fixed(move.hinge), fixed(move.squared_hinge),
             fixed(move.softmax), fixed(move.probability))
            for move in self.moves
        ]  # fmt: skip
        caption = f"if the right score moves (hinge is zero from {self.satisfied_at:+.4g} on, softmax never is)"
        return (
            Table(losses, header, lines, marks),
            Table(caption, ("by", "right score", "hinge", "squared", "softmax", "p of right"), moved),
        )

    def __str__(self) -> str:
        return "\n\n".join(table.text() for table in self._tables())

    def __repr__(self) -> str:
        return (
            f"<LossExplanation of {len(self.scores)} scores, right class {self.class_names[self.y]}: "
            f"hinge {fixed(self.hinge)}, squared hinge {fixed(self.squared_hinge)}, softmax {fixed(self.softmax)}>"
        )

    def _repr_html_(self) -> str:
        return "".join(table.html() for table in self._tables())


def explain_losses(
    scores: Any, y: int, *, margin: float = 1.0, class_names: Sequence[str] | None = None,
    moves: Sequence[float] = (-2.0, -1.0, -0.1, 0.0, 0.1, 1.0, 2.0, 3.0, 5.0, 10.0),
) -> LossExplanation:  # fmt: skip
    """Work out the hinge, squared hinge and softmax losses of one row of scores, step by step.

    ``hinge = sum_{j != y} max(0, s_j - s_y + margin)``, squared hinge the sum of the squares of the terms, and
    ``softmax = -log(exp(s_y) / sum_j exp(s_j))``; then all three again with the right score moved.

    Parameters
    ----------
    scores : array_like of shape (C,)
        Of one row; at least two classes.
    y : int
        The right class, 0..C-1.
    margin : float
        Of the hinge losses.
    class_names : sequence of str, optional
        Default: the numbers.
    moves : sequence of float
        What is added to the right score, in turn.

    Returns
    -------
    LossExplanation
        The numbers by name; ``print(...)`` shows the tables, and so does a notebook.

    Raises
    ------
    ValueError, TypeError
        For scores that are no single row of finite numbers, or a class that is not among them.

    References
    ----------
    Stanford CS231n, lecture notes "Linear classification": the example with the scores 3.2, 5.1 and -1.7.

    Examples
    --------
    >>> example = explain_losses([3.2, 5.1, -1.7], 0, class_names=["cat", "car", "frog"], moves=[0, 1])
    >>> print(example)
    hinge loss 2.9000, squared hinge 8.4100, softmax loss -log 0.1300 = 2.0404
    class  score s  s - 3.20 + 1   hinge  squared    exp(s)  probability
    --------------------------------------------------------------------
    cat     3.2000  right                           24.5325       0.1300
    car     5.1000  2.9000        2.9000   8.4100  164.0219       0.8690
    frog   -1.7000  -3.9000       0.0000   0.0000    0.1827       0.0010
    <BLANKLINE>
    if the right score moves (hinge is zero from +2.9 on, softmax never is)
    by  right score   hinge  squared  softmax  p of right
    -----------------------------------------------------
    +0         3.20  2.9000   8.4100   2.0404      0.1300
    +1         4.20  1.9000   3.6100   1.2419      0.2888
    """
    row = _arrays.as_scores(scores)
    if row.ndim != 1 or len(row) < 2:
        raise ValueError(f"scores has shape {row.shape}; wanted is (n_classes,), one row of two scores or more")
    row = row.astype(np.float64)
    if not np.isfinite(row).all():
        raise ValueError(f"scores holds {row[~np.isfinite(row)][0]}; wanted is finite numbers")
    label = int(_arrays.as_labels(_arrays.as_array([y], "y"), 1)[0])
    if not 0 <= label < len(row):
        raise ValueError(f"y is {label}; wanted is 0..{len(row) - 1}, as there are {len(row)} scores")
    margin = _arrays.as_positive(margin, "margin")
    names = tuple(map(str, range(len(row)) if class_names is None else _as_sequence(class_names, "class_names")))
    if len(names) != len(row):
        raise ValueError(f"class_names holds {len(names)} names; wanted is {len(row)}, one a score")

    with np.errstate(over="ignore", under="ignore"):  # what is too large for a float64 is infinite, too small zero
        differences = row - row[label] + margin
        terms = np.maximum(differences, 0.0)
        terms[label] = 0.0
        squares = terms**2
        shift = float(row.max()) if row.max() > _LARGEST_EXPONENT else 0.0
        exponents = np.exp(row - shift)
    outcomes = []
    for by in _as_sequence(moves, "moves"):
        if not isinstance(by, int | float | np.number):
            raise TypeError(f"moves holds {by!r}; wanted is numbers")
        if not np.isfinite(by):
            raise ValueError(f"moves holds {by}; wanted is finite numbers")
        moved = row.copy()
        moved[label] += by
        outcomes.append(Move(float(by), *_losses(moved, label, margin), float(functional.softmax(moved)[label])))
    return LossExplanation(
        row, label, margin, names, differences, terms, squares, shift, exponents, functional.softmax(row),
        tuple(outcomes),
    )  # fmt: skip


def _as_sequence(value: Any, name: str) -> Sequence[Any]:
    if not _arrays.has_axes(value) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} is {value!r}; wanted is a list")
    return value


def _losses(scores: np.ndarray, y: int, margin: float) -> tuple[float, float, float]:
    """Hinge, squared hinge and softmax loss of one row of scores, by the library's own functions.

    The scores are the weights of a row that is the single number 1.
    """
    one, right, W = np.ones((1, 1)), [y], scores[:, None]
    return (
        functional.hinge_loss(one, right, W, margin=margin).loss,
        functional.hinge_loss(one, right, W, margin=margin, power=2).loss,
        functional.softmax_loss(one, right, W).loss,
    )
