"""Nothing a caller passes is modified, save what is documented as in place; and X is never copied whole."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agreement import same_bits
from strategies import DTYPES, problem

from fastlin import functional

LOSS_OPTIONS = ("sample_weight", "shift", "scale", "rows")


def a_call(dtype: str) -> dict[str, np.ndarray]:
    """Arrays for every argument there is, all writeable."""
    p = problem(257, 65, 10, dtype, scaled=True)
    rng = np.random.default_rng(0)
    return {
        "X": p.X.copy(), "y": p.y.copy(), "W": p.W.copy(), "b": p.b.copy(), "rows": rng.integers(0, 257, 200),
        "sample_weight": rng.choice([0, 0.5, 1], 257),
        "shift": p.scaling["shift"].copy(), "scale": p.scaling["scale"].copy(),
        "rates": rng.uniform(0.001, 0.01, 7), "dW": rng.normal(size=p.W.shape).astype(p.dtype),
        "db": rng.normal(size=10).astype(p.dtype),
    }  # fmt: skip


def with_copies(arrays: dict[str, np.ndarray], in_place: tuple[str, ...], call: Callable[[], Any]) -> Any:
    """Make the call, then see that nothing has changed but what is `in_place`, and that that has."""
    kept = {name: array.copy() for name, array in arrays.items()}
    result = call()
    for name, array in arrays.items():
        assert same_bits(array, kept[name]) == (name not in in_place), name
    return result


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_passed_in_stays_as_it_is(simd_level: str, dtype: str) -> None:
    a = a_call(dtype)
    for n_threads in (1, 3):
        with_copies(a, (), lambda n=n_threads: functional.scores(a["X"], a["W"], a["b"], n_threads=n))
        with_copies(a, (), lambda n=n_threads: functional.predict(a["X"], a["W"], a["b"], n_threads=n))
        with_copies(
            a, (), lambda n=n_threads: functional.moments(a["X"], sample_weight=a["sample_weight"], n_threads=n)
        )
        for loss in (functional.softmax_loss, functional.hinge_loss):
            options = {name: a[name] for name in LOSS_OPTIONS}
            with_copies(
                a,
                (),
                lambda n=n_threads, f=loss, o=options: f(
                    a["X"], a["y"], a["W"], a["b"], **o, l2=0.1, l1=0.1, n_threads=n
                ),
            )
        for loss_name in ("softmax", "hinge"):
            options = {name: a[name] for name in LOSS_OPTIONS[:3]}
            with_copies(
                a, ("W", "b"),
                lambda n=n_threads, k=loss_name, o=options: functional.sgd_epoch(
                    a["X"], a["y"], a["W"], a["b"], loss=k, order=a["rows"], batch_size=32, lr=a["rates"],
                    momentum=0.9, **o, n_threads=n,
                ),
            )  # fmt: skip
    with_copies(a, ("W", "b"), lambda: functional.sgd_step(a["W"], a["b"], a["dW"], a["db"], lr=0.1, l1=0.1))
    s = functional.scores(a["X"], a["W"])
    with_copies({"scores": s}, (), lambda: functional.softmax(s))


def test_results_are_arrays_of_their_own(simd_level: str) -> None:
    a = a_call("float32")
    for loss in (functional.softmax_loss, functional.hinge_loss):
        first, second = (loss(a["X"], a["y"], a["W"], a["b"]) for _ in range(2))
        kept = first.dW.copy()
        second.dW[...] = 0
        assert same_bits(first.dW, kept)
        assert not any(np.may_share_memory(first.dW, a[name]) for name in a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_in_place_arrays_that_lie_inside_larger_ones(simd_level: str, dtype: str) -> None:
    # One element of overrun on either side would show.
    p = problem(100, 33, 5, dtype, scaled=True)
    memory = np.full(4 * 5 * 33 + 100, 7, dtype)

    def inside(start: int, shape: tuple[int, ...]) -> np.ndarray:
        return memory[start : start + int(np.prod(shape))].reshape(shape)

    W, vW, dW = inside(5, (5, 33)), inside(180, (5, 33)), inside(360, (5, 33))
    b, vb, db = inside(541, (5,)), inside(553, (5,)), inside(561, (5,))
    W[...], b[...], vW[...], vb[...], dW[...], db[...] = p.W, p.b, 0, 0, 1, 1
    own = np.ones(len(memory), bool)
    for part in (W, vW, dW, b, vb, db):
        start = (part.__array_interface__["data"][0] - memory.__array_interface__["data"][0]) // memory.itemsize
        own[start : start + part.size] = False
    functional.sgd_epoch(
        p.X, p.y, W, b, batch_size=9, lr=0.01, momentum=0.9, velocity=(vW, vb), l1=0.01, **p.scaling, n_threads=3
    )
    functional.sgd_step(W, b, dW, db, lr=0.1, momentum=0.9, velocity=(vW, vb))
    assert (memory[own] == 7).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_no_function_copies_the_rows_whole(run_python: Callable) -> None:
    code = """
        import numpy as np
        from pathlib import Path
        from fastlin import functional as f

        def peak():
            status = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

        n, d, c = 5_000, 3072, 10
        y = np.arange(n) % c
        order = np.random.default_rng(0).permutation(n)
        for dtype, layout in [("uint8", "C"), ("uint8", "Fortran"), ("float16", "C"), ("float32", "byte-swapped"),
                              ("float32", "strided"), ("float64", "C"), ("int32", "C")]:
            rows = n * 4 // max(4, np.dtype(dtype).itemsize * (2 if layout == "strided" else 1))
            X = np.ones((rows, d), np.dtype(dtype).newbyteorder(">") if layout == "byte-swapped" else dtype)
            if layout == "Fortran":
                X = np.ones((d, rows), dtype).T
            if layout == "strided":
                X = np.ones((rows, 2 * d), dtype)[:, ::2]
            compute = np.float64 if dtype in ("float64", "int32") else np.float32
            W, b = np.zeros((c, d), compute), np.zeros(c, compute)
            y_here, order_here = y[:rows], order[order < rows]
            shift, scale, weight = np.ones(d), np.ones(d), np.ones(rows)
            for call in (
                lambda: f.scores(X, W, b, n_threads=2),
                lambda: f.predict(X, W, b, n_threads=2),
                lambda: f.moments(X, n_threads=2),
                lambda: f.softmax_loss(X, y_here, W, b, rows=order_here, n_threads=2),
                lambda: f.hinge_loss(X, y_here, W, b, shift=shift, scale=scale, sample_weight=weight, n_threads=2),
                lambda: f.sgd_epoch(X, y_here, W, b, order=order_here, lr=0.1, shift=shift, scale=scale, n_threads=2),
            ):
                try:
                    Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
                except OSError:
                    print("cannot reset the peak")
                    raise SystemExit
                before = peak()
                call()
                grown = (peak() - before) * 1024
                assert grown < X.nbytes / 3, (dtype, layout, call.__code__.co_firstlineno, grown, X.nbytes)
    """
    done = run_python(textwrap.dedent(code), timeout=120)
    if "cannot reset" in done.stdout:
        pytest.skip("/proc/self/clear_refs is not writeable here")
