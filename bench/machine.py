"""What a benchmark runs on: thread counts fixed and verified, and the facts that belong beside every figure.

Imports nothing but the standard library at the top: thread counts have to stand in the environment before NumPy loads.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
PEERS = ("torch", "sklearn", "threadpoolctl")


def fix_threads(n_threads: int) -> None:
    """Set how many threads BLAS and OpenMP may start; call before NumPy is imported. fastlin is told in each call."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n_threads)))


def installed(package: str) -> bool:
    """Tell whether `package` can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def cpu_model() -> str:
    """Name the processor; /proc/cpuinfo knows it on Linux, `platform` elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.lower().startswith(("model name", "cpu model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def busy_cores(n_threads: int) -> float:
    """Measure how many cores a large NumPy product keeps busy: CPU time over wall time.

    Raises
    ------
    RuntimeError
        If that is more than `n_threads`: BLAS did not take the limit, and no figure of this process would be one of
        `n_threads`.
    """
    import numpy as np

    a = np.ones((1024, 1024), np.float32)
    np.dot(a, a)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(4):
        np.dot(a, a)
    busy = (time.process_time() - cpu) / (time.perf_counter() - wall)
    # 0.3 of a core is the timers' share and the interpreter's own threads.
    if busy > n_threads + 0.3:
        raise RuntimeError(
            f"NumPy's BLAS keeps {busy:.1f} cores busy where {n_threads} was asked for; start a fresh process, "
            f"with {', '.join(THREAD_VARIABLES[:3])} set before NumPy is imported"
        )
    return busy


def facts(n_threads: int) -> dict[str, Any]:
    """Collect the processor, the SIMD level in use, thread counts and versions."""
    import numpy as np

    import fastlin
    from fastlin import config

    found = {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "simd": config.simd_level(),
        "threads": n_threads,
        "busy_cores": round(busy_cores(n_threads), 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "fastlin": fastlin.__version__,
    }
    found |= {name: importlib.import_module(name).__version__ for name in PEERS if installed(name)}
    if "threadpoolctl" in found:
        from threadpoolctl import threadpool_info

        pools = threadpool_info()
        for pool in pools:
            if pool["num_threads"] > n_threads:
                raise RuntimeError(f"{pool['filepath']} may use {pool['num_threads']} threads, not {n_threads}")
        found["pools"] = [
            f"{pool['internal_api']} {pool['version'] or ''}".strip() + f": {pool['num_threads']} thread(s)"
            for pool in pools
        ]
    return found


def banner(found: dict[str, Any]) -> list[str]:
    """Write `facts` as the lines that head a report."""
    versions = ", ".join(f"{name} {found[name]}" for name in ("fastlin", "numpy", *PEERS, "python") if name in found)
    lines = [
        f"cpu: {found['cpu']}, {found['cpus']} usable, load {found['load']}",
        f"simd: {found['simd']}; threads: {found['threads']} (a large product keeps {found['busy_cores']} cores busy)",
        f"versions: {versions}",
    ]
    return lines + [f"pool: {pool}" for pool in found.get("pools", ())]
