"""The examples of docs/formats.md, one after another as a reader would run them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "formats.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not beside the tests")
def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python( \w+)?\n(.*?)```", PAGE.read_text(), re.S)
    assert len(examples) == 7
    names: dict[str, object] = {}
    for package, example in examples:
        if not package or importlib.util.find_spec(package.strip()):
            exec(compile(example, PAGE.name, "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "model.onnx", "head.safetensors"}
