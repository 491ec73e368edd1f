"""Random search on uint8 rows against the loop a lecture writes in NumPy, on a float32 copy made beforehand."""

from __future__ import annotations

import time

import numpy as np
import pytest
from conftest import THREADS, _small
from random_search import numpy_loop

from fastlin import functional
from fastlin.benchmark.cases import Case, data_of
from fastlin.diagnostics import random_search

TRIALS = 64
SCALE = 1e-4


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("implementation", ["fastlin", "numpy"])
def test_random_search(benchmark, request, limited, implementation, n_threads):
    case = Case("random_search", 5000, 3072, 10, "uint8")
    case = case.shrunk() if _small(request.config) else case
    benchmark.group = f"{case.group}, {TRIALS} guesses"
    benchmark._timer = time.process_time if n_threads == 1 else time.perf_counter
    X, y, *_ = data_of(case)
    if implementation == "fastlin":
        found = random_search(X, y, TRIALS, scale=SCALE, n_threads=n_threads)
        # The answer first: the best guess has the loss that the hinge says.
        assert found.losses.min() == pytest.approx(functional.hinge_loss(X, y, found.W, found.b).loss, rel=1e-4)
        benchmark(random_search, X, y, TRIALS, scale=SCALE, n_threads=n_threads)
    else:
        rows = X.astype(np.float32)
        assert np.isfinite(numpy_loop(rows, y, 2, SCALE)).all()
        benchmark(numpy_loop, rows, y, TRIALS, SCALE)
