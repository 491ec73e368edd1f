"""How large the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin import _arrays
from fastlin.plotting import _images
from fastlin.plotting._figure import COLOURS, on_axes
from fastlin.plotting._images import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def weight_histogram(
    model: Any, *, bins: int = 61, weights: Weights = "standardized", ax: Axes | None = None
) -> Figure:
    """Draw how many weights there are of each size, all classes together, and how many are exactly zero.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.
    bins : int
        Between the negative and the positive of the largest absolute weight; an odd number has one around zero.
    weights : {"standardized", "raw"}
        As of `fastlin.plotting.template_images`.
    ax : matplotlib axes, optional
        To draw on; default: those of a new figure.

    Returns
    -------
    matplotlib.figure.Figure
    """
    bins = _arrays.as_count(bins, "bins")
    W = _images.class_weights(model, weights)
    limit = float(np.abs(W).max()) or 1.0
    counts, edges = np.histogram(W, bins=bins, range=(-limit, limit))
    figure, ax = on_axes(ax, 4.2, 2.8)
    ax.stairs(counts, edges, fill=True, color=COLOURS[0])
    ax.set_yscale("symlog", linthresh=1)  # a few large weights are seen beside thousands of small ones
    ax.set_ylim(bottom=0)
    ax.set_xlim(-limit, limit)
    zeros = np.count_nonzero(W == 0)
    ax.set_title(f"{W.size:,} weights, {zeros / W.size:.1%} exactly zero", fontsize=10)
    ax.set_xlabel("weight" if weights == "raw" else "weight by a standard deviation of the feature", fontsize=9)
    ax.set_ylabel("how many", fontsize=9)
    ax.tick_params(labelsize=8)
    return figure
