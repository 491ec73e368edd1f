"""Print what loading CIFAR-10 costs beside a plain read of the bytes.

    python bench/loading.py

One thread, CPU time, files in the page cache, calls taking turns; the shortest of each. Files of the published size and
layout are written to a temporary folder (360 MB) with random pixels: time does not depend on them, but for the archive,
whose compression does, and which is left out here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threads import fix_threads

from fastlin.benchmark.timing import interleaved
from fastlin.datasets import load_cifar10, load_libsvm
from fastlin.datasets.cifar import CIFAR10, IMAGE_BYTES

PLAIN = "plain read"
# Loading may take this many times a plain read of the same bytes.
MOST_RATIO = 2.0


def write_cifar10(folder: Path) -> None:
    """The binary version, with random pixels and labels."""
    rng = np.random.default_rng(0)
    for part in CIFAR10.parts:
        records = rng.integers(0, 256, (part.n_images, 1 + IMAGE_BYTES), np.uint8)
        records[:, 0] %= 10
        records.tofile(folder / part.binary)
    (folder / "batches.meta.txt").write_text("\n".join(f"kind {k}" for k in range(10)))


def write_libsvm(path: Path, n: int, d: int) -> None:
    """`n` rows of `d` features, a fifth of them not 0, as MNIST has."""
    rng = np.random.default_rng(1)
    with open(path, "w") as file:
        for label in rng.integers(0, 10, n):
            columns = np.flatnonzero(rng.random(d) < 0.2)
            values = rng.integers(1, 256, len(columns))
            file.write(f"{label} " + " ".join(f"{j + 1}:{v}" for j, v in zip(columns, values, strict=True)) + "\n")


def read_plain(folder: Path) -> list[np.ndarray]:
    """All bytes, kept, as little as a loader can do."""
    return [np.fromfile(folder / part.binary, np.uint8) for part in CIFAR10.parts]


def read_by_numpy(folder: Path) -> list[np.ndarray]:
    """What one writes without this library: planes to pixels by a transposed copy."""
    records = [part.reshape(-1, 1 + IMAGE_BYTES) for part in read_plain(folder)]
    return [np.ascontiguousarray(part[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)) for part in records]


def calls_of(folder: Path) -> dict[str, Callable[[], Any]]:
    """What is timed, once its answer is known to be right."""
    loaded = load_cifar10(folder)
    by_numpy = read_by_numpy(folder)
    assert np.array_equal(loaded.X_train, np.concatenate(by_numpy[:5])) and np.array_equal(loaded.X_test, by_numpy[5])
    return {
        PLAIN: lambda: read_plain(folder),
        "load_cifar10": lambda: load_cifar10(folder),
        'load_cifar10, layout="chw"': lambda: load_cifar10(folder, layout="chw"),
        "NumPy, transposed copy": lambda: read_by_numpy(folder),
    }


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cifar10(folder)
        seconds = interleaved(calls_of(folder), seconds=20.0)
        n_bytes = sum((folder / part.binary).stat().st_size for part in CIFAR10.parts)
        for call, taken in seconds.items():
            ratio = taken / seconds[PLAIN]
            print(f"{call:30} {taken * 1e3:6.0f} ms  {n_bytes / taken / 1e9:5.1f} GB/s  {ratio:5.2f} x")
        text = folder / "rows.svm"
        write_libsvm(text, 4000, 784)
        calls: dict[str, Callable[[], Any]] = {"load_libsvm": lambda: load_libsvm(text)}
        try:
            from sklearn.datasets import load_svmlight_file
        except ImportError:
            pass
        else:
            calls["scikit-learn, made dense"] = lambda: load_svmlight_file(str(text), dtype=np.float32)[0].toarray()
        for call, taken in interleaved(calls).items():
            print(f"{call:30} {taken * 1e3:6.0f} ms  {text.stat().st_size / taken / 1e6:5.0f} MB/s")
    return int(seconds["load_cifar10"] > MOST_RATIO * seconds[PLAIN])


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main(sys.argv[1:]))
