"""Visual words: how fast each arithmetic encodes, beside the twin; and what a linear classifier makes of it.

    python bench/words.py speed           CPU time of one thread an image of 32 x 32 x 3, by pairs and arithmetic
    python bench/words.py precision 192   what bfloat16 products change, in standard deviations of the columns
    python bench/words.py accuracy 192    CIFAR-10, so many pairs: wall times and accuracy of a ridge classifier

CIFAR-10 is read as `bench/fit.py` says; without it, speed is measured on noise.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import fit
import numpy as np
from threads import fix_threads

from fastlin import config
from fastlin._core import kernels
from fastlin._core import words as core
from fastlin.benchmark.timing import interleaved
from fastlin.features import VisualWords, _words_reference

PAIRS = (192, 416, 800, 1600)
# Ridge strengths, times the number of rows, on standardised columns.
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1)


def photographs(n: int) -> np.ndarray:
    """The first n training images, or noise."""
    folder = fit.data_folder()
    if not folder.is_dir():
        return np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return images_of(fit.read(folder)[0][:n])


def images_of(rows: np.ndarray) -> np.ndarray:
    """Rows of planes as (N, 32, 32, 3)."""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def speed(n_images: int = 64) -> list[dict[str, Any]]:
    """Milliseconds an image, GFLOP/s of the products with the words, by pairs and arithmetic, and of the twin."""
    images = photographs(5000)
    table = []
    for pairs in PAIRS:
        words = VisualWords(pairs, dictionary="random", n_patches=20_000, random_state=0, n_threads=1).fit(images)
        batch = images[:n_images]
        out = np.empty((n_images, words.n_features_out_), np.float32)
        where = words._model.geometry((32, 32, 3))

        def call(products: str, words=words, batch=batch, out=out, where=where) -> None:
            core.encode(batch, 1.0, where, words._model, products, out, 0, where.n_chunks, None, 1)

        calls = {name: (lambda name=name, call=call: call(name)) for name in kernels.products()}
        seconds = interleaved(calls, repeats=9, seconds=6.0)
        for level in ("avx2", "baseline"):
            with config.use_simd_level(level):
                seconds[f"float32, {level}"] = interleaved({level: lambda call=call: call("float32")}, repeats=3)[level]
        if pairs == PAIRS[0]:
            few = batch[:2]
            twin = interleaved({"twin": lambda few=few, words=words: _words_reference.encode(few, words._model)})
            seconds["NumPy twin (float64)"] = twin["twin"] / len(few) * n_images
        flops = 2.0 * len(where.offset) * words.words_.size
        for name, taken in seconds.items():
            each = taken / n_images
            table.append({"pairs": pairs, "arithmetic": name, "ms": 1e3 * each, "gflops": flops / each / 1e9})
    return table


def precision(pairs: int, n_images: int = 2000) -> dict[str, dict[str, float]]:
    """By encoding, the difference of bfloat16 from float32 over each column's deviation: its size, and the largest."""
    images = photographs(20_000)
    found = {}
    for encoding in ("soft", "triangle"):
        words = VisualWords(pairs, encoding=encoding, random_state=0, precision="float32").fit(images)
        exact = words.transform(images[:n_images])
        rounded = words.set_params(precision="bfloat16").transform(images[:n_images])
        error = np.abs(rounded - exact) / exact.std(axis=0)
        columns = np.sqrt((error**2).mean(axis=0))
        found[encoding] = {
            "root mean square": float(np.sqrt((error**2).mean())), "worst column's": float(columns.max()),
            "largest": float(error.max()),
        }  # fmt: skip
    return found


def ridge(X: np.ndarray, y: np.ndarray, n_validate: int = 5000) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights, intercept and strength of one-against-rest least squares, chosen on the last rows, fitted to all."""
    target = np.eye(10, dtype=np.float32)[y] - 0.1

    def gram(rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        part, goal = X[rows], target[rows]
        return part.T @ part, part.T @ goal, part.sum(0, dtype=float), goal.sum(0, dtype=float), len(part)

    first, last = gram(slice(0, len(X) - n_validate)), gram(slice(len(X) - n_validate, None))

    def solve(parts: tuple, strength: float) -> tuple[np.ndarray, np.ndarray]:
        A, b, s, t, n = parts
        mean = s / n
        scale = np.sqrt(np.maximum(np.diag(A) / n - mean**2, 0) + 1e-2)
        A = (A - n * np.outer(mean, mean)) / np.outer(scale, scale)
        A[np.diag_indices_from(A)] += strength * n
        root = np.linalg.cholesky(A.astype(np.float32))
        b = ((b - np.outer(mean, t)) / scale[:, None]).astype(np.float32)
        W = np.linalg.solve(root.T, np.linalg.solve(root, b)) / scale[:, None]
        return W.astype(np.float32), (t / n - mean @ W).astype(np.float32)

    held_X, held_y = X[-n_validate:], y[-n_validate:]
    accuracy = {}
    for strength in STRENGTHS:
        W, c = solve(first, strength)
        accuracy[strength] = float(((held_X @ W + c).argmax(1) == held_y).mean())
    best = max(accuracy, key=lambda strength: accuracy[strength])
    both = tuple(a + b for a, b in zip(first, last, strict=True))
    return *solve(both, best), best


def accuracy(pairs: int, **options: Any) -> dict[str, Any]:
    """CIFAR-10 whole: seconds of each step, wall, and test accuracy of the ridge classifier."""
    rows, y, test_rows, test_y = fit.read(fit.data_folder())
    images, test_images = images_of(rows), images_of(test_rows)
    start = time.perf_counter()
    words = VisualWords(pairs, random_state=0, **options).fit(images)
    fitted = time.perf_counter()
    X, test_X = words.transform(images), words.transform(test_images)
    encoded = time.perf_counter()
    W, c, strength = ridge(X, y)
    share = float(((test_X @ W + c).argmax(1) == test_y).mean())
    end = time.perf_counter()
    return {
        "pairs": pairs, "columns": X.shape[1], "fit_s": fitted - start, "encode_s": encoded - fitted,
        "classify_s": end - encoded, "strength": strength, "test_accuracy": share,
    }  # fmt: skip


def main(arguments: list[str]) -> None:
    """Do as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(title="what to measure", metavar="WHAT", dest="what", required=True)
    commands.add_parser("speed", help="CPU time of one thread an image of 32 x 32 x 3, by pairs and arithmetic")
    for name, text in (
        ("precision", "what bfloat16 products change, in standard deviations of the columns"),
        ("accuracy", "CIFAR-10, so many pairs: wall times and accuracy of a ridge classifier"),
    ):
        commands.add_parser(name, help=text).add_argument("pairs", type=int, metavar="N", help="pairs of words")
    options = parser.parse_args(arguments)
    if options.what == "speed":
        fix_threads(1)
        for row in speed():
            print(f"{row['pairs']:5d}  {row['arithmetic']:22}  {row['ms']:9.3f} ms  {row['gflops']:7.1f} GFLOP/s")
    elif options.what == "precision":
        for encoding, error in precision(options.pairs).items():
            print(f"{encoding:10}" + "".join(f"{name} {value:.4f}  " for name, value in error.items()))
    else:
        print(accuracy(options.pairs))


if __name__ == "__main__":
    main(sys.argv[1:])
