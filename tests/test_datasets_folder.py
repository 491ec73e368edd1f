"""Folders of image files by class."""

from __future__ import annotations

import struct
import sys
import zlib

import numpy as np
import pytest

from fastlin import datasets
from fastlin.datasets import DatasetError, load_image_folder
from fastlin.datasets import folder as module

Image = pytest.importorskip("PIL.Image")


def pixels(seed: int, height: int = 5, width: int = 4, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def save(path, array: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.squeeze()).save(path, **options)


def test_a_folder_a_class(tmp_path):
    for k, name in enumerate(["dog/2.png", "dog/10.bmp", "cat/x.PNG", "cat/y.tiff", "cat/z.ppm", "cat/w.webp"]):
        save(tmp_path / name, pixels(k), **({"lossless": True} if name.endswith("webp") else {}))
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"no image")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".git").mkdir()
    data = load_image_folder(tmp_path)
    assert data.class_names == ("cat", "dog") and data.y_train.tolist() == [0, 0, 0, 0, 1, 1]
    assert data.y_train.dtype == np.int64 and data.layout == "hwc" and data.name == tmp_path.name
    assert data.X_train.dtype == np.uint8 and data.X_train.flags.c_contiguous
    # Sorted by class, then by name: w, x, y, z; 10, 2.
    np.testing.assert_array_equal(data.X_train, np.stack([pixels(k) for k in (5, 2, 3, 4, 1, 0)]))
    np.testing.assert_array_equal(datasets.load(tmp_path).X_train, data.X_train)


def test_train_and_test(tmp_path):
    for k, name in enumerate(["train/a/1.png", "train/b/1.png", "train/b/2.png", "test/a/1.png", "test/b/1.png"]):
        save(tmp_path / name, pixels(k))
    data = datasets.load(tmp_path)
    assert data.y_train.tolist() == [0, 1, 1] and data.y_test.tolist() == [0, 1] and data.class_names == ("a", "b")
    np.testing.assert_array_equal(data.X_test, np.stack([pixels(3), pixels(4)]))
    save(tmp_path / "test/b/0.png", pixels(9, 6))
    with pytest.raises(DatasetError, match=r"0.png' has 6 x 4 pixels; wanted is 5 x 4"):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path, (3, 3)).X_test.shape == (3, 3, 3, 3)
    save(tmp_path / "test/c/1.png", pixels(0))
    with pytest.raises(DatasetError, match="train and test hold other classes"):
        load_image_folder(tmp_path)


def test_images_without_classes_have_no_labels(tmp_path):
    save(tmp_path / "b.png", pixels(1))
    save(tmp_path / "a.png", pixels(0))
    data = datasets.load(tmp_path)
    assert data.y_train is None and data.class_names is None
    np.testing.assert_array_equal(data.X_train, np.stack([pixels(0), pixels(1)]))


def test_sizes_and_colours(tmp_path):
    save(tmp_path / "a/1.png", pixels(0))
    save(tmp_path / "a/2.png", pixels(1, 8, 4))
    with pytest.raises(DatasetError, match=r"2.png' has 8 x 4 pixels; wanted is 5 x 4, as '.*1.png'.* size=\(5, 4\)"):
        load_image_folder(tmp_path)
    data = load_image_folder(tmp_path, (5, 4))
    np.testing.assert_array_equal(data.X_train[0], pixels(0))
    wanted = Image.fromarray(pixels(1, 8, 4)).resize((4, 5), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(data.X_train[1], np.asarray(wanted))
    grey = load_image_folder(tmp_path, (7, 2), color="grey").X_train
    assert grey.shape == (2, 7, 2, 1)
    np.testing.assert_array_equal(load_image_folder(tmp_path, (7, 2), color="gray").X_train, grey)
    with pytest.raises(TypeError, match=r"size is 7; wanted is \(height, width\)"):
        load_image_folder(tmp_path, 7)
    with pytest.raises(TypeError, match=r"size is \('7', '2'\); wanted is \(height, width\)"):
        load_image_folder(tmp_path, ("7", "2"))
    with pytest.raises(ValueError, match="color is 'bgr'"):
        load_image_folder(tmp_path, color="bgr")
    for size in ((0, 3), (3,), (1 << 14, 1 << 14)):
        with pytest.raises(ValueError, match="size is"):
            load_image_folder(tmp_path, size)


def test_modes_of_pixels(tmp_path):
    grey = pixels(0, channels=1)
    save(tmp_path / "m/1.png", grey)
    save(tmp_path / "m/2.png", pixels(1, channels=4))
    Image.fromarray(pixels(2)).quantize(200).save(tmp_path / "m/3.png")
    X = load_image_folder(tmp_path).X_train
    np.testing.assert_array_equal(X[0], np.repeat(grey, 3, 2))
    np.testing.assert_array_equal(X[1], pixels(1, channels=4)[..., :3])
    assert X.shape == (3, 5, 4, 3)
    save(tmp_path / "m/4.png", pixels(3, channels=1).astype(np.uint16))
    with pytest.raises(DatasetError, match=r"4.png' has pixels of mode I;16; wanted is 8 bits a channel"):
        load_image_folder(tmp_path)


def test_photographs_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    save(tmp_path / "m/1.png", pixels(0), exif=exif)
    np.testing.assert_array_equal(load_image_folder(tmp_path).X_train[0], np.rot90(pixels(0), -1))


def png_of(width: int, height: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", "cannot be read as an image"),
        ("a.png", b"hello", "cannot be read as an image"),
        ("a.png", png_of(4, 5, b"\0" * 30), "cannot be read as an image"),
        ("a.png", png_of(1 << 14, 1 << 13), "claims 16384 x 8192 pixels; wanted is 67108864 at most"),
        ("a.png", png_of(1 << 15, 1 << 15), "cannot be read as an image: .*decompression bomb|claims 32768 x 32768"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "cannot be read as an image"),
        ("a.jpg", png_of(2, 2, b"\0" * 14), "cannot be read as an image"),
    ],
)
def test_files_that_are_no_images(tmp_path, name, content, message):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_image_folder(tmp_path)
    assert name in str(caught.value)


def test_all_images_together_are_bounded(tmp_path, monkeypatch):
    for k in range(3):
        save(tmp_path / f"m/{k}.png", pixels(k))
    monkeypatch.setattr(module, "MOST_BYTES", 179)
    with pytest.raises(DatasetError, match="3 images of 5 x 4 pixels would take 180 bytes; wanted is at most 179"):
        load_image_folder(tmp_path)


def test_folders_that_hold_nothing(tmp_path):
    with pytest.raises(DatasetError, match="holds no image"):
        load_image_folder(tmp_path)
    save(tmp_path / "a/1.png", pixels(0))
    (tmp_path / "b").mkdir()
    with pytest.raises(DatasetError, match=r"b' holds no image"):
        load_image_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_image_folder(tmp_path / "no")


def test_without_pillow_it_says_how_to_get_it(tmp_path, monkeypatch):
    save(tmp_path / "a/1.png", pixels(0))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'fastlin\[image\]'"):
        load_image_folder(tmp_path)


def test_bytes_changed_at_random_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    for suffix in ("png", "jpg", "gif", "tiff", "bmp", "ppm", "webp"):
        path = tmp_path / suffix / f"a.{suffix}"
        save(path, pixels(0))
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            content = whole.copy()
            content[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
            path.write_bytes(content.tobytes()[: rng.integers(len(whole) // 2, 2 * len(whole))])
            try:
                assert load_image_folder(path.parent).X_train.dtype == np.uint8
            except DatasetError as error:
                assert f"a.{suffix}'" in str(error)
