"""Quasi-Newton descent on all rows: SciPy's L-BFGS-B around one pass a step, and when to end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastlin.training._extras import need
from fastlin.training.coordinates import Packing
from fastlin.training.objective import DataLoss, Penalty

# Pairs of steps that L-BFGS remembers: 30 in place of 10 save a quarter to a half of the passes where there are
# hundreds, and none where there are twenty. Fewer of long vectors, within 64 MiB.
_MEMORY = 30
_LEAST_MEMORY = 10
_MEMORY_NUMBERS = 1 << 23
# A relative decrease of the objective that is rounding: of a mean over rows, summed in float64, of losses in this type.
_ROUNDING = {np.dtype(np.float32): 1e-9, np.dtype(np.float64): 1e-15}
# So many steps in a row without a greater decrease end the descent.
_STALLED = 3
# Of steps after that, which only the gradient sees: a greater share of the slope than this is not left at a step's end.
_SLOPE_LEFT = 0.5
# A small gradient says little where the Hessian has become flat, as that of rows classified surely is: so this many
# steps together must have brought less than the tolerance, too. From so rough a tolerance on, two: on small random
# sets, penalised or not, that ends within a quarter of the tolerance, as five do, after three quarters of the passes.
_LOOK_BACK = 5
_ROUGH, _ROUGH_LOOK_BACK = 1e-3, 2
# An objective on its way to zero, as that of separable rows without a penalty, is not followed below this share of the
# loss of zero weights.
_LEAST = 1e-6


class Iterate(NamedTuple):
    """What a callback gets after each step: weights in the coordinates of the training, and how good they are.

    Attributes
    ----------
    W, b : ndarray of shape (C, D) and (C,), float64
    objective : float
        Mean loss plus penalty; the hinge rounded off, as far as it is by then.
    gradient_norm : float
        Largest entry of its (least sub-) gradient.
    n_passes, n_iter : int
        Passes over the rows and steps so far.
    """

    W: np.ndarray
    b: np.ndarray
    objective: float
    gradient_norm: float
    n_passes: int
    n_iter: int


Callback = Callable[[Iterate], Any]


@dataclass(frozen=True)
class Point:
    """A vector, its weights, the objective there and its gradients."""

    vector: np.ndarray
    W: np.ndarray
    b: np.ndarray
    objective: float
    dW: np.ndarray
    db: np.ndarray
    gradient: np.ndarray

    @property
    def gradient_norm(self) -> float:
        """Largest entry of the least subgradient."""
        return float(max(np.abs(self.dW).max(), np.abs(self.db).max()))


class Descent:
    """The way from a start to an optimum of `loss` plus `penalty`, in the coordinates of `packing`."""

    def __init__(
        self, loss: DataLoss, penalty: Penalty, packing: Packing, max_iter: int, callback: Callback | None
    ) -> None:
        self._loss, self._penalty, self.packing = loss, penalty, packing
        self._max_iter, self._callback = max_iter, callback
        self._first_pass = loss.n_passes
        self.n_iter = 0
        self.stopped = False  # by the callback or max_iter

    @property
    def n_passes(self) -> int:
        """Passes over the rows so far."""
        return self._loss.n_passes - self._first_pass

    def at(self, vector: np.ndarray, smoothing: float = 0.0) -> Point:
        """The objective at `vector`."""
        W, b = self.packing.unpack(vector)
        loss, dW, db = self._loss.value(W, b, smoothing)
        dW += 2.0 * self._penalty.l2 * W
        gradient = self.packing.gradient(dW, db, self._penalty.l1)
        dW = self._penalty.least_subgradient(W, dW)
        return Point(vector, W, b, loss + self._penalty.of(W), dW, db, gradient)

    def run(self, start: Point, tol: float, smoothing: float = 0.0) -> tuple[Point, bool, str]:
        """Descend from `start`: the last point, whether the tolerance was reached, and why it ended."""
        unit = float(np.linalg.norm(self._steepest(start)))
        if unit == 0.0:
            return start, True, "the gradient is zero"
        latest = start
        end: tuple[bool, str] | None = None
        seen = [start.objective]
        least = _LEAST * self._loss.zero_loss()

        # L-BFGS-B begins with a step of length one: in units of the gradient's length that is a full Newton step, for
        # the coordinates have made the Hessian about the unit matrix.
        latest_scaled = first = start.vector / unit

        def value(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal latest, latest_scaled
            if not np.array_equal(scaled, latest_scaled):
                latest, latest_scaled = self.at(scaled * unit, smoothing), scaled.copy()
            return latest.objective, latest.gradient * unit

        def step_done(intermediate_result: Any) -> None:
            nonlocal end
            seen.append(latest.objective)
            end = self._count(latest, self._end(latest, seen, tol, least))
            if end is not None:
                raise StopIteration

        found = need("scipy.optimize").minimize(
            value, first, jac=True, method="L-BFGS-B", bounds=self.packing.bounds(), callback=step_done,
            options={
                "maxiter": self._max_iter, "maxfun": 1 << 30, "ftol": 0.0, "gtol": 0.0,
                "maxcor": max(_LEAST_MEMORY, min(_MEMORY, _MEMORY_NUMBERS // (2 * start.vector.size))),
            },
        )  # fmt: skip
        if end is None:
            # The line search found no lower point. It may have left the last one, so go back there.
            value(found.x)
            end = self._end(latest, seen, tol, least) or self._precision()
        if end == self._precision() and not self.packing.split:
            latest = self._refine(latest, smoothing)
            end = self._end(latest, [latest.objective], tol, least) or end
        return latest, *end

    def _count(self, point: Point, end: tuple[bool, str] | None) -> tuple[bool, str] | None:
        """Count the step to `point` and show it; returns `end`, or why to end otherwise."""
        self.n_iter += 1
        if self._callback is not None and self._callback(self.iterate(point)):
            self.stopped = True
            end = end or (False, "the callback ended it")
        if self.n_iter >= self._max_iter:
            self.stopped = True
            end = end or (False, f"max_iter, {self._max_iter}, was reached")
        return end

    def _refine(self, point: Point, smoothing: float) -> Point:
        """Go on by the gradient alone, in quasi-Newton steps (Nocedal, 1980), while it gets shorter; the best point.

        Within the square root of its rounding from the minimum, 1e-8, the objective is level; its gradient is not. So
        a step ends where the slope along it is gone, told from the slopes of its two ends.
        """
        pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_LEAST_MEMORY)
        best, since = point, 0
        while since < _LOOK_BACK and not self.stopped:
            direction = -_quasi_newton(pairs, point.gradient)
            slope = point.gradient @ direction
            further = self.at(point.vector + direction, smoothing)
            left = further.gradient @ direction
            if abs(left) > _SLOPE_LEFT * abs(slope) and slope < left:
                further = self.at(point.vector + slope / (slope - left) * direction, smoothing)
            step, change = further.vector - point.vector, further.gradient - point.gradient
            if not step @ change > 0.0:
                break
            pairs.append((step, change))
            point = further
            self._count(point, None)
            shorter = np.linalg.norm(point.gradient) < np.linalg.norm(best.gradient)
            best, since = (point, 0) if shorter else (best, since + 1)
        return best

    def iterate(self, point: Point) -> Iterate:
        """What the callback gets of `point`."""
        b = self._loss.outward(point.W, point.b)
        return Iterate(point.W, b, point.objective, point.gradient_norm, self.n_passes, self.n_iter)

    def gap(self, point: Point) -> float:
        """Bound on the objective less its minimum; see `Penalty.gap`."""
        return self._penalty.gap(point.dW)

    def _steepest(self, point: Point) -> np.ndarray:
        """The gradient by the vector, less what the bounds forbid to follow."""
        if not self.packing.split:
            return point.gradient
        n = 2 * point.W.size
        held = (point.vector[:n] == 0.0) & (point.gradient[:n] > 0.0)
        return np.concatenate([np.where(held, 0.0, point.gradient[:n]), point.gradient[n:]])

    def _end(self, point: Point, seen: list[float], tol: float, least: float) -> tuple[bool, str] | None:
        """Whether to end at `point`: with a Hessian of at least `flattest`, |gradient|**2 / 2 over it is to be won."""
        size = max(abs(point.objective), least)
        enough = tol * size
        to_win = 0.5 * float((self._steepest(point) ** 2).sum()) / self.packing.flattest
        look_back = _ROUGH_LOOK_BACK if tol >= _ROUGH else _LOOK_BACK
        won = seen[max(0, len(seen) - 1 - look_back)] - point.objective
        if self.gap(point) <= enough or (to_win <= enough and won <= enough):
            return True, f"what is left to win is below tol, {tol:g}, of the objective"
        if len(seen) > _STALLED and seen[-1 - _STALLED] - seen[-1] <= _ROUNDING[self._loss.dtype] * size:
            return self._precision()
        return None

    def _precision(self) -> tuple[bool, str]:
        return False, f"the objective falls no further in {self._loss.dtype}"


def _quasi_newton(pairs: deque[tuple[np.ndarray, np.ndarray]], gradient: np.ndarray) -> np.ndarray:
    """L-BFGS's product of the inverse Hessian, of which `pairs` of steps and changes of the gradient tell."""
    direction, shares = gradient.copy(), []
    for step, change in reversed(pairs):
        shares.append(step @ direction / (step @ change))
        direction -= shares[-1] * change
    if pairs:
        step, change = pairs[-1]
        direction *= step @ change / (change @ change)
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - change @ direction / (step @ change)) * step
    return direction
