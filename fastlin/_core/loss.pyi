import numpy as np

def loss_gradient(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    rows: np.ndarray | None,
    weight: np.ndarray | None,
    shift: np.ndarray | None,
    scale: np.ndarray | None,
    kind: int,
    power: int,
    margin: float,
    l2: float,
    l1: float,
    gradient: bool,
    n_threads: int,
) -> tuple[float, int, int, np.ndarray, np.ndarray | None]: ...
