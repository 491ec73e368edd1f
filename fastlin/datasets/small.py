"""The data set that comes with the library."""

from __future__ import annotations

from importlib import resources

from fastlin.datasets._dataset import Dataset
from fastlin.datasets.arrays import read_npz


def load_fashion_mnist_small() -> Dataset:
    """A tenth of Fashion-MNIST: photographs of clothes, 28 x 28 grey pixels, ten kinds.

    The first 600 images of each class for training and the first 100 for testing, in the order they were published in.
    Fashion-MNIST is (c) 2017 Zalando SE, under the MIT licence; see NOTICE.

    Returns
    -------
    Dataset
        X_train uint8 (6000, 28, 28, 1), X_test uint8 (1000, 28, 28, 1), labels int64 0..9 with their class names.

    Examples
    --------
    >>> data = load_fashion_mnist_small()
    >>> data
    <Dataset fashion-mnist-small: 6000 rows of uint8 (28, 28, 1), 1000 to test>
    >>> data.class_names[int(data.y_train[0])]
    'Ankle boot'

    References
    ----------
    Xiao, Rasul, Vollgraf: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms.
    arXiv:1708.07747.
    """
    file = resources.files("fastlin.datasets") / "data" / "fashion_mnist_small.npz"
    with file.open("rb") as stream:
        return read_npz(stream, "fashion-mnist-small", "the bundled fashion_mnist_small.npz")
