"""The estimators' parameters beyond the plain fit: weights, warm starts, new labels, solvers, stopping, checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from fastlin import convert_penalty, functional, training
from fastlin.linear_model import LinearClassifier, SoftmaxClassifier, SVMClassifier, load_model


def blobs(n_rows=400, n_features=6, n_classes=4, seed=0, apart=2.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    return rng.standard_normal((n_rows, n_features)) + apart * rng.standard_normal((n_classes, n_features))[y], y


# Weights by class


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_class_weight_is_a_weight_of_each_row(solver):
    X, y = blobs()
    names = np.array(["a", "b", "c", "d"])[y]
    by_class = LinearClassifier(class_weight={"a": 3.0, "c": 0.5}, solver=solver, random_state=0).fit(X, names)
    by_row = LinearClassifier(solver=solver, random_state=0).fit(X, names, np.array([3.0, 1.0, 0.5, 1.0])[y])
    np.testing.assert_array_equal(by_class.coef_, by_row.coef_)


def test_balanced_weights_are_those_of_the_formula():
    X, y = blobs(apart=0.5)
    kept = np.flatnonzero((y != 1) | (np.arange(len(y)) < 40))  # few rows of class 1
    X, y = X[kept], y[kept]
    counts = np.bincount(y)
    balanced = SoftmaxClassifier(class_weight="balanced", random_state=0).fit(X, y)
    given = SoftmaxClassifier(class_weight=dict(enumerate(len(y) / (4 * counts))), random_state=0).fit(X, y)
    np.testing.assert_array_equal(balanced.coef_, given.coef_)
    assert (balanced.predict(X) == 1).sum() > (SoftmaxClassifier(random_state=0).fit(X, y).predict(X) == 1).sum()


def test_balanced_weights_of_partial_fit_count_all_rows_seen(tmp_path):
    X, y = blobs()
    model = SoftmaxClassifier(class_weight="balanced", random_state=0, shuffle=False)
    model.partial_fit(X[:100], y[:100], classes=range(4))
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    # Rows of class 0 alone: of 200 rows seen there are then 125 of it, and 25 of each other.
    some = np.flatnonzero(y == 0)
    model.partial_fit(X[some], y[some])
    again._state.velocity = None
    weighted = load_model(tmp_path / "m.npz").set_params(class_weight={0: 200 / (4 * 125)})
    weighted.partial_fit(X[some], y[some])
    again.partial_fit(X[some], y[some])
    np.testing.assert_array_equal(again.coef_, weighted.coef_)


# Where a fit starts from


def test_warm_start_goes_on_from_the_last_weights():
    X, y = blobs()
    model = LinearClassifier(warm_start=True, max_iter=1, momentum=0.0, shuffle=False, learning_rate="constant")
    model.fit(X, y)
    first = model.coef_.copy()
    model.fit(X, y)
    assert not np.array_equal(model.coef_, first) and model.history_["loss"][0] < np.log(4)
    cold = LinearClassifier(max_iter=1, momentum=0.0, shuffle=False, learning_rate="constant").fit(X, y)
    np.testing.assert_array_equal(cold.coef_, first)
    with pytest.raises(ValueError, match="warm_start is True and the last fit had"):
        model.fit(X, y + 1)


@pytest.mark.parametrize("n_first", [2, 3])
def test_new_labels_may_come_in_partial_fit(n_first):
    X, y = blobs(n_rows=2000, apart=4.0)
    names = np.array(["d", "b", "a", "c"])[y]
    first = np.isin(y, range(n_first))
    model = SoftmaxClassifier(random_state=0)
    for _ in range(5):
        model.partial_fit(X[first], names[first], classes="grow")
    assert len(model.classes_) == n_first
    before = dict(zip(model.classes_, model.decision_function(X).T, strict=True)) if n_first > 2 else None
    model.partial_fit(X[:0], names[:0], classes="grow")
    assert len(model.classes_) == n_first
    for _ in range(30):
        model.partial_fit(X, names, classes="grow")
    assert model.classes_.tolist() == ["a", "b", "c", "d"] and model.coef_.shape == (4, 6)
    assert model.score(X, names) > 0.97
    assert before is None or set(before) < set(model.classes_)


def test_new_labels_start_from_zero_weights():
    X, y = blobs()
    model = SoftmaxClassifier(random_state=0).partial_fit(X, y, classes="grow")
    coef = model.coef_.copy()
    model.set_params(eta0=1e-12, momentum=0.0).partial_fit(X[:1], [-5], classes="grow")
    assert model.classes_.tolist() == [-5, 0, 1, 2, 3]
    np.testing.assert_allclose(model.coef_, np.vstack([np.zeros((1, 6)), coef]), atol=1e-9)
    with pytest.raises(ValueError, match="y holds 7, which is not among the classes"):
        model.partial_fit(X[:1], [7])
    with pytest.raises(ValueError, match="classes is 'more'; wanted is one of 'grow'"):
        model.partial_fit(X[:1], [7], classes="more")


# Without an intercept


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_without_intercept_the_origin_has_no_score(solver):
    X, y = blobs()
    model = SoftmaxClassifier(fit_intercept=False, solver=solver, random_state=0).fit(X + 1.0, y)
    assert (model.intercept_ == 0).all() and (model.decision_function(np.zeros((1, 6))) == 0).all()
    assert model.score(X + 1.0, y) > 0.8


# Solvers


def objective(model, X, y):
    """The documented one, at the model's weights on raw rows without standardisation."""
    W, b = training.row_per_class(model.coef_, model.intercept_)
    loss = functional.softmax_loss(X, y, W, b).loss
    return loss + model.alpha / 2 * float((model.coef_**2).sum())


@pytest.mark.parametrize("name", ["iris", "digits", "breast_cancer"])
def test_lbfgs_reaches_the_optimum_of_logistic_regression(name):
    sklearn = pytest.importorskip("sklearn")
    from sklearn import datasets
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    assert sklearn
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    n_classes = len(np.unique(y))
    penalty = convert_penalty(C=0.1, n_rows=len(X), n_classes=n_classes)
    ours = SoftmaxClassifier(solver="lbfgs", alpha=penalty.alpha, standardize=False, tol=1e-12).fit(X, y)
    theirs = LogisticRegression(C=0.1, tol=1e-10, max_iter=10000, solver="newton-cholesky").fit(X, y)
    reference = SoftmaxClassifier(alpha=penalty.alpha)
    reference.coef_, reference.intercept_ = theirs.coef_, theirs.intercept_
    assert objective(ours, X, y) <= objective(reference, X, y) * (1 + 1e-6)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())
    assert ours.certificate_.converged and ours.stop_reason_ == "tol"


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_auto_polishes_and_certifies(loss):
    X, y = blobs()
    sgd = LinearClassifier(loss, random_state=0).fit(X, y)
    polished = LinearClassifier(loss, solver="auto", random_state=0).fit(X, y)
    assert sgd.certificate_ is None
    certificate = polished.certificate_
    assert certificate.objective <= sgd.history_["loss"][-1] + 1e-3 and certificate.n_passes > 0
    assert polished.score(X, y) >= sgd.score(X, y) - 0.01
    assert polished.n_iter_ > sgd.n_iter_  # the steps of the polish stand in the history


def test_the_full_batch_solver_does_without_minibatches():
    X, y = blobs()
    model = SoftmaxClassifier(solver="lbfgs")
    assert not hasattr(model, "partial_fit") and hasattr(SoftmaxClassifier(), "partial_fit")
    for parameters, message in [
        ({"early_stopping": True}, "early_stopping is True"), ({"checkpoint": "x.npz"}, "checkpoint is"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            SoftmaxClassifier(solver="lbfgs", **parameters).fit(X, y)


def test_callbacks_see_and_stop_the_full_batch_solver():
    X, y = blobs()
    seen = []

    def stop_at_three(view):
        seen.append(view.record.loss)
        return view.epoch == 3

    model = SoftmaxClassifier(solver="lbfgs", alpha=1e-6, callbacks=[stop_at_three]).fit(X, y)
    assert len(seen) == model.n_iter_ == 3 and seen[0] > seen[-1] and model.stop_reason_ == "callback"
    assert model.score(X, y) > 0.8


# Stopping


def test_early_stopping_keeps_the_best_of_held_out_rows():
    X, y = blobs(apart=0.3, n_features=100, n_rows=300)  # few rows, many features: it overfits
    model = SoftmaxClassifier(
        early_stopping=True, n_iter_no_change=3, max_iter=200, alpha=0.0, batch_size=32, random_state=0,
        learning_rate="constant",
    ).fit(X, y)  # fmt: skip
    losses = model.history_["validation_loss"]
    assert model.stop_reason_ == "early_stopping" and model.n_iter_ < 200
    assert model.best_epoch_ == losses.argmin() + 1 == model.n_iter_ - 3


def test_a_callers_rows_can_be_held_out():
    X, y = blobs()
    names = np.array(["a", "b", "c", "d"])[y]
    model = SoftmaxClassifier(random_state=0, max_iter=5).fit(X[:300], names[:300], eval_set=(X[300:], names[300:]))
    np.testing.assert_allclose(model.history_["validation_accuracy"][-1], model.score(X[300:], names[300:]))
    plain = SoftmaxClassifier(random_state=0, max_iter=5).fit(X[:300], names[:300])
    np.testing.assert_array_equal(plain.coef_, model.coef_)  # to be looked at only
    for eval_set, error, message in [
        ((X[300:],), TypeError, "eval_set is no pair"), ((X[300:, :3], names[300:]), ValueError, "of 6 features"),
        ((X[300:], y[300:]), ValueError, "not among the classes"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            model.fit(X[:300], names[:300], eval_set=eval_set)


def test_a_fit_ends_when_it_gets_no_better():
    X, y = blobs()
    model = SoftmaxClassifier(tol=1e-3, n_iter_no_change=2, max_iter=500, random_state=0, learning_rate="constant")
    assert model.fit(X, y).stop_reason_ == "tol" and model.n_iter_ < 500
    assert SoftmaxClassifier(max_time=1e-9, max_iter=500, random_state=0).fit(X, y).stop_reason_ == "max_time"


def test_what_a_callback_raises_comes_out_and_the_weights_stay():
    X, y = blobs()

    def fail(view):
        if view.epoch == 2:
            raise RuntimeError("enough")

    model = SVMClassifier(callbacks=[fail], random_state=0, max_iter=9)
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(X, y)
    assert model.n_iter_ == 2 and model.stop_reason_ == "interrupted" and model.score(X, y) > 0.8


def test_a_checkpoint_is_gone_on_from(tmp_path):
    X, y = blobs()
    parameters = {"random_state": 0, "max_iter": 6, "checkpoint": tmp_path / "fit.npz", "average": True}
    whole = SoftmaxClassifier(random_state=0, max_iter=6, average=True).fit(X, y)

    def fail(view):
        if view.epoch == 4:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        SoftmaxClassifier(**parameters, callbacks=[fail]).fit(X, y)
    resumed = SoftmaxClassifier(**parameters).fit(X, y)
    np.testing.assert_array_equal(resumed.coef_, whole.coef_)
    assert resumed.n_iter_ == 6
    with pytest.raises(training.CheckpointError, match="seed"):
        SoftmaxClassifier(**{**parameters, "random_state": 1}).fit(X, y)


def test_averaged_weights_are_smoother():
    X, y = blobs(apart=0.5)
    settings = {"learning_rate": "constant", "max_iter": 30, "batch_size": 8, "random_state": 0}
    plain, mean = (SoftmaxClassifier(average=average, **settings).fit(X, y) for average in (False, True))
    best = SoftmaxClassifier(solver="lbfgs").fit(X, y)
    assert np.linalg.norm(mean.coef_ - best.coef_) < np.linalg.norm(plain.coef_ - best.coef_)
    assert SoftmaxClassifier(average=150, **settings).fit(X, y).coef_.shape == (4, 6)


# Names


def test_the_parameters_have_the_names_of_sgd_classifier():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import SGDClassifier

    theirs = set(SGDClassifier().get_params()) - {"epsilon", "n_jobs"}  # a regression's, and n_threads here
    assert theirs <= set(LinearClassifier().get_params())


@pytest.mark.parametrize("cls", [SoftmaxClassifier, SVMClassifier])
def test_the_kinds_have_all_parameters_of_the_general_one(cls):
    missing = set(LinearClassifier().get_params()) - set(cls().get_params())
    assert missing == ({"loss", "margin"} if cls is SoftmaxClassifier else set())
    general = LinearClassifier().get_params()
    assert all(general[name] == value for name, value in cls().get_params().items() if name != "loss")
