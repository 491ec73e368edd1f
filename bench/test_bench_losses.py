"""Loss with gradient, at every shape: fastlin, the NumPy twin, torch."""

from __future__ import annotations

from cases import LOSS_CASES
from timed import run

CASES = LOSS_CASES


def test_loss(benchmark, limited, case, implementation, n_threads):
    run(benchmark, case, implementation, n_threads)
