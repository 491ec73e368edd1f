"""Are the defaults good enough not to be tuned? Twenty data sets, beside a tuned LogisticRegression.

    python bench/defaults.py [--only NAME ...] [--seed N] [--markdown FILE] [--check]

Each set is split into three quarters of the rows to train on and the rest, three times and, where rows are few, until
600 have been tested, forty times at most. fastlin gets the raw rows and nothing else but random_state; scikit-learn's
LogisticRegression gets standardised columns and its C by cross-validation (LogisticRegressionCV, C from 1e-4 to 1e4,
five folds). The table has the mean test accuracy of both in percent, their difference with its standard error over the
splits, and the CPU seconds of a fit on one thread. --check fails where fastlin is more than a point behind.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threads import fix_threads

import fastlin

Data = tuple[np.ndarray, np.ndarray]
LEAST_SPLITS, MOST_SPLITS, LEAST_TESTED = 3, 40, 600
BEHIND = 1.0  # points


_seed = 0


def made(**settings) -> Data:
    return datasets.make_classification(random_state=_seed, **settings)


def unscaled() -> Data:
    X, y = made(n_samples=2000, n_features=20, n_informative=10, n_classes=3)
    return X * np.logspace(-4, 5, 20) + np.logspace(5, -4, 20), y


def constant_columns() -> Data:
    X, y = made(n_samples=1500, n_features=12, n_informative=8, n_classes=4)
    return np.hstack([X, np.full((len(X), 5), 7.0), np.zeros((len(X), 5))]), y


def heavy_tails() -> Data:
    X, y = made(n_samples=3000, n_features=20, n_informative=10, n_classes=3)
    return np.sinh(2 * X), y


def one_hot() -> Data:
    rng = np.random.default_rng(_seed)
    levels = rng.integers(0, 12, (4000, 8))
    effect = rng.standard_normal((8, 12, 3))
    scores = effect[np.arange(8), levels].sum(axis=1) + rng.gumbel(size=(4000, 3))
    return np.eye(12, dtype=np.uint8)[levels].reshape(4000, -1), scores.argmax(axis=1)


def counts() -> Data:
    """Words of documents: few of many, mostly rare."""
    rng = np.random.default_rng(_seed + 1)
    topics = rng.dirichlet(np.full(1000, 0.05), 8)
    y = rng.integers(0, 8, 2000)
    return np.stack([rng.multinomial(20, 0.9 / 1000 + 0.1 * topics[c]) for c in y]).astype(np.float32), y


def far_from_zero() -> Data:
    X, y = made(n_samples=2000, n_features=30, n_informative=15, n_classes=5)
    return X + 1000.0, y


def copies() -> Data:
    X, y = made(n_samples=1000, n_features=10, n_informative=6, n_classes=3)
    return np.hstack([X] * 10) + 1e-3 * np.random.default_rng(_seed).standard_normal((1000, 100)), y


def fashion() -> Data:
    data = fastlin.datasets.load_fashion_mnist_small()
    return data.X_train.reshape(len(data.X_train), -1)[:3000], data.y_train[:3000]


SETS: dict[str, Callable[[], Data]] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "Fashion-MNIST, 3000 images": fashion,
    "few rows": lambda: made(n_samples=60, n_features=10, n_informative=5, n_classes=2),
    "few rows, many columns": lambda: made(n_samples=200, n_features=2000, n_informative=40, n_redundant=200),
    "many rows": lambda: made(n_samples=50000, n_features=20, n_informative=12, n_classes=4),
    "unscaled columns": unscaled,
    "constant columns": constant_columns,
    "imbalanced, 2 classes": lambda: made(n_samples=4000, n_features=20, n_informative=8, weights=[0.97]),
    "imbalanced, 5 classes": lambda: made(
        n_samples=4000, n_features=20, n_informative=12, n_classes=5, weights=[0.8, 0.1, 0.05, 0.03, 0.02]
    ),
    "half the labels wrong": lambda: made(n_samples=3000, n_features=20, n_informative=10, n_classes=3, flip_y=0.5),
    "50 classes": lambda: made(
        n_samples=10000, n_features=40, n_informative=30, n_classes=50, n_clusters_per_class=1, class_sep=2.0
    ),
    "200 classes": lambda: made(
        n_samples=10000, n_features=60, n_informative=50, n_classes=200, n_clusters_per_class=1, class_sep=3.0
    ),
    "heavy tails": heavy_tails,
    "one-hot categories": one_hot,
    "word counts": counts,
    "far from zero": far_from_zero,
    "columns ten times over": copies,
}


def theirs():
    tuned = LogisticRegressionCV(
        Cs=9, l1_ratios=(0,), use_legacy_attributes=False, max_iter=300, cv=5, scoring="accuracy"
    )  # fmt: skip
    return make_pipeline(StandardScaler(), tuned)


class Comparison(NamedTuple):
    """Shape and classes, accuracy of both in percent, the standard error of their difference, CPU seconds of both."""

    shape: tuple[int, int, int]
    ours: float
    tuned: float
    error: float
    seconds: float
    tuned_seconds: float


def compare(load: Callable[[], Data]) -> Comparison:
    X, y = load()
    n_splits = min(max(LEAST_SPLITS, -(-4 * LEAST_TESTED // len(y))), MOST_SPLITS)
    accuracy, seconds = np.zeros((2, n_splits)), np.zeros((2, n_splits))
    splits = StratifiedShuffleSplit(n_splits, test_size=0.25, random_state=0).split(X, y)
    for split, (train, test) in enumerate(splits):
        for which, model in enumerate((fastlin.SoftmaxClassifier(random_state=0, n_threads=1), theirs())):
            began = time.process_time()
            model.fit(X[train], y[train])
            seconds[which, split] = time.process_time() - began
            accuracy[which, split] = 100 * model.score(X[test], y[test])
    error = float((accuracy[0] - accuracy[1]).std(ddof=1) / np.sqrt(n_splits))
    return Comparison((*X.shape, len(np.unique(y))), *accuracy.mean(axis=1), error, *seconds.mean(axis=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=list(SETS), metavar="NAME", help=f"these sets alone, of: {'; '.join(SETS)}"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the made sets (default: 0)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    parser.add_argument("--check", action="store_true", help=f"fail where fastlin is more than {BEHIND} behind")
    arguments = parser.parse_args()
    global _seed
    _seed = arguments.seed
    warnings.simplefilter("ignore", ConvergenceWarning)
    lines = [
        "# The defaults beside a tuned model",
        "",
        "Written by `python bench/defaults.py --markdown docs/defaults.md`, which says how it is measured.",
        "",
        "| data set | rows x features, classes | fastlin | tuned LogisticRegression | difference | s | s, tuned |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    behind = []
    for name in arguments.only or SETS:
        found = compare(SETS[name])
        n, d, c = found.shape
        difference = found.ours - found.tuned
        lines.append(
            f"| {name} | {n} x {d}, {c} | {found.ours:.1f} | {found.tuned:.1f} | {difference:+.1f} ± {found.error:.1f} "
            f"| {found.seconds:.3f} | {found.tuned_seconds:.2f} |"
        )
        print(lines[-1], flush=True)
        if difference < -BEHIND:
            behind.append(name)
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(lines) + "\n")
    if behind:
        print(f"more than {BEHIND} point behind: {', '.join(behind)}", file=sys.stderr)
    return 1 if behind and arguments.check else 0


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main())
