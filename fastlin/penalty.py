"""One strength of a penalty in the terms of every library that has it, and the objective it makes."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from fastlin import _arrays

__all__ = ["Penalty", "convert_penalty"]

_LOSS = {
    "softmax": "-log softmax(W x + b)[y]",
    "hinge": "sum_(j != y) max(0, s_j - s_y + margin)",
    "squared_hinge": "sum_(j != y) max(0, s_j - s_y + margin)**2",
}


class Penalty(NamedTuple):
    """The same penalty in three parametrisations.

    Attributes
    ----------
    alpha : float
        Of fastlin's estimators and `fit_path`, and of scikit-learn's SGDClassifier.
    C : float
        Of scikit-learn's LogisticRegression and LinearSVC; infinite where there is no penalty.
    l2, l1 : float
        Of `softmax_loss`, `hinge_loss` and `sgd_epoch`; l2 is the CS231n course's `reg`.
    objective : str
        What is minimised.
    """

    alpha: float
    C: float
    l2: float
    l1: float
    objective: str


def convert_penalty(
    *, alpha: float | None = None, C: float | None = None, l2: float | None = None, n_rows: float, n_classes: int,
    l1_ratio: float = 0.0, loss: Literal["softmax", "hinge", "squared_hinge"] = "softmax",
) -> Penalty:  # fmt: skip
    """Convert between alpha (fastlin, SGDClassifier), C (LogisticRegression, LinearSVC) and l2 (the functional layer).

    Exactly one of the three is given. They stand for the same objective, up to a factor, when

        alpha = 1 / (C * N)        l2 = alpha * (1 - l1_ratio) / 2        l1 = alpha * l1_ratio

    with N the rows, or the sum of their weights. Two classes have one vector w in the estimators and two rows, -w/2 and
    w/2, in the functional layer, whose squares sum to half of w's: there l2 = alpha * (1 - l1_ratio).

    Parameters
    ----------
    alpha, C, l2 : float
        The one that is known: alpha and l2 >= 0, C > 0.
    n_rows : float
        Rows of the fit; with sample weights their sum. Only C depends on it.
    n_classes : int
        Classes of the fit, at least 2.
    l1_ratio : float in [0, 1]
        Share of the l1 norm; below 1 where l2 is given.
    loss : {"softmax", "hinge", "squared_hinge"}
        Changes the words of the objective alone.

    Returns
    -------
    Penalty
        (alpha, C, l2, l1, objective).

    Raises
    ------
    ValueError, TypeError
        When not exactly one of the three is given, or a number is out of range.

    Notes
    -----
    LogisticRegression has this very objective. LinearSVC has it for two classes, but penalises the intercept; for more
    it fits one class against the rest, where fastlin's hinge sets all classes against the right one.

    Examples
    --------
    >>> penalty = convert_penalty(C=1.0, n_rows=1000, n_classes=10)
    >>> penalty.alpha, penalty.l2
    (0.001, 0.0005)
    >>> penalty.objective
    'mean over rows of -log softmax(W x + b)[y] + 0.0005 * sum(W**2)'
    """
    given = {name: value for name, value in (("alpha", alpha), ("C", C), ("l2", l2)) if value is not None}
    if len(given) != 1:
        raise ValueError(f"{' and '.join(given) or 'none of alpha, C and l2'} given; wanted is exactly one of them")
    rows = _arrays.as_positive(n_rows, "n_rows")
    if _arrays.as_count(n_classes, "n_classes") < 2:
        raise ValueError(f"n_classes is {n_classes}; wanted is an integer >= 2")
    ratio = as_l1_ratio(l1_ratio)
    _arrays.as_choice(loss, "loss", tuple(_LOSS))
    if C is not None:
        strength = 1.0 / (_arrays.as_positive(C, "C") * rows)
    elif l2 is not None:
        if ratio == 1.0:
            raise ValueError("l1_ratio is 1 while l2 is given; wanted is alpha or C: there is no l2 part")
        strength = _arrays.as_nonnegative(l2, "l2") / ((1.0 - ratio) * _share_of_squares(n_classes))
    else:
        strength = _arrays.as_nonnegative(alpha, "alpha")
    of_squares, of_values = functional_penalty(strength, ratio, n_classes)
    terms = [f"mean over rows of {_LOSS[loss]}"]
    terms += [f"{of_squares:g} * sum(W**2)"] * (of_squares > 0) + [f"{of_values:g} * sum(|W|)"] * (of_values > 0)
    inverse = 1.0 / (strength * rows) if strength > 0 else float("inf")
    return Penalty(strength, inverse, of_squares, of_values, " + ".join(terms))


def functional_penalty(alpha: float, l1_ratio: float, n_classes: int) -> tuple[float, float]:
    """(l2, l1) of the functional layer for an estimator's `alpha` and `l1_ratio`."""
    return alpha * (1.0 - l1_ratio) * _share_of_squares(n_classes), alpha * l1_ratio


def as_l1_ratio(value: Any) -> float:
    """A number from 0 to 1."""
    ratio = _arrays.as_nonnegative(value, "l1_ratio")
    if ratio > 1:
        raise ValueError(f"l1_ratio is {value!r}; wanted is a number from 0 to 1")
    return ratio


def _share_of_squares(n_classes: int) -> float:
    # alpha / 2 * ||W||^2; of two classes ||w||^2 is twice that of the two rows -w/2 and w/2.
    return 1.0 if n_classes == 2 else 0.5
