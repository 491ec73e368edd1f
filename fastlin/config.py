"""How the library was built and how it runs here."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from typing import Any, TextIO

import numpy as np

from fastlin import _threads
from fastlin._core import kernels as _kernels
from fastlin._core import threads as _openmp
from fastlin._version import __version__


def info() -> dict[str, Any]:
    """Collect the facts of the build and of this process.

    Returns
    -------
    dict
        ``version``, ``python``, ``numpy``, ``compiler``, ``simd`` (levels ``built``, ``available`` on this CPU,
        ``in_use``), ``openmp`` (bool), ``openmp_runtime`` (library or None), ``threads`` (of a large call) and
        ``threads_reason``.

    Examples
    --------
    >>> import fastlin
    >>> fastlin.config.info()["simd"]["in_use"] in ("baseline", "avx2", "avx512")
    True
    """
    threads, reason = _threads.explain()
    return {
        "version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "compiler": _kernels.compiler(),
        "simd": {
            "built": list(_kernels.built()),
            "available": list(_kernels.available()),
            "in_use": _kernels.in_use(),
        },
        "openmp": _openmp.has_openmp(),
        "openmp_runtime": os.path.basename(_openmp.library()) or None,
        "threads": threads,
        "threads_reason": reason,
    }


def show_config(file: TextIO | None = None) -> None:
    """Print version, compiler, SIMD levels, OpenMP and threads.

    Parameters
    ----------
    file : text file, optional
        Where to; default: standard output.

    Examples
    --------
    >>> import fastlin
    >>> fastlin.show_config()  # doctest: +ELLIPSIS
    fastlin ...
    """
    facts = info()
    simd = facts["simd"]
    openmp = facts["openmp_runtime"] or "yes, of an unknown library" if facts["openmp"] else "no: one thread"
    print(
        f"fastlin {facts['version']} (Python {facts['python']}, NumPy {facts['numpy']})\n"
        f"  compiler   {facts['compiler']}\n"
        f"  SIMD       {simd['in_use']} in use; built {', '.join(simd['built'])}; "
        f"available {', '.join(simd['available'])}\n"
        f"  OpenMP     {openmp}\n"
        f"  threads    {facts['threads']}: {facts['threads_reason']}",
        file=file,
    )


def simd_level() -> str:
    """Tell the SIMD level whose kernels run: "baseline", "avx2" or "avx512"."""
    return _kernels.in_use()


@contextlib.contextmanager
def use_simd_level(level: str) -> Iterator[None]:
    """Run the kernels of another level inside a ``with`` block: for tests and benchmarks.

    Not safe while other threads call the library.

    Parameters
    ----------
    level : str
        One of ``info()["simd"]["available"]``.

    Raises
    ------
    ValueError
        For a level that was not built or that this CPU cannot run; the message lists what there is.

    Examples
    --------
    >>> with use_simd_level("baseline"):
    ...     simd_level()
    'baseline'
    """
    before = _kernels.in_use()
    _kernels.use(level)
    try:
        yield
    finally:
        _kernels.use(before)
