"""VisualWords against its float64 twin, and what its features must not depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from strategies import LEVELS

from fastlin import _threads, config
from fastlin._core import kernels
from fastlin._core import words as core
from fastlin.features import COATES_2011, VisualWords, _encoder, _words_reference
from fastlin.features._pooling import bins, geometry, mirror_symmetric

ENCODINGS = ("soft", "triangle", "hard")
MIRRORS = (True, "pairs", False)


def photographs(n: int, height: int = 20, width: int = 23, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random images as smooth as photographs: noise whose spectrum falls with the frequency."""
    rng = np.random.default_rng(seed)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    noise = np.fft.rfft2(rng.normal(size=(n, channels, height, width)))
    smooth = np.fft.irfft2(noise / (0.03 + np.hypot(y, x)), s=(height, width)).transpose(0, 2, 3, 1)
    smooth += rng.normal(scale=0.1, size=smooth.shape)
    return np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)


TRAINING, IMAGES = photographs(30), photographs(6, seed=1)


def fitted(images: np.ndarray = TRAINING, **options: Any) -> VisualWords:
    defaults = {"n_words": 21, "n_patches": 3000, "n_iter": 3, "power": 1.0, "precision": "float32", "random_state": 0}
    return VisualWords(**{**defaults, **options}).fit(images)


def assert_agrees(words: VisualWords, images: np.ndarray, tolerance: float = 1e-5, scale: float = 1.0) -> None:
    """To `tolerance` of the largest sum; counts of nearest words may differ where two are as near."""
    actual, expected = words.transform(images), _words_reference.encode(images, words._model, scale)
    assert actual.shape == expected.shape == (len(images), words.n_features_out_)
    if words.encoding == "hard":
        assert (actual != expected).mean() < 0.01
        assert abs(actual - expected).max() <= 1
    else:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * expected.max())


# The twin


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mirror", MIRRORS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_float32_agrees_with_the_twin(encoding: str, mirror: Any, level: str) -> None:
    words = fitted(encoding=encoding, mirror=mirror)
    with config.use_simd_level(level):
        assert_agrees(words, IMAGES)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((6, 6, 3), {"pooling": 1}),
        ((7, 9, 1), {"pooling": (2, 3)}),
        ((32, 32, 3), {"pooling": (3, 2)}),
        ((9, 40, 2), {"patch_size": 3, "pooling": (1, 5), "n_components": 7}),
        ((50, 61, 1), {"patch_size": 7, "n_components": None}),
        ((12, 14, 4), {"patch_size": 9, "pooling": (2, 2), "n_components": 100}),
        ((8, 8, 3), {"patch_size": 2, "n_components": 1}),
        ((8, 9, 17), {"patch_size": 5, "pooling": (1, 2)}),
    ],
)
@pytest.mark.parametrize("mirror", [True, False])
def test_any_size_of_images_and_patches(shape: tuple[int, int, int], options: dict[str, Any], mirror: bool) -> None:
    images = photographs(8, *shape)
    for encoding in ENCODINGS[:2]:
        words = fitted(images, encoding=encoding, mirror=mirror, n_words=37, dictionary="random", **options)
        assert_agrees(words, photographs(3, *shape, seed=2), 2e-5)


@pytest.mark.parametrize("n_words", [1, 15, 16, 17, 32, 33, 64, 65, 130])
@pytest.mark.parametrize("mirror", [True, False])
def test_any_number_of_words(n_words: int, mirror: bool) -> None:
    for encoding in ENCODINGS:
        assert_agrees(fitted(encoding=encoding, mirror=mirror, n_words=n_words, dictionary="random"), IMAGES[:3], 2e-5)


def test_images_of_many_chunks() -> None:
    # 115 x 115 positions, in chunks of 1024 that hold pieces of several regions.
    assert_agrees(fitted(n_words=5), photographs(1, 120, 120, seed=3))
    assert fitted(n_words=5)._model.geometry((120, 120, 3)).n_chunks > 10


def test_the_power_is_taken_of_the_sums() -> None:
    sums = fitted().transform(IMAGES)
    for power in (0.5, 0.7, 2.0):
        np.testing.assert_allclose(fitted(power=power).transform(IMAGES), sums**power, rtol=1e-5)


def test_sums_are_exactly_zero_where_no_patch_passes_the_threshold() -> None:
    for threshold in (0.1, 1.7, 40.0):
        for level in LEVELS:
            with config.use_simd_level(level):
                words = fitted(threshold=threshold, power=0.5)
                sums, expected = words.transform(IMAGES), _words_reference.encode(IMAGES, words._model)
                assert ((sums == 0) == (expected == 0)).mean() > 0.99
    assert (expected == 0).all()


def test_float_images_are_brought_to_the_same_scale() -> None:
    words = fitted()
    expected = words.transform(IMAGES)
    for dtype in (np.float32, np.float64):
        np.testing.assert_allclose(words.transform((IMAGES / 255).astype(dtype)), expected, atol=2e-5 * expected.max())
    other = VisualWords(**{**words.get_params(), "data_range": (-1.0, 1.0)}).fit(TRAINING / 127.5 - 1)
    np.testing.assert_allclose(other.transform(IMAGES / 127.5 - 1), expected, atol=1e-3 * expected.max())


def test_coates_options_are_their_encoder() -> None:
    # Written from the paper: patches, contrast with eps 10, ZCA whitening with eps 0.1, triangle, sums over quadrants.
    words = VisualWords(40, **COATES_2011, n_patches=3000, random_state=0, precision="float32").fit(TRAINING)
    assert len(words.components_) == 6 * 6 * 3 - 1  # all but the mean, which every patch has been freed of
    zca = words.components_.T / np.linalg.norm(words.components_, axis=1)
    centroids = words.words_ @ zca.T
    for image, features in zip(IMAGES, words.transform(IMAGES), strict=True):
        patches = np.lib.stride_tricks.sliding_window_view(image.astype(float), (6, 6), axis=(0, 1))
        x = patches.transpose(0, 1, 3, 4, 2).reshape(15, 18, 108)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, ddof=1, keepdims=True) + 10)
        z = (x - words.mean_) @ words.components_.T @ zca.T
        distance = np.linalg.norm(z[:, :, None] - centroids, axis=-1)
        code = np.maximum(0, distance.mean(-1, keepdims=True) - distance)
        rows, columns = (slice(0, 8), slice(8, 15)), (slice(0, 9), slice(9, 18))
        pooled = [code[y, x].sum((0, 1)) for y in rows for x in columns]
        np.testing.assert_allclose(features, np.concatenate(pooled), rtol=0, atol=2e-5 * np.max(pooled))


# What features do not depend on


@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_bits_at_any_thread_count_and_batch(
    monkeypatch: pytest.MonkeyPatch, encoding: str, precision: str
) -> None:
    monkeypatch.setattr(_threads, "available_cpus", lambda: 8)
    monkeypatch.setattr(_threads, "WORK_PER_THREAD", 1.0)
    words = fitted(encoding=encoding, precision=precision)
    expected = words.transform(IMAGES).tobytes()
    for n_threads in (1, 2, 3, 8):
        again = fitted(encoding=encoding, precision=precision, n_threads=n_threads)
        assert again.words_.tobytes() == words.words_.tobytes()
        assert again.transform(IMAGES).tobytes() == expected
    for size in (1, 2, 4, 100):
        assert np.concatenate(list(words.transform_batches(IMAGES, size))).tobytes() == expected
    # Images that are encoded a few chunks at a time, so that Ctrl-C need not wait.
    large = photographs(2, 80, 90)
    whole = words.transform(large).tobytes()
    monkeypatch.setattr(_encoder, "_STEP", 1.0)
    assert words.transform(large).tobytes() == whole
    assert words.transform(IMAGES).tobytes() == expected


@pytest.mark.parametrize("width", [23, 24, 31])
def test_a_mirrored_image_has_the_same_features_or_a_permutation(width: int) -> None:
    images, training = photographs(5, width=width, seed=5), photographs(10, width=width)
    for pooling in (1, (2, 2), (1, 3), (3, 4)):
        for encoding in ENCODINGS[:2]:
            for mirror in (True, "pairs"):
                words = fitted(training, mirror=mirror, encoding=encoding, pooling=pooling)
                features, mirrored = words.transform(images), words.transform(images[:, :, ::-1])
                assert words.flip_permutation_ is not None
                permuted = features[:, words.flip_permutation_]
                np.testing.assert_allclose(mirrored, permuted, rtol=0, atol=1e-5 * features.max())
                assert (words.flip_permutation_ == np.arange(words.n_features_out_)).all() == (mirror is True)
    plain = fitted(training, mirror=False)
    assert plain.flip_permutation_ is None
    assert abs(plain.transform(images) - plain.transform(images[:, :, ::-1])).max() > 0.1


def test_brightness_and_contrast_do_not_matter_without_eps() -> None:
    images = photographs(5, seed=6) // 4 + 40
    for encoding in ENCODINGS[:2]:
        words = fitted(contrast_eps=0.0, encoding=encoding)
        expected = words.transform(images)
        for other in (images + 100, images * 2, images * 2 - 20):
            np.testing.assert_allclose(words.transform(other), expected, rtol=0, atol=1e-4 * expected.max())
        with_eps = fitted(contrast_eps=100.0, encoding=encoding)
        np.testing.assert_allclose(with_eps.transform(images + 100), with_eps.transform(images), rtol=0, atol=1e-3)
        assert abs(with_eps.transform(images * 2) - with_eps.transform(images)).max() > 0.1


def test_flat_images_have_finite_features() -> None:
    flat = np.full((2, 12, 12, 3), 200, np.uint8)
    for eps in (0.0, 10.0):
        for encoding in ENCODINGS:
            words = fitted(contrast_eps=eps, encoding=encoding)
            assert np.isfinite(words.transform(flat)).all()
            assert_agrees(words, flat, 1e-4)


@pytest.mark.parametrize("mirror", MIRRORS)
def test_hard_counts_add_up_to_the_patches(mirror: Any) -> None:
    # 15 x 18 positions, 5 x 9 a cell; of a mirror pair a patch counts in its cell or in the mirrored one.
    words = fitted(encoding="hard", mirror=mirror, pooling=(3, 2))
    counts = words.transform(IMAGES).reshape(len(IMAGES), 3, 2, -1).sum(axis=-1)
    assert (counts.sum(axis=2) == 5 * 18).all()
    assert mirror is True or (counts == 5 * 9).all()


@pytest.mark.skipif(len(kernels.products()) == 1, reason="this CPU has no bfloat16 products")
def test_bfloat16_is_within_a_hundredth_of_the_spread() -> None:
    images = np.ascontiguousarray(photographs(60, seed=7))
    for mirror in MIRRORS:
        for encoding in ENCODINGS[:2]:
            words = fitted(encoding=encoding, mirror=mirror, n_words=37)
            expected = words.transform(images)
            for products in [name for name in kernels.products() if name != "float32"]:
                actual = np.empty_like(expected)
                where = words._model.geometry(images.shape[1:])
                core.encode(images, 1.0, where, words._model, products, actual, 0, where.n_chunks, None, 1)
                error = np.sqrt(((actual - expected) ** 2).mean(axis=0)) / expected.std(axis=0)
                assert 0 < error.max() < 0.01, (mirror, encoding, products, error.max())
                # Words that need no rounding leave the chance errors of the patches.
                single = np.abs(actual - expected) / expected.std(axis=0)
                assert encoding != "soft" or (error.max() < 0.002 and single.max() < 0.02), (mirror, products)


AVX512 = (0x38001000, 0xC0030020, 0xE6)  # what the level avx512 needs of leaf 1's ECX, leaf 7's EBX, and XCR0
AMX_BF16, AMX_TILE, TILE_STATE, BF16 = 1 << 22, 1 << 24, 0x60000, 1 << 5


def test_each_bit_of_the_cpu_is_needed_for_its_products() -> None:
    leaf1, leaf7, xcr0 = AVX512
    both = (leaf1, leaf7, xcr0 | TILE_STATE, AMX_BF16 | AMX_TILE, BF16)
    assert kernels.products_of(*both) == kernels.PRODUCTS == ("float32", "avx512_bf16", "amx_bf16")
    for bit in (AMX_BF16, AMX_TILE):
        assert kernels.products_of(*both[:3], both[3] & ~bit, BF16) == kernels.PRODUCTS[:2]
    for bit in (1 << 17, 1 << 18):
        assert kernels.products_of(leaf1, leaf7, both[2] & ~bit, *both[3:]) == kernels.PRODUCTS[:2]
    assert kernels.products_of(*both[:4], 0) == ("float32", "amx_bf16")
    for register in range(3):
        without = list(both)
        without[register] = 0
        assert kernels.products_of(*without) == ("float32",)


def test_narrower_levels_have_float32_products_only() -> None:
    for level in LEVELS:
        with config.use_simd_level(level):
            assert "float32" in kernels.products()
            assert level == "avx512" or kernels.products() == ("float32",)
            if kernels.products() == ("float32",):
                with pytest.raises(ValueError, match="no bfloat16 products"):
                    fitted(precision="bfloat16")
                assert fitted(precision="auto").transform(IMAGES).tobytes() == fitted().transform(IMAGES).tobytes()


# The grid


@pytest.mark.parametrize("n", range(1, 40))
def test_bins_cover_all_positions(n: int) -> None:
    for n_bins in range(1, n + 1):
        for overlap in (True, False):
            start, end = bins(n, n_bins, overlap=overlap)
            seen = np.zeros(n, int)
            for first, last in zip(start, end, strict=True):
                assert 0 <= first < last <= n
                seen[first:last] += 1
            assert seen.min() == 1 and (overlap or seen.max() == 1)
        assert mirror_symmetric(n, n_bins, overlap=True)
        start, end = bins(n, n_bins, overlap=True)
        width = (end - start)[np.arange(n_bins) != n_bins // 2]
        assert (width == -(-n // n_bins)).all() and (end - start - -(-n // n_bins)).max() <= n_bins % 2


def test_without_overlap_the_first_bins_are_larger() -> None:
    assert [edge.tolist() for edge in bins(27, 2, overlap=False)] == [[0, 14], [14, 27]]


def test_positions_are_walked_once() -> None:
    for shape in ((32, 32, 3), (60, 45, 1), (7, 6, 2)):
        where = geometry(shape, 5, (2, 2), True)
        positions = {((y * shape[1]) + x) * shape[2] for y in range(shape[0] - 4) for x in range(shape[1] - 4)}
        assert len(where.offset) == len(positions) and set(where.offset) == positions
        assert where.runs[:, 1].sum() == len(positions) == where.chunk_start[-1]
        assert where.most_positions <= 1024
