"""VisualWords as a transformer: dictionary, parameters, outputs, state, errors, progress, interruption."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
import pytest
from signals import heard_soon, signal_after
from test_visual_words import IMAGES, TRAINING, fitted, photographs

from fastlin._sklearn import NotFittedError
from fastlin.features import VisualWords, dictionary
from fastlin.features._encoder import nearest_words

# The dictionary


def patches_of(images: np.ndarray, n: int = 4000, size: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    return dictionary.normalize_contrast(dictionary.sample_patches(images, n, size, rng), 10.0)


def test_sampled_patches_are_pieces_of_the_images() -> None:
    numbered = np.arange(3 * 9 * 8 * 2).reshape(3, 9, 8, 2)
    patches = dictionary.sample_patches(numbered, 200, 4, np.random.default_rng(0)).reshape(200, 4, 4, 2)
    for patch in patches:
        image, y, x, _ = np.unravel_index(patch.flat[0], numbered.shape)
        np.testing.assert_array_equal(patch, numbered[image, y : y + 4, x : x + 4])
    assert len({patch.flat[0] for patch in patches}) > 60  # of 3 x 6 x 5 places


def test_contrast_is_normalised() -> None:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (50, 27)).astype(np.uint8)
    patches[7] = 9
    for eps in (0.0, 10.0):
        out = dictionary.normalize_contrast(patches, eps)
        centred = patches - patches.mean(axis=1, keepdims=True)
        expected = centred / np.sqrt(np.maximum(patches.var(axis=1, ddof=1, keepdims=True) + eps, 1e-300))
        np.testing.assert_allclose(out, expected, atol=1e-6)
        assert (out[7] == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [5, 6])
def test_whitening_decorrelates_and_splits_by_parity(size: int, channels: int) -> None:
    patches = patches_of(photographs(20, channels=channels), size=size)
    mirrored = dictionary.mirror_pixels(size, channels)
    both = np.concatenate([patches, patches[:, mirrored]]).astype(np.float64)
    whitening = dictionary.fit_whitening(patches, 0.1, 20, mirrored)
    w, of_mirror = whitening(patches).astype(np.float64), whitening(patches[:, mirrored]).astype(np.float64)
    even = 20 - whitening.odd
    assert 0 < whitening.odd < 20
    np.testing.assert_allclose(of_mirror[:, :even], w[:, :even], atol=1e-4)
    np.testing.assert_allclose(of_mirror[:, even:], -w[:, even:], atol=1e-4)
    all_w = (both - whitening.mean) @ whitening.components.T
    expected = np.diag(whitening.variance / (whitening.variance + 0.1))
    np.testing.assert_allclose(np.cov(all_w.T), expected, atol=1e-3)
    # The components kept are those of the largest variance.
    largest = np.sort(np.linalg.eigvalsh(np.cov(both.T)))[::-1][:20]
    np.testing.assert_allclose(np.sort(whitening.variance)[::-1], largest, rtol=1e-3)


def test_directions_without_variance_are_not_kept() -> None:
    patches = patches_of(photographs(20))
    assert len(dictionary.fit_whitening(patches, 0.0, None).components) == 107
    with pytest.raises(ValueError, match="all alike"):
        fitted(np.full((3, 8, 8, 3), 7, np.uint8))


@pytest.mark.parametrize("odd", [0, 7])
def test_kmeans_against_plain_numpy(odd: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 16)).astype(np.float32)
    sign = np.where(np.arange(16) < 16 - odd, 1, -1).astype(np.float32)

    def assign(rows: np.ndarray, words: np.ndarray, odd: int) -> np.ndarray:
        actual = nearest_words(rows, words, odd, None)
        both = np.concatenate([words, words * sign]) if odd else words
        squared = ((rows[:, None].astype(float) - both) ** 2).sum(-1)
        np.testing.assert_allclose(squared[np.arange(len(rows)), actual], squared.min(axis=1), rtol=1e-5)
        spread.append(squared.min(axis=1).mean())
        return actual

    spread: list[float] = []
    words = dictionary.kmeans(rows, 13, odd, 8, np.random.default_rng(1), assign)
    assert (np.diff(spread) < 0).all()
    nearest = assign(rows, words, odd)
    moved = rows * np.where((nearest >= 13)[:, None], sign, 1)
    means = np.stack([moved[nearest % 13 == k].mean(axis=0) for k in range(13)])
    assert np.abs(means - words).max() < 0.2  # nearly settled


def test_a_centre_that_loses_all_its_rows_starts_again() -> None:
    rows = np.repeat(np.eye(3, 4, dtype=np.float32), 50, axis=0)
    words = dictionary.kmeans(rows, 20, 0, 2, np.random.default_rng(0), lambda r, w, odd: nearest_words(r, w, odd, 1))
    assert np.isfinite(words).all() and len(np.unique(words, axis=0)) == 3


def test_rounding_to_bfloat16_is_to_the_nearest_and_ties_to_even() -> None:
    halfway = 2.0**-8
    numbers = [1.0, -1.0, 1 + halfway, 1 + 3 * halfway, 1 + halfway + 2.0**-20, -3.14159265, 0.0, 1e-30]
    x, expected = np.array([numbers], np.float32), [1.0, -1.0, 1.0, 1 + 2.0**-6, 1 + 2.0**-7, -3.140625, 0.0]
    rounded = dictionary.as_bfloat16(x)
    np.testing.assert_array_equal(rounded[0, :7], expected)
    assert abs(rounded[0, 7] / 1e-30 - 1) <= 2.0**-8
    np.testing.assert_array_equal(dictionary.as_bfloat16(rounded), rounded)


def test_words_of_the_soft_threshold_have_unit_length() -> None:
    np.testing.assert_allclose(np.linalg.norm(fitted().words_, axis=1), 1.0, rtol=1e-6)
    assert np.linalg.norm(fitted(encoding="triangle").words_, axis=1).std() > 0.1


def test_a_given_dictionary_is_whitened_as_the_patches_are() -> None:
    given = TRAINING[:11, 3:9, 4:10]
    for images, patches in ((TRAINING, given), (TRAINING / 255, given / 255)):
        words = fitted(images, dictionary=patches, n_words=11, encoding="triangle")
        x = dictionary.normalize_contrast(given.reshape(11, -1), 100.0)
        np.testing.assert_allclose(words.words_, (x - words.mean_) @ words.components_.T, atol=1e-3)
    random = fitted(dictionary="random", encoding="triangle")
    assert random.words_.shape == (21, 48)


def test_the_seed_decides() -> None:
    first, again, other = fitted(), fitted(), fitted(random_state=1)
    assert first.words_.tobytes() == again.words_.tobytes() != other.words_.tobytes()
    assert fitted(random_state=np.random.default_rng(0)).words_.tobytes() == first.words_.tobytes()


def test_word_patches_look_like_what_they_answer_to() -> None:
    words = fitted(encoding="triangle", n_components=None, mirror=False)
    patches = words.word_patches()
    assert patches.shape == (21, 6, 6, 3)
    back = (patches.reshape(21, -1) - words.mean_) @ words.components_.T
    np.testing.assert_allclose(back, words.words_, atol=1e-2)


# Outputs


def test_out_and_float16() -> None:
    words, half = fitted(power=0.5), fitted(power=0.5, dtype="float16")
    expected = words.transform(IMAGES)
    out = np.full(expected.shape, np.nan, np.float32)
    assert words.transform(IMAGES, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert half.transform(IMAGES).dtype == np.float16
    np.testing.assert_array_equal(half.transform(IMAGES), expected.astype(np.float16))
    for wrong, error in (
        (np.empty((6, 3), np.float32), ValueError), (np.empty(expected.shape), TypeError),
        (np.asfortranarray(out), ValueError), ([1], TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match="out "):
            words.transform(IMAGES, out=wrong)


def test_batches_are_arrays_of_their_own() -> None:
    words = fitted()
    batches = list(words.transform_batches(IMAGES, 4))
    assert [len(batch) for batch in batches] == [4, 2]
    assert not np.shares_memory(batches[0], batches[1])
    assert [len(batch) for batch in fitted(batch_size=5).transform_batches(IMAGES)] == [5, 1]
    assert len(list(words.transform_batches(IMAGES))) == 1
    with pytest.raises(ValueError, match="batch_size is 0"):
        words.transform_batches(IMAGES, 0)


def test_layouts_of_images() -> None:
    words = fitted()
    expected = words.transform(IMAGES)
    np.testing.assert_array_equal(words.transform(np.asfortranarray(IMAGES)), expected)
    np.testing.assert_array_equal(words.transform(IMAGES[::-1])[::-1], expected)
    rows = IMAGES.reshape(len(IMAGES), -1)
    np.testing.assert_array_equal(words.set_params(image_shape=(20, 23, 3)).transform(rows), expected)
    grey = fitted(TRAINING[..., 0])
    assert grey.n_channels_ == 1
    np.testing.assert_array_equal(grey.transform(IMAGES[..., 0]), grey.transform(IMAGES[..., :1]))
    assert words.transform(IMAGES[:0]).shape == (0, words.n_features_out_)
    assert words.transform(photographs(2, 40, 50)).shape == (2, words.n_features_out_)


@pytest.mark.parametrize("mirror", [True, "pairs", False])
@pytest.mark.parametrize("encoding", ["soft", "hard"])
def test_names_of_features(encoding: str, mirror: Any) -> None:
    words = fitted(encoding=encoding, mirror=mirror, n_words=3, pooling=(1, 2))
    names = words.get_feature_names_out()
    assert names.shape == (words.n_features_out_,) == (len(set(names)),)
    assert names[0] == "cell0_0_word0" and names[2] == "cell0_0_word2"
    assert any("below" in name for name in names) == (encoding == "soft")
    assert any("mirrored" in name for name in names) == (mirror == "pairs")


def test_a_name_says_what_its_feature_is() -> None:
    words = fitted(n_words=3, mirror="pairs", pooling=(1, 2))
    features = dict(zip(words.get_feature_names_out(), words.transform(IMAGES).T, strict=True))
    mirrored = dict(zip(words.get_feature_names_out(), words.transform(IMAGES[:, :, ::-1]).T, strict=True))
    for sign in ("", "_below"):
        actual, expected = mirrored[f"cell0_0_word1_mirrored{sign}"], features[f"cell0_1_word1{sign}"]
        np.testing.assert_allclose(actual, expected, rtol=1e-3)


# Parameters and state


def test_parameters() -> None:
    words = VisualWords(7, pooling=(3, 3))
    params = words.get_params()
    assert params["n_words"] == 7 and params["pooling"] == (3, 3)
    assert VisualWords(**params).get_params() == params
    assert words.set_params(n_words=9) is words and words.n_words == 9
    with pytest.raises(ValueError, match="'n_word' is no parameter"):
        words.set_params(n_words=1, n_word=8)
    assert words.n_words == 9
    with pytest.raises(TypeError):
        VisualWords(7, 6)  # type: ignore[misc]


def test_it_is_a_transformer_of_scikit_learn() -> None:
    sklearn_base = pytest.importorskip("sklearn.base")
    pipeline = pytest.importorskip("sklearn.pipeline")
    words = fitted()
    copy = sklearn_base.clone(words)
    assert copy.get_params() == words.get_params() and not hasattr(copy, "words_")
    both = pipeline.make_union(words, VisualWords(3, n_patches=500, encoding="hard", random_state=0))
    assert both.fit_transform(TRAINING).shape == (30, words.n_features_out_ + 12)
    chain = pipeline.make_pipeline(words, "passthrough")
    assert chain.fit(TRAINING).transform(IMAGES).shape == (6, words.n_features_out_)


@pytest.mark.parametrize("given", [False, True])
def test_state_goes_through_json_and_back(given: bool) -> None:
    words = fitted(dictionary=TRAINING[:21, :6, :6] if given else "kmeans", pooling=(2, 3), data_range=(0, 255))
    header, arrays = words.get_state()
    again = VisualWords.from_state(json.loads(json.dumps(header)), arrays)
    assert again.transform(IMAGES).tobytes() == words.transform(IMAGES).tobytes()
    assert again.n_features_out_ == words.n_features_out_
    if not given:
        assert again.get_params() == words.get_params()
    for name, wrong in (
        ("words", arrays["words"][:, 1:]), ("components", arrays["components"].astype(float)),
        ("mean", arrays["mean"] * np.nan),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=name):
            VisualWords.from_state(header, {**arrays, name: wrong})
    for change in ({"n_odd": 49}, {"n_odd": -1}, {"n_channels": 0}, {"n_odd": 1.5}):
        with pytest.raises((ValueError, TypeError)):
            VisualWords.from_state({**header, **change}, arrays)


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_words": 0}, "n_words is 0"), ({"patch_size": 0}, "patch_size is 0"), ({"n_components": 0}, "n_components"),
        ({"encoding": "sparse"}, "encoding is 'sparse'"), ({"dictionary": "pca"}, "dictionary is 'pca'"),
        ({"dictionary": np.ones((3, 6, 6, 3))}, r"dictionary has shape \(3, 6, 6, 3\)"),
        ({"dictionary": np.full((21, 6, 6, 3), np.nan)}, "dictionary holds"), ({"threshold": -1}, "threshold is -1"),
        ({"pooling": (2, 2, 2)}, "pooling"), ({"pooling": 0}, "pooling is 0"), ({"power": 0}, "power is 0"),
        ({"mirror": "yes"}, "mirror is 'yes'"), ({"contrast_eps": -1}, "contrast_eps"), ({"dtype": "float64"}, "dtype"),
        ({"precision": "int8"}, "precision is 'int8'"), ({"whitening_eps": np.inf}, "whitening_eps"),
        ({"n_threads": 0}, "n_threads is 0"), ({"random_state": -1}, "random_state is -1"),
        ({"patch_size": 30}, "images of 20 x 23"), ({"pooling": (16, 2)}, "images of 20 x 23"),
        ({"pooling": (2, 4), "overlap": False}, "overlap is False"), ({"n_patches": 20}, "n_words is 21"),
        ({"data_range": (1, 1)}, "data_range"), ({"image_shape": (1, 2)}, None),
        ({"data_range": 255}, "data_range is 255"), ({"data_range": "01"}, "data_range is '01'"),
        ({"data_range": (1,)}, r"data_range is \(1,\); wanted is two finite numbers"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options: dict[str, Any], message: str | None) -> None:
    if message is None:
        fitted(**options)  # does not matter to images
        return
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(**options)


def test_wrong_images_are_named() -> None:
    words = fitted()
    for wrong, message in (
        (IMAGES.astype(np.int32), "dtype int32"), (IMAGES[0, 0], "shape"), (IMAGES[..., :2], "2 channels"),
        (IMAGES.astype(np.float32), "data_range is None"), (np.full((1, 20, 20, 3), np.nan), "not finite"),
        (IMAGES[:, :6, :6], "images of 6 x 6"), (IMAGES.reshape(6, -1), "image_shape"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=message):
            words.transform(wrong)
    with pytest.raises(ValueError, match="at least one image"):
        fitted(IMAGES[:0])
    with pytest.raises(ValueError, match="not fitted"):
        VisualWords().transform(IMAGES)
    with pytest.raises(NotFittedError, match="not fitted"):
        VisualWords().get_feature_names_out()


def test_a_mask_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="X is a masked array"):
        VisualWords(3).fit(np.ma.masked_array(IMAGES, IMAGES > 250))


def test_nothing_given_is_changed() -> None:
    images, training = IMAGES.copy(), TRAINING.copy()
    words = fitted(training)
    for array in (images, training):
        array.flags.writeable = False
    words.fit(training).transform(images)
    np.testing.assert_array_equal(images, IMAGES)


# Progress, Ctrl-C


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    fitted(verbose=True).transform(IMAGES)
    assert capsys.readouterr().err == ""  # no terminal
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", None)
        fitted(verbose=True).transform(IMAGES)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fitted(verbose=True).transform(IMAGES)
    shown = capsys.readouterr().err
    assert "dictionary" in shown and "visual words" in shown and "/6 " in shown


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("shape", [(8000, 32, 32, 3), (1, 2500, 2500, 3)])
def test_ctrl_c_is_heard_soon(shape: tuple[int, ...]) -> None:
    words = fitted(n_words=800, dictionary="random", precision="float32", n_threads=1)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def seconds() -> float:
        with signal_after(0.15) as sent, pytest.raises(KeyboardInterrupt):
            words.transform(images)
        return time.perf_counter() - sent[0]

    heard_soon(seconds)
