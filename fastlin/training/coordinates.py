"""Coordinates in which the objective is nearly round, and the vectors a solver moves in.

`Whitened` has the curvature of the features and their correlations taken out, by the Cholesky factor of the Gram
matrix; `Scaled` that of each feature alone. A solver's vector holds the weights in such coordinates, then the
intercepts; with an l1 penalty (`split`) the positive and the negative parts of the weights, each bounded below by zero,
so that zeros are exact and the penalty is linear.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fastlin.training._extras import need


class Coordinates(Protocol):
    """V for W, a row a class: linear and one-to-one."""

    def inward(self, W: np.ndarray) -> np.ndarray:
        """V of `W`."""

    def outward(self, V: np.ndarray) -> np.ndarray:
        """W of `V`."""

    def gradient(self, dW: np.ndarray) -> np.ndarray:
        """Gradient by V, from that by W."""


class Whitened:
    """V = W L, for the lower factor L of L L^T = c G + 2 l2 I; `flattest` is the least curvature, where it is not 1."""

    def __init__(self, factor: np.ndarray, flattest: float = 1.0) -> None:
        self._factor = factor
        self.flattest = flattest
        self._solve = need("scipy.linalg").solve_triangular

    def inward(self, W: np.ndarray) -> np.ndarray:
        """V of `W`."""
        return (W.astype(self._factor.dtype) @ self._factor).astype(np.float64)

    def outward(self, V: np.ndarray) -> np.ndarray:
        """W of `V`."""
        return self._by_factor(V, "T")

    def gradient(self, dW: np.ndarray) -> np.ndarray:
        """Gradient by V, from that by W."""
        return self._by_factor(dW, "N")

    def _by_factor(self, rows: np.ndarray, trans: str) -> np.ndarray:
        right = np.array(rows.T, dtype=self._factor.dtype, order="F")
        solved = self._solve(self._factor, right, lower=True, trans=trans, overwrite_b=True, check_finite=False)
        return np.ascontiguousarray(solved.T, dtype=np.float64)


class Scaled:
    """V = W * spread, a number a feature."""

    def __init__(self, spread: np.ndarray) -> None:
        self._spread = np.where(spread > 0, spread, 1.0)

    def inward(self, W: np.ndarray) -> np.ndarray:
        """V of `W`."""
        return W * self._spread

    def outward(self, V: np.ndarray) -> np.ndarray:
        """W of `V`."""
        return V / self._spread

    def gradient(self, dW: np.ndarray) -> np.ndarray:
        """Gradient by V, from that by W."""
        return dW / self._spread


class Packing:
    """Weights (C, D) and intercepts (C,) as one vector in `coordinates`."""

    def __init__(
        self, shape: tuple[int, int], coordinates: Coordinates, intercept_spread: float, *, split: bool
    ) -> None:
        self._shape = shape
        self._coordinates = coordinates
        self._intercept_spread = intercept_spread
        self.split = split
        self.whitened = isinstance(coordinates, Whitened)
        # The least curvature of the objective by the vector, about.
        self.flattest = coordinates.flattest if isinstance(coordinates, Whitened) else 1.0

    def pack(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The vector of these weights."""
        V = self._coordinates.inward(W).ravel()
        parts = (np.maximum(V, 0.0), np.maximum(-V, 0.0)) if self.split else (V,)
        return np.concatenate([*parts, b * self._intercept_spread])

    def unpack(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weights of this vector."""
        n = self._shape[0] * self._shape[1]
        V = vector[:n] - vector[n : 2 * n] if self.split else vector[:n]
        b = vector[2 * n :] if self.split else vector[n:]
        return self._coordinates.outward(V.reshape(self._shape)), b / self._intercept_spread

    def gradient(self, dW: np.ndarray, db: np.ndarray, l1: float) -> np.ndarray:
        """Gradient by the vector: dW without the l1 penalty's part, which is linear in the split vector."""
        dV = self._coordinates.gradient(dW).ravel()
        db = db / self._intercept_spread
        if not self.split:
            return np.concatenate([dV, db])
        by_l1 = self._coordinates.gradient(np.full(self._shape, l1)).ravel()
        return np.concatenate([dV + by_l1, by_l1 - dV, db])

    def bounds(self) -> list[tuple[float | None, float | None]] | None:
        """Of each entry of the vector, as SciPy takes them."""
        if not self.split:
            return None
        C, D = self._shape
        return [(0.0, None)] * (2 * C * D) + [(None, None)] * C
