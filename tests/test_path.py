"""A path of penalties through the public door, the conversion of penalties, and scikit-learn's optima."""

from __future__ import annotations

import numpy as np
import pytest

import fastlin
from fastlin import training

pytest.importorskip("scipy")
pytest.importorskip("threadpoolctl")


def real(name):
    if name == "fashion":
        data = fastlin.datasets.load_fashion_mnist_small()
        return data.X_train.reshape(len(data.X_train), -1)[::20], data.y_train[::20]
    sets = pytest.importorskip("sklearn.datasets")
    return getattr(sets, f"load_{name}")(return_X_y=True)


def two_rows(coef, intercept):
    return training.row_per_class(np.asarray(coef), np.asarray(intercept))


def blobs(n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, 240)
    return rng.standard_normal((n_classes, 5))[y] + rng.standard_normal((240, 5)), y


# scikit-learn's optima


@pytest.mark.parametrize("name", ["iris", "digits", "wine", "breast_cancer"])
@pytest.mark.parametrize("alpha", [1e-2, 1e-3])
def test_the_optimum_is_that_of_logistic_regression(name, alpha):
    """Its own best solver, to its own optimum: the same objective on raw columns, two classes and more."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = real(name)
    n_classes = int(y.max()) + 1
    path = fastlin.fit_path(X, y, [alpha], standardize=False, tol=1e-10, max_iter=5000)
    penalty = fastlin.convert_penalty(alpha=alpha, n_rows=len(X), n_classes=n_classes)
    theirs = linear_model.LogisticRegression(C=penalty.C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    theirs.fit(X, y)
    ours_at, theirs_at = (
        fastlin.softmax_loss(X, y, *two_rows(coef, intercept), l2=penalty.l2).loss
        for coef, intercept in ((path.coefs[0], path.intercepts[0]), (theirs.coef_, theirs.intercept_))
    )
    assert path.objectives[0] == pytest.approx(ours_at, rel=1e-9)
    assert ours_at == pytest.approx(theirs_at, rel=1e-6)
    assert path.coefs[0].shape == theirs.coef_.shape
    np.testing.assert_allclose(path.coefs[0], theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())


def test_the_l1_optimum_is_that_of_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = real("breast_cancer")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    alpha, ratio = 0.02, 0.7
    path = fastlin.fit_path(X, y, [alpha], l1_ratio=ratio, standardize=False, tol=1e-10)
    penalty = fastlin.convert_penalty(alpha=alpha, n_rows=len(X), n_classes=2, l1_ratio=ratio)
    theirs = linear_model.LogisticRegression(C=penalty.C, l1_ratio=ratio, solver="saga", tol=1e-10, max_iter=20000)
    theirs.fit(X, y)
    np.testing.assert_allclose(path.coefs[0], theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())
    np.testing.assert_array_equal(path.coefs[0] == 0, theirs.coef_ == 0)
    assert 5 < (path.coefs[0] == 0).sum() < 29


@pytest.mark.parametrize("alpha", [1e-2, 1e-3])
def test_the_hinge_is_that_of_the_dual_solver(alpha):
    """LIBSVM solves the dual of the same objective, with an intercept that is not penalised."""
    svm = pytest.importorskip("sklearn.svm")
    X, y = real("breast_cancer")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    penalty = fastlin.convert_penalty(alpha=alpha, n_rows=len(X), n_classes=2, loss="hinge")
    theirs = svm.SVC(kernel="linear", C=penalty.C, tol=1e-6).fit(X, y)
    best = fastlin.hinge_loss(X, y, *two_rows(theirs.coef_, theirs.intercept_), l2=penalty.l2).loss
    path = fastlin.fit_path(X, y, [alpha], loss="hinge", standardize=False)
    assert best * (1 - 1e-6) <= path.objectives[0] <= best * (1 + 1e-3)


@pytest.mark.parametrize("name", ["iris", "digits", "fashion"])
def test_the_hinge_is_no_worse_than_a_long_search(name):
    """Against the rounded hinge solved five times finer, and stochastic steps to a rate of nought."""
    X, y = real(name)
    n_classes = int(y.max()) + 1
    standardization = training.survey(X).standardization()
    shift, scale = standardization
    found = training.minimize(X, y, n_classes, loss="hinge", l2=5e-3, standardization=standardization)
    W, b = found.W.copy(), found.b.copy()
    best = found.certificate.objective
    rng = np.random.default_rng(0)
    for rate in 1e-3 * 0.9 ** np.arange(60):
        fastlin.sgd_epoch(
            X, y, W, b, loss="hinge", order=rng.permutation(len(X)), batch_size=32, lr=rate, l2=5e-3, shift=shift,
            scale=scale,
        )  # fmt: skip
        best = min(best, fastlin.hinge_loss(X, y, W, b, l2=5e-3, shift=shift, scale=scale).loss)
    assert found.certificate.objective <= best * (1 + 1e-3)
    assert best >= found.certificate.objective - found.certificate.gap


# The path


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", ["softmax", "squared_hinge", "hinge"])
def test_each_point_is_the_single_fit_in_the_order_given(n_classes, loss):
    X, y = blobs(n_classes)
    labels = np.array(["a", "b", "c"])[y]
    alphas = [1e-3, 1.0, 1e-1]
    path = fastlin.fit_path(X, labels, alphas, loss=loss, eval_set=(X, labels))
    assert path.classes.tolist() == ["a", "b", "c"][:n_classes]
    assert path.alphas.tolist() == alphas
    for k, alpha in enumerate(alphas):
        single = fastlin.fit_path(X, labels, [alpha], loss=loss)
        assert path.objectives[k] == pytest.approx(single.objectives[0], rel=2e-3 if loss == "hinge" else 2e-6)
        assert path.scores[k] == np.mean(path.predict(X, k) == labels)
    assert path.coefs.shape == (3, 1 if n_classes == 2 else 3, 5)
    assert path.intercepts.shape == path.coefs.shape[:2]
    assert path.scores[path.best] == path.scores.max()
    np.testing.assert_array_equal(path.predict(X), path.predict(X, path.best))


@pytest.mark.parametrize("standardize", [True, False])
def test_the_objective_is_an_estimators(standardize):
    X, y = blobs(2)
    path = fastlin.fit_path(X, y, [0.1], l1_ratio=0.5, standardize=standardize)
    w, b = path.coefs[0, 0], path.intercepts[0, 0]
    loss = np.logaddexp(0, -np.where(y == 1, 1, -1) * (X @ w + b)).mean()
    if standardize:
        w = w / training.survey(X).standardization().scale
    assert path.objectives[0] == pytest.approx(loss + 0.1 * (0.25 * (w**2).sum() + 0.5 * np.abs(w).sum()), rel=1e-6)


def test_images_weights_and_the_default_path():
    data = fastlin.datasets.load_fashion_mnist_small()
    X, y = np.ascontiguousarray(data.X_train[:300, ::4, ::4]), data.y_train[:300]
    weight = np.ones(300)
    weight[200:] = 0.0
    path = fastlin.fit_path(X, y, sample_weight=weight, max_iter=20)
    again = fastlin.fit_path(X[:200], y[:200], max_iter=20)
    assert len(path.alphas) == 13 and (np.diff(path.alphas) < 0).all()
    assert path.coefs.dtype == np.float32 and path.coefs.shape == (13, 10, 49)
    np.testing.assert_allclose(path.coefs[:4], again.coefs[:4], atol=1e-3)
    assert path.scores is None and path.best is None
    assert path.predict(X, 3).shape == (300,)


def test_of_equal_scores_the_strongest_penalty_is_best():
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    assert fastlin.fit_path(X, y, [1e-3, 1e-1, 1e-2], eval_set=(X, y)).best == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alphas": []}, "alphas is empty"),
        ({"alphas": [1.0, -1.0]}, "alphas is -1.0"),
        ({"l1_ratio": 2}, "l1_ratio is 2; wanted"),
        ({"sample_weight": np.zeros(240)}, "sample_weight is zero for every row"),
        ({"eval_set": (np.zeros((4, 3)), np.zeros(4))}, r"eval_set\[0\] has 3 features; wanted is 5"),
        ({"eval_set": (np.zeros((0, 5)), np.zeros(0))}, "eval_set has no rows"),
    ],
)
def test_wrong_arguments_are_named(wrong, message):
    X, y = blobs()
    with pytest.raises(ValueError, match=message):
        fastlin.fit_path(X, y, **{"alphas": [1.0], **wrong})


def test_an_evaluation_set_is_a_pair_with_labels_of_the_same_kind():
    X, y = blobs()
    with pytest.raises(TypeError, match=r"of eval_set, y holds '\d', while the classes are 0, 1"):
        fastlin.fit_path(X, y, [1.0], eval_set=(X, y.astype(str)))
    with pytest.raises(TypeError, match="eval_set is no pair"):
        fastlin.fit_path(X, y, [1.0], eval_set=X)


def test_one_strength_alone_is_no_sequence():
    with pytest.raises(TypeError, match=r"alphas is 0\.1; wanted is a sequence of numbers, of one too: \[0\.1\]"):
        fastlin.fit_path(*blobs(), 0.1)


def test_a_gram_matrix_of_another_kind_is_refused():
    X, y = blobs()
    with pytest.raises(TypeError, match=r"gram is ndarray; wanted is a fastlin\.training\.Gram, or None"):
        fastlin.fit_path(X, y, [1.0], gram=X.T @ X)


def test_rows_that_are_not_finite_are_refused():
    X, y = blobs()
    X[7, 2] = np.nan
    for standardize in (True, False):
        with pytest.raises(ValueError, match="X holds NaN in row 7, feature 2"):
            fastlin.fit_path(X, y, [1.0], standardize=standardize)


# Penalties


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_penalties_convert_to_each_other_and_back(n_classes, l1_ratio):
    common = {"n_rows": 200, "n_classes": n_classes, "l1_ratio": l1_ratio}
    first = fastlin.convert_penalty(alpha=0.01, **common)
    assert first[1] == pytest.approx(0.5)
    assert first.l1 == pytest.approx(0.01 * l1_ratio)
    for name in ("C", "l2"):
        again = fastlin.convert_penalty(**{name: getattr(first, name)}, **common)
        assert again[:4] == pytest.approx(first[:4], rel=1e-12)
    w = np.array([3.0, -4.0])
    W = np.stack([-w, w]) / 2 if n_classes == 2 else np.stack([w] * 5)
    squares = (w**2).sum() if n_classes == 2 else (W**2).sum()
    assert first.l2 * (W**2).sum() == pytest.approx(0.01 * (1 - l1_ratio) / 2 * squares)


def test_the_objective_in_words():
    convert = fastlin.convert_penalty
    words = convert(alpha=0.1, n_rows=10, n_classes=3, l1_ratio=0.5, loss="hinge").objective
    assert words == "mean over rows of sum_(j != y) max(0, s_j - s_y + margin) + 0.025 * sum(W**2) + 0.05 * sum(|W|)"
    none = convert(l2=0.0, n_rows=10, n_classes=3)
    assert np.isinf(none.C) and none.objective == "mean over rows of -log softmax(W x + b)[y]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "none of alpha, C and l2 given; wanted is exactly one"),
        ({"alpha": 1.0, "C": 1.0}, "alpha and C given; wanted is exactly one"),
        ({"alpha": -1.0}, "alpha is -1.0; wanted"),
        ({"C": 0.0}, "C is 0.0; wanted"),
        ({"alpha": 1.0, "n_rows": 0}, "n_rows is 0; wanted"),
        ({"alpha": 1.0, "n_classes": 1}, "n_classes is 1; wanted is an integer >= 2"),
        ({"l2": 1.0, "l1_ratio": 1.0}, "l1_ratio is 1 while l2 is given"),
        ({"alpha": 1.0, "loss": "log_loss"}, "loss is 'log_loss'; wanted"),
    ],
)
def test_wrong_penalties_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        fastlin.convert_penalty(**{"n_rows": 10, "n_classes": 3, **wrong})
