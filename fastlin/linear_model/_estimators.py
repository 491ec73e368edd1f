"""Linear classifiers with scikit-learn's protocol, trained straight from stored rows.

The objective, for N rows x with labels y and weights W of a row a class:

    mean over rows of loss(W x' + b, y)  +  alpha * ((1 - l1_ratio) / 2 * ||W||^2 + l1_ratio * ||W||_1)

with x' the standardised row where `standardize` is on (see `fastlin.training.standardize`), else x. The bias is not
penalised. Two classes have one vector w, the second class's weights less the first's, as in scikit-learn, and the
penalty is that of w.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fastlin import model_file
from fastlin.linear_model._fitting import LinearFitting
from fastlin.linear_model._parameters import Average, Loss, Penalty, RandomState, Schedule, Solver, Strength


class LinearClassifier(LinearFitting):
    """A linear classifier: one template a class, scores W x + b, the largest wins.

    Defaults are meant to be left alone: features are standardised without a copy of `X`, and the learning rate comes
    from the data. `X` may be uint8 images (N, H, W, channels) or rows of any real type; it is never copied whole.

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge"}
        "softmax": -log p_y, gives probabilities. "hinge": sum over j != y of max(0, s_j - s_y + margin), the multiclass
        support vector machine of Weston and Watkins. "squared_hinge": the terms of that squared.
    penalty : {"l2", "l1", "elasticnet", None}
        Which norm of the weights is penalised; the zeros of "l1" and "elasticnet" are exact. "lbfgs" finds all of them.
        To find those of a strong penalty, `fit` by minibatches ends with ten steps on all rows at once, which no epoch
        counts (`fastlin.training.settling`); not so after early stopping, a callback or `max_time`, nor where `average`
        is given.
    alpha : "auto" or float
        Strength of the penalty. "auto" has the size of the scores in mind, and falls as rows become many
        (`fastlin.training.strength` has the formula); 1e-4 for "l1" and "elasticnet". A number is taken as it is:
        `fastlin.convert_penalty` turns scikit-learn's `C` and the course's `reg` into it.
    l1_ratio : float in [0, 1]
        Share of the l1 norm in the penalty "elasticnet".
    fit_intercept : bool
        Without, the bias stays 0; standardisation then scales and does not centre.
    margin : float
        By how much the right score should exceed the others; softmax has none.
    solver : {"sgd", "adam", "lbfgs", "auto"}
        "sgd": minibatch gradient descent with momentum. "adam": minibatches with a rate for each weight (Kingma and Ba
        2015). "lbfgs": all rows at once, to the optimum (`fastlin[solvers]`). "auto": "sgd", then "lbfgs" from there
        where that is worth its passes, and not where early stopping, a callback or `max_time` ended it.
    batch_size : int
        Rows a step; all rows where there are fewer.
    learning_rate : str
        Schedule of the rate (`fastlin.training.schedules` has the formulas). "auto": falls linearly to zero at the last
        step. Others: "constant", "invscaling", "optimal", "step", "cosine", "warmup", "one_cycle", "adaptive".
    eta0 : "auto" or float
        Rate of the first step. "auto" is one over the curvature of the loss on the data (`fastlin.training.rates`), and
        up to 16 times that where some rows are far longer than the rest, which "squared_hinge" does not bear. A fit
        that diverges with it begins again with half of it, up to eight times; with a number it ends.
    power_t : float
        Exponent of "invscaling".
    momentum : float in [0, 1)
        Share of the last step's velocity that the next one keeps.
    nesterov : bool
        Look ahead along the velocity; says nothing where momentum is 0.
    max_iter : "auto" or int
        Passes over the rows at most. "auto": 10, or on few rows as many as make 500 steps, and up to 16 times as many
        where some rows are far longer than the rest; 1000 for "lbfgs".
    tol : float or None
        "sgd" and "adam" end when the objective has not fallen by so much for `n_iter_no_change` epochs; None: when
        `max_iter` is reached. "lbfgs" ends when the objective is within this share of its minimum; None: 1e-6.
    early_stopping : bool
        Hold rows out, or take `eval_set` of `fit`, and end when the objective on those has not improved by `tol` for
        `n_iter_no_change` epochs; the best epoch's weights are kept.
    validation_fraction : float in (0, 1)
        Share of the rows held out, of every class alike.
    n_iter_no_change : int
        Epochs without progress that end a fit.
    max_time : float or None
        Seconds after which a fit ends with the weights it has.
    average : "auto", bool or int
        Return the mean of the weights over steps: those of the second half of the last epoch with "auto", all with
        True, those from that many rows on with a number. False: the weights of the last step.
    standardize : bool
        Train on (x - mean) / sd of each feature. The weights are folded back: `coef_` applies to raw rows.
    class_weight : dict, "balanced" or None
        Weight of a row by its label; "balanced" lets all classes count alike.
    shuffle : bool
        Visit the rows in a new random order each epoch, where it has several batches.
    warm_start : bool
        Let `fit` start from the weights of the last fit instead of zero.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Of the shuffling and the held-out rows. The same int gives the same bits at any `n_threads`.
    callbacks : sequence of callables
        Each is called as ``callback(view)`` after every epoch, or step of "lbfgs", with a
        `fastlin.training.TrainingView`; one that returns True ends the fit. For scikit-learn's own see `set_callbacks`.
    checkpoint : path or None
        File to save the state of the fit in, atomically. A fit that finds it there goes on from it, to the bits of a
        fit never interrupted.
    checkpoint_every : int
        Epochs between two checkpoints.
    n_threads : int or None
        See `fastlin.set_num_threads`.
    verbose : int
        1 prints the epochs, with a progress bar on a terminal.

    Attributes
    ----------
    coef_ : ndarray of shape (C, D), or (1, D) for two classes
        Weights on raw rows. They and `intercept_` may be set, as federated learning does: predictions, `partial_fit`
        and `fit` with `warm_start` go by what they are, on a model that was never fitted where `classes_` is set too.
    intercept_ : ndarray of shape (C,) or (1,)
    classes_ : ndarray of shape (C,)
        The labels, sorted.
    n_features_in_ : int
        D.
    feature_names_in_ : ndarray of shape (D,)
        Names of the columns, if it was fitted on a table with names.
    image_shape_ : tuple of int or None
        (H, W, channels) of the images it was fitted on, if it was.
    n_iter_ : int
        Finished epochs, or iterations of "lbfgs".
    t_ : int
        Finished minibatch steps; 0 of "lbfgs".
    alpha_ : float
        The strength of the penalty, as given or as the data had it.
    learning_rate_ : float
        The rate of the first step, halved as often as the fit began again; 0 of "lbfgs", which has none.
    history_ : History
        A column an entry an epoch: `fastlin.training.EpochRecord` says which.
    stop_reason_ : str
        "max_iter", "tol", "early_stopping", "max_time", "callback" or "interrupted"; of "lbfgs" also "precision": the
        type of the rows allows no lower objective.
    best_epoch_ : int or None
        The epoch of the least objective: with `early_stopping` on the held-out rows, and its weights are those kept.
        None of "lbfgs".
    certificate_ : Certificate or None
        How far the optimum is, where "lbfgs" or "auto" worked: `fastlin.training.Certificate`.
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
        self, loss: Loss = "softmax", *, penalty: Penalty = "l2", alpha: Strength = "auto", l1_ratio: float = 0.15,
        fit_intercept: bool = True, margin: float = 1.0, solver: Solver = "sgd", batch_size: int = 256,
        learning_rate: Schedule = "auto", eta0: float | Literal["auto"] = "auto", power_t: float = 0.5,
        momentum: float = 0.9, nesterov: bool = True, max_iter: int | Literal["auto"] = "auto",
        tol: float | None = None, early_stopping: bool = False, validation_fraction: float = 0.1,
        n_iter_no_change: int = 5, max_time: float | None = None, average: Average = "auto",
        standardize: bool = True, class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        shuffle: bool = True, warm_start: bool = False, random_state: RandomState = None,
        callbacks: Sequence[Callable[[Any], Any]] | None = None, checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1, n_threads: int | None = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.margin = margin
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.momentum = momentum
        self.nesterov = nesterov
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.max_time = max_time
        self.average = average
        self.standardize = standardize
        self.class_weight = class_weight
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.n_threads = n_threads
        self.verbose = verbose

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to `path`, atomically, in the format of docs/model_file.md; `load_model` reads it.

        A `random_state` that is a generator is written as None, callbacks are not written. The velocity is not written:
        `partial_fit` on a loaded model starts from rest.
        """
        self._check_fitted()
        model = self._completed()
        model_file.save(model, model._state, path)

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
        self, *, penalty: Penalty = "l2", alpha: Strength = "auto", l1_ratio: float = 0.15,
        fit_intercept: bool = True, solver: Solver = "sgd", batch_size: int = 256,
        learning_rate: Schedule = "auto", eta0: float | Literal["auto"] = "auto", power_t: float = 0.5,
        momentum: float = 0.9, nesterov: bool = True, max_iter: int | Literal["auto"] = "auto",
        tol: float | None = None, early_stopping: bool = False, validation_fraction: float = 0.1,
        n_iter_no_change: int = 5, max_time: float | None = None, average: Average = "auto",
        standardize: bool = True, class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        shuffle: bool = True, warm_start: bool = False, random_state: RandomState = None,
        callbacks: Sequence[Callable[[Any], Any]] | None = None, checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1, n_threads: int | None = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            "softmax", penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept, solver=solver,
            batch_size=batch_size, learning_rate=learning_rate, eta0=eta0, power_t=power_t, momentum=momentum,
            nesterov=nesterov, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, max_time=max_time,
            average=average, standardize=standardize, class_weight=class_weight, shuffle=shuffle,
            warm_start=warm_start, random_state=random_state, callbacks=callbacks, checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, n_threads=n_threads, verbose=verbose,
        )  # fmt: skip


class SVMClassifier(LinearClassifier):
    """Multiclass support vector machine: `LinearClassifier` with loss="hinge" or "squared_hinge". The rest is there.

    Examples
    --------
    >>> SVMClassifier(margin=2.0, random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).predict([[3.0]])
    array([1])
    """

    def __init__(
        self, loss: Literal["hinge", "squared_hinge"] = "hinge", *, penalty: Penalty = "l2", alpha: Strength = "auto",
        l1_ratio: float = 0.15, fit_intercept: bool = True, margin: float = 1.0, solver: Solver = "sgd",
        batch_size: int = 256, learning_rate: Schedule = "auto", eta0: float | Literal["auto"] = "auto",
        power_t: float = 0.5, momentum: float = 0.9, nesterov: bool = True, max_iter: int | Literal["auto"] = "auto",
        tol: float | None = None, early_stopping: bool = False, validation_fraction: float = 0.1,
        n_iter_no_change: int = 5, max_time: float | None = None, average: Average = "auto",
        standardize: bool = True, class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        shuffle: bool = True, warm_start: bool = False, random_state: RandomState = None,
        callbacks: Sequence[Callable[[Any], Any]] | None = None, checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1, n_threads: int | None = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(
            loss, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept, margin=margin,
            solver=solver, batch_size=batch_size, learning_rate=learning_rate, eta0=eta0, power_t=power_t,
            momentum=momentum, nesterov=nesterov, max_iter=max_iter, tol=tol, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, max_time=max_time,
            average=average, standardize=standardize, class_weight=class_weight, shuffle=shuffle,
            warm_start=warm_start, random_state=random_state, callbacks=callbacks, checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, n_threads=n_threads, verbose=verbose,
        )  # fmt: skip


#: The estimators that a model file may hold, by the names it has for them.
MODELS = {cls.__name__: cls for cls in (LinearClassifier, SoftmaxClassifier, SVMClassifier)}


def load_model(path: str | os.PathLike[str]) -> LinearClassifier:
    """The model that `save` wrote to `path`, to the same bits.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    fastlin.model_file.ModelFileError
        A ValueError, when it is not a model file, or is damaged.
    """
    model, state, meaning = model_file.load(path, MODELS)
    model._restore(state, meaning)
    return model
