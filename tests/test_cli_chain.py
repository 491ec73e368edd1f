"""`fastlin train --features` and `fastlin predict` of a folder: from image files to a verdict."""

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest

from fastlin import ImagePipeline, cli, load_model
from fastlin.datasets import make_bars

Image = pytest.importorskip("PIL.Image", reason="image files want the extra")
pytest.importorskip("scipy", reason="the solver wants the extra")
NAMES = ("lying", "standing")


@pytest.fixture
def folder(tmp_path):
    """Image files of bars, by split and class, and some that lie in no class and have another size."""
    X, y = make_bars(200, size=16)
    for k, (image, label) in enumerate(zip(X, y, strict=True)):
        place = tmp_path / "bars" / ("train" if k < 140 else "test") / NAMES[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{k:03}.png")
    (tmp_path / "some").mkdir()
    for k in range(6):
        Image.fromarray(X[k, ..., 0]).resize((48, 48)).save(tmp_path / "some" / f"{k}.png")
    return tmp_path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("model", "options", "least"),
    [
        ("m.npz", ["--features", "hog"], 90),
        ("m.safetensors", ["--features", "hog+color", "--alpha", "0.01", "--loss", "hinge"], 90),
        ("m.npz", ["--features", "hog", "--solver", "sgd", "--threads", "1"], 90),
        ("m.npz", ["--features", "raw"], 0),
    ],
)
def test_from_image_files_to_a_verdict(folder, capsys, model, options, least):
    assert run("train", "--data", folder / "bars", "--model", folder / model, *options) == 0
    out, err = capsys.readouterr()
    assert err == "" and "bars: 140 rows of uint8 16x16x3 to train on; tested on its test split" in out
    assert re.search(r"^classifier: [\d.]+ s$", out, re.M) and f"model saved to {folder / model}" in out
    assert out.count("held-out rows") == (0 if "--alpha" in options else len(load_model(folder / model).alphas_))
    shares = {name: float(share) for name, share in re.findall(r"^(\w+) accuracy ([\d.]+)% on \d+ images", out, re.M)}
    assert shares.keys() == {"training", "test"} and min(shares.values()) >= least

    # The test split, each file by its name; the same accuracy.
    assert run("predict", folder / model, folder / "bars") == 0
    out, err = capsys.readouterr()
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) == 60 and all((folder / "bars" / name).is_file() for name, _ in lines)
    assert err == f"accuracy {shares['test']:.2f}% on 60 rows\n"
    right = np.mean([name.split("/")[1] == label for name, label in lines])
    assert round(100 * right, 2) == shares["test"]


def test_predicts_images_of_no_class_and_of_another_size(folder, capsys):
    assert run("train", "--data", folder / "bars", "--model", folder / "m.npz", "--features", "hog") == 0
    capsys.readouterr()
    assert run("predict", folder / "m.npz", folder / "some", "--threads", 1, "-o", folder / "out.txt") == 0
    assert capsys.readouterr() == ("", "")
    lines = [line.split("\t") for line in (folder / "out.txt").read_text().splitlines()]
    _, y = make_bars(200, size=16)
    assert lines == [[f"{k}.png", NAMES[y[k]]] for k in range(6)]


@pytest.mark.skipif(sys.platform != "linux", reason="there names of files are text")
def test_names_that_are_no_utf8_are_written_as_they_are(folder):
    run("train", "--data", folder / "bars", "--model", folder / "m.npz")
    (folder / "some" / "0.png").rename(os.fsdecode(os.fsencode(folder / "some") + b"/\xff.png"))
    assert run("predict", folder / "m.npz", folder / "some", "-o", folder / "out.txt") == 0
    assert (folder / "out.txt").read_bytes().splitlines()[-1].startswith(b"\xff.png\t")


def test_folders_of_other_classes_have_no_accuracy(folder, capsys):
    run("train", "--data", folder / "bars", "--model", folder / "m.npz", "--features", "hog")
    (folder / "mixed").mkdir()
    (folder / "some").rename(folder / "mixed" / "unknown")
    capsys.readouterr()
    assert run("predict", folder / "m.npz", folder / "mixed") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6 and out.startswith("unknown/0.png\t")
    assert err == "no accuracy: none of the labels of mixed is one of the model's\n"


def test_a_model_of_pixels_predicts_a_folder_too(folder, capsys):
    run("train", "--data", folder / "bars", "--model", folder / "m.npz")
    assert not isinstance(load_model(folder / "m.npz"), ImagePipeline)
    capsys.readouterr()
    assert run("predict", folder / "m.npz", folder / "some") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == [f"{k}.png" for k in range(6)]
    assert {label for _, label in lines} <= set(NAMES)
    assert run("predict", folder / "m.npz", folder / "bars") == 0
    out, err = capsys.readouterr()
    right = np.mean([line.split("/")[1] == line.split("\t")[1] for line in out.splitlines()])
    assert err == f"accuracy {right:.2%} on 60 rows\n"


@pytest.mark.parametrize("options", [[], ["--features", "hog"]])
def test_pictures_of_a_model_that_knows_classes_by_name(folder, options):
    pytest.importorskip("matplotlib", reason="pictures want the extra")
    assert run("train", "--data", folder / "bars", "--model", folder / "m.npz", *options) == 0
    # One in the wrong folder, so that there is a mistake.
    lying = next((folder / "bars" / "test" / "lying").iterdir())
    lying.rename(folder / "bars" / "test" / "standing" / lying.name)
    for picture in ("confusion", "worst"):
        assert run("plot", picture, folder / "m.npz", folder / "bars", "-o", folder / f"{picture}.png") == 0
    assert run("report", folder / "m.npz", folder / "bars", "-o", folder / "r.html", "--no-checks") == 0
    page = (folder / "r.html").read_text()
    assert all(name in page for name in NAMES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--features", "sift"], "'sift' is unknown"),
        (["--features", "words:0"], "N of words:N is 0"),
        (["--features", "hog", "--checkpoint", "c.npz"], "--checkpoint is of one fit"),
        (["--features", "hog", "--early-stopping"], "--early-stopping is of one fit"),
        (["--features", "hog", "--alpha", "-1"], "alpha is -1"),
        (["--features", "hog", "--data", "bars"], "images are 8 x 8 pixels"),
        (["--features", "hog", "--data", "ring"], "X has shape"),
    ],
)
def test_wrong_input_is_one_line(folder, capsys, options, message):
    assert run("train", "--data", folder / "bars", *options) == 2
    err = capsys.readouterr().err
    assert err.startswith("fastlin: ") and message in err and err.count("\n") == 1
