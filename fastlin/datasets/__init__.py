"""Data sets: published ones, a user's own files, toy sets, and one small real one that comes with the library.

A data set is rows and labels, split for training and testing or not. Nothing here knows of models. docs/datasets.md
says where each comes from and under which licence.
"""

from __future__ import annotations

from fastlin.datasets._dataset import Dataset, DatasetError
from fastlin.datasets._home import data_home
from fastlin.datasets._load import NAMES, load
from fastlin.datasets.arrays import load_npy, load_npz
from fastlin.datasets.cifar import load_cifar10, load_cifar100
from fastlin.datasets.fetch import fetch_cifar10, fetch_cifar100, fetch_fashion_mnist, fetch_mnist
from fastlin.datasets.folder import load_image_folder
from fastlin.datasets.idx import load_fashion_mnist, load_idx, load_mnist
from fastlin.datasets.libsvm import load_libsvm
from fastlin.datasets.small import load_fashion_mnist_small
from fastlin.datasets.toy import make_bars, make_blobs, make_ring, make_spirals, make_xor

__all__ = [
    "NAMES",
    "Dataset",
    "DatasetError",
    "data_home",
    "fetch_cifar10",
    "fetch_cifar100",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "load",
    "load_cifar10",
    "load_cifar100",
    "load_fashion_mnist",
    "load_fashion_mnist_small",
    "load_idx",
    "load_image_folder",
    "load_libsvm",
    "load_mnist",
    "load_npy",
    "load_npz",
    "make_bars",
    "make_blobs",
    "make_ring",
    "make_spirals",
    "make_xor",
]
