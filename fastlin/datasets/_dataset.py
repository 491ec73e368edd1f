"""What every loader returns, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Layout = Literal["hwc", "chw"]


class DatasetError(ValueError):
    """A file or a name is no data set."""


@dataclass(frozen=True)
class Dataset:
    """Rows with their labels.

    Attributes
    ----------
    name : str
    X_train : ndarray of shape (N, D), or of images
    y_train : ndarray of shape (N,), or None where a file brings no labels
    X_test, y_test : ndarray, or None where there is no test split
    class_names : tuple of str, or None
        What the labels 0, 1, ... mean.
    layout : {"hwc", "chw"} or None
        How images lie: ``"hwc"`` is (N, height, width, channels), a pixel after the other; ``"chw"`` is
        (N, channels, height, width), a colour after the other. None for rows of features.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray | None
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    layout: Layout | None = None

    def __repr__(self) -> str:
        test = "no test split" if self.X_test is None else f"{len(self.X_test)} to test"
        return (
            f"<Dataset {self.name}: {len(self.X_train)} rows of {self.X_train.dtype} {self.X_train.shape[1:]}, {test}>"
        )


def check_layout(layout: str) -> None:
    """Refuse what is no layout."""
    if layout not in ("hwc", "chw"):
        raise ValueError(f"layout is {layout!r}; wanted is 'hwc' or 'chw'")
