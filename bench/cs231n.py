"""The assignment's training loop at its own settings: `fastlin.cs231n` against the NumPy code it stands in for.

    python bench/cs231n.py [--iterations N] [--repeats N] [--check]

49 000 x 3073 float64 rows (centred pixels and a column of ones), 10 classes, 1500 batches of 200 drawn with
replacement, the rate and penalty of the notebook. CIFAR-10 is read from $FASTLIN_DATA (default: ~/.cache/fastlin) where
it is there; else rows of that shape are made. CPU time of one thread; the two take turns and each keeps its shortest
time. Loss histories and weights are compared as well: a difference above 1e-6 of the largest number is an error.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import fit
import numpy as np
from threads import fix_threads

import fastlin
from fastlin import cs231n
from fastlin.benchmark import machine

# ruff: noqa: NPY002 - the course draws from NumPy's global generator

N_TRAIN = 49000
N_VALIDATION = 1000
BATCH = 200
# Times faster than the NumPy loop that the library promises.
LEAST_RATIO = 3.5
# Numbers are those of the course's code to this share of the largest.
SAME = 1e-6


class Setting(NamedTuple):
    """A class, the loss it stands for, and the notebook's rate and penalty for it."""

    model: type[cs231n.LinearClassifier]
    loss: Callable[..., tuple[float, np.ndarray]]
    learning_rate: float
    reg: float


def svm_loss(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
    """The SVM loss and its gradient, vectorised."""
    rows = np.arange(len(X))
    scores = X.dot(W)
    margins = np.maximum(0.0, scores - scores[rows, y][:, None] + 1.0)
    margins[rows, y] = 0.0
    ds = (margins > 0.0).astype(X.dtype)
    ds[rows, y] = -ds.sum(axis=1)
    return margins.sum() / len(X) + reg * np.sum(W * W), X.T.dot(ds) / len(X) + 2.0 * reg * W


def softmax_loss(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
    """The softmax loss and its gradient, vectorised."""
    rows = np.arange(len(X))
    scores = X.dot(W)
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, y]).sum() / len(X) + reg * np.sum(W * W)
    p[rows, y] -= 1.0
    return loss, X.T.dot(p) / len(X) + 2.0 * reg * W


SETTINGS = {
    "svm": Setting(cs231n.LinearSVM, svm_loss, 1e-7, 2.5e4),
    "softmax": Setting(cs231n.Softmax, softmax_loss, 1e-7, 2.5e4),
}


def numpy_train(X: np.ndarray, y: np.ndarray, setting: Setting, iterations: int) -> tuple[np.ndarray, list[float]]:
    """The loop as a student writes it: draw, gather, loss, step."""
    W = 0.001 * np.random.randn(X.shape[1], y.max() + 1)
    history = []
    for _ in range(iterations):
        picked = np.random.choice(len(X), BATCH)
        loss, gradient = setting.loss(W, X[picked], y[picked], setting.reg)
        history.append(loss)
        W -= setting.learning_rate * gradient
    return W, history


def fastlin_train(X: np.ndarray, y: np.ndarray, setting: Setting, iterations: int) -> tuple[np.ndarray, list[float]]:
    model = setting.model()
    history = model.train(X, y, setting.learning_rate, setting.reg, iterations, BATCH)
    assert model.W is not None
    return model.W, history


def read() -> tuple[str, np.ndarray, np.ndarray]:
    """Name the data, and give N_TRAIN + N_VALIDATION rows as the notebook prepares them, with labels."""
    n = N_TRAIN + N_VALIDATION
    folder = fit.data_folder()
    if (folder / "test_batch.bin").is_file():
        name, (pixels, y) = "CIFAR-10", fit.read(folder)[:2]
    else:
        rng = np.random.default_rng(0)
        name, y = "made rows", rng.integers(0, 10, n)
        pixels = rng.integers(0, 256, (n, 3072), np.uint8) // 2 + rng.integers(0, 128, (10, 3072), np.uint8)[y]
    X = np.empty((n, 3073))
    X[:, :3072] = pixels[:n]
    X[:, :3072] -= X[:N_TRAIN, :3072].mean(axis=0)
    X[:, 3072] = 1.0
    return name, X, y[:n]


def difference(found: tuple[np.ndarray, list[float]], wanted: tuple[np.ndarray, list[float]]) -> float:
    """Largest difference of the weights and of the losses, each as a share of the largest."""
    pairs = zip(map(np.asarray, found), map(np.asarray, wanted), strict=True)
    return max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in pairs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--iterations", type=int, default=1500, metavar="N", help="steps of a training (default: 1500)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs; the shortest counts (default: 3)")
    parser.add_argument("--check", action="store_true", help=f"exit with 1 below {LEAST_RATIO} times")
    options = parser.parse_args(arguments)
    print(*machine.banner(machine.facts(1)), sep="\n", flush=True)
    fastlin.set_num_threads(1)
    name, X, y = read()
    X_train, y_train, X_val, y_val = X[:N_TRAIN], y[:N_TRAIN], X[N_TRAIN:], y[N_TRAIN:]
    print(f"{name}: {N_TRAIN} x {X.shape[1]} float64, batches of {BATCH}, {options.iterations} iterations", flush=True)
    worst = float("inf")
    for which, setting in SETTINGS.items():
        runs = {"numpy": numpy_train, "fastlin": fastlin_train}
        seconds, results = dict.fromkeys(runs, float("inf")), {}
        for _ in range(options.repeats):
            for implementation, run in runs.items():
                np.random.seed(0)
                start = time.process_time()
                results[implementation] = run(X_train, y_train, setting, options.iterations)
                seconds[implementation] = min(seconds[implementation], time.process_time() - start)
        apart = difference(results["fastlin"], results["numpy"])
        if not apart <= SAME:
            print(f"WRONG   {which}: differs from the NumPy loop by {apart:.1e} of the largest number")
            return 1
        ratio = seconds["numpy"] / seconds["fastlin"]
        worst = min(worst, ratio)
        accuracy = np.mean(np.argmax(X_val.dot(results["fastlin"][0]), axis=1) == y_val)
        print(
            f"{which}: NumPy {seconds['numpy']:.2f} s, fastlin {seconds['fastlin']:.2f} s, {ratio:.2f} times faster; "
            f"validation accuracy {100 * accuracy:.1f} %, histories and weights apart by {apart:.0e}",
            flush=True,
        )
    print(f"{'met    ' if worst >= LEAST_RATIO else 'NOT MET'} {worst:.2f} times (wanted {LEAST_RATIO})")
    return int(options.check and worst < LEAST_RATIO)


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main())
