"""The loop and what it is told: standardisation, rate, history, divergence, Ctrl-C."""

from __future__ import annotations

import _thread
import io
import sys
import threading
import time

import numpy as np
import pytest
from loops import settings
from signals import collector_at_rest, heard_soon

from fastlin import training
from fastlin.linear_model import LinearClassifier
from fastlin.training import loop, standardize, steps
from fastlin.training import sample as sample_module
from fastlin.training.history import EpochRecord, History
from fastlin.training.progress import Progress


def blobs(n_rows=300, n_features=5, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    return (rng.standard_normal((n_rows, n_features)) + 3 * rng.standard_normal((n_classes, n_features))[y]).astype(
        np.float32
    ), y


# Standardisation


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "int32", "bool"])
def test_survey_agrees_with_numpy(dtype):
    X = np.random.default_rng(0).integers(0, 200, (257, 7)).astype(dtype)
    seen = training.survey(X)
    np.testing.assert_allclose(seen.mean, X.astype(np.float64).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(seen.variance, X.astype(np.float64).var(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(seen.low, X.min(axis=0))
    np.testing.assert_array_equal(seen.high, X.max(axis=0))
    assert seen.weight == 257


def test_survey_in_blocks_is_survey_at_once(monkeypatch):
    X = np.random.default_rng(1).standard_normal((500, 6)) * 10 + 100
    weight = np.random.default_rng(2).integers(0, 3, 500).astype(float)
    whole = training.survey(X, weight)
    monkeypatch.setattr(standardize, "_BLOCK_BYTES", 7 * 6 * 8)
    monkeypatch.setattr(standardize, "_TILE_BYTES", 3 * 6 * 8)
    for one, other in zip(training.survey(X, weight), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(whole.mean, np.average(X, axis=0, weights=weight), rtol=1e-12)


def test_scaling_is_plain_standardisation_for_ordinary_features():
    X = np.random.default_rng(0).standard_normal((1000, 3)) * [1e-6, 1.0, 1e6] + [0, 5, -1e6]
    shift, scale = training.survey(X).standardization()
    np.testing.assert_allclose(shift, X.mean(axis=0), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(scale, 1 / X.std(axis=0), rtol=1e-9)


def test_a_feature_that_hardly_moves_reaches_no_farther_than_the_bound():
    X = np.zeros((10_000, 2), np.uint8)
    X[0, 0] = 255
    X[:, 1] = np.arange(10_000) % 256
    shift, scale = training.survey(X).standardization()
    farthest = np.abs((X - shift) * scale).max(axis=0)
    assert farthest[0] == pytest.approx(standardize.REACH)
    assert farthest[1] < 2  # a uniform feature is left alone


@pytest.mark.parametrize(
    ("dtype", "value"), [("uint8", 7), ("float32", 0.1), ("float64", 0.1), ("float16", 0.1), ("float64", 0)]
)
def test_a_constant_feature_has_no_weight(dtype, value):
    X = np.full((1001, 1), value, dtype)
    assert training.survey(X).standardization().scale[0] == 0


def test_small_spread_around_a_large_mean_is_no_constant_in_float64():
    X = 1.6e9 + np.random.default_rng(0).uniform(0, 60, (1000, 1))  # time stamps within a minute
    assert training.survey(X).standardization().scale[0] == pytest.approx(1 / X.std(), rel=1e-6)


def test_fold_and_unfold():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 4)) * [1, 10, 100, 1000] + 50
    standard = training.survey(X).standardization()
    W, b = rng.standard_normal((3, 4)), rng.standard_normal(3)
    coef, intercept = standard.fold(W, b)
    np.testing.assert_allclose(X @ coef.T + intercept, ((X - standard.shift) * standard.scale) @ W.T + b, rtol=1e-10)
    for raw, value in zip(standard.unfold(coef, intercept), (W, b), strict=True):
        np.testing.assert_allclose(raw, value, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("check", [training.survey, training.check_finite])
def test_what_is_not_finite_is_found_and_named(dtype, bad, check, monkeypatch):
    monkeypatch.setattr(standardize, "_TILE_BYTES", 64)
    X = np.zeros((100, 5), dtype)
    X[73, 2] = bad
    with pytest.raises(ValueError, match=r"X holds (NaN|-?inf) in row 73, feature 2"):
        check(X)
    weight = np.ones(100)
    weight[73] = 0
    check(X, weight)  # a row that is not there does no harm


@pytest.mark.parametrize("size", [1e-38, 1e-39, 1e-43])
def test_the_tiniest_float32_has_a_finite_scale_and_weights(size):
    X, y = blobs()
    X = (X * size).astype(np.float32)
    assert np.isfinite(training.survey(X).standardization().scale.astype(np.float32)).all()
    model = LinearClassifier(random_state=0).fit(X, y)
    assert model.coef_.dtype == np.float32 and np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()


def test_tiny_float64_is_plainly_standardised():
    X = np.random.default_rng(0).standard_normal((1000, 1)) * 6.6e-34
    assert training.survey(X).standardization().scale[0] == pytest.approx(1 / X.std(), rel=1e-9)


def test_values_whose_squares_overflow_are_refused():
    with pytest.raises(ValueError, match="feature 1 whose squares overflow"):
        training.survey(np.array([[1.0, 1e200], [2.0, -1e200]]))


# Rate


def test_curvature_is_the_largest_eigenvalue():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((800, 6)) @ np.diag([5, 2, 1, 1, 1, 0.1])
    extended = np.hstack([X, np.ones((800, 1))])
    largest = np.linalg.eigvalsh(extended.T @ extended / 800)[-1]
    assert training.curvature(X, None, 10**9) == pytest.approx(largest, rel=0.02)
    longest = (extended**2).sum(axis=1).max()
    assert training.curvature(X, None, 1) == pytest.approx(longest, rel=1e-6)
    assert training.curvature(X, None, 2) == pytest.approx((400 * largest + 399 * longest) / 799, rel=0.02)


def test_curvature_sees_weights_and_coordinates():
    X = np.vstack([np.full((50, 2), 1.0), np.full((50, 2), 100.0)])
    weight = np.repeat([1.0, 0.0], 50)
    assert training.curvature(X, None, 100, weight) == pytest.approx(3.0, rel=1e-3)  # 1 + 1, and 1 of the bias
    standard = training.survey(X).standardization()
    assert training.curvature(X, standard, 100) == pytest.approx(2.0, rel=0.1)


def test_curvature_of_wide_rows_takes_fewer(monkeypatch):
    monkeypatch.setattr(sample_module, "_NUMBERS", 10)
    assert training.curvature(np.ones((5000, 3)), None, 5000) == pytest.approx(4.0, rel=1e-3)


def test_auto_rate_is_one_over_the_curvature():
    assert training.auto_rate("softmax", 10, 1.0, 0.0, 100.0) == pytest.approx(1 / 50)
    assert training.auto_rate("squared_hinge", 10, 1.0, 0.0, 100.0) == pytest.approx(1 / 2000)
    assert training.auto_rate("hinge", 10, 2.0, 0.0, 100.0) == pytest.approx(1 / 250)
    assert training.auto_rate("softmax", 10, 1.0, 25.0, 100.0) == pytest.approx(1 / 100)


def test_linear_decay_in_parts_is_linear_decay():
    whole = training.linear_decay(0.5, 0, 10, 10)
    assert whole[0] == 0.5 and whole[-1] == pytest.approx(0.05)
    np.testing.assert_array_equal(
        np.concatenate([training.linear_decay(0.5, 0, 4, 10), training.linear_decay(0.5, 4, 6, 10)]), whole
    )


# Loop


def run(X, y, *, n_epochs=3, rate=0.05, history=None, reporter=None, **changes):
    parameters = training.Parameters.zeros(int(y.max()) + 1, X.shape[1], X.dtype)
    history = History() if history is None else history
    training.train(
        X, y, parameters, settings(**changes), rates=lambda first, n: np.full(n, rate), n_epochs=n_epochs,
        rng=np.random.Generator(np.random.PCG64(0)), history=history, reporter=reporter,
    )  # fmt: skip
    return parameters, history


def test_segments_do_not_show_in_the_bits(monkeypatch):
    X, y = blobs()
    whole, history = run(X, y)
    monkeypatch.setattr(loop, "_SEGMENT_WORK", 1.0)  # a batch each
    cut, cut_history = run(X, y)
    np.testing.assert_array_equal(whole.W, cut.W)
    np.testing.assert_array_equal(whole.velocity[1], cut.velocity[1])
    np.testing.assert_allclose(history["loss"], cut_history["loss"], rtol=1e-12)
    np.testing.assert_allclose(history["accuracy"], cut_history["accuracy"], rtol=1e-12)
    assert whole.n_steps == cut.n_steps == 3 * 10


def test_history_counts_and_reporter_hears():
    X, y = blobs()
    row_counts, records = [], []

    class Reporter:
        def rows_done(self, n_rows):
            row_counts.append(n_rows)

        def epoch_done(self, record):
            records.append(record)

    _, history = run(X, y, reporter=Reporter(), l2=1e-3)
    assert history["epoch"].tolist() == [1, 2, 3] == [record.epoch for record in records]
    assert sum(row_counts) == 3 * len(X)
    assert isinstance(history.last, EpochRecord) and history.last == records[-1]
    assert history["loss"][-1] < history["loss"][0]
    assert history["penalty"][-1] > 0
    assert set(history) == set(EpochRecord._fields)
    with pytest.raises(KeyError, match="a history holds epoch, loss"):
        history["los"]
    again = History.from_columns(history)
    for name, column in history.items():
        np.testing.assert_array_equal(again[name], column)
    assert "3 epochs" in repr(history) and "0 epochs" in repr(History())


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_divergence_is_caught_within_an_epoch_and_explained(loss):
    X = blobs()[0]
    y = np.random.default_rng(5).integers(
        0, 3, len(X)
    )  # where any step of any size may end at a loss of 0, none diverges
    with pytest.raises(
        training.DivergenceError, match=r"diverged: the loss went to .* learning rate 1e\+04.*smaller eta0"
    ):
        run(X * 100, y, rate=1e4, loss=loss, n_epochs=1)


def test_a_fit_that_diverges_asks_for_what_was_not_done():
    """The rate from the data, and standardised features: of these only what would be new."""
    X = blobs()[0]
    y = np.random.default_rng(5).integers(0, 3, len(X))
    for scaled, wanted in (
        (True, "smaller eta0, or eta0='auto', to follow the scale of the features$"),
        (False, "smaller eta0, or eta0='auto' with standardize=True, to follow the scale of the features$"),
    ):
        with pytest.raises(training.DivergenceError, match=wanted), np.errstate(all="ignore"):
            LinearClassifier("squared_hinge", standardize=scaled, eta0=1e6).fit(X, y)


def test_divergence_to_nan_is_caught_too():
    X, y = blobs()
    with np.errstate(all="ignore"), pytest.raises(training.DivergenceError):
        run(X * np.float32(1e18), y, rate=1e4, loss="squared_hinge", n_epochs=1)


@pytest.mark.parametrize(("loss", "wanted"), [("softmax", np.log(10)), ("hinge", 18.0), ("squared_hinge", 36.0)])
def test_loss_of_zero_weights(loss, wanted):
    assert settings(loss=loss, margin=2.0).zero_weight_loss(10) == pytest.approx(wanted)


@pytest.mark.parametrize(("n_rows", "n_features", "batch_size"), [(4000, 1024, 256), (2_000_000, 2, 1)])
def test_ctrl_c_ends_the_loop_in_time_with_the_last_finished_step(n_rows, n_features, batch_size):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n_rows, n_features), dtype=np.uint8)
    y = rng.integers(0, 10, n_rows)

    def seconds():
        state = training.FitState.fresh(10, n_features, np.dtype(np.float32), rng)
        state.observe(X, None, standardize=True, n_threads=1)
        reporter = Presser()
        with collector_at_rest(), pytest.raises(KeyboardInterrupt):
            state.run(
                X, y, settings(batch_size=batch_size), rates=lambda first, n: np.full(n, 1e-3), n_epochs=10**6,
                sample_weight=None, reporter=reporter,
            )  # fmt: skip
        took = time.perf_counter() - reporter.pressed
        reporter.timer.join()
        assert state.n_steps > 0
        assert state.coef.any() and np.isfinite(state.coef).all()
        return took

    heard_soon(seconds)


class Presser:
    """Presses Ctrl-C in the middle of the second segment."""

    timer = None

    def rows_done(self, n_rows):
        if self.timer is None:
            self.timer = threading.Timer(0.05, self.press)
            self.timer.start()

    def press(self):
        self.pressed = time.perf_counter()
        _thread.interrupt_main()

    def epoch_done(self, record):
        pass


@pytest.mark.parametrize(("core_ran", "n_steps"), [(True, 3), (False, 2)])
def test_ctrl_c_around_the_core_counts_the_steps_taken(monkeypatch, core_ran, n_steps):
    """Python raises it before the core begins or once it has ended: the third segment has happened, or has not."""
    X, y = blobs()
    whole, _ = run(X[: 32 * n_steps], y[: 32 * n_steps], n_epochs=1, shuffle=False)
    core, calls = steps.descend, []

    def interrupted(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) < 3:
            return core(*arguments, **keywords)
        if core_ran:
            core(*arguments, **keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_SEGMENT_WORK", 1.0)  # a batch each
    monkeypatch.setattr(steps, "descend", interrupted)
    state = training.FitState.fresh(3, 5, np.dtype(np.float32), np.random.default_rng(0))
    with pytest.raises(KeyboardInterrupt):
        state.run(
            X, y, settings(shuffle=False), rates=lambda first, n: np.full(n, 0.05), n_epochs=1, sample_weight=None,
            reporter=None,
        )  # fmt: skip
    assert state.n_steps == whole.n_steps == n_steps
    np.testing.assert_array_equal(state.coef, whole.W)


def test_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch, capsys):
    pytest.importorskip("tqdm")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    record = EpochRecord(1, 2.0, 0.0, 0.5, np.nan, np.nan, 0.1, 1.5, 0.01, 0.25, 4000.0)
    line = "epoch 1  loss 2.0000  accuracy 0.5000  rate 1.00e-01  4,000 rows/s"
    with Progress(2, 100) as progress:
        progress.rows_done(100)
        progress.epoch_done(record)
    assert capsys.readouterr() == (line + "\n", "")
    monkeypatch.setattr(sys, "stderr", None)  # as of a process without a console
    with Progress(2, 100) as progress:
        progress.epoch_done(record)
    assert capsys.readouterr().out == line + "\n"
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(2, 100) as progress:
        progress.rows_done(100)
        progress.epoch_done(record)
    assert line in capsys.readouterr().out
    assert "50%" in terminal.getvalue()
