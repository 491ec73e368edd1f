"""To and from the fitted linear classifiers of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin.formats._model import fitted, weights_of
from fastlin.linear_model import LinearClassifier, SoftmaxClassifier, SVMClassifier

# By the names of their classes, so that nothing is imported to look at an estimator. Others may have a coef_ too, but
# with another meaning: the rows of SVC's are those of pairs of classes.
_ESTIMATORS = (
    "LogisticRegression", "SGDClassifier", "LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron",
    "PassiveAggressiveClassifier", "LinearDiscriminantAnalysis", "MLPClassifier",
)  # fmt: skip
_SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler")


def from_sklearn(estimator: Any) -> SoftmaxClassifier | SVMClassifier:
    """A fitted model with the scores of a fitted linear classifier of scikit-learn.

    Parameters
    ----------
    estimator : object
        A fitted LogisticRegression (also the CV one), SGDClassifier, LinearSVC, RidgeClassifier (also CV), Perceptron,
        PassiveAggressiveClassifier, LinearDiscriminantAnalysis, or MLPClassifier with hidden_layer_sizes=(). Or a
        Pipeline that ends in one of these after StandardScaler, MinMaxScaler or MaxAbsScaler, which are folded into the
        weights: the model takes the raw rows.

    Returns
    -------
    SoftmaxClassifier or SVMClassifier
        `decision_function`, `classes_` and `predict` are the estimator's, up to rounding, on float64 rows in float64.
        A SoftmaxClassifier where its `predict_proba` is too; where the estimator has none, or (SGDClassifier and
        liblinear, of three and more classes) another one than the softmax, an SVMClassifier. Only the weights come
        over: the parameters are the defaults, but for the loss of LinearSVC and SGDClassifier, where it is a hinge.

    Raises
    ------
    TypeError
        For an estimator that is none of these, or a pipeline with another step.
    ValueError
        For one that is not fitted, or to several labels a row.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> theirs = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"])
    >>> from_sklearn(theirs).predict([[2.5]]).tolist()
    ['high']
    """
    scalers, last = _steps(estimator)
    kind = next((name for name in _names(last) if name in _ESTIMATORS), None)
    if kind is None:
        raise TypeError(f"estimator is a {type(last).__name__}; wanted is one of {', '.join(_ESTIMATORS)}")
    coef, intercept = _weights(last, kind)
    classes = last.classes_
    # Of several labels a row coef_ has the same shape, and each row of it decides for itself.
    if getattr(getattr(last, "_label_binarizer", None), "y_type_", "").startswith("multilabel"):
        raise ValueError(f"the {kind} is fitted to several labels a row; wanted is one")
    for scaler in reversed(scalers):
        coef, intercept = _folded(scaler, coef, intercept)
    model: SoftmaxClassifier | SVMClassifier
    if _has_softmax(last, kind, len(classes)):
        model = SoftmaxClassifier()
    else:
        squared = kind.startswith("Ridge") or getattr(last, "loss", None) == "squared_hinge"
        model = SVMClassifier("squared_hinge" if squared else "hinge")
    return fitted(model, coef, intercept, classes, ("coef_", "intercept_"))


def _names(estimator: Any) -> list[str]:
    return [cls.__name__ for cls in type(estimator).__mro__]


def _steps(estimator: Any) -> tuple[list[Any], Any]:
    """The scalers of a pipeline, and what it ends in."""
    if "Pipeline" not in _names(estimator):
        return [], estimator
    *before, (_, last) = estimator.steps
    scalers = [step for _, step in before if step is not None and step != "passthrough"]
    for scaler in scalers:
        if not any(name in _SCALERS for name in _names(scaler)) or getattr(scaler, "clip", False):
            raise TypeError(f"the pipeline has the step {scaler!r}; wanted is {', '.join(_SCALERS)}, without clip")
    return scalers, last


def _weights(estimator: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    if not hasattr(estimator, "classes_"):
        raise ValueError(f"the {kind} is not fitted; call fit first")
    if kind == "MLPClassifier":
        if len(estimator.coefs_) != 1:
            raise ValueError(
                f"the MLPClassifier has hidden_layer_sizes={estimator.hidden_layer_sizes!r}; wanted is (): others are "
                "not linear"
            )
        return estimator.coefs_[0].T, estimator.intercepts_[0]
    coef = estimator.coef_
    coef = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef)  # after sparsify()
    # Without an intercept some have the number 0.0.
    return coef, np.broadcast_to(estimator.intercept_, (len(coef),))


def _folded(scaler: Any, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights on scaled rows turned into weights on the rows before, in float64: x' = x * scale + offset."""
    if not hasattr(scaler, "n_features_in_"):
        raise ValueError(f"the {type(scaler).__name__} of the pipeline is not fitted; call fit first")
    coef = coef.astype(np.float64)
    if "MinMaxScaler" in _names(scaler):
        return coef * scaler.scale_, intercept + (coef * scaler.min_).sum(axis=1)
    if scaler.scale_ is not None:
        coef = coef / scaler.scale_
    mean = getattr(scaler, "mean_", None) if getattr(scaler, "with_mean", False) else None
    return coef, intercept if mean is None else intercept - (coef * mean).sum(axis=1)


def _has_softmax(estimator: Any, kind: str, n_classes: int) -> bool:
    """Whether its probabilities are the softmax of its scores, of two classes of 0 and the score."""
    if kind in ("LinearDiscriminantAnalysis", "MLPClassifier"):
        return True
    if kind == "SGDClassifier":
        return estimator.loss == "log_loss" and n_classes == 2
    if kind != "LogisticRegression":
        return False
    # Up to scikit-learn 1.7 there was multi_class: "ovr" has logistic functions, "multinomial" doubles a score of two.
    if n_classes == 2:
        return getattr(estimator, "multi_class", "auto") != "multinomial"
    return estimator.solver != "liblinear" and getattr(estimator, "multi_class", "auto") != "ovr"


def to_sklearn(model: LinearClassifier) -> Any:
    """A fitted estimator of scikit-learn with the scores of a fitted model.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.

    Returns
    -------
    sklearn.linear_model.LogisticRegression or sklearn.svm.LinearSVC
        The first for softmax, with the same probabilities; the second for the hinge losses. `decision_function` and
        `predict` are the model's, up to rounding, on rows (N, D): images want X.reshape(len(X), -1). Only the weights
        go over: the parameters are scikit-learn's defaults, and `fit` would start anew.

    Raises
    ------
    ImportError
        Without scikit-learn.

    Examples
    --------
    >>> from fastlin import SoftmaxClassifier
    >>> model = SoftmaxClassifier(random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> to_sklearn(model).predict([[3.0]])
    array([1])
    """
    coef, intercept, classes = weights_of(model)
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise ImportError("to_sklearn needs scikit-learn: pip install 'fastlin[sklearn]'") from error
    estimator: Any = LogisticRegression() if model.loss == "softmax" else LinearSVC(loss=model.loss)
    estimator.classes_ = classes.copy()
    estimator.coef_ = coef.copy()
    estimator.intercept_ = intercept.copy()
    estimator.n_features_in_ = coef.shape[1]
    n_iter = model._completed().n_iter_
    estimator.n_iter_ = np.array([n_iter], np.int32) if model.loss == "softmax" else n_iter
    return estimator
