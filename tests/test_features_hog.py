"""HoG: the kernel against the twin, against scikit-image, and what its result means."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np
import pytest

from fastlin.features import HOG, hog, reference

NORMS = ("L1", "L1-sqrt", "L2", "L2-Hys")
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-12}


def images(shape: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape).astype(dtype) if dtype == np.uint8 else rng.random(shape).astype(dtype)


GEOMETRIES = [
    # shape, orientations, cell, block, norm
    ((2, 32, 32, 3), 9, (8, 8), (3, 3), "L2-Hys"),
    ((2, 32, 32, 3), 9, (4, 4), (2, 2), "L2"),
    ((2, 28, 28, 1), 8, (7, 7), (2, 2), "L1"),
    ((1, 37, 45, 3), 6, (5, 3), (2, 3), "L1-sqrt"),
    ((2, 64, 17, 4), 12, (16, 16), (1, 1), "L2-Hys"),
    ((1, 40, 100, 2), 5, (32, 24), (1, 2), "L2"),
    ((3, 9, 9, 1), 1, (1, 1), (2, 2), "L2-Hys"),
    ((2, 3, 200, 3), 18, (3, 64), (1, 3), "L1"),
    ((1, 1, 5, 1), 4, (1, 2), (1, 1), "L2"),
    ((1, 5, 1, 1), 4, (2, 1), (1, 1), "L2"),
    ((2, 20, 20, 3), 7, (6, 10), (3, 2), "L2-Hys"),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("interpolate", [False, True])
@pytest.mark.parametrize(("shape", "orientations", "cell", "block", "norm"), GEOMETRIES)
def test_the_twin(
    simd_level: str, shape: Any, orientations: int, cell: Any, block: Any, norm: str, interpolate: bool, signed: bool,
    dtype: Any,
) -> None:  # fmt: skip
    X = images(shape, dtype)
    found = hog(X, orientations, cell, block, norm, signed=signed, interpolate=interpolate)
    expected = reference.hog(X, orientations, cell, block, norm, signed=signed, interpolate=interpolate)
    assert found.dtype == dtype
    # Root of a quotient: a rounding of a vote near zero shows as its root.
    limit = TOLERANCE[dtype] ** (0.5 if norm == "L1-sqrt" and interpolate else 1)
    np.testing.assert_allclose(found, expected, atol=limit, rtol=0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(32, 32, 3), (37, 45, 3), (28, 28), (50, 21)])
def test_scikit_image(norm: str, shape: tuple[int, ...]) -> None:
    theirs = pytest.importorskip("skimage.feature").hog
    axis = -1 if len(shape) == 3 else None
    for seed, (orientations, cell, block) in enumerate(
        [(9, (8, 8), (2, 2)), (8, (7, 5), (1, 3)), (4, (4, 4), (3, 3)), (13, (3, 9), (2, 1)), (18, (5, 5), (1, 1))]
    ):
        for square_root in (False, True):
            X = images(shape, seed=seed)
            expected = theirs(X, orientations, cell, block, norm, False, square_root, False, channel_axis=axis)
            found = hog(X, orientations, cell, block, norm, square_root, False, channel_axis=axis)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
            np.testing.assert_array_equal(
                hog(X, orientations, cell, block, norm, square_root, channel_axis=axis), found.ravel()
            )


@pytest.mark.parametrize("orientations", [4, 8, 9, 12, 16, 18, 36])
def test_gradients_of_integers_fall_into_the_bins_of_double_precision(simd_level: str, orientations: int) -> None:
    # Images of 3 x 3, one cell: the border has no gradient, so that the pixel in the middle votes alone.
    steps = np.concatenate([np.arange(-255, 256, 6), np.arange(-12, 13)])
    g_x, g_y = (g.ravel() for g in np.meshgrid(steps, steps))
    X = np.zeros((len(g_x), 3, 3), np.uint8)
    X[:, 1, 2], X[:, 1, 0] = np.maximum(g_x, 0), np.maximum(-g_x, 0)
    X[:, 2, 1], X[:, 0, 1] = np.maximum(g_y, 0), np.maximum(-g_y, 0)
    moving = (g_x != 0) | (g_y != 0)
    for signed in (False, True):
        turn = 360 if signed else 180
        angle = np.arctan2(g_y, g_x) * (180 / np.pi) % turn
        expected = np.searchsorted(np.arange(orientations + 1) * (turn / orientations), angle, side="right") - 1
        for dtype in (np.float32, np.float64):
            found = hog(X, orientations, (3, 3), (1, 1), "L2", channel_axis=None, signed=signed, dtype=dtype)
            np.testing.assert_array_equal(np.count_nonzero(found, axis=1), moving)
            np.testing.assert_array_equal(found.argmax(axis=1)[moving], expected[moving])


def test_a_hand_made_edge() -> None:
    # Dark above, light below: gradients point down, 90 degrees, bin 4 of 9; signed, 90 of 360, bin 2 of 9.
    X = np.zeros((8, 8), np.uint8)
    X[4:] = 100
    plain = hog(X, 9, (8, 8), (1, 1), "L2")
    assert plain.argmax() == 4 and np.count_nonzero(plain) == 1 and plain[4] == pytest.approx(1)
    assert hog(X, 9, (8, 8), (1, 1), "L2", signed=True).argmax() == 2
    # Upside down: 270 of 360, bin 6; unsigned the same as before.
    assert hog(X[::-1], 9, (8, 8), (1, 1), "L2", signed=True).argmax() == 6
    np.testing.assert_array_equal(hog(X[::-1], 9, (8, 8), (1, 1), "L2"), plain)
    # An empty cell has no features at all, not even tiny ones.
    assert not hog(np.full((8, 8), 7, np.uint8), 9, (8, 8), (1, 1), "L1-sqrt").any()


def test_the_channel_of_the_longest_gradient_counts_and_of_equal_ones_the_first() -> None:
    X = np.zeros((1, 8, 8, 3), np.uint8)
    X[0, :, 4:, 0] = 30
    X[0, 4:, :, 1] = 30
    first = hog(X, 4, (8, 8), (1, 1), "L1")
    X[0, 4:, :, 1] = 31
    second = hog(X, 4, (8, 8), (1, 1), "L1")
    # Where both edges meet the first channel's goes along x; where the second is longer it takes these pixels over.
    assert first[0, 0] > first[0, 2]
    assert second[0, 2] > second[0, 0]


def test_interpolated_votes_are_shared_and_none_is_lost_inside() -> None:
    X = images((1, 64, 64, 1), np.float64)
    X[:, :16] = X[:, -16:] = 0.5
    X[:, :, :16] = X[:, :, -16:] = 0.5
    sums = [hog(X, 9, (8, 8), (8, 8), "L1", interpolate=interpolate).sum() for interpolate in (False, True)]
    np.testing.assert_allclose(sums, 1, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"signed": True, "interpolate": True, "orientations": 18}])
def test_a_mirrored_image_has_mirrored_features(options: dict[str, Any]) -> None:
    X = images((1, 24, 24, 3), np.float64)
    orientations, signed = options.get("orientations", 9), options.get("signed", False)
    kwargs = {"cells_per_block": (1, 1), "feature_vector": False} | options
    straight, mirrored = hog(X, **kwargs), hog(X[:, :, ::-1], **kwargs)
    # theta becomes 180 - theta, so bin k becomes bin n - 1 - k of half a turn.
    half = orientations // 2 if signed else orientations
    permutation = np.concatenate([np.arange(half)[::-1], half + np.arange(orientations - half)[::-1]])
    # On the border many directions are exactly 0 or 180 degrees, which are the same bin of half a turn.
    inside = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(mirrored[:, :, ::-1][..., permutation][inside], straight[inside], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_bits_depend_on_neither_threads_nor_batches(dtype: Any) -> None:
    X = images((300, 32, 32, 3), dtype)
    one = hog(X, n_threads=1)
    for n_threads in (2, 3):
        assert hog(X, n_threads=n_threads).tobytes() == one.tobytes()
    assert np.concatenate([hog(X[:7]), hog(X[7:8]), hog(X[8:])]).tobytes() == one.tobytes()
    assert hog(X[11]).tobytes() == one[11].tobytes()


def test_layouts_and_types_of_images() -> None:
    X = images((4, 24, 29, 3), np.uint8)
    expected = hog(X)
    np.testing.assert_array_equal(hog(np.moveaxis(X, -1, 1), channel_axis=1), expected)
    np.testing.assert_array_equal(hog(np.asfortranarray(X)), expected)
    np.testing.assert_array_equal(hog(X[::-1])[::-1], expected)
    np.testing.assert_array_equal(hog(X.astype(np.float32)), expected)
    np.testing.assert_array_equal(hog(X.astype(">f4")), expected)
    np.testing.assert_array_equal(hog(X.astype(np.int16)), expected)
    np.testing.assert_array_equal(hog(X.tolist(), dtype="float32"), expected)
    np.testing.assert_allclose(hog(X, dtype=np.float64), expected, atol=1e-6)
    assert hog(X, dtype=np.float64).dtype == np.float64 and expected.dtype == np.float32
    grey = X[..., 0]
    np.testing.assert_array_equal(hog(grey, channel_axis=None), hog(grey[..., None]))
    np.testing.assert_array_equal(hog(grey[0]), hog(grey, channel_axis=None)[0])
    assert hog(X[:0]).shape == (0, expected.shape[1])


def test_out_is_written_and_returned() -> None:
    X = images((3, 24, 24, 3), np.uint8)
    expected = hog(X)
    out = np.full_like(expected, np.nan)
    assert hog(X, out=out) is out
    np.testing.assert_array_equal(out, expected)
    blocks = np.empty((3, 1, 1, 3, 3, 9), np.float32)
    assert hog(X, feature_vector=False, out=blocks) is blocks
    np.testing.assert_array_equal(blocks.reshape(3, -1), expected)
    single = np.empty(81, np.float32)
    hog(X[1], out=single)
    np.testing.assert_array_equal(single, expected[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((60, 28, 28))}, r"channel_axis=None"),
        ({"images": np.zeros((2, 8, 8, 3))}, r"8 x 8 pixels; wanted is at least 24 x 24"),
        ({"images": np.zeros((2, 0, 8, 3))}, r"at least one pixel"),
        ({"images": np.zeros(8)}, r"images has shape \(8,\)"),
        ({"images": np.zeros((2, 32, 32, 3)), "channel_axis": None}, r"channel_axis is None"),
        ({"channel_axis": 7}, r"channel_axis is 7"),
        ({"orientations": 0}, r"orientations is 0"),
        ({"pixels_per_cell": (8, 8, 8)}, r"pixels_per_cell is \(8, 8, 8\)"),
        ({"cells_per_block": (0, 1)}, r"cells_per_block is 0"),
        ({"block_norm": "L3"}, r"block_norm is 'L3'"),
        ({"dtype": "int32"}, r"dtype is 'int32'"),
        ({"n_threads": 0}, r"n_threads is 0"),
        ({"images": -np.ones((2, 32, 32, 3)), "transform_sqrt": True}, r"images holds -1.0"),
        ({"out": np.zeros((2, 80), np.float32)}, r"out has shape \(2, 80\); wanted is \(2, 324\)"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"images": images((2, 32, 32, 3), np.float32), "cells_per_block": (2, 2)}
    if "images" in arguments:
        given = {}
    with pytest.raises(ValueError, match=message):
        hog(**(given | arguments))


def test_wrong_types_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"images has dtype complex128"):
        hog(np.zeros((2, 32, 32, 3), complex))
    with pytest.raises(TypeError, match=r"out has dtype float64; wanted is float32"):
        hog(np.zeros((2, 24, 24, 3), np.uint8), out=np.zeros((2, 81)))
    with pytest.raises(TypeError, match=r"orientations is 2.5"):
        hog(np.zeros((2, 24, 24, 3), np.uint8), 2.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_nothing_beyond_the_images_is_read_or_written(simd_level: str, dtype: Any, channels: int) -> None:
    # Images that end where memory does: the page behind them may not be touched, or the process dies.
    libc = ctypes.CDLL(None)
    size = 1 << 16
    for height, width in [(8, 8), (9, 17), (11, 33), (16, 15)]:
        pages = [mmap.mmap(-1, size + mmap.PAGESIZE) for _ in range(2)]
        addresses = [ctypes.addressof(ctypes.c_char.from_buffer(page)) for page in pages]
        for address in addresses:
            assert libc.mprotect(ctypes.c_void_p(address + size), mmap.PAGESIZE, 0) == 0
        shape = (2, height, width, channels)
        X = images(shape, dtype)
        expected = hog(X, cells_per_block=(1, 1))
        held = np.frombuffer(pages[0], dtype, X.size, size - X.nbytes).reshape(shape)
        held[...] = X
        out = np.frombuffer(pages[1], expected.dtype, expected.size, size - expected.nbytes).reshape(expected.shape)
        np.testing.assert_array_equal(hog(held, cells_per_block=(1, 1), out=out), expected)
        for address in addresses:
            assert libc.mprotect(ctypes.c_void_p(address + size), mmap.PAGESIZE, 3) == 0


def test_the_transformer_is_the_function() -> None:
    X = images((5, 32, 32, 3), np.uint8)
    expected = hog(X, 18, (4, 4), (2, 2), signed=True, interpolate=True)
    model = HOG(18, (4, 4), (2, 2), signed=True, interpolate=True)
    np.testing.assert_array_equal(model.transform(X), expected)  # nothing to learn
    np.testing.assert_array_equal(model.fit_transform(X), expected)
    np.testing.assert_array_equal(model.transform(X.reshape(5, -1)), expected)
    assert model.image_shape_ == (32, 32, 3) and model.n_features_out_ == expected.shape[1]
    names = model.get_feature_names_out()
    assert names[0] == "hog0" and len(names) == expected.shape[1]
    grey = HOG(image_shape=(28, 28)).fit(np.zeros((2, 784), np.uint8))
    assert grey.transform(np.zeros((3, 28, 28), np.uint8)).shape == (3, 81)
    with pytest.raises(ValueError, match="image_shape is None"):
        HOG().transform(X.reshape(5, -1))
    with pytest.raises(ValueError, match=r"images of shape \(28, 28, 1\)"):
        model.transform(np.zeros((3, 28, 28), np.uint8))
