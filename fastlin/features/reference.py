"""The NumPy twins of `hog` and `color_histogram`, written to be read: same names, arguments and results.

They take batches (N, H, W, channels), compute in float64 and check nothing. A cell is a rectangle of pixels, a block
one of cells. Sources: Dalal and Triggs 2005 (HoG), Swain and Ballard 1991 (histograms), Smith 1978 (HSV).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["color_histogram", "hog", "rgb_to_hsv_bins"]


def hog(
    images, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(3, 3), block_norm="L2-Hys", transform_sqrt=False,
    signed=False, interpolate=False,
):  # fmt: skip
    """Histograms of oriented gradients of (N, H, W, channels) images, in float64: (N, D)."""
    images = np.asarray(images, dtype=np.float64)
    magnitude, angle = _gradients(np.sqrt(images) if transform_sqrt else images)
    turn = 2 * np.pi if signed else np.pi
    bins = angle % turn * (orientations / turn)
    # What each pixel gives to each bin, (N, H, W, orientations).
    if interpolate:
        centres = np.arange(orientations) + 0.5
        apart = np.abs(bins[..., None] - centres)
        around = np.minimum(apart, orientations - apart)
        votes = magnitude[..., None] * np.maximum(0, 1 - around)
        if orientations == 1:
            votes = magnitude[..., None]
    else:
        number = np.floor(bins).astype(int) % orientations
        votes = magnitude[..., None] * (number[..., None] == np.arange(orientations))
    down, across = (_shares(images.shape[1 + k], pixels_per_cell[k], interpolate) for k in (0, 1))
    cells = np.einsum("ay,nyxo,bx->nabo", down, votes, across, optimize=True) / np.prod(pixels_per_cell)
    blocks = sliding_window_view(cells, cells_per_block, axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return _normalised(blocks.reshape(*blocks.shape[:3], -1), block_norm).reshape(len(images), -1)


def _gradients(images):
    """Magnitude and angle at each pixel of the channel where the gradient is longest; zero across the border."""
    g_y, g_x = np.zeros_like(images), np.zeros_like(images)
    g_y[:, 1:-1] = images[:, 2:] - images[:, :-2]
    g_x[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    longest = (g_x**2 + g_y**2).argmax(axis=-1)[..., None]
    g_y, g_x = (np.take_along_axis(g, longest, axis=-1)[..., 0] for g in (g_y, g_x))
    return np.hypot(g_x, g_y), np.arctan2(g_y, g_x)


def _shares(n_pixels, per_cell, interpolate):
    """(cells, pixels): what a pixel counts for a cell along one axis; beyond the last whole cell it counts nothing."""
    cells = np.arange(n_pixels // per_cell)[:, None]
    pixels = np.arange(n_pixels)
    if interpolate:
        shares = np.maximum(0, 1 - np.abs((pixels + 0.5) / per_cell - (cells + 0.5)))
    else:
        shares = (pixels // per_cell == cells).astype(float)
    return shares * (pixels < len(cells) * per_cell)


def _normalised(v, norm, epsilon=1e-5, clip=0.2):
    """v / its norm, along the last axis."""

    def l2(v):
        return v / np.sqrt((v**2).sum(axis=-1, keepdims=True) + epsilon**2)

    if norm == "L2":
        return l2(v)
    if norm == "L2-Hys":
        return l2(np.minimum(l2(v), clip))
    v = v / (np.abs(v).sum(axis=-1, keepdims=True) + epsilon)
    return np.sqrt(v) if norm == "L1-sqrt" else v


def color_histogram(images, bins=8, space="rgb", joint=True, grid=(1, 1), norm=None, power=1.0, data_range=None):
    """Histograms of the colours of (N, H, W, channels) images, in float64: (N, D)."""
    images = np.asarray(images)
    low, high = data_range or ((0, 256) if images.dtype == np.uint8 else (0, 1))
    white = 255 if images.dtype == np.uint8 and data_range is None else high
    axes = 3 if space in ("rgb", "hsv") else 1
    bins = (bins,) * axes if np.ndim(bins) == 0 else tuple(bins)
    _, height, width, _ = images.shape
    rows = [k * height // grid[0] for k in range(grid[0] + 1)]
    columns = [k * width // grid[1] for k in range(grid[1] + 1)]
    features = []
    for image in images:
        parts = []
        for y in range(grid[0]):
            for x in range(grid[1]):
                pixels = image[rows[y] : rows[y + 1], columns[x] : columns[x + 1]].reshape(-1, image.shape[-1])
                for counts in _counts(pixels, bins, space, joint, low, high, white):
                    total = {None: 1, "l1": counts.sum(), "l2": np.sqrt((counts**2).sum())}[norm]
                    parts.append((counts / (total or 1)) ** power)
        features.append(np.concatenate(parts))
    return np.array(features).reshape(len(images), -1)


def _counts(pixels, bins, space, joint, low, high, white):
    """One table of counts, or one an axis."""
    if space in ("hsv", "hue"):
        inside = ((pixels >= 0) & (pixels <= white)).all(axis=1)
        numbers = rgb_to_hsv_bins(pixels[inside], bins, white)
        edges = [np.arange(n + 1) - 0.5 for n in bins]
        sample = np.stack(numbers, axis=1)
    else:
        if space == "gray" and pixels.shape[1] == 3:
            exact = pixels.astype(np.int64 if pixels.dtype.kind in "ui" else np.float64)
            pixels, low, high = exact @ np.array([[299], [587], [114]]), 1000 * low, 1000 * high
        edges = [np.linspace(low, high, n + 1) for n in bins]
        sample = pixels
    if joint:
        return [np.histogramdd(sample, edges)[0].ravel()]
    return [np.histogram(sample[:, a], edges[a])[0].astype(float) for a in range(len(bins))]


def rgb_to_hsv_bins(pixels, bins, white):
    """Bins of hue, or of hue, saturation and value, of (n, 3) pixels; whole numbers are divided exactly."""
    rgb = pixels.astype(np.int64 if pixels.dtype.kind in "ui" else np.float64)
    red, green, blue = rgb.T
    largest = rgb.max(axis=1)
    chroma = largest - rgb.min(axis=1)
    hue = np.where(green == largest, 2 * chroma + (blue - red), green - blue)
    hue = np.where(blue == largest, 4 * chroma + (red - green), hue)
    hue = np.where(hue < 0, hue + 6 * chroma, hue)
    fractions = [(hue, 6 * chroma), (chroma, largest), (largest, np.full_like(largest, white))]
    return [
        np.minimum(numerator * n // np.where(denominator > 0, denominator, 1), n - 1)
        for (numerator, denominator), n in zip(fractions, bins, strict=False)
    ]
