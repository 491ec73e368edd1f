"""The full-batch solver as a fit: what a `FitState` is afterwards, told step by step as epochs are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastlin.training.callbacks import TrainingView
from fastlin.training.descent import Iterate
from fastlin.training.full_batch import minimize
from fastlin.training.history import EpochRecord
from fastlin.training.loop import Reporter, Settings
from fastlin.training.polishing import polish
from fastlin.training.state import FitState
from fastlin.training.stopping import Validation

# The objective may rise by rounding only; share of the minimum at which more steps show in no prediction.
DEFAULT_TOL = 1e-6


def solve(
    state: FitState,
    rows: np.ndarray,
    y: np.ndarray,
    settings: Settings,
    *,
    max_iter: int,
    sample_weight: np.ndarray | None = None,
    tol: float | None = None,
    max_time: float | None = None,
    polishing: bool = False,
    validation: Validation | None = None,
    callbacks: Sequence[Callable[[TrainingView], Any]] = (),
    reporter: Reporter | None = None,
) -> None:
    """Take `state` to the optimum on `rows`, from its weights, or from ridge regression where it has none.

    Parameters
    ----------
    state : FitState
        Gets the weights, a record a step in its history, the certificate and the reason to stop. After an exception,
        such as Ctrl-C's or a callback's, it has the weights of the last finished step.
    rows, y, settings, sample_weight
        As in `FitState.run`, after `FitState.observe`.
    max_iter : int
        Most steps.
    tol : float or None
        Ends when the objective is within this share of its minimum; None: 1e-6.
    max_time : float or None
        Seconds after which it ends.
    polishing : bool
        Only where that pays after the epochs that the state has had (`fastlin.training.polish`).
    validation, callbacks, reporter
        As in `FitState.run`.
    """
    began = last = time.perf_counter()
    standardization = state.standardization
    scaling = dict(zip(("shift", "scale"), standardization or (None, None), strict=True))
    history = state.history.copy()
    passes_done = history.n_epochs
    latest: Iterate | None = None
    ended_by = None
    before = state.coef

    def step(iterate: Iterate) -> bool:
        nonlocal latest, last, ended_by
        now = time.perf_counter()
        b = iterate.b if settings.fit_intercept else None
        loss, accuracy = math.nan, math.nan
        if validation is not None:
            dtype = before.dtype
            loss, accuracy = validation.evaluate(
                iterate.W.astype(dtype), None if b is None else b.astype(dtype), **settings.loss_options, **scaling
            )
        penalty = settings.penalty(iterate.W)
        moved = math.nan
        if latest is not None:
            length = np.linalg.norm(latest.W)
            moved = float(np.linalg.norm(iterate.W - latest.W) / length) if length else math.nan
        passes = iterate.n_passes - (latest.n_passes if latest is not None else 0)
        latest = iterate
        record = EpochRecord(
            history.n_epochs + 1, iterate.objective, penalty, math.nan, loss + penalty, accuracy, math.nan,
            iterate.gradient_norm, moved, now - last, passes * len(rows) / max(now - last, 1e-9),
        )  # fmt: skip
        last = now
        history.append(record)
        if reporter is not None:
            reporter.rows_done(len(rows))
            reporter.epoch_done(record)

        def folded() -> tuple[np.ndarray, np.ndarray]:
            return _raw(state, iterate.W, iterate.b)

        view = TrainingView(iterate.n_iter, max_iter, iterate.n_iter, now - began, history, folded)
        if any([callback(view) for callback in callbacks]):
            ended_by = "callback"
        elif max_time is not None and now - began >= max_time:
            ended_by = "max_time"
        return ended_by is not None

    keywords: dict[str, Any] = {
        "loss": settings.loss, "margin": settings.margin, "l2": settings.l2, "l1": settings.l1,
        "fit_intercept": settings.fit_intercept, "standardization": standardization, "sample_weight": sample_weight,
        "tol": DEFAULT_TOL if tol is None else tol, "max_iter": max_iter, "callback": step,
        "n_threads": settings.n_threads,
    }  # fmt: skip
    start = None
    if any(part.any() for part in state.weights):
        start = standardization.unfold(*state.weights) if standardization else state.weights
    state.stop_reason = None
    try:
        if polishing:
            W, b = start or (np.zeros_like(state.coef), np.zeros_like(state.intercept))
            result = polish(rows, y, len(state.coef), W, b, passes_done=passes_done, **keywords)
        else:
            result = minimize(rows, y, len(state.coef), start=start, **keywords)
    except BaseException:
        if latest is not None:
            state.adopt(*_raw(state, latest.W, latest.b), history)
            state.stop_reason = "interrupted"
        raise
    state.adopt(*_raw(state, result.W, result.b), history)
    state.certificate = result.certificate
    state.stop_reason = ended_by or ("tol" if result.certificate.converged else "max_iter")


def _raw(state: FitState, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights as they apply to raw rows, in the state's type."""
    dtype = state.coef.dtype
    W, b = W.astype(dtype), b.astype(dtype)
    return state.standardization.fold(W, b) if state.standardization else (W, b)
