"""How an estimator learns: `fit` and `partial_fit`, between the labels people have and the training they start."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from fastlin import _arrays, _columns, _labels, training
from fastlin._labels import Meaning
from fastlin._params import available
from fastlin._sklearn import CallbackSupport, CallbackTask, Routed, Shown, classifier_tags
from fastlin.linear_model import _input, _plan
from fastlin.linear_model._class_weight import class_counts, row_weights
from fastlin.linear_model._prediction import LinearPrediction
from fastlin.training.progress import Progress

# What is left at least of max_time for the second part of a fit: it ends after its first step.
_LEAST_SECONDS = 1e-9


class _Data(NamedTuple):
    """Rows with the place of each one's label among the classes, as the training takes them."""

    rows: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None

    @property
    def n_rows(self) -> int:
        """Rows that count."""
        return len(self.rows) if self.weight is None else int(np.count_nonzero(self.weight))


def _check_minibatches(model: Any, name: str) -> None:
    if model.solver in ("lbfgs", "auto"):
        raise AttributeError(f"{name} is there for solver='sgd' and 'adam', not {model.solver!r}: that wants all rows")


class LinearFitting(LinearPrediction, CallbackSupport, Routed, Shown):
    """Fitting of a linear classifier, from the parameters that `LinearClassifier` describes."""

    _state: training.FitState
    _class_counts: np.ndarray

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: tuple[Any, Any] | None = None) -> Self:
        """Fit to the rows of `X` with the labels `y`, from zero weights, or with `warm_start` from those there are.

        Parameters
        ----------
        X : array of shape (N, D) or (N, H, W, channels)
            Any real type; read where it lies.
        y : array of shape (N,)
            Labels: integers, strings, booleans.
        sample_weight : array of shape (N,), optional
            A row of weight zero is as if not there.
        eval_set : pair of arrays (X, y), optional
            Held-out rows: their loss and accuracy stand in `history_`, and `early_stopping` watches them.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For rows, labels or parameters that make no fit, saying which.
        fastlin.training.DivergenceError
            When the loss grows instead of falling. An earlier fit is kept.
        KeyboardInterrupt
            After Ctrl-C, within a quarter of a second; the weights of the last finished step are kept.
        """
        rows, labels, weight = _input.as_training_data(X, y, sample_weight)
        if len(rows) == 0:
            raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one row")
        _input.check_any_weight(weight)
        classes, index = _labels.encode(labels, weight)
        settings = _plan.settings(self, len(classes))
        self._check_rest(rows, eval_set)
        counts = class_counts(index, weight, len(classes))
        data = _Data(rows, index, row_weights(self.class_weight, classes, index, weight, counts))
        if data.n_rows == 0:
            raise ValueError("class_weight leaves no row of positive weight; wanted is a number above 0 for some label")
        state = self._begin(classes, rows)
        data, validation = self._validation(data, classes, X, eval_set, state.rng)
        state.observe(
            rows, data.weight, standardize=self.standardize, n_threads=self.n_threads,
            fit_intercept=settings.fit_intercept,
        )  # fmt: skip
        settings = self._with_strength(state, data, settings)
        meaning = Meaning(classes, counts, _input.image_shape(X), _columns.feature_names(X))

        if self.solver == "lbfgs":
            self._as_task(
                lambda task: self._run_full_batch(state, data, settings, meaning, validation, task, self.max_time),
                _plan.n_iterations(self), X, y, sample_weight,
            )  # fmt: skip
            return self
        steps_per_epoch = -(-data.n_rows // min(settings.batch_size, data.n_rows))
        n_epochs = _plan.n_epochs(self, steps_per_epoch, state.unevenness(rows, data.weight, settings))
        rate = self._rate(state, data, settings)
        rates = _plan.schedule(self, rate, n_epochs, steps_per_epoch, settings)

        def run(task: CallbackTask | None) -> None:
            began = time.perf_counter()
            self._run(state, data, settings, rates, n_epochs, meaning, validation, task, self.checkpoint)
            self._settle(state, data, settings, meaning)
            if self.solver == "auto":
                seconds = time.perf_counter() - began
                left = None if self.max_time is None else max(self.max_time - seconds, _LEAST_SECONDS)
                self._run_full_batch(state, data, settings, meaning, validation, task, left)

        self._as_task(run, n_epochs, X, y, sample_weight)
        return self

    @available(_check_minibatches)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch over the rows of `X`, from the weights the model has; from zero the first time.

        The standardisation is that of all rows seen so far, and so are the counts of class_weight="balanced". A feature
        that turns out to spread more than twice as far as before has its weights shrunk accordingly. The rate does not
        decay to zero, as no end is known: of the schedule "auto" a given `eta0` stays, an automatic one falls as
        1 / sqrt(1 + steps / 500), and is no larger than the rows of a call allow. `early_stopping` and `checkpoint` are
        for `fit`, and say nothing here. With the solvers "lbfgs" and "auto", which want all rows at once, it is not
        there.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. No rows, or none of positive weight, change nothing.
        classes : array of labels, or "grow"
            All there will be: wanted in the first call; a later one must agree with it or leave it out. "grow": those
            in `y`, and later calls with it may bring new ones, which start from zero weights.

        Returns
        -------
        self
        """
        names = _columns.feature_names(X)
        rows, labels, weight = _input.as_training_data(X, y, sample_weight)
        first = not hasattr(self, "coef_")
        known = self._known_classes(classes, labels, weight, first)
        _, index = _labels.encode(labels, weight, known)
        settings = _plan.settings(self, len(known))
        self._check_rest(rows)
        begun = self._state.n_steps if hasattr(self, "_state") else 0
        if settings.average_from is not None:  # counted from the first call on
            settings = settings._replace(average_from=max(0, settings.average_from - begun))
        _plan.endless_schedule(self, _plan.given_rate(self) or 1.0, begun, settings)  # refuses before any change
        if first:
            counts = np.zeros(len(known))
            state = training.FitState.fresh(
                len(known), rows.shape[1], _arrays.compute_dtype(rows), training.as_generator(self.random_state)
            )
        else:
            _columns.check_feature_names(self, X)
            self._check_features(rows)
            counts, state = self._grown(known)
            names = getattr(self, "feature_names_in_", None)
        counts = counts + class_counts(index, weight, len(known))
        data = _Data(rows, index, row_weights(self.class_weight, known, index, weight, counts))
        shape = _input.image_shape(X) or getattr(self, "image_shape_", None)
        meaning = Meaning(known, counts, shape, names)
        if data.n_rows == 0:
            self._publish(state, meaning)
            return self
        state.observe(
            rows, data.weight, standardize=self.standardize, n_threads=self.n_threads,
            fit_intercept=settings.fit_intercept,
        )  # fmt: skip
        settings = self._with_strength(state, data, settings)
        if settings.average_from is None and not settings.average_tail:
            state.average, state.n_averaged = None, 0
        rate = self._rate(state, data, settings, stream=True)
        self._run(state, data, settings, _plan.endless_schedule(self, rate, begun, settings), 1, meaning)
        return self

    # What a fit starts from

    def _begin(self, classes: np.ndarray, rows: np.ndarray) -> training.FitState:
        """The state of a fit that has not begun: zero weights, or those of the last fit."""
        fresh = training.FitState.fresh(
            len(classes), rows.shape[1], _arrays.compute_dtype(rows), training.as_generator(self.random_state)
        )
        if not self.warm_start or not hasattr(self, "coef_"):
            return fresh
        self._check_features(rows)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y holds the labels {classes.tolist()}, while warm_start is True and the last fit had "
                f"{self.classes_.tolist()}; wanted is the same labels, or warm_start=False"
            )
        coef, intercept = self._set_weights(fresh)
        return replace(fresh, coef=coef, intercept=intercept)

    def _set_weights(self, like: training.FitState) -> tuple[np.ndarray, np.ndarray]:
        """Copies of `coef_` and `intercept_`, a row a class, as they are now, in the shape and type of the state's."""
        given = np.atleast_1d(self.coef_), np.atleast_1d(self.intercept_)
        coef, intercept = training.row_per_class(*given)
        if coef.shape != like.coef.shape or intercept.shape != like.intercept.shape:
            n_rows = 1 if len(like.coef) == 2 else len(like.coef)
            raise ValueError(
                f"coef_ has shape {given[0].shape} and intercept_ {given[1].shape}; wanted is "
                f"({n_rows}, {like.coef.shape[1]}) and ({n_rows},)"
            )
        return coef.astype(like.coef.dtype), intercept.astype(like.coef.dtype)

    def _completed(self) -> Self:
        """The model; where somebody set its weights and nothing was fitted, a copy with all that a fit leaves."""
        if hasattr(self, "_state"):
            return self
        model = copy.copy(self)
        counts, state = self._grown(self.classes_)
        model._publish(state, Meaning(self.classes_, counts, None, None))
        return model

    def _last_state(self) -> training.FitState:
        """A copy of the state of the last fit; `coef_` and `intercept_` count, where they were set since."""
        if not hasattr(self, "_state"):  # nothing was fitted: somebody set them all
            rows = np.atleast_2d(self.coef_)
            n_features, dtype = rows.shape[1], _arrays.compute_dtype(rows)
            rng = training.as_generator(self.random_state)
            state = training.FitState.fresh(len(self.classes_), n_features, dtype, rng)
        else:
            state = replace(self._state)
            coef, intercept = state.weights if len(state.coef) > 2 else training.row_for_two(*state.weights)
            if np.array_equal(coef, self.coef_) and np.array_equal(intercept, self.intercept_):
                return state
        state.adopt(*self._set_weights(state), state.history)
        return state

    def _validation(
        self, data: _Data, classes: np.ndarray, X: Any, eval_set: tuple[Any, Any] | None, rng: np.random.Generator
    ) -> tuple[_Data, training.Validation | None]:
        """The rows to train on, and those held out, if any."""
        if eval_set is not None:
            if not isinstance(eval_set, tuple | list) or len(eval_set) != 2:
                raise TypeError("eval_set is no pair; wanted is (X, y)")
            try:
                return data, _given_validation(eval_set, classes, data.rows.shape[1], _columns.feature_names(X))
            except ValueError as error:
                raise ValueError(f"of eval_set, {error}") from None
            except TypeError as error:
                raise TypeError(f"of eval_set, {error}") from None
        if not self.early_stopping:
            return data, None
        train_weight, held_out = training.hold_out(data.y, data.weight, self.validation_fraction, rng)
        return (
            data._replace(weight=train_weight),
            training.Validation(data.rows, data.y, data.weight, held_out),
        )

    def _known_classes(self, classes: Any, labels: np.ndarray, weight: np.ndarray | None, first: bool) -> np.ndarray:
        """The classes of a call of `partial_fit`."""
        if isinstance(classes, str):
            _arrays.as_choice(classes, "classes", ("grow",))
            seen = labels if weight is None else labels[weight > 0]
            if not first:
                seen = _labels.joined(self.classes_, seen)
            return _labels.encode(seen)[0]
        if first and classes is None:
            raise ValueError("classes is None in the first call of partial_fit; wanted is all labels there will be")
        known = _labels.as_classes(classes) if first else self.classes_
        if not first and classes is not None and not np.array_equal(_labels.as_classes(classes), known):
            raise ValueError("classes differs from that of the first call; wanted is the same, or none, or 'grow'")
        return known

    def _grown(self, classes: np.ndarray) -> tuple[np.ndarray, training.FitState]:
        """The counts and the state there are, with zeros for the classes that are new."""
        state, counts = self._last_state(), getattr(self, "_class_counts", np.zeros(len(self.classes_)))
        if len(classes) == len(self.classes_):
            return counts, state
        old = np.searchsorted(classes, self.classes_)

        def grown(array: np.ndarray) -> np.ndarray:
            larger = np.zeros((len(classes), *array.shape[1:]), array.dtype)
            larger[old] = array
            return larger

        return grown(counts), state.with_classes(grown)

    # Running it

    def _run(
        self,
        state: training.FitState,
        data: _Data,
        settings: training.Settings,
        rates: Any,
        n_epochs: int,
        meaning: Meaning,
        validation: training.Validation | None = None,
        task: CallbackTask | None = None,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        """Let `state` run, and publish what it has become wherever its weights are of use: after Ctrl-C too."""
        checkpoint = None
        if path is not None:
            seed = int(self.random_state) if isinstance(self.random_state, int | np.integer) else None
            checkpoint = training.Checkpoint(path, self.checkpoint_every, seed=seed)
        with Progress(n_epochs, data.n_rows) if self.verbose else nullcontext() as reporter:
            try:
                state.run(
                    data.rows, data.y, settings, rates=rates, n_epochs=n_epochs, sample_weight=data.weight,
                    reporter=reporter, validation=validation, checkpoint=checkpoint,
                    callbacks=self._all_callbacks(task, meaning),
                    stopping=_plan.stopping(self, bool(self.early_stopping) and validation is not None),
                )  # fmt: skip
            finally:
                if state.stop_reason is not None:
                    self._publish(state, meaning)

    def _settle(
        self, state: training.FitState, data: _Data, settings: training.Settings, meaning: Meaning
    ) -> None:
        """Find the zeros of an l1 penalty, where minibatches left the weights and nothing says to keep those."""
        kept = self.early_stopping or settings.average_from is not None or state.stop_reason in ("callback", "max_time")
        if settings.l1 > 0 and settings.batch_size < data.n_rows and not kept:
            training.settle(state, data.rows, data.y, settings, data.weight)
            self._publish(state, meaning)

    def _run_full_batch(
        self,
        state: training.FitState,
        data: _Data,
        settings: training.Settings,
        meaning: Meaning,
        validation: training.Validation | None,
        task: CallbackTask | None,
        max_time: float | None,
    ) -> None:
        """Let the full-batch solver take `state` to the optimum; after epochs of minibatches, where that pays."""
        max_iter = _plan.n_iterations(self)
        with Progress(None, data.n_rows) if self.verbose else nullcontext() as reporter:
            try:
                training.solve(
                    state, data.rows, data.y, settings, max_iter=max_iter, sample_weight=data.weight, tol=self.tol,
                    max_time=max_time, polishing=self.solver == "auto", validation=validation,
                    keep=bool(self.early_stopping) or state.stop_reason in ("callback", "max_time"),
                    callbacks=self._all_callbacks(task, meaning), reporter=reporter,
                )  # fmt: skip
            finally:
                if state.stop_reason is not None:
                    self._publish(state, meaning)

    def _all_callbacks(self, task: CallbackTask | None, meaning: Meaning) -> list[Callable[[Any], Any]]:
        """The caller's, and scikit-learn's."""
        callbacks = _plan.callbacks(self)
        if task is not None:
            callbacks.append(lambda view: task.epoch_done(lambda: self._fitted(meaning, view.coef, view.intercept)))
        return callbacks

    def _with_strength(self, state: training.FitState, data: _Data, settings: training.Settings) -> training.Settings:
        """The settings with the penalty that `alpha` or the data have."""
        dtype = _arrays.compute_dtype(data.rows)
        given = _plan.given_alpha(self)
        alpha = state.auto_alpha(data.rows, data.y, data.weight, settings) if given is None else given
        if alpha > float(np.finfo(dtype).max):
            raise ValueError(
                f"X holds numbers so large that alpha='auto' would be {alpha:.3g}, which {dtype} does not hold; "
                "wanted is standardize=True, or smaller numbers: rescale X"
            )
        state.alpha = alpha
        l2, l1 = _plan.penalty(self, alpha, len(state.coef))
        return settings._replace(l2=l2, l1=l1)

    def _rate(
        self, state: training.FitState, data: _Data, settings: training.Settings, stream: bool = False
    ) -> float:
        """The rate of the first step, as `eta0` or the data have it."""
        dtype = _arrays.compute_dtype(data.rows)
        given = _plan.given_rate(self)
        if given is not None:
            return _arrays.as_positive(given, "eta0", dtype)
        rate = state.auto_rate(data.rows, data.weight, settings, stream=stream)
        if rate < np.finfo(dtype).smallest_subnormal:
            raise ValueError(
                f"X holds numbers so large that the learning rate would be {rate:.3g}, which {dtype} does not hold; "
                "wanted is standardize=True, or smaller numbers: rescale X"
            )
        return rate

    # What a fit leaves behind

    def _publish(self, state: training.FitState, meaning: Meaning) -> None:
        """Become what `state` and `meaning` say."""
        self._state = state
        self._class_counts = meaning.counts
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(self._fitted(meaning, *state.weights))
        self.image_shape_ = meaning.image_shape
        self.history_ = state.history
        self.n_iter_ = state.history.n_epochs
        self.t_ = state.n_steps
        self.learning_rate_ = state.rate
        self.alpha_ = state.alpha
        self.stop_reason_ = state.stop_reason
        self.best_epoch_ = state.best_epoch
        self.certificate_ = state.certificate
        standardization = state.standardization
        self.shift_ = None if standardization is None else standardization.shift
        self.scale_ = None if standardization is None else standardization.scale

    def _fitted(self, meaning: Meaning, coef: np.ndarray, intercept: np.ndarray) -> dict[str, Any]:
        """The attributes that a model with the weights `coef` and `intercept`, a row a class, predicts by."""
        if len(coef) == 2:
            coef, intercept = training.row_for_two(coef, intercept)
        attributes = {
            "coef_": coef, "intercept_": intercept, "classes_": meaning.classes, "n_features_in_": coef.shape[1],
        }  # fmt: skip
        return attributes if meaning.names is None else attributes | {"feature_names_in_": meaning.names}

    def __sklearn_tags__(self) -> Any:
        return classifier_tags()

    def _restore(self, state: training.FitState, meaning: Meaning) -> None:
        """Become what `state` and `meaning` say, with two classes' one row of weights to the same bits."""
        coef, intercept = state.coef, state.intercept
        state.fit_intercept = bool(self.fit_intercept)
        state.coef, state.intercept = training.row_per_class(coef, intercept)
        self._publish(state, meaning)
        self.coef_, self.intercept_ = coef, intercept

    def _check_rest(self, rows: np.ndarray, eval_set: Any = None) -> None:
        """Refuse what is wrong with the other parameters, whether this solver looks at them or not."""
        _plan.check_others(self)
        if not isinstance(self.alpha, str):
            _arrays.as_nonnegative(self.alpha, "alpha", _arrays.compute_dtype(rows))
        if self.early_stopping and eval_set is None and self.checkpoint is not None and self.random_state is None:
            raise ValueError(
                "random_state is None while checkpoint is set and early_stopping holds rows out at random; wanted is "
                "an integer, so that the same rows are held out when the fit is gone on with"
            )

    def _check_params(self, classes: np.ndarray) -> None:
        """Refuse parameters that no fit to these classes would take."""
        _plan.settings(self, len(classes))
        _plan.check_others(self)
        row_weights(self.class_weight, classes, np.zeros(0, np.int64), None, np.ones(len(classes)))
        if isinstance(self.random_state, int | np.integer):
            training.as_generator(self.random_state)


def _given_validation(
    eval_set: tuple[Any, Any], classes: np.ndarray, n_features: int, names: np.ndarray | None
) -> training.Validation:
    """The caller's held-out rows, whose features are to be those of the fit."""
    rows, labels, _ = _input.as_training_data(*eval_set, None)
    if len(rows) == 0 or rows.shape[1] != n_features:
        raise ValueError(f"X has shape {np.shape(eval_set[0])}; wanted is rows of {n_features} features")
    held_out = _columns.feature_names(eval_set[0])
    if names is not None and held_out is not None and not np.array_equal(names, held_out):
        raise ValueError("X has columns of other names than in the fit, or in another order; wanted is the same")
    training.check_finite(rows)
    return training.Validation(rows, _labels.encode(labels, None, classes)[1])
