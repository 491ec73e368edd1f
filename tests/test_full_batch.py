"""The full-batch solver: the same optima as others find, exact zeros, honest certificates, the same bits."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest

import fastlin
from fastlin import training
from fastlin.training import _extras, full_batch, gram, objective
from fastlin.training.objective import Penalty

pytest.importorskip("scipy")
pytest.importorskip("threadpoolctl")

LOSSES = ("softmax", "squared_hinge", "hinge")


def blobs(n_rows=300, n_features=6, n_classes=3, seed=0, dtype=np.float64):
    """Overlapping clouds with correlated features, off centre."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_rows)
    mix = rng.standard_normal((n_features, n_features))
    X = (rng.standard_normal((n_classes, n_features))[y] + 1.5 * rng.standard_normal((n_rows, n_features))) @ mix + 5
    return X.astype(dtype), y


def value(X, y, W, b, loss="softmax", **keywords):
    if loss == "softmax":
        return fastlin.softmax_loss(X, y, W, b, **keywords)
    return fastlin.hinge_loss(X, y, W, b, power=2 if loss == "squared_hinge" else 1, **keywords)


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_vanishes_at_a_smooth_optimum(loss, standardize, fit_intercept):
    X, y = blobs()
    standardization = training.survey(X).standardization() if standardize else None
    found = training.minimize(
        X, y, 3, loss=loss, l2=1e-2, standardization=standardization, fit_intercept=fit_intercept, tol=1e-12
    )
    shift, scale = standardization or (None, None)
    loss_value, dW, db = value(X, y, found.W, found.b, loss, l2=1e-2, shift=shift, scale=scale)
    assert found.certificate.converged, found.certificate.reason
    assert found.certificate.objective == pytest.approx(loss_value, rel=1e-12)
    assert np.abs(dW).max() < 1e-5
    if fit_intercept:
        assert np.abs(db).max() < 1e-5
    else:
        assert not found.b.any()


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
def test_a_tolerance_below_the_objectives_rounding_is_met_by_the_gradient(loss):
    X, y = blobs()
    found = training.minimize(X, y, 3, loss=loss, l2=1e-2, tol=1e-22)
    assert found.certificate.converged, found.certificate.reason
    _, dW, db = value(X, y, found.W, found.b, loss, l2=1e-2)
    # Where only the objective is followed, 1e-8 is left.
    assert max(np.abs(dW).max(), np.abs(db).max()) < 1e-10


def test_the_certificate_bounds_the_distance_to_the_minimum():
    X, y = blobs()
    best = training.minimize(X, y, 3, l2=1e-2, tol=1e-13).certificate.objective
    for max_iter in (1, 3, 6):
        certificate = training.minimize(X, y, 3, l2=1e-2, max_iter=max_iter, tol=1e-13).certificate
        assert certificate.n_iter == max_iter and not certificate.converged
        assert certificate.reason == f"max_iter, {max_iter}, was reached"
        assert 0 < certificate.objective - best <= certificate.gap
    assert training.minimize(X, y, 3, l2=0.0, max_iter=2).certificate.gap == np.inf


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_rows_of_every_storage_reach_the_optimum_of_their_float64(dtype):
    rng = np.random.default_rng(1)
    X = rng.integers(0, 200, (400, 8)).astype(dtype)
    y = (X[:, :3].astype(float) + rng.normal(0, 60, (400, 3))).argmax(axis=1)
    standardization = training.survey(X).standardization()
    found = training.minimize(X, y, 3, l2=1e-3, standardization=standardization)
    exact = training.minimize(X.astype(float), y, 3, l2=1e-3, standardization=standardization, tol=1e-12)
    assert found.W.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert found.certificate.objective == pytest.approx(exact.certificate.objective, rel=2e-6)
    np.testing.assert_allclose(found.W, exact.W, atol=5e-3 * np.abs(exact.W).max())


def test_a_weight_counts_as_so_many_rows_and_zero_as_none():
    X, y = blobs(120)
    times = np.random.default_rng(0).integers(0, 3, 120)
    weighted = training.minimize(X, y, 3, l2=1e-2, sample_weight=times.astype(float), tol=1e-12)
    repeated = training.minimize(np.repeat(X, times, axis=0), np.repeat(y, times), 3, l2=1e-2, tol=1e-12)
    np.testing.assert_allclose(weighted.W, repeated.W, atol=1e-5)
    assert weighted.certificate.objective == pytest.approx(repeated.certificate.objective, rel=1e-9)


def test_the_preconditioner_changes_the_way_and_not_the_end(monkeypatch):
    X, y = blobs(600, 24, 4)
    whitened = training.minimize(X, y, 4, l2=1e-4, tol=1e-11)
    monkeypatch.setattr(full_batch, "MOST_FEATURES", 0)
    scaled = training.minimize(X, y, 4, l2=1e-4, tol=1e-11)
    assert whitened.certificate.objective == pytest.approx(scaled.certificate.objective, rel=1e-9)
    np.testing.assert_allclose(whitened.W, scaled.W, atol=1e-3 * np.abs(scaled.W).max())
    assert whitened.certificate.n_passes < scaled.certificate.n_passes / 2


@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_l1_zeros_are_exact_and_the_optimality_conditions_hold(l2):
    X, y = blobs(300, 12, 3)
    standardization = training.survey(X).standardization()
    l1 = 0.02
    found = training.minimize(X, y, 3, l2=l2, l1=l1, standardization=standardization, tol=1e-12)
    _, dW, db = fastlin.softmax_loss(
        X, y, found.W, found.b, l2=l2, shift=standardization.shift, scale=standardization.scale
    )
    zero = found.W == 0
    assert 5 < zero.sum() < 31
    assert np.abs(dW[zero]).max() <= l1 + 1e-5
    np.testing.assert_allclose(dW[~zero], -l1 * np.sign(found.W[~zero]), atol=1e-5)
    assert np.abs(db).max() < 1e-5
    assert found.certificate.gradient_norm < 1e-5


def test_a_strong_l1_penalty_leaves_the_intercepts_alone():
    X, y = blobs(300)
    found = training.minimize(X, y, 3, l1=100.0, tol=1e-12)
    assert not found.W.any()
    np.testing.assert_allclose(fastlin.softmax(found.b), np.bincount(y) / 300, atol=1e-5)


def test_the_rounded_hinge_is_hubers_function():
    X, y = blobs(50)
    data = objective.DataLoss(
        X, y, 3, loss="hinge", margin=2.0, fit_intercept=True, standardization=None, sample_weight=None, n_threads=1
    )
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((3, 6)) / 10, rng.standard_normal(3)
    scores = X @ W.T + data.outward(W, b)
    z = scores - scores[np.arange(50), y][:, None] + 2.0
    z[np.arange(50), y] = 0.0
    huber = np.where(z < 0, 0, np.where(z < 0.5, z**2, z - 0.25))
    assert data.value(W, b, 0.5).loss == pytest.approx(huber.sum(axis=1).mean(), rel=1e-10)
    assert data.value(W, b).loss == pytest.approx(np.maximum(z, 0).sum(axis=1).mean(), rel=1e-10)


@pytest.mark.parametrize("l1", [0.0, 1e-3])
def test_the_hinge_is_solved_to_its_kinks(l1):
    """Against averaged subgradient steps from its own optimum, and against the bound from below."""
    X, y = blobs(200)
    found = training.minimize(X, y, 3, loss="hinge", l2=1e-2, l1=l1)
    objective_value = value(X, y, found.W, found.b, "hinge", l2=1e-2, l1=l1).loss
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(objective_value, rel=1e-9)
    assert 0 < found.certificate.gap < 0.05 * objective_value
    W, b = found.W.copy(), found.b.copy()
    best = objective_value
    for step in range(2000):
        _, dW, db = value(X, y, W, b, "hinge", l2=1e-2, l1=l1)
        W -= 1e-3 / (1 + step / 20) * dW
        b -= 1e-3 / (1 + step / 20) * db
        best = min(best, value(X, y, W, b, "hinge", l2=1e-2, l1=l1).loss)
    assert objective_value <= best * (1 + 1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_separable_rows_without_a_penalty_end_in_time(loss):
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    found = training.minimize(X, y, 2, loss=loss)
    assert np.isfinite(found.W).all()
    assert (fastlin.predict(X, found.W, found.b) == y).all()
    assert found.certificate.n_passes < 300


def test_constant_and_repeated_features_do_no_harm():
    X, y = blobs(100)
    X = np.column_stack([X, X[:, 0], np.full(100, 7.0), 1e-8 * X[:, 1], 1e8 * X[:, 2]])
    found = training.minimize(X, y, 3, l2=1e-3, standardization=training.survey(X).standardization(), tol=1e-10)
    assert found.certificate.converged
    assert np.isfinite(found.W).all() and not found.W[:, 7].any()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_the_number_of_threads(loss, dtype):
    X, y = blobs(4000, 64, 5, dtype=dtype)
    X, y = np.tile(X, (4, 1)), np.tile(y, 4)
    one, two = (
        training.minimize(X, y, 5, loss=loss, l2=1e-2, max_iter=12, n_threads=n_threads) for n_threads in (1, 2)
    )
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.b, two.b)


def test_an_optimum_as_the_start_is_seen_in_few_passes():
    X, y = blobs()
    found = training.minimize(X, y, 3, l2=1e-2, tol=1e-10)
    again = training.minimize(X, y, 3, l2=1e-2, start=(found.W, found.b), tol=1e-6)
    assert again.certificate.n_passes <= 4
    np.testing.assert_allclose(again.W, found.W, atol=1e-4)


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
def test_no_point_is_looked_at_twice(monkeypatch, loss):
    X, y = blobs()
    seen = []

    def value_there(self, W, b, smoothing=0.0):
        seen.append(W)
        return once(self, W, b, smoothing)

    once = objective.DataLoss.value
    monkeypatch.setattr(objective.DataLoss, "value", value_there)
    found = training.minimize(X, y, 3, loss=loss, l2=0.1, tol=1e-3)
    for l2, start in [(0.1, None), (0.01, (found.W, found.b))]:
        seen.clear()
        again = training.minimize(X, y, 3, loss=loss, l2=l2, start=start, tol=1e-3)
        assert len(seen) == again.certificate.n_passes > 2
        assert not any(np.allclose(W, before, rtol=1e-9) for before, W in itertools.pairwise(seen))


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-5])
def test_the_objective_is_within_the_tolerance(loss, tol):
    for seed, l2 in itertools.product(range(4), [1e-1, 1e-2, 1e-3, 1e-4]):
        X, y = blobs(seed=seed)
        best = training.minimize(X, y, 3, loss=loss, l2=l2, tol=1e-12).certificate.objective
        found = training.minimize(X, y, 3, loss=loss, l2=l2, tol=tol).certificate
        assert found.converged
        assert best <= found.objective * (1 + 1e-12)
        assert found.objective <= best * (1 + tol)


def test_a_path_ends_where_single_fits_end():
    X, y = blobs()
    penalties = [(1.0, 0.0), (1e-1, 0.0), (1e-2, 1e-2), (1e-3, 0.0)]
    path = training.minimize_path(X, y, 3, penalties, tol=1e-11)
    for (l2, l1), found in zip(penalties, path, strict=True):
        single = training.minimize(X, y, 3, l2=l2, l1=l1, tol=1e-11)
        assert found.certificate.objective == pytest.approx(single.certificate.objective, rel=1e-8)
        np.testing.assert_allclose(found.W, single.W, atol=1e-3 * np.abs(single.W).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_the_callback_sees_each_step_and_may_end_it(loss):
    X, y = blobs()
    seen = []

    def callback(step):
        seen.append(step)
        return len(seen) == 4

    found = training.minimize(X, y, 3, loss=loss, l2=1e-2, callback=callback)
    assert [step.n_iter for step in seen] == [1, 2, 3, 4]
    assert found.certificate.reason == "the callback ended it" and not found.certificate.converged
    np.testing.assert_array_equal(found.W, seen[-1].W)
    np.testing.assert_array_equal(found.b, seen[-1].b)
    assert seen[-1].objective < seen[0].objective


def test_ctrl_c_comes_through(monkeypatch):
    X, y = blobs()
    calls = []

    def interrupted(*arguments, **keywords):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(*arguments, **keywords)

    original = fastlin.functional.softmax_loss
    monkeypatch.setattr(fastlin.functional, "softmax_loss", interrupted)
    steps = []
    with pytest.raises(KeyboardInterrupt):
        training.minimize(X, y, 3, l2=1e-2, callback=steps.append)
    assert steps and np.isfinite(steps[-1].W).all()


def test_segments_add_up_to_the_whole(monkeypatch):
    X, y = blobs()
    weight = np.random.default_rng(0).random(300)
    weight[:64] = 0.0
    keywords = {"loss": "softmax", "margin": 1.0, "fit_intercept": True, "standardization": None, "n_threads": 1}
    data = objective.DataLoss(X, y, 3, sample_weight=weight, **keywords)
    W, b = np.ones((3, 6)) * np.arange(3)[:, None] / 100, np.zeros(3)
    whole = data.value(W, b)
    monkeypatch.setattr(objective, "_SEGMENT_WORK", 4.0 * 18 * 32)
    parts = data.value(W, b)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)
    np.testing.assert_allclose(parts.dW, whole.dW, rtol=1e-10)
    np.testing.assert_allclose(parts.db, whole.db, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [5, 900])
def test_gram_by_batches_is_the_second_moment(dtype, n_features):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (400, n_features), dtype=np.uint8)
    weight = rng.random(400)
    shift, scale = rng.normal(100, 20, n_features), rng.uniform(0.01, 0.03, n_features)
    batches = gram.Gram(n_features, dtype)
    for start in range(0, 400, 150):
        batches.add(X[start : start + 150], weight[start : start + 150], n_threads=1 + start // 150)
    Z = (X - shift) * scale
    wanted = np.triu((Z * weight[:, None]).T @ Z / weight.sum())
    tolerance = 2e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(np.triu(batches.about(shift, scale)), wanted, atol=tolerance * np.abs(wanted).max())
    assert batches.n_rows == 400 and batches.weight == pytest.approx(weight.sum())


def test_a_given_gram_is_taken():
    X, y = blobs()
    rough = gram.Gram(6, np.float64).add(X[:50])
    given = training.minimize(X, y, 3, l2=1e-2, gram=rough, tol=1e-11)
    own = training.minimize(X, y, 3, l2=1e-2, tol=1e-11)
    assert given.certificate.objective == pytest.approx(own.certificate.objective, rel=1e-9)
    with pytest.raises(ValueError, match="gram has 5 features; wanted is 6"):
        training.minimize(X, y, 3, gram=gram.Gram(5))
    with pytest.raises(ValueError, match="no row of positive weight"):
        training.minimize(X, y, 3, gram=gram.Gram(6))


def test_the_least_subgradient():
    W, smooth = np.array([[0.0, 0.0, 2.0, -2.0]]), np.array([[0.5, -3.0, 1.0, 1.0]])
    np.testing.assert_array_equal(Penalty(0.0, 1.0).least_subgradient(W, smooth), [[0.0, -2.0, 2.0, 0.0]])


@pytest.mark.parametrize("loss", LOSSES)
def test_polish_reaches_the_optimum_of_a_small_set(loss):
    X, y = blobs()
    W, b = np.full((3, 6), 0.1), np.zeros(3)
    polished = training.polish(X, y, 3, W, b, passes_done=10, loss=loss, l2=1e-2)
    best = training.minimize(X, y, 3, loss=loss, l2=1e-2).certificate.objective
    assert polished.certificate.objective == pytest.approx(best, rel=2e-3 if loss == "hinge" else 1e-5)


def test_polish_leaves_alone_what_is_done_or_too_dear(monkeypatch):
    X, y = blobs()
    found = training.minimize(X, y, 3, l2=1e-2, tol=1e-12)
    done = training.polish(X, y, 3, found.W, found.b, passes_done=10, l2=1e-2)
    assert done.certificate.converged and "the optimum is reached" in done.certificate.reason
    np.testing.assert_array_equal(done.W, found.W)
    monkeypatch.setattr("fastlin.training.polishing._ALWAYS", 0.0)
    W, b = np.zeros((3, 6)), np.zeros(3)
    dear = training.polish(X, y, 3, W, b, passes_done=1, l2=1e-2)
    assert not dear.certificate.converged and "not polished" in dear.certificate.reason
    assert dear.certificate.objective == pytest.approx(np.log(3)) and dear.certificate.n_passes == 1
    assert not dear.W.any()
    best = found.certificate.objective
    assert dear.certificate.objective - best <= dear.certificate.gap
    assert training.polish(X, y, 3, W, b, passes_done=1000, l2=1e-2).certificate.n_iter > 0


@pytest.mark.parametrize("missing", ["scipy", "threadpoolctl"])
def test_a_missing_extra_names_the_pip_line(monkeypatch, missing):
    real = importlib.import_module

    def without(name, *arguments):
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", without)
    _extras._blas.cache_clear()  # what an earlier fit found
    X, y = blobs()
    with pytest.raises(ImportError, match=rf"needs {missing}: pip install 'fastlin\[solvers\]'"):
        training.minimize(X, y, 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"l2": -1.0}, "l2 is -1.0; wanted"),
        ({"l1": np.inf}, "l1 is inf; wanted"),
        ({"tol": 0.0}, "tol is 0.0; wanted"),
        ({"max_iter": 0}, "max_iter is 0; wanted"),
        ({"loss": "log"}, "loss is 'log'; wanted"),
        ({"margin": 0}, "margin is 0; wanted"),
    ],
)
def test_wrong_arguments_are_named(wrong, message):
    X, y = blobs()
    with pytest.raises(ValueError, match=message):
        training.minimize(X, y, 3, **wrong)


def test_one_factor_serves_penalties_within_its_reach():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 8)) @ rng.standard_normal((8, 8))
    shift, scale = X.mean(axis=0), 1 / X.std(axis=0)
    gram = training.Gram(8, np.float64, factor_reach=10.0).add(X)
    first, flattest = gram.factor(shift, scale, 0.1, 1e-2)
    assert flattest == 1.0
    for ridge, wanted in ((1e-3, 0.1), (5e-3, 0.5), (9e-2, 1.0)):
        again, flattest = gram.factor(shift, scale, 0.1, ridge)
        assert again is first and flattest == pytest.approx(wanted)
    for other in ((shift, scale, 0.1, 9e-4), (shift + 1, scale, 0.1, 9e-4), (shift + 1, scale, 0.2, 9e-4)):
        factor, flattest = gram.factor(*other)
        assert factor is not first and flattest == 1.0
    own = training.Gram(8, np.float64).add(X)
    assert own.factor(shift, scale, 0.1, 1e-2)[0] is not own.factor(shift, scale, 0.1, 1e-2)[0]
    # New rows make another matrix.
    factor = gram.factor(shift, scale, 0.1, 1e-2)[0]
    assert gram.add(X[:5]).factor(shift, scale, 0.1, 1e-2)[0] is not factor


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge", "hinge"])
def test_a_factor_made_for_another_penalty_leads_to_the_same_optimum(loss):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((400, 12)) @ rng.standard_normal((12, 12))
    y = (X[:, :3] + rng.standard_normal((400, 3))).argmax(axis=1)
    shared = training.Gram(12, np.float64, factor_reach=100.0).add(X)
    shared.factor(X.mean(axis=0), np.ones(12), 1.0, 1.0)
    penalties = [(10.0**-k, 0.0) for k in range(1, 4)]
    found = training.minimize_path(X, y, 3, penalties, loss=loss, gram=shared, tol=1e-7)
    wanted = training.minimize_path(X, y, 3, penalties, loss=loss, tol=1e-7)
    within = 1e-3 if loss == "hinge" else 1e-6  # whose kinks are rounded off, to 3e-4
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.certificate.objective == pytest.approx(theirs.certificate.objective, rel=within, abs=0)
