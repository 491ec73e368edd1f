"""The strength of the penalty, chosen on held-out rows, and the fit to all rows with it.

(A) One Gram matrix of a sample of the rows preconditions every fit (`fastlin.training.full_batch`).
(B) From a first strength it goes on to weaker ones, half a decade apart, as long as the loss on the held-out rows
    falls; where already the first step does not help, to stronger ones. The loss tells strengths apart that the share
    of rows classified rightly does not: of 5 000 rows that is a matter of a few dozen. Each fit starts from the one
    before, and ends where more steps would hardly change a label.
(C) The last fit, to all rows and nearer to the optimum, starts from that one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastlin import _arrays, training
from fastlin._labels import Meaning
from fastlin.linear_model import LinearClassifier, _plan
from fastlin.linear_model._class_weight import class_counts, row_weights
from fastlin.penalty import functional_penalty
from fastlin.training.objective import Loss

# On CIFAR-10 the best strength is 1e-4 or 3e-4 of visual words, 1e-3 of 12 800 columns of them, 3e-4 to 3e-2 of
# histograms, 3e-2 of pixels: from one that is too strong the first fit and the way down to the best are shorter.
FIRST_OF_WORDS = 3e-4
FIRST_OF_MANY_WORDS = 1e-3
MANY_WORDS = 8192
FIRST_OF_FEATURES = 1e-2
FIRST_OF_PIXELS = 1e-1
# Half decades, the weakest first.
_STRENGTHS = tuple(float(f"{digit}e{exponent}") for exponent in range(-8, 3) for digit in (1, 3))
# A step that brings no more than this, of the loss, is taken for noise: its standard error on 5 000 rows.
_GAIN = 2e-3
# Share of the objective left to win at which a fit ends. On CIFAR-10 a tenth of it, at the last fit, moves the accuracy
# by 0.1 % at most; and that of the choice orders the strengths as 1e-4 does, in less than half the passes.
_TOL = 1e-3
_TOL_OF_CHOICE = 5e-3
# Rows of the Gram matrix a feature: on CIFAR-10's visual words as many passes as with four, or with all rows.
_GRAM_ROWS = 2
# One factor of it serves strengths so far apart: a few more passes in place of D^3 / 3 operations.
_FACTOR_REACH = 11.0
_LEAST_GRAM_ROWS = 4096
# The Gram matrix and its factor, of D * D numbers each, may take as much as the rows; beyond this they do anyway.
_MOST_FEATURES = 16384


class Choice(NamedTuple):
    """Strengths in the order they were tried, a score of each, and the best of them."""

    alphas: list[float]
    scores: list[float]
    best: float


def climb(score: Callable[[float], float], first: float) -> Choice:
    """Try strengths from `first`: weaker ones while `score` grows, else stronger ones while it does.

    The best is the strongest of those that are within noise of the highest score.
    """
    tried: dict[float, float] = {}
    place = _STRENGTHS.index(first)

    def walk(strengths: Sequence[float]) -> None:
        for alpha in strengths:
            before = max(tried.values(), default=-np.inf)
            tried[alpha] = score(alpha)
            if tried[alpha] <= before + _GAIN:
                return

    walk(_STRENGTHS[place::-1])
    if len(tried) <= 2:  # the first weaker one was no better
        walk(_STRENGTHS[place + 1 :])
    enough = max(tried.values()) - _GAIN
    best = max(alpha for alpha, share in tried.items() if share >= enough)
    return Choice(list(tried), list(tried.values()), best)


class Data(NamedTuple):
    """Rows, the class of each, its weight, and what the classes mean.

    Of several views of each image, those of one kind lie together: row k and row k + N / views are of the same image.
    """

    rows: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    meaning: Meaning
    views: int = 1


def fit(
    classifier: LinearClassifier, data: Data, alpha: float | None, *, first: float, fraction: float, seed: Any,
    say: Callable[[str], Any],
) -> Choice | None:  # fmt: skip
    """Fit `classifier` to `data` with the strength `alpha`, or with the one chosen on a share of the rows held out.

    The scores of the choice are the shares of the held-out rows that were classified rightly.
    """
    fitter = (_FullBatch if classifier.solver == "lbfgs" else _Epochs)(classifier, data)
    choice = None
    if alpha is None:
        n = len(data.y) // data.views
        of_images = None if data.weight is None else data.weight[:n]
        weight, held_out = training.hold_out(data.y[:n], of_images, fraction, training.as_generator(seed))
        weight = np.tile(weight, data.views)
        held = _HeldOut(classifier, data, held_out)
        shares = []

        def score(alpha: float) -> float:
            loss, share = held.judge(fitter.fit(alpha, weight))
            say(f"penalty {alpha:.3g}: loss {loss:.4f}, {share:.2%} of {len(held_out):,} held-out rows")
            shares.append(share)
            return -loss

        choice = climb(score, first)._replace(scores=shares)
        alpha = choice.best
    classifier.set_params(alpha=alpha)
    fitter.finish(alpha)
    return choice


class _HeldOut:
    """The images held out, and how well they are classified: by the mean of their views."""

    def __init__(self, classifier: LinearClassifier, data: Data, index: np.ndarray) -> None:
        classes = data.meaning.classes
        weight = None if data.weight is None else data.weight[index]
        self._options = _plan.settings(classifier, len(classes)).loss_options
        self._rows, self._labels, self._weight = _mean_of_views(data, index), classes[data.y[index]], weight
        counts = class_counts(data.y, data.weight, len(classes))
        weighted = row_weights(classifier.class_weight, classes, data.y[index], weight, counts)
        self._validation = training.Validation(self._rows, data.y[index], weighted)

    def judge(self, model: LinearClassifier) -> tuple[float, float]:
        """The mean loss, and the share that is classified rightly."""
        W, b = training.row_per_class(model.coef_, model.intercept_)
        loss, _ = self._validation.evaluate(W, b, **self._options)
        right = model.predict(self._rows) == self._labels
        return loss, float(np.average(right, weights=self._weight))


def _mean_of_views(data: Data, index: np.ndarray) -> np.ndarray:
    """The rows of the images `index`, each the mean of its views."""
    n = len(data.rows) // data.views
    if data.views == 1:
        return data.rows[index]
    dtype = _arrays.compute_dtype(data.rows)
    total = data.rows[index].astype(dtype)
    for view in range(1, data.views):
        total += data.rows[index + view * n]
    return total / dtype.type(data.views)


class _Epochs:
    """Fits of an estimator, one apart from the other."""

    def __init__(self, classifier: LinearClassifier, data: Data) -> None:
        self._classifier, self._data = classifier, data
        self._labels = data.meaning.classes[data.y]

    def fit(self, alpha: float, weight: np.ndarray | None) -> LinearClassifier:
        """The estimator fitted with the strength `alpha` to rows of these weights."""
        params = {**self._classifier.get_params(deep=False), "alpha": alpha, "verbose": 0}
        return type(self._classifier)(**params).fit(self._data.rows, self._labels, weight)

    def finish(self, alpha: float) -> None:
        """Fit the estimator itself to all rows."""
        self._classifier.fit(self._data.rows, self._labels, self._data.weight)


class _FullBatch:
    """Fits of the full-batch solver, with one survey, one Gram matrix, each from where the last one ended."""

    def __init__(self, classifier: LinearClassifier, data: Data) -> None:
        self._classifier, self._data = classifier, data
        self._n_classes = len(data.meaning.classes)
        self._counts = class_counts(data.y, data.weight, self._n_classes)
        self._settings = _plan.settings(classifier, self._n_classes)
        self._loss: Loss = classifier.loss
        self._found: dict[float, tuple[np.ndarray, np.ndarray]] = {}
        dtype = _arrays.compute_dtype(data.rows)
        rng = training.as_generator(classifier.random_state)
        self._state = training.FitState.fresh(self._n_classes, data.rows.shape[1], dtype, rng)
        self._state.observe(
            data.rows, data.weight, standardize=classifier.standardize, n_threads=classifier.n_threads,
            fit_intercept=self._settings.fit_intercept,
        )  # fmt: skip
        self._gram = self._sampled_gram() if self._settings.l1 == 0 and self._gram_pays() else None

    def fit(self, alpha: float, weight: np.ndarray | None) -> LinearClassifier:
        """A classifier with the strength `alpha`, fitted to rows of these weights."""
        state, settings, standardization = self._state, self._settings, self._state.standardization
        start = None
        if state.coef.any():
            start = standardization.unfold(*state.weights) if standardization else state.weights
        l2, l1 = functional_penalty(alpha, *self._ratio())
        W, b, _ = training.minimize(
            self._data.rows, self._data.y, self._n_classes, loss=self._loss, margin=settings.margin, l2=l2, l1=l1,
            fit_intercept=settings.fit_intercept, standardization=standardization,
            sample_weight=self._weighted(weight), start=start, gram=self._gram, tol=self._tol(_TOL_OF_CHOICE),
            max_iter=_plan.n_iterations(self._classifier), n_threads=settings.n_threads,
        )  # fmt: skip
        state.coef, state.intercept = standardization.fold(W, b) if standardization else (W, b)
        self._found[alpha] = state.coef, state.intercept
        model = type(self._classifier)(**self._classifier.get_params(deep=False))
        model._publish(state, self._data.meaning)
        return model

    def finish(self, alpha: float) -> None:
        """Take the classifier itself to the optimum on all rows."""
        classifier, data = self._classifier, self._data
        settings = _plan.settings(classifier, self._n_classes)
        # With an l1 penalty the solver stalls now and then on its way from one optimum to the next.
        zero = np.zeros_like(self._state.coef), np.zeros_like(self._state.intercept)
        start = zero if settings.l1 else self._found.get(alpha, zero)
        self._state.coef, self._state.intercept = start
        training.solve(
            self._state, data.rows, data.y, settings, max_iter=_plan.n_iterations(classifier), gram=self._gram,
            sample_weight=self._weighted(data.weight), tol=self._tol(_TOL), max_time=classifier.max_time,
            callbacks=list(classifier.callbacks or ()),
        )  # fmt: skip
        classifier._publish(self._state, data.meaning._replace(counts=self._counts))

    def _ratio(self) -> tuple[float, int]:
        ratio = {"l1": 1.0, "elasticnet": self._classifier.l1_ratio}.get(self._classifier.penalty or "l2", 0.0)
        return ratio, self._n_classes

    def _tol(self, default: float) -> float:
        return default if self._classifier.tol is None else self._classifier.tol

    def _weighted(self, weight: np.ndarray | None) -> np.ndarray | None:
        classes = self._data.meaning.classes
        return row_weights(self._classifier.class_weight, classes, self._data.y, weight, self._counts)

    def _gram_pays(self) -> bool:
        n_rows, n_features = self._data.rows.shape
        return n_features <= min(n_rows, _MOST_FEATURES)

    def _sampled_gram(self) -> training.Gram:
        """Of some rows of positive weight, always the same ones."""
        rows = self._data.rows
        weight = self._weighted(self._data.weight)
        kept = np.arange(len(rows)) if weight is None else np.flatnonzero(weight)
        n_sampled = max(_GRAM_ROWS * rows.shape[1], _LEAST_GRAM_ROWS)
        if n_sampled < len(kept):
            kept = np.sort(training.as_generator(0).permutation(kept)[:n_sampled])
        gram = training.Gram(rows.shape[1], _arrays.compute_dtype(rows), factor_reach=_FACTOR_REACH)
        return gram.add(rows, weight, picked=kept, n_threads=self._settings.n_threads)
