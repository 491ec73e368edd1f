"""Make data/fashion_mnist_small.npz from the four published IDX files of Fashion-MNIST.

    python make_fashion_mnist_small.py FOLDER

FOLDER holds train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
t10k-labels-idx1-ubyte.gz. The first 600 training and 100 test images of each class are taken, in the published order.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in a gzipped IDX file: two zeros, type 8, how many axes, their lengths, the bytes."""
    content = gzip.decompress(path.read_bytes())
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is no IDX file of unsigned bytes")
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Row numbers, in order, of the first `count` of each class."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(len(CLASS_NAMES))]))


def main(arguments: list[str]) -> None:
    """Write the file beside this script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the four files, as published")
    folder = parser.parse_args(arguments).folder
    arrays = {}
    for split, prefix, count in (("train", "train", 600), ("test", "t10k", 100)):
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        rows = first_of_each_class(labels, count)
        arrays[f"X_{split}"] = images[rows][..., None]
        arrays[f"y_{split}"] = labels[rows].astype(np.int64)
    target = Path(__file__).parent / "data" / "fashion_mnist_small.npz"
    np.savez_compressed(target, class_names=np.array(CLASS_NAMES), **arrays)
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
