"""scores, predict, softmax and moments: what does not need a label."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_close, same_bits, twin, twin_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import DTYPES, LEVELS, OTHER_DTYPES, SWEEP, THREADS, Case, cases, problem, whole_number_problem

from fastlin import config, functional, reference


@pytest.mark.parametrize(("shape", "dtype"), SWEEP, ids=str)
def test_scores_and_predictions_agree_with_the_twin(simd_level: str, shape: tuple[int, int, int], dtype: str) -> None:
    p = problem(*shape, dtype)
    n_threads = THREADS[sum(shape) % 4]
    for b in (None, p.b):
        expected = twin_of("scores", p, b is not None)
        actual = functional.scores(p.X, p.W, b, n_threads=n_threads)
        assert_close(actual, expected, p.dtype, "scores")
        predicted = functional.predict(p.X, p.W, b, n_threads=n_threads)
        assert predicted.dtype == np.intp and predicted.shape == (shape[0],)
        # Where two scores are equal but for rounding, either class will do.
        n = np.arange(shape[0])
        worse = expected.max(axis=1, initial=-np.inf) - expected[n, predicted]
        assert (worse <= 1e-5 * np.abs(expected).max(initial=0)).all()


@pytest.mark.parametrize("dtype", OTHER_DTYPES)
def test_every_other_real_dtype(simd_level: str, dtype: str) -> None:
    p = problem(70, 37, 5, dtype)
    assert p.dtype == (np.float64 if np.dtype(dtype).itemsize >= 4 else np.float32)
    assert_close(functional.scores(p.X, p.W, p.b), twin("scores", p.X, p.W, p.b), p.dtype, "scores")
    mean, variance = functional.moments(p.X)
    X = p.X.astype(np.float64)
    assert_close(mean, X.mean(axis=0), np.float64, "mean")
    assert_close(variance, X.var(axis=0), np.float64, "variance")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "float16", "uint16", "int16"])
def test_every_value_of_a_narrow_dtype_is_read_exactly(simd_level: str, dtype: str) -> None:
    # A view of the bytes of 0, 1, 2, ... is every value there is; for float16 subnormals, infinities and NaNs too.
    if dtype == "bool":
        values = np.array([False, True])
    else:
        bits = np.dtype(dtype).itemsize
        values = np.arange(2 ** (8 * bits)).astype(f"uint{8 * bits}").view(dtype)
    one = np.ones((1, 1), np.float32)
    for X in (values[:, None], values[None, :].T.copy()):
        with np.errstate(invalid="ignore"):  # the twin warns of NaN
            s = functional.scores(X, one)
            np.testing.assert_array_equal(s[:, 0], values.astype(np.float32))
    # And as many features at a time, where the wide loads are: each value in each place of a vector.
    for offset in range(0, 32, 5):
        if values.size < 64:
            continue
        X = np.roll(values, offset)[: values.size // 64 * 64].reshape(-1, 64)
        for column in (0, 7, 31, 63):
            pick = np.zeros((1, 64), np.float32)
            pick[0, column] = 1
            rows = X[np.isfinite(X).all(axis=1)]
            np.testing.assert_array_equal(functional.scores(rows, pick)[:, 0], rows[:, column].astype(np.float32))


@given(cases())
def test_anything_that_may_be_asked_for(case: Case) -> None:
    p = case.problem
    with config.use_simd_level(case.level):
        s = functional.scores(case.X, p.W, case.b, n_threads=case.n_threads)
        mean, variance = functional.moments(
            case.X, sample_weight=case.options.get("sample_weight"), n_threads=case.n_threads
        )
    assert_close(s, twin("scores", p.X, p.W, case.b), p.dtype, "scores")
    expected = twin("moments", p.X, sample_weight=case.options.get("sample_weight"))
    assert_close(mean, expected.mean, np.float64, "mean", scale=np.abs(p.X.astype(np.float64)).max(initial=0))
    assert_close(
        variance, expected.variance, np.float64, "variance", scale=np.abs(p.X.astype(np.float64)).max(initial=0) ** 2
    )


def test_scores_into_a_given_array(simd_level: str) -> None:
    p = problem(33, 31, 16, "float32")
    out = np.full((33, 16), np.nan, np.float32)
    assert functional.scores(p.X, p.W, p.b, out=out) is out
    assert same_bits(out, functional.scores(p.X, p.W, p.b))
    # A part of a larger array is as good, and nothing beside it is touched.
    large = np.full((37, 16), 7, np.float32)
    functional.scores(p.X, p.W, p.b, out=large[2:35])
    assert same_bits(large[2:35], out)
    assert (large[:2] == 7).all() and (large[35:] == 7).all()


def test_the_weights_may_have_any_layout_and_dtype(simd_level: str) -> None:
    p = problem(33, 31, 16, "float32")
    expected = functional.scores(p.X, p.W, p.b)
    wide = np.full((16, 62), np.nan, np.float32)
    wide[:, ::2] = p.W
    for W in (np.asfortranarray(p.W), wide[:, ::2], p.W.astype(np.float64), p.W.astype(">f4"), p.W.tolist()):
        assert same_bits(functional.scores(p.X, W, p.b), expected)
    for b in (p.b[::-1].copy()[::-1], p.b.astype(np.float64), p.b.tolist()):
        assert same_bits(functional.scores(p.X, p.W, b), expected)


def test_a_list_of_rows_is_an_array_of_rows(simd_level: str) -> None:
    assert functional.scores([[1, 2], [3, 4]], [[1, 1]], [10]).tolist() == [[13], [17]]
    assert functional.predict([[1.0, 2.0], [3.0, 2.0]], [[1, 0], [0, 1]]).tolist() == [1, 0]


def test_rows_that_share_memory_with_each_other(simd_level: str) -> None:
    W = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32)
    line = np.arange(300, dtype=np.float32)
    for X in (np.broadcast_to(line[:20], (100, 20)), np.lib.stride_tricks.sliding_window_view(line, 20)):
        assert_close(functional.scores(X, W), twin("scores", X, W), np.float32, "scores")
    one_number = np.broadcast_to(np.float32(2), (40, 20))
    assert_close(functional.scores(one_number, W), twin("scores", one_number, W), np.float32, "scores")


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_equal_scores_the_first_class_wins(simd_level: str, dtype: str) -> None:
    for c in (1, 2, 3, 10, 16, 17, 33, 100):
        p = whole_number_problem(257, 4, c, dtype)  # few numbers, many ties
        np.testing.assert_array_equal(functional.predict(p.X, p.W, p.b), twin("predict", p.X, p.W, p.b))
        assert (functional.predict(p.X, np.zeros_like(p.W)) == 0).all()
    assert functional.predict(np.ones((5, 1), dtype), np.full((9, 1), -3.0)).tolist() == [0] * 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_not_a_number_goes_through(simd_level: str, dtype: str) -> None:
    p = problem(40, 33, 5, dtype)
    for wrong in (np.nan, np.inf):
        X = p.X.copy()
        X[13, 32] = wrong
        with np.errstate(invalid="ignore"):
            s = functional.scores(X, p.W)
        assert not np.isfinite(s[13]).any()
        assert np.isfinite(np.delete(s, 13, axis=0)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormal_numbers_are_kept(simd_level: str, dtype: str) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    assert functional.scores(np.full((3, 40), tiny), np.eye(40, dtype=dtype)[:2])[:, 1].tolist() == [tiny] * 3


# softmax


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 1), (2, 2), (33, 7), (257, 10), (31, 17), (16, 100), (9, 1000), (5,), (1,)], ids=str
)
def test_probabilities_agree_with_the_twin(simd_level: str, shape: tuple[int, ...], dtype: str) -> None:
    s = (np.random.default_rng(0).normal(size=shape) * 5 + 6).astype(dtype)
    kept = s.copy()
    expected = reference.softmax(s.astype(np.float64))
    for n_threads in (1, 3):
        p = functional.softmax(s, n_threads=n_threads)
        assert_close(p, expected, np.float32 if dtype in ("float16", "float32") else np.float64, "probabilities")
        np.testing.assert_allclose(p.sum(axis=-1), np.ones(shape[:-1]), rtol=3e-6)
    assert same_bits(s, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0.0, 1e4, -1e4, 1e30])
def test_probabilities_of_large_and_of_equal_scores(simd_level: str, size: float, dtype: str) -> None:
    for c in (1, 2, 10, 17, 1000):
        s = np.full((5, c), size, dtype)
        np.testing.assert_allclose(functional.softmax(s), np.full((5, c), 1 / c), rtol=1e-6)
        s[:, 0] = 3 * abs(size) + 50
        certain = np.zeros((5, c))
        certain[:, 0] = 1
        np.testing.assert_allclose(functional.softmax(s), certain, atol=1e-6)


def test_each_probability_is_as_precise_as_its_type(simd_level: str) -> None:
    # Not only against the largest: over the whole range in which exp is a normal number.
    for dtype, lowest in ((np.float32, -86.0), (np.float64, -700.0)):
        s = np.stack([np.linspace(lowest, 0, 20001), np.zeros(20001)], axis=1).astype(dtype)
        p = functional.softmax(s)[:, 0].astype(np.float64)
        expected = 1 / (1 + np.exp(-s[:, 0].astype(np.float64)))
        np.testing.assert_allclose(p, expected, rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", ["Fortran", "strided", "byte-swapped", "read-only", "list"])
def test_probabilities_of_any_layout(simd_level: str, layout: str) -> None:
    s = np.random.default_rng(0).normal(size=(37, 11))
    expected = functional.softmax(s)
    wide = np.full((37, 22), np.nan)
    wide[:, ::2] = s
    read_only = s.copy()
    read_only.flags.writeable = False
    odd = {"Fortran": np.asfortranarray(s), "strided": wide[:, ::2], "byte-swapped": s.astype(">f8"),
           "read-only": read_only,
           "list": s.tolist()}  # fmt: skip
    assert same_bits(functional.softmax(odd[layout]), expected)


@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=40), st.sampled_from(LEVELS))
def test_probabilities_of_finite_scores_are_probabilities(scores: list[float], level: str) -> None:
    for dtype in (np.float32, np.float64):
        with config.use_simd_level(level):
            p = functional.softmax(np.array([scores, scores[::-1]], dtype))
        assert np.isfinite(p).all() and (p >= 0).all() and (p <= 1).all()
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


# moments


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 1), (2, 33), (257, 31), (33, 784), (31, 3073), (2049, 17), (5000, 5)], ids=str
)
def test_moments_agree_with_the_twin(simd_level: str, shape: tuple[int, int], dtype: str) -> None:
    p = problem(*shape, 2, dtype)
    weight = np.random.default_rng(1).choice([0, 0.5, 2, 3], shape[0])
    for sample_weight in (None, weight, np.zeros(shape[0])):
        mean, variance = functional.moments(p.X, sample_weight=sample_weight, n_threads=3)
        expected = twin("moments", p.X, sample_weight=sample_weight)
        assert_close(mean, expected.mean, np.float64, "mean")
        assert_close(variance, expected.variance, np.float64, "variance")
        assert (variance >= 0).all()


def test_moments_of_a_feature_far_from_zero_keep_their_digits(simd_level: str) -> None:
    # mean(x^2) - mean(x)^2 would lose them all.
    X = 1e8 + np.random.default_rng(0).normal(size=(4000, 3))
    mean, variance = functional.moments(X)
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(variance, X.var(axis=0), rtol=1e-6)
    assert functional.moments(np.full((1000, 2), 0.1)).variance.tolist() == pytest.approx([0, 0], abs=1e-28)


def test_moments_do_not_see_rows_of_no_weight(simd_level: str) -> None:
    p = problem(100, 33, 2, "float32")
    X, weight = p.X.copy(), np.ones(100)
    X[::7], weight[::7] = np.nan, 0
    kept = weight > 0
    mean, variance = functional.moments(X, sample_weight=weight)
    assert_close(mean, X[kept].astype(np.float64).mean(axis=0), np.float64, "mean")
    assert_close(variance, X[kept].astype(np.float64).var(axis=0), np.float64, "variance")
