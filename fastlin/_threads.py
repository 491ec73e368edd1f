"""How many threads a call runs on: the one place that decides.

In order: the argument, `set_num_threads`, the environment variable FASTLIN_NUM_THREADS, what OpenMP says (so that
OMP_NUM_THREADS and threadpoolctl work). That is capped by the processors this process may use, by the container's
quota, and by the work at hand; inside another parallel region, and in a forked child, it is 1.
"""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

from fastlin import _arrays
from fastlin._core import threads as _openmp

# Operations that are worth a thread: about 80 us of one core with vectors, several times what starting a team costs.
WORK_PER_THREAD = 8e6

# BLAS and OpenMP read theirs once, as they load: OpenMP's, OpenBLAS's, MKL's, BLIS's, Accelerate's, XLA's.
_POOL_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",
)

_default: int | None = None


def set_num_threads(n_threads: int | None) -> None:
    """Set how many threads calls use that do not say so themselves.

    Parameters
    ----------
    n_threads : int or None
        At least 1, or -1 for as many as the process may use; None goes back to the environment's choice.

    Examples
    --------
    >>> import fastlin
    >>> fastlin.set_num_threads(1)
    >>> fastlin.get_num_threads()
    1
    >>> fastlin.set_num_threads(None)
    """
    global _default
    _default = _arrays.as_thread_count(n_threads)


def get_num_threads() -> int:
    """Tell how many threads a large call would use.

    Returns
    -------
    int
        The number before the work at hand caps it.
    """
    return explain()[0]


def resolve(n_threads: int | None, work: float, least: float = 1.0) -> int:
    """The thread count of a call of `work` operations; `n_threads` is the caller's argument, checked.

    Two threads want WORK_PER_THREAD each; where there are more, `least` of that is enough for each.
    """
    most = work / WORK_PER_THREAD
    if most < 2.0:
        return 1
    n = min(_asked_for(n_threads)[0], available_cpus(), int(min(most / least, 1e6)))
    return 1 if _openmp.must_be_serial() else n


def explain() -> tuple[int, str]:
    """The thread count of a large call, and why it is that."""
    asked, reason = _asked_for(None)
    cpus = available_cpus()
    if not _openmp.has_openmp():
        return 1, "built without OpenMP"
    if _openmp.must_be_serial():
        return 1, "inside a parallel region, or in a forked child, where GNU OpenMP may hang"
    if asked > cpus:
        return cpus, f"{reason} asks for {asked}, but this process may use {cpus} processors"
    return asked, reason


def pool_variables(n_threads: int) -> dict[str, str]:
    """The environment in which a process must start whose BLAS and OpenMP are to use at most so many threads."""
    return dict.fromkeys(_POOL_VARIABLES, str(n_threads))


def available_cpus() -> int:
    """Processors this process may use: its affinity, capped by the control group's quota."""
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        n = os.cpu_count() or 1
    quota = cgroup_quota()
    return n if quota is None else max(1, min(n, math.ceil(quota)))


@functools.cache
def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Processors the container may use at once, by control groups version 2 or 1; None for no limit."""
    quota, period = "max", "0"
    if (version2 := root / "cpu.max").is_file():
        quota, period, *_ = [*version2.read_text().split(), "0"]
    elif (version1 := root / "cpu" / "cpu.cfs_quota_us").is_file():
        quota = version1.read_text().strip()
        period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
    if quota in ("max", "-1") or int(period) <= 0:
        return None
    return int(quota) / int(period)


def _asked_for(n_threads: int | None) -> tuple[int, str]:
    for value, reason in ((n_threads, "the argument n_threads"), (_default, "fastlin.set_num_threads")):
        if value is not None:
            return (available_cpus() if value == -1 else value), reason
    text = os.environ.get("FASTLIN_NUM_THREADS")
    if text is not None:
        try:
            value = int(text)
        except ValueError:
            value = 0
        if value < 1:
            raise ValueError(f"FASTLIN_NUM_THREADS is {text!r}; wanted is an integer >= 1")
        return value, "FASTLIN_NUM_THREADS"
    return _openmp.openmp_limit(), "OpenMP's own limit (OMP_NUM_THREADS, threadpoolctl, or the processors)"
