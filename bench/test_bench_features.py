"""Image features: fastlin, the NumPy twin, and the peers that are installed."""

from __future__ import annotations

import os
import time

import features
import pytest

CASES = features.cases()
SMALL = 20


@pytest.mark.parametrize("case_of_features", CASES, ids=lambda case: f"{case.name}-{case.dtype}".replace(" ", "-"))
@pytest.mark.parametrize("peer", sorted(features.PEER_IMAGES))
def test_features(request, benchmark, case_of_features, peer):
    case = case_of_features
    if peer not in case.calls:
        pytest.skip(f"{peer} has no {case.name} of {case.dtype}, or is not installed")
    small = request.config.getoption("--small", default=False) or os.environ.get("FASTLIN_BENCH_SMALL", "0") != "0"
    X = features.images(case.dtype, SMALL if small else features.PEER_IMAGES[peer])
    features.check(case, peer, X[:SMALL])
    benchmark.group = f"{case.name} | {case.dtype}, {len(X)} images"
    benchmark._timer = time.process_time
    benchmark.extra_info |= {"implementation": peer, "images": len(X)}
    benchmark(case.calls[peer], X)
