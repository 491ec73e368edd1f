"""Where a difference over a step says nothing of a gradient: a kink of the loss lies inside the step.

Of fastlin's own losses the kinks are known. The scores move along a step in straight lines, so a hinge bends inside it
just where some violation s_j - s_y + margin has another sign at its one end than at its other (or, where only the
largest violation counts, where another class is the worst); and |w| bends at zero.

Of another function nothing is known but its values. It is asked for more of them, at a half and a quarter of the step.
Those of a smooth function follow a rule: its slopes on the two sides of the point differ by an amount that halves with
the step, and its central differences change by an amount that falls to a quarter. Where they do not, there is a kink.
That alone excuses nothing: a convex function's gradients at a point lie between its slopes to the left and to the
right, kink or none, so a value outside of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlin.diagnostics.losses import Loss


class KnownKinks:
    """The kinks of one of fastlin's own losses around a point.

    Parameters
    ----------
    loss : Loss
        A named one.
    X : ndarray of shape (N, D)
        The rows the scores are of: scaled, and only those that count.
    y : ndarray of shape (N,)
    W, b : ndarray, b or None
    """

    def __init__(self, loss: Loss, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> None:
        self._X, self._y, self._W = X, y, W
        self._bends = loss.name != "softmax"
        self._largest_only = loss.options.get("kind", "sum") == "max"
        self._l1 = float(loss.options.get("l1", 0.0))
        self._rows = np.arange(len(y))
        if self._bends:
            s = X @ W.T + (0.0 if b is None else b)
            self._violation = s - s[self._rows, y][:, None] + loss.margin

    def within(self, dW: np.ndarray, db: np.ndarray | None) -> bool:
        """Whether a kink lies between ``(W, b) - (dW, db)`` and ``(W, b) + (dW, db)``."""
        if self._l1 and bool((np.abs(self._W) < np.abs(dW)).any()):
            return True
        if not self._bends:
            return False
        moved = self._X @ dW.T + (0.0 if db is None else db)
        moved = moved - moved[self._rows, self._y][:, None]
        return not np.array_equal(self._active(-moved), self._active(moved))

    def _active(self, moved: np.ndarray) -> np.ndarray:
        """Which violations count, a flag each; of the right class's own none does."""
        violation = self._violation + moved
        violation[self._rows, self._y] = 0.0
        if not self._largest_only:
            return violation > 0.0
        worst = violation.argmax(axis=1)
        return np.where(violation[self._rows, worst] > 0.0, worst, -1)


def shown_by_values(
    f: Callable[[float], float], middle: float, ends: tuple[float, float], step: float, analytic: float, noise: float
) -> bool:
    """Whether a kink inside +-step can account for how far `analytic` is from the central difference.

    Parameters
    ----------
    f : callable
        The loss along the line, ``f(t)`` for t within +-step.
    middle, ends : float and (float, float)
        Its values at 0 and at (-step, step).
    analytic : float
        The slope that is claimed at 0.
    noise : float
        Rounding error of the central difference over the whole step.
    """
    central, bend = [], []
    for share in (1.0, 0.5, 0.25):
        h = share * step
        below, above = ends if share == 1.0 else (f(-h), f(h))
        central.append((above - below) / (2 * h))
        bend.append((above - 2 * middle + below) / h)
    departure = max(
        abs(bend[0] - 2 * bend[1]),
        abs(bend[1] - 2 * bend[2]),
        abs((central[0] - central[1]) - 4 * (central[1] - central[2])),
    )
    # Differences over a quarter of the step hold four times the rounding, and up to eight of them enter above.
    if not departure > 32 * noise:
        return False
    mismatch = abs(analytic - central[0])
    return mismatch <= 4 * departure and mismatch <= abs(bend[0]) / 2 + 2 * noise


def rows_of_scores(loss: Loss, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows, in float64, whose scores a named loss takes, with their labels: `rows`, weights, shift and scale."""
    options: dict[str, Any] = loss.options
    picked = options.get("rows")
    picked = np.arange(len(X)) if picked is None else np.asarray(picked)
    if options.get("sample_weight") is not None:
        picked = picked[np.asarray(options["sample_weight"])[picked] > 0]
    rows = X[picked]
    if options.get("shift") is not None:
        rows = rows - np.asarray(options["shift"])
    if options.get("scale") is not None:
        rows = rows * np.asarray(options["scale"])
    return rows, y[picked]
