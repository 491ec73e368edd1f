"""Image features: fastlin, the NumPy twin, and the peers that are installed."""

from __future__ import annotations

import os
import time

import features
import pytest

SMALL = 20
CALLS = [
    pytest.param(case, peer, id=f"{case.name}-{case.dtype}-{peer}".replace(" ", "-").replace(",", ""))
    for case in features.cases() for peer in case.calls
]  # fmt: skip


@pytest.mark.parametrize(("feature", "peer"), CALLS)
def test_features(request, benchmark, feature, peer):
    small = request.config.getoption("--small", default=False) or os.environ.get("FASTLIN_BENCH_SMALL", "0") != "0"
    X = features.images(feature.dtype, SMALL if small else features.PEER_IMAGES[peer])
    features.check(feature, peer, X[:SMALL])
    benchmark.group = f"{feature.name} | {feature.dtype}, {len(X)} images"
    benchmark._timer = time.process_time
    benchmark.extra_info |= {"implementation": peer, "images": len(X)}
    benchmark(feature.calls[peer], X)
