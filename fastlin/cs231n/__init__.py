"""The signatures of Stanford's CS231n, assignment 1, over the compiled core: one import changes, the notebook runs.

The modules bear the course's names, so that ``from cs231n.`` becomes ``from fastlin.cs231n.``. Weights are (D, C), the
bias is their last row and X has a column of ones for it, and the penalty ``reg * sum(W**2)`` takes in the bias.
"""

from __future__ import annotations

from fastlin.cs231n.classifiers import (
    LinearClassifier,
    LinearSVM,
    Softmax,
    softmax_loss_naive,
    softmax_loss_vectorized,
    svm_loss_naive,
    svm_loss_vectorized,
)
from fastlin.cs231n.data_utils import get_CIFAR10_data, load_CIFAR10
from fastlin.cs231n.features import color_histogram_hsv, extract_features, hog_feature, rgb2gray
from fastlin.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    grad_check_sparse,
    rel_error,
)
from fastlin.cs231n.vis_utils import visualize_grid

__all__ = [
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "color_histogram_hsv",
    "eval_numerical_gradient",
    "eval_numerical_gradient_array",
    "extract_features",
    "get_CIFAR10_data",
    "grad_check_sparse",
    "hog_feature",
    "load_CIFAR10",
    "rel_error",
    "rgb2gray",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_loss_naive",
    "svm_loss_vectorized",
    "visualize_grid",
]
