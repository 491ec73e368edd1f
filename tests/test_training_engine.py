"""What a fit does between its steps: stopping, held-out rows, callbacks, averaging, no biases, history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loops import settings

from fastlin import functional, reference, training
from fastlin.training import loop


def blobs(n_rows: int = 300, n_features: int = 5, n_classes: int = 3, spread: float = 1.5) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(n_rows) % n_classes
    centres = spread * rng.standard_normal((n_classes, n_features))
    return (rng.standard_normal((n_rows, n_features)) + centres[y]) * 20 + 100, y


def fitted(X: Any, y: Any, *, n_epochs: int = 8, rate: Any = 0.05, standardize: bool = True, weight: Any = None,
           state: Any = None, **options: Any) -> training.FitState:  # fmt: skip
    names = training.Settings._fields
    told = settings(**{"l2": 1e-3} | {name: options.pop(name) for name in names if name in options})
    if state is None:
        rng = training.as_generator(0)
        state = training.FitState.fresh(int(y.max()) + 1, X.shape[1], np.dtype(np.float64), rng)
        state.observe(X, weight, standardize=standardize, n_threads=1, fit_intercept=told.fit_intercept)
    rates = rate if callable(rate) else training.Schedule(rate)
    options = {"sample_weight": weight, "reporter": None} | options
    state.run(X, y, told, rates=rates, n_epochs=n_epochs, **options)
    return state


# Stopping


def test_a_fit_without_progress_ends() -> None:
    X, y = blobs()
    state = fitted(X, y, n_epochs=200, stopping=training.Stopping(tol=1e-3, n_iter_no_change=3))
    losses = state.history["loss"]
    assert state.stop_reason == "tol" and 4 < len(losses) < 200
    # The last three epochs made no progress by the rule, and before them there was none of three in a row.
    stale, best, longest = 0, np.inf, []
    for value in losses:
        stale = 0 if value < best - 1e-3 else stale + 1
        best = min(best, value)
        longest.append(stale)
    assert longest[-1] == 3 and max(longest[:-1]) < 3
    assert state.best_epoch == int(losses.argmin()) + 1
    assert fitted(X, y, n_epochs=20).stop_reason == "max_iter"


def test_the_adaptive_schedule_takes_the_plateaus() -> None:
    X, y = blobs()
    state = fitted(X, y, n_epochs=500, rate=training.make_schedule("adaptive", 0.1, n_steps=1, steps_per_epoch=1),
                   stopping=training.Stopping(tol=1e-3, n_iter_no_change=2))  # fmt: skip
    rates = np.unique(state.history["rate"])[::-1]
    np.testing.assert_allclose(rates, 0.1 / 5.0 ** np.arange(9), rtol=1e-12)
    assert state.stop_reason == "tol"


@pytest.mark.parametrize("monitor", ["validation_loss", "validation_accuracy"])
def test_the_weights_of_the_best_epoch_come_back(monitor: str) -> None:
    X, y = blobs(200, 30, 4, spread=0.3)
    other, labels = blobs(120, 30, 4, spread=0.3)
    labels = np.roll(labels, 7)  # rows that get worse the better the fit
    held_out = training.Validation(other, labels)
    seen: list[tuple[Any, Any]] = []
    state = fitted(
        X, y, n_epochs=60, validation=held_out, callbacks=[lambda view: seen.append((view.coef, view.intercept))],
        stopping=training.Stopping(0.0, 4, monitor, restore_best=True),
    )  # fmt: skip
    values = state.history[monitor] * (-1 if monitor == "validation_accuracy" else 1)
    assert state.stop_reason == "early_stopping"
    assert state.best_epoch == int(values.argmin()) + 1 == state.history.n_epochs - 4
    np.testing.assert_array_equal(state.coef, seen[state.best_epoch - 1][0])
    np.testing.assert_array_equal(state.weights[1], seen[state.best_epoch - 1][1])
    # What was recorded is what these weights have.
    loss, accuracy = reference.evaluate(other, labels, state.coef, state.intercept)
    best = state.best_epoch - 1
    assert state.history["validation_loss"][best] == pytest.approx(loss + state.history["penalty"][best], rel=1e-9)
    assert state.history["validation_accuracy"][best] == accuracy


def test_held_out_rows_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs()
    given = np.random.default_rng(0).uniform(0.5, 2, 300)
    given[:40] = 0
    weight, index = training.hold_out(y, given, 0.2, np.random.default_rng(0))
    assert len(index) == 52 and (weight[index] == 0).all() and (given[index] > 0).all()
    np.testing.assert_allclose(np.bincount(y[index]), 52 / 3, atol=1)
    held_out = training.Validation(X, y, given, index)
    state = fitted(X, y, weight=weight, validation=held_out)
    rest = np.flatnonzero(weight)
    assert state.n_steps == 8 * -(-len(rest) // 32)
    alone = fitted(X[rest], y[rest], weight=given[rest], shuffle=False)
    with_them = fitted(X, y, weight=weight, shuffle=False)
    np.testing.assert_allclose(with_them.coef, alone.coef, rtol=1e-9)
    # In pieces it is the same.
    monkeypatch.setattr("fastlin.training.stopping._EVALUATION_WORK", 1e4)
    pieces = fitted(X, y, weight=weight, validation=held_out)
    for name in ("validation_loss", "validation_accuracy"):
        np.testing.assert_allclose(pieces.history[name], state.history[name], rtol=1e-12)
    loss = reference.evaluate(X, y, *state.weights, rows=index, sample_weight=given).loss
    assert state.history["validation_loss"][-1] == pytest.approx(loss + state.history["penalty"][-1], rel=1e-9)


def test_hold_out_shares_the_classes_fairly_and_is_seeded() -> None:
    y = np.repeat([0, 1, 2, 3], [100, 50, 7, 1])
    _, index = training.hold_out(y, None, 0.1, np.random.default_rng(3))
    assert np.bincount(y[index], minlength=4).tolist() == [10, 5, 1, 0]
    np.testing.assert_array_equal(index, training.hold_out(y, None, 0.1, np.random.default_rng(3))[1])
    assert not np.array_equal(index, training.hold_out(y, None, 0.1, np.random.default_rng(4))[1])
    for fraction in (0.0, 1.0, -1, 2):
        with pytest.raises(ValueError, match=r"^validation_fraction is"):
            training.hold_out(y, None, fraction, np.random.default_rng(0))
    with pytest.raises(ValueError, match="no class has a second row"):
        training.hold_out(np.arange(4), None, 0.5, np.random.default_rng(0))


def test_time_ends_a_fit_within_an_epoch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs(3000)
    state = fitted(X, y, n_epochs=10**6, stopping=training.Stopping(max_time=0.2))
    assert state.stop_reason == "max_time" and 0 < state.history.n_epochs < 10**6
    monkeypatch.setattr(loop, "_SEGMENT_WORK", 1.0)  # a batch each
    state = fitted(X, y, n_epochs=3, stopping=training.Stopping(max_time=1e-9))
    assert state.stop_reason == "max_time" and state.n_steps == 1 and state.history.n_epochs == 0
    assert state.coef.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": -1}, "^tol is -1"), ({"n_iter_no_change": 0}, "^n_iter_no_change is 0"),
        ({"monitor": "accuracy"}, "^monitor is 'accuracy'"), ({"max_time": 0}, "^max_time is 0"),
        ({"restore_best": True}, "^restore_best is True while monitor is 'loss'"),
    ],
)  # fmt: skip
def test_what_stopping_refuses(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training.Stopping(**options)


# Callbacks


def test_a_callback_sees_the_fit_and_may_end_it() -> None:
    X, y = blobs()
    views: list[training.TrainingView] = []

    def callback(view: training.TrainingView) -> Any:
        views.append(view)
        loss, _ = reference.evaluate(X, y, view.coef, view.intercept)
        assert loss < np.log(3)
        with pytest.raises(ValueError, match="read-only"):
            view.coef[0, 0] = 1
        view.history.append(view.record)  # a copy: the fit does not see it
        return np.bool_(view.epoch == 3)

    state = fitted(X, y, callbacks=[callback, lambda view: "whatever is no True"])
    assert state.stop_reason == "callback" and state.history.n_epochs == 3
    assert [view.epoch for view in views] == [1, 2, 3] and [view.n_steps for view in views] == [10, 20, 30]
    assert {view.n_epochs for view in views} == {8} and views[0].rate == 0.05
    assert views[-1].record == state.history.last and 0 < views[0].seconds < views[1].seconds
    np.testing.assert_array_equal(views[-1].coef, state.coef)


def test_what_a_callback_raises_comes_out_and_the_steps_stay() -> None:
    X, y = blobs()
    whole = fitted(X, y, n_epochs=2)

    def callback(view: training.TrainingView) -> None:
        if view.epoch == 2:
            raise RuntimeError("enough")

    state = training.FitState.fresh(3, 5, np.dtype(np.float64), training.as_generator(0))
    state.observe(X, None, standardize=True, n_threads=1)
    with pytest.raises(RuntimeError, match="enough"):
        fitted(X, y, state=state, callbacks=[callback])
    assert state.stop_reason == "interrupted" and state.n_steps == 20 and state.history.n_epochs == 2
    np.testing.assert_array_equal(state.coef, whole.coef)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_divergence_leaves_the_state_as_it_was(optimizer: str) -> None:
    X, y = blobs()
    state = fitted(X, y)
    before = state.coef.copy()
    y = np.random.default_rng(5).integers(0, 3, len(y))
    with pytest.raises(training.DivergenceError, match="eta0"), np.errstate(all="ignore"):
        fitted(X, y, state=state, rate=1e6, optimizer=optimizer)
    assert state.stop_reason is None
    np.testing.assert_array_equal(state.coef, before)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_that_nobody_gave_is_halved_until_the_fit_does_not_diverge(optimizer: str) -> None:
    X, y = blobs()
    changes = {"optimizer": optimizer, "loss": "squared_hinge", "rate": 40.0}
    with pytest.raises(training.DivergenceError, match="eta0"), np.errstate(all="ignore"):
        fitted(X, y, **changes)
    done: list[int] = []

    class Told:
        def rows_done(self, n_rows: int) -> None:
            done.append(n_rows)

        def epoch_done(self, record: training.EpochRecord) -> None:
            pass

    with np.errstate(all="ignore"):
        state = fitted(X, y, halve_rate=True, reporter=Told(), **changes)
    assert 0 < state.n_halvings <= 8 and state.rate == 40.0 / 2**state.n_halvings
    assert state.history["rate"][0] == state.rate and np.isfinite(state.coef).all()
    assert state.history["loss"][-1] <= state.history["loss"][0]
    assert state.n_steps == state.history.n_epochs * 10 and sum(done) == state.history.n_epochs * len(X)
    with pytest.raises(training.DivergenceError, match="eta0") as caught, np.errstate(all="ignore"):
        fitted(X, y, halve_rate=True, optimizer=optimizer, rate=1e12)
    assert ", halved 8 times; wanted is a smaller eta0, or rows clipped" in str(caught.value)  # not what was passed


# Optimizers


def twin_fit(X: Any, y: Any, told: training.Settings, n_epochs: int, rate: float, scaling: dict) -> tuple[Any, ...]:
    """The same fit by the twin, step by step."""
    rng = training.as_generator(0)
    W, b = np.zeros((3, X.shape[1])), np.zeros(3)
    pairs = [(np.zeros_like(W), np.zeros_like(b) if told.fit_intercept else None) for _ in range(3)]
    bias = b if told.fit_intercept else None
    mean, n_mean, n_steps = pairs[2], 0, 0
    for _ in range(n_epochs):
        order = rng.permutation(len(X))
        half = -(-len(order) // told.batch_size) // 2
        for start in range(0, len(order), told.batch_size):
            if told.average_tail and start == half * told.batch_size:
                n_mean = 0
            rows = order[start : start + told.batch_size]
            _, dW, db = reference.softmax_loss(X, y, W, bias, rows=rows, l2=told.l2, **scaling)
            if told.optimizer == "adam":
                moments = pairs[0], pairs[1]
                reference.adam_step(W, bias, dW, db, lr=rate, moments=moments, n_steps=n_steps, l1=told.l1)
            else:
                reference.sgd_step(
                    W, bias, dW, db, lr=rate, momentum=told.momentum, nesterov=told.nesterov, velocity=pairs[0],
                    l1=told.l1,
                )  # fmt: skip
            averaged = told.average_from is not None and n_steps >= told.average_from
            if averaged or (told.average_tail and start >= half * told.batch_size):
                n_mean += 1
                mean[0][...] += (W - mean[0]) / n_mean
                if mean[1] is not None:
                    mean[1][...] += (b - mean[1]) / n_mean
            n_steps += 1
    averaged = told.average_tail or told.average_from is not None
    return (W, b) if not averaged else (mean[0], b if mean[1] is None else mean[1])


@pytest.mark.parametrize("average_from", [None, 0, 13, 10**6, "tail"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_fit_is_the_twins_steps(
    optimizer: str, fit_intercept: bool, average_from: int | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = blobs()
    changes: dict[str, Any] = {"optimizer": optimizer, "fit_intercept": fit_intercept, "l1": 1e-3}
    changes |= {"average_tail": True} if average_from == "tail" else {"average_from": average_from}
    state = fitted(X, y, n_epochs=3, **changes)
    shift, scale = state.standardization
    if not fit_intercept:
        np.testing.assert_allclose(scale, 1 / np.sqrt(np.mean(X**2, axis=0)))
        assert not shift.any() and not state.weights[1].any()
    told = settings(**{"l2": 1e-3} | changes)
    if average_from == 10**6:
        told = told._replace(average_from=None)
        assert state.average is None
    W, b = twin_fit(X, y, told, 3, 0.05, {"shift": shift, "scale": scale})
    coef, intercept = training.Standardization(shift, scale).fold(W, b)
    np.testing.assert_allclose(state.weights[0], coef, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(state.weights[1], intercept, rtol=1e-8, atol=1e-9)
    # However the epochs are cut, and by any number of threads, the bits are these.
    monkeypatch.setattr(loop, "_SEGMENT_WORK", 1.0)
    again = fitted(X, y, n_epochs=3, n_threads=2, **changes)
    np.testing.assert_array_equal(again.weights[0], state.weights[0])
    np.testing.assert_array_equal(again.weights[1], state.weights[1])


@pytest.mark.parametrize(
    "changes",
    [{"average_from": 0}, {"average_tail": True}, {"optimizer": "adam"}, {"momentum": 0.0, "nesterov": False}],
)
def test_two_runs_are_one_of_both_lengths(changes: dict) -> None:
    X, y = blobs()
    whole = fitted(X, y, n_epochs=4, standardize=False, rate=1e-6, **changes)
    parts = fitted(X, y, n_epochs=2, standardize=False, rate=1e-6, **changes)
    fitted(X, y, n_epochs=2, state=parts, rate=1e-6, **changes)
    np.testing.assert_array_equal(parts.weights[0], whole.weights[0])
    np.testing.assert_array_equal(parts.coef, whole.coef)
    assert parts.n_steps == whole.n_steps == 40


def test_a_column_of_ones_may_stand_for_the_bias() -> None:
    X, y = blobs()
    X = np.hstack([X, np.ones((len(X), 1))])
    state = fitted(X, y, n_epochs=60, fit_intercept=False)
    assert state.coef[:, -1].all() and not state.intercept.any()
    assert functional.evaluate(X, y, state.coef).accuracy > 0.9


def test_more_classes_find_room() -> None:
    X, y = blobs()
    for changes in ({"average_from": 0}, {"optimizer": "adam"}):
        state = fitted(X, y, **changes)
        more = state.with_classes(lambda array: np.concatenate([array, np.zeros((1, *array.shape[1:]))]))
        assert more.coef.shape == (4, 5) and more.weights[1].shape == (4,) and state.coef.shape == (3, 5)
        fitted(X, np.where(y == 2, 3, y), state=more, **changes)
        assert more.coef[3].any()


# History


def test_the_columns_of_the_history() -> None:
    X, y = blobs()
    state = fitted(X, y, n_epochs=3, validation=training.Validation(X, y))
    history = state.history
    for name in history:
        assert history[name].shape == (3,) and np.isfinite(history[name]).all(), name
    assert (history["gradient_norm"] > 0).all() and (history["update_ratio"] > 0).all()
    without = fitted(X, y, n_epochs=1).history
    assert np.isnan(without["validation_loss"]).all() and np.isnan(without["validation_accuracy"]).all()
    columns = {name: column for name, column in history.items() if not name.startswith("validation")}
    old = training.History.from_columns(columns)
    assert np.isnan(old["validation_loss"]).all() and old["loss"].tolist() == history["loss"].tolist()
