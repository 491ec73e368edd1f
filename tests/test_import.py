"""What `import fastlin` costs and brings."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable

import pytest

IMPORTED = """
import json, sys
before = set(sys.modules)
{code}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
foreign = new - set(sys.stdlib_module_names)
print(json.dumps(sorted(name for name in foreign if not name.startswith(("_cython_", "cython_runtime")))))
"""


@pytest.mark.parametrize(
    "code", ["import fastlin", "import fastlin\nfastlin.scores\nfastlin.show_config", "from fastlin import *"]
)
def test_importing_loads_numpy_and_nothing_else_foreign(run_python: Callable, code: str) -> None:
    assert set(json.loads(run_python(IMPORTED.format(code=code)).stdout)) <= {"fastlin", "numpy"}


def test_no_extra_is_loaded_before_it_is_asked_for(run_python: Callable) -> None:
    # Every module there is, but nothing done with it: no bar, no picture, no peer.
    code = """
        import pkgutil, fastlin
        for module in pkgutil.walk_packages(fastlin.__path__, "fastlin."):
            if not module.name.endswith("__main__") and not module.name.rpartition(".")[2].startswith("make_"):
                __import__(module.name)
    """
    loaded = json.loads(run_python(IMPORTED.format(code=textwrap.dedent(code))).stdout)
    assert set(loaded) <= {"fastlin", "numpy"}


def test_importing_does_not_load_the_upper_layers(run_python: Callable) -> None:
    code = "import fastlin, sys\nfastlin.scores\nprint(*(m for m in sys.modules if m.startswith('fastlin.')))"
    loaded = set(run_python(code).stdout.split())
    for upper in ("fastlin.linear_model", "fastlin.training", "fastlin.datasets", "fastlin.cli", "fastlin.reference"):
        assert upper not in loaded


def test_importing_takes_less_than_a_tenth_of_a_second_beyond_numpy(run_python: Callable) -> None:
    code = """
        import time, numpy
        start = time.perf_counter()
        import fastlin
        fastlin.scores
        print(time.perf_counter() - start)
    """
    # The best of several: the machine may be busy with something else.
    best = math.inf
    for _ in range(6):
        best = min(best, float(run_python(textwrap.dedent(code)).stdout))
        if best < 0.05:
            break
    assert best < 0.1


def test_subnormal_numbers_survive_the_import(run_python: Callable) -> None:
    # A shared object linked with -ffast-math makes the whole process flush them to zero as it is loaded.
    code = """
        import numpy as np, fastlin
        tiny = np.finfo(np.float64).smallest_subnormal
        assert fastlin.scores(np.ones((2, 2)), np.ones((2, 2))).sum() == 8
        assert tiny > 0 and tiny * 1.0 > 0 and 5e-324 * 1.0 > 0
        assert (np.full(100, tiny) * 1.0 > 0).all()
        assert (np.full(100, np.finfo(np.float32).smallest_subnormal) * np.float32(1) > 0).all()
        import threading
        flushed = []
        thread = threading.Thread(target=lambda: flushed.append(np.full(9, 1e-310).sum() == 0))
        thread.start()
        thread.join()
        assert flushed == [False]
    """
    run_python(textwrap.dedent(code))


def test_importing_changes_no_environment_and_warns_of_nothing(run_python: Callable) -> None:
    code = """
        import os, warnings
        warnings.simplefilter("error")
        import numpy
        before, errors = dict(os.environ), numpy.geterr()
        import fastlin
        fastlin.scores
        assert dict(os.environ) == before and numpy.geterr() == errors
    """
    done = run_python(textwrap.dedent(code))
    assert done.stdout == done.stderr == ""
