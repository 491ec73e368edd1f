"""Every script says what it does and takes when asked with --help, and does nothing else then."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("bench", "docs", "fastlin/datasets")
    for path in (ROOT / folder).glob("*.py")
    if '__name__ == "__main__"' in path.read_text() and not path.name.startswith("test_")
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / script, "--help"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    doc = ast.get_docstring(ast.parse((ROOT / script).read_text()))
    assert done.stdout.startswith(f"usage: {Path(script).name} ")
    assert doc is not None and doc.partition("\n")[0] in " ".join(done.stdout.split())
