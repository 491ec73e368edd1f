"""Colour histograms: the kernel against NumPy's own, the twin, matplotlib and scikit-image."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from fastlin.features import ColorHistogram, color_histogram, reference


def images(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape).astype(dtype) if dtype == np.uint8 else rng.random(shape).astype(dtype)


@pytest.mark.parametrize("bins", [1, 2, 5, 8, (3, 7, 16), (256, 1, 2), 100])
def test_rgb_is_histogramdd(simd_level: str, bins: Any) -> None:
    X = images((4, 9, 13, 3))
    found = color_histogram(X, bins)
    for image, row in zip(X, found, strict=True):
        numbers = (bins,) * 3 if isinstance(bins, int) else bins
        expected = np.histogramdd(image.reshape(-1, 3), numbers, range=[(0, 256)] * 3)[0]
        np.testing.assert_array_equal(row, expected.ravel())
    assert found.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [1, 7, (3, 8, 10)])
def test_rgb_of_floats_is_histogramdd_on_the_edges_too(dtype: Any, bins: Any) -> None:
    X = images((3, 9, 13, 3), dtype)
    # Values that lie on edges, or a rounding beside them, and both ends.
    X[0, :, :, 0] = np.linspace(0, 1, 117).reshape(9, 13)
    X[1] = np.random.default_rng(1).integers(0, 11, X[1].shape) / np.array(10, dtype)
    X[2, 0] = 1
    for low, high in [(0, 1), (0.25, 0.75), (-1, 3)]:
        found = color_histogram(X, bins, data_range=(low, high))
        numbers = (bins,) * 3 if isinstance(bins, int) else bins
        for image, row in zip(X, found, strict=True):
            expected = np.histogramdd(image.reshape(-1, 3), numbers, range=[(low, high)] * 3)[0]
            np.testing.assert_array_equal(row, expected.ravel())
        apart = color_histogram(X, bins, joint=False, data_range=(low, high))
        expected = np.concatenate([np.histogram(X[0, ..., a], numbers[a], range=(low, high))[0] for a in range(3)])
        np.testing.assert_array_equal(apart[0], expected)
    np.testing.assert_array_equal(color_histogram(X, bins), color_histogram(X, bins, data_range=(0, 1)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limits", [(0, 1), (0, 255), (-1, 1), (1e6, 1e6 + 1), (-(2.0**-100), 2.0**-100)])
def test_both_sides_of_every_edge(simd_level: str, dtype: Any, limits: tuple[float, float]) -> None:
    # With some numbers of bins, a bin is a product's whole part; with others rounding forbids that. The limits are
    # numbers of both types: whether a float32 is on an edge that it cannot hold, NumPy 1 and 2 tell differently.
    for n in [*range(1, 34), 64, 100]:
        edges = np.linspace(*limits, n + 1).astype(dtype)
        values = np.concatenate([edges, np.nextafter(edges, dtype(np.inf)), np.nextafter(edges, dtype(-np.inf))])
        expected = np.histogramdd(values[:, None], n, range=[limits])[0]
        found = color_histogram(values[None], n, "gray", channel_axis=None, data_range=limits)
        np.testing.assert_array_equal(found, expected, err_msg=f"{n} bins")
        image = np.repeat(values[:, None, None], 3, -1)
        found = color_histogram(image, n, "rgb", joint=False, data_range=limits)
        np.testing.assert_array_equal(found, np.tile(expected, 3), err_msg=f"{n} bins")


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize(
    ("space", "bins"), [("rgb", (4, 3, 5)), ("hsv", (12, 4, 4)), ("hsv", (7, 1, 9)), ("hue", 10), ("gray", 16)]
)
@pytest.mark.parametrize("grid", [(1, 1), (2, 3)])
def test_the_twin(simd_level: str, space: str, bins: Any, dtype: Any, grid: tuple[int, int]) -> None:
    X = images((3, 11, 23, 3), dtype)
    X[1] //= 64 if dtype == np.uint8 else 0.25  # many ties of channels, and black
    if dtype != np.uint8:
        X[1] /= 4
    for joint, norm, power in [(True, None, 1.0), (False, "l1", 0.5), (True, "l2", 1.0), (False, "l2", 0.3)]:
        options = {"joint": joint, "grid": grid, "norm": norm, "power": power}
        found = color_histogram(X, bins, space, **options)
        np.testing.assert_allclose(found, reference.color_histogram(X, bins, space, **options), rtol=1e-6)


def test_hsv_of_bytes_is_exact(simd_level: str) -> None:
    # Colours on the edges of bins as exact fractions, and their neighbours.
    values = [0, 1, 2, 50, 51, 63, 64, 85, 102, 127, 128, 170, 204, 254, 255]
    pixels = np.array(list(itertools.product(values, repeat=3)), np.uint8)
    for bins in [(12, 4, 4), (10, 5, 3), (360, 255, 256), (7, 51, 15)]:
        found = color_histogram(pixels.reshape(-1, 1, 1, 3), bins, "hsv", joint=False)
        for pixel, row in zip(pixels.tolist()[::7], found[::7], strict=True):
            hue, saturation, value = exact_hsv(*pixel)
            hot = [min(int(part * n), n - 1) for part, n in zip((hue, saturation, value), bins, strict=True)]
            expected = [hot[0], bins[0] + hot[1], bins[0] + bins[1] + hot[2]]
            assert np.flatnonzero(row).tolist() == expected, (pixel, bins)


def exact_hsv(red: int, green: int, blue: int) -> tuple[Fraction, Fraction, Fraction]:
    largest, chroma = max(red, green, blue), max(red, green, blue) - min(red, green, blue)
    if chroma == 0:
        hue = Fraction(0)
    elif largest == red:
        hue = Fraction(green - blue, chroma) % 6
    elif largest == green:
        hue = 2 + Fraction(blue - red, chroma)
    else:
        hue = 4 + Fraction(red - green, chroma)
    return hue / 6, Fraction(chroma, largest) if largest else Fraction(0), Fraction(largest, 255)


@pytest.mark.parametrize("library", ["matplotlib", "skimage"])
def test_hsv_of_floats_is_that_of_others(library: str) -> None:
    if library == "matplotlib":
        to_hsv = pytest.importorskip("matplotlib.colors").rgb_to_hsv
    else:
        to_hsv = pytest.importorskip("skimage.color").rgb2hsv
    X = images((4, 31, 17, 3), np.float64)
    X[0, :5] = 0
    X[0, 5:9] = 1
    for bins in [(12, 4, 4), (9, 5, 7)]:
        found = color_histogram(X, bins, "hsv")
        for image, row in zip(X, found, strict=True):
            expected = np.histogramdd(to_hsv(image).reshape(-1, 3), bins, range=[(0, 1)] * 3)[0]
            np.testing.assert_array_equal(row, expected.ravel())
    hues = np.stack([np.histogram(to_hsv(image)[..., 0], 10, range=(0, 1))[0] for image in X])
    np.testing.assert_array_equal(color_histogram(X, 10, "hue"), hues)


def test_grey() -> None:
    X = images((3, 8, 8))
    counts = np.stack([np.histogram(image, 10, range=(0, 256))[0] for image in X])
    np.testing.assert_array_equal(color_histogram(X, 10, "gray", channel_axis=None), counts)
    np.testing.assert_array_equal(color_histogram(X[..., None], 10, "gray"), counts)
    np.testing.assert_array_equal(color_histogram(np.repeat(X[..., None], 3, -1), 10, "gray"), counts)
    np.testing.assert_array_equal(color_histogram(X.astype(np.uint16) * 256, 10, "gray", channel_axis=None), counts)


@pytest.mark.parametrize("space", ["rgb", "hsv", "hue", "gray"])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_pixels_outside_the_range_are_not_counted(simd_level: str, space: str, channel: int) -> None:
    X = images((1, 6, 6, 3), np.float32)
    X[0, 0, :3, channel] = np.nan, np.inf, -np.inf
    found = color_histogram(X, 4, space, data_range=(0, 1))
    assert found.sum() == 33
    np.testing.assert_array_equal(found[0], color_histogram(X.reshape(1, 36, 1, 3)[:, 3:], 4, space)[0])


def test_a_grid_is_cut_as_documented_and_counts_each_pixel_once() -> None:
    X = images((2, 11, 7, 3))
    cells = color_histogram(X, 4, grid=(3, 2)).reshape(2, 3, 2, 64)
    rows, columns = [0, 3, 7, 11], [0, 3, 7]
    for y, x in itertools.product(range(3), range(2)):
        part = X[:, rows[y] : rows[y + 1], columns[x] : columns[x + 1]]
        np.testing.assert_array_equal(cells[:, y, x], color_histogram(part, 4))
    np.testing.assert_array_equal(cells.sum(axis=(1, 2)), color_histogram(X, 4))


def test_norms_and_powers() -> None:
    X = images((2, 16, 16, 3))
    counts = color_histogram(X, 3, dtype=np.float64)
    shares = color_histogram(X, 3, norm="l1", dtype=np.float64)
    np.testing.assert_allclose(shares, counts / 256)
    np.testing.assert_allclose(color_histogram(X, 3, norm="l1", power=0.5, dtype=np.float64), np.sqrt(shares))
    units = color_histogram(X, 3, norm="l2", joint=False, dtype=np.float64).reshape(2, 3, 3)
    np.testing.assert_allclose((units**2).sum(axis=-1), 1)
    # No pixel inside the range: no shares, and no division by zero.
    assert not color_histogram(X.astype(float), 3, norm="l1", data_range=(300, 400)).any()


@pytest.mark.parametrize("space", ["rgb", "hsv"])
def test_the_bits_depend_on_neither_threads_nor_batches_nor_layout(space: str) -> None:
    X = images((300, 32, 32, 3))
    one = color_histogram(X, 8, space, norm="l2", n_threads=1)
    for n_threads in (2, 3):
        assert color_histogram(X, 8, space, norm="l2", n_threads=n_threads).tobytes() == one.tobytes()
    assert color_histogram(X[7], 8, space, norm="l2").tobytes() == one[7].tobytes()
    np.testing.assert_array_equal(color_histogram(np.moveaxis(X, -1, 1), 8, space, norm="l2", channel_axis=1), one)
    out = np.full_like(one, np.nan)
    assert color_histogram(X, 8, space, norm="l2", out=out) is out
    np.testing.assert_array_equal(out, one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": images((2, 8, 8, 3), np.float64) * 255}, r"wanted is floats in \[0, 1\], or data_range"),
        ({"images": images((2, 8, 8, 3), np.float64) - 0.5}, r"wanted is floats in \[0, 1\], or data_range"),
        ({"images": np.full((2, 8, 8, 3), np.nan)}, r"holds numbers from nan"),
        ({"images": images((2, 8, 8, 3)).astype(np.int32)}, r"data_range is None"),
        ({"images": images((2, 8, 8, 1))}, r"images have 1 channels; wanted is 3"),
        ({"space": "lab"}, r"space is 'lab'"),
        ({"bins": 0}, r"bins is 0"),
        ({"bins": (4, 4)}, r"bins is \(4, 4\)"),
        ({"bins": 1000}, r"bins is 1000; wanted is at most"),
        ({"grid": (9, 1)}, r"grid is \(9, 1\)"),
        ({"norm": "max"}, r"norm is 'max'"),
        ({"power": 0}, r"power is 0"),
        ({"data_range": (1, 1)}, r"data_range is \(1, 1\)"),
        ({"data_range": ("a", "b")}, r"data_range is \('a', 'b'\); wanted is two finite numbers"),
        ({"data_range": (1, 2), "space": "hsv"}, r"from 0 for 'hsv'"),
        ({"out": np.zeros((2, 5), np.float32)}, r"out has shape \(2, 5\)"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        color_histogram(**({"images": images((2, 8, 8, 3))} | arguments))


@pytest.mark.parametrize("space", ["rgb", "hsv", "hue", "gray"])
@pytest.mark.parametrize("number", [-1e-6, 1 + 1e-6, np.inf, np.nan])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_float_outside_a_range_that_was_not_said_is_found(
    simd_level: str, space: str, number: float, n_threads: int
) -> None:
    for dtype, channel in itertools.product([np.float32, np.float64], range(3)):
        X = images((60, 32, 32, 3), dtype)
        X[41, 7, 9, channel] = number
        for joint, bins in [(True, 4), (False, 6)]:
            with pytest.raises(ValueError, match="images holds numbers from"):
                color_histogram(X, bins, space, joint=joint, n_threads=n_threads)
        with pytest.raises(ValueError, match="images holds numbers from"):
            ColorHistogram(4, space, n_threads=n_threads).transform(X)
        assert color_histogram(X, 4, space, data_range=(0, 1)).sum() in (60 * 32 * 32 - 1, 60 * 32 * 32)


def test_nothing_is_written_before_a_number_outside_is_found() -> None:
    X = images((3, 8, 8, 3), np.float64)
    X[2, 5, 5, 1] = -1
    out = np.full((3, 64), 7.0)
    with pytest.raises(ValueError, match="images holds numbers from -1"):
        color_histogram(X, 4, out=out)
    assert (out == 7).all()
    X[2, 5, 5, 1] = 1 + 1e-12  # one as float32
    with pytest.raises(ValueError, match="images holds numbers from"):
        color_histogram(X, 4, dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("space", ["rgb", "hsv", "hue", "gray"])
def test_nothing_beyond_the_images_is_read(simd_level: str, dtype: Any, space: str) -> None:
    for width in (1, 15, 16, 33):
        X = images((2, 5, width, 3), dtype)
        with at_the_end_of_memory(X) as held:
            np.testing.assert_array_equal(color_histogram(held, 5, space), color_histogram(X, 5, space))


@contextlib.contextmanager
def at_the_end_of_memory(X: np.ndarray) -> Iterator[np.ndarray]:
    """A copy behind which nothing can be read."""
    protect = ctypes.CDLL(None).mprotect
    size = -(-X.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    page = mmap.mmap(-1, size + mmap.PAGESIZE)
    behind = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)) + size)
    assert protect(behind, mmap.PAGESIZE, 0) == 0
    held = np.frombuffer(page, X.dtype, X.size, size - X.nbytes).reshape(X.shape)
    held[...] = X
    yield held
    assert protect(behind, mmap.PAGESIZE, 3) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((1, 1), (1, 1)), ((5, 3), (1, 1)), ((37, 41), (1, 1)), ((16, 128), (1, 1)), ((2, 700), (1, 2)),
        ((9, 19), (3, 2)), ((13, 32), (2, 4)), ((31, 29), (4, 29)), ((40, 100), (2, 3)),
    ],
)  # fmt: skip
def test_each_pixel_counts_in_its_cell_alone(
    simd_level: str, dtype: Any, channels: int, shape: tuple[int, int], grid: tuple[int, int]
) -> None:
    # Cells of any width, with pixels that lie outside or are no numbers, at the end of the memory. Where there are 8
    # bins, a bin is a product's whole part; with 11 rounding forbids it.
    X = images((3, *shape, channels), dtype, seed=shape[1])
    limits = (0, 256) if dtype == np.uint8 else (0.25, 0.75)
    if dtype != np.uint8:
        strange = np.random.default_rng(2).random(X.shape) < 0.1
        X[strange] = np.resize([np.nan, np.inf, -np.inf, 0.25, 0.75, -0.0, np.nextafter(0.75, 1)], strange.sum())
    space = "rgb" if channels == 3 else "gray"
    said = None if dtype == np.uint8 else limits
    y, x = ([i * length // n for i in range(n + 1)] for length, n in zip(shape, grid, strict=True))
    for bins in (8, 11):
        with at_the_end_of_memory(X) as held:
            found = color_histogram(held, bins, space, grid=grid, data_range=said).reshape(3, *grid, -1)
            apart = color_histogram(held, bins, space, grid=grid, joint=False, data_range=said)
        apart = apart.reshape(3, *grid, channels, bins)
        for image, row, column in itertools.product(range(3), range(grid[0]), range(grid[1])):
            cell = X[image, y[row] : y[row + 1], x[column] : x[column + 1]].reshape(-1, channels)
            expected = np.histogramdd(cell, bins, range=[limits] * channels)[0]
            np.testing.assert_array_equal(found[image, row, column], expected.ravel())
            for channel in range(channels):
                expected = np.histogram(cell[:, channel], bins, range=limits)[0]
                np.testing.assert_array_equal(apart[image, row, column, channel], expected)


def test_the_transformer_is_the_function() -> None:
    X = images((5, 32, 32, 3))
    expected = color_histogram(X, (12, 4, 4), "hsv", grid=(2, 2), norm="l1", power=0.5)
    model = ColorHistogram(grid=(2, 2))
    np.testing.assert_array_equal(model.fit_transform(X), expected)
    np.testing.assert_array_equal(model.transform(X.reshape(5, -1)), expected)
    assert len(model.get_feature_names_out()) == expected.shape[1] == 768
