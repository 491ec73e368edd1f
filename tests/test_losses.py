"""softmax_loss and hinge_loss: agreement with the twin, the meaning of each option, and the numbers of the lectures."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from agreement import assert_close, assert_same_result, same_bits, twin, twin_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    DTYPES,
    OTHER_DTYPES,
    SWEEP,
    THREADS,
    Case,
    Problem,
    cases,
    problem,
    row_indices,
    whole_number_problem,
)

from fastlin import config, functional, reference

HINGES = [{"power": power, "kind": kind} for power in (1, 2) for kind in ("sum", "max")]
LOSSES: list[tuple[str, dict[str, Any]]] = [("softmax_loss", {})] + [("hinge_loss", hinge) for hinge in HINGES]
each_loss = pytest.mark.parametrize(
    ("loss", "kind"), LOSSES, ids=lambda value: value if isinstance(value, str) else str(value)
)


def check(
    loss: str, p: Problem, with_bias: bool = True, scaled: bool = False, n_threads: int | None = None, **options: Any
) -> None:
    """The compiled loss and gradient agree with the twin's in float64."""
    expected = twin_of(loss, p, with_bias, scaled, **options)
    scaling = p.scaling if scaled else {}
    actual = getattr(functional, loss)(
        p.X, p.y, p.W, p.b if with_bias else None, n_threads=n_threads, **options, **scaling
    )
    assert_same_result(actual, expected, p.dtype, f"{loss} {options}")


@pytest.mark.parametrize(("shape", "dtype"), SWEEP, ids=str)
def test_softmax_agrees_with_the_twin(simd_level: str, shape: tuple[int, int, int], dtype: str) -> None:
    p = problem(*shape, dtype)
    check("softmax_loss", p, n_threads=THREADS[sum(shape) % 4])
    check("softmax_loss", p, False, n_threads=THREADS[(sum(shape) + 1) % 4], l2=0.01, l1=0.001)


@pytest.mark.parametrize(("shape", "dtype"), SWEEP, ids=str)
def test_hinge_agrees_with_the_twin(simd_level: str, shape: tuple[int, int, int], dtype: str) -> None:
    p = problem(*shape, dtype)
    for turn, hinge in enumerate(HINGES):
        check("hinge_loss", p, turn % 2 == 0, n_threads=THREADS[(sum(shape) + turn) % 4], **hinge)


@each_loss
@pytest.mark.parametrize("dtype", OTHER_DTYPES)
def test_every_other_real_dtype(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(70, 37, 5, dtype)
    check(loss, p, **kind)
    check(loss, p, False, **kind, l2=0.1)


@each_loss
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "int32"])
@pytest.mark.parametrize("shape", [(33, 31, 10), (257, 784, 10), (70, 17, 100), (40, 3073, 3)], ids=str)
def test_scaling_is_that_of_scaled_rows(simd_level: str, shape: tuple, dtype: str, loss: str, kind: dict) -> None:
    p = problem(*shape, dtype, scaled=True)
    scaled_rows = (p.X.astype(np.float64) - p.scaling["shift"]) * p.scaling["scale"]
    for b in (p.b, None):
        check(loss, p, b is not None, scaled=True, **kind)
        plain = twin(loss, scaled_rows, p.y, p.W, b, **kind)
        actual = getattr(functional, loss)(p.X, p.y, p.W, b, **kind, **p.scaling)
        assert_same_result(actual, plain, p.dtype, "against scaled rows")


@pytest.mark.parametrize("options", [
    {"shift": 2}, {"scale": 0.5}, {"scale": -1.5}, {"shift": -1.0, "scale": np.float32(2)}, {"scale": 0.0},
    {"shift": [1, 2, 3, 4, 5]}, {"scale": [0, -1, 1, 0.5, 2], "shift": 1},
], ids=str)  # fmt: skip
@each_loss
def test_shift_and_scale_alone_and_as_one_number(simd_level: str, loss: str, kind: dict, options: dict) -> None:
    for dtype in ("float32", "float64"):
        p = problem(40, 5, 4, dtype)
        scaled_rows = (p.X.astype(np.float64) - np.asarray(options.get("shift", 0))) * np.asarray(
            options.get("scale", 1)
        )
        expected = twin(loss, scaled_rows, p.y, p.W, p.b, **kind, l2=0.1)
        # A row may now stand near a kink, but in float64 not near enough.
        if dtype == "float64" or loss == "softmax_loss":
            assert_same_result(
                getattr(functional, loss)(p.X, p.y, p.W, p.b, **kind, l2=0.1, **options), expected, p.dtype
            )


@given(cases(), st.sampled_from(LOSSES), st.data())
def test_anything_that_may_be_asked_for(case: Case, which: tuple[str, dict], data: st.DataObject) -> None:
    (loss, kind), p, options = which, case.problem, dict(case.options)
    if data.draw(st.booleans()):
        options["rows"] = data.draw(row_indices(len(p.y)))
    with config.use_simd_level(case.level):
        actual = getattr(functional, loss)(case.X, p.y, p.W, case.b, n_threads=case.n_threads, **kind, **options)
    expected = twin(loss, p.X, p.y, p.W, case.b, **kind, **options)
    assert_same_result(actual, expected, p.dtype, loss, scale=case.size)


@each_loss
def test_the_result_is_a_named_tuple_of_plain_things(simd_level: str, loss: str, kind: dict) -> None:
    for dtype, compute in (("uint8", np.float32), ("float32", np.float32), ("float64", np.float64)):
        p = problem(33, 31, 7, dtype)
        result = getattr(functional, loss)(p.X, p.y, p.W, p.b, **kind)
        value, dW, db = result
        assert value is result.loss and dW is result.dW and db is result.db
        assert type(value) is float and dW.dtype == db.dtype == compute
        assert dW.shape == (7, 31) and db.shape == (7,) and dW.flags.c_contiguous and dW.flags.writeable
        assert getattr(functional, loss)(p.X, p.y, p.W, **kind).db is None


# Which rows count, and how much


@each_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_pick_a_batch(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(257, 33, 10, dtype)
    rng = np.random.default_rng(0)
    picks = [
        np.array([7]), np.arange(257)[::-1], np.arange(257)[::2], rng.permutation(257)[:100], rng.integers(0, 257, 600),
        np.full(40, 256), rng.integers(0, 257, 33).astype(np.int32), np.array([3, 1, 2], np.uint8),
        [5, 6, 5], range(4, 90),
    ]  # fmt: skip
    for rows in picks:
        for b in (p.b, None):
            actual = getattr(functional, loss)(p.X, p.y, p.W, b, rows=rows, **kind, l2=0.01)
            picked = np.asarray(rows)
            assert_same_result(
                actual, twin(loss, p.X[picked], p.y[picked], p.W, b, **kind, l2=0.01), p.dtype, f"rows {rows}"
            )


@each_loss
def test_labels_of_rows_not_picked_do_not_matter(simd_level: str, loss: str, kind: dict) -> None:
    p = problem(40, 5, 3, "float32")
    y = p.y.copy()
    y[::2] = -1
    odd = np.arange(1, 40, 2)
    actual = getattr(functional, loss)(p.X, y, p.W, rows=odd, **kind)
    assert_same_result(actual, twin(loss, p.X[odd], p.y[odd], p.W, **kind), p.dtype)


@each_loss
def test_labels_of_any_integer_type(simd_level: str, loss: str, kind: dict) -> None:
    p = problem(40, 5, 3, "float32")
    expected = getattr(functional, loss)(p.X, p.y, p.W, p.b, **kind)
    strided = np.full(80, -9)
    strided[::2] = p.y
    for y in (
        p.y.astype(np.uint8),
        p.y.astype(np.int32),
        p.y.astype(np.uint64),
        p.y.astype(">i8"),
        p.y.tolist(),
        strided[::2],
    ):
        assert same_bits(getattr(functional, loss)(p.X, y, p.W, p.b, **kind), expected)


@each_loss
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_weight_of_zero_means_the_row_is_not_there(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(257, 33, 10, dtype)
    rng = np.random.default_rng(0)
    for gone in (np.array([0]), np.array([256]), np.arange(0, 257, 2), np.arange(30, 200), np.arange(1, 257)):
        X, weight = p.X.copy(), rng.uniform(0.5, 2, 257)
        X[gone], weight[gone] = rng.choice([np.nan, np.inf, -np.inf], (len(gone), 33)), 0
        kept = weight > 0
        for rows in (None, rng.integers(0, 257, 300)):
            chosen = kept if rows is None else rows[kept[rows]]
            actual = getattr(functional, loss)(X, p.y, p.W, p.b, sample_weight=weight, rows=rows, **kind, l2=0.01)
            expected = twin(loss, p.X[chosen], p.y[chosen], p.W, p.b, sample_weight=weight[chosen], **kind, l2=0.01)
            assert_same_result(actual, expected, p.dtype, f"{len(gone)} gone")


@each_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_weights_are_repetitions(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(70, 33, 10, dtype)
    weight = np.random.default_rng(0).integers(0, 4, 70)
    repeated = np.repeat(np.arange(70), weight)
    actual = getattr(functional, loss)(p.X, p.y, p.W, p.b, sample_weight=weight, **kind)
    assert_same_result(actual, twin(loss, p.X[repeated], p.y[repeated], p.W, p.b, **kind), p.dtype)
    # The loss is a mean: only the proportions matter.
    assert_same_result(
        getattr(functional, loss)(p.X, p.y, p.W, p.b, sample_weight=weight * 1e-3, **kind), actual, p.dtype
    )


@each_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_of_no_rows_the_penalty_remains(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(40, 33, 10, dtype)
    penalty, gradient = (
        np.sum(p.W.astype(float) ** 2) * 0.5 + np.abs(p.W.astype(float)).sum() * 0.25,
        p.W + 0.25 * np.sign(p.W),
    )
    nothing: list[dict[str, Any]] = [
        {"rows": []}, {"rows": np.zeros(0, np.int64)}, {"sample_weight": np.zeros(40)},
        {"rows": [3, 4], "sample_weight": np.arange(40) > 30},
    ]  # fmt: skip
    for options in nothing:
        value, dW, db = getattr(functional, loss)(p.X, p.y, p.W, p.b, l2=0.5, l1=0.25, **kind, **options)
        assert value == pytest.approx(penalty, rel=1e-6)
        assert_close(dW, gradient.astype(float), p.dtype)
        assert not db.any()
    value, dW, db = getattr(functional, loss)(p.X[:0], [], p.W, p.b, **kind)
    assert value == 0.0 and not dW.any() and not db.any()


# Penalties


@each_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_penalty_is_the_lectures(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(33, 17, 5, dtype)
    W = p.W.copy()
    W[::2, ::3] = 0
    W[0, 1] = -0.0
    plain, wide = getattr(functional, loss)(p.X, p.y, W, p.b, **kind), W.astype(np.float64)
    both = getattr(functional, loss)(p.X, p.y, W, p.b, l2=0.3, l1=0.7, **kind)
    assert both.loss - plain.loss == pytest.approx(0.3 * np.sum(wide**2) + 0.7 * np.abs(wide).sum(), rel=1e-6)
    assert_close(both.dW, plain.dW + 0.6 * wide + 0.7 * np.sign(wide), dtype)
    assert same_bits(both.db, plain.db)  # the bias is not penalised


# The numbers of the lectures


LECTURE_SCORES = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_lectures_cat_car_and_frog(simd_level: str, dtype: str) -> None:
    def of(scores: np.ndarray, y: list[int], function: str = "hinge_loss", **options: Any) -> float:
        return getattr(functional, function)(np.eye(len(scores), dtype=dtype), y, scores.T, **options).loss

    each = [of(LECTURE_SCORES[[k]], [k]) for k in range(3)]
    assert each == pytest.approx([2.9, 0.0, 12.9], abs=1e-6)
    assert of(LECTURE_SCORES, [0, 1, 2]) == pytest.approx(15.8 / 3, abs=1e-6)
    assert round(of(LECTURE_SCORES, [0, 1, 2]), 2) == 5.27
    assert round(of(LECTURE_SCORES[[0]], [0], "softmax_loss"), 4) == 2.0404
    p = functional.softmax(LECTURE_SCORES[0].astype(dtype))
    assert p.round(3).tolist() == pytest.approx([0.130, 0.869, 0.001])
    assert of(LECTURE_SCORES[[0]], [0], kind="max") == pytest.approx(2.9, abs=1e-6)
    assert of(LECTURE_SCORES[[0]], [0], power=2) == pytest.approx(2.9**2, abs=1e-5)
    assert of(LECTURE_SCORES[[2]], [2], kind="max") == pytest.approx(6.6, abs=1e-6)
    assert of(LECTURE_SCORES[[2]], [2], power=2) == pytest.approx(6.3**2 + 6.6**2, abs=1e-4)
    assert of(LECTURE_SCORES[[0]], [0], margin=10.0) == pytest.approx(11.9 + 5.1, abs=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("c", [1, 2, 3, 10, 17, 100, 1000])
def test_a_model_of_zeros_knows_nothing(simd_level: str, c: int, dtype: str) -> None:
    p = problem(33, 31, c, dtype)
    W = np.zeros_like(p.W)
    assert functional.softmax_loss(p.X, p.y, W).loss == pytest.approx(math.log(c), rel=1e-6)
    assert functional.hinge_loss(p.X, p.y, W).loss == pytest.approx(c - 1)
    assert functional.hinge_loss(p.X, p.y, W, margin=3.0, power=2).loss == pytest.approx(9 * (c - 1))
    assert functional.hinge_loss(p.X, p.y, W, kind="max").loss == pytest.approx(1.0 if c > 1 else 0.0)
    check("softmax_loss", Problem(p.X, p.y, W, p.b, {}), False)
    for hinge in HINGES:
        check("hinge_loss", Problem(p.X, p.y, W, p.b, {}), False, **hinge)


def test_l2_prefers_weights_that_are_spread(simd_level: str) -> None:
    X, peaked, spread = np.ones((1, 4)), np.array([[1.0, 0, 0, 0]]), np.full((1, 4), 0.25)
    assert functional.scores(X, peaked) == functional.scores(X, spread) == [[1.0]]
    assert functional.softmax_loss(X, [0], peaked, l2=1.0).loss == 1.0
    assert functional.softmax_loss(X, [0], spread, l2=1.0).loss == 0.25
    assert (
        functional.hinge_loss(X, [0], peaked, l1=1.0).loss == functional.hinge_loss(X, [0], spread, l1=1.0).loss == 1.0
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_scores_are_linear_in_the_rows(simd_level: str, dtype: str) -> None:
    p = problem(33, 784, 10, dtype)
    for factor in (0.5, 2.0, -4.0):  # powers of two: exact
        assert same_bits(
            functional.scores((p.X * factor).astype(dtype), p.W), functional.scores(p.X, p.W) * p.dtype.type(factor)
        )


@each_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bias_is_a_column_of_ones(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    p = problem(70, 31, 10, dtype)
    X1, W1 = np.hstack([p.X, np.ones((70, 1), dtype)]), np.hstack([p.W, p.b[:, None]])
    value, dW, db = getattr(functional, loss)(p.X, p.y, p.W, p.b, **kind)
    appended = getattr(functional, loss)(X1, p.y, W1, **kind)
    assert value == pytest.approx(appended.loss, rel=1e-5)
    assert_close(dW, appended.dW[:, :-1].astype(np.float64), p.dtype)
    assert_close(db, appended.dW[:, -1].astype(np.float64), p.dtype)
    assert_close(functional.scores(p.X, p.W, p.b), functional.scores(X1, W1).astype(np.float64), p.dtype)


# Extremes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, -1e4, 1e30, -1e30])
def test_softmax_of_huge_scores_is_finite_and_right(simd_level: str, size: float, dtype: str) -> None:
    for c in (2, 3, 10, 17, 100):
        scores = np.zeros((1, c))
        scores[0, c // 2] = size
        X = np.ones((c, 1), dtype)
        value, dW, db = functional.softmax_loss(X, np.arange(c), scores.T, np.zeros(c))
        # One score is size, the rest zero: a positive size is lost on the others, a negative one alone is lost.
        lost = (c - 1) * size if size > 0 else (c - 1) * math.log(c - 1) + abs(size) + math.log(c - 1)
        assert value == pytest.approx(lost / c, rel=1e-6)
        p = np.zeros(c)
        p[c // 2] = 1
        if size < 0:
            p = (1 - p) / (c - 1)
        np.testing.assert_allclose(db, p - 1 / c, atol=1e-6)
        np.testing.assert_allclose(dW[:, 0], p - 1 / c, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", [0.0, 1e4, -1e4, 1e30])
def test_equal_scores_of_any_size_are_equal(simd_level: str, level: float, dtype: str) -> None:
    for c in (1, 2, 10, 17, 1000):
        X, W = np.ones((5, 1), dtype), np.full((c, 1), level)
        value, dW, _ = functional.softmax_loss(X, [0] * 5, W)
        assert value == pytest.approx(math.log(c), rel=1e-6, abs=1e-7)
        expected = np.full(c, 1 / c)
        expected[0] -= 1
        np.testing.assert_allclose(dW[:, 0], expected, atol=1e-6)
        assert functional.hinge_loss(X, [0] * 5, W, margin=2.0).loss == pytest.approx(2.0 * (c - 1), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_margin_just_reached_has_no_gradient(simd_level: str, dtype: str) -> None:
    X = np.ones((1, 1), dtype)
    below = np.nextafter(X.dtype.type(2), X.dtype.type(0))
    for hinge in HINGES:
        value, dW, db = functional.hinge_loss(X, [1], [[1.0], [2.0], [0.0]], np.zeros(3), **hinge)
        assert value == 0.0 and not dW.any() and not db.any()
        value, dW, _ = functional.hinge_loss(X, [1], [[1.0], [below], [0.0]], **hinge)
        assert value > 0.0 and dW[0, 0] > 0 and dW[1, 0] == -dW[0, 0] and dW[2, 0] == 0.0


@pytest.mark.parametrize("dtype", [*DTYPES, "bool", "int16", "int64"])
@pytest.mark.parametrize("hinge", HINGES, ids=str)
def test_hinge_of_whole_numbers_is_exact_ties_and_all(simd_level: str, dtype: str, hinge: dict) -> None:
    # 64 rows, quarters in W, margins of quarters: no rounding anywhere, and every fourth margin is hit on the dot.
    for c in (1, 2, 3, 10, 16, 17, 100):
        for d in (1, 3, 17, 40):
            p = whole_number_problem(64, d, c, dtype)
            for margin in (1.0, 0.25):
                actual = functional.hinge_loss(p.X, p.y, p.W, p.b, margin=margin, **hinge)
                expected = twin("hinge_loss", p.X, p.y, p.W, p.b, margin=margin, **hinge)
                assert actual.loss == expected.loss
                np.testing.assert_array_equal(actual.dW, expected.dW)
                np.testing.assert_array_equal(actual.db, expected.db)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 5, 2), (700, 40, 10), (300, 3072, 10), (150, 30, 100)], ids=str)
def test_rows_that_keep_all_their_margins(
    simd_level: str, shape: tuple[int, int, int], dtype: str, share: float
) -> None:
    # Rows without a gradient are left out of its sum: all, many, some; the first blocks alone, or here and there.
    n, d, c = shape
    rng = np.random.default_rng(0)
    y = rng.integers(0, c, n)
    X = rng.integers(1, 9, (n, d)).astype(dtype)
    X[:, :c] = 0
    X[np.arange(n), y % d] = 20
    wrong = rng.permutation(n)[: round(share * n)] if share < 0.5 else np.arange(n - round(share * n), n)
    labels = y.copy()
    labels[wrong] = (y[wrong] + 1) % c
    W = np.zeros((c, d), np.float64 if dtype == "float64" else np.float32)
    W[np.arange(c), np.arange(c) % d] = 1.0
    b = np.zeros_like(W[:, 0])
    for hinge in HINGES:
        for p in (Problem(X, y, W, b, {}), Problem(X, labels, W, b, {})):
            check("hinge_loss", p, **hinge)
            check("hinge_loss", p, False, l2=0.1, **hinge)
    clean = functional.hinge_loss(X, y, W, b)
    if d >= c:
        assert clean.loss == 0.0 and not clean.dW.any() and not clean.db.any()


@each_loss
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_number_that_is_none_is_not_hidden(simd_level: str, dtype: str, loss: str, kind: dict) -> None:
    # A comparison with NaN is false, so a careless max(0, violation) would make a ruined row look like a perfect one.
    p = problem(70, 33, 10, dtype)
    for wrong in (np.nan, np.inf):
        for row in (0, 37, 69):
            X = p.X.copy()
            X[row, 5] = wrong
            with np.errstate(all="ignore"):
                result = getattr(functional, loss)(X, p.y, p.W, p.b, **kind)
            assert not math.isfinite(result.loss)
            assert not np.isfinite(result.dW[:, 5]).all()
    W = p.W.copy()
    W[3, 3] = np.nan
    with np.errstate(all="ignore"):
        assert not math.isfinite(getattr(functional, loss)(p.X, p.y, W, p.b, **kind).loss)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 16, 33, 150])
def test_a_row_whose_scores_hold_a_nan_is_not_right(simd_level: str, n_classes: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((41, 5)).astype(dtype)
    W = rng.standard_normal((n_classes, 5)).astype(np.float64 if dtype == "float64" else np.float32)
    y = functional.predict(X, W)  # all right
    for row in (0, 17, 40):
        X[row, row % 5] = np.nan
    biased = np.zeros(n_classes, W.dtype)
    one_class = W.copy()
    one_class[n_classes // 2, 3] = np.nan
    infinite = biased.copy()
    infinite[-1] = np.inf  # a largest score like another
    for weights, b, wanted in [
        (W, None, 38 / 41), (W, biased, 38 / 41), (one_class, biased, 0.0), (W, np.full_like(biased, np.nan), 0.0),
        (W, infinite, np.count_nonzero(np.delete(y, [0, 17, 40]) == n_classes - 1) / 41),
    ]:  # fmt: skip
        for loss in ("softmax", "hinge"):
            for options in [{}] if loss == "softmax" else HINGES:
                with np.errstate(all="ignore"):
                    found = functional.evaluate(X, y, weights, b, loss=loss, **options)
                    twin = reference.evaluate(X, y, weights, b, loss=loss, **options)
                    moved = [(weights.copy(), None if b is None else b.copy()) for _ in range(2)]
                    epochs = [
                        module.sgd_epoch(X, y, *pair, loss=loss, batch_size=64, lr=0.1, **options)
                        for module, pair in zip((functional, reference), moved, strict=True)
                    ]
                assert found.accuracy == twin.accuracy == wanted
                assert epochs[0].accuracy == epochs[1].accuracy == wanted


@given(
    st.lists(st.floats(-(2.0**50), 2.0**50, width=32), min_size=1, max_size=40), st.sampled_from(LOSSES),
    st.integers(0, 39),
    st.sampled_from(["float32", "float64"]),
)  # fmt: skip
def test_finite_scores_give_finite_results(
    scores: list[float], which: tuple[str, dict], label: int, dtype: str
) -> None:
    (loss, kind), y = which, [label % len(scores)]
    for level in config.info()["simd"]["available"]:
        with config.use_simd_level(level):
            value, dW, db = getattr(functional, loss)(
                np.ones((1, 1), dtype), y, np.array(scores)[:, None], np.zeros(len(scores)), **kind
            )
        assert math.isfinite(value) and value >= 0.0
        assert np.isfinite(dW).all() and np.isfinite(db).all()


# The twin itself: its vectorised losses are the loops of the lecture


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (7, 5, 2), (33, 4, 10)], ids=str)
def test_the_lectures_loops_agree_with_the_twin_and_with_the_compiled(shape: tuple[int, int, int]) -> None:
    p = problem(*shape, "float64")
    for b in (p.b, None):
        for name in ("softmax_loss", "hinge_loss"):
            by_loops = getattr(reference, f"{name}_naive")(p.X, p.y, p.W, b, l2=0.1)
            for module in (reference, functional):
                assert_same_result(getattr(module, name)(p.X, p.y, p.W, b, l2=0.1), by_loops, np.float64, name)
        wide = problem(*shape, "float64", margin=2.5)
        by_loops = reference.hinge_loss_naive(wide.X, wide.y, wide.W, b, margin=2.5)
        assert_same_result(functional.hinge_loss(wide.X, wide.y, wide.W, b, margin=2.5), by_loops, np.float64)


@pytest.mark.parametrize("loss", [reference.softmax_loss_naive, reference.hinge_loss_naive])
def test_the_lectures_loops_at_odd_input(loss: Any) -> None:
    p = problem(4, 3, 3, "float64")
    name = loss.__name__.removesuffix("_naive")
    for n_rows, W in ((4, 1e5 * p.W), (0, p.W)):  # probabilities of zero; no rows
        arguments = p.X[:n_rows], p.y[:n_rows], W, p.b
        assert_same_result(loss(*arguments), getattr(functional, name)(*arguments), np.float64, name)
    assert math.isnan(loss(p.X * np.nan, p.y, p.W).loss)
    for change, message in (
        ({"y": p.y - 5}, r"y\[0\] is -"), ({"y": p.y + 5}, r"y\[0\] is "), ({"W": p.W[:, :2]}, r"W has shape \(3, 2\)"),
        ({"b": [1.0]}, r"b has shape \(1,\)"), ({"l2": -1}, "l2 is -1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{message}"):
            loss(**{"X": p.X, "y": p.y, "W": p.W, "b": p.b, **change})


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("scaled", [True, False])
def test_rows_far_from_zero_keep_their_digits(simd_level: str, dtype: str, scaled: bool) -> None:
    # White paper with a little ink: a mean of 250 beside a spread of 5. Folded into the weights, the shift would cancel
    # all but the last digits of float32.
    rng = np.random.default_rng(0)
    X = (250 - rng.exponential(5, (1000, 200)).clip(0, 250)).astype(dtype)
    y, W = rng.integers(0, 10, 1000), (0.1 * rng.standard_normal((10, 200))).astype(np.float32)
    shift = X.astype(np.float64).mean(axis=0).astype(np.float32)
    scaling = {"shift": shift, "scale": np.float32(0.2) if scaled else None}
    actual = functional.softmax_loss(X, y, W, np.zeros(10), **scaling)
    expected = reference.softmax_loss(X.astype(np.float64), y, W, np.zeros(10), **scaling)
    assert np.abs(actual.dW - expected.dW).max() <= 2e-6 * np.abs(expected.dW).max()
    W1, W2 = W.copy(), W.astype(np.float64)
    functional.sgd_epoch(X, y, W1, None, lr=0.01, batch_size=100, **scaling)
    reference.sgd_epoch(X.astype(np.float64), y, W2, None, lr=0.01, batch_size=100, **scaling)
    assert np.abs(W1 - W2).max() <= 2e-6 * np.abs(W2).max()


def test_numbers_beyond_the_type_of_the_computation_are_refused() -> None:
    X, y, W = np.ones((2, 3), np.float32), [0, 1], np.zeros((2, 3), np.float32)
    for bad in ({"l2": 1e39}, {"l1": 1e39}, {"shift": 1e300}, {"scale": [1, 1, 1e300]}):
        with pytest.raises(ValueError, match=f"^{next(iter(bad))} "):
            functional.softmax_loss(X, y, W, **bad)
    for margin in (1e39, 1e-50):
        with pytest.raises(ValueError, match=r"^margin is"):
            functional.hinge_loss(X, y, W, margin=margin)
    with pytest.raises(ValueError, match=r"^W holds"):
        functional.scores(X, np.full((2, 3), 1e300))
    with pytest.raises(ValueError, match=r"^sample_weight sums"):
        functional.softmax_loss(X, y, W, sample_weight=[1e308, 1e308])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("c", [2, 3, 10, 24])
@pytest.mark.parametrize("before", [0, 16, 48, 64])
def test_rows_that_meet_in_the_cache_wherever_their_lines_begin(
    simd_level: str, dtype: str, c: int, before: int
) -> None:
    # Rows 4 KiB apart at least, more of them than one run of sums; `before`: bytes from a pair of lines to the first.
    d = 4096 // np.dtype(dtype).itemsize
    p = problem(140, d, c, dtype)
    room = np.empty(p.X.nbytes + 256, np.uint8)
    start = -room.ctypes.data % 128 + before
    X = room[start : start + p.X.nbytes].view(dtype).reshape(p.X.shape)
    X[:] = p.X
    for loss in ("softmax_loss", "hinge_loss"):
        check(loss, dataclasses.replace(p, X=X), l2=0.1)
    _, dW, _ = functional.softmax_loss(X, p.y, p.W, p.b)
    np.testing.assert_array_equal(dW, functional.softmax_loss(p.X, p.y, p.W, p.b).dW)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("c", [2, 10, 41])
def test_a_number_that_is_not_finite_is_never_lost(simd_level: str, bad: float, c: int) -> None:
    # Compared with another's, an infinite score could end as a certain one, its loss as zero.
    X, y = np.ones((40, 24), np.float32), np.arange(40) % c
    W = np.arange(c * 24, dtype=np.float32).reshape(c, 24) / 100
    X[7, 5] = bad
    for call in (functional.softmax_loss, functional.hinge_loss):
        with np.errstate(invalid="ignore"):
            assert np.isnan(call(X, y, W).loss)
        assert np.isfinite(call(np.delete(X, 7, axis=0), np.delete(y, 7), W).loss)


def test_the_difference_of_the_largest_scores_is_finite() -> None:
    W = np.array([[3e38], [-3e38]], np.float32)
    assert functional.softmax_loss(np.ones((1, 1), np.float32), [1], W).loss == pytest.approx(6e38, rel=1e-6)


def test_a_label_of_no_weight_is_not_there() -> None:
    X, W = np.ones((3, 2)), np.zeros((2, 2))
    for module in (functional, reference):
        kept = module.softmax_loss(X[1:], [0, 1], W)
        assert module.softmax_loss(X, [-1, 0, 1], W, sample_weight=[0, 1, 1]).loss == kept.loss
        with pytest.raises(ValueError, match=r"^y\[0\] is -1"):
            module.softmax_loss(X, [-1, 0, 1], W, sample_weight=[1, 1, 1])
