"""Instruction-set levels: the one that is asked for, or the best there is, is the one that runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from strategies import LEVELS, problem

from fastlin import config, functional
from fastlin._core import kernels

BUILT = config.info()["simd"]["built"]

# A sum of many terms: its last bits tell the order they were added in, which is a level's own.
BITS = """
import hashlib
import numpy as np
from fastlin import functional

def bits():
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(64, 3073)).astype(np.float32), rng.normal(size=(10, 3073)).astype(np.float32)
    result = functional.softmax_loss(X, rng.integers(0, 10, 64), W)
    return hashlib.sha256(functional.scores(X, W).tobytes() + result.dW.tobytes()).hexdigest()
"""
exec(BITS, namespace := {})
bits: Callable[[], str] = namespace["bits"]
REPORT = f"{BITS}\nimport json\nfrom fastlin import config\nprint(json.dumps([config.info()['simd'], bits()]))"


@pytest.mark.parametrize("level", BUILT)
def test_the_level_of_the_environment_is_used(run_python: Callable, level: str) -> None:
    if level not in LEVELS:
        pytest.skip(f"this machine has no {level}")
    simd, child_bits = json.loads(run_python(REPORT, {"FASTLIN_SIMD": level}).stdout)
    assert simd["in_use"] == level
    assert simd["built"] == list(BUILT)
    # Reported and executed: the bits are those of this level here.
    with config.use_simd_level(level):
        assert config.info()["simd"]["in_use"] == level
        assert bits() == child_bits


def test_the_levels_can_be_told_apart() -> None:
    # Otherwise the test above would prove nothing.
    seen = set()
    for level in LEVELS:
        with config.use_simd_level(level):
            seen.add(bits())
    assert len(seen) == len(LEVELS)


def test_the_best_level_is_used_when_none_is_asked_for(run_python: Callable) -> None:
    simd, child_bits = json.loads(run_python(REPORT).stdout)
    assert simd["in_use"] == simd["available"][-1] == LEVELS[-1]
    with config.use_simd_level(LEVELS[-1]):
        assert bits() == child_bits


@pytest.mark.parametrize("value", ["", "avx3", "AVX2", " avx2", "sse2", "none", "0", "baseline,avx2"])
def test_an_unknown_level_is_an_import_error_that_lists_what_there_is(run_python: Callable, value: str) -> None:
    done = run_python("import fastlin\nfastlin.scores", {"FASTLIN_SIMD": value}, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert "FASTLIN_SIMD" in last and repr(value) in last
    for level in BUILT:
        assert level in last


def test_a_level_this_machine_lacks_is_refused_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "available", lambda: ("baseline",))
    in_use = kernels.in_use()
    for missing in BUILT[1:]:
        with pytest.raises(ValueError, match=rf"'{missing}' .*built are baseline.*can run baseline$"):
            kernels.use(missing)
        monkeypatch.setenv("FASTLIN_SIMD", missing)
        with pytest.raises(ImportError, match=rf"FASTLIN_SIMD='{missing}' .*can run baseline$"):
            kernels._choose()
    assert kernels.in_use() == in_use


def test_a_level_holds_within_the_block_and_the_one_before_after_it() -> None:
    before = config.info()["simd"]["in_use"]
    with config.use_simd_level("baseline"):
        assert config.info()["simd"]["in_use"] == "baseline"
        with config.use_simd_level(LEVELS[-1]):
            assert config.info()["simd"]["in_use"] == LEVELS[-1]
        assert config.info()["simd"]["in_use"] == "baseline"
        with pytest.raises(ValueError, match="'avx3'"), config.use_simd_level("avx3"):
            pass
        assert config.info()["simd"]["in_use"] == "baseline"
    assert config.info()["simd"]["in_use"] == before
    with pytest.raises(ZeroDivisionError), config.use_simd_level("baseline"):
        raise ZeroDivisionError
    assert config.info()["simd"]["in_use"] == before


def test_levels_agree_with_each_other() -> None:
    p = problem(257, 784, 10, "uint8", scaled=True)
    results = []
    for level in LEVELS:
        with config.use_simd_level(level):
            results.append(functional.softmax_loss(p.X, p.y, p.W, p.b, **p.scaling).dW)
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=2e-5 * np.abs(results[0]).max())


# Detection: the bits of CPUID and of XCR0, as Intel's manual numbers them

FMA, OSXSAVE, AVX, F16C = 1 << 12, 1 << 27, 1 << 28, 1 << 29
AVX2, AVX512F, AVX512DQ, AVX512BW, AVX512VL = 1 << 5, 1 << 16, 1 << 17, 1 << 30, 1 << 31
XMM, YMM, OPMASK, ZMM_LOW, ZMM_HIGH = 1 << 1, 1 << 2, 1 << 5, 1 << 6, 1 << 7
FOR_AVX2 = (FMA | OSXSAVE | AVX | F16C, AVX2, XMM | YMM)
FOR_AVX512 = (
    FOR_AVX2[0], AVX2 | AVX512F | AVX512DQ | AVX512BW | AVX512VL, FOR_AVX2[2] | OPMASK | ZMM_LOW | ZMM_HIGH,
)  # fmt: skip


def single_bits(value: int) -> list[int]:
    return [1 << k for k in range(32) if value >> k & 1]


def test_a_cpu_with_all_the_bits_has_the_level() -> None:
    assert kernels.levels_of(0, 0, 0) == ("baseline",)
    assert kernels.levels_of(*FOR_AVX2) == ("baseline", "avx2")
    assert kernels.levels_of(*FOR_AVX512) == ("baseline", "avx2", "avx512")
    assert kernels.levels_of(2**32 - 1, 2**32 - 1, 2**32 - 1) == ("baseline", "avx2", "avx512")


def test_each_bit_is_needed() -> None:
    for enough, level in ((FOR_AVX2, "avx2"), (FOR_AVX512, "avx512")):
        for register in range(3):
            for bit in single_bits(enough[register]):
                without = list(enough)
                without[register] &= ~bit
                assert level not in kernels.levels_of(*without), (level, register, hex(bit))
