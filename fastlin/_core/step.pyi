import numpy as np

def step(
    arrays: tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None],
    gradient: np.ndarray,
    lr: float,
    momentum: float,
    nesterov: bool,
    beta2: float,
    epsilon: float,
    n_steps: float,
    l1: float,
) -> None: ...
