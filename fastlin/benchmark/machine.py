"""What a benchmark runs on: the facts that belong beside every figure, thread counts verified."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from fastlin import _threads, config

# Where they are installed, they are timed too: modules, and what the distributions are called.
PEERS = {"torch": "torch", "sklearn": "scikit-learn", "jax": "jax"}
# Processes that want a core, on the average of the last minute, above which a machine counts as busy.
_BUSY_LOAD = 0.5


def installed(package: str) -> bool:
    """Tell whether `package` can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def load() -> float:
    """Processes that wanted a core, on the average of the last minute; NaN where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def is_busy(load: float) -> bool:
    """Whether others were at work while that was the load."""
    return load > _BUSY_LOAD


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
            f"with {', '.join(_threads.pool_variables(n_threads))} set before NumPy is imported"
        )
    return busy


def facts(n_threads: int) -> dict[str, Any]:
    """Collect the processor, the SIMD level in use, thread counts and versions."""
    info = config.info()
    found = {
        "cpu": cpu_model(),
        "cpus": _threads.available_cpus(),
        "load": load(),
        "simd": info["simd"]["in_use"],
        "threads": n_threads,
        "busy_cores": round(busy_cores(n_threads), 2),
        "compiler": info["compiler"],
        "python": info["python"],
        "numpy": info["numpy"],
        "fastlin": info["version"],
    }
    found |= {name: importlib.metadata.version(PEERS[name]) for name in PEERS if installed(name)}
    if installed("threadpoolctl"):
        from threadpoolctl import threadpool_info

        pools = threadpool_info()
        for pool in pools:
            if pool["num_threads"] > n_threads:
                raise RuntimeError(f"{pool['filepath']} may use {pool['num_threads']} threads, not {n_threads}")
        found["pools"] = [
            f"{pool['internal_api']} {pool['version'] or ''}".strip()
            + f" ({pool.get('architecture', 'any CPU')}): {pool['num_threads']} thread(s)"
            for pool in pools
        ]
    return found


def banner(found: dict[str, Any]) -> list[str]:
    """Write `facts` as the lines that head a report."""
    versions = ", ".join(f"{name} {found[name]}" for name in ("fastlin", "numpy", *PEERS, "python") if name in found)
    lines = [
        f"cpu: {found['cpu']}, {found['cpus']} usable, load {found['load']}",
        f"simd: {found['simd']}; threads: {found['threads']} (a large product keeps {found['busy_cores']} cores busy)",
        f"versions: {versions}; {found['compiler']}",
    ]
    return lines + [f"pool: {pool}" for pool in found.get("pools", ())]
