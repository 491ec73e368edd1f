"""Transformers of rows, transformers side by side, what scikit-learn asks of them, and their saved state."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastlin import functional
from fastlin.features import (
    HOG,
    BiasTrick,
    ColorHistogram,
    Concat,
    Crops,
    PolarCoordinates,
    Polynomial2,
    SignedPower,
    Standardize,
    VisualWords,
    _images,
    color_histogram,
    concat,
    hog,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)
ROWS = np.random.default_rng(1).normal(3, 2, (50, 2))


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (hog, "images"), (color_histogram, "images"), (HOG().fit, "X"), (ColorHistogram().transform, "X"),
        (VisualWords(3).fit, "X"), (Standardize().fit, "X"), (Crops(HOG(), 12).fit, "X"),
        (Concat([("bias", BiasTrick()), ("hog", HOG())]).transform, "X"),
    ],
)  # fmt: skip
def test_lists_that_make_no_array_are_refused_by_name(read: Callable, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} makes no array; wanted is numbers, in rows of one length"):
        read([IMAGES[0].tolist(), IMAGES[1, :8].tolist()])


def both() -> Concat:
    return Concat([("hog", HOG(pixels_per_cell=(4, 4), cells_per_block=(2, 2))), ("color", ColorHistogram())])


TRANSFORMERS: list[tuple[Any, np.ndarray]] = [
    (HOG(cells_per_block=(2, 2)), IMAGES),
    (ColorHistogram(bins=(6, 2, 2), grid=(2, 2)), IMAGES),
    (both(), IMAGES),
    (Concat([("poly", Polynomial2()), ("polar", PolarCoordinates()), ("scaled", Standardize())]), ROWS),
    (PolarCoordinates(angle="raw"), ROWS),
    (PolarCoordinates(center=(1.0, 2.0), angle=None), ROWS),
    (Polynomial2(interaction_only=True), ROWS),
    (SignedPower(0.3), ROWS),
    (BiasTrick(), ROWS),
    (Standardize(), ROWS),
]
NAMES = [f"{type(model).__name__}-{k}" for k, (model, _) in enumerate(TRANSFORMERS)]
each = pytest.mark.parametrize(("model", "X"), TRANSFORMERS, ids=NAMES)


# What each computes


def test_polar_coordinates() -> None:
    X = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, 0.0]])
    found = PolarCoordinates(center=None).fit_transform(X)
    np.testing.assert_allclose(found, [[1, 1, 0], [2, 0, 1], [3, -1, 0], [0, 1, 0]], atol=1e-15)
    np.testing.assert_allclose(PolarCoordinates(None, "raw").fit_transform(X)[:, 1], [0, np.pi / 2, np.pi, 0])
    model = PolarCoordinates().fit(X + 5)
    np.testing.assert_allclose(model.center_, X.mean(axis=0) + 5)
    np.testing.assert_allclose(model.transform(X + 5)[:, 0], np.hypot(*(X - X.mean(axis=0)).T), atol=1e-12)
    assert PolarCoordinates(None, None).fit_transform(X).shape == (4, 1)


def test_polynomials_are_scikit_learns() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = np.random.default_rng(0).normal(size=(7, 5))
    for interaction_only in (False, True):
        theirs = preprocessing.PolynomialFeatures(2, interaction_only=interaction_only, include_bias=False).fit(X)
        ours = Polynomial2(interaction_only).fit(X)
        np.testing.assert_allclose(ours.transform(X), theirs.transform(X))
        assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()


def test_signed_power_and_bias() -> None:
    X = np.array([[-8.0, 0.0, 27.0]])
    np.testing.assert_allclose(SignedPower(1 / 3).fit_transform(X), [[-2, 0, 3]])
    np.testing.assert_array_equal(BiasTrick().fit_transform(X), [[-8, 0, 27, 1]])


def test_standardize_is_scikit_learns_however_the_rows_are_cut() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(0)
    X = rng.normal(1e4, [1e-3, 1, 100, 0], (200, 4))
    theirs = preprocessing.StandardScaler().fit(X)
    ours, parts = Standardize().fit(X), Standardize()
    for start in (0, 1, 17, 150):
        parts.partial_fit(X[start : {0: 1, 1: 17, 17: 150, 150: 200}[start]])
    for model in (ours, parts):
        np.testing.assert_allclose(model.mean_, X.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(model.var_, X.var(axis=0), rtol=1e-6, atol=1e-18)
        assert model.n_samples_seen_ == 200
        np.testing.assert_allclose(model.transform(X), theirs.transform(X), atol=1e-5)
        np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, rtol=1e-12)
    assert not ours.transform(X)[:, 3].any()
    weight = rng.integers(0, 3, 200)
    np.testing.assert_allclose(
        Standardize().fit(X, sample_weight=weight).mean_, functional.moments(np.repeat(X, weight, axis=0)).mean
    )


def test_standardize_refuses_what_has_no_moments() -> None:
    with pytest.raises(ValueError, match="no rows of positive weight"):
        Standardize().fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="no rows of positive weight"):
        Standardize().fit(np.zeros((2, 3)), sample_weight=[0, 0])
    with pytest.raises(ValueError, match="not finite in feature 1"):
        Standardize().fit([[0, np.nan], [1, 2]])
    model = Standardize().fit(ROWS)
    before = model.mean_
    np.testing.assert_array_equal(model.partial_fit(np.zeros((0, 2))).mean_, before)
    with pytest.raises(ValueError, match="X has 3 features; wanted is 2"):
        model.partial_fit(np.zeros((4, 3)))
    np.testing.assert_array_equal(model.mean_, before)


def test_features_side_by_side() -> None:
    found = both().fit_transform(IMAGES)
    expected = [
        hog(IMAGES, 9, (4, 4), (2, 2)), color_histogram(IMAGES, (12, 4, 4), "hsv", norm="l1", power=0.5),
    ]  # fmt: skip
    np.testing.assert_array_equal(found, np.hstack(expected))
    np.testing.assert_array_equal(concat(*expected), found)
    assert concat(IMAGES, np.zeros((12, 1))).dtype == np.float64
    assert concat(IMAGES, np.zeros((12, 1), np.float16)).dtype == np.float32
    with pytest.raises(ValueError, match=r"features have \[12, 3\] rows"):
        concat(IMAGES, np.zeros((3, 1)))
    # Of two computing types the wider one holds both.
    mixed = Concat([("a", HOG(cells_per_block=(1, 1), dtype="float64")), ("b", ColorHistogram())])
    assert mixed.fit_transform(IMAGES).dtype == np.float64
    np.testing.assert_array_equal(mixed.transform(IMAGES)[:, -192:], found[:, -192:])


# Lectures: a ring around a disc, and XOR


def least_squares_accuracy(X: np.ndarray, y: np.ndarray) -> float:
    """Of a linear classifier with a bias, on the rows it was fitted on."""
    rows = BiasTrick().fit_transform(X)
    w = np.linalg.lstsq(rows, 2.0 * y - 1, rcond=None)[0]
    return float(np.mean((rows @ w > 0) == y))


def test_a_ring_is_linear_in_polar_coordinates_and_xor_in_products() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(1000) % 2
    theta = rng.uniform(0, 2 * np.pi, 1000)
    radius = np.where(y, 1.0, 0.3) + rng.normal(0, 0.1, 1000)
    ring = np.stack([radius * np.cos(theta), radius * np.sin(theta)], axis=1)
    assert least_squares_accuracy(ring, y) < 0.6
    assert least_squares_accuracy(PolarCoordinates().fit_transform(ring), y) > 0.99
    xor = rng.uniform(-1, 1, (1000, 2))
    y = xor[:, 0] * xor[:, 1] > 0
    assert least_squares_accuracy(xor, y) < 0.6
    assert least_squares_accuracy(np.sign(Polynomial2().fit_transform(xor)), y) > 0.99


# The protocol


@each
def test_the_state_makes_the_same_transformer(model: Any, X: np.ndarray) -> None:
    expected = model.fit(X).transform(X)
    plain, arrays = model.get_state()
    again = type(model).from_state(json.loads(json.dumps(plain)), {name: a.copy() for name, a in arrays.items()})
    np.testing.assert_array_equal(again.transform(X), expected)
    assert repr(again) == repr(model)
    assert again.get_feature_names_out().tolist() == model.get_feature_names_out().tolist()
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


def test_a_state_of_something_else_is_refused() -> None:
    plain, arrays = Standardize().fit(ROWS).get_state()
    with pytest.raises(ValueError, match="no state of HOG"):
        HOG.from_state(plain, arrays)
    plain["fitted"]["transform"] = 1
    with pytest.raises(ValueError, match="no attribute of Standardize"):
        Standardize.from_state(plain, arrays)
    plain, arrays = both().fit(IMAGES).get_state()
    plain["transformers"][0]["class"] = "np"
    with pytest.raises(ValueError, match="'np'"):
        Concat.from_state(plain, arrays)


# Found in no state, or not in all places of one; the last makes much of little.
HOSTILE = [None, True, -1, 0, 1.5, float("nan"), "x", [], {}, [[1, 2], 3], 10**30]


def _spoilt(value: Any) -> Iterator[Any]:
    """`value`, of JSON, with each of its parts in turn left out or replaced by something else."""
    yield from HOSTILE
    if isinstance(value, dict):
        for key in value:
            yield {other: value[other] for other in value if other != key}
            yield from ({**value, key: part} for part in _spoilt(value[key]))
    elif isinstance(value, list):
        for k in range(len(value)):
            yield value[:k] + value[k + 1 :]
            yield from ([*value[:k], part, *value[k + 1 :]] for part in _spoilt(value[k]))


@pytest.mark.parametrize(
    ("model", "X"),
    [
        *TRANSFORMERS, (Crops(ColorHistogram(2), 8), IMAGES),
        (VisualWords(4, patch_size=4, n_patches=100, random_state=0), IMAGES),
    ],
    ids=[*NAMES, "Crops", "VisualWords"],
)  # fmt: skip
def test_whatever_is_no_state_is_a_value_error(model: Any, X: np.ndarray) -> None:
    plain, arrays = model.fit(X).get_state()
    spoilt = [(state, arrays) for state in _spoilt(json.loads(json.dumps(plain)))]
    wrong_arrays = (None, [1.0], np.zeros(0), np.zeros(99))
    spoilt += [(plain, {**arrays, name: wrong}) for name in arrays for wrong in wrong_arrays]
    spoilt += [(plain, {other: arrays[other] for other in arrays if other != name}) for name in arrays]
    refused = 0
    for state, learnt in spoilt:
        try:
            again = type(model).from_state(state, learnt)
        except ValueError as error:
            assert str(error)
            refused += 1
        else:  # as of a parameter, which is checked where it is used; what a fit learns is there, or not
            assert not hasattr(again, "n_features_out_") or len(again.get_feature_names_out()) == again.n_features_out_
            assert all(array.dtype.kind in "uf" for array in again.get_state()[1].values())
    assert refused > len(spoilt) / 3


@pytest.mark.parametrize("model", [Standardize(), Concat([("scaled", Standardize())])])
def test_a_state_with_a_part_of_a_fit_is_refused_by_its_name(model: Any) -> None:
    plain, arrays = model.fit(ROWS).get_state()
    plain["fitted"] = {"feature_names_in_": ["left", "right"]}
    with pytest.raises(ValueError, match="has no n_features_in_"):
        type(model).from_state(plain, arrays)


def test_the_learnt_values_of_a_state_are_checked() -> None:
    plain, arrays = Standardize().fit(ROWS).get_state()
    for name in ("n_samples_seen_", "_resolution"):
        with pytest.raises(ValueError, match=f"{name} is -1"):
            Standardize.from_state({**plain, "fitted": {**plain["fitted"], name: -1}}, arrays)
    plain, arrays = HOG(cells_per_block=(2, 2)).fit(IMAGES).get_state()
    for name in ("n_features_in_", "n_features_out_"):
        with pytest.raises(ValueError, match="wanted is 768 and 36,"):
            HOG.from_state({**plain, "fitted": {**plain["fitted"], name: 10**30}}, arrays)


@pytest.mark.parametrize("center", ["middle", (1.0,), [[1], [1, 2]], ("1", "2"), (1j, 2), (1.0, np.inf), {}])
def test_a_centre_is_two_finite_numbers(center: Any) -> None:
    with pytest.raises(ValueError, match=r"^center (is|makes no array).*; wanted is "):
        PolarCoordinates(center=center).fit(ROWS)


def test_moments_that_overflow_are_refused_without_a_warning() -> None:
    with pytest.raises(ValueError, match="moments that are not finite in feature 0"):
        Standardize().fit(np.full((9, 2), 1e308))


def test_what_is_no_rows_and_no_names_is_refused_by_name() -> None:
    model = Concat([("power", SignedPower())]).fit(ROWS)
    with pytest.raises(ValueError, match=r"X has shape \(\); wanted is rows, or images"):
        model.transform(3.0)
    for names in (3, "left"):
        with pytest.raises(TypeError, match=r"input_features is .*; wanted is a list of names"):
            model.get_feature_names_out(names)


@each
def test_feature_names_and_shape(model: Any, X: np.ndarray) -> None:
    names = model.fit(X).get_feature_names_out()
    assert names.shape == (model.transform(X).shape[1],) and names.dtype == object
    assert len(set(names)) == len(names)
    assert model.n_features_in_ == np.prod(X.shape[1:])


@each
def test_parameters(model: Any, X: np.ndarray) -> None:
    params = model.get_params(deep=False)
    again = type(model)(**params)
    assert again.get_params(deep=False) == params and repr(again) == repr(model)
    with pytest.raises(ValueError, match="'colour' is no parameter"):
        model.set_params(colour=1)


def test_parameters_of_parts() -> None:
    model = both()
    model.set_params(hog__orientations=6, color=ColorHistogram(bins=2))
    assert model.get_params()["hog__orientations"] == 6
    assert model.fit_transform(IMAGES).shape == (12, 9 * 24 + 8)
    with pytest.raises(ValueError, match="'hog__colour' is no parameter"):
        model.set_params(hog__colour=1)


def test_what_is_not_fitted_says_so() -> None:
    for model in (Standardize(), PolarCoordinates()):
        with pytest.raises(ValueError, match="is not fitted; call fit first"):
            model.transform(ROWS)
    with pytest.raises(ValueError, match="wanted is 2"):
        PolarCoordinates().fit(np.zeros((2, 3)))


@each
def test_scikit_learn_clones_and_chains_them(model: Any, X: np.ndarray) -> None:
    base = pytest.importorskip("sklearn.base")
    pipeline = pytest.importorskip("sklearn.pipeline")
    from sklearn.exceptions import NotFittedError
    from sklearn.linear_model import LogisticRegression
    from sklearn.utils import get_tags
    from sklearn.utils.validation import check_is_fitted

    copy = base.clone(model)
    assert repr(copy) == repr(model)
    if copy._needs_fit:
        with pytest.raises(NotFittedError):
            check_is_fitted(copy)
    expected = copy.fit(X).transform(X)
    check_is_fitted(copy)
    assert not get_tags(copy).target_tags.required
    union = pipeline.FeatureUnion([("a", base.clone(model)), ("b", base.clone(model))])
    np.testing.assert_array_equal(union.fit_transform(X), np.hstack([expected, expected]))
    y = np.arange(len(X)) % 2
    chain = pipeline.make_pipeline(union, Standardize(), LogisticRegression(max_iter=1000))
    assert chain.fit(X, y).predict(X).shape == y.shape
    assert len(chain[:-1].get_feature_names_out()) == 2 * expected.shape[1]


def test_a_search_sets_parameters_inside_a_chain() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    chain = make_pipeline(both(), LogisticRegression())
    search = selection.GridSearchCV(chain, {"concat__hog__orientations": [4, 9]}, cv=2, error_score="raise")
    search.fit(IMAGES, np.arange(12) % 2)
    assert search.best_params_["concat__hog__orientations"] in (4, 9)


@each
def test_inputs_stay_as_they_are_and_results_are_new(model: Any, X: np.ndarray) -> None:
    before = X.copy()
    result = model.fit(X).transform(X)
    assert not np.may_share_memory(result, X)
    np.testing.assert_array_equal(X, before)
    X = np.array(X)
    X.flags.writeable = False
    np.testing.assert_array_equal(model.transform(X), result)


def test_neither_scikit_learn_nor_a_bar_is_loaded(run_python: Callable) -> None:
    code = """
        import sys, numpy as np
        from fastlin.features import HOG, ColorHistogram, Concat, Standardize
        model = Concat([("hog", HOG()), ("color", ColorHistogram())])
        Standardize().fit(model.fit_transform(np.zeros((3, 32, 32, 3), np.uint8)))
        assert not {"sklearn", "tqdm", "matplotlib"} & set(sys.modules)
    """
    import textwrap

    run_python(textwrap.dedent(code))


def test_verbose_tells_when_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    hog(IMAGES, verbose=1, cells_per_block=(1, 1))
    color_histogram(IMAGES, verbose=1)
    assert capsys.readouterr().out == "hog: 12 images\ncolor histogram: 12 images\n"
    hog(IMAGES, cells_per_block=(1, 1))
    assert capsys.readouterr().out == ""


def test_long_batches_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    # A part is where Ctrl-C is seen; the result does not depend on it.
    expected = hog(IMAGES, cells_per_block=(1, 1)), color_histogram(IMAGES)
    seen = []
    monkeypatch.setattr(_images, "PART_PIXELS", 5 * 256)
    monkeypatch.setattr(_images.Bar, "done", lambda self, part: seen.append(part.stop - part.start))
    np.testing.assert_array_equal(hog(IMAGES, cells_per_block=(1, 1)), expected[0])
    np.testing.assert_array_equal(color_histogram(IMAGES), expected[1])
    assert seen == [5, 5, 2] * 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the platform has no interval timer")
def test_an_interrupt_is_seen_between_parts() -> None:
    # As Ctrl-C does, while a batch of seconds is worked through: one image seen four million times.
    X = np.broadcast_to(IMAGES[0, :8, :8], (4_000_000, 8, 8, 3))
    began: list[float] = []

    def interrupt(*_: object) -> None:
        began.append(time.perf_counter())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for function in (lambda: hog(X, cells_per_block=(1, 1), n_threads=1), lambda: color_histogram(X, 2)):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            start = time.process_time()
            with pytest.raises(KeyboardInterrupt):
                function()
            # CPU time: the machine may be busy with something else.
            assert time.process_time() - start < 0.2 + 0.25
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(began) == 2
