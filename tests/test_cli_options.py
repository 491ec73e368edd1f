"""Errors about a bad value name the option that was typed, whatever the parameter behind it is called."""

from __future__ import annotations

import numpy as np
import pytest

from fastlin import cli
from fastlin.cli._options import Parser, in_options


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows, images, and a model of each."""
    folder = tmp_path_factory.mktemp("options")
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    np.savez(folder / "rows.npz", X=rng.integers(0, 100, (60, 8)).astype(np.uint8), y=y)
    np.savez(folder / "images.npz", X=rng.integers(0, 100, (60, 16, 16, 3)).astype(np.uint8), y=y)
    for name in ("rows", "images"):
        data, model = str(folder / f"{name}.npz"), str(folder / f"model_{name}.npz")
        assert cli.main(["train", "--data", data, "--model", model, "--epochs", "1"]) == 0
    return folder


TRAIN = "train --data DIR/rows.npz "
CHAIN = "train --data DIR/images.npz --solver sgd --features "


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train --data=", "--data is ''; wanted is a path: "),
        ("check --data=", "--data is ''; wanted is a path: "),
        (TRAIN + "--epochs 0", "--epochs is 0; wanted is an integer >= 1"),
        (TRAIN + "--batch-size 0", "--batch-size is 0; wanted is an integer >= 1"),
        (TRAIN + "--learning-rate fast", "--learning-rate is 'fast'; wanted is one of 'auto', "),
        (TRAIN + "--eta0 nan", "--eta0 is nan; wanted is a finite number > 0"),
        (TRAIN + "--alpha -1", "--alpha is -1.0; wanted is a finite number >= 0"),
        (TRAIN + "--penalty elasticnet --l1-ratio 2", "--l1-ratio is 2.0; wanted is a number from 0 to 1"),
        (TRAIN + "--loss hinge --margin 0", "--margin is 0.0; wanted is a finite number > 0"),
        (TRAIN + "--loss hinge --features raw --margin 0", "--margin is 0.0; wanted is a finite number > 0"),
        (TRAIN + "--seed -1", "--seed is -1; wanted is an integer >= 0"),
        (TRAIN + "--threads 0", "--threads is 0; wanted is an integer >= 1, or -1 for all"),
        (TRAIN + "--features raw --threads 0", "--threads is 0; wanted is "),
        (TRAIN + "--solver lbfgs --early-stopping", "--early-stopping is True while --solver is 'lbfgs', which has "),
        (TRAIN + "--solver lbfgs --checkpoint c", "--checkpoint is 'c' while --solver is 'lbfgs', which has no epochs"),
        (TRAIN + "--features raw --penalty none", "--alpha is 'auto' while the classifier's penalty is None"),
        (CHAIN + "sift", "--features is 'sift', of which 'sift' is unknown; wanted is "),
        (CHAIN + "words:0", "--features: N of words:N is 0; wanted is an integer >= 1"),
        (CHAIN + "words:999999", "--features: N of words:N is 999999; wanted is at most 100000, the patches "),
        (TRAIN + "--features hog", "--features is 'hog', and X has shape (48, 8); wanted is images"),
        (CHAIN + "hog@0", "--features: SIDE of @SIDE is 0; wanted is an integer >= 1"),
        (CHAIN + "hog@99", "--features: size is 99; wanted is at most the images' 16 x 16 pixels"),
        ("predict DIR/model_rows.npz DIR/rows.npz --threads 0", "--threads is 0; wanted is "),
        ("check --data DIR/rows.npz --loss hinge --margin 0", "--margin is 0.0; wanted is a finite number > 0"),
        ("check --data DIR/rows.npz --rows 0", "--rows is 0; wanted is an integer >= 1"),
        ("check --data DIR/rows.npz --seed -1", "--seed is -1; wanted is an integer >= 0"),
        ("bench --threads 0", "--threads is 0; wanted is 1"),
        ("bench --level fast", "--level is 'fast'; wanted is "),
        ("bench --only nothing", "--only is 'nothing'; wanted is "),
    ],
)
def test_the_option_is_named(folder, capsys, line, message):
    _assert_refused(folder, capsys, line, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("report DIR/model_rows.npz DIR/rows.npz -o DIR/r.html --threads 0", "--threads is 0; wanted is "),
        ("report DIR/model_rows.npz DIR/rows.npz -o DIR/r.html --worst 0", "--worst is 0; wanted is an integer >= 1"),
        ("report DIR/model_rows.npz DIR/rows.npz -o DIR/r.html --seed -1", "--seed is -1; wanted is an integer >= 0"),
        ("plot templates DIR/model_images.npz -o DIR/p.png --shape 3,3", "--shape is (3, 3, 1), which makes 9 numbers"),
        ("plot templates DIR/model_images.npz -o DIR/p.png --dpi 0", "--dpi is 0; wanted is an integer >= 1"),
        ("plot losses -o DIR/p.png --dpi 1", "--dpi is 1; wanted is 20..2400"),
        ("plot losses -o DIR/p.png --dpi 100000", "--dpi is 100000; wanted is 20..2400"),
        ("plot words DIR/model_images.npz -o DIR/p.png -n 0", "-n is 0; wanted is an integer >= 1"),
        ("plot curves DIR/model_images.npz -o DIR/p.png --panels fun", "--panels holds 'fun'; wanted is among "),
        ("plot evidence DIR/model_images.npz DIR/images.npz -o DIR/p.png --row 99", "--row is 99; wanted is 0..59"),
        ("plot losses -o DIR/p.png --margin 0", "--margin is 0.0; wanted is a finite number > 0"),
        ("plot penalties -o DIR/p.png --l1-ratio 2", "--l1-ratio is 2.0; wanted is a number from 0 to 1"),
    ],
)
def test_the_option_of_a_picture_is_named(folder, capsys, line, message):
    pytest.importorskip("matplotlib", reason="pictures want the extra")
    _assert_refused(folder, capsys, line, message)


def test_what_a_fit_that_diverges_asks_for_can_be_typed(folder, capsys):
    for more in ("", "--solver adam ", "--features raw --solver sgd "):
        line = f"train --data {folder}/images.npz {more}--eta0 1e9"
        assert cli.main(line.split()) == 1
        err = capsys.readouterr().err
        assert err.startswith("fastlin: the fit diverged: ") and err.count("\n") == 1
        assert err.endswith("; wanted is a smaller --eta0, or --eta0 auto, to follow the scale of the features\n")
        assert cli.main(line.replace("--eta0 1e9", "--eta0 auto").split()) == 0


@pytest.mark.parametrize(
    ("option", "wanted"),
    [("--eta0", "auto or a number"), ("--alpha", "auto or a number"), ("--epochs", "auto or an integer")],
)
def test_numbers_that_come_from_the_data_by_auto(folder, capsys, option, wanted):
    assert cli.main(f"train --data {folder}/rows.npz {option} auto".split()) == 0
    with pytest.raises(SystemExit, match="2"):
        cli.main(f"train --data {folder}/rows.npz {option} 1,5".split())
    assert capsys.readouterr().err.endswith(f"argument {option}: '1,5'; wanted is {wanted}\n")


def _assert_refused(folder, capsys, line, message):
    capsys.readouterr()
    assert cli.main([word.replace("DIR", str(folder)) for word in line.split()]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"fastlin: {message}") and err.count("\n") == 1


def test_a_seed_that_reaches_the_model_is_named_too(folder, capsys):
    with np.load(folder / "rows.npz") as whole:
        split = {f"{name}_{part}": whole[name] for name in ("X", "y") for part in ("train", "test")}
    np.savez(folder / "split.npz", **split)
    _assert_refused(folder, capsys, "train --data DIR/split.npz --seed -1", "--seed is -1; wanted is ")


def test_an_option_of_the_parameters_own_name_and_one_of_another():
    parser = Parser()
    parser.add_argument("data")
    parser.add_argument("-e", "--epochs", dest="max_iter", parts=("the N of it",))
    parser.add_argument("--l1-ratio")
    options = parser.parse_args(["d"]).options
    assert options == {
        "help": "--help", "max_iter": "--epochs", "the N of it": "--epochs: the N of it", "l1_ratio": "--l1-ratio"
    }  # fmt: skip
    for message, wanted in [
        ("max_iter is 0; wanted is 1", "--epochs is 0; wanted is 1"),
        ("the N of it is 0", "--epochs: the N of it is 0"),
        ("X is odd while l1_ratio is 2", "X is odd while --l1-ratio is 2"),
        ("data is odd", "data is odd"),
        ("the max_iter is 0", "the max_iter is 0"),
        ("it diverged: pass another max_iter", "it diverged: pass another max_iter"),
        ("max_iteration is 0", "max_iteration is 0"),
        (
            "it diverged; wanted is a smaller max_iter, or max_iter='auto'",
            "it diverged; wanted is a smaller --epochs, or --epochs auto",
        ),
        ("l1_ratio is 2; wanted is my_l1_ratio='a'", "--l1-ratio is 2; wanted is my_l1_ratio='a'"),
        ("max_iter is 0; wanted is max_iter=(3, 2, 1)", "--epochs is 0; wanted is --epochs 3,2,1"),
        ("", ""),
    ]:
        assert in_options(message, options) == wanted


@pytest.mark.parametrize("command", ["train", "check"])
def test_help_calls_the_seed_a_seed(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert "--seed SEED" in capsys.readouterr().out
