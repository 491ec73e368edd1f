"""From CIFAR-10's images in memory to a test accuracy: the whole chain, by features, beside NumPy and scikit-learn.

    python bench/chain.py [--doc] [SPEC ...]    a line a set of features, by default all, and the peers: 3 to 10
                                                minutes, 12 GB
    python bench/chain.py [--doc] --peer [N]    N (5000) images to train and to test: HoG and colours by scikit-image
                                                and NumPy, then scikit-learn's LogisticRegression, beside fastlin's
                                                chain: a quarter of a minute

All 50 000 images train, the penalty is chosen on a tenth of them held out, and all 10 000 test images are predicted:
one seed, no parameter chosen on the test images. Wall time and CPU time, dictionary, features, choice, fit and
predictions included. --doc writes the lines into the tables of docs/features_cifar10.md, and on what machine they were
measured. The data are read as `bench/fit.py` says.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import fit
import numpy as np
from threadpoolctl import threadpool_limits
from words import images_of

import fastlin
from fastlin import pipeline
from fastlin.benchmark import machine
from fastlin.features import HOG, ColorHistogram, Concat

SPECS = (
    "raw", "hog+color", "hog4+color4", "words:192", "words:416", "words:800", "words:1600", "words:1200@28",
)  # fmt: skip
PEER_IMAGES = 5000
PAGE = Path(__file__).resolve().parent.parent / "docs" / "features_cifar10.md"
NAMES = {
    "raw": "pixels", "hog+color": "HoG 8x8 signed, HSV histogram",
    "hog4+color4": "HoG 4x4 signed, HSV in quarters",
}  # fmt: skip


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3) and labels, to train and to test."""
    X, y, X_test, y_test = fit.read(fit.data_folder())
    return images_of(X), y, images_of(X_test), y_test


def chain(spec: str, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray) -> dict[str, Any]:
    """Fit and test: accuracy, wall and CPU seconds, and what they went into."""
    model = fastlin.make_pipeline(spec, verbose=1)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(X, y)
    fitted = time.perf_counter()
    accuracy = model.score(X_test, y_test)
    end = time.perf_counter()
    return {
        "spec": spec, "columns": model.classifier_.n_features_in_, "accuracy": accuracy, "alpha": model.alpha_,
        "wall": end - wall, "cpu": time.process_time() - cpu, **model.seconds_, "test": end - fitted,
    }  # fmt: skip


def line(found: dict[str, Any]) -> str:
    """A line of the table."""
    name = NAMES.get(found["spec"])
    if name is None:
        name = re.sub(r"words:(\d+)", r"\1 word pairs", found["spec"]).replace("+", " + ")
        name = re.sub(r"@(\d+)", r", five windows of \1 x \1 pixels", name)
    steps = [f"{found.get(step, 0.0):.1f}" for step in ("features", "transform", "classifier", "test")]
    return (
        f"| `{found['spec']}` | {name} | {found['columns']:,} | {found['accuracy']:.2%} | {found['alpha']:g} | "
        f"{found['wall']:.1f} | {found['cpu']:.1f} | {' | '.join(steps)} |"
    )


def write(lines: list[str], page: Path = PAGE, measured: str | None = None) -> None:
    """Put lines into the page's table, in place of those of the same features, and where they were measured."""
    text = page.read_text()
    if measured is not None:
        text = re.sub(r"^Measured on .*$", lambda _: f"Measured on {measured}.", text, flags=re.M)
    for new in lines:
        spec = re.escape(new.split("|")[1])
        text, n = re.subn(rf"^\|{spec}\|.*$", lambda _, new=new: new, text, flags=re.M)
        if n == 0:
            text = re.sub(r"^(\| `.*)\n(?!\| `)", lambda old, new=new: f"{old[1]}\n{new}\n", text, count=1, flags=re.M)
    page.write_text(text)


def peer(n: int, X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray) -> list[str]:
    """The same features and the same objective by scikit-image, NumPy and scikit-learn, and by fastlin: two lines.

    On one thread: those of a BLAS that wait for each other spend CPU time, the more the busier the machine is.
    """
    from matplotlib.colors import rgb_to_hsv
    from skimage.feature import hog
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    X, y, X_test, y_test = X[:n], y[:n], X_test[:n], y_test[:n]

    def features(images: np.ndarray) -> np.ndarray:
        rows = []
        for image in images:
            gradients = hog(image, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=-1)
            hsv = rgb_to_hsv(image / 255.0).reshape(-1, 3)
            colors = np.histogramdd(hsv, bins=(12, 4, 4), range=[(0, 1)] * 3)[0].ravel()
            rows.append(np.concatenate([gradients, np.sqrt(colors / colors.sum())]))
        return np.array(rows, np.float32)

    start = time.process_time()
    F, F_test = features(X), features(X_test)
    made = time.process_time()
    scaler = StandardScaler().fit(F)
    F, F_test = scaler.transform(F), scaler.transform(F_test)
    held_out = np.arange(len(F)) % 10 == 0

    def classifier(alpha: float, rows: np.ndarray, labels: np.ndarray) -> Any:
        return LogisticRegression(C=1 / (alpha * len(rows)), max_iter=200, tol=1e-3).fit(rows, labels)

    scores = {
        alpha: classifier(alpha, F[~held_out], y[~held_out]).score(F[held_out], y[held_out])
        for alpha in (1e-2, 3e-3, 1e-3, 3e-4)
    }
    best = max(scores, key=lambda alpha: scores[alpha])
    accuracy = classifier(best, F, y).score(F_test, y_test)
    theirs = (accuracy, best, time.process_time() - start, made - start)
    same = Concat([("hog", HOG(cells_per_block=(2, 2))), ("color", ColorHistogram())])
    start = time.process_time()
    same.fit(X).transform(X)
    same.transform(X_test)
    made = time.process_time()
    model = fastlin.ImagePipeline(same).fit(X, y)
    ours = (model.score(X_test, y_test), model.alpha_, time.process_time() - made, made - start)
    return [
        f"| {name} | {len(X):,} | {len(X_test):,} | {accuracy:.2%} | {alpha:g} | {seconds:.2f} | {features:.2f} |"
        for name, (accuracy, alpha, seconds, features) in (
            ("scikit-image, NumPy, scikit-learn", theirs), ("fastlin", ours)
        )
    ]  # fmt: skip


def main(arguments: list[str]) -> None:
    """Do as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "specs", nargs="*", metavar="SPEC",
        help=f"features, as `fastlin train --features` names them (default: {', '.join(SPECS)}, and the peers: 3 to 10 "
        "minutes, 12 GB)",
    )  # fmt: skip
    parser.add_argument(
        "--peer", type=int, nargs="?", const=PEER_IMAGES, metavar="N",
        help="scikit-image, NumPy and scikit-learn alone, beside the same chain of fastlin, on N images to train and N "
        f"to test (default: {PEER_IMAGES}): a quarter of a minute",
    )  # fmt: skip
    parser.add_argument("--doc", action="store_true", help=f"write the lines into docs/{PAGE.name}")
    options = parser.parse_args(arguments)
    if options.peer is not None and options.peer < 1:
        parser.error(f"--peer is {options.peer}; wanted is an integer >= 1")
    if options.peer is not None and options.specs:
        parser.error("--peer takes no SPEC; wanted is one of the two")
    for spec in options.specs:
        try:
            pipeline.make_features(spec)
        except ValueError as error:
            parser.error(str(error))
    split = data()
    measured = f"{len(os.sched_getaffinity(0))} cores of {machine.cpu_model()}, load {os.getloadavg()[0]:.1f} before"
    print(measured)

    def say(lines: list[str]) -> None:
        print(*lines, sep="\n", flush=True)
        if options.doc:
            write(lines, measured=measured)

    if options.peer is None:
        for spec in options.specs or SPECS:
            say([line(chain(spec, *split))])
    if not options.specs:
        with threadpool_limits(1):
            say(peer(options.peer or PEER_IMAGES, *split))


if __name__ == "__main__":
    main(sys.argv[1:])
