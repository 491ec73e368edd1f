"""show_config and info: what was built, and what runs."""

from __future__ import annotations

import importlib.metadata
import io
import os

import pytest

import fastlin
from fastlin import config


def test_info_tells_all_there_is_to_know() -> None:
    info = config.info()
    assert set(info) >= {"version", "compiler", "simd", "openmp", "openmp_runtime", "threads", "threads_reason"}
    assert info["version"] == fastlin.__version__
    assert isinstance(info["compiler"], str) and info["compiler"]
    built, available, in_use = (info["simd"][key] for key in ("built", "available", "in_use"))
    assert set(info["simd"]) == {"built", "available", "in_use"}
    assert built[0] == available[0] == "baseline"
    assert set(available) <= set(built) <= {"baseline", "avx2", "avx512"}
    assert in_use in available
    assert isinstance(info["openmp"], bool)
    assert info["openmp_runtime"] is None if not info["openmp"] else isinstance(info["openmp_runtime"], str)
    assert info["threads"] == fastlin.get_num_threads() >= 1
    assert isinstance(info["threads_reason"], str) and info["threads_reason"]


def test_the_version_is_the_distributions() -> None:
    try:
        installed = importlib.metadata.version("fastlin")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("built in place, not installed: there is no distribution to compare with")
    assert fastlin.__version__ == installed


def test_openmp_is_there_unless_the_build_was_told_otherwise() -> None:
    # A build that lost OpenMP by accident is slow and silent; who builds without says so here too.
    assert config.info()["openmp"] == (os.environ.get("FASTLIN_BUILD_OPENMP") != "0")


def test_show_config_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert fastlin.show_config() is None
    printed = capsys.readouterr().out
    info = config.info()
    for fact in (
        info["version"],
        info["compiler"],
        *info["simd"]["built"],
        info["simd"]["in_use"],
        str(info["threads"]),
    ):
        assert fact in printed
    assert info["threads_reason"] in printed
    assert "openmp" in printed.lower()


def test_show_config_prints_where_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    file = io.StringIO()
    fastlin.show_config(file)
    fastlin.show_config()
    assert file.getvalue() == capsys.readouterr().out
    again = io.StringIO()
    fastlin.show_config(file=again)
    assert again.getvalue() == file.getvalue()


def test_info_is_a_fresh_dictionary_each_time() -> None:
    config.info()["simd"]["in_use"] = "nonsense"
    assert config.info()["simd"]["in_use"] != "nonsense"


def test_a_change_of_level_or_threads_shows() -> None:
    with config.use_simd_level("baseline"):
        assert config.info()["simd"]["in_use"] == "baseline"
    try:
        fastlin.set_num_threads(1)
        assert config.info()["threads"] == 1
    finally:
        fastlin.set_num_threads(None)
