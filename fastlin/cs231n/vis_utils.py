"""Many images in one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlin import _arrays


def visualize_grid(Xs: ArrayLike, ubound: float = 255.0, padding: int = 1) -> NDArray[np.float64]:
    """Lay images out in a square grid, each stretched from its least to its largest number over 0 to `ubound`.

    Parameters
    ----------
    Xs : array_like of shape (N, H, W, channels)
        Images.
    ubound : float
        > 0: the largest number of the result.
    padding : int
        Pixels of 0 between images.

    Returns
    -------
    ndarray of shape (n * H + (n - 1) * padding, n * W + (n - 1) * padding, channels), float64
        With ``n = ceil(sqrt(N))``; row by row, and 0 where no image is left. An image of one number only is 0.

    Raises
    ------
    ValueError, TypeError
        For images of another shape or dtype, a padding below 0, or a bound that is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> visualize_grid(np.arange(12.0).reshape(3, 2, 2, 1))[:, :, 0]
    array([[  0.,  85.,   0.,   0.,  85.],
           [170., 255.,   0., 170., 255.],
           [  0.,   0.,   0.,   0.,   0.],
           [  0.,  85.,   0.,   0.,   0.],
           [170., 255.,   0.,   0.,   0.]])
    """
    images = _arrays.as_array(Xs, "Xs")
    if images.ndim != 4 or images.size == 0:
        raise ValueError(f"Xs has shape {images.shape}; wanted is (n_images, height, width, channels)")
    if images.dtype.kind not in "fiub":
        raise TypeError(f"Xs has dtype {images.dtype}; wanted is real numbers")
    images = images.astype(np.float64)
    ubound = _arrays.as_positive(ubound, "ubound")
    padding = _arrays.as_step_count(padding, "padding")
    n_images, height, width, channels = images.shape
    side = math.ceil(math.sqrt(n_images))
    grid = np.zeros((side * (height + padding) - padding, side * (width + padding) - padding, channels))
    for k, image in enumerate(images):
        top, left = (k // side) * (height + padding), (k % side) * (width + padding)
        low, high = image.min(), image.max()
        if high > low:
            grid[top : top + height, left : left + width] = ubound * (image - low) / (high - low)
    return grid
