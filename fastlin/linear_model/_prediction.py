"""What a fitted linear classifier says of rows: scores, labels, probabilities, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin import functional, training
from fastlin._columns import check_feature_names
from fastlin._params import available
from fastlin._sklearn import not_fitted_error
from fastlin.linear_model._input import accuracy, as_rows
from fastlin.linear_model._parameters import LinearParameters


def _check_softmax(model: Any, name: str) -> None:
    if model.loss != "softmax":
        raise AttributeError(
            f"{name} is there for loss='softmax' alone; with loss={model.loss!r} take decision_function"
        )


class LinearPrediction(LinearParameters):
    """Scores W x + b on raw rows, and what follows from them."""

    classes_: np.ndarray
    coef_: np.ndarray
    intercept_: np.ndarray
    n_features_in_: int

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of raw rows.

        Returns
        -------
        ndarray of shape (N, C), or (N,) for two classes
            There the second class's score less the first's. In float32 or float64, as the rows are computed.
        """
        return self._decision(self._rows(X))

    def predict(self, X: Any) -> np.ndarray:
        """The label of the largest score of each row; of equal ones the first.

        Returns
        -------
        ndarray of shape (N,)
        """
        rows = self._rows(X)
        if len(self.classes_) == 2:
            index = (self._decision(rows) > 0).astype(np.intp)
        elif rows.dtype.kind == "f":  # the scores tell of a NaN or an infinity in a row
            index = self._decision(rows).argmax(axis=1)
        else:
            index = functional.predict(rows, self.coef_, self.intercept_, n_threads=self.n_threads)
        return self.classes_[index]

    @available(_check_softmax)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, (N, C): p = exp(s) / sum exp(s). Of a model with the softmax loss only."""
        return functional.softmax(self._score_per_class(X), n_threads=self.n_threads)

    @available(_check_softmax)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities, (N, C), finite where those underflow. Of the softmax loss only."""
        s = self._score_per_class(X)
        s = s - s.max(axis=1, keepdims=True, initial=-np.inf)
        with np.errstate(under="ignore"):  # what is too small to count, whoever has underflows raise
            return s - np.log(np.exp(s).sum(axis=1, keepdims=True))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows whose label is predicted rightly, weighted where weights are given."""
        return accuracy(self.predict(X), y, sample_weight, self.classes_, "rows")

    def _decision(self, rows: np.ndarray) -> np.ndarray:
        scores = functional.scores(rows, self.coef_, self.intercept_, n_threads=self.n_threads)
        if rows.dtype.kind == "f" and not np.isfinite(scores).all():
            training.check_finite(rows)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def _score_per_class(self, X: Any) -> np.ndarray:
        scores = self.decision_function(X)
        # p = 1 / (1 + exp(-d)) of two classes is the softmax of the scores 0 and d.
        return np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores

    def _rows(self, X: Any) -> np.ndarray:
        self._check_fitted()
        check_feature_names(self, X)
        rows = as_rows(X)
        self._check_features(rows)
        return rows

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted_error(f"this {type(self).__name__} is not fitted; call fit first")

    def _check_features(self, rows: np.ndarray) -> None:
        n_features = self.coef_.shape[1]  # there is no n_features_in_ where somebody set the weights
        if rows.shape[1] != n_features:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting {n_features} features as input"
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coef_")
