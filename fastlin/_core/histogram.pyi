import numpy as np

def histogram(
    images: np.ndarray,
    space: int,
    joint: bool,
    bins: tuple[int, ...],
    grid: tuple[int, int],
    norm: int,
    power: float,
    low: float,
    high: float,
    white: float,
    edges: tuple[np.ndarray, ...],
    places: tuple[np.ndarray, ...],
    out: np.ndarray,
    n_threads: int,
) -> bool: ...
