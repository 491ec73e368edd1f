"""The NumPy twin of the visual-word encoder: float64, a few lines a step, written to be read. Tests compare with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlin.features._pooling import bins


def encode(images: np.ndarray, model: Any, scale: float = 1.0) -> np.ndarray:
    """Features (N, F) of `images` (N, H, W, channels), float64; `model` as `fastlin.features.visual_words.Model`."""
    return np.stack([_features(image * scale, model) for image in images.astype(np.float64)])


def whitened(image: np.ndarray, model: Any) -> np.ndarray:
    """Whitened patches of one image at each position, (rows, columns, components)."""
    size = model.patch_size
    patches = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    rows, columns = patches.shape[:2]
    x = patches.transpose(0, 1, 3, 4, 2).reshape(rows, columns, -1)
    x = x - x.mean(axis=-1, keepdims=True)
    variance = (x * x).sum(axis=-1, keepdims=True) / max(x.shape[-1] - 1, 1) + model.contrast_eps
    x = x / np.sqrt(np.where(variance > 0.0, variance, np.inf))
    return x @ model.whitening.T.astype(np.float64) + model.bias.astype(np.float64)


def codes(w: np.ndarray, model: Any) -> np.ndarray:
    """Code of each whitened patch, (rows, columns, mirrors, signs, words)."""
    words = model.words.astype(np.float64)
    if model.odd:
        mirrored = words.copy()
        mirrored[:, model.even :] *= -1
        words = np.concatenate([words, mirrored])
    products = w @ words.T
    mirrors = 2 if model.odd else 1
    if model.encoding == "soft":
        sides = np.stack([products - model.threshold, -products - model.threshold])
        code = np.maximum(sides, 0.0).reshape(2, *w.shape[:2], mirrors, -1)
        return code.transpose(1, 2, 3, 0, 4)
    squared = (w * w).sum(axis=-1, keepdims=True) + (words * words).sum(axis=1) - 2.0 * products
    distance = np.sqrt(np.maximum(squared, 0.0))
    if model.encoding == "triangle":
        code = np.maximum(distance.mean(axis=-1, keepdims=True) - distance, 0.0)
    else:
        code = np.eye(len(words))[distance.argmin(axis=-1)]
    return code.reshape(*w.shape[:2], mirrors, 1, -1)


def _features(image: np.ndarray, model: Any) -> np.ndarray:
    code = codes(whitened(image, model), model)
    starts_y, ends_y = bins(code.shape[0], model.pooling[0], overlap=model.overlap)
    starts_x, ends_x = bins(code.shape[1], model.pooling[1], overlap=model.overlap)
    pooled = np.stack(
        [
            [code[y0:y1, x0:x1].sum(axis=(0, 1)) for x0, x1 in zip(starts_x, ends_x, strict=True)]
            for y0, y1 in zip(starts_y, ends_y, strict=True)
        ]
    )  # (bins_y, bins_x, mirrors, signs, words)
    if model.join:
        pooled = pooled[:, :, 0] + pooled[:, ::-1, 1]
    return (pooled**model.power).ravel()
