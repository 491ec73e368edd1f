import numpy as np

def step(
    parameter: np.ndarray,
    gradient: np.ndarray,
    velocity: np.ndarray | None,
    lr: float,
    momentum: float,
    nesterov: bool,
    l1: float,
) -> None: ...
def penalty(W: np.ndarray, l2: float, l1: float) -> float: ...
