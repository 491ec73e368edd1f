"""The estimators: what they learn, what they refuse, what they promise."""

from __future__ import annotations

import copy
import gzip
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastlin import reference, training
from fastlin.linear_model import LinearClassifier, NotFittedError, SoftmaxClassifier, SVMClassifier

LOSSES = ("softmax", "hinge", "squared_hinge")
DATA = Path(os.environ.get("FASTLIN_DATA", "~/.cache/fastlin")).expanduser()


def blobs(n_rows=400, n_features=6, n_classes=4, seed=0, apart=3.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    return rng.standard_normal((n_rows, n_features)) + apart * rng.standard_normal((n_classes, n_features))[y], y


def images(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 3
    X = rng.integers(0, 200, (n_rows, 4, 5, 3), dtype=np.uint8)
    X[np.arange(n_rows), y] += 55  # row y of the image is lighter
    return X, y


# What is learned


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "int64"])
def test_learns_blobs_in_any_storage(loss, dtype):
    X, y = blobs()
    X = np.clip(X * 10 + 128, 0, 255).astype(dtype)
    model = LinearClassifier(loss, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.97
    wide = dtype in ("float64", "int64")
    assert model.coef_.dtype == model.intercept_.dtype == (np.float64 if wide else np.float32)
    assert model.decision_function(X).dtype == model.coef_.dtype


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("standardize", [True, False])
def test_comes_to_the_optimum_of_the_documented_objective(n_classes, loss, standardize):
    X, y = blobs(n_rows=200, n_features=4, n_classes=n_classes, apart=0.7)
    alpha = 0.05
    model = LinearClassifier(
        loss, alpha=alpha, max_iter=2000, batch_size=200, standardize=standardize, random_state=0, margin=1.5
    ).fit(X, y)
    scale = model.scale_ if standardize else np.ones(4)

    def objective(coef, intercept):
        scores = X @ coef.T + intercept
        if n_classes == 2:
            scores = np.hstack([np.zeros((200, 1)), scores])
        n = np.arange(200)
        if loss == "softmax":
            data = np.log(np.exp(scores).sum(axis=1)) - scores[n, y]
        else:
            terms = np.maximum(scores - scores[n, y][:, None] + 1.5, 0)
            terms[n, y] = 0
            data = (terms ** (2 if loss == "squared_hinge" else 1)).sum(axis=1)
        return data.mean() + alpha / 2 * ((coef / scale) ** 2).sum()

    reached = objective(model.coef_, model.intercept_)
    rng = np.random.default_rng(0)
    for size in (0.3, 0.03, 0.01):
        for _ in range(100):
            step, shift = (
                size * rng.standard_normal(model.coef_.shape) * scale,
                size * rng.standard_normal(model.intercept_.shape),
            )
            assert objective(model.coef_ + step, model.intercept_ + shift) > reached - 1e-4
    if loss != "hinge":  # the history tells the very objective
        assert model.history_["loss"][-1] == pytest.approx(reached, rel=1e-3)


def test_first_step_is_that_of_the_twin():
    X, y = blobs(n_rows=50)
    model = LinearClassifier(
        eta0=0.5, momentum=0.0, batch_size=50, max_iter=1, alpha=0.0, shuffle=False
    ).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    _, dW, db = reference.softmax_loss(Z, y, np.zeros((4, 6)), np.zeros(4))
    coef = -0.5 * dW / X.std(axis=0)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.intercept_, -0.5 * db - coef @ X.mean(axis=0), rtol=1e-9, atol=1e-12)
    assert model.history_["loss"][0] == pytest.approx(math.log(4))


def test_two_classes_have_one_row():
    X, y = blobs(n_classes=2)
    model = SoftmaxClassifier(random_state=0).fit(X, np.array(["no", "yes"])[y])
    assert model.coef_.shape == (1, 6) and model.intercept_.shape == (1,)
    decision = model.decision_function(X)
    assert decision.shape == (400,)
    np.testing.assert_array_equal(model.predict(X), np.where(decision > 0, "yes", "no"))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-decision)), rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_l1_has_the_zeros_and_the_optimum_of_its_objective_at_any_momentum(n_classes, momentum, nesterov):
    X, y = blobs(n_classes=n_classes, n_features=3)
    X = np.hstack([X, np.random.default_rng(3).standard_normal((400, 20))])
    model = LinearClassifier(
        alpha=0.1,
        penalty="l1",
        momentum=momentum,
        nesterov=nesterov,
        eta0=0.3,
        max_iter=4000,
        batch_size=400,
    ).fit(X, y)
    assert (model.coef_[:, 3:] == 0).all() and (model.coef_[:, :3] != 0).any()
    # Where a weight is not zero the gradient is alpha against its sign, and elsewhere no larger than alpha.
    W, b = model.coef_ / model.scale_, model.intercept_ + model.coef_ @ model.shift_
    Z = (X - model.shift_) * model.scale_
    if n_classes == 2:
        W, b = np.vstack([0 * W, W]), np.append(0 * b, b)
    _, dW, _ = reference.softmax_loss(Z, y, W, b)
    dW = dW[1:] if n_classes == 2 else dW
    W = W[1:] if n_classes == 2 else W
    np.testing.assert_allclose(dW[W != 0], -0.1 * np.sign(W[W != 0]), atol=1e-5)
    assert (np.abs(dW[W == 0]) <= 0.1 + 1e-5).all()


def test_probabilities():
    X, y = blobs()
    model = SoftmaxClassifier(random_state=0).fit(X, y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p, reference.softmax(model.decision_function(X)), rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-9)
    with np.errstate(all="raise"):
        assert np.isfinite(model.predict_log_proba(X * 1e6)).all()
    for hinge in (SVMClassifier(), LinearClassifier("squared_hinge")):
        assert not hasattr(hinge, "predict_proba") and not hasattr(hinge, "predict_log_proba")
    with pytest.raises(AttributeError, match="loss='softmax' alone"):
        SVMClassifier().fit(X, y).predict_proba(X)


@pytest.mark.parametrize("labels", [["a", "b", "c"], [3, 7, -2], [1.0, 2.0, 5.0], [b"x", b"y", b"z"]])
@pytest.mark.parametrize("as_object", [False, True])
def test_labels_of_any_kind(labels, as_object):
    X, y = blobs(n_classes=3)
    names = np.array(labels)[y]
    if as_object:
        names = names.astype(object)
    model = LinearClassifier(random_state=0).fit(X, names)
    assert model.classes_.tolist() == sorted(labels)
    assert (model.predict(X) == names).mean() > 0.95
    assert model.predict(X).dtype == names.dtype


def test_boolean_labels_and_lists():
    X, y = blobs(n_classes=2)
    model = LinearClassifier(random_state=0).fit(X.tolist(), (y == 1).tolist())
    assert model.predict(X[:5]).dtype == bool


# Images and storage


def test_images_are_read_as_rows_and_remembered():
    X, y = images()
    model = SoftmaxClassifier(random_state=0).fit(X, y)
    flat = SoftmaxClassifier(random_state=0).fit(X.reshape(300, -1), y)
    np.testing.assert_array_equal(model.coef_, flat.coef_)
    assert model.image_shape_ == (4, 5, 3) and flat.image_shape_ is None
    np.testing.assert_array_equal(model.predict(X), model.predict(X.reshape(300, -1)))
    assert model.score(X, y) > 0.9


def test_raw_pixels_and_scaled_pixels_make_the_same_model():
    X, y = images()
    raw = SoftmaxClassifier(random_state=0).fit(X.reshape(300, -1).astype(np.float64), y)
    scaled = SoftmaxClassifier(random_state=0).fit(X.reshape(300, -1) / 255, y)
    np.testing.assert_allclose(scaled.coef_, raw.coef_ * 255, rtol=1e-6)


def test_input_is_not_touched_and_may_be_read_only_or_strided():
    X, y = images()
    before = X.copy()
    X.flags.writeable = False
    y = y.copy()
    y.flags.writeable = False
    weight = np.ones(300)
    weight.flags.writeable = False
    model = LinearClassifier(random_state=0).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(X, before)
    fortran = LinearClassifier(random_state=0).fit(np.asfortranarray(before.reshape(300, -1)), y, sample_weight=weight)
    np.testing.assert_allclose(fortran.coef_, model.coef_, rtol=1e-4, atol=1e-7)


def test_constant_and_rare_features_are_harmless():
    X, y = blobs()
    X = np.hstack([X, np.full((400, 1), 1e6), np.zeros((400, 1)), np.zeros((400, 1))])
    X[17, -1] = 1e9
    model = LinearClassifier(random_state=0).fit(X, y)
    assert (model.coef_[:, -3:-1] == 0).all()
    assert model.score(X, y) > 0.97
    X[:, -2] = 1e9  # what never moved has no say, wherever it goes
    assert model.score(X, y) > 0.97


# Bits


@pytest.mark.parametrize("loss", LOSSES)
def test_same_seed_same_bits_at_any_thread_count(loss):
    X, y = images(900)
    X = np.concatenate([X, X[:, ::-1]], axis=2)
    fits = [
        LinearClassifier(loss, random_state=3, n_threads=n, max_iter=3, batch_size=300).fit(X, y)
        for n in (1, 2, 3, 8)
    ]
    for model in fits[1:]:
        np.testing.assert_array_equal(model.coef_, fits[0].coef_)
        np.testing.assert_array_equal(model.intercept_, fits[0].intercept_)
    other = LinearClassifier(loss, random_state=4, max_iter=3, batch_size=300).fit(X, y)
    assert (other.coef_ != fits[0].coef_).any()


def test_same_bits_whatever_the_environment_says_of_threads():
    program = (
        "import hashlib, numpy as np; from fastlin.linear_model import LinearClassifier; r = np.random.default_rng(0);"
        "X = r.integers(0, 256, (2000, 300), dtype=np.uint8); y = r.integers(0, 9, 2000);"
        "m = LinearClassifier(random_state=0, max_iter=2).fit(X, y);"
        "print(hashlib.sha256(m.coef_.tobytes() + m.intercept_.tobytes()).hexdigest(), m.learning_rate_.hex())"
    )
    outputs = set()
    for n in ("1", "2"):
        environment = os.environ | {"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n, "MKL_NUM_THREADS": n}
        outputs.add(
            subprocess.run(
                [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
            ).stdout
        )
    assert len(outputs) == 1


def test_random_state_kinds():
    X, y = blobs()
    first = LinearClassifier(random_state=np.random.Generator(np.random.PCG64(5)), max_iter=2).fit(X, y)
    np.testing.assert_array_equal(first.coef_, LinearClassifier(random_state=5, max_iter=2).fit(X, y).coef_)
    again = [LinearClassifier(random_state=np.random.RandomState(0), max_iter=2).fit(X, y).coef_ for _ in range(2)]
    np.testing.assert_array_equal(*again)
    for wrong, kind in ((-1, ValueError), ("x", TypeError), (True, TypeError), (1.5, TypeError)):
        with pytest.raises(kind, match="random_state"):
            LinearClassifier(random_state=wrong).fit(X, y)


# Weights


@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_of_weight_zero_is_not_there(loss):
    X, y = blobs(200)
    extra = np.full((20, 6), np.nan)
    weighted = LinearClassifier(loss, random_state=0, shuffle=False, batch_size=7).fit(
        np.vstack([extra, X]), np.concatenate([np.full(20, 99), y]), sample_weight=np.repeat([0.0, 1.0], [20, 200])
    )
    plain = LinearClassifier(loss, random_state=0, shuffle=False, batch_size=7).fit(X, y, sample_weight=np.ones(200))
    np.testing.assert_array_equal(weighted.coef_, plain.coef_)
    np.testing.assert_array_equal(weighted.classes_, [0, 1, 2, 3])
    assert weighted.n_iter_ == plain.n_iter_


def test_weights_count():
    X, y = blobs(apart=0.3, n_classes=2)
    heavy = LinearClassifier(random_state=0).fit(X, y, sample_weight=np.where(y == 1, 20.0, 1.0))
    even = LinearClassifier(random_state=0).fit(X, y)
    assert (heavy.predict(X) == 1).mean() > (even.predict(X) == 1).mean() + 0.1
    assert heavy.score(X, y, sample_weight=(y == 1)) > 0.95
    with pytest.raises(ValueError, match="sample_weight is zero for every row"):
        heavy.score(X, y, sample_weight=np.zeros(400))
    for wrong in (np.zeros(400), -np.ones(400), np.ones(3)):
        with pytest.raises(ValueError, match="sample_weight"):
            LinearClassifier().fit(X, y, sample_weight=wrong)


# Streams


@pytest.mark.parametrize("loss", LOSSES)
def test_partial_fit_learns_from_a_stream(loss):
    X, y = blobs(3000)
    model = LinearClassifier(loss, random_state=0)
    for start in range(0, 3000, 100):
        model.partial_fit(X[start : start + 100], y[start : start + 100], classes=[0, 1, 2, 3] if start == 0 else None)
    assert model.score(X, y) > 0.97
    assert model.n_iter_ == model.t_ == 30
    np.testing.assert_allclose(model.shift_, X.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(model.scale_, 1 / X.std(axis=0), rtol=1e-9)


def test_partial_fit_from_single_rows_on():
    X, y = blobs(600)
    model = LinearClassifier(random_state=0)
    for row in range(600):
        model.partial_fit(X[row : row + 1], y[row : row + 1], classes=range(4))
    assert model.score(X, y) > 0.9


def streams(kind):
    """Rows that a stream may bring, of two classes: ordinary ones, long tails, and features that are rarely set."""
    rng = np.random.default_rng(7)
    if kind == "units":
        X, y = blobs(900, n_classes=2)
        return X * 10.0 ** np.arange(-3, 3) + 100, y
    if kind == "tails":
        X = np.exp(2 * rng.normal(size=(900, 10)))
        return X, (X[:, 0] > X[:, 1]).astype(int)
    X = (rng.random((900, 50)) < 0.02).astype(float)
    return X, (X[:, :25].sum(axis=1) > X[:, 25:].sum(axis=1)).astype(int)


@pytest.mark.parametrize("n_rows", [1, 5, 20])
@pytest.mark.parametrize(("kind", "wanted"), [("units", 0.9), ("tails", 0.65), ("rare", 0.85)])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_stream_of_few_rows_a_call_does_not_diverge(loss, kind, wanted, n_rows):
    X, y = streams(kind)
    model = LinearClassifier(loss, random_state=0)
    for start in range(0, 500, n_rows):
        rows = slice(start, start + n_rows)
        model.partial_fit(X[rows], y[rows], classes=[0, 1])
    assert model.score(X[500:], y[500:]) > wanted


def test_a_stream_takes_no_larger_steps_than_its_longest_row_allows():
    X, y = blobs()
    model = LinearClassifier(standardize=False, random_state=0)
    rates = []
    for row in range(399):
        rows = X[row : row + 1] * (10.0 if row == 100 else 1.0)
        rates.append(model.partial_fit(rows, y[row : row + 1], classes=range(4)).learning_rate_)
        assert rates[-1] * ((rows**2).sum() + 1) / 2 <= 1.0 + 1e-9
    assert rates[100] < rates[99] / 20


def test_weights_do_not_reach_beyond_the_range_they_were_learned_on():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 3)), rng.integers(0, 3, 500)
    X[:, 0] = 7.0 + 1e-6 * X[:, 0]  # next to constant until now
    model = LinearClassifier(random_state=0)
    for _ in range(20):
        model.partial_fit(X, y, classes=[0, 1, 2])
    before = copy.deepcopy(model)
    mean = model.shift_[None]
    far = mean + np.array([[5.0, 0.0, 0.0]])
    assert np.abs(before.decision_function(far) - before.decision_function(mean)).max() > 1e3
    model.set_params(eta0=1e-12, momentum=0.0).partial_fit(far, [0])
    growth = before.scale_[0] / model.scale_[0]
    np.testing.assert_allclose(model.coef_[:, 0], before.coef_[:, 0] * 2 / growth, rtol=1e-6)
    np.testing.assert_allclose(model.coef_[:, 1:], before.coef_[:, 1:], rtol=1e-6)
    np.testing.assert_allclose(model.decision_function(mean), before.decision_function(mean), atol=1e-6)
    # An ordinary row changes the standardisation, and no score.
    again = copy.deepcopy(model).partial_fit(mean + np.array([[0.5, 1.0, -1.0]]), [0])
    np.testing.assert_allclose(again.decision_function(X), model.decision_function(X), rtol=1e-6, atol=1e-6)


def test_partial_fit_of_nothing_changes_nothing():
    X, y = blobs()
    model = LinearClassifier(random_state=0).partial_fit(X[:0], y[:0], classes=range(4))
    assert (model.predict(X) == 0).all()
    model.partial_fit(X, y)
    before = copy.deepcopy(model)
    model.partial_fit(X[:0], y[:0]).partial_fit(X, y, sample_weight=np.zeros(400))
    np.testing.assert_array_equal(model.coef_, before.coef_)
    model.partial_fit(X, y)
    before.partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, before.coef_)


def test_partial_fit_after_fit_goes_on_and_keeps_a_given_rate():
    X, y = blobs()
    model = LinearClassifier(random_state=0, eta0=0.01).fit(X, y)
    steps = model.t_
    model.partial_fit(X, y)
    assert model.learning_rate_ == 0.01 and model.t_ == steps + 2
    assert model.score(X, y) > 0.97


def test_partial_fit_refuses():
    X, y = blobs()
    model = LinearClassifier()
    with pytest.raises(ValueError, match="classes is None in the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=range(4))
    with pytest.raises(ValueError, match="classes differs"):
        model.partial_fit(X, y, classes=range(5))
    with pytest.raises(ValueError, match="y holds 9, which is not among the classes 0, 1, 2, 3"):
        model.partial_fit(X, np.full(400, 9))
    with pytest.raises(ValueError, match="X has 5 features, but LinearClassifier is expecting 6"):
        model.partial_fit(X[:, :5], y)


def test_partial_fit_does_not_look_at_the_label_of_a_row_of_weight_zero():
    X, y = blobs()
    odd, weight = np.where(np.arange(400) % 10 == 0, 99, y), np.where(np.arange(400) % 10 == 0, 0.0, 1.0)
    model = LinearClassifier(random_state=0).partial_fit(X, odd, classes=range(4), sample_weight=weight)
    same = LinearClassifier(random_state=0).partial_fit(X, y, classes=range(4), sample_weight=weight)
    np.testing.assert_array_equal(model.coef_, same.coef_)
    model.partial_fit(X, odd, sample_weight=weight)
    with pytest.raises(ValueError, match="y holds 99, which is not among the classes"):
        model.partial_fit(X, odd, sample_weight=np.ones(400))


# What is refused


@pytest.mark.parametrize(
    ("parameter", "value", "kind"),
    [
        ("loss", "log", ValueError), ("alpha", -1, ValueError), ("alpha", np.nan, ValueError),
        ("l1_ratio", 1.5, ValueError), ("margin", 0, ValueError), ("batch_size", 0, ValueError),
        ("batch_size", 2.5, TypeError),
        ("eta0", 0, ValueError), ("eta0", "fast", ValueError), ("learning_rate", 0.1, TypeError),
        ("learning_rate", "fast", ValueError), ("momentum", 1.0, ValueError), ("penalty", "l3", ValueError),
        ("solver", "newton", ValueError), ("tol", -1, ValueError), ("n_iter_no_change", 0, ValueError),
        ("max_time", 0, ValueError), ("average", -1, ValueError), ("class_weight", "even", ValueError),
        ("class_weight", 3, TypeError), ("class_weight", {7: 1.0}, ValueError), ("class_weight", {0: -1.0}, ValueError),
        ("max_iter", 0, ValueError), ("max_iter", "many", ValueError), ("n_threads", 0, ValueError),
    ],
)  # fmt: skip
def test_parameters_are_checked_in_fit(parameter, value, kind):
    model = LinearClassifier(**{parameter: value})
    with pytest.raises(kind, match=parameter):
        model.fit(*blobs())
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((4, 2)), np.zeros(4), "y holds only one class"),
        (np.ones((4, 2)), [0, 1, 2], r"y has shape \(3,\); wanted is \(4,\)"),
        (np.ones((4, 2)), [0.5, 1, 2, 3], "classification, not regression"),
        (np.ones((4, 2)), [np.nan, 1, 2, 3], "y holds nan"),
        (np.ones((4, 2)), None, "the target y is None"),
        (np.ones((0, 2)), [], "at least one row"),
        (np.ones((4, 0)), [0, 1, 0, 1], "0 feature"),
        (np.ones(4), [0, 1, 0, 1], "X has shape"),
        (np.array([[1.0], [np.nan]]), [0, 1], "X holds NaN in row 1, feature 0"),
        (np.array([[1.0], [-np.inf]], dtype=np.float16), [0, 1], "X holds -inf in row 1, feature 0"),
    ],
)
@pytest.mark.parametrize("standardize", [True, False])
def test_data_that_makes_no_fit(X, y, message, standardize):
    with pytest.raises(ValueError, match=message):
        LinearClassifier(standardize=standardize).fit(X, y)


def test_labels_of_mixed_kind():
    with pytest.raises(TypeError, match="y mixes int and str"):
        LinearClassifier().fit(np.ones((2, 1)), np.array([1, "a"], dtype=object))


def test_prediction_refuses():
    X, y = blobs()
    with pytest.raises(NotFittedError, match="SVMClassifier is not fitted"):
        SVMClassifier().predict(X)
    assert issubclass(NotFittedError, ValueError) and issubclass(NotFittedError, AttributeError)
    for n_classes in (2, 4):
        model = LinearClassifier(random_state=0).fit(X, y % n_classes)
        with pytest.raises(ValueError, match="X has 5 features, but LinearClassifier is expecting 6 features"):
            model.predict(X[:, :5])
        bad = X.copy()
        bad[3, 1] = np.nan
        for method in (model.predict, model.decision_function, model.predict_proba):
            with pytest.raises(ValueError, match="X holds NaN in row 3, feature 1"):
                method(bad)
        assert model.predict(X[:0]).shape == (0,)
    with pytest.raises(ValueError, match="y has shape"):
        model.score(X, y[:5])


def test_a_fit_that_diverges_raises_and_keeps_the_earlier_one():
    X, y = blobs(apart=0.1)
    model = LinearClassifier(random_state=0).fit(X, y)
    before = model.coef_.copy()
    with pytest.raises(training.DivergenceError, match="smaller eta0"):
        model.set_params(eta0=1e6).fit(X, y)
    np.testing.assert_array_equal(model.coef_, before)
    with pytest.raises(training.DivergenceError):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, before)


def test_ctrl_c_keeps_the_weights(monkeypatch):
    X, y = blobs()
    model = LinearClassifier(random_state=0)
    finished = []

    def interrupt(record):
        finished.append(record)
        if len(finished) == 3:
            raise KeyboardInterrupt

    from fastlin.training.progress import Progress

    monkeypatch.setattr(Progress, "epoch_done", lambda self, record: interrupt(record))
    with pytest.raises(KeyboardInterrupt):
        model.set_params(verbose=1).fit(X, y)
    assert model.n_iter_ == 3 and model.t_ == 6
    assert model.score(X, y) > 0.5


# The protocol


def test_parameters():
    for cls in (LinearClassifier, SoftmaxClassifier, SVMClassifier):
        model = cls(alpha=0.5)
        assert repr(model) == f"{cls.__name__}(alpha=0.5)"
        assert model.get_params()["alpha"] == 0.5
        assert cls(**model.get_params()).get_params() == model.get_params()
        assert model.set_params(alpha=0.1, batch_size=3) is model and model.batch_size == 3
        with pytest.raises(ValueError, match="'aplha' is no parameter"):
            model.set_params(alpha=9, aplha=1)
        assert model.alpha == 0.1
    assert "loss" not in SoftmaxClassifier().get_params() and SoftmaxClassifier().loss == "softmax"
    assert (
        SVMClassifier().loss == "hinge"
        and repr(SVMClassifier("squared_hinge")) == "SVMClassifier(loss='squared_hinge')"
    )


def test_defaults_agree_between_the_classes():
    whole = LinearClassifier().get_params()
    for cls in (SoftmaxClassifier, SVMClassifier):
        part = cls().get_params()
        part.pop("loss", None)
        assert part.items() <= whole.items()


def test_pickle_and_copy():
    X, y = blobs()
    model = SVMClassifier(random_state=0).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(X), model.decision_function(X))
        np.testing.assert_array_equal(other.partial_fit(X, y).coef_, copy.deepcopy(model).partial_fit(X, y).coef_)


def test_few_rows_get_enough_steps():
    X, y = blobs(40)
    model = LinearClassifier(random_state=0).fit(X, y)
    assert model.t_ == 500 and model.n_iter_ == 500
    assert LinearClassifier(random_state=0, batch_size=10).fit(X, y).n_iter_ == 125
    assert LinearClassifier(random_state=0, max_iter=3).fit(X, y).n_iter_ == 3


def test_verbose_prints_about_twenty_lines(capsys):
    X, y = blobs()
    LinearClassifier(random_state=0, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert 15 <= len(lines) <= 25
    assert lines[0].startswith("epoch   1  loss 1.") and lines[-1].startswith("epoch 250  loss ")


# Real data with the defaults


@pytest.mark.parametrize(("name", "least"), [("iris", 0.94), ("wine", 0.95), ("breast_cancer", 0.95), ("digits", 0.93)])
@pytest.mark.parametrize("loss", LOSSES)
def test_scikit_learns_small_sets_with_the_defaults(name, least, loss):
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    fold = np.arange(len(X)) % 4
    scores = [
        LinearClassifier(loss, random_state=0).fit(X[fold != k], y[fold != k]).score(X[fold == k], y[fold == k])
        for k in range(4)
    ]
    assert np.mean(scores) >= least


def _cifar10():
    folder = DATA / "cifar-10-batches-bin"
    files = [folder / f"data_batch_{k}.bin" for k in range(1, 6)] + [folder / "test_batch.bin"]
    if not all(file.is_file() for file in files):
        pytest.skip(f"CIFAR-10 is not in {folder}")
    records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
    X, y = np.ascontiguousarray(records[:, 1:]), records[:, 0]
    return X[:50000], y[:50000], X[50000:], y[50000:]


@pytest.mark.parametrize(("loss", "least"), [("softmax", 0.41), ("hinge", 0.395)])
def test_cifar10_with_the_defaults(loss, least):
    X, y, X_test, y_test = _cifar10()
    assert LinearClassifier(loss, random_state=0).fit(X, y).score(X_test, y_test) >= least


def test_fashion_mnist_with_the_defaults():
    folder = DATA / "fashion-mnist"
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"Fashion-MNIST is not in {folder}")

    def read(name, offset):
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=offset)

    X, X_test = (read(f"{split}-images-idx3-ubyte.gz", 16).reshape(-1, 784) for split in ("train", "t10k"))
    y, y_test = (read(f"{split}-labels-idx1-ubyte.gz", 8) for split in ("train", "t10k"))
    assert SoftmaxClassifier(random_state=0).fit(X, y).score(X_test, y_test) >= 0.843


# Weights that somebody set


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("step", ["partial_fit", "fit"])
def test_federated_averaging_goes_by_the_weights_that_are_set(step, n_classes):
    X, y = blobs(1200, n_classes=n_classes)
    n_rows = 1 if n_classes == 2 else n_classes
    coef, intercept = np.zeros((n_rows, 6)), np.zeros(n_rows)
    clients = [SoftmaxClassifier(warm_start=True, max_iter=1, random_state=k) for k in range(3)]
    losses = []
    for _ in range(8):
        for k, client in enumerate(clients):
            client.classes_, client.coef_, client.intercept_ = np.arange(n_classes), coef.copy(), intercept.copy()
            getattr(client, step)(X[k::3], y[k::3])
        coef = np.mean([client.coef_ for client in clients], axis=0)
        intercept = np.mean([client.intercept_ for client in clients], axis=0)
        scores = X @ coef.T + intercept
        scores = np.hstack([0 * scores, scores]) if n_classes == 2 else scores
        losses.append(-np.log(reference.softmax(scores)[np.arange(1200), y]).mean())
    assert losses[-1] < losses[0] and losses[-1] < 0.2


def test_a_model_of_weights_alone_predicts():
    X, y = blobs(n_classes=3)
    fitted, made = SoftmaxClassifier(random_state=0).fit(X, y), SoftmaxClassifier()
    made.classes_, made.coef_, made.intercept_ = fitted.classes_, fitted.coef_, fitted.intercept_
    np.testing.assert_array_equal(made.predict_proba(X), fitted.predict_proba(X))
    assert made.score(X, y) == fitted.score(X, y)
    with pytest.raises(ValueError, match="X has 5 features, but SoftmaxClassifier is expecting 6 features"):
        made.predict(X[:, :5])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_model_of_weights_alone_is_saved_and_goes_on_alike(n_classes, tmp_path):
    X, y = blobs(n_classes=n_classes)
    fitted, made = SoftmaxClassifier(random_state=0).fit(X, y), SoftmaxClassifier(random_state=0)
    made.classes_, made.coef_, made.intercept_ = fitted.classes_, fitted.coef_, fitted.intercept_
    made.save(tmp_path / "made.npz")
    assert not hasattr(made, "n_iter_")  # saving does not change it
    loaded = SoftmaxClassifier.load(tmp_path / "made.npz")
    np.testing.assert_array_equal(loaded.coef_, fitted.coef_)
    for model in (made, loaded):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.coef_, made.coef_)
    np.testing.assert_array_equal(loaded.intercept_, made.intercept_)


def test_partial_fit_goes_on_from_weights_changed_in_place():
    X, y = blobs()
    model = SoftmaxClassifier(random_state=0).fit(X, y)
    untouched = copy.deepcopy(model)
    model.coef_[...] = 0
    model.intercept_ = np.zeros(4)
    for each in (model, untouched):
        each.set_params(eta0=1e-12).partial_fit(X, y)
    np.testing.assert_allclose(model.coef_, 0, atol=1e-9)
    assert np.abs(untouched.coef_).max() > 0.1
    assert model.n_iter_ == untouched.n_iter_


def test_set_weights_of_another_shape_are_refused():
    X, y = blobs()
    model = SoftmaxClassifier(random_state=0, warm_start=True).fit(X, y)
    model.coef_ = np.zeros((3, 6))
    for step in (model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=r"coef_ has shape \(3, 6\) and intercept_ \(4,\); wanted is \(4, 6\) and"):
            step(X, y)
