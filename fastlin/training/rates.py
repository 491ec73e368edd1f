"""How large a step is: a learning rate from the data, and its decay.

Gradient descent is stable up to 2/L and makes its surest progress at 1/L, where L is the largest curvature of the loss.
For a linear classifier L splits into the curvature of the loss in the scores, known from its formula, and that of the
data: the largest eigenvalue of the mean of x x^T, with x in the coordinates of the training and a 1 appended for the
bias, found by power iteration on a sample of the rows. So the rate follows the data's scale, and nobody tunes it.
"""

from __future__ import annotations

import numpy as np

from fastlin.training.sample import sample_size, spread_rows, standardized
from fastlin.training.standardize import Standardization

# Rows looked at. The largest eigenvalue is settled by the few leading directions, so few rows tell it to some percent.
_SAMPLE_ROWS = 1024
_POWER_ITERATIONS = 12


def curvature(
    rows: np.ndarray,
    standardization: Standardization | None,
    batch_size: int,
    sample_weight: np.ndarray | None = None,
) -> float:
    """Curvature of the data that a step on `batch_size` rows may meet.

    The mean of x x^T over all N rows has the largest eigenvalue lambda, a single row that of its squared length. B rows
    drawn without replacement lie between, by the expected smoothness of minibatches (Gower et al. 2019):

        (1 - q) lambda + q max |x|^2,    q = (N - B) / (B (N - 1))

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Raw rows, N at least 1.
    standardization : Standardization or None
        Coordinates of the training.
    batch_size : int
        Rows a step.
    sample_weight : ndarray of shape (N,) or None
        Rows are looked at in proportion.

    Returns
    -------
    float
        At least 1, what the bias alone brings.
    """
    n_rows, n_features = rows.shape
    n_sample = sample_size(n_features, _SAMPLE_ROWS)
    picked = spread_rows(n_rows, n_sample, sample_weight)
    if sample_weight is not None:
        n_rows = np.count_nonzero(sample_weight)
    sample = standardized(rows, picked, standardization)
    n_sample = len(sample)

    # einsum and not a matrix product: it calls no BLAS, whose bits may change with its number of threads.
    rng = np.random.Generator(np.random.PCG64(0))
    v = rng.standard_normal((n_features,)).astype(sample.dtype)
    v_bias = sample.dtype.type(1)
    eigenvalue = 0.0
    for _ in range(_POWER_ITERATIONS):
        length = np.sqrt(np.einsum("i,i->", v, v) + v_bias * v_bias)
        u = np.einsum("ij,j->i", sample, v / length) + v_bias / length
        eigenvalue = float(np.einsum("i,i->", u, u, dtype=np.float64)) / n_sample
        v, v_bias = np.einsum("ij,i->j", sample, u), u.sum()

    longest = float(np.einsum("ij,ij->i", sample, sample).max()) + 1.0
    share = max(n_rows - batch_size, 0) / (batch_size * max(n_rows - 1, 1))
    return max((1 - share) * eigenvalue + share * longest, 1.0)


def auto_rate(loss: str, n_classes: int, margin: float, l2: float, data_curvature: float) -> float:
    """The rate 1/L for `loss` and the penalty l2 * sum(W**2), given the curvature of the data.

    L is the curvature of the data times that in the scores, plus the penalty's 2 * l2.

    ============== ========================= =====================================================================
    loss           curvature in the scores   why
    ============== ========================= =====================================================================
    softmax        1/2                       largest eigenvalue of diag(p) - p p^T over all p
    squared_hinge  2 C                       of 2 sum_{j != y} (e_j - e_y)(e_j - e_y)^T, every class violated
    hinge          C / (2 margin)            none where it is linear; its gradient is C times softmax's at zero
                                             weights, and it bends within a margin
    ============== ========================= =====================================================================
    """
    in_scores = {"softmax": 0.5, "squared_hinge": 2.0 * n_classes, "hinge": 0.5 * n_classes / margin}[loss]
    return 1.0 / (in_scores * data_curvature + 2.0 * l2)


def adam_rate(data_curvature: float) -> float:
    """The rate for Adam, given the curvature of the data: 0.3 over it.

    Adam moves each weight by about the rate, whatever the gradient's size. All weights of a class together then move a
    score by up to rate * sum |x|, and the curvature grows with that. It is 3e-4 on the pixels of CIFAR-10 and 3e-2 on
    the digits of scikit-learn, each within a factor of three of the best.
    """
    return 0.3 / data_curvature


def linear_decay(rate: float, first: int, n_steps: int, total: int) -> np.ndarray:
    """Rates of the steps `first` to `first + n_steps - 1` out of `total`: rate * (1 - step / total).

    Examples
    --------
    >>> linear_decay(1.0, 0, 4, 4)
    array([1.  , 0.75, 0.5 , 0.25])
    """
    return rate * (1.0 - np.arange(first, first + n_steps) / total)
