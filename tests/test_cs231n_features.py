"""The course's image features: beside a twin that goes pixel by pixel, and SciPy's and Matplotlib's functions."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest

from fastlin import cs231n, datasets
from fastlin.cs231n import color_histogram_hsv, extract_features, hog_feature, rgb2gray


def images(n: int = 6, side: int = 32) -> np.ndarray:
    """Real pictures, in false colours, whose cells and hues are not all alike."""
    grey = datasets.load_fashion_mnist_small().X_train[: 3 * n].reshape(n, 3, 28, 28)
    padded = np.pad(grey, [(0, 0), (0, 0), (2, 2), (2, 2)]).transpose(0, 2, 3, 1)
    noise = np.random.default_rng(0).integers(0, 40, padded.shape)
    return (padded * 0.8 + noise)[:, :side, :side].astype(np.float64)


def hog_by_pixel(im: np.ndarray) -> np.ndarray:
    if im.ndim == 3:
        im = 0.299 * im[..., 0] + 0.587 * im[..., 1] + 0.144 * im[..., 2]
    height, width = im.shape
    gx, gy = np.zeros(im.shape), np.zeros(im.shape)
    for row in range(height):
        for column in range(width):
            gx[row, column] = im[row, column + 1] - im[row, column] if column + 1 < width else 0.0
            gy[row, column] = im[row + 1, column] - im[row, column] if row + 1 < height else 0.0
    # Straight down is 0 degrees but for rounding, which decides whether it counts: that of NumPy's arctan2, not math's.
    degrees = np.arctan2(gy, gx + 1e-15) * (180 / np.pi) + 90
    sums = np.zeros((width // 8, height // 8, 9))
    for row in range(height // 8 * 8):
        for column in range(width // 8 * 8):
            for k in range(9):
                if 20 * k <= degrees[row, column] < 20 * (k + 1) and degrees[row, column] > 0:
                    sums[column // 8, row // 8, k] += math.hypot(gx[row, column], gy[row, column])
    return sums.ravel() / 64


def hues_by_pixel(im: np.ndarray, nbin: int, xmin: float, xmax: float, normalized: bool) -> np.ndarray:
    edges = [xmin + (xmax - xmin) * k / nbin for k in range(nbin + 1)]
    counts = np.zeros(nbin)
    for pixel in im.reshape(-1, 3):
        hue = colorsys.rgb_to_hsv(*(pixel / xmax))[0] * xmax
        for k in range(nbin):
            if edges[k] <= hue < edges[k + 1] or (k == nbin - 1 and hue == edges[nbin]):
                counts[k] += 1
    return counts / counts.sum() if normalized else counts * (xmax - xmin) / nbin


@pytest.mark.parametrize(
    "shape", [(32, 32, 3), (32, 32), (8, 8), (12, 12, 3), (16, 24, 3), (24, 15), (39, 33, 4), (7, 30)]
)
def test_hog_counts_magnitudes_by_cell_and_orientation(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).uniform(0, 255, shape)
    found = hog_feature(image)
    assert found.shape == (shape[0] // 8 * (shape[1] // 8) * 9,) and found.dtype == np.float64
    np.testing.assert_allclose(found, hog_by_pixel(image), rtol=1e-12, atol=1e-12)


def test_hog_of_pictures() -> None:
    for image in images():
        np.testing.assert_allclose(hog_feature(image), hog_by_pixel(image), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(hog_feature(image.astype(np.uint8)), hog_feature(np.floor(image)))


def test_hog_is_that_of_a_filter_sampled_at_the_middles_of_cells() -> None:
    """As the course computes it: each orientation's magnitudes, smoothed by a box, at every eighth pixel."""
    ndimage = pytest.importorskip("scipy.ndimage")
    for image in images():
        grey = rgb2gray(image)
        gx, gy = np.zeros(grey.shape), np.zeros(grey.shape)
        gx[:, :-1], gy[:-1, :] = np.diff(grey, axis=1), np.diff(grey, axis=0)
        degrees = np.arctan2(gy, gx + 1e-15) * (180 / np.pi) + 90
        inside = [(degrees > 0) & (degrees >= 20 * k) & (degrees < 20 * (k + 1)) for k in range(9)]
        smooth = [ndimage.uniform_filter(np.where(these, np.hypot(gx, gy), 0), size=8) for these in inside]
        wanted = np.stack([box[4::8, 4::8].T for box in smooth], axis=-1)
        np.testing.assert_allclose(hog_feature(image), wanted.ravel(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("angle", range(-175, 180, 10))
def test_hog_counts_half_of_the_directions(angle: int) -> None:
    row, column = np.mgrid[:16, :16]
    ramp = math.cos(math.radians(angle)) * column + math.sin(math.radians(angle)) * row
    cell = hog_feature(ramp).reshape(2, 2, 9)[0, 0]  # away from the last row and column, where the gradient ends
    orientation = angle + 90
    wanted = np.zeros(9)
    if 0 < orientation < 180:
        wanted[orientation // 20] = 1.0
    np.testing.assert_allclose(cell, wanted, atol=1e-12)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize(("nbin", "xmin", "xmax"), [(10, 0, 255), (25, 0, 255), (3, 0, 1), (4, 100, 255)])
def test_hues_are_counted_in_bins(nbin: int, xmin: float, xmax: float, normalized: bool) -> None:
    # Fractions of a grey level: no hue lies on the edge of a bin, where its rounding decides.
    for image in images() + np.random.default_rng(2).uniform(0, 1, (6, 32, 32, 3)):
        image = image / 256 * xmax
        found = color_histogram_hsv(image, nbin, xmin, xmax, normalized)
        assert found.shape == (nbin,)
        np.testing.assert_allclose(found, hues_by_pixel(image, nbin, xmin, xmax, normalized), rtol=1e-12, atol=1e-12)


def test_hues_are_those_of_matplotlib() -> None:
    colors = pytest.importorskip("matplotlib.colors")
    few = np.stack(np.meshgrid(*[[0.0, 51.0, 102.0, 255.0]] * 3), axis=-1).reshape(8, 8, 3)
    for image in [few, *images()]:
        hues = colors.rgb_to_hsv(image / 255)[..., 0] * 255
        bins = np.linspace(0, 255, 11)
        wanted = np.histogram(hues, bins=bins, density=True)[0] * np.diff(bins)
        np.testing.assert_array_equal(color_histogram_hsv(image), wanted)


def test_features_stand_side_by_side(capsys: pytest.CaptureFixture) -> None:
    pictures = images()
    before = pictures.copy()
    found = extract_features(pictures, [hog_feature, lambda image: color_histogram_hsv(image, nbin=10)], verbose=True)
    assert found.shape == (6, 154) and found.dtype == np.float64 and capsys.readouterr().out == ""
    for row, image in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(row, np.concatenate([hog_feature(image), color_histogram_hsv(image)]))
    np.testing.assert_array_equal(pictures, before)
    # An axis of one channel is none to the functions, as in the course.
    grey = extract_features(pictures[..., :1], [hog_feature])
    np.testing.assert_array_equal(grey[2], hog_feature(pictures[2, :, :, 0]))
    assert extract_features(pictures[:0], [hog_feature]).shape == (0,)
    assert extract_features(pictures, []).shape == (6, 0)


def test_progress_is_told_of_every_thousandth_image(capsys: pytest.CaptureFixture) -> None:
    small = np.zeros((2001, 2, 2))
    extract_features(small, [np.ravel], verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        f"Done extracting features for {n} / 2001 images" for n in (1000, 2000)
    ]
    extract_features(small, [np.ravel])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: hog_feature(np.zeros(8)), ValueError, r"im has shape \(8,\); wanted is \(height, width\)"),
        (lambda: hog_feature(np.zeros((8, 8, 2))), ValueError, r"im has shape \(8, 8, 2\)"),
        (lambda: hog_feature([["a"]]), TypeError, "im has dtype <U1; wanted is real numbers"),
        (lambda: color_histogram_hsv(np.zeros((8, 8))), ValueError, r"im has shape \(8, 8\); wanted is"),
        (lambda: color_histogram_hsv(np.zeros((0, 8, 3))), ValueError, r"im has shape \(0, 8, 3\)"),
        (lambda: color_histogram_hsv(np.full((2, 2, 3), 256.0)), ValueError, "im holds numbers from 256.0 to 256.0"),
        (lambda: color_histogram_hsv(np.full((2, 2, 3), -1.0)), ValueError, "im holds numbers from -1.0"),
        (lambda: color_histogram_hsv(np.full((2, 2, 3), np.nan)), ValueError, "im holds numbers from nan"),
        (lambda: color_histogram_hsv(np.zeros((2, 2, 3)), nbin=0), ValueError, "nbin is 0"),
        (lambda: color_histogram_hsv(np.zeros((2, 2, 3)), nbin=2.5), TypeError, r"nbin is 2\.5"),
        (lambda: color_histogram_hsv(np.zeros((2, 2, 3)), xmax=0), ValueError, "xmax is 0"),
        (lambda: color_histogram_hsv(np.zeros((2, 2, 3)), xmin=255), ValueError, "xmin is 255; wanted is a number"),
        (lambda: rgb2gray(np.zeros((2, 2))), ValueError, r"rgb has shape \(2, 2\); wanted is red, green and blue"),
        (lambda: extract_features(np.zeros((2, 8, 8)), hog_feature), TypeError, "feature_fns is <function hog_feature"),
        (lambda: extract_features(np.zeros((2, 8, 8)), ["hog"]), TypeError, r"feature_fns is \['hog'\]"),
        (lambda: extract_features(np.zeros(2), [np.ravel]), ValueError, r"imgs has shape \(2,\)"),
        (
            lambda: extract_features(np.zeros((2, 8, 8)), [hog_feature, lambda image: image]), ValueError,
            r"feature_fns\[1\] gives an array of shape \(8, 8\); wanted is one axis",
        ),
        (
            lambda: extract_features(np.arange(8).reshape(2, 2, 2), [lambda image: np.zeros(image[0, 0])]), ValueError,
            r"feature_fns\[0\] gives 4 numbers of image 1, and 0 of image 0",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(call: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_the_star_brings_the_features_alone() -> None:
    names: dict[str, Any] = {}
    exec("from fastlin.cs231n.features import *", names)
    assert {name for name in names if not name.startswith("__")} == {
        "color_histogram_hsv", "extract_features", "hog_feature", "rgb2gray",
    }  # fmt: skip
    assert all(names[name] is getattr(cs231n, name) for name in names if not name.startswith("__"))
