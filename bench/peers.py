"""What a fit on CIFAR-10 costs beside its peers: CPU seconds of one thread to 40 % and to a peer's own test accuracy.

    python bench/peers.py [--only NAME ...] [--limit SECONDS] [--markdown FILE]

50 000 x 3072 pixels, softmax (mlpack: its multiclass SVM), at each one's defaults but for what its line says. fastlin
takes the uint8 rows, and its look at them, their moments and spread, counts; the peers take a standardised float32 copy
(mlpack float64), which is made beforehand and not counted. A run of so many epochs or iterations is scored after every
one of them outside its clock, fastlin's after each epoch of its one fit with the weights that the fit would end with;
LogisticRegression and mlpack are run anew with more and more iterations instead. A peer stops at --limit seconds: what
it had not reached by then is written as "> seconds", and its ratio is at least that.

Beside LogisticRegression, which runs to its own end, the full-batch solver is given the same objective (alpha is 1 / N,
its C of 1) and ends its clock at the first step whose objective is no higher than LogisticRegression's last.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fit
import numpy as np
from threads import fix_threads

import fastlin
from fastlin import training

TARGET = 0.40
BATCH = 256
# What is asked of the ratio of each peer's seconds to fastlin's.
BARS = {
    "LogisticRegression(lbfgs)": 25.0,
    "SGDClassifier(log_loss, average)": 15.0,
    "MLPClassifier(())": 2.5,
    "torch": 5.0,
    "mlpack linear_svm": 5.0,
}
Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
# CPU seconds so far, and the test accuracy there.
Points = Iterator[tuple[float, float]]


def stepped(step: Callable[[], Any], score: Callable[[], float], n: int) -> Points:
    """`step` n times, scored after each."""
    seconds = 0.0
    for _ in range(n):
        began = time.process_time()
        step()
        seconds += time.process_time() - began
        yield seconds, score()


def ours(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, y_test: np.ndarray) -> Points:
    """The defaults. Epoch after epoch of one fit: a callback scores, and its own time is taken off."""
    found: list[tuple[float, float]] = []
    spent = 0.0

    def look(view: training.TrainingView) -> None:
        nonlocal spent
        now = time.process_time()
        score = np.mean(fastlin.reference.predict(X_test, view.coef, view.intercept) == y_test)
        found.append((now - began - spent, float(score)))
        spent += time.process_time() - now

    began = time.process_time()
    fastlin.SoftmaxClassifier(random_state=0, n_threads=1, callbacks=[look]).fit(X, y)
    yield from found


def logistic_regression(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> Points:
    from sklearn.linear_model import LogisticRegression

    for k in range(9):
        model = LogisticRegression(max_iter=10 * 2**k)
        began = time.process_time()
        model.fit(Z, y)
        seconds = time.process_time() - began
        ended.update(model=model, seconds=seconds, converged=bool(model.n_iter_[0] < model.max_iter))
        yield seconds, model.score(Z_test, y_test)
        if ended["converged"]:
            return


# What LogisticRegression got to.
ended: dict[str, Any] = {}


def to_its_optimum(data: Data, Z: np.ndarray) -> str:
    """CPU seconds of the full-batch solver to the objective where LogisticRegression ended, as a sentence."""
    X, y = data[:2]
    theirs, alpha = ended["model"], 1.0 / len(y)
    wanted = fastlin.softmax_loss(
        Z, y, theirs.coef_.astype(np.float32), theirs.intercept_.astype(np.float32), l2=alpha / 2
    ).loss  # fmt: skip
    found: list[tuple[float, float]] = []

    def look(view: training.TrainingView) -> bool:
        found.append((time.process_time() - began, float(view.record.loss)))
        return found[-1][1] <= wanted

    began = time.process_time()
    fastlin.SoftmaxClassifier(solver="lbfgs", alpha=alpha, n_threads=1, tol=1e-9, callbacks=[look]).fit(X, y)
    seconds, objective = found[-1]
    return (
        f"To LogisticRegression's own optimum: {ended['seconds']:.1f} s, objective {wanted:.6f} (after "
        f"{theirs.n_iter_[0]} iterations{'' if ended['converged'] else ', cut short'}); "
        f"`solver=\"lbfgs\"` {seconds:.1f} s, objective {objective:.6f} (after {len(found)}), "
        f"{ended['seconds'] / seconds:.1f} times less (wanted: 5)."
    )


def sgd_classifier(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> Points:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", average=True, random_state=0)
    classes = np.unique(y)
    yield from stepped(lambda: model.partial_fit(Z, y, classes=classes), lambda: model.score(Z_test, y_test), 10)


def mlp_classifier(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> Points:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden_layer_sizes=(), batch_size=BATCH, random_state=0)
    classes = np.unique(y)
    yield from stepped(lambda: model.partial_fit(Z, y, classes=classes), lambda: model.score(Z_test, y_test), 10)


def torch_loop(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> Points:
    import torch

    torch.manual_seed(0)
    rows, labels, test = torch.from_numpy(Z), torch.from_numpy(y), torch.from_numpy(Z_test)
    model = torch.nn.Linear(Z.shape[1], 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=fit.RATE, momentum=fit.MOMENTUM)
    n_epochs = 10
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, n_epochs)

    def epoch() -> None:
        for picked in torch.randperm(len(rows)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[picked]), labels[picked]).backward()
            optimizer.step()
        schedule.step()

    def score() -> float:
        with torch.no_grad():
            return float((model(test).argmax(dim=1).numpy() == y_test).mean())

    yield from stepped(epoch, score, n_epochs)


def mlpack_svm(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> Points:
    import mlpack

    Z, Z_test = Z.astype(np.float64), Z_test.astype(np.float64)
    for n in (5, 20, 80):
        began = time.process_time()
        model = mlpack.linear_svm(training=Z, labels=y, num_classes=10, max_iterations=n)["output_model"]
        seconds = time.process_time() - began
        said = mlpack.linear_svm(input_model=model, test=Z_test)["predictions"]
        yield seconds, float(np.mean(np.ravel(said) == y_test))


PEERS: dict[str, Callable[..., Points]] = {
    "LogisticRegression(lbfgs)": logistic_regression,
    "SGDClassifier(log_loss, average)": sgd_classifier,
    "MLPClassifier(())": mlp_classifier,
    "torch": torch_loop,
    "mlpack linear_svm": mlpack_svm,
}


def standardized(data: Data) -> Data:
    X, y, X_test, y_test = data
    shift, scale = (part.astype(np.float32) for part in training.survey(X).standardization())

    def copy(rows: np.ndarray) -> np.ndarray:
        Z = rows.astype(np.float32)
        Z -= shift
        Z *= scale
        return Z

    return copy(X), y, copy(X_test), y_test


class Run(NamedTuple):
    """Seconds and test accuracy after each epoch, and whether the limit ended it."""

    points: list[tuple[float, float]]
    cut: bool

    @property
    def seconds(self) -> float:
        """Of all of it."""
        return self.points[-1][0]

    @property
    def accuracy(self) -> float:
        """At the end."""
        return self.points[-1][1]

    def seconds_to(self, accuracy: float) -> float | None:
        """Until `accuracy` was reached first, if it was."""
        return next((seconds for seconds, reached in self.points if reached >= accuracy), None)


def run(points: Points, limit: float) -> Run:
    """Let it run, for `limit` seconds at most."""
    seen: list[tuple[float, float]] = []
    for point in points:
        seen.append(point)
        if point[0] > limit:
            return Run(seen, True)
    return Run(seen, False)


def line(name: str, theirs: Run, mine: Run) -> str:
    """A row of the table."""
    mark = "> " if theirs.cut else ""
    at = mine.seconds_to(TARGET)
    reached = theirs.seconds_to(TARGET)
    to_target, ratio = (f"{mark}{theirs.seconds:.1f}", mark) if reached is None else (f"{reached:.1f}", "")
    if reached is None and not theirs.cut:
        to_target, ratio = "never", "-"
    elif at is not None:
        ratio += f"{(reached or theirs.seconds) / at:.1f}"
    same = mine.seconds_to(theirs.accuracy)
    to_end = "- | -" if same is None else f"{same:.2f} | {mark}{theirs.seconds / same:.1f}"
    return (
        f"| {name} | {to_target} | {ratio} | {theirs.accuracy:.2%} | {mark}{theirs.seconds:.1f} | {to_end} "
        f"| {BARS[name]:g} |"
    )


def peak_memory() -> float:
    """MiB that a process's first fit adds to its largest resident size, once it has imported the model and holds X."""
    command = [sys.executable, __file__, "--peak-memory"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_peak() -> None:
    X, y, _, _ = fit.read(fit.data_folder())
    model = fastlin.SoftmaxClassifier(random_state=0, n_threads=1)
    Path("/proc/self/clear_refs").write_text("5")  # the reading's peak does not count: proc(5)
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize() / 2**20
    model.fit(X, y)
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    print(peak - resident)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=list(PEERS), default=list(PEERS), metavar="NAME",
        help=f"these peers alone, of: {'; '.join(PEERS)}",
    )  # fmt: skip
    parser.add_argument("--limit", type=float, default=120.0, metavar="S", help="CPU seconds of a peer (default: 120)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page here")
    parser.add_argument("--peak-memory", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_memory:
        measure_peak()
        return
    if not (fit.data_folder() / "test_batch.bin").is_file():
        print(f"skipped: there is no {fit.data_folder()}; set FASTLIN_DATA")
        return
    warnings.simplefilter("ignore")  # of fits cut short on purpose
    data = fit.read(fit.data_folder())
    Z = standardized(data)
    lines = [
        "# What a fit costs",
        "",
        "Written by `python bench/peers.py --markdown docs/fit.md`, which says how it is measured.",
        "",
        f"CIFAR-10, 50 000 x 3072 pixels, CPU seconds of one thread: to {TARGET:.0%} test accuracy, and how many times",
        "fastlin's that is; the accuracy at a peer's end, its seconds to there, fastlin's to the same accuracy, and",
        "how many times.",
        "",
        "| | s to 40 % | times | its end | s | fastlin's s | times | wanted |",
        "|---|---|---|---|---|---|---|---|",
    ]
    mine = min((run(ours(*data), np.inf) for _ in range(3)), key=lambda row: row.seconds)
    lines.append(
        f"| fastlin SoftmaxClassifier | {mine.seconds_to(TARGET):.2f} | 1 | {mine.accuracy:.2%} | {mine.seconds:.2f} "
        f"| {mine.seconds:.2f} | 1 | |"
    )
    print("\n".join(lines), flush=True)
    for name in arguments.only:
        try:
            lines.append(line(name, run(PEERS[name](*Z), arguments.limit), mine))
        except ImportError as error:
            lines.append(f"| {name} | skipped: {error} | | | | | | |")
        print(lines[-1], flush=True)
    more = ["", "> : ended by --limit."] if any("> " in row for row in lines) else []
    if ended:
        more += ["", to_its_optimum(data, Z[0])]
    more += ["", f"Peak memory of fastlin's fit beyond X: {peak_memory():.0f} MiB (wanted: under 64)."]
    print("\n".join(more))
    if arguments.markdown:
        arguments.markdown.write_text("\n".join([*lines, *more, ""]))


if __name__ == "__main__":
    fix_threads(1)
    main()
