import numpy as np

def hog(
    images: np.ndarray,
    cell: tuple[int, int],
    block: tuple[int, int],
    orientations: int,
    is_signed: bool,
    interpolate: bool,
    square_root: bool,
    norm: int,
    cotangent: np.ndarray,
    out: np.ndarray,
    n_threads: int,
) -> None: ...
