"""The class of each row: fastlin, the NumPy twin, torch, scikit-learn."""

from __future__ import annotations

from cases import PREDICT_CASES
from timed import run

CASES = PREDICT_CASES


def test_predict(benchmark, limited, case, implementation, n_threads):
    run(benchmark, case, implementation, n_threads)
