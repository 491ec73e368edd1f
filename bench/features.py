"""Print how fast the image features are, in one thread's CPU time an image, beside scikit-image, OpenCV and NumPy.

    python bench/features.py [--small] [--check] [--only TEXT]

Implementations take turns and each one's shortest time counts. An answer that differs is not timed. scikit-image and
OpenCV (below 5, which has no HOGDescriptor) are shown where they are installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from threads import fix_threads

from fastlin.benchmark import machine
from fastlin.benchmark.images import images
from fastlin.benchmark.timing import interleaved
from fastlin.features import color_histogram, hog, reference

N_IMAGES = 2000
# Peers that take an image a call, or many times as long, are timed on as many images as make a few milliseconds.
PEER_IMAGES = {"fastlin": N_IMAGES, "numpy": 100, "skimage": 20, "cv2": 200, "histogramdd": 50, "matplotlib": 50}
# Times faster than each peer that the library promises.
PROMISED = {
    ("hog 8x8/2x2 uint8", "skimage"): 150.0,
    ("hog 8x8/2x2 uint8", "cv2"): 8.0,
    ("rgb 8x8x8 uint8", "histogramdd"): 60.0,
    ("rgb 8x8x8 float32", "histogramdd"): 60.0,
    ("rgb 8x8x8 float64", "histogramdd"): 60.0,
}
# scikit-image and OpenCV take another channel where two have gradients of the same length; see the docs of `hog`.
SAME_IMAGES = 0.98


class Case(NamedTuple):
    """A function of a batch of images, and those of its peers, all giving (N, D)."""

    name: str
    dtype: str
    calls: dict[str, Callable[[np.ndarray], np.ndarray]]


def each(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of one image as one of a batch."""
    return lambda X: np.stack([function(image) for image in X])


def hog_case(name: str, dtype: str, **options: Any) -> Case:
    """HoG; scikit-image and OpenCV where they have the options."""
    calls: dict[str, Any] = {
        "fastlin": lambda X: hog(X, n_threads=1, **options),
        "numpy": lambda X: reference.hog(X, **options),
    }
    plain = not options.get("signed") and not options.get("interpolate")
    if machine.installed("skimage") and plain:
        from skimage.feature import hog as theirs

        calls["skimage"] = each(lambda image: theirs(image, channel_axis=-1, **options))
    if machine.installed("cv2") and plain and dtype == "uint8" and options.get("cells_per_block") == (2, 2):
        import cv2

        if hasattr(cv2, "HOGDescriptor"):
            cv2.setNumThreads(1)
            cell = options.get("pixels_per_cell", (8, 8))
            block = (2 * cell[0], 2 * cell[1])
            descriptor = cv2.HOGDescriptor((32, 32), block, cell, cell, 9)
            calls["cv2"] = lambda X: [descriptor.compute(image) for image in X]
    return Case(name, dtype, calls)


def histogram_case(name: str, dtype: str, bins: Any, space: str) -> Case:
    """Colour histograms; of RGB NumPy's own and OpenCV's beside, of HSV matplotlib's."""
    calls: dict[str, Any] = {
        "fastlin": lambda X: color_histogram(X, bins, space, n_threads=1),
        "numpy": lambda X: reference.color_histogram(X, bins, space),
    }
    if space == "rgb":
        numbers = (bins,) * 3 if isinstance(bins, int) else bins
        high = 256 if dtype == "uint8" else 1

        def numpys(image: np.ndarray) -> np.ndarray:
            return np.histogramdd(image.reshape(-1, 3), numbers, range=[(0, high)] * 3)[0].ravel()

        calls["histogramdd"] = each(numpys)
        if machine.installed("cv2") and dtype == "uint8":
            import cv2

            cv2.setNumThreads(1)
            ranges = [0, 256] * 3
            calls["cv2"] = lambda X: [
                cv2.calcHist([image], [0, 1, 2], None, list(numbers), ranges).ravel() for image in X
            ]
    elif machine.installed("matplotlib") and dtype != "uint8":
        from matplotlib.colors import rgb_to_hsv

        calls["matplotlib"] = each(
            lambda image: np.histogramdd(rgb_to_hsv(image).reshape(-1, 3), bins, range=[(0, 1)] * 3)[0].ravel()
        )
    return Case(name, dtype, calls)


def cases() -> list[Case]:
    """Everything that is timed."""
    fine = {"pixels_per_cell": (4, 4), "cells_per_block": (2, 2)}
    shared = {"orientations": 18, "signed": True, "interpolate": True}
    return [
        hog_case("hog 8x8/2x2", "uint8", cells_per_block=(2, 2)),
        hog_case("hog 8x8/3x3", "uint8"),
        hog_case("hog 4x4/2x2", "uint8", **fine),
        hog_case("hog 4x4/2x2 18 signed, interpolated", "uint8", **fine, **shared),
        hog_case("hog 8x8/2x2", "float32", cells_per_block=(2, 2)),
        hog_case("hog 8x8/2x2", "float64", cells_per_block=(2, 2)),
        histogram_case("rgb 8x8x8", "uint8", 8, "rgb"),
        histogram_case("rgb 8x8x8", "float32", 8, "rgb"),
        histogram_case("rgb 8x8x8", "float64", 8, "rgb"),
        histogram_case("hsv 12x4x4", "uint8", (12, 4, 4), "hsv"),
        histogram_case("hsv 12x4x4", "float64", (12, 4, 4), "hsv"),
    ]


def check(case: Case, name: str, X: np.ndarray) -> None:
    """Refuse a peer's answer that is not fastlin's, but for a few images with ties; OpenCV's HoG is another."""
    if name == "fastlin" or (name == "cv2" and case.name.startswith("hog")):
        return
    ours, theirs = case.calls["fastlin"](X), np.asarray(case.calls[name](X))
    same = np.isclose(ours, theirs, rtol=0, atol=1e-5).all(axis=1).mean()
    if same < SAME_IMAGES:
        raise AssertionError(f"{case.name} {case.dtype}: {name} and fastlin agree on {100 * same:.0f} % of the images")


def measure(case: Case, small: bool = False) -> dict[str, float]:
    """Check every implementation, then time them in turns: seconds an image."""
    X = images(case.dtype, 40 if small else N_IMAGES)
    batches = {name: X[: PEER_IMAGES[name]] for name in case.calls}
    for name in case.calls:
        check(case, name, X[:40] if small else X[:200])
    calls = {name: (lambda call=call, batch=batches[name]: call(batch)) for name, call in case.calls.items()}
    seconds = interleaved(calls, repeats=1 if small else 9, seconds=0.1 if small else 6)
    return {name: time / len(batches[name]) for name, time in seconds.items()}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a line a case, and judge what is promised."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="few images: a look, no judgement")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every promise is met")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with TEXT in 'name dtype'")
    options = parser.parse_args(arguments)
    print(*machine.banner(machine.facts(1)), sep="\n", flush=True)
    met = True
    for case in cases():
        if options.only not in f"{case.name} {case.dtype}":
            continue
        seconds = measure(case, options.small)
        cells = [f"{name} {1e6 * time:.3g} us ({time / seconds['fastlin']:.3g}x)" for name, time in seconds.items()]
        print(f"{case.name} {case.dtype}: {', '.join(cells)}", flush=True)
        for (name, peer), wanted in PROMISED.items():
            if name == f"{case.name} {case.dtype}" and peer in seconds and not options.small:
                ratio = seconds[peer] / seconds["fastlin"]
                met &= ratio >= wanted
                print(f"  {'met    ' if ratio >= wanted else 'NOT MET'} {wanted:.0f} x {peer}: {ratio:.1f}", flush=True)
    return int(options.check and not met)


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main())
