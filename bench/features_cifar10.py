"""Print what HoG and colour histograms cost on CIFAR-10 and what a linear classifier makes of them.

    python bench/features_cifar10.py [--fits]

CPU seconds of one thread for all 60 000 images, and with --fits the accuracy on the 10 000 test images of
`SoftmaxClassifier`: one seed, no parameter chosen on the test images. The data are read as by bench/fit.py.
"""

from __future__ import annotations

import argparse
import sys
import time

import fit
import numpy as np
from threads import fix_threads

import fastlin
from fastlin.features import HOG, ColorHistogram, Concat

FEATURES = {
    "HoG 8x8, HSV histogram": Concat(
        [("hog", HOG(cells_per_block=(2, 2), n_threads=1)), ("color", ColorHistogram(n_threads=1))]
    ),
    "HoG 4x4 signed, HSV grid 2x2": Concat(
        [
            ("hog", HOG(18, (4, 4), (2, 2), signed=True, interpolate=True, n_threads=1)),
            ("color", ColorHistogram(grid=(2, 2), n_threads=1)),
        ]
    ),
}


def main(arguments: list[str]) -> None:
    """Print a line a set of features."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fits", action="store_true", help="fit a classifier too, and test it")
    options = parser.parse_args(arguments)
    X_train, y_train, X_test, y_test = fit.read(fit.data_folder())
    images = np.concatenate([X_train, X_test]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    images = np.ascontiguousarray(images)
    for name, features in FEATURES.items():
        start = time.process_time()
        F = features.fit_transform(images)
        seconds = time.process_time() - start
        line = f"{name}: {F.shape[1]} features, {seconds:.2f} s of CPU time for {len(images)} images"
        if options.fits:
            start = time.process_time()
            model = fastlin.SoftmaxClassifier(alpha=1e-3, max_iter=20, random_state=0, n_threads=1)
            accuracy = model.fit(F[:50000], y_train).score(F[50000:], y_test)
            line += f"; test accuracy {100 * accuracy:.2f} %, {time.process_time() - start:.1f} s for the fit"
        print(line, flush=True)


if __name__ == "__main__":
    fix_threads(1)
    main(sys.argv[1:])
