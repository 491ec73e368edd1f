"""The sanity suite: right losses and models pass every check, and each check has one that fails it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import fastlin
from fastlin import reference
from fastlin.diagnostics import course_loss, sanity_suite

CHECKS = (
    "initial loss", "penalty raises the loss", "twenty rows overfitted", "shuffled labels give chance",
    "loss falls along -gradient", "update to weight", "scores scale with x", "bias as a column",
)  # fmt: skip

_rng = np.random.default_rng(0)
N, D, C = 240, 24, 4
y = _rng.integers(0, C, N)
X = np.clip(_rng.normal(100 + 60 * (np.arange(D) % C == y[:, None]), 30), 0, 255).astype(np.uint8)
STANDARD = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize(
    "subject",
    [
        "softmax", "hinge", "squared_hinge", fastlin.softmax_loss, fastlin.hinge_loss, reference.softmax_loss,
        fastlin.SoftmaxClassifier(), fastlin.SVMClassifier(margin=3.0), fastlin.SVMClassifier("squared_hinge"),
        fastlin.SoftmaxClassifier(
            batch_size=32, momentum=0.0, max_iter=3, penalty="elasticnet", l1_ratio=0.5, alpha=0.01
        ),
    ],
    ids=lambda subject: f"{subject.__module__}.{subject.__name__}" if callable(subject) else repr(subject),
)  # fmt: skip
def test_what_is_right_passes(subject: Any) -> None:
    for seed in (0, 1) if not hasattr(subject, "fit") else (0,):
        report = sanity_suite(subject, X, y, seed=seed)
        assert report.ok, report
        assert tuple(check.name for check in report.checks) == CHECKS
        left_out = {check.name for check in report.checks if check.passed is None}
        # Of a function whose formula is not known, no rate is either.
        assert left_out == ({"update to weight"} if subject is reference.softmax_loss else set())


@pytest.mark.parametrize(
    "options", [{"margin": 0.3}, {"kind": "max"}, {"power": 2, "margin": 2.0}, {"l1": 1e-6, "l2": 1.0}], ids=str
)
def test_options_of_a_loss(options: dict[str, Any]) -> None:
    assert sanity_suite("hinge", X, y, **options).ok


@pytest.mark.parametrize("subject", ["softmax", "hinge", fastlin.SVMClassifier()], ids=repr)
def test_what_is_right_passes_on_few_rows_of_two_features_too(subject: Any) -> None:
    """There a fit to shuffled labels often knows something of the true ones; of one order in five, say."""
    few, labels = fastlin.datasets.make_blobs(60)
    for seed in range(4 if hasattr(subject, "fit") else 20):
        report = sanity_suite(subject, few, labels, seed=seed)
        assert report["shuffled labels give chance"].passed, report


def test_two_classes_and_labels_of_any_kind() -> None:
    names = np.array(["cat", "dog"])[y % 2]
    images = X.reshape(N, 4, 3, 2)
    for subject in ("softmax", "hinge", fastlin.SoftmaxClassifier(), fastlin.SVMClassifier()):
        report = sanity_suite(subject, images, names)
        assert report.ok, report


def test_a_class_that_is_not_in_the_sample_is_not_missed() -> None:
    rare = np.where(np.arange(N) == N - 1, C, y)
    for subject in ("softmax", fastlin.SVMClassifier()):
        for seed in (0, 1):
            report = sanity_suite(subject, X, rare, n_rows=150, seed=seed)
            assert report["initial loss"].passed, report


def test_the_course_has_no_bias_and_names_its_penalty_reg() -> None:
    def svm_loss(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
        loss, dW, _ = reference.hinge_loss(X, y, W.T, l2=reg)
        return loss, dW.T

    report = sanity_suite(course_loss(svm_loss, reg=1e-3), X, y)
    # Its own penalty stays on where the suite does not ask for another: zero weights have none.
    assert report.ok, report
    assert {check.name for check in report.checks if check.passed is None} == {"update to weight", "bias as a column"}


# Losses that are broken in one way each, and the checks that must say so.


def wrong(**how: Any) -> Any:
    def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None, l2: float = 0.0) -> Any:
        if how.get("clip"):
            X = np.minimum(X, 1.0)
        if how.get("bias_twice") and b is not None:
            b = 2 * b
        if "table" in how:  # it knows the right labels from elsewhere
            y = np.array([how["table"][row.round(6).tobytes()] for row in X])
        value, dW, db = reference.softmax_loss(X, y, W, b)
        penalty = how.get("penalty", 1.0) * l2
        value += penalty * np.sum(W**2) + how.get("constant", 0.0)
        dW, db = how.get("factor", 1.0) * dW + 2 * penalty * W, None if db is None else how.get("factor", 1.0) * db
        return value, dW, db

    return loss


def table_of_true_labels() -> dict[bytes, int]:
    standardization = fastlin.training.survey(X, None, None).standardization()
    # The suite standardises the sample, and this one is all rows, in another order.
    rows = (X - standardization.shift) * standardization.scale
    return {row.round(6).tobytes(): label for row, label in zip(rows, y, strict=True)}


@pytest.mark.parametrize(
    ("how", "failed"),
    [
        ({"constant": 0.1}, {"initial loss", "twenty rows overfitted"}),
        ({"penalty": 0.0}, {"penalty raises the loss"}),
        ({"penalty": -1.0}, {"penalty raises the loss"}),
        ({"factor": -1.0}, {"twenty rows overfitted", "loss falls along -gradient"}),
        ({"factor": 0.5}, {"loss falls along -gradient"}),
        ({"factor": 0.0}, {"twenty rows overfitted", "loss falls along -gradient"}),
        ({"clip": True}, {"scores scale with x"}),
        ({"bias_twice": True}, {"bias as a column"}),
        ({"table": True}, {"shuffled labels give chance"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else ", ".join(sorted(value)),
)
def test_a_broken_loss_fails_its_check(how: dict[str, Any], failed: set[str]) -> None:
    if "table" in how:
        how = {"table": table_of_true_labels()}
    report = sanity_suite(wrong(**how), X, y) if "table" not in how else _without_other_rows(wrong(**how))
    assert not report.ok
    found = {check.name for check in report.failed}
    assert failed <= found, report
    extra = {"factor": {"bias as a column"}, "bias_twice": {"loss falls along -gradient", "twenty rows overfitted"}}
    allowed = set().union(*(extra.get(key, set()) for key in how))
    assert found <= failed | allowed, report


def _without_other_rows(loss: Any) -> Any:
    """The suite with a loss that knows the sample's rows and no others: rows times 3 and longer ones it passes by."""
    plain = wrong()

    def known_or_plain(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None, l2: float = 0.0) -> Any:
        try:
            return loss(X, y, W, b, l2)
        except KeyError:
            return plain(X, y, W, b, l2)

    return sanity_suite(known_or_plain, X, y)


@pytest.mark.parametrize("rate", [1e-9, 1e6])
def test_a_rate_that_does_not_suit_the_features_is_found(rate: float) -> None:
    report = sanity_suite("softmax", X, y, learning_rate=rate)
    assert [check.name for check in report.failed] == ["update to weight"]


# Models.


class ForgetsTheMean(fastlin.SoftmaxClassifier):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y, sample_weight)
        self.history_._records[:] = [record._replace(loss=record.loss * 2) for record in self.history_._records]
        return self


class ForgetsThePenalty(fastlin.SVMClassifier):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.alpha = 0.0
        return super().fit(X, y, sample_weight)


class Squares(fastlin.SoftmaxClassifier):
    def decision_function(self, X: Any) -> np.ndarray:
        return super().decision_function(X) ** 2


class ForgetsTheBias(fastlin.SoftmaxClassifier):
    def decision_function(self, X: Any) -> np.ndarray:
        return super().decision_function(X) - self.intercept_


class RemembersAnotherFit(fastlin.SoftmaxClassifier):
    first: ClassVar[Any] = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y, sample_weight)
        if len(X) == N // 2 and self.max_iter == "auto":
            cls = type(self)
            cls.first = cls.first or (self.coef_, self.intercept_)
            self.coef_, self.intercept_ = cls.first
        return self


class LearnsBackwards(fastlin.SoftmaxClassifier):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        super().fit(X, y, sample_weight)
        self.history_._records[:] = self.history_._records[::-1]
        return self


@pytest.mark.parametrize(
    ("model", "failed"),
    [
        (ForgetsTheMean(), "initial loss"),
        (ForgetsThePenalty(), "penalty raises the loss"),
        (fastlin.SoftmaxClassifier(eta0=1e-7), "twenty rows overfitted"),
        (RemembersAnotherFit(), "shuffled labels give chance"),
        (LearnsBackwards(), "loss falls along -gradient"),
        (fastlin.SVMClassifier(eta0=1e-8), "update to weight"),
        (fastlin.SoftmaxClassifier(eta0=100.0, standardize=False), "update to weight"),
        (Squares(), "scores scale with x"),
        (ForgetsTheBias(), "bias as a column"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_model_fails_its_check(model: Any, failed: str) -> None:
    report = sanity_suite(model, X, y)
    assert not report.ok and report[failed].passed is False, report


def test_a_model_that_diverges_fails_and_is_told_so() -> None:
    report = sanity_suite(fastlin.SVMClassifier(eta0=1e4), X, y)
    assert "diverged" in report["twenty rows overfitted"].found or "diverged" in str(report)
    assert not report.ok


def test_the_model_is_left_as_it_was() -> None:
    model = fastlin.SoftmaxClassifier(random_state=1).fit(X, y)
    before, parameters = model.coef_.tobytes(), model.get_params()
    assert sanity_suite(model, X, y).ok
    assert model.coef_.tobytes() == before and model.get_params() == parameters


# What is left out, and how it is told.


def test_data_that_teach_nothing_leave_the_shuffling_out() -> None:
    report = sanity_suite("softmax", _rng.normal(size=(300, 10)), _rng.integers(0, 3, 300))
    assert report["shuffled labels give chance"].passed is None and report.ok
    assert "left out" in str(report) and "1 left out" in repr(report)


def test_two_features_overfit_three_rows() -> None:
    report = sanity_suite("hinge", X[:, :2], y)
    assert report["twenty rows overfitted"].passed and report["twenty rows overfitted"].found.startswith("3 rows")


def test_a_callables_initial_loss_can_be_told() -> None:
    def shifted(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        return reference.hinge_loss(X, y, W, b, margin=2.0)

    assert sanity_suite(shifted, X, y)["initial loss"].passed is False
    report = sanity_suite(shifted, X, y, initial_loss=2.0 * (C - 1))
    assert report.ok and report["penalty raises the loss"].passed is None


def test_the_seed_says_all() -> None:
    first, again, other = (sanity_suite("hinge", X, y, seed=seed) for seed in (4, 4, 5))
    assert str(first) == str(again) != str(other)


def test_the_report() -> None:
    report = sanity_suite(wrong(penalty=0.0), X, y)
    text, html = str(report), report._repr_html_()
    assert "FAILED" in text and "penalty raises the loss" in text and "-gradient" in text
    assert html.startswith("<table>") and html.count("<tr") == 1 + len(CHECKS) and "FAILED" in html
    with pytest.raises(KeyError, match="initial loss"):
        report["no such check"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_rows": 0}, ValueError, "n_rows is 0"), ({"n_rows": 3}, ValueError, "3 rows are looked at"),
        ({"seed": -1}, ValueError, "seed is -1"), ({"y": y * 0}, ValueError, "only one class, 0"),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0"),
        ({"initial_loss": -1}, ValueError, "initial_loss is -1"),
        ({"model_or_loss": "l2"}, ValueError, "loss is 'l2'"), ({"model_or_loss": 3}, TypeError, "loss is 3"),
        ({"model_or_loss": fastlin.SVMClassifier(), "margin": 2}, TypeError, "margin is given with a model"),
        ({"model_or_loss": fastlin.SVMClassifier(), "learning_rate": 2}, TypeError, "learning_rate is given with a"),
        ({"model_or_loss": fastlin.SVMClassifier(), "initial_loss": 2}, TypeError, "initial_loss is given with a"),
        ({"margin": -1}, ValueError, "margin is -1"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sanity_suite(**{"model_or_loss": "hinge", "X": X, "y": y, **arguments})
