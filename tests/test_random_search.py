"""Random search: the losses are the library's own, the seed says all, and it beats chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastlin
from fastlin.diagnostics import random_search

_rng = np.random.default_rng(0)
N, C = 2500, 4  # two blocks of rows, and more than one stack of guesses at 200 trials
y = _rng.integers(0, C, N)
X = np.clip(_rng.normal(100 + 40 * (np.arange(24) % C == y[:, None]), 30), 0, 255).astype(np.uint8)


def loss_of(found: Any, loss: str, **options: Any) -> float:
    if loss == "softmax":
        return fastlin.softmax_loss(X, y, found.W, found.b).loss
    return fastlin.hinge_loss(X, y, found.W, found.b, power=2 if loss == "squared_hinge" else 1, **options).loss


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_the_best_guess_has_the_loss_it_is_said_to_have(loss: str, dtype: str) -> None:
    found = random_search(X.astype(dtype), y, 200, loss=loss)
    assert found.loss == pytest.approx(loss_of(found, loss), rel=1e-6)
    assert found.losses.shape == (200,) and found.losses[found.best] == found.losses.min()
    assert found.losses.min() == pytest.approx(found.loss, rel=1e-5)
    assert found.accuracy == np.mean(fastlin.predict(X.astype(dtype), found.W, found.b) == y)
    assert found.accuracy > 1.3 / C
    assert found.W.dtype == (np.float64 if dtype == "float64" else np.float32)


def test_every_guess_is_scored_rightly() -> None:
    # Guess by guess, as the search draws them: with `trials=k` the first k are the same.
    found = random_search(X, y, 90, margin=0.5, seed=3)
    for trial in (0, 1, 79, 80, 89):
        alone = random_search(X, y, trial + 1, margin=0.5, seed=3)
        np.testing.assert_allclose(alone.losses, found.losses[: trial + 1], rtol=1e-6)
        if alone.best == trial:
            assert alone.loss == pytest.approx(loss_of(alone, "hinge", margin=0.5), rel=1e-6)
    np.testing.assert_array_equal(found.best_so_far, np.minimum.accumulate(found.losses))


def test_centred_guesses_apply_to_raw_rows() -> None:
    centred = random_search(X, y, 50, scale=1e-3)
    own = random_search(X - X.mean(axis=0), y, 50, scale=1e-3, center=False)
    shifted = random_search(X.astype(np.float64), y, 50, scale=1e-3)
    np.testing.assert_allclose(shifted.losses, own.losses, rtol=1e-10)
    raw = random_search(X, y, 50, scale=1e-3, center=False)
    assert np.isclose(raw.losses, centred.losses, rtol=1e-3).mean() < 0.2


def test_the_seed_says_all_and_the_threads_nothing() -> None:
    first = random_search(X, y, 100, seed=5, n_threads=1)
    for n_threads in (2, 8):
        again = random_search(X, y, 100, seed=5, n_threads=n_threads)
        assert first.losses.tobytes() == again.losses.tobytes() and first.W.tobytes() == again.W.tobytes()
        assert first.b.tobytes() == again.b.tobytes() and first.loss == again.loss
    other = random_search(X, y, 100, seed=6)
    assert not np.isin(other.losses, first.losses).any()


def test_a_search_on_some_rows_is_measured_on_all() -> None:
    found = random_search(X, y, 100, n_rows=500, seed=1)
    assert found.n_rows == 500
    assert found.loss == pytest.approx(loss_of(found, "hinge"), rel=1e-6)
    assert found.losses.min() != pytest.approx(found.loss, rel=1e-5)
    assert random_search(X, y, 5, n_rows=10**6).n_rows == N


def test_scores_have_the_spread_that_is_promised() -> None:
    found = random_search(X, y, 1, seed=2)
    assert np.std(fastlin.scores(X, found.W, found.b)) == pytest.approx(0.3, rel=0.3)


def test_it_prints_the_improvements() -> None:
    found = random_search(X, y, 100)
    text = str(found)
    assert "100 guesses on 2,500 rows" in text and "chance is 25%" in text
    assert len(text.splitlines()) == 3 + len(np.unique(found.best_so_far))
    assert "<table>" in found._repr_html_() and "RandomSearchResult" in repr(found)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"trials": 0}, ValueError, "trials is 0"), ({"loss": "l2"}, ValueError, "loss is 'l2'"),
        ({"scale": 0}, ValueError, "scale is 0"), ({"n_rows": 0}, ValueError, "n_rows is 0"),
        ({"seed": 1.5}, TypeError, "seed is 1.5"), ({"n_classes": 3}, ValueError, r"is 3; wanted is 0..2"),
        ({"margin": -1}, ValueError, "margin is -1"), ({"X": X[:0], "y": y[:0]}, ValueError, "at least one row"),
        ({"y": y - 1}, ValueError, "is -1; wanted is 0.."), ({"n_threads": 0}, ValueError, "n_threads is 0"),
        ({"X": np.where(X > 200, np.nan, X)}, ValueError, "not finite"),
        ({"X": np.full(X.shape, 1e38, np.float32)}, ValueError, "too large numbers"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        random_search(**{"X": X, "y": y, "trials": 3, **arguments})
