"""The worked example: the lecture's numbers, and the library's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastlin
from fastlin.diagnostics import explain_losses

LECTURE = [3.2, 5.1, -1.7]


def test_the_lectures_numbers() -> None:
    example = explain_losses(LECTURE, 0)
    assert example.hinge == pytest.approx(2.9)
    assert example.squared_hinge == pytest.approx(2.9**2)
    assert example.softmax == pytest.approx(2.0404, abs=5e-5)
    np.testing.assert_allclose(example.probabilities, [0.130, 0.869, 0.001], atol=5e-4)
    np.testing.assert_allclose(example.exponents, [24.5, 164.0, 0.18], rtol=2e-2)
    np.testing.assert_allclose(example.differences, [1.0, 2.9, -3.9])
    np.testing.assert_allclose(example.hinge_terms, [0.0, 2.9, 0.0])


def test_the_lectures_three_images_average_to_5_27() -> None:
    scores, y = [[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2]
    hinges = [explain_losses(row, label).hinge for row, label in zip(scores, y, strict=True)]
    np.testing.assert_allclose(hinges, [2.9, 0.0, 12.9])
    assert np.mean(hinges) == pytest.approx(5.27, abs=5e-3)


@pytest.mark.parametrize("margin", [0.5, 1.0, 10.0])
def test_it_agrees_with_the_losses(margin: float) -> None:
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 10):
        scores, y = rng.normal(size=n_classes) * 3, int(rng.integers(n_classes))
        example = explain_losses(scores, y, margin=margin)
        one, W = np.ones((1, 1)), scores[:, None]
        assert example.hinge == pytest.approx(fastlin.hinge_loss(one, [y], W, margin=margin).loss)
        assert example.squared_hinge == pytest.approx(fastlin.hinge_loss(one, [y], W, margin=margin, power=2).loss)
        assert example.softmax == pytest.approx(fastlin.softmax_loss(one, [y], W).loss)
        for move in example.moves:
            moved = scores.copy()
            moved[y] += move.by
            there = explain_losses(moved, y, margin=margin)
            assert move[1:4] == pytest.approx((there.hinge, there.squared_hinge, there.softmax))
            assert move.probability == pytest.approx(there.probabilities[y])


def test_hinge_is_zero_just_where_it_says() -> None:
    example = explain_losses(LECTURE, 0)
    at = example.satisfied_at
    before, after = explain_losses(LECTURE, 0, moves=[at - 1e-6, at + 1e-6]).moves
    assert before.hinge > 0 and after.hinge == 0 and after.softmax > 0
    # A right score that is already ahead may fall back so far.
    assert explain_losses([5.0, 1.0], 0).satisfied_at == -3.0


def test_scores_too_large_to_be_exponentiated_are_shifted() -> None:
    example = explain_losses([900.0, 899.0], 1)
    assert example.shift == 900.0 and example.exponents[0] == 1.0
    assert example.softmax == pytest.approx(np.log1p(np.e))
    assert "exp(s - 900.00)" in str(example)
    assert example.probabilities.sum() == pytest.approx(1.0)
    with np.errstate(all="raise"):  # an exponent that underflows is zero, whatever NumPy was told to do about it
        assert explain_losses([0.0, -1000.0], 0, moves=[]).exponents[1] == 0.0


def test_the_tables() -> None:
    example = explain_losses(LECTURE, 0, class_names=["cat", "<car>", "frog"], moves=[0, 2.9])
    text = str(example)
    for word in ("2.9000", "8.4100", "2.0404", "0.1300", "0.8690", "0.0010", "24.5325", "+2.9", "cat", "right"):
        assert word in text, word
    html = example._repr_html_()
    assert html.count("<table>") == 2 and "&lt;car&gt;" in html and "<car>" not in html
    assert repr(example) == (
        "<LossExplanation of 3 scores, right class cat: hinge 2.9000, squared hinge 8.4100, softmax 2.0404>"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0, 2.0]], 0), ValueError, "scores has shape"), (([1.0], 0), ValueError, "two scores or more"),
        (([1.0, np.nan], 0), ValueError, "scores holds nan"), (([1.0, 2.0], 2), ValueError, "y is 2; wanted is 0..1"),
        (([1.0, 2.0], -1), ValueError, "y is -1"), (([1.0, 2.0], 0.5), TypeError, "y has dtype float64"),
        ((["a", "b"], 0), TypeError, "scores has dtype"), (([[1.0], [1.0, 2.0]], 0), ValueError, "scores makes no"),
        ((np.ma.masked_array([1.0, 2.0]), 0), TypeError, "scores is a masked array"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain_losses(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"margin": 0}, "margin is 0"), ({"class_names": ["a"]}, "holds 1 names"), ({"moves": [np.inf]}, "moves holds")],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain_losses(LECTURE, 0, **options)
    assert explain_losses([3, 5, -1], np.int64(1)).hinge == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": 5}, "class_names is 5; wanted is a list"),
        ({"class_names": "cat"}, "class_names is 'cat'"),
        ({"moves": 3}, "moves is 3; wanted is a list"),
        ({"moves": [[1], [2, 3]]}, r"moves holds \[1\]; wanted is numbers"),
        ({"moves": ["a"]}, "moves holds 'a'; wanted is numbers"),
    ],
)
def test_options_of_another_kind_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        explain_losses(LECTURE, 0, **options)


@pytest.mark.filterwarnings("error")
def test_losses_past_all_floats_are_infinite() -> None:
    example = explain_losses([1e308, -1e308], 1)
    assert example.hinge == example.squared_hinge == example.softmax == np.inf
    assert example.probabilities.tolist() == [1.0, 0.0]
    assert "inf" in str(example)
