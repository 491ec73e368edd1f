"""The package is typed: a strict checker accepts a user's program, and refuses a wrong one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

HERE = Path(__file__).resolve().parent


def check(path: Path) -> subprocess.CompletedProcess[str]:
    # As where the package is installed: its own insides are not looked at.
    options = ["--strict", "--follow-imports=silent", "--config-file", "", "--no-incremental"]
    command = [sys.executable, "-m", "mypy", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=HERE.parent)


def test_a_users_program_is_accepted():
    done = check(HERE / "typed_program.py")
    assert done.returncode == 0, done.stdout


def test_a_wrong_argument_is_found(tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text('from fastlin import SoftmaxClassifier\nSoftmaxClassifier(solver="newton", alpha="1")\n')
    done = check(program)
    assert done.returncode == 1 and "newton" in done.stdout and '"alpha"' in done.stdout, done.stdout


def test_a_wrong_argument_of_a_twin_is_found(tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text('from fastlin import reference\nreference.hinge_loss([[1.0]], [0], [[1.0]], kind="mean")\n')
    done = check(program)
    assert done.returncode == 1 and "kind" in done.stdout and "mean" in done.stdout, done.stdout
