"""What the transformers give after scikit-learn's `set_output`: tables with the columns' names."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastlin
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
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)
ROWS = RNG.normal(size=(12, 2)).astype(np.float32)
LABELS = np.arange(12) % 2


def words(**options: Any) -> VisualWords:
    return VisualWords(3, n_patches=200, random_state=0, precision="float32", **options)


def hog(**options: Any) -> HOG:
    return HOG(cells_per_block=(1, 1), **options)


TRANSFORMERS: list[tuple[Any, np.ndarray, str]] = [
    (hog(), IMAGES, "hog0"),
    (ColorHistogram(2), IMAGES, "colorhistogram0"),
    (words(), IMAGES, "cell0_0_word0"),
    (Crops(hog(), 8), IMAGES, "hog0"),
    (Concat([("shape", hog()), ("color", ColorHistogram(2))]), IMAGES, "shape__hog0"),
    (Concat([("color", ColorHistogram(2)), ("words", words())]), IMAGES, "color__colorhistogram0"),
    (PolarCoordinates(), ROWS, "radius"),
    (Polynomial2(), ROWS, "x0"),
    (SignedPower(), ROWS, "x0"),
    (BiasTrick(), ROWS, "x0"),
    (Standardize(), ROWS, "x0"),
]
each = pytest.mark.parametrize(
    ("model", "X", "first"), TRANSFORMERS, ids=[f"{type(m).__name__}-{first}" for m, _, first in TRANSFORMERS]
)


@pytest.fixture(params=["pandas", "polars"])
def tables(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("sklearn")
    return pytest.importorskip(request.param)


@pytest.fixture
def pandas() -> Any:
    pytest.importorskip("sklearn")
    return pytest.importorskip("pandas")


@each
def test_a_table_has_the_array_and_the_names(tables: Any, model: Any, X: np.ndarray, first: str) -> None:
    expected = copy.deepcopy(model).fit_transform(X)
    model = copy.deepcopy(model)
    assert model.set_output(transform=tables.__name__) is model
    table = model.fit_transform(X)
    assert isinstance(table, tables.DataFrame)
    np.testing.assert_array_equal(np.asarray(table), expected)
    assert np.asarray(table).dtype == expected.dtype
    assert list(table.columns) == model.get_feature_names_out().tolist() and table.columns[0] == first
    assert isinstance(model.transform(X[:3]), tables.DataFrame)
    assert type(model.set_output(transform="default").transform(X)) is np.ndarray


@each
def test_scikit_learns_setting_counts_where_none_was_made(pandas: Any, model: Any, X: np.ndarray, first: str) -> None:
    from sklearn import config_context

    model = copy.deepcopy(model)
    expected = model.fit_transform(X)
    with config_context(transform_output="pandas"):
        table = model.transform(X)
        assert isinstance(table, pandas.DataFrame) and table.columns[0] == first
        np.testing.assert_array_equal(table, expected)
        assert type(model.set_output(transform="default").transform(X)) is np.ndarray
        assert type(model.set_output().transform(X)) is np.ndarray  # None changes nothing


@each
def test_the_setting_goes_with_clones_and_pickles(pandas: Any, model: Any, X: np.ndarray, first: str) -> None:
    from sklearn.base import clone

    model = copy.deepcopy(model).set_output(transform="pandas")
    for again in (clone(model).fit(X), pickle.loads(pickle.dumps(model.fit(X)))):
        assert isinstance(again.transform(X), pandas.DataFrame)


@pytest.mark.parametrize("model", [SignedPower(), BiasTrick(), Polynomial2(), Standardize()])
@pytest.mark.parametrize("tables", ["pandas", "polars"])
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_scikit_learns_checks_of_it(model: Any, tables: str) -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    pytest.importorskip(tables)
    checks.check_set_output_transform(type(model).__name__, model)
    ways = [getattr(checks, name) for name in dir(checks) if name.endswith(f"output_transform_{tables}")]
    assert len(ways) == 2  # by its own setting, and by that of all
    for check in ways:
        check(type(model).__name__, model)


def test_a_chain_and_a_union_give_tables(pandas: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, Pipeline

    union = FeatureUnion([("shape", hog()), ("color", ColorHistogram(2)), ("words", words())])
    chain = Pipeline([("features", union), ("scaled", Standardize())]).set_output(transform="pandas")
    expected = copy.deepcopy(chain).set_output(transform="default").fit_transform(IMAGES)
    table = chain.fit_transform(IMAGES)
    assert type(expected) is np.ndarray and isinstance(table, pandas.DataFrame)
    np.testing.assert_array_equal(table, expected)
    assert {"shape__hog0", "color__colorhistogram7", "words__cell1_1_word2_below"} <= set(table.columns)
    assert table.columns.tolist() == chain.get_feature_names_out().tolist()
    classifier = Pipeline([("chain", chain), ("classifier", LogisticRegression())]).fit(IMAGES, LABELS)
    assert classifier[-1].feature_names_in_.tolist() == table.columns.tolist()
    ours = Pipeline([("chain", chain), ("classifier", fastlin.SoftmaxClassifier(random_state=0))]).fit(IMAGES, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ours.predict(IMAGES).shape == LABELS.shape


def test_columns_of_a_table_are_transformed_apart(pandas: Any) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import StandardScaler

    pixels = [f"pixel{k}" for k in range(256)]
    table = pandas.DataFrame(IMAGES[..., 0].reshape(12, 256), columns=pixels, index=[f"image{k}" for k in range(12)])
    table["left"], table["right"] = ROWS.T
    parts = ColumnTransformer([
        ("image", hog(image_shape=(16, 16)), pixels),
        ("power", SignedPower(), ["left", "right"]),
        ("scaled", StandardScaler(), ["left"]),
    ]).set_output(transform="pandas")  # fmt: skip
    out = parts.fit_transform(table)
    assert out.index.tolist() == table.index.tolist()
    assert out.columns.tolist() == [
        *(f"image__hog{k}" for k in range(36)), "power__left", "power__right", "scaled__left"
    ]  # fmt: skip
    np.testing.assert_array_equal(out.iloc[:, :36], hog().fit_transform(IMAGES[..., 0]))
    np.testing.assert_array_equal(out["power__left"], SignedPower().fit_transform(ROWS)[:, 0])


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (SignedPower(), ["left", "right"]),
        (Standardize(), ["left", "right"]),
        (BiasTrick(), ["left", "right", "bias"]),
        (Polynomial2(), ["left", "right", "left^2", "left right", "right^2"]),
        (PolarCoordinates(), ["radius", "cos", "sin"]),
        (Concat([("a", SignedPower()), ("b", BiasTrick())]), ["a__left", "a__right", "b__left", "b__right", "b__bias"]),
    ],
)
def test_the_names_of_a_tables_columns_are_kept(pandas: Any, model: Any, names: list[str]) -> None:
    model = copy.deepcopy(model)
    table = pandas.DataFrame(ROWS, columns=["left", "right"], index=[f"row{k}" for k in range(12)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = model.set_output(transform="pandas").fit_transform(table)
    assert out.columns.tolist() == names and out.index.tolist() == table.index.tolist()
    assert model.feature_names_in_.tolist() == ["left", "right"]
    again = type(model).from_state(*model.get_state())
    assert again.get_feature_names_out().tolist() == names
    with pytest.raises(ValueError, match="names should match"):
        model.transform(table[["right", "left"]])
    with pytest.raises(ValueError, match="input_features is"):
        model.get_feature_names_out(["right", "left"])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.transform(ROWS)
    assert not hasattr(model.fit(ROWS), "feature_names_in_")


def test_more_rows_have_the_columns_of_the_first(pandas: Any) -> None:
    table = pandas.DataFrame(ROWS, columns=["left", "right"])
    model = Standardize().partial_fit(table).partial_fit(table)
    assert model.get_feature_names_out().tolist() == ["left", "right"]
    with pytest.raises(ValueError, match="names should match"):
        model.partial_fit(table[["right", "left"]])


def test_names_of_a_state_are_checked(pandas: Any) -> None:
    for model in (SignedPower(), Concat([("power", SignedPower())])):
        plain, arrays = model.fit(pandas.DataFrame(ROWS, columns=["left", "right"])).get_state()
        for wrong in (["left"], ["left", 2], "lr"):
            plain["fitted"]["feature_names_in_"] = wrong
            with pytest.raises(ValueError, match=r"feature_names_in_ is .*; wanted is 2 strings"):
                type(model).from_state(plain, arrays)


def test_inside_fastlin_features_are_arrays(pandas: Any) -> None:
    from sklearn import config_context

    models = [
        fastlin.ImagePipeline(features, fastlin.SoftmaxClassifier(random_state=0), alpha=1e-3, random_state=0)
        for features in (hog(), Crops(hog(), 8), Crops(words(), 12), Concat([("a", hog()), ("b", words())]))
    ]
    for model in models:
        expected = copy.deepcopy(model).fit(IMAGES, LABELS).decision_function(IMAGES)
        with config_context(transform_output="pandas"), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = model.fit(IMAGES, LABELS).decision_function(IMAGES)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, expected)
        assert not hasattr(model.classifier_, "feature_names_in_")


def test_a_given_array_is_what_is_returned(pandas: Any) -> None:
    model = words().fit(IMAGES).set_output(transform="pandas")
    out = np.empty((12, model.n_features_out_), np.float32)
    assert model.transform(IMAGES, out=out) is out


def test_a_table_wants_names(pandas: Any) -> None:
    with pytest.raises(ValueError, match="this HOG is not fitted; call fit first"):
        hog().set_output(transform="pandas").transform(IMAGES)


def test_another_kind_of_output_is_refused() -> None:
    with pytest.raises(ValueError, match="transform is 'arrow'; wanted is 'default', 'pandas', 'polars' or None"):
        hog().set_output(transform="arrow")  # type: ignore[arg-type]


def test_without_scikit_learn_the_extra_is_named(run_python: Callable) -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from fastlin.features import BiasTrick
model = BiasTrick()
try:
    model.set_output(transform="pandas")
except ImportError as error:
    assert "pip install 'fastlin[sklearn]'" in str(error), error
else:
    raise AssertionError("no error")
assert type(model.fit_transform(np.ones((2, 3)))) is np.ndarray
"""
    run_python(code)
