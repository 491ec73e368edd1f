import numpy as np

def epoch(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    b: np.ndarray | None,
    order: np.ndarray | None,
    batch_size: int,
    rates: np.ndarray,
    momentum: float,
    nesterov: bool,
    v_W: np.ndarray | None,
    v_b: np.ndarray | None,
    l2: float,
    l1: float,
    kind: int,
    power: int,
    margin: float,
    weight: np.ndarray | None,
    shift: np.ndarray | None,
    scale: np.ndarray | None,
    n_threads: int,
) -> tuple[float, float, int, int]: ...
