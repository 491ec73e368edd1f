"""Loading CIFAR-10 from its binary files: fastlin, a plain read of the bytes, NumPy's transposed copy."""

from __future__ import annotations

import dataclasses
import time

import loading
import pytest

from fastlin.datasets import cifar


@pytest.fixture(scope="module")
def calls(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar-10-batches-bin")
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--small"):
            parts = tuple(part._replace(n_images=100) for part in cifar.CIFAR10.parts)
            small = dataclasses.replace(cifar.CIFAR10, parts=parts)
            patch.setattr(cifar, "CIFAR10", small)
            patch.setattr(loading, "CIFAR10", small)
        loading.write_cifar10(folder)
        yield loading.calls_of(folder)


@pytest.mark.benchmark(group="load CIFAR-10", timer=time.process_time, min_rounds=3)
@pytest.mark.parametrize(
    "name", [loading.PLAIN, "load_cifar10", 'load_cifar10, layout="chw"', "NumPy, transposed copy"]
)
def test_load_cifar10(benchmark, calls, name):
    benchmark(calls[name])
