"""The zeros of an l1 penalty after minibatches."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from fastlin import LinearClassifier, reference, training
from fastlin.training import polishing, settling

LOSSES = ("softmax", "hinge", "squared_hinge")
INFORMATIVE, NOISE = 4, 40


def rows(n: int = 1500, dtype: type = np.float64, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Four features that tell of the class, and forty that do not."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % n_classes
    X = rng.normal(size=(n, INFORMATIVE + NOISE))
    X[:, :INFORMATIVE] += 2 * rng.normal(size=(n_classes, INFORMATIVE))[y]
    return ((X * 20 + 128).clip(0, 255) if dtype == np.uint8 else X).astype(dtype), y


def fitted(**parameters: Any) -> LinearClassifier:
    given = {"penalty": "l1", "alpha": 0.02, "random_state": 0, "batch_size": 64}
    return LinearClassifier(**(given | parameters))


def objective(model: LinearClassifier, X: np.ndarray, y: np.ndarray, l1: float = 0.02, l2: float = 0.0) -> float:
    assert model.scale_ is not None and model.shift_ is not None
    W, b = model.coef_ / model.scale_, model.intercept_ + model.coef_ @ model.shift_
    Z = (X - model.shift_) * model.scale_
    if model.loss == "softmax":
        return reference.softmax_loss(Z, y, W, b, l1=l1, l2=l2).loss
    return reference.hinge_loss(Z, y, W, b, power=2 if model.loss == "squared_hinge" else 1, l1=l1, l2=l2).loss


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("loss", LOSSES)
def test_features_of_noise_have_no_weight(loss: str, solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows()
    model = fitted(loss=loss, solver=solver).fit(X, y)
    zeros = (model.coef_[:, INFORMATIVE:] == 0).mean()
    assert zeros > 0.75
    assert (model.coef_[:, :INFORMATIVE] != 0).any(axis=0).all() and model.score(X, y) > 0.8
    monkeypatch.setattr(training, "settle", lambda *_: None)
    noisy = fitted(loss=loss, solver=solver).fit(X, y)
    assert (noisy.coef_[:, INFORMATIVE:] == 0).mean() < (0.5 if solver == "sgd" else zeros)
    assert objective(model, X, y) < objective(noisy, X, y)
    assert model.n_iter_ == noisy.n_iter_ and model.t_ == noisy.t_


def test_as_many_zeros_as_the_optimum_has() -> None:
    pytest.importorskip("scipy")
    X, y = rows()
    zeros = [(fitted(solver=solver).fit(X, y).coef_ == 0).mean() for solver in ("sgd", "lbfgs")]
    assert zeros[1] > 0.8 and abs(zeros[0] - zeros[1]) < 0.05


def test_auto_finds_them_where_no_optimum_is_worth_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    X, y = rows()
    monkeypatch.setattr(polishing, "_ALWAYS", 0.0)
    model = fitted(solver="auto").fit(X, y)
    assert model.certificate_.n_iter == 0 and model.certificate_.reason.startswith("not polished")
    np.testing.assert_array_equal(model.coef_, fitted(solver="sgd").fit(X, y).coef_)
    assert (model.coef_[:, INFORMATIVE:] == 0).mean() > 0.75


@pytest.mark.parametrize(
    "parameters",
    [{"penalty": "elasticnet", "l1_ratio": 0.8}, {"fit_intercept": False}, {"standardize": False}, {"average": False}],
    ids=str,
)
def test_other_penalties_and_coordinates(parameters: dict[str, Any]) -> None:
    X, y = rows()
    model = fitted(**parameters).fit(X, y)
    assert (model.coef_[:, INFORMATIVE:] == 0).mean() > 0.7 and model.score(X, y) > 0.75
    assert model.fit_intercept or not model.intercept_.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_narrow_rows_of_two_classes(dtype: type) -> None:
    X, y = rows(dtype=dtype, n_classes=2)
    model = fitted().fit(X, y)
    assert model.coef_.shape == (1, INFORMATIVE + NOISE) and model.coef_.dtype == np.float32
    assert (model.coef_[0, INFORMATIVE:] == 0).mean() > 0.8 and model.score(X, y) > 0.8


def test_a_row_of_weight_zero_is_as_if_not_there() -> None:
    X, y = rows()
    weight = np.ones(len(X))
    weight[::3] = 0  # all of class 0
    model = fitted().fit(np.where(weight[:, None] == 0, 1e6, X), y, sample_weight=weight)
    assert model.classes_.tolist() == [1, 2] and (model.coef_[0, INFORMATIVE:] == 0).mean() > 0.8
    assert model.score(X, y, weight) > 0.8


@pytest.mark.parametrize(
    "parameters",
    [
        {"penalty": "l2"}, {"alpha": 0.0}, {"batch_size": 1500}, {"average": True}, {"early_stopping": True},
        {"callbacks": [lambda view: True]},
    ],
    ids=["l2", "alpha", "batch_size", "average", "early_stopping", "callbacks"],
)  # fmt: skip
def test_where_there_is_nothing_to_find_or_the_weights_are_wanted(
    parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(training, "settle", lambda *_: calls.append(1))
    fitted(**parameters).fit(*rows())
    assert not calls
    fitted().fit(*rows())
    assert calls == [1]


def test_the_bits_do_not_depend_on_threads_and_partial_fit_goes_on() -> None:
    X, y = rows()
    models = [fitted(n_threads=n).fit(X, y) for n in (1, 2, 3)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.coef_, models[0].coef_)
    before = copy.deepcopy(models[0])
    again = models[0].set_params(eta0=1e-12, momentum=0.0).partial_fit(X, y)
    np.testing.assert_allclose(again.coef_, before.coef_, atol=1e-9)


def test_ctrl_c_meanwhile_leaves_the_weights_of_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "settle", interrupted)
    model = fitted()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*rows())
    assert model.n_iter_ == len(model.history_["loss"]) and model.score(*rows()) > 0.8


@pytest.mark.parametrize("rate", [10.0, 1e300])
def test_weights_stay_where_the_objective_does_not_fall(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows()
    kept, found = fitted(), fitted()
    monkeypatch.setattr(settling, "auto_rate", lambda *_: rate)
    with np.errstate(all="ignore"):
        found.fit(X, y)
    monkeypatch.setattr(training, "settle", lambda *_: None)
    np.testing.assert_array_equal(found.coef_, kept.fit(X, y).coef_)
