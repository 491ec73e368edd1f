"""Models to and from scikit-learn and torch: the same scores on the other side."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from fastlin import LinearClassifier, SoftmaxClassifier, SVMClassifier, load_model
from fastlin.formats import from_sklearn, from_torch, read_safetensors, to_sklearn, to_torch, write_safetensors
from fastlin.linear_model import NotFittedError


def rows(n_classes=3, dtype=np.float64):
    rng = np.random.default_rng(0)
    y = np.arange(150) % n_classes
    return (rng.standard_normal((150, 5)) + y[:, None] * rng.standard_normal(5)).astype(dtype), y


LABELS = {"numbers": np.array([-3, 5, 40]), "strings": np.array(["ant", "bee", "cat"])}


def estimators():
    from sklearn import discriminant_analysis, linear_model, neural_network, svm

    return {
        "LogisticRegression": linear_model.LogisticRegression(),
        "without intercept": linear_model.LogisticRegression(fit_intercept=False),
        "SGD hinge": linear_model.SGDClassifier(random_state=0),
        "SGD log_loss": linear_model.SGDClassifier("log_loss", random_state=0),
        "LinearSVC": svm.LinearSVC(random_state=0),
        "LinearSVC hinge without intercept": svm.LinearSVC(loss="hinge", fit_intercept=False, random_state=0),
        "RidgeClassifier": linear_model.RidgeClassifier(),
        "RidgeClassifierCV": linear_model.RidgeClassifierCV(),
        "Ridge without intercept": linear_model.RidgeClassifier(fit_intercept=False),
        "Perceptron": linear_model.Perceptron(random_state=0),
        "LDA": discriminant_analysis.LinearDiscriminantAnalysis(),
        "MLP": neural_network.MLPClassifier((), max_iter=20, random_state=0),
    }


NAMES = [
    "LogisticRegression", "without intercept", "SGD hinge", "SGD log_loss", "LinearSVC",
    "LinearSVC hinge without intercept", "RidgeClassifier", "RidgeClassifierCV", "Ridge without intercept",
    "Perceptron", "LDA", "MLP",
]  # fmt: skip
# Those whose probabilities are the softmax of the scores, for two classes and for more.
SOFTMAX = {
    2: {"LogisticRegression", "without intercept", "SGD log_loss", "LDA", "MLP"},
    3: {"LogisticRegression", "without intercept", "LDA", "MLP"},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("labels", LABELS)
def test_from_sklearn_scores_the_same(name, n_classes, labels):
    pytest.importorskip("sklearn")
    X, y = rows(n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, of steps that were too few
        theirs = estimators()[name].fit(X, LABELS[labels][y])
    ours = from_sklearn(theirs)
    assert ours.classes_.tolist() == theirs.classes_.tolist() and ours.n_features_in_ == 5
    if name != "MLP":
        np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert (ours.loss == "softmax") == (name in SOFTMAX[n_classes])
    if ours.loss == "softmax":
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9, atol=1e-12)
    theirs_too = to_sklearn(ours)
    np.testing.assert_array_equal(theirs_too.predict(X), theirs.predict(X))


def test_from_sklearn_keeps_the_hinge_and_float32():
    svm = pytest.importorskip("sklearn.svm")
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = rows()
    assert from_sklearn(svm.LinearSVC().fit(X, y)).loss == "squared_hinge"
    assert from_sklearn(svm.LinearSVC(loss="hinge", max_iter=10_000).fit(X, y)).loss == "hinge"
    model = from_sklearn(linear_model.LogisticRegression().fit(X.astype(np.float32), y))
    assert model.coef_.dtype == np.float32 and model.partial_fit(X.astype(np.float32), y).n_iter_ == 1


def test_from_sklearn_takes_sparse_weights():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = rows()
    theirs = linear_model.SGDClassifier(random_state=0).fit(X, y)
    scores = theirs.decision_function(X)
    np.testing.assert_allclose(from_sklearn(theirs.sparsify()).decision_function(X), scores)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("arguments", [{}, {"with_mean": False}, {"with_std": False}])
def test_scalers_of_a_pipeline_are_folded(n_classes, arguments):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline

    X, y = rows(n_classes)
    X[:, 0] = 7.0  # constant
    scalers = [preprocessing.MaxAbsScaler(), preprocessing.MinMaxScaler((-1, 3))]
    theirs = make_pipeline(
        *scalers, "passthrough", preprocessing.StandardScaler(**arguments), LogisticRegression(max_iter=999)
    )
    theirs.fit(X, y)
    ours = from_sklearn(theirs)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    with pytest.raises(TypeError, match=r"the pipeline has the step MinMaxScaler.*without clip"):
        from_sklearn(make_pipeline(preprocessing.MinMaxScaler(clip=True), LogisticRegression()))
    with pytest.raises(TypeError, match="the pipeline has the step PolynomialFeatures"):
        from_sklearn(make_pipeline(preprocessing.PolynomialFeatures(), LogisticRegression()))
    with pytest.raises(ValueError, match="the StandardScaler of the pipeline is not fitted"):
        from_sklearn(Pipeline([("s", preprocessing.StandardScaler()), ("c", theirs[-1])]))


def test_what_from_sklearn_refuses():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    X, y = rows()
    with pytest.raises(TypeError, match="estimator is a SVC; wanted is one of LogisticRegression"):
        from_sklearn(SVC(kernel="linear").fit(X, y))  # whose three rows of coef_ are those of the pairs of classes
    with pytest.raises(ValueError, match="the LogisticRegression is not fitted"):
        from_sklearn(LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deep = MLPClassifier((3,), max_iter=1).fit(X, y)
        several = MLPClassifier((), max_iter=1).fit(X, np.eye(3, dtype=int)[y])
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(3,\); wanted is \(\)"):
        from_sklearn(deep)
    with pytest.raises(ValueError, match="the MLPClassifier is fitted to several labels a row"):
        from_sklearn(several)
    with pytest.raises(ValueError, match="the RidgeClassifier is fitted to several labels a row"):
        from_sklearn(RidgeClassifier().fit(X, np.eye(3, dtype=int)[y]))


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_sklearn_predicts_the_same(loss, n_classes, labels, dtype):
    pytest.importorskip("sklearn")
    X, y = rows(n_classes, dtype)
    ours = LinearClassifier(loss, random_state=0).fit(X, LABELS[labels][y])
    theirs = to_sklearn(ours)
    assert type(theirs).__name__ == ("LogisticRegression" if loss == "softmax" else "LinearSVC")
    np.testing.assert_allclose(theirs.decision_function(X), ours.decision_function(X), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))
    assert theirs.score(X, LABELS[labels][y]) == ours.score(X, LABELS[labels][y]) > 0.5
    if loss == "softmax":
        np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-4, atol=1e-6)
    theirs.coef_[...] = 0  # its own
    assert np.abs(ours.coef_).max() > 0
    assert type(from_sklearn(to_sklearn(ours))) is (SoftmaxClassifier if loss == "softmax" else SVMClassifier)


def test_without_sklearn_the_pip_line_is_named(monkeypatch):
    X, y = rows()
    model = SoftmaxClassifier(max_iter=1).fit(X, y)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ImportError, match=r"to_sklearn needs scikit-learn: pip install 'fastlin\[sklearn\]'"):
        to_sklearn(model)


# torch


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["softmax", "hinge"])
def test_torch_there_and_back(n_classes, dtype, loss):
    X, y = rows(n_classes, dtype)
    model = LinearClassifier(loss, random_state=0).fit(X, LABELS["strings"][y])
    arrays = to_torch(model)
    assert arrays["weight"].shape == (n_classes, 5) and arrays["bias"].shape == (n_classes,)
    again = from_torch(**arrays, classes=model.classes_, loss=loss)
    assert type(again) is (SoftmaxClassifier if loss == "softmax" else SVMClassifier)
    for name in ("coef_", "intercept_", "classes_"):
        assert getattr(again, name).dtype == getattr(model, name).dtype
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    scores = X @ arrays["weight"].T + arrays["bias"]
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))
    arrays["weight"][...] = 0  # its own
    assert np.abs(model.coef_).max() > 0


@pytest.mark.parametrize("n_rows", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_torch_layer_and_its_model_agree(tmp_path, n_rows, dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, n_rows, dtype=getattr(torch, dtype))
    X = rows()[0].astype(np.float64 if dtype == "float64" else np.float32)
    with torch.no_grad():
        weight, bias = layer.weight.to(torch.from_numpy(X).dtype), layer.bias.to(torch.from_numpy(X).dtype)
        scores = torch.from_numpy(X) @ weight.T + bias
        p = torch.sigmoid(scores) if n_rows == 1 else torch.softmax(scores, dim=1)
    model = from_torch(layer.weight, layer.bias)
    assert model.coef_.dtype == X.dtype
    expected = p[:, 0].numpy() if n_rows == 1 else p[:, 1].numpy()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, rtol=1e-5, atol=1e-6)
    if n_rows == 1:
        np.testing.assert_array_equal(model.predict(X), (scores[:, 0] > 0).numpy().astype(int))
    else:
        np.testing.assert_array_equal(model.predict(X), scores.argmax(dim=1).numpy())
        other = torch.nn.Linear(5, n_rows, dtype=torch.from_numpy(X).dtype)
        other.load_state_dict({name: torch.from_numpy(array) for name, array in to_torch(model).items()})
        with torch.no_grad():
            np.testing.assert_array_equal(other(torch.from_numpy(X)).argmax(dim=1).numpy(), model.predict(X))
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({"weight": layer.weight, "bias": layer.bias}, tmp_path / "head.safetensors")
    arrays, _ = read_safetensors(tmp_path / "head.safetensors")
    np.testing.assert_array_equal(from_torch(**arrays).coef_, model.coef_)
    write_safetensors(tmp_path / "back.safetensors", to_torch(model))
    assert safetensors.load_file(tmp_path / "back.safetensors")["weight"].shape == (max(n_rows, 2), 5)


def test_a_model_from_elsewhere_is_saved_and_goes_on_learning(tmp_path):
    X, y = rows()
    W = np.random.default_rng(1).standard_normal((5, 3)).T  # in Fortran's order
    model = from_torch(W, classes=["a", "b", "c"])
    before = model.score(X, LABELS["strings"][y].astype("U1"))
    np.testing.assert_array_equal(model.intercept_, 0)
    assert model.coef_.flags.c_contiguous
    for suffix in ("npz", "safetensors"):
        model.save(tmp_path / f"m.{suffix}")
        np.testing.assert_array_equal(load_model(tmp_path / f"m.{suffix}").coef_, W)
    for _ in range(20):
        model.partial_fit(X, LABELS["strings"][y].astype("U1"))
    assert model.score(X, LABELS["strings"][y].astype("U1")) > before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weight": np.ones(3)}, ValueError, r"weight has shape \(3,\); wanted is \(n_classes, n_features\)"),
        ({"weight": np.ones((0, 3))}, ValueError, r"weight has shape \(0, 3\)"),
        ({"weight": np.ones((3, 0))}, ValueError, r"weight has shape \(3, 0\)"),
        ({"weight": [[1.0], [1.0, 2.0]]}, ValueError, "weight makes no array"),
        ({"weight": [["a"]]}, TypeError, "weight has dtype <U1; wanted is real numbers"),
        ({"weight": np.ma.ones((3, 2))}, TypeError, "weight is a masked array"),
        ({"weight": np.ones((3, 2)), "classes": np.ma.arange(3)}, TypeError, "classes is a masked array"),
        ({"weight": np.full((3, 2), np.nan)}, ValueError, "weight holds nan; wanted is finite"),
        ({"weight": np.ones((3, 2)), "bias": np.ones(2)}, ValueError, r"bias has shape \(2,\); wanted is \(3,\)"),
        ({"weight": np.ones((2, 2)), "bias": np.ones((2, 1))}, ValueError, r"bias has shape \(2, 1\)"),
        ({"weight": np.ones((3, 2)), "bias": [1, np.inf, 0]}, ValueError, "bias holds inf"),
        ({"weight": np.ones((3, 2)), "classes": [1, 2]}, ValueError, "classes is .1, 2.; wanted is 3 labels, sorted"),
        ({"weight": np.ones((3, 2)), "classes": [3, 2, 1]}, ValueError, "classes is .3, 2, 1.; wanted is 3 labels"),
        ({"weight": np.ones((3, 2)), "classes": [1, 1, 2]}, ValueError, "each once"),
        ({"weight": np.ones((3, 2)), "loss": "log"}, ValueError, "loss is 'log'; wanted is one of 'softmax'"),
    ],
)
def test_what_from_torch_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        from_torch(**arguments)


@pytest.mark.parametrize("convert", [to_sklearn, to_torch])
def test_only_fitted_models_of_fastlin_go_out(convert):
    with pytest.raises(NotFittedError):
        convert(SoftmaxClassifier())
    with pytest.raises(TypeError, match="model is a int; wanted is a LinearClassifier"):
        convert(3)
