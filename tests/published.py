"""Writers of small files in the formats that data sets are published in, byte for byte as their authors' tools."""

from __future__ import annotations

import dataclasses
import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fastlin.datasets import cifar

N_IMAGES = 7


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published files of CIFAR have `N_IMAGES` images each."""
    for name in ("CIFAR10", "CIFAR100"):
        whole = getattr(cifar, name)
        parts = tuple(part._replace(n_images=N_IMAGES) for part in whole.parts)
        monkeypatch.setattr(cifar, name, dataclasses.replace(whole, parts=parts))


class Python2Pickle:
    """What Python 2's cPickle writes under protocol 2: every container and string memorised, lists 1000 at a time."""

    def __init__(self) -> None:
        self.out = io.BytesIO()
        self.out.write(b"\x80\x02")
        self.n_memorised = 0

    def memorise(self) -> None:
        self.n_memorised += 1
        small = self.n_memorised < 256
        self.out.write(b"q" + bytes([self.n_memorised]) if small else b"r" + struct.pack("<I", self.n_memorised))

    def text(self, value: bytes) -> None:
        short = len(value) < 256
        self.out.write(b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value)))
        self.out.write(value)
        self.memorise()

    def integer(self, value: int) -> None:
        if 0 <= value < 256:
            self.out.write(b"K" + bytes([value]))
        elif 0 <= value < 65536:
            self.out.write(b"M" + struct.pack("<H", value))
        else:
            self.out.write(b"J" + struct.pack("<i", value))

    def items(self, values: list) -> None:
        self.out.write(b"]")
        self.memorise()
        for start in range(0, len(values), 1000):
            self.out.write(b"(")
            for value in values[start : start + 1000]:
                self.integer(value) if isinstance(value, int) else self.text(value)
            self.out.write(b"e")

    def array(self, value: np.ndarray) -> None:
        self.out.write(b"cnumpy.core.multiarray\n_reconstruct\n")
        self.memorise()
        self.out.write(b"cnumpy\nndarray\n")
        self.memorise()
        self.out.write(b"K\x00\x85")
        self.memorise()
        self.text(b"b")
        self.out.write(b"\x87")
        self.memorise()
        self.out.write(b"R")
        self.memorise()
        self.out.write(b"(K\x01")
        self.integer(value.shape[0])
        self.integer(value.shape[1])
        self.out.write(b"\x86")
        self.memorise()
        self.out.write(b"cnumpy\ndtype\n")
        self.memorise()
        self.text(b"u1")
        self.out.write(b"K\x00K\x01\x87")
        self.memorise()
        self.out.write(b"R")
        self.memorise()
        self.out.write(b"(K\x03")
        self.text(b"|")
        self.out.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t")
        self.memorise()
        self.out.write(b"b\x89")
        self.text(value.tobytes())
        self.out.write(b"t")
        self.memorise()
        self.out.write(b"b")

    def dump(self, content: dict[bytes, object]) -> bytes:
        self.out.write(b"}")
        self.memorise()
        self.out.write(b"(")
        for key, value in content.items():
            self.text(key)
            if isinstance(value, np.ndarray):
                self.array(value)
            elif isinstance(value, list):
                self.items(value)
            elif isinstance(value, bytes):
                self.text(value)
            else:
                assert isinstance(value, int)
                self.integer(value)
        self.out.write(b"u.")
        return self.out.getvalue()


def protocol_0(content: dict[bytes, object]) -> bytes:
    """What Python 2's cPickle writes under protocol 0."""
    out, n = "(dp1\n", 1
    for key, value in content.items():
        n += 1
        out += f"S{key.decode()!r}\np{n}\n"
        if isinstance(value, int):
            out += f"I{value}\ns"
            continue
        assert isinstance(value, list)
        n += 1
        out += f"(lp{n}\n"
        for item in value:
            n += 1
            out += f"S{item.decode()!r}\np{n}\na"
        out += "s"
    return (out + ".").encode()


def images(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (N_IMAGES, 3072), np.uint8)


def cifar10_files() -> tuple[dict[str, bytes], dict[str, bytes], np.ndarray, np.ndarray]:
    """Binary and Python version by file name, and what is in them: images (6 files, 7, 3072), labels (6, 7)."""
    X = np.stack([images(seed) for seed in range(6)])
    y = np.arange(6 * N_IMAGES).reshape(6, N_IMAGES) * 3 % 10
    names = [f"kind {k}".encode() for k in range(10)]
    stems = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    binary = {"batches.meta.txt": b"\n".join(names) + b"\n\n"}
    python = {"batches.meta": protocol_0({b"num_cases_per_batch": 10000, b"label_names": names, b"num_vis": 3072})}
    for stem, part, labels in zip(stems, X, y, strict=True):
        binary[f"{stem}.bin"] = np.column_stack((labels.astype(np.uint8), part)).tobytes()
        python[stem] = Python2Pickle().dump({
            b"batch_label": stem.encode(), b"labels": labels.tolist(), b"data": part,
            b"filenames": [b"image_%d.png" % k for k in range(N_IMAGES)],
        })  # fmt: skip
    return binary, python, X, y


def cifar100_files() -> tuple[dict[str, bytes], dict[str, bytes], np.ndarray, np.ndarray, np.ndarray]:
    """Binary and Python version by file name; images (2 files, 7, 3072), fine and coarse labels (2, 7)."""
    X = np.stack([images(10), images(11)])
    fine = np.arange(2 * N_IMAGES).reshape(2, N_IMAGES) * 7 % 100
    coarse = fine % 20
    names = {"fine": [b"kind %d" % k for k in range(100)], "coarse": [b"group %d" % k for k in range(20)]}
    binary = {f"{which}_label_names.txt": b"\n".join(lines) + b"\n" for which, lines in names.items()}
    python = {"meta": Python2Pickle().dump({f"{which}_label_names".encode(): names[which] for which in names})}
    for k, stem in enumerate(("train", "test")):
        binary[f"{stem}.bin"] = np.column_stack((coarse[k].astype(np.uint8), fine[k].astype(np.uint8), X[k])).tobytes()
        python[stem] = Python2Pickle().dump({
            b"filenames": [b"a_%d.png" % i for i in range(N_IMAGES)], b"batch_label": b"part 1 of 1",
            b"fine_labels": fine[k].tolist(), b"coarse_labels": coarse[k].tolist(), b"data": X[k],
        })  # fmt: skip
    return binary, python, X, fine, coarse


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def tar(files: dict[str, bytes], root: str = "cifar-10-batches-bin", form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        folder = tarfile.TarInfo(root)
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = len(content)
            member.mtime = 1234567890.25 if form == tarfile.PAX_FORMAT else 0  # type: ignore[assignment]
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def tar_gz(files: dict[str, bytes], root: str = "cifar-10-batches-bin", form: int = tarfile.USTAR_FORMAT) -> bytes:
    return gzip.compress(tar(files, root, form), 1)


def idx(values: np.ndarray) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def mnist_files(n: int = 9) -> dict[str, bytes]:
    rng = np.random.default_rng(5)
    return {
        "train-images-idx3-ubyte.gz": gzip.compress(idx(rng.integers(0, 256, (n, 28, 28), np.uint8))),
        "train-labels-idx1-ubyte.gz": gzip.compress(idx((np.arange(n) % 10).astype(np.uint8))),
        "t10k-images-idx3-ubyte.gz": gzip.compress(idx(rng.integers(0, 256, (4, 28, 28), np.uint8))),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(np.array([3, 0, 9, 9], np.uint8))),
    }
