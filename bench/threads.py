"""Thread counts of the scripts beside: fixed by starting over, as BLAS and OpenMP read them once, when they load."""

from __future__ import annotations

import os
import sys

from fastlin import _threads


def fix_threads(n_threads: int) -> None:
    """Start this script over, unless its environment holds BLAS and OpenMP to `n_threads`. fastlin is told in each
    call. To be called by a script that runs as a program, before all else."""
    wanted = _threads.pool_variables(n_threads)
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | wanted)
