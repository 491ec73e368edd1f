"""An epoch of minibatches from float32 and from uint8 storage: fastlin, the NumPy twin, torch, scikit-learn."""

from __future__ import annotations

from timed import run

from fastlin.benchmark.cases import EPOCH_CASES

CASES = EPOCH_CASES


def test_epoch(benchmark, limited, case, implementation, n_threads):
    run(benchmark, case, implementation, n_threads)
