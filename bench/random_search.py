"""Random search on CIFAR-10: how good the best of 1000 guesses is, and what it costs beside the NumPy loop.

    python bench/random_search.py [--rows N]

Three seeds a setting, searched on N rows (2000), measured on the test images. Then the same guesses on 5000 rows, by
`random_search` and by the loop that a lecture writes, CPU time of one thread, in turns.
"""

from __future__ import annotations

import argparse
import sys
import time

import fit
import numpy as np
from threads import fix_threads

import fastlin
from fastlin.benchmark import machine
from fastlin.benchmark.timing import interleaved
from fastlin.diagnostics import random_search

# Standard deviations of the scores; 0.3 is the library's default.
SPREADS = (1.0, 0.3, 0.1)
SEEDS = (0, 1, 2)
TRIALS = 1000
TIMED_ROWS, TIMED_TRIALS = 5000, 64


def numpy_loop(X: np.ndarray, y: np.ndarray, trials: int, scale: float, seed: int = 0) -> np.ndarray:
    """The hinge losses of random W on float32 rows, one W at a time."""
    rng = np.random.default_rng(seed)
    n, n_classes = np.arange(len(X)), int(y.max()) + 1
    losses = np.empty(trials)
    for trial in range(trials):
        W = rng.standard_normal((n_classes, X.shape[1]), dtype=np.float32) * np.float32(scale)
        scores = X @ W.T
        violation = np.maximum(0, scores - scores[n, y][:, None] + 1)
        violation[n, y] = 0
        losses[trial] = violation.sum() / len(X)
    return losses


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000, metavar="N", help="rows searched on (default: 2000)")
    options = parser.parse_args(arguments)
    folder = fit.data_folder()
    if not (folder / "test_batch.bin").is_file():
        print(f"there is no {folder}; set FASTLIN_DATA")
        return 1
    print(*machine.banner(machine.facts(1)), sep="\n")
    X, y, X_test, y_test = fit.read(folder)
    variance = fastlin.moments(X).variance.sum()
    for center in (True, False):
        for spread in SPREADS if center else (0.3,):
            # Raw rows have their mean in common; their default scale follows from the library.
            scale = spread / np.sqrt(variance) if center else None
            start, accuracies = time.process_time(), []
            for seed in SEEDS:
                found = random_search(X, y, TRIALS, n_rows=options.rows, center=center, scale=scale, seed=seed)
                accuracies.append(100 * np.mean(fastlin.predict(X_test, found.W, found.b) == y_test))
            seconds = (time.process_time() - start) / len(SEEDS)
            listed = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
            print(
                f"{'centred' if center else 'raw    '} rows, scores of sd {spread:3g}: best of {TRIALS} guesses on "
                f"{options.rows} rows, test accuracy {listed} %, {seconds:.1f} s each",
                flush=True,
            )
    rows, labels, scale = X[:TIMED_ROWS], y[:TIMED_ROWS], 0.3 / float(np.sqrt(variance))
    as_float = rows.astype(np.float32)
    seconds_of = interleaved(
        {
            "fastlin": lambda: random_search(rows, labels, TIMED_TRIALS, scale=scale, n_threads=1),
            "numpy": lambda: numpy_loop(as_float, labels, TIMED_TRIALS, scale),
        },
        repeats=5,
    )
    work = 2.0 * TIMED_ROWS * TIMED_TRIALS * X.shape[1] * 10
    for name, seconds in seconds_of.items():
        rate = f"{work / seconds / 1e9:.0f} GFLOP/s"
        print(f"{name:8} {TIMED_TRIALS} guesses on {TIMED_ROWS} rows: {seconds:.3f} s, {rate}")
    print(f"NumPy / fastlin {seconds_of['numpy'] / seconds_of['fastlin']:.2f}")
    return 0


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main())
