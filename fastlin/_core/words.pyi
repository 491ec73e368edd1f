from typing import Any

import numpy as np

def padded_words(products: str, n_words: int, even: int, odd: int) -> int: ...
def encode(
    images: np.ndarray,
    scale: float,
    geometry: Any,
    model: Any,
    products: str,
    out: np.ndarray,
    first_chunk: int,
    last_chunk: int,
    carried: np.ndarray | None,
    n_threads: int,
) -> None: ...
def assign(rows: np.ndarray, words: np.ndarray, odd: int, out: np.ndarray, n_threads: int) -> None: ...
