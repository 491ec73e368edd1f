"""The penalty that nobody chose, and what uneven rows change of a fit."""

from __future__ import annotations

import numpy as np
import pytest

from fastlin import LinearClassifier, SoftmaxClassifier, SVMClassifier, load_model, training
from fastlin.training.strength import Spread, auto_alpha, class_unevenness, spread


def rows(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return rng.standard_normal((n, 5)) * [3, 2, 1, 1, 0.5] + rng.standard_normal((3, 5))[y] + 7.0, y


def test_spread_is_that_of_the_covariance():
    X, _ = rows()
    short = X - X.mean(axis=0)
    short /= np.sqrt((short**2).sum(axis=1, keepdims=True)) / 2  # all of one length: none is held back
    short = np.concatenate([short, -short])
    eigenvalues = np.linalg.eigvalsh(short.T @ short / len(short))
    found = spread(short[:500], None, centred=False)
    assert found.squared_length == pytest.approx(4.0) and found.unevenness == pytest.approx(1.0)
    assert found.rank == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=0.05)
    moved = spread(short[:500] + 100.0, None)
    assert moved.squared_length == pytest.approx(4.0, rel=0.05) and moved.rank == pytest.approx(found.rank, rel=0.05)


def test_spread_does_not_mind_the_unit_nor_threads():
    X, _ = rows(2000)
    small, large = spread(X * 1e-150, None), spread(X * 1e150, None, n_threads=2)
    assert small.rank == pytest.approx(large.rank) and large.squared_length > 1e299
    standard = training.survey(X).standardization()
    assert spread(X, standard, n_threads=1) == spread(X, standard, n_threads=2)
    assert spread(X, standard).squared_length == pytest.approx(5.0, rel=0.1)


def test_a_row_of_weight_three_is_three_rows():
    X, _ = rows(100)
    weight = np.random.default_rng(1).integers(0, 4, 100).astype(float)
    one, other = spread(X, None, sample_weight=weight), spread(X.repeat(weight.astype(int), axis=0), None)
    np.testing.assert_allclose(one, other, rtol=1e-12)
    many = spread(np.tile(X, (30, 1)), None, sample_weight=np.tile(weight, 30))
    np.testing.assert_allclose(many, one, rtol=0.2)


def test_long_rows_are_held_back():
    X, _ = rows(400)
    X -= X.mean(axis=0)
    X[::40] *= 1000.0
    found = spread(X, None, centred=False)
    assert found.squared_length < 40.0 and found.unevenness > 100.0
    assert spread(np.zeros((4, 3)), None) == Spread(0.0, 1.0)


def test_alpha_by_its_formula():
    like = Spread(squared_length=12.0, rank=5.0)
    assert auto_alpha("softmax", 10, 1.0, like, 100) == pytest.approx(12 / np.log(10) / 100, rel=0.06)
    assert auto_alpha("softmax", 10, 1.0, like, 18000) == pytest.approx(12 / np.log(10) / 18000 / 100, rel=0.06)
    assert auto_alpha("hinge", 10, 2.0, like, 100) == pytest.approx(9 * 12 / 2 / 100, rel=0.06)
    assert auto_alpha("squared_hinge", 10, 2.0, like, 100) == pytest.approx(9 * 12 / 100, rel=0.06)
    like = Spread(squared_length=12.0, rank=25.0)
    fewer = auto_alpha("softmax", 2, 1.0, like, 100, class_unevenness(np.repeat([0, 1], [20, 80]), 2))
    assert fewer == pytest.approx(12 / np.log(2) / 100 / (1 + (6 * np.log(4) / 2 / np.log(2)) ** 2), rel=0.06)
    assert class_unevenness(np.repeat([0, 2], [5, 10]), 3, np.repeat([2.0, 1.0], [5, 10])) == 0.0


def test_a_given_alpha_is_obeyed_and_kept(tmp_path):
    X, y = rows()
    for model in (SoftmaxClassifier, SVMClassifier):
        given = model(alpha=0.037, random_state=0).fit(X, y)
        assert given.alpha_ == 0.037
        found = model(random_state=0).fit(X, y)
        assert found.alpha_ > 0 and found.alpha_ != 0.037
        same = model(alpha=found.alpha_, random_state=0).fit(X, y)
        np.testing.assert_array_equal(same.coef_, found.coef_)
        found.save(tmp_path / "model.npz")
        assert load_model(tmp_path / "model.npz").alpha_ == found.alpha_
        assert load_model(tmp_path / "model.npz").alpha == "auto"
    assert SoftmaxClassifier(penalty="l1", random_state=0).fit(X, y).alpha_ == 1e-4
    assert SoftmaxClassifier(penalty=None, random_state=0).fit(X, y).alpha_ == 0.0
    with pytest.raises(ValueError, match="alpha is 'strong'"):
        SoftmaxClassifier(alpha="strong").fit(X, y)


def test_weights_that_are_shares_make_no_few_rows():
    X, y = rows()
    plain = SoftmaxClassifier(random_state=0).fit(X, y)
    shares = SoftmaxClassifier(random_state=0).fit(X, y, sample_weight=np.full(len(X), 1 / len(X)))
    assert shares.alpha_ == plain.alpha_
    double = SoftmaxClassifier(random_state=0).fit(X, y, sample_weight=np.full(len(X), 2.0))
    twice = SoftmaxClassifier(random_state=0).fit(np.tile(X, (2, 1)), np.tile(y, 2))
    assert double.alpha_ == pytest.approx(twice.alpha_, rel=0.1) and double.alpha_ < plain.alpha_ / 2


def test_partial_fit_counts_all_rows_seen():
    X, y = rows()
    model = SoftmaxClassifier(random_state=0)
    strengths = [model.partial_fit(X, y, classes=[0, 1, 2]).alpha_ for _ in range(4)]
    assert strengths == sorted(strengths, reverse=True) and strengths[3] < strengths[0] / 3
    fitted = SoftmaxClassifier(random_state=0).fit(X, y)
    assert strengths[0] == fitted.alpha_


@pytest.mark.parametrize("share", [0.5, 0.35])
def test_few_rows_are_penalised_enough_and_small_classes_not_too_much(share):
    found, weak, strong = [], [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = (rng.random(2060) < share).astype(int)
        X = rng.standard_normal((2060, 20))
        X[:, :5] += 0.5 * (2 * y[:, None] - 1)
        for scores, alpha in ((found, "auto"), (weak, 1e-6), (strong, 2.0)):
            model = SoftmaxClassifier(alpha=alpha, random_state=0).fit(X[:60], y[:60])
            scores.append(model.score(X[60:], y[60:]))
    assert np.mean(found) > max(np.mean(weak), np.mean(strong)) + 0.02


def test_uneven_rows_take_more_and_larger_steps():
    X, y = rows(600)
    even = LinearClassifier(random_state=0).fit(X, y)
    uneven = LinearClassifier(random_state=0).fit(np.sinh(2 * (X - 7)), y)
    assert even.t_ < 510 and uneven.t_ > 4000
    state = uneven._state
    by_curvature = training.auto_rate("softmax", 3, 1.0, uneven.alpha_ / 2, state.data_curvature)
    assert uneven.learning_rate_ == pytest.approx(16 * by_curvature)
    careful = LinearClassifier("squared_hinge", random_state=0).fit(np.sinh(2 * (X - 7)), y)
    by_curvature = training.auto_rate("squared_hinge", 3, 1.0, careful.alpha_ / 2, state.data_curvature)
    assert careful.learning_rate_ == pytest.approx(by_curvature)
    assert LinearClassifier(random_state=0, eta0=0.01, max_iter=3).fit(np.sinh(2 * (X - 7)), y).learning_rate_ == 0.01


def test_the_mean_of_the_last_half_epoch_is_steadier_than_the_last_step():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 20000)
    X = rng.standard_normal((20000, 30)) + 0.2 * rng.standard_normal((3, 30))[y]
    optimum = SoftmaxClassifier(solver="lbfgs", alpha=1e-4).fit(X, y).coef_
    settings = {"alpha": 1e-4, "random_state": 0, "learning_rate": "constant", "max_iter": 5}
    apart = [
        np.linalg.norm(SoftmaxClassifier(average=average, **settings).fit(X, y).coef_ - optimum)
        for average in ("auto", False)
    ]
    assert apart[0] < 0.7 * apart[1]
    with pytest.raises(ValueError, match="average is 'late'"):
        SoftmaxClassifier(average="late").fit(X[:9], y[:9])


@pytest.mark.parametrize("n_rows", [4, 5, 10, 50, 400])
@pytest.mark.parametrize("n_features", [1, 2, 3, 5])
@pytest.mark.parametrize("loss", ["softmax", "hinge"])
def test_rows_of_few_features_do_not_diverge(loss, n_features, n_rows):
    rng = np.random.default_rng(0)
    X = np.arange(n_rows, dtype=float)[:, None] if n_features == 1 else rng.standard_normal((n_rows, n_features))
    y = np.arange(n_rows) * 2 // n_rows
    model = LinearClassifier(loss, random_state=0).fit(X, y)
    assert model.history_["loss"][-1] <= model.history_["loss"][0]


def wild(n_features, factor, share, seed, n_rows=2000):
    """Rows of which some are many times longer than the rest, with any label."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features))
    y = (X @ rng.standard_normal((n_features, 2)) + rng.gumbel(size=(n_rows, 2))).argmax(axis=1)
    far = rng.random(n_rows) < share
    X[far] *= factor
    y[far] = rng.integers(0, 2, far.sum())
    return X, y


@pytest.mark.parametrize(
    ("n_features", "factor", "share", "seed"), [(5, 30, 0.005, 1), (5, 100, 0.005, 1), (20, 100, 0.03, 0)]
)
def test_outliers_of_wrong_labels_do_not_make_the_squared_hinge_diverge(n_features, factor, share, seed):
    X, y = wild(n_features, factor, share, seed)
    model = LinearClassifier("squared_hinge", random_state=0, n_threads=1).fit(X, y)
    state = model._state
    by_curvature = training.auto_rate("squared_hinge", 2, 1.0, model.alpha_, state.data_curvature)
    assert state.n_halvings > 0 and model.learning_rate_ == pytest.approx(by_curvature / 2**state.n_halvings)
    assert model.history_["rate"][0] == model.learning_rate_ and model.n_iter_ * 8 == model.t_
    optimum = LinearClassifier("squared_hinge", alpha=model.alpha_, solver="lbfgs").fit(X, y).certificate_.objective
    assert model.history_["loss"][-1] < 1.02 * optimum
    again = LinearClassifier("squared_hinge", random_state=0, n_threads=2).fit(X, y)
    np.testing.assert_array_equal(again.coef_, model.coef_)
    with pytest.raises(training.DivergenceError, match="eta0"):
        LinearClassifier("squared_hinge", random_state=0, eta0=by_curvature).fit(X, y)


def test_a_halved_rate_stays_halved_in_partial_fit_and_is_forgotten_by_fit():
    X, y = wild(20, 100, 0.03, 0)
    model = LinearClassifier("squared_hinge", random_state=0)
    for _ in range(60):
        model.partial_fit(X, y, classes=[0, 1])
    n_halvings = model._state.n_halvings
    assert n_halvings > 0 and np.isfinite(model.coef_).all() and model.n_iter_ == 60
    assert model.history_["rate"][-1] < model.history_["rate"][0] / 2**n_halvings
    model.set_params(eta0=1e-3).partial_fit(X, y)
    assert model.learning_rate_ == 1e-3
    model.set_params(eta0="auto").fit(X[:50], y[:50])
    assert model._state.n_halvings == 0


@pytest.mark.parametrize("n_rows", [10, 70, 500])
@pytest.mark.parametrize("loss", ["softmax", "hinge"])
def test_a_rare_feature_does_not_diverge(loss, n_rows):
    X = np.zeros((n_rows, 2))
    X[:: max(n_rows // 5, 5), 0] = 1.0
    X[:, 1] = np.arange(n_rows) % 2
    model = LinearClassifier(loss, random_state=0).fit(X, X[:, 0].astype(int))
    assert model.history_["loss"][-1] <= model.history_["loss"][0]
