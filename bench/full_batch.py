"""The full-batch solver against scikit-learn's, on CIFAR-10's pixels: CPU seconds of one thread to the optimum.

    python bench/full_batch.py [ALPHA]

`fastlin.fit_path` reads the published uint8 records (see bench/fit.py for where); LogisticRegression(solver="lbfgs") a
float32 copy of them, standardised beforehand and not counted. The objective is the same. An optimum is what the tighter
of two runs of ours found; each line says how far above it, relatively, the others end.
"""

from __future__ import annotations

import argparse
import sys
import time

import fit
import numpy as np
from threads import fix_threads

import fastlin
from fastlin import training


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("alpha", type=float, nargs="?", default=2e-2, help="strength of the penalty (default: 0.02)")
    alpha = parser.parse_args(arguments).alpha
    from sklearn.linear_model import LogisticRegression

    folder = fit.data_folder()
    if not (folder / "test_batch.bin").is_file():
        print(f"skipped: there is no {folder}; set FASTLIN_DATA")
        return
    X, y, X_test, y_test = fit.read(folder)
    penalty = fastlin.convert_penalty(alpha=alpha, n_rows=len(X), n_classes=10)
    print(penalty.objective)
    shift, scale = (part.astype(np.float32) for part in training.survey(X).standardization())

    began = time.process_time()
    ours = fastlin.fit_path(X, y, [alpha], eval_set=(X_test, y_test), n_threads=1)
    ours_seconds = time.process_time() - began

    Z = (X - shift) * scale
    model = LogisticRegression(C=penalty.C, max_iter=5000)
    began = time.process_time()
    model.fit(Z, y)
    theirs_seconds = time.process_time() - began
    theirs = fastlin.softmax_loss(Z, y, model.coef_, model.intercept_, l2=penalty.l2).loss
    theirs_score = model.score((X_test - shift) * scale, y_test)

    best = min(fastlin.fit_path(X, y, [alpha], tol=1e-8, n_threads=1).objectives[0], ours.objectives[0], theirs)
    found = ours.certificates[0]
    assert ours.scores is not None
    for name, seconds, steps, objective, score in (
        ("fit_path, uint8", ours_seconds, f"{found.n_passes} passes", found.objective, ours.scores[0]),
        ("LogisticRegression", theirs_seconds, f"{model.n_iter_[0]} steps", theirs, theirs_score),
    ):
        print(f"{name:20} {seconds:6.1f} s  {steps:>10}  {objective / best - 1:8.1e} above  test {score:.4f}")
    print(f"ratio {theirs_seconds / ours_seconds:.1f}")


if __name__ == "__main__":
    fix_threads(1)
    main(sys.argv[1:])
