"""Loss with gradient, at every shape: fastlin, the NumPy twin, torch."""

from __future__ import annotations

from timed import run

from fastlin.benchmark.cases import LOSS_CASES

CASES = LOSS_CASES


def test_loss(benchmark, limited, case, implementation, n_threads):
    run(benchmark, case, implementation, n_threads)
