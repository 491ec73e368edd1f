"""The gradient check: it passes what is right, at kinks too, and finds each way of being wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastlin
from fastlin import reference
from fastlin.diagnostics import check_gradient, course_loss

N, D, C = 30, 12, 5
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, D))
y = _rng.integers(0, C, N)
W = _rng.normal(size=(C, D)) * 0.4
b = _rng.normal(size=C) * 0.1

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("softmax", {}),
    ("softmax", {"l2": 0.1, "l1": 0.2}),
    ("softmax", {"shift": 0.3, "scale": np.linspace(0.1, 3, D), "rows": np.array([3, 3, 7, 29, 0])}),
    ("hinge", {}),
    ("hinge", {"margin": 3.0, "l2": 0.01}),
    ("hinge", {"kind": "max"}),
    ("hinge", {"sample_weight": np.arange(N) % 4}),
    ("squared_hinge", {}),
    ("squared_hinge", {"kind": "max", "margin": 0.5}),
]


@pytest.mark.parametrize(("loss", "options"), OPTIONS, ids=str)
@pytest.mark.parametrize("bias", [None, b], ids=["no bias", "bias"])
def test_fastlins_losses_pass(loss: str, options: dict[str, Any], bias: np.ndarray | None) -> None:
    report = check_gradient(loss, X, y, W, bias, n_entries="all", **options)
    assert report.ok, report
    assert report.n_total == report.n_checked + report.n_kinks == C * D + (0 if bias is None else C)
    assert len(report.directions) == 4
    assert all(entry.error <= 1e-6 for entry in report.entries if not entry.kink)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 255.0, 1e6])
@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_features_and_weights_of_any_size_pass(loss: str, scale: float) -> None:
    for size in (1e-3, 1.0, 30.0):
        report = check_gradient(loss, X * scale, y, W * size / scale, b, n_entries="all", l2=1e-3 * scale**2)
        assert report.ok, report


def test_stored_images_are_checked_as_rows() -> None:
    images = _rng.integers(0, 256, (10, 4, 3, 2), dtype=np.uint8)
    weights = _rng.normal(size=(3, 24)) / 1000
    assert check_gradient("softmax", images, _rng.integers(0, 3, 10), weights).ok


def broken(**wrong: Any) -> Any:
    """softmax_loss with one thing wrong in what it says of its gradient."""

    def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None, l2: float = 0.3) -> Any:
        value, dW, db = reference.softmax_loss(X, y, W, b, l2=l2)
        dW, db = dW * wrong.get("factor", 1.0), None if db is None else db * wrong.get("bias_factor", 1.0)
        if "entry" in wrong:
            dW[1, 2] += wrong["entry"]
        return value + wrong.get("constant", 0.0), dW - wrong.get("penalty", 0.0) * l2 * W, db

    return loss


def test_the_unbroken_one_and_one_off_by_a_constant_pass() -> None:
    assert check_gradient(broken(), X, y, W, b).ok
    assert check_gradient(broken(constant=3.0), X, y, W, b).ok


@pytest.mark.parametrize(
    "wrong",
    [{"factor": -1.0}, {"factor": N}, {"factor": 1 + 1e-5}, {"bias_factor": 1.01}, {"penalty": 1.0}, {"entry": 1e-6}],
    ids=str,
)
def test_a_wrong_gradient_is_found(wrong: dict[str, float]) -> None:
    report = check_gradient(broken(**wrong), X, y, W, b, n_entries="all")
    assert not report.ok and report.failed and report.n_kinks == 0
    assert "FAILED" in str(report) and "WRONG" in str(report) and "WRONG" in report._repr_html_()
    if "entry" in wrong:
        assert report.worst[0].name == "W[1, 2]"
        assert report.worst[0].analytic - report.worst[0].numeric == pytest.approx(1e-6, rel=1e-2)
    if "bias_factor" in wrong:
        assert {entry.name[0] for entry in report.failed if "along" not in entry.name} == {"b"}


def test_a_direction_finds_what_the_sample_misses() -> None:
    report = check_gradient(broken(entry=1e-2), X, y, W, b, n_entries=1, seed=1)
    assert not report.ok
    assert {entry.name.partition(" ")[0] for entry in report.failed} == {"along"}


# Rounding: of a loss with a huge constant the differences are noise, and nothing is verified.


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0, 1.5])
@pytest.mark.parametrize("settings", [{"constant": 1e12}, {"step": 1e-15}], ids=str)
def test_where_rounding_hides_every_slope_nothing_passes(factor: float, settings: dict[str, float]) -> None:
    loss = broken(factor=factor, bias_factor=factor, constant=settings.get("constant", 0.0))
    report = check_gradient(loss, X, y, W, b, n_entries="all", step=settings.get("step"))
    assert not report.ok and report.n_checked == 0 and report.worst == ()
    assert report.n_hidden == report.n_total == W.size + C
    assert "NOTHING VERIFIED: 0 of 65 entries checked, 65 hidden by rounding" in repr(report)
    assert "hidden, not counted" in str(report) and "hidden, not counted" in report._repr_html_()


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0, 1.2, 10.0])
@pytest.mark.parametrize("dead", [0, 3])
def test_a_wrong_gradient_passes_under_no_constant(factor: float, dead: int) -> None:
    rows = X.copy()
    rows[:, :dead] = 0.0
    for exponent in range(15):
        wrong = broken(factor=factor, bias_factor=factor, constant=10.0**exponent)
        report = check_gradient(wrong, rows, y, W, b, n_entries="all")
        assert not report.ok, report


def test_a_right_gradient_passes_until_its_slopes_are_lost() -> None:
    reports = [check_gradient(broken(constant=10.0**n), X, y, W, b, n_entries="all") for n in range(15)]
    assert not any(report.failed for report in reports)
    assert [report.n_hidden for report in reports] == sorted(report.n_hidden for report in reports)
    assert all(report.ok == (report.n_checked > 0) for report in reports)
    assert all(report.ok for report in reports[:7]) and not any(report.ok for report in reports[10:])


def test_slopes_of_a_tiny_loss_are_lost_too_and_dead_features_do_not_vouch_for_them() -> None:
    rows = X.copy()
    rows[:, :4] = 0.0

    def tiny(sign: float) -> Any:
        def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
            value, dW, db = reference.softmax_loss(X, y, W, b)
            return 1e-12 * value, sign * 1e-12 * dW, None if db is None else sign * 1e-12 * db

        return loss

    for sign in (1.0, 0.0, -1.0):
        report = check_gradient(tiny(sign), rows, y, W, b, n_entries="all")
        assert not report.ok and not report.failed and "NOTHING VERIFIED" in str(report)


def test_a_dead_feature_has_a_slope_of_zero_that_counts() -> None:
    rows = X.copy()
    rows[:, :4] = 0.0
    for loss in ("softmax", "hinge", "squared_hinge"):
        report = check_gradient(loss, rows, y, W, b, n_entries="all")
        dead = [entry for entry in report.entries if entry.name in {f"W[{c}, {d}]" for c in range(C) for d in range(4)}]
        assert report.ok and report.n_hidden == 0
        assert len(dead) == 4 * C
        assert all(entry.counts and entry.analytic == entry.numeric == 0.0 for entry in dead)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_an_exactly_flat_loss_passes_and_one_too_large_to_tell_does_not(constant: float) -> None:
    def flat(height: float) -> Any:
        return lambda X, y, W, b: (height, 0 * W, 0 * b)

    report = check_gradient(flat(constant), X, y, W, b, n_entries="all")
    assert report.ok and report.n_checked == report.n_total
    assert not check_gradient(flat(1e20), X, y, W, b, n_entries="all").ok


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_at_a_true_optimum_a_gradient_of_zero_passes_and_another_does_not(constant: float) -> None:
    def square(slope: float) -> Any:
        return lambda X, y, W, b: (constant + float(np.sum(W**2)), 2 * W + slope)

    at = np.zeros_like(W)
    assert check_gradient(square(0.0), X, y, at, n_entries="all").ok
    assert check_gradient(square(1e-6), X, y, at, n_entries="all").failed
    # The hinge of rows that are all far beyond the margin is flat as well.
    assert check_gradient("hinge", 3 * np.eye(D)[:C], np.arange(C), np.eye(C, D)).ok


def test_near_an_optimum_slopes_of_mere_rounding_verify_nothing() -> None:
    def square(factor: float) -> Any:
        return lambda X, y, W, b: (3.0 + float(np.sum(W**2)), factor * 2 * W)

    for factor in (1.0, -1.0):
        report = check_gradient(square(factor), X, y, np.full_like(W, 1e-12), n_entries="all")
        assert not report.ok and not report.failed and report.n_hidden == report.n_total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_in_ordinary_cases_rounding_hides_nothing(loss: str, dtype: type[np.floating[Any]]) -> None:
    for l2 in (0.0, 0.1):
        report = check_gradient(
            loss, X.astype(dtype), y, W.astype(dtype), b.astype(dtype), n_entries="all", l2=l2
        )  # fmt: skip
        assert report.ok and report.n_hidden == 0, report
        assert not any(direction.hidden for direction in report.directions)


def test_what_is_hidden_is_no_excuse_for_what_is_wrong() -> None:
    report = check_gradient(broken(factor=-1.0, bias_factor=-1.0, constant=1e8), X, y, W, b, n_entries="all")
    assert report.n_hidden > 0 and report.failed and "FAILED" in repr(report)
    assert not any(entry.hidden for entry in report.failed)


# Kinks: one feature, one row, right class 0; the violation of class 1 at W = (0, w) is w + 1, so it bends at w = -1.

AT_KINK = np.array([[0.0], [-1.0]])


def own_hinge(slope_at_kink: float) -> Any:
    """A hinge of someone's own on the row x = 1, with the gradient it claims where the violation is zero."""

    def loss(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: None) -> tuple[float, np.ndarray]:
        violation = W[1, 0] - W[0, 0] + 1.0
        active = slope_at_kink if violation == 0 else float(violation > 0)
        return max(0.0, violation), np.array([[-active], [active]])

    return loss


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("distance", [-1e-6, 0.0, 1e-6])
def test_an_entry_at_a_kink_is_reported_and_not_counted(loss: str, distance: float) -> None:
    # A second row, far from its kink, has the other feature: its entries count.
    rows, weights = np.eye(2), np.array([[0.0, 0.3], [-1.0 + distance, 0.1]])
    report = check_gradient(loss, rows, [0, 1], weights, n_entries="all")
    assert report.n_kinks == 2 and report.n_checked == 2 and report.ok
    assert {entry.name for entry in report.entries if entry.kink} == {"W[0, 0]", "W[1, 0]"}
    assert "kink" in str(report) and "2 at a kink not counted" in repr(report)


@pytest.mark.parametrize("claimed", [0.0, 0.5, 1.0])
def test_at_a_kink_any_slope_between_the_two_sides_is_excused(claimed: float) -> None:
    report = check_gradient(own_hinge(claimed), [[1.0]], [0], AT_KINK, n_entries="all")
    assert not report.failed and (report.n_kinks == 2 or claimed == 0.5)


@pytest.mark.parametrize("claimed", [-0.2, 1.2, 30.0])
def test_at_a_kink_a_slope_beyond_both_sides_is_wrong(claimed: float) -> None:
    report = check_gradient(own_hinge(claimed), [[1.0]], [0], AT_KINK, n_entries="all")
    assert not report.ok and len(report.failed) >= 2


@pytest.mark.parametrize("power", [1, 2])
def test_kinks_of_an_unknown_function_are_seen_in_its_values(power: int) -> None:
    def unknown(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        return reference.hinge_loss(X, y, W, b, power=power)

    # Steps so wide that many cross a kink: what is off by that alone is excused, and what is right counts.
    settings: dict[str, Any] = {"n_entries": "all", "step": 0.04, "n_directions": 0}
    report = check_gradient(unknown, X, y, W, b, **settings)
    known = check_gradient("hinge", X, y, W, b, power=power, **settings)
    crossing = {entry.name for entry in known.entries if entry.kink}
    assert report.ok and known.ok
    excused = {entry.name for entry in report.entries if entry.kink}
    assert excused <= crossing and len(excused) > len(crossing) / 2
    assert 5 < len(crossing) < 55

    # A gradient that is wrong by a tenth is more than the kinks can be blamed for.
    def wrong(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        loss, dW, db = unknown(X, y, W, b)
        return loss, 1.1 * dW, db

    assert len(check_gradient(wrong, X, y, W, b, **settings).failed) > 40


def test_a_smooth_loss_has_no_kinks_to_hide_behind() -> None:
    for factor in (1 + 1e-5, 1 + 3e-6, 0.5):
        report = check_gradient(broken(factor=factor), X, y, W, b, n_entries="all", step=1e-4)
        assert report.n_kinks == 0 and not report.ok


def test_the_absolute_value_of_l1_bends_at_zero() -> None:
    weights = W.copy()
    weights[0] = 0.0
    report = check_gradient("softmax", X, y, weights, n_entries="all", l1=0.1)
    assert report.n_kinks == D and report.ok
    nothing = check_gradient("softmax", X, y, np.zeros_like(W), n_entries="all", l1=0.1)
    assert nothing.n_checked == 0 and not nothing.ok and "NOTHING CHECKED" in str(nothing)


def test_the_largest_violation_alone_bends_where_two_are_equal() -> None:
    # Scores 0 for the right class, 1 and 1 + 1e-7 for the two others.
    weights = np.array([[0.0], [1.0], [1.0 + 1e-7]])
    kinks = {
        kind: check_gradient("hinge", [[1.0]], [0], weights, n_entries="all", kind=kind).n_kinks
        for kind in ("sum", "max")
    }
    assert kinks == {"sum": 0, "max": 2}


# Others' functions


def svm_loss_of_the_course(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
    assert W.shape == (D, C) and W.flags.c_contiguous
    loss, dW, _ = reference.hinge_loss_naive(X, y, W.T, l2=reg)
    return loss, dW.T


def test_the_courses_form_is_adapted() -> None:
    loss = course_loss(svm_loss_of_the_course, reg=0.1)
    report = check_gradient(loss, X, y, W)
    assert report.ok and report.loss_name == "svm_loss_of_the_course"
    assert report.loss == pytest.approx(fastlin.hinge_loss(X, y, W, l2=0.1).loss)
    assert loss(X, y, W, l2=0.0)[0] == pytest.approx(fastlin.hinge_loss(X, y, W).loss)
    with pytest.raises(ValueError, match="b is given"):
        check_gradient(loss, X, y, W, b)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("logistic", ValueError, "loss is 'logistic'; wanted is one of 'softmax', 'hinge', 'squared_hinge'"),
        (3, TypeError, "loss is 3"),
        (lambda X, y, W, b: 1.0, TypeError, "returned float; wanted is a tuple"),
        (lambda X, y, W, b: (1.0, W, b, b), TypeError, "returned 4 values"),
        (lambda X, y, W, b: (1.0, W), TypeError, r"returned 2 values; wanted is a tuple \(loss, dW, db\)"),
        (lambda X, y, W, b: (1.0, W.T, b), ValueError, "course_loss"),
        (lambda X, y, W, b: (1.0, W, W), ValueError, "returned db of shape"),
        (lambda X, y, W, b: (1.0, W, None), ValueError, "returned None for db"),
        (lambda X, y, W, b: (np.ones(3), W, b), ValueError, "a loss of shape"),
        (lambda X, y, W, b: (float("nan"), W, b), ValueError, "is nan at W"),
        (lambda X, y, W, b: ("1.0", W, b), TypeError, "returned a loss of <U3; wanted is real numbers"),
        (lambda X, y, W, b: (1j, W, b), TypeError, "returned a loss of complex128"),
        (lambda X, y, W, b: (1.0, 1j * W, b), TypeError, "returned dW of complex128"),
        (lambda X, y, W, b: (1.0, [[1.0], [1.0, 2.0]], b), TypeError, "returned dW of object"),
        (lambda X, y, W, b: (1.0, W, ["a"] * len(b)), TypeError, "returned db of <U1"),
    ],
)
def test_what_is_no_loss_is_refused(loss: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_gradient(loss, X, y, W, b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_entries": 0}, "n_entries is 0"), ({"tolerance": 0}, "tolerance is 0"), ({"step": -1}, "step is -1"),
        ({"seed": -1}, "seed is -1"), ({"n_directions": -1}, "n_directions is -1"), ({"margin": -1}, "margin is -1"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_gradient("hinge", X, y, W, **arguments)
    with pytest.raises(ValueError, match="at least one row"):
        check_gradient("hinge", X[:0], y[:0], W)
    with pytest.raises(ValueError, match=r"y\[0\] is \d; wanted is 0..4"):
        check_gradient("hinge", X, y + C, W)
    for large_X, large_W in ((X * 1e200, W), (X, W * 1e200)):
        with pytest.raises(ValueError, match="X or W holds numbers whose squares overflow; wanted is smaller"):
            check_gradient("hinge", large_X, y, large_W)


def test_a_loss_that_writes_to_its_arguments_is_stopped_or_does_no_harm() -> None:
    def writes(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        result = reference.softmax_loss(X, y, W, b)
        W *= 0
        return result

    before = W.copy()
    assert check_gradient(writes, X, y, W, b, n_entries=5).ok
    np.testing.assert_array_equal(W, before)

    def spoils(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        X -= X.mean()

    with pytest.raises(ValueError, match="read-only"):
        check_gradient(spoils, X, y, W, b)


def test_a_loss_that_is_not_finite_beside_the_point_fails() -> None:
    def cliff(X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> Any:
        return (1.0 if W[0, 0] <= 0 else float("inf")), np.zeros_like(W), b

    report = check_gradient(cliff, X, y, np.zeros_like(W), b, n_entries="all", n_directions=0)
    assert report.failed[0].name == "W[0, 0]" and report.failed[0].error == float("inf")


def test_the_seed_says_which_entries() -> None:
    names = [
        sorted(entry.name for entry in check_gradient("softmax", X, y, W, b, n_entries=7, seed=seed).entries)
        for seed in (0, 0, 1)
    ]
    assert names[0] == names[1] != names[2]
    assert len(names[0]) == 7 + C


def test_the_report_prints_the_worst_first() -> None:
    report = check_gradient("hinge", X, y, W, b)
    errors = [entry.error for entry in report.worst]
    assert errors == sorted(errors, reverse=True) and len(errors) == 8
    assert str(report).splitlines()[0].startswith("gradient of hinge, loss ")
    html = report._repr_html_()
    assert html.startswith("<table>") and html.count("<tr") == 1 + 4 + 8 and "along the gradient" in html


def test_the_verdict_counts_slopes_of_slopes() -> None:
    report = check_gradient(lambda X, y, W, b: (float((W**2).sum()), W, 0 * b), X, y, W, b, n_entries=4, n_directions=2)
    # Wrong are the four weights and the three directions, not the biases.
    assert len(report.failed) == 7
    assert f"FAILED: 8 of {W.size + C} entries checked, 7 of 11 slopes beyond 1e-06" in str(report)
