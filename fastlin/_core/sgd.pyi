import numpy as np

# Weights, velocity or mean gradient, mean square, mean weights.
_Model = tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]

def epoch(
    X: np.ndarray,
    y: np.ndarray,
    weights: _Model,
    bias: _Model | None,
    order: np.ndarray | None,
    batch_size: int,
    rates: np.ndarray,
    momentum: float,
    nesterov: bool,
    beta2: float,
    epsilon: float,
    n_steps: float,
    n_averaged: float,
    l2: float,
    l1: float,
    kind: int,
    power: int,
    margin: float,
    weight: np.ndarray | None,
    shift: np.ndarray | None,
    scale: np.ndarray | None,
    n_threads: int,
    may_look: bool,
    report: np.ndarray,
    losses: np.ndarray | None,
) -> tuple[float, float, int, int]: ...
