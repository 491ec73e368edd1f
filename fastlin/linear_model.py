"""Linear classifiers with scikit-learn's protocol, trained by minibatch gradient descent straight from stored rows.

The objective, for N rows x with labels y and weights W of a row a class:

    mean over rows of loss(W x' + b, y)  +  alpha * ((1 - l1_ratio) / 2 * ||W||^2 + l1_ratio * ||W||_1)

with x' the standardised row where `standardize` is on (see `fastlin.training.standardize`), else x. The bias is not
penalised. Two classes have one vector w, the second class's weights less the first's, as in scikit-learn, and the
penalty is that of w.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from fastlin import _arrays, _labels, functional, model_file, training
from fastlin.training.progress import Progress

__all__ = ["LinearClassifier", "NotFittedError", "SVMClassifier", "SoftmaxClassifier", "load_model"]

LOSSES = ("softmax", "hinge", "squared_hinge")

# "auto" epochs: ten, as the accuracy on CIFAR-10 and Fashion-MNIST is within half a point of its best by then; and on
# few rows as many as make this many steps, where that on scikit-learn's small sets has settled and not yet overfitted.
_EPOCHS = 10
_STEPS = 500

# partial_fit knows no end to decay towards, so its automatic rate falls with the root of the steps taken, from here on.
_PARTIAL_FIT_STEPS = 500


class NotFittedError(ValueError, AttributeError):
    """A model was asked for what only `fit` gives it."""


class LinearClassifier:
    """A linear classifier: one template a class, scores W x + b, the largest wins.

    Defaults are meant to be left alone: features are standardised without a copy of `X`, and the learning rate comes
    from the data. `X` may be uint8 images (N, H, W, channels) or rows of any real type; it is never copied whole.

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge"}
        "softmax": -log p_y, gives probabilities. "hinge": sum over j != y of max(0, s_j - s_y + margin), the multiclass
        support vector machine of Weston and Watkins. "squared_hinge": the terms of that squared.
    alpha : float
        Strength of the penalty.
    l1_ratio : float in [0, 1]
        Share of the l1 norm in the penalty; its zeros are exact.
    margin : float
        By how much the right score should exceed the others; softmax has none.
    batch_size : int
        Rows a step; all rows where there are fewer.
    learning_rate : "auto" or float
        Rate of the first step; falls linearly to zero at the last. "auto" is one over the curvature of the loss on the
        data (`fastlin.training.rates`).
    momentum : float in [0, 1)
        Share of the last step's velocity that the next one keeps.
    nesterov : bool
        Look ahead along the velocity; says nothing where momentum is 0.
    max_epochs : "auto" or int
        Passes over the rows. "auto": 10, or on few rows as many as make 500 steps.
    standardize : bool
        Train on (x - mean) / sd of each feature. The weights are folded back: `coef_` applies to raw rows.
    shuffle : bool
        Visit the rows in a new random order each epoch.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Of the shuffling. The same int gives the same bits at any `n_threads`.
    n_threads : int or None
        See `fastlin.set_num_threads`.
    verbose : int
        1 prints the epochs, with a progress bar on a terminal.

    Attributes
    ----------
    coef_ : ndarray of shape (C, D), or (1, D) for two classes
        Weights on raw rows.
    intercept_ : ndarray of shape (C,) or (1,)
    classes_ : ndarray of shape (C,)
        The labels, sorted.
    n_features_in_ : int
        D.
    image_shape_ : tuple of int or None
        (H, W, channels) of the images it was fitted on, if it was.
    n_iter_ : int
        Finished epochs.
    t_ : int
        Finished steps.
    learning_rate_ : float
        The rate of the first step.
    history_ : History
        A column an entry an epoch: loss, penalty, accuracy, rate, seconds, rows_per_second.
    shift_, scale_ : ndarray of shape (D,), or None without standardisation
        Of x' = (x - shift) * scale.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 255], [255, 0], [255, 255]], dtype=np.uint8)
    >>> model = LinearClassifier(random_state=0).fit(X, ["dark", "grey", "grey", "light"])
    >>> model.predict(X[[0, 3]]).tolist()
    ['dark', 'light']
    """

    def __init__(
        self, loss="softmax", *, alpha=1e-4, l1_ratio=0.0, margin=1.0, batch_size=256, learning_rate="auto",
        momentum=0.9, nesterov=True, max_epochs="auto", standardize=True, shuffle=True, random_state=None,
        n_threads=None, verbose=0,
    ):  # fmt: skip
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.margin = margin
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.max_epochs = max_epochs
        self.standardize = standardize
        self.shuffle = shuffle
        self.random_state = random_state
        self.n_threads = n_threads
        self.verbose = verbose

    # Fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to the rows of `X` with the labels `y`, from zero weights.

        Parameters
        ----------
        X : array of shape (N, D) or (N, H, W, channels)
            Any real type; read where it lies.
        y : array of shape (N,)
            Labels: integers, strings, booleans.
        sample_weight : array of shape (N,), optional
            A row of weight zero is as if not there.

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
        rows, labels, weight = _checked(X, y, sample_weight)
        if len(rows) == 0:
            raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one row")
        _check_any_weight(weight)
        classes, index = _labels.encode(labels, weight)
        n_rows = len(rows) if weight is None else int(np.count_nonzero(weight))
        settings = self._settings(len(classes))
        steps_per_epoch = -(-n_rows // min(settings.batch_size, n_rows))
        n_epochs = self._n_epochs(steps_per_epoch)

        state = training.FitState.fresh(
            len(classes), rows.shape[1], _arrays.compute_dtype(rows), training.as_generator(self.random_state)
        )
        state.observe(rows, weight, standardize=self.standardize, n_threads=self.n_threads)
        rate = self._given_rate() or state.auto_rate(rows, weight, settings)
        rates = partial(training.linear_decay, rate, total=n_epochs * steps_per_epoch)
        self._run(state, classes, _image_shape(X), rows, index, weight, settings, rates, n_epochs)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch over the rows of `X`, from the weights the model has; from zero the first time.

        The standardisation is that of all rows seen so far. The rate does not decay to zero, as no end is known: a
        given `learning_rate` stays, an automatic one falls as 1 / sqrt(1 + steps / 500).

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. No rows, or none of positive weight, change nothing.
        classes : array of labels
            All there will be: wanted in the first call; a later one must agree with it or leave it out.

        Returns
        -------
        self
        """
        rows, labels, weight = _checked(X, y, sample_weight)
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("classes is None in the first call of partial_fit; wanted is all labels there will be")
        known = _labels.as_classes(classes) if first else self.classes_
        if not first and classes is not None and not np.array_equal(_labels.as_classes(classes), known):
            raise ValueError("classes differs from that of the first call; wanted is the same, or none")
        _, index = _labels.encode(labels, weight, known)
        settings = self._settings(len(known))
        given = self._given_rate()
        if first:
            state = training.FitState.fresh(
                len(known), rows.shape[1], _arrays.compute_dtype(rows), training.as_generator(self.random_state)
            )
        else:
            self._check_features(rows)
            coef, intercept = training.row_per_class(self.coef_, self.intercept_)
            state = replace(self._state, coef=coef, intercept=intercept)
        if len(rows) == 0 or (weight is not None and not weight.any()):
            self._publish(state, known, _image_shape(X))
            return self
        state.observe(rows, weight, standardize=self.standardize, n_threads=self.n_threads)
        rate = given or state.auto_rate(rows, weight, settings)
        begun = state.n_steps

        def rates(first_step: int, n_steps: int) -> np.ndarray:
            if given:
                return np.full(n_steps, rate)
            return rate / np.sqrt(1.0 + (begun + first_step + np.arange(n_steps)) / _PARTIAL_FIT_STEPS)

        self._run(state, known, _image_shape(X), rows, index, weight, settings, rates, 1)
        return self

    def _run(self, state, classes, image_shape, rows, index, weight, settings, rates, n_epochs):
        """Let `state` run and publish what it has become, after Ctrl-C too, but not after an error."""
        n_rows = len(rows) if weight is None else np.count_nonzero(weight)
        with Progress(n_epochs, n_rows) if self.verbose else nullcontext() as reporter:
            try:
                state.run(
                    rows, index, settings, rates=rates, n_epochs=n_epochs, sample_weight=weight, reporter=reporter
                )
            except KeyboardInterrupt:
                self._publish(state, classes, image_shape)
                raise
        self._publish(state, classes, image_shape)

    def _publish(self, state: training.FitState, classes: np.ndarray, image_shape: tuple[int, ...] | None) -> None:
        self._state = state
        self.classes_ = classes
        self.coef_, self.intercept_ = state.coef, state.intercept
        if len(classes) == 2:
            self.coef_, self.intercept_ = training.row_for_two(state.coef, state.intercept)
        self.n_features_in_ = state.coef.shape[1]
        self.image_shape_ = image_shape
        self.history_ = state.history
        self.n_iter_ = state.history.n_epochs
        self.t_ = state.n_steps
        self.learning_rate_ = state.rate
        standardization = state.standardization
        self.shift_ = None if standardization is None else standardization.shift
        self.scale_ = None if standardization is None else standardization.scale

    # Predicting

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of raw rows.

        Returns
        -------
        ndarray of shape (N, C), or (N,) for two classes
            There the second class's score less the first's. In float32 or float64, as the rows are computed.
        """
        rows = self._rows(X)
        scores = functional.scores(rows, self.coef_, self.intercept_, n_threads=self.n_threads)
        if rows.dtype.kind == "f" and not np.isfinite(scores).all():
            training.check_finite(rows)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The label of the largest score of each row; of equal ones the first.

        Returns
        -------
        ndarray of shape (N,)
        """
        rows = self._rows(X)
        if len(self.classes_) == 2:
            index = (self.decision_function(rows) > 0).astype(np.intp)
        elif rows.dtype.kind == "f":  # the scores tell of a NaN or an infinity in a row
            index = self.decision_function(rows).argmax(axis=1)
        else:
            index = functional.predict(rows, self.coef_, self.intercept_, n_threads=self.n_threads)
        return self.classes_[index]

    @property
    def predict_proba(self) -> Callable[[Any], np.ndarray]:
        """Function of `X`: probabilities of the classes, (N, C), p = exp(s) / sum exp(s). Softmax only."""
        self._check_softmax("predict_proba")
        return self._predict_proba

    @property
    def predict_log_proba(self) -> Callable[[Any], np.ndarray]:
        """Function of `X`: logarithms of the probabilities, (N, C), finite where those underflow. Softmax only."""
        self._check_softmax("predict_log_proba")
        return self._predict_log_proba

    def _predict_proba(self, X: Any) -> np.ndarray:
        return functional.softmax(self._score_per_class(X), n_threads=self.n_threads)

    def _predict_log_proba(self, X: Any) -> np.ndarray:
        s = self._score_per_class(X)
        s = s - s.max(axis=1, keepdims=True, initial=-np.inf)
        return s - np.log(np.exp(s).sum(axis=1, keepdims=True))

    def _score_per_class(self, X: Any) -> np.ndarray:
        scores = self.decision_function(X)
        # p = 1 / (1 + exp(-d)) of two classes is the softmax of the scores 0 and d.
        return np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows whose label is predicted rightly, weighted where weights are given."""
        predicted = self.predict(X)
        labels = _labels.as_label_array(y, len(predicted))
        weight = _arrays.as_sample_weight(sample_weight, len(predicted))
        if len(predicted) == 0:
            raise ValueError("X has no rows; wanted is at least one to score")
        _check_any_weight(weight)
        return float(np.average(predicted == labels, weights=weight))

    # Parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters of the constructor by name. `deep` is there for scikit-learn; there is nothing below."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor by name; an unknown one is refused before any is set."""
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(f"{name!r} is no parameter of {type(self).__name__}; there are {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def _settings(self, n_classes: int) -> training.Settings:
        """The parameters, checked: in `fit` and not before, as scikit-learn's search sets them one by one."""
        alpha = _arrays.as_nonnegative(self.alpha, "alpha")
        l1_ratio = _arrays.as_nonnegative(self.l1_ratio, "l1_ratio")
        if l1_ratio > 1:
            raise ValueError(f"l1_ratio is {self.l1_ratio!r}; wanted is a number from 0 to 1")
        _arrays.as_thread_count(self.n_threads)
        momentum = _arrays.as_momentum(self.momentum, False)
        # Two classes: W holds -w/2 and w/2, whose squares sum to half of w's, and whose absolute values to just w's.
        squares = 1.0 if n_classes == 2 else 0.5
        return training.Settings(
            loss=_arrays.as_choice(self.loss, "loss", LOSSES),
            margin=_arrays.as_positive(self.margin, "margin"),
            l2=alpha * (1 - l1_ratio) * squares,
            l1=alpha * l1_ratio,
            batch_size=_arrays.as_count(self.batch_size, "batch_size"),
            momentum=momentum,
            nesterov=bool(self.nesterov) and momentum > 0,
            shuffle=bool(self.shuffle),
            n_threads=self.n_threads,
        )

    def _given_rate(self) -> float | None:
        if isinstance(self.learning_rate, str):
            _arrays.as_choice(self.learning_rate, "learning_rate", ("auto",))
            return None
        return _arrays.as_positive(self.learning_rate, "learning_rate")

    def _n_epochs(self, steps_per_epoch: int) -> int:
        if isinstance(self.max_epochs, str):
            _arrays.as_choice(self.max_epochs, "max_epochs", ("auto",))
            return max(_EPOCHS, -(-_STEPS // steps_per_epoch))
        return _arrays.as_count(self.max_epochs, "max_epochs")

    def _check_softmax(self, name: str) -> None:
        if self.loss != "softmax":
            raise AttributeError(
                f"{name} is there for loss='softmax' alone; with loss={self.loss!r} take decision_function"
            )

    def _rows(self, X: Any) -> np.ndarray:
        self._check_fitted()
        rows = _arrays.as_rows(X)
        self._check_features(rows)
        return rows

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first")

    def _check_features(self, rows: np.ndarray) -> None:
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {rows.shape[1]} features; wanted is {self.n_features_in_}, as in the fit")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to `path`, atomically, in the format of docs/model_file.md; `load_model` reads it.

        A `random_state` that is a generator is written as None. The velocity is not written: `partial_fit` on a loaded
        model starts from rest.
        """
        self._check_fitted()
        model_file.save(self, self._state, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LinearClassifier:
        """Read back what `save` wrote, to the same bits; a model of another class is refused."""
        model = load_model(path)
        if not isinstance(model, cls):
            raise TypeError(f"{os.fspath(path)!r} holds a {type(model).__name__}; wanted is a {cls.__name__}")
        return model


class SoftmaxClassifier(LinearClassifier):
    """Multinomial logistic regression: `LinearClassifier` with loss="softmax". The rest is there.

    Examples
    --------
    >>> model = SoftmaxClassifier(random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> model.predict_proba([[3.0]]).argmax()
    np.int64(1)
    """

    def __init__(
        self, *, alpha=1e-4, l1_ratio=0.0, batch_size=256, learning_rate="auto", momentum=0.9, nesterov=True,
        max_epochs="auto", standardize=True, shuffle=True, random_state=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            "softmax", alpha=alpha, l1_ratio=l1_ratio, batch_size=batch_size, learning_rate=learning_rate,
            momentum=momentum, nesterov=nesterov, max_epochs=max_epochs, standardize=standardize, shuffle=shuffle,
            random_state=random_state, n_threads=n_threads, verbose=verbose,
        )  # fmt: skip


class SVMClassifier(LinearClassifier):
    """Multiclass support vector machine: `LinearClassifier` with loss="hinge" or "squared_hinge". The rest is there.

    Examples
    --------
    >>> SVMClassifier(margin=2.0, random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).predict([[3.0]])
    array([1])
    """

    def __init__(
        self, loss="hinge", *, alpha=1e-4, l1_ratio=0.0, margin=1.0, batch_size=256, learning_rate="auto", momentum=0.9,
        nesterov=True, max_epochs="auto", standardize=True, shuffle=True, random_state=None, n_threads=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            loss, alpha=alpha, l1_ratio=l1_ratio, margin=margin, batch_size=batch_size, learning_rate=learning_rate,
            momentum=momentum, nesterov=nesterov, max_epochs=max_epochs, standardize=standardize, shuffle=shuffle,
            random_state=random_state, n_threads=n_threads, verbose=verbose,
        )  # fmt: skip


def load_model(path: str | os.PathLike[str]) -> LinearClassifier:
    """The model that `save` wrote to `path`, to the same bits.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    fastlin.model_file.ModelFileError
        A ValueError, when it is not a model file, or is damaged.
    """
    classes = {cls.__name__: cls for cls in (LinearClassifier, SoftmaxClassifier, SVMClassifier)}
    model, state, labels, image_shape = model_file.load(path, classes)
    coef, intercept = state.coef, state.intercept
    state.coef, state.intercept = training.row_per_class(coef, intercept)
    model._publish(state, labels, image_shape)
    model.coef_, model.intercept_ = coef, intercept
    return model


def _checked(X: Any, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Rows, labels and weights of a fit."""
    if y is None:
        raise ValueError("y is None; wanted is one label a row of X")
    rows = _arrays.as_rows(X)
    return rows, _labels.as_label_array(y, len(rows)), _arrays.as_sample_weight(sample_weight, len(rows))


def _check_any_weight(weight: np.ndarray | None) -> None:
    if weight is not None and not weight.any():
        raise ValueError("sample_weight is zero for every row; wanted is at least one row of positive weight")


def _image_shape(X: Any) -> tuple[int, ...] | None:
    shape = np.shape(X)
    return tuple(shape[1:]) if len(shape) == 4 else None
