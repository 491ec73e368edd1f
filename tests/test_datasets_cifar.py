"""CIFAR-10 and CIFAR-100 in every published form, and what is none of them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import published
import pytest
from published import N_IMAGES, cifar10_files, cifar100_files, tar, tar_gz, write_folder
from strategies import LEVELS

from fastlin import config, datasets
from fastlin._core.planes import interleave
from fastlin.datasets import DatasetError, load_cifar10, load_cifar100

REAL = datasets.data_home()


@pytest.fixture(autouse=True)
def small(monkeypatch, request):
    if "real" not in request.node.name:
        published.shrink(monkeypatch)


@pytest.fixture(scope="module")
def ten():
    return cifar10_files()


@pytest.fixture(scope="module")
def hundred():
    return cifar100_files()


def as_hwc(X):
    return X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def check_ten(data, ten):
    _, _, X, y = ten
    assert data.name == "cifar10" and data.layout == "hwc"
    assert data.X_train.dtype == data.X_test.dtype == np.uint8 and data.X_train.flags.c_contiguous
    np.testing.assert_array_equal(data.X_train, as_hwc(X[:5]))
    np.testing.assert_array_equal(data.X_test, as_hwc(X[5]))
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    np.testing.assert_array_equal(data.y_train, y[:5].ravel())
    np.testing.assert_array_equal(data.y_test, y[5])
    assert data.class_names == tuple(f"kind {k}" for k in range(10))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("pixels", [1, 5, 15, 16, 17, 63, 64, 65, 1024])
def test_interleaving_planes_is_a_transposition(level, pixels):
    records = np.random.default_rng(pixels).integers(0, 256, (5, 3 * pixels + 7), np.uint8)
    for first in (0, 1, 7):
        out = np.full((7, pixels, 3), 9, np.uint8)
        with config.use_simd_level(level):
            interleave(records, first, out[1:6])
        wanted = records[:, first : first + 3 * pixels].reshape(5, 3, pixels).transpose(0, 2, 1)
        np.testing.assert_array_equal(out[1:6], wanted)
        assert np.all(out[[0, 6]] == 9)  # nothing beside it is written


def test_interleaving_refuses_what_does_not_fit():
    for records, first, out in [((4, 12), 1, (4, 4, 3)), ((4, 12), 0, (5, 4, 3)), ((4, 12), 0, (4, 6, 2))]:
        with pytest.raises(AssertionError):
            interleave(np.zeros(records, np.uint8), first, np.zeros(out, np.uint8))


@pytest.mark.parametrize("python", [False, True], ids=["binary", "python"])
def test_every_form_of_cifar10(tmp_path, ten, python, monkeypatch):
    files, folder = ten[python], ("cifar-10-batches-py" if python else "cifar-10-batches-bin")
    archive = "cifar-10-python.tar.gz" if python else "cifar-10-binary.tar.gz"
    write_folder(tmp_path / "a" / folder, files)
    for path in (tmp_path / "a" / folder, tmp_path / "a"):
        check_ten(load_cifar10(path), ten)
    (tmp_path / "b").mkdir()
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        (tmp_path / "b" / archive).write_bytes(tar_gz({"readme.html": b"<p>" * 300, **files}, folder, form))
        check_ten(load_cifar10(tmp_path / "b" / archive), ten)
    (tmp_path / "cifar-10.tar").write_bytes(tar(dict(reversed(files.items())), folder))
    check_ten(load_cifar10(str(tmp_path / "cifar-10.tar")), ten)
    for place in ("a", "b"):
        monkeypatch.setenv("FASTLIN_DATA", str(tmp_path / place))
        check_ten(load_cifar10(), ten)
    before = sorted(tmp_path.rglob("*"))
    for name in ("cifar10", tmp_path / "a" / folder, tmp_path / "b" / archive, tmp_path / "cifar-10.tar"):
        check_ten(datasets.load(name), ten)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked


@pytest.mark.parametrize("python", [False, True], ids=["binary", "python"])
@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_every_form_of_cifar100(tmp_path, hundred, python, labels, monkeypatch):
    _, _, X, fine, coarse = hundred
    files, folder = hundred[python], ("cifar-100-python" if python else "cifar-100-binary")
    write_folder(tmp_path / folder, files)
    (tmp_path / f"{folder}.tar.gz").write_bytes(tar_gz(files, folder))
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path))
    y = fine if labels == "fine" else coarse
    for path in (None, tmp_path / folder, tmp_path / f"{folder}.tar.gz"):
        data = load_cifar100(path, labels)
        np.testing.assert_array_equal(data.X_train, as_hwc(X[0]))
        np.testing.assert_array_equal(data.X_test, as_hwc(X[1]))
        np.testing.assert_array_equal(data.y_train, y[0])
        np.testing.assert_array_equal(data.y_test, y[1])
        assert len(data.class_names) == (100 if labels == "fine" else 20)
        assert data.class_names[3] == ("kind 3" if labels == "fine" else "group 3")
    for name in ("cifar100", tmp_path / folder, tmp_path / f"{folder}.tar.gz"):
        assert datasets.load(name).name == "cifar100"


@pytest.mark.parametrize("python", [False, True])
def test_planar_images_when_asked_for(tmp_path, ten, python):
    data = load_cifar10(write_folder(tmp_path, ten[python]), layout="chw")
    assert data.layout == "chw" and data.X_train.flags.c_contiguous
    np.testing.assert_array_equal(data.X_train, ten[2][:5].reshape(-1, 3, 32, 32))


def test_arguments(tmp_path):
    with pytest.raises(ValueError, match="layout is 'nchw'; wanted is 'hwc' or 'chw'"):
        load_cifar10(tmp_path, layout="nchw")
    with pytest.raises(ValueError, match="labels is 'all'; wanted is 'fine' or 'coarse'"):
        load_cifar100(tmp_path, "all")


def test_what_is_not_there(tmp_path, monkeypatch, ten):
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"CIFAR-10 is not in '.*'; fastlin\.datasets\.fetch_cifar10\(\)"):
        load_cifar10()
    with pytest.raises(FileNotFoundError, match=r"fetch_cifar100\(\)"):
        datasets.load("cifar100")
    with pytest.raises(FileNotFoundError, match="there is nothing there"):
        load_cifar10(tmp_path / "no")
    files = dict(ten[0])
    del files["data_batch_3.bin"], files["batches.meta.txt"]
    with pytest.raises(DatasetError, match=r"is no whole CIFAR-10: data_batch_3.bin, batches.meta.txt is missing"):
        load_cifar10(write_folder(tmp_path / "part", files))
    (tmp_path / "part.tar.gz").write_bytes(tar_gz(files))
    with pytest.raises(DatasetError, match=r"part.tar.gz' is no whole CIFAR-10: data_batch_3.bin"):
        load_cifar10(tmp_path / "part.tar.gz")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data_batch_2.bin", lambda b: b[:-1], r"data_batch_2.bin', byte 0: .* has 21510 bytes; wanted is 21511"),
        ("data_batch_2.bin", lambda b: b + b"0", "has 21512 bytes; wanted is 21511"),
        ("data_batch_2.bin", lambda b: b"", "has 0 bytes"),
        ("data_batch_2.bin", gzip.compress, "the file is compressed"),
        ("data_batch_2.bin", lambda b: b[:6146] + b"\x0a" + b[6147:], "byte 6146: label 10; wanted is 0 to 9"),
        ("batches.meta.txt", lambda b: b[7:], "holds 9 class names; wanted is 10"),
        ("batches.meta.txt", lambda b: b * 300, "the file of class names has"),
    ],
)  # fmt: skip
def test_binary_files_that_are_not_the_published_ones(tmp_path, ten, name, change, message):
    files = {**ten[0], name: change(ten[0][name])}
    with pytest.raises(DatasetError, match=message) as caught:
        load_cifar10(write_folder(tmp_path, files))
    assert name in str(caught.value)


def test_python_files_that_are_not_the_published_ones(tmp_path, ten):
    good = {b"labels": [1] * N_IMAGES, b"data": ten[2][1]}
    for bad, message in [
        ({**good, b"data": ten[2][1][:-1]}, "'data' is no array of 7 images"),
        ({**good, b"data": [1] * N_IMAGES}, "'data' is no array"),
        ({b"labels": [1] * N_IMAGES}, "'data' is no array"),
        ({**good, b"labels": [1] * 6}, "'labels' is no list of 7 labels below 10"),
        ({**good, b"labels": [10] * N_IMAGES}, "'labels' is no list"),
        ({**good, b"labels": [b"1"] * N_IMAGES}, "'labels' is no list"),
        ({**good, b"filenames": [b"x" * 200] * 200}, "bytes, too many for 7 images"),
    ]:
        files = {**ten[1], "data_batch_2": published.Python2Pickle().dump(bad)}
        with pytest.raises(DatasetError, match=message) as caught:
            load_cifar10(write_folder(tmp_path, files))
        assert "data_batch_2'" in str(caught.value)


def member(name: str, content: bytes = b"", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    block = info.tobuf(tarfile.USTAR_FORMAT)
    return block + content + bytes(-len(content) % 512)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (member("../../etc/passwd", b"x"), r"byte 0: '../../etc/passwd' leads out of the archive"),
        (member("/etc/passwd", b"x"), "leads out of the archive"),
        (member("a/../../b", b"x"), "leads out of the archive"),
        (member("..\\b", b"x"), "leads out of the archive"),
        (member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "'a' is neither a file nor a folder"),
        (member("a", type=tarfile.LNKTYPE, linkname="b"), "'a' is neither a file nor a folder"),
        (member("a", type=tarfile.CHRTYPE), "'a' is neither a file nor a folder"),
        (member("a", type=tarfile.GNUTYPE_LONGNAME), "'a' is neither a file nor a folder"),
        (member("a", size=1 << 32), "'a' has 4294967296 bytes; wanted is at most"),
        (member("a", b"15 path=../b\n12 a", type=tarfile.XHDTYPE), "an extended header changes the path or size"),
        (member("a", bytes(1 << 17), type=tarfile.XHDTYPE), "an extended header has 131072 bytes"),
        (member("data_batch_1.bin", b"1234"), "data_batch_1.bin has 4 bytes; wanted is 21511"),
        (b"\x01" * 512, "no tar header: its checksum is wrong"),
        (member("a").replace(b"ustar", b"mutar"), "its checksum is wrong"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_archives_that_are_hostile(tmp_path, ten, first, message, packed):
    content = first + tar(ten[0])
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_cifar10(path)
    assert "cifar-10-binary.tar.gz', " in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_that_swells(tmp_path, monkeypatch, ten):
    from fastlin.datasets import _tar

    monkeypatch.setattr(_tar, "_MOST_BYTES", 1 << 20)
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(gzip.compress(tar(ten[0]) + bytes(1 << 22)))  # padding without end
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DatasetError, match="the archive is longer than 1048576 bytes"):
        load_cifar10(path)
    monkeypatch.setattr(_tar, "_MOST_MEMBERS", 5)
    with pytest.raises(DatasetError, match="more than 5 members"):
        load_cifar10(path)


def test_archives_that_are_damaged(tmp_path, ten):
    path = tmp_path / "cifar-10-binary.tar.gz"
    whole = tar_gz(ten[0])
    for length in [0, 1, 3, 17, 600, *range(5000, len(whole), 16301), len(whole) - 9, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DatasetError, match=r"cifar-10-binary.tar.gz', (decompressed )?byte \d+: "):
            load_cifar10(path)
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])  # another checksum
    with pytest.raises(DatasetError, match="no sound gzip: CRC check failed"):
        load_cifar10(path)
    path.write_bytes(gzip.compress(tar(ten[0]) + b"more"))
    with pytest.raises(DatasetError, match="goes on after its end"):
        load_cifar10(path)
    members = tar(ten[0]).rstrip(b"\0")
    members += bytes(-len(members) % 512)
    path.write_bytes(gzip.compress(members + tar({"data_batch_1.bin": ten[0]["data_batch_1.bin"]})))
    with pytest.raises(DatasetError, match=r"data_batch_1.bin is there twice"):
        load_cifar10(path)


def test_bytes_changed_at_random_are_read_or_refused(tmp_path, ten):
    rng = np.random.default_rng(0)
    path = tmp_path / "cifar-10.tar"
    for python in (False, True):
        whole = np.frombuffer(tar(ten[python]), np.uint8)
        heads = np.flatnonzero(whole)
        refused = 0
        for _ in range(60):
            content = whole.copy()
            content[rng.choice(heads, 20)] = rng.integers(0, 256, 20)
            start = 512 * rng.integers(0, 3)
            content[start + rng.integers(0, 512, 3)] = rng.integers(0, 256, 3)
            path.write_bytes(content.tobytes())
            try:
                assert load_cifar10(path).X_train.shape == (5 * N_IMAGES, 32, 32, 3)
            except DatasetError as error:
                assert "cifar-10.tar'" in str(error)
                refused += 1
        assert refused > 20


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    writer = os.open(tmp_path / "train-images-idx3-ubyte", os.O_RDWR)  # so that opening it does not wait
    try:
        with pytest.raises(DatasetError, match="is no regular file"):
            datasets.load_idx(tmp_path / "train-images-idx3-ubyte")
    finally:
        os.close(writer)


@pytest.mark.skipif(not (REAL / "cifar-10-batches-bin").is_dir(), reason="CIFAR-10 is not in the cache")
def test_the_real_files():
    data = load_cifar10()
    assert data.X_train.shape == (50000, 32, 32, 3) and data.X_test.shape == (10000, 32, 32, 3)
    assert np.bincount(data.y_train).tolist() == [5000] * 10 and np.bincount(data.y_test).tolist() == [1000] * 10
    # The published means of the training pixels by colour.
    means = data.X_train.reshape(len(data.X_train), -1).mean(0).reshape(-1, 3).mean(0)
    np.testing.assert_allclose(means, [125.307, 122.950, 113.865], atol=1e-3)
    assert data.y_train[:5].tolist() == [6, 9, 9, 4, 1] and data.class_names[6] == "frog"
    if (REAL / "cifar-10-batches-py").is_dir():
        other = load_cifar10(REAL / "cifar-10-batches-py")
        for key in ("X_train", "y_train", "X_test", "y_test"):
            assert np.array_equal(getattr(data, key), getattr(other, key))
        assert data.class_names == other.class_names


def test_the_writer_of_these_tests_writes_what_python_reads(ten):
    # Otherwise the tests would read their own mistakes: the standard pickle and tarfile agree with the writers.
    import pickle

    content = pickle.loads(ten[1]["data_batch_1"], encoding="bytes")
    np.testing.assert_array_equal(content[b"data"], ten[2][0])
    assert content[b"labels"] == ten[3][0].tolist() and len(content[b"filenames"]) == N_IMAGES
    assert pickle.loads(ten[1]["batches.meta"], encoding="bytes")[b"label_names"][2] == b"kind 2"
    with tarfile.open(fileobj=io.BytesIO(tar_gz(ten[0]))) as archive:
        assert len(archive.getnames()) == 8
    assert Path(published.__file__).name == "published.py"
