"""How the learning rate goes on from its first value: one class a schedule.

Each is called with the number of a step, from 0, and how many follow: ``schedule(first_step, n_steps)`` gives their
rates as a float64 array. With r the rate it is made with, t the step, T the number of steps of the whole fit:

============= ======================================================================================================
name          rate of step t
============= ======================================================================================================
"auto"        r (1 - t / T)                                                linear decay to zero
"constant"    r
"invscaling"  r / (t + 1)^power_t
"optimal"     r / (1 + 2 l2 r t)                                           1 / (alpha (t0 + t)) with t0 = 1 / (alpha r)
"step"        r / 10^floor(t / every)                                      `every` a third of the fit
"cosine"      r (1 + cos(pi t / T)) / 2
"warmup"      r (t + 1) / w up to step w = T / 20, then r (T - t) / (T - w)
"one_cycle"   by half cosines from r / 25 up to r over the first 0.3 T, then down to r / 250 000
"adaptive"    r / 5^k after k plateaus; not below r / 10^6, where the fit is done
============= ======================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastlin import _arrays
from fastlin.training.rates import linear_decay

SCHEDULES = ("auto", "constant", "invscaling", "optimal", "step", "cosine", "warmup", "one_cycle", "adaptive")

# A rate that has fallen below what float32 holds is no rate; this is still far below any that moves a weight.
_LEAST_RATE = 1e-30
# Of "warmup": a twentieth of the fit is half an epoch of the usual ten, enough for the momentum to build up.
_WARMUP_SHARE = 0.05
# Of "adaptive", as scikit-learn's.
_CUT = 5.0
_LEAST_SHARE = 1e-6


@dataclass
class Schedule:
    """The rates of a fit; also a constant one.

    Attributes
    ----------
    rate : float
        r above; > 0.

    Examples
    --------
    >>> Schedule(0.5)(0, 3)
    array([0.5, 0.5, 0.5])
    """

    rate: float

    def __call__(self, first_step: int, n_steps: int) -> np.ndarray:
        """Rates of the steps `first_step` to `first_step + n_steps - 1`, of shape (n_steps,), all above 0."""
        rates = self._at(np.arange(first_step, first_step + n_steps, dtype=np.float64))
        return np.maximum(rates, _LEAST_RATE)

    def _at(self, t: np.ndarray) -> np.ndarray:
        return np.full(len(t), self.rate)

    def plateau(self) -> bool:
        """The fit makes no progress any more: whether the schedule knows a way on. If not, the fit stops."""
        return False

    def state(self) -> dict[str, int]:
        """What changes during a fit, as plain numbers; see `restore`."""
        return {}

    def restore(self, state: dict[str, int]) -> None:
        """Go on from what `state` gave."""


@dataclass
class LinearDecay(Schedule):
    """r (1 - t / T): large steps first, and none at the end, where noise would keep the weights from settling.

    Examples
    --------
    >>> LinearDecay(1.0, total=4)(0, 4)
    array([1.  , 0.75, 0.5 , 0.25])
    """

    total: int

    def __call__(self, first_step: int, n_steps: int) -> np.ndarray:
        return linear_decay(self.rate, first_step, n_steps, self.total)


@dataclass
class InverseScaling(Schedule):
    """r / (t + 1)^power, as scikit-learn's "invscaling", which counts rows where this counts steps.

    Examples
    --------
    >>> InverseScaling(1.0, power=0.5)(3, 1)
    array([0.5])
    """

    power: float

    def _at(self, t: np.ndarray) -> np.ndarray:
        return self.rate / (t + 1.0) ** self.power


@dataclass
class Optimal(Schedule):
    """r / (1 + strength r t) = 1 / (strength (t0 + t)) with t0 = 1 / (strength r).

    The best order of decay where the objective is strongly convex, which the l2 penalty makes it: `strength` is its
    curvature, 2 l2 (Bottou, "Stochastic gradient descent tricks", 2012). Constant without a penalty.

    Examples
    --------
    >>> Optimal(0.5, strength=2.0)(0, 3)
    array([0.5       , 0.25      , 0.16666667])
    """

    strength: float

    def _at(self, t: np.ndarray) -> np.ndarray:
        return self.rate / (1.0 + self.strength * self.rate * t)


@dataclass
class Step(Schedule):
    """r factor^floor(t / every).

    Examples
    --------
    >>> Step(1.0, every=2, factor=0.5)(0, 6)
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """

    every: int
    factor: float = 0.1

    def _at(self, t: np.ndarray) -> np.ndarray:
        return self.rate * self.factor ** np.floor(t / self.every)


@dataclass
class Cosine(Schedule):
    """r (1 + cos(pi t / T)) / 2 (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts).

    Examples
    --------
    >>> Cosine(1.0, total=4)(0, 4).round(3)
    array([1.   , 0.854, 0.5  , 0.146])
    """

    total: int

    def _at(self, t: np.ndarray) -> np.ndarray:
        return _half_cosine(self.rate, 0.0, t / self.total)


@dataclass
class Warmup(Schedule):
    """r (t + 1) / w in the first w steps, then r (T - t) / (T - w).

    Goyal et al., "Accurate, large minibatch SGD", 2017, and then a linear decay.

    Examples
    --------
    >>> Warmup(1.0, total=6, steps=2)(0, 6)
    array([0.5 , 1.  , 1.  , 0.75, 0.5 , 0.25])
    """

    total: int
    steps: int

    def _at(self, t: np.ndarray) -> np.ndarray:
        rest = max(self.total - self.steps, 1)
        return self.rate * np.minimum((t + 1.0) / max(self.steps, 1), (self.total - t) / rest)


@dataclass
class OneCycle(Schedule):
    """Up from r / 25 to r over the first 0.3 T steps, then down to r / 250 000, each by half a cosine.

    Smith and Topin, "Super-convergence", 2019; the numbers are those in common use.

    Examples
    --------
    >>> OneCycle(1.0, total=10)(0, 10).round(2)
    array([0.04, 0.28, 0.76, 1.  , 0.95, 0.81, 0.61, 0.39, 0.19, 0.05])
    """

    total: int
    up: float = 0.3

    def _at(self, t: np.ndarray) -> np.ndarray:
        top = self.up * self.total
        rising = _half_cosine(self.rate / 25.0, self.rate, t / top)
        falling = _half_cosine(self.rate, self.rate / 250_000.0, (t - top) / (self.total - top))
        return np.where(t < top, rising, falling)


@dataclass
class Adaptive(Schedule):
    """r until the fit makes no progress, then r / 5, and so on; below r / 10^6 the fit is done.

    What progress is, `Stopping` says. So does scikit-learn's "adaptive", but that it ends at 10^-6 whatever the first
    rate; here it is a share of it, as a rate has the scale of the data.

    Examples
    --------
    >>> schedule = Adaptive(1.0)
    >>> schedule.plateau(), schedule(0, 2)
    (True, array([0.2, 0.2]))
    """

    n_cuts: int = field(default=0, init=False, repr=False)

    def _at(self, t: np.ndarray) -> np.ndarray:
        return np.full(len(t), self.rate / _CUT**self.n_cuts)

    def plateau(self) -> bool:
        """Cut the rate, unless it would fall below the least."""
        self.n_cuts += 1
        return _CUT**-self.n_cuts > _LEAST_SHARE

    def state(self) -> dict[str, int]:
        """How often the rate was cut."""
        return {"n_cuts": self.n_cuts}

    def restore(self, state: dict[str, int]) -> None:
        """As often as there."""
        n_cuts = _arrays.as_step_count(state["n_cuts"], "n_cuts")
        if n_cuts > 0 and _CUT ** (n_cuts - 1) >= 1 / _LEAST_SHARE:  # one more than there are ends the fit
            raise ValueError(f"n_cuts is {n_cuts}; wanted is no more than make the rate {_LEAST_SHARE:g} of the first")
        self.n_cuts = n_cuts


@dataclass
class Given(Schedule):
    """Rates that a function of (first_step, n_steps) gives; `rate` is the first."""

    function: Callable[[int, int], np.ndarray] = field(repr=False)

    def __call__(self, first_step: int, n_steps: int) -> np.ndarray:
        return np.asarray(self.function(first_step, n_steps), dtype=np.float64)


def as_schedule(rates: Callable[[int, int], np.ndarray]) -> Schedule:
    """A schedule as it is, or one that asks a function."""
    return rates if isinstance(rates, Schedule) else Given(float(rates(0, 1)[0]), rates)


def make_schedule(
    name: str, rate: float, *, n_steps: int, steps_per_epoch: int, power_t: float = 0.5, l2: float = 0.0
) -> Schedule:
    """The schedule called `name` for a fit of `n_steps` steps at most.

    Parameters
    ----------
    name : str
        One of `SCHEDULES`.
    rate : float
        r above; of "one_cycle" and "warmup" the largest, of the others the first.
    n_steps, steps_per_epoch : int
        Of the whole fit, and of one epoch of it.
    power_t : float
        Of "invscaling".
    l2 : float
        Penalty l2 * sum(W**2), for "optimal".

    Raises
    ------
    ValueError
        For an unknown name, or a rate or power that is not above 0, as learning_rate, eta0 and power_t.

    Examples
    --------
    >>> make_schedule("cosine", 0.5, n_steps=100, steps_per_epoch=10)
    Cosine(rate=0.5, total=100)
    """
    _arrays.as_choice(name, "learning_rate", SCHEDULES)
    rate = _arrays.as_positive(rate, "eta0")
    power_t = _arrays.as_positive(power_t, "power_t") if name == "invscaling" else power_t
    epochs = -(-n_steps // steps_per_epoch)
    return {
        "auto": lambda: LinearDecay(rate, n_steps),
        "constant": lambda: Schedule(rate),
        "invscaling": lambda: InverseScaling(rate, power_t),
        "optimal": lambda: Optimal(rate, 2.0 * l2),
        "step": lambda: Step(rate, -(-epochs // 3) * steps_per_epoch),
        "cosine": lambda: Cosine(rate, n_steps),
        "warmup": lambda: Warmup(rate, n_steps, math.ceil(_WARMUP_SHARE * n_steps)),
        "one_cycle": lambda: OneCycle(rate, n_steps),
        "adaptive": lambda: Adaptive(rate),
    }[name]()


def _half_cosine(start: float, end: float, share: np.ndarray) -> np.ndarray:
    """From `start` at share 0 to `end` at 1."""
    return end + (start - end) * (1.0 + np.cos(math.pi * share)) / 2.0
