import numpy as np

def moments(
    X: np.ndarray, weight: np.ndarray | None, mean: np.ndarray, variance: np.ndarray, n_threads: int
) -> None: ...
