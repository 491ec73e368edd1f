"""Thread counts of the scripts beside: fixed by starting over, as BLAS and OpenMP read them once, when they load."""

from __future__ import annotations

import os
import sys

from fastlin import _threads


def fix_threads(n_threads: int) -> None:
    """Start the running script over, unless its environment holds BLAS and OpenMP to `n_threads` already.

    To be called before all else where a script runs as a program. fastlin is told in each call.
    """
    wanted = _threads.pool_variables(n_threads)
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | wanted)
