"""Downloads of published data sets, by pooch, into the folder that the loaders look in.

A file is written under a temporary name, compared with its SHA-256, and renamed; one that is cut short, larger than any
of these or not the published one leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

from fastlin import _terminal
from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets._home import folder_of
from fastlin.datasets.cifar import load_cifar10, load_cifar100
from fastlin.datasets.idx import load_fashion_mnist, load_mnist

# The SHA-256 of the files as their authors publish them. CIFAR's page gives MD5 sums, of these same files.
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
CIFAR10 = {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}
CIFAR100 = {"cifar-100-binary.tar.gz": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}
# The first publisher's server often refuses; this copy is kept for PyTorch.
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
# The largest of these files has 170 MB.
MOST_BYTES = 1 << 28
# Seconds without a byte.
_TIMEOUT = 30


def fetch_cifar10(
    path: str | os.PathLike[str] | None = None, *, mirror: str | None = None, progress: bool | None = None
) -> Dataset:
    """Load CIFAR-10, downloading it (170 MB) if it is not there yet.

    Parameters
    ----------
    path : path, optional
        The folder to look in and write to; default: `data_home`.
    mirror : str, optional
        URL of a folder that holds the same file; default: the authors' page.
    progress : bool, optional
        Whether a bar shows on stderr; default: where that is a terminal.

    Returns
    -------
    Dataset
        As of `load_cifar10`.

    Raises
    ------
    ImportError
        When there is something to download, without pooch: ``pip install 'fastlin[data]'``.
    OSError
        When the download fails.
    DatasetError
        When what comes is not the published file.
    """
    folder = folder_of(path)
    try:
        return load_cifar10(path)
    except FileNotFoundError:
        _download(folder, mirror or CIFAR_URL, CIFAR10, progress)
    return load_cifar10(folder)


def fetch_cifar100(
    path: str | os.PathLike[str] | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    *,
    mirror: str | None = None,
    progress: bool | None = None,
) -> Dataset:
    """Load CIFAR-100, downloading it (169 MB) if it is not there yet.

    Parameters, result and errors are those of `fetch_cifar10`; `labels` is that of `load_cifar100`.
    """
    folder = folder_of(path)
    try:
        return load_cifar100(path, labels)
    except FileNotFoundError:
        _download(folder, mirror or CIFAR_URL, CIFAR100, progress)
    return load_cifar100(folder, labels)


def fetch_mnist(
    path: str | os.PathLike[str] | None = None, *, mirror: str | None = None, progress: bool | None = None
) -> Dataset:
    """Load MNIST, downloading what is missing of its four files (12 MB).

    Parameters, result and errors are those of `fetch_cifar10`, with `load_mnist`; the default folder is ``mnist`` in
    `data_home`.
    """
    folder = folder_of(path, "mnist")
    try:
        return load_mnist(folder)
    except FileNotFoundError:
        _download(folder, mirror or MNIST_URL, MNIST, progress)
    return load_mnist(folder)


def fetch_fashion_mnist(
    path: str | os.PathLike[str] | None = None, *, mirror: str | None = None, progress: bool | None = None
) -> Dataset:
    """Load Fashion-MNIST, downloading what is missing of its four files (31 MB).

    Parameters, result and errors are those of `fetch_cifar10`, with `load_fashion_mnist`; the default folder is
    ``fashion-mnist`` in `data_home`.
    """
    folder = folder_of(path, "fashion-mnist")
    try:
        return load_fashion_mnist(folder)
    except FileNotFoundError:
        _download(folder, mirror or FASHION_URL, FASHION_MNIST, progress)
    return load_fashion_mnist(folder)


class _Bounded:
    """A file that takes no more than `MOST_BYTES`: who serves something else may serve it for ever."""

    def __init__(self, file: IO[bytes], url: str) -> None:
        self._file, self._url, self._left = file, url, MOST_BYTES

    def write(self, content: bytes) -> int:
        self._left -= len(content)
        if self._left < 0:
            raise DatasetError(f"{self._url} is larger than {MOST_BYTES} bytes; wanted is the published file")
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


def _download(folder: Path, base: str, sums: Mapping[str, str], progress: bool | None) -> None:
    try:
        import pooch  # type: ignore[import-untyped]
        import requests
    except ImportError as error:
        raise ImportError(
            f"{', '.join(sums)} is not in {os.fspath(folder)!r}, and downloading needs pooch: "
            "pip install 'fastlin[data]'"
        ) from error
    bar = _terminal.has_bar() if progress is None else progress
    get = pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT)

    def bounded(url: str, output: str, manager: Any) -> None:
        with open(output, "wb") as file:
            get(url, _Bounded(file, url), manager)

    for name, sha256 in sums.items():
        url = base.rstrip("/") + "/" + name
        if (folder / name).exists():
            continue
        try:
            pooch.retrieve(url, f"sha256:{sha256}", name, folder, downloader=bounded)
        except requests.exceptions.RequestException as error:
            raise OSError(f"{url} cannot be downloaded: {error}") from error
        except DatasetError:
            raise
        except ValueError as error:  # pooch's word for another checksum
            raise DatasetError(f"{url} is not the published file: {error}") from error
