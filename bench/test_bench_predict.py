"""The class of each row: fastlin, the NumPy twin, torch, scikit-learn."""

from __future__ import annotations

from timed import run

from fastlin.benchmark.cases import PREDICT_CASES

CASES = PREDICT_CASES


def test_predict(benchmark, limited, case, implementation, n_threads):
    run(benchmark, case, implementation, n_threads)
