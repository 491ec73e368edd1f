"""What the full-batch solver takes from the extra `solvers`, imported where it is used."""

from __future__ import annotations

import functools
import importlib
from contextlib import AbstractContextManager
from typing import Any

_PIP_LINE = "pip install 'fastlin[solvers]'"


def need(module: str) -> Any:
    """`module` of the extra, or an ImportError that names the pip line."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"the full-batch solver needs {module.partition('.')[0]}: {_PIP_LINE}") from error


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread: the bits of its products may change with their number."""
    limit: AbstractContextManager[Any] = _blas().limit(limits=1, user_api="blas")
    return limit


@functools.cache
def _blas() -> Any:
    """The libraries of NumPy and SciPy: found once, as the search takes longer than the fit of a few rows."""
    need("scipy.linalg")  # which brings one of its own
    return need("threadpoolctl").ThreadpoolController()
