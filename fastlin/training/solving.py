"""The full-batch solver as a fit: what a `FitState` is afterwards, told step by step as epochs are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastlin.training.callbacks import TrainingView, asks_to_stop
from fastlin.training.descent import Iterate
from fastlin.training.divergence import DivergenceError
from fastlin.training.full_batch import minimize
from fastlin.training.gram import Gram
from fastlin.training.history import EpochRecord
from fastlin.training.loop import Reporter
from fastlin.training.polishing import certify, polish
from fastlin.training.sample import kept_rows
from fastlin.training.settings import Settings
from fastlin.training.state import FitState
from fastlin.training.stopping import Validation

# The objective may rise by rounding only; share of the minimum at which more steps show in no prediction.
DEFAULT_TOL = 1e-6

# Training rows whose accuracy is looked at after each step: it is then right to a percent, and costs little.
_ACCURACY_ROWS = 4096


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
    keep: bool = False,
    validation: Validation | None = None,
    callbacks: Sequence[Callable[[TrainingView], Any]] = (),
    reporter: Reporter | None = None,
    gram: Gram | None = None,
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
    keep : bool
        Certify the weights that the state has, which held-out rows or the caller chose, and leave them.
    validation, callbacks, reporter
        As in `FitState.run`.
    gram : Gram or None
        As in `minimize`.

    Raises
    ------
    ValueError
        When unscaled rows hold numbers too large for the squares that the solver works with.
    DivergenceError
        When what the solver ends with is not finite; the state is then as it was.
    """
    _check_size(rows, state)
    began = last = time.perf_counter()
    standardization = state.standardization
    scaling: dict[str, Any] = dict(zip(("shift", "scale"), standardization or (None, None), strict=True))
    history = state.history.copy()
    passes_done = history.n_epochs
    latest: Iterate | None = None
    ended_by: str | None = None
    before, earlier_reason = state.coef, state.stop_reason
    looked_at = Validation(rows, y, sample_weight, _evenly_spaced(len(rows), sample_weight))

    def step(iterate: Iterate) -> bool:
        nonlocal latest, last, ended_by
        now = time.perf_counter()
        b = iterate.b if settings.fit_intercept else None
        options = settings.loss_options | scaling
        narrow = iterate.W.astype(before.dtype), None if b is None else b.astype(before.dtype)
        _, training_accuracy = looked_at.evaluate(narrow[0], narrow[1], **options)
        loss, accuracy = math.nan, math.nan
        if validation is not None:
            loss, accuracy = validation.evaluate(narrow[0], narrow[1], **options)
        penalty = settings.penalty(iterate.W)
        moved = math.nan
        if latest is not None:
            length = np.linalg.norm(latest.W)
            moved = float(np.linalg.norm(iterate.W - latest.W) / length) if length else math.nan
        passes = iterate.n_passes - (latest.n_passes if latest is not None else 0)
        latest = iterate
        record = EpochRecord(
            history.n_epochs + 1, iterate.objective, penalty, training_accuracy, loss + penalty, accuracy, math.nan,
            iterate.gradient_norm, moved, now - last, passes * len(rows) / max(now - last, 1e-9),
        )  # fmt: skip
        last = now
        history.append(record)
        if reporter is not None:
            reporter.rows_done(len(rows))
            reporter.epoch_done(record)

        def folded() -> tuple[np.ndarray, np.ndarray]:
            return _raw(state, iterate.W, iterate.b)

        done, most = passes_done + iterate.n_iter, passes_done + max_iter
        view = TrainingView(done, most, state.n_steps + iterate.n_iter, now - began, history, folded)
        if asks_to_stop(view, callbacks):
            ended_by = "callback"
        elif max_time is not None and time.perf_counter() - began >= max_time:
            ended_by = "max_time"
        return ended_by is not None

    keywords: dict[str, Any] = {
        "loss": settings.loss, "margin": settings.margin, "l2": settings.l2, "l1": settings.l1,
        "fit_intercept": settings.fit_intercept, "standardization": standardization, "sample_weight": sample_weight,
        "tol": DEFAULT_TOL if tol is None else tol, "max_iter": max_iter, "callback": step, "gram": gram,
        "n_threads": settings.n_threads,
    }  # fmt: skip
    start = None
    if any(part.any() for part in state.weights):
        start = standardization.unfold(*state.weights) if standardization else state.weights
    state.stop_reason = None
    try:
        if keep or polishing:
            W, b = start or (np.zeros_like(state.coef), np.zeros_like(state.intercept))
            if keep:
                result = certify(rows, y, len(state.coef), W, b, **keywords)
            else:
                result = polish(rows, y, len(state.coef), W, b, passes_done=passes_done, **keywords)
        else:
            result = minimize(rows, y, len(state.coef), start=start, **keywords)
    except BaseException:
        if latest is not None:
            state.adopt(*_raw(state, latest.W, latest.b), history)
        if latest is not None or keep or polishing:
            state.stop_reason = "interrupted"
        raise
    certificate = result.certificate
    if not (np.isfinite(result.W).all() and np.isfinite(result.b).all()):
        raise DivergenceError(f"the full-batch solver's weights are not finite: {certificate.reason}; rescale X")
    if keep:
        reached = "the optimum is reached" if certificate.converged else "the weights were chosen before the optimum"
        certificate = certificate._replace(reason=f"not polished: {reached}")
    state.certificate = certificate
    if (keep or polishing) and certificate.n_iter == 0:
        state.stop_reason = earlier_reason
        return
    state.adopt(*_raw(state, result.W, result.b), history)
    at_end = "max_iter" if certificate.n_iter >= max_iter else "precision"
    state.stop_reason = ended_by or ("tol" if certificate.converged else at_end)


def _raw(state: FitState, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights as they apply to raw rows, in the state's type."""
    dtype = state.coef.dtype
    W, b = W.astype(dtype), b.astype(dtype)
    return state.standardization.fold(W, b) if state.standardization else (W, b)


def _check_size(rows: np.ndarray, state: FitState) -> None:
    """Refuse unscaled rows whose squared lengths float32 cannot hold; in float64 `standardize` looks at that."""
    if state.standardization is not None or rows.dtype != np.float32:
        return
    largest = max(float(rows.max()), -float(rows.min()))
    if largest > math.sqrt(float(np.finfo(np.float32).max) / rows.size):
        raise ValueError(
            f"X holds numbers up to {largest:.3g}, whose squares overflow in float32; wanted is standardize=True, or "
            "smaller numbers: rescale X"
        )


def _evenly_spaced(n_rows: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """At most some thousand row numbers, of rows that count."""
    kept = kept_rows(n_rows, sample_weight)
    return kept[:: -(-len(kept) // _ACCURACY_ROWS)]
