"""What the checks of a loss and of a model share: the sample, the verdicts, and the rows that can be overfitted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastlin.diagnostics._table import number

# Of the initial loss: a model computes in float32, and its first epoch has moved by a little.
SAME = 1e-3
# Rows to be overfitted, and what share of the initial loss counts as none: softmax never reaches zero.
FEW_ROWS = 20
NEARLY_ZERO = 0.01
# Standard deviations by which the accuracy on random labels may miss chance: one in 30 000 does.
SIGMAS = 4.0
# What a fit to shuffled labels may win of what one to the true labels wins. It wins something where few rows of a class
# happen to get more of one label: under a hinge, on two well separated features, more than this with one order of a
# hundred rows in ten. A leak wins all, whatever the order; so only what fails with each of several has failed.
LEAK = 0.75
SHUFFLES = 5
# The first step, measured in weights that give scores of size one, as these are what is to be learned. Ten of them in
# one step overshoot, and a hundred-thousandth gets nowhere in any number of epochs that is run. The lecture's rule of
# thumb is 1e-3; the rate one over the curvature gives 0.01 on images and up to 2 on a few features.
LEAST_UPDATE, LARGEST_UPDATE = 1e-5, 10.0
# By how much a score's size may be changed: any factor shows what is not linear; this one is no power of two.
FACTOR = 3.0


class Check(NamedTuple):
    """One question.

    Attributes
    ----------
    name : str
    passed : bool or None
        None where it could not be asked; `found` then says why.
    found, wanted : str
    """

    name: str
    passed: bool | None
    found: str
    wanted: str


class Sample(NamedTuple):
    """Rows in random order, their classes 0..C-1, and where further random numbers come from."""

    X: np.ndarray
    y: np.ndarray
    n_classes: int
    rng: np.random.Generator

    @property
    def half(self) -> int:
        """Rows before this are trained on, the rest held out."""
        return len(self.X) // 2


def initial_loss(name: str, n_classes: int, margin: float) -> tuple[float, str]:
    """The loss of zero weights, and its formula."""
    if name == "softmax":
        return math.log(n_classes), f"log C = {number(math.log(n_classes))}"
    power = 2 if name == "squared_hinge" else 1
    value = (n_classes - 1) * margin**power
    formula = "C - 1" if margin == 1 else "(C - 1) * margin" + ("**2" if power == 2 else "")
    return value, f"{formula} = {number(value)}"


def independent_rows(X: np.ndarray, most: int = FEW_ROWS) -> np.ndarray:
    """Numbers of up to `most` rows that, with a 1 appended, are linearly independent, and well so.

    A linear classifier can give such rows any labels whatever: if it does not, the fault is not the data's. Each time
    the row is taken that lies farthest from the span of those before it (Gram and Schmidt, with pivots).
    """
    # A few hundred to choose from are enough, and bound the time.
    rest = np.column_stack([X[:400], np.ones(len(X[:400]))]).astype(np.float64)
    picked: list[int] = []
    longest = 0.0
    for _ in range(min(most, *rest.shape)):
        lengths = np.sqrt(np.einsum("ij,ij->i", rest, rest))
        if picked:
            lengths[picked] = 0.0
        farthest = int(lengths.argmax())
        longest = max(longest, float(lengths[farthest]))
        # Rows this near the span of the others take too long to tell apart.
        if lengths[farthest] < 1e-2 * longest:
            break
        picked.append(farthest)
        unit = rest[farthest] / lengths[farthest]
        rest -= np.einsum("ij,j->i", rest, unit)[:, None] * unit
    return np.array(picked)


def overfitted(loss: float, initial: float, accuracy: float, n_rows: int) -> Check:
    """Whether a few rows were learned by heart."""
    passed = loss <= NEARLY_ZERO * initial and accuracy == 1.0
    return Check(
        "twenty rows overfitted", bool(passed), f"{n_rows} rows: loss {number(loss)}, accuracy {accuracy:.0%}",
        f"loss <= {number(NEARLY_ZERO * initial)}, accuracy 100%",
    )  # fmt: skip


def shuffled(
    predicted: np.ndarray, labels: np.ndarray, n_classes: int, loss: float, true_loss: float, initial: float
) -> Check:
    """Whether what was fitted to shuffled labels knows nothing.

    Of labels in random order any prediction hits a share that is known, with its spread. And the loss on the true
    labels stays well above that of a fit to the true labels: were it as low, then these came in by another way than by
    the labels it was fitted to.
    """
    shares = [np.bincount(values, minlength=n_classes) / len(labels) for values in (predicted, labels)]
    chance = float(np.sum(shares[0] * shares[1]))
    spread = math.sqrt(max(chance * (1 - chance), 1 / len(labels)) / len(labels))
    accuracy = float(np.mean(predicted == labels))
    found = f"accuracy {accuracy:.1%}, loss on true labels {number(loss)}"
    least = initial - LEAK * (initial - true_loss)
    wanted = f"{chance:.1%} +- {SIGMAS * spread:.1%}, loss > {number(least)}"
    if not true_loss < 0.95 * initial:
        found = f"the true labels teach it nothing either: loss {number(true_loss)}"
        return Check("shuffled labels give chance", None, found, "")
    passed = abs(accuracy - chance) <= SIGMAS * spread and loss > least
    return Check("shuffled labels give chance", bool(passed), found, wanted)


def unless_all_fail(in_some_order: Callable[[], Check]) -> Check:
    """The first check of SHUFFLES orders of the labels, another each time, that has not failed; else the last."""
    for _ in range(SHUFFLES):
        check = in_some_order()
        if check.passed is not False:
            break
    return check


def update_size(rate: float, gradient: np.ndarray, W: np.ndarray) -> Check:
    """Whether the first step is a sane share of weights `W` that give scores of size one."""
    ratio = rate * float(np.linalg.norm(gradient)) / float(np.linalg.norm(W))
    return Check(
        "update to weight", bool(LEAST_UPDATE <= ratio <= LARGEST_UPDATE),
        f"{number(ratio, 2)} at rate {number(rate, 2)}",
        f"{LEAST_UPDATE:g} to {LARGEST_UPDATE:g}, about 1e-3",
    )  # fmt: skip


def equal(name: str, one: np.ndarray | float, other: np.ndarray | float, what: str, tolerance: float) -> Check:
    """Whether two things that should be the same are, up to the tolerance of their largest entry."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    size = float(max(np.abs(one).max(initial=0.0), np.abs(other).max(initial=0.0), np.finfo(float).tiny))
    difference = float(np.abs(one - other).max(initial=0.0)) / size if one.shape == other.shape else math.inf
    return Check(
        name, bool(difference <= tolerance), f"{what}, apart by {number(difference, 2)}", f"<= {number(tolerance, 2)}"
    )
