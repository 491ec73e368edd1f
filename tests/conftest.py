"""What all tests share: where fastlin is found, hypothesis profiles, the SIMD levels, and child processes."""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).resolve().parent
# With --import-mode=importlib the checkout is not put on sys.path; it is needed where fastlin is built in place only.
if importlib.util.find_spec("fastlin") is None:
    sys.path.insert(0, str(TESTS.parent))

import fastlin  # noqa: E402
from fastlin import config  # noqa: E402

PACKAGE = Path(fastlin.__file__).resolve().parent

faulthandler.enable()
# The time of a case varies with the machine's load, so there is no deadline; in CI the cases are the same on every run.
_quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", deadline=None, max_examples=60, suppress_health_check=_quiet)
settings.register_profile("ci", deadline=None, max_examples=60, suppress_health_check=_quiet, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=_quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, as the tests press it: a shell starts jobs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=config.info()["simd"]["built"])
def simd_level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test at each level that was built; one that this machine lacks is skipped, never passed."""
    if request.param not in config.info()["simd"]["available"]:
        pytest.skip(f"this machine has no {request.param}")
    with config.use_simd_level(request.param):
        yield request.param


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the levels of one case together: its problem and the twin's answer are then computed once, not thrice."""
    place: dict[str, int] = {}

    def case(item: pytest.Item) -> int:
        parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        level = parameters.get("simd_level", "")
        return place.setdefault(item.nodeid.replace(f"[{level}-", "[").replace(f"[{level}]", ""), len(place))

    items.sort(key=case)


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a child process that imports this same fastlin; `variables` are added to its environment."""

    def run(
        code: str, variables: dict[str, str] | None = None, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        own = ("FASTLIN_", "OMP_", "GOMP_", "KMP_", "PYTHONPATH", "PYTHONWARNINGS")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        environment |= {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), str(TESTS)]), "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment | (variables or {}),
            timeout=timeout,
            capture_output=True,
            text=True,
        )
        if check:
            assert done.returncode == 0, f"the child ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    return run
