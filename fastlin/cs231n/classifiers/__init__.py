"""The linear classifiers of the assignment and their losses."""

from __future__ import annotations

from fastlin.cs231n.classifiers.linear_classifier import LinearClassifier, LinearSVM, Softmax
from fastlin.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from fastlin.cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized

__all__ = [
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_loss_naive",
    "svm_loss_vectorized",
]
