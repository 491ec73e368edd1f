"""The estimators: `LinearClassifier` and its two kinds, `SoftmaxClassifier` and `SVMClassifier`."""

from fastlin._sklearn import NotFittedError
from fastlin.linear_model._estimators import LinearClassifier, SoftmaxClassifier, SVMClassifier, load_model

__all__ = ["LinearClassifier", "NotFittedError", "SVMClassifier", "SoftmaxClassifier", "load_model"]
