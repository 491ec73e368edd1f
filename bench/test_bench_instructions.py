"""The comparison of instruction counts: what passes, what does not, and what cannot be compared."""

from __future__ import annotations

import json

import instructions
import pytest

HERE = {"compiler": "GCC 12.2.0", "python": "3.11", "flags": "-O3"}


def test_a_count_may_be_five_percent_above() -> None:
    kept = {"same": 1000, "less": 1000, "a little more": 1000, "more": 1000}
    lines, complaints = instructions.compare(kept, {"same": 1000, "less": 500, "a little more": 1050, "more": 1051})
    assert len(lines) == 4 and lines[1].split() == ["500", "-50.00", "%", "less"]
    assert complaints == ["more takes 1,051 instructions, 5.1 % more than 1,000"]


def test_a_kernel_on_one_side_alone_is_told() -> None:
    _, complaints = instructions.compare({"gone": 10, "kept": 10}, {"kept": 10, "new": 10})
    assert complaints == ["new is not in instructions.json", "gone is in instructions.json and is counted no more"]


def test_counts_of_another_compiler_or_python_are_not_compared() -> None:
    assert instructions.not_comparable(HERE, HERE | {"flags": "-O2"}) is None
    assert instructions.not_comparable(HERE, HERE | {"compiler": "GCC 14.1.0"}) == (
        "counts are for GCC 12.2.0; this is GCC 14.1.0: not compared"
    )
    assert instructions.not_comparable(HERE, HERE | {"python": "3.13"}) == (
        "counts are for Python 3.11; this is Python 3.13: not compared"
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A file of counts, and counts that need no valgrind."""
    path = tmp_path / "instructions.json"
    path.write_text(json.dumps({"built_with": HERE, "instructions": {"kernel": 1000}}))
    monkeypatch.setattr(instructions, "FILE", path)
    monkeypatch.setattr(instructions, "LEVEL", "baseline")
    monkeypatch.setattr(instructions, "built_with", lambda: HERE)
    monkeypatch.setattr(instructions, "count", lambda: {"kernel": 1100})
    return path


def test_check_fails_and_says_how_to_accept(counted, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert instructions.main(["--check"]) == 1
    out = capsys.readouterr().out
    assert "kernel takes 1,100 instructions, 10.0 % more than 1,000" in out and "--update" in out
    assert instructions.main([]) == 0
    assert instructions.main(["--update"]) == 0
    assert json.loads(counted.read_text()) == {"built_with": HERE, "instructions": {"kernel": 1100}}
    assert instructions.main(["--check"]) == 0
    monkeypatch.setattr(instructions, "built_with", lambda: HERE | {"compiler": "Clang 19"})
    capsys.readouterr()
    assert instructions.main(["--check"]) == 0
    assert capsys.readouterr().out == "counts are for GCC 12.2.0; this is Clang 19: not compared\n"


def test_the_file_is_of_the_calls_that_are_counted() -> None:
    kept = json.loads(instructions.FILE.read_text())
    calls = instructions.calls()
    assert set(kept["instructions"]) == set(calls)
    assert kept["built_with"].keys() == instructions.built_with().keys()
    # One that is quick: that calls are calls.
    assert calls["softmax_loss float32 32x16x3"]().dW.shape == (3, 16)
