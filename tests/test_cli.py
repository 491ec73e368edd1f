"""The command: what it prints, what it writes, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastlin
from fastlin import cli
from fastlin.diagnostics import losses
from fastlin.linear_model import LinearClassifier, load_model


@pytest.fixture
def data(tmp_path):
    """A file of three classes in eight features, split, and one not split."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = (rng.integers(0, 100, (300, 8)) + 50 * (np.arange(8) % 3 == y[:, None])).astype(np.uint8)
    names = np.array(["ant", "bee", "cat"])[y]
    np.savez(tmp_path / "split.npz", X_train=X[:200], y_train=names[:200], X_test=X[200:], y_test=names[200:])
    np.savez(tmp_path / "whole.npz", X=X, y=names)
    np.savez(tmp_path / "rows.npz", X=X)
    return tmp_path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_train_with_no_argument(capsys):
    assert run("train") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "fashion-mnist-small: 6,000 rows of uint8 28x28x1" in out
    assert "initial softmax loss 2.3026, should be log C = 2.3026 for 10 classes" in out
    assert re.search(r"^epoch 21  loss 0\.3\d+  accuracy 0\.8\d+  rate \S+  [\d,]+ rows/s$", out, re.M)
    accuracy = float(
        re.search(r"^test accuracy (\d+\.\d+)%; 21 epochs in [\d.]+ s, [\d,]+ rows/s, SIMD level \w+$", out, re.M)[1]
    )
    assert accuracy > 83


@pytest.mark.parametrize(
    ("options", "initial"),
    [
        (["--loss", "hinge"], "initial hinge loss 2.0000, should be C - 1 = 2.0000 for 3 classes"),
        (["--loss", "hinge", "--margin", "0.5"], "should be (C - 1) * margin = 1.0000"),
        (["--loss", "squared_hinge", "--margin", "3.0"], "loss 18.0000, should be (C - 1) * margin**2 = 18.0000"),
        (
            [
                "--epochs", "2", "--batch-size", "10", "--eta0", "0.1", "--learning-rate", "cosine", "--alpha", "0.01",
                "--penalty", "elasticnet", "--l1-ratio", "0.5", "--solver", "adam",
            ],
            "log C = 1.0986",
        ),
    ],
)
def test_train_options(data, capsys, options, initial):
    assert (
        run("train", "--data", data / "split.npz", "--model", data / "m.npz", "--threads", 1, "--seed", 5, *options)
        == 0
    )
    out = capsys.readouterr().out
    assert initial in out and "tested on its test split" in out and "model saved to" in out
    params = load_model(data / "m.npz").get_params()
    given = {option[2:].replace("-", "_"): value for option, value in zip(options[::2], options[1::2], strict=True)}
    given["max_iter"] = given.pop("epochs", "auto")
    assert {name: str(params[name]) for name in given} == given
    assert params["random_state"] == 5 and params["n_threads"] == 1


def test_train_holds_out_a_seeded_fifth(data, capsys):
    assert run("train", "--data", data / "whole.npz", "--seed", 3, "--model", data / "a.npz") == 0
    out = capsys.readouterr().out
    assert "240 rows" in out and "20% of the rows, held out at random (seed 3)" in out
    assert run("train", "--data", data / "whole.npz", "--seed", 3, "--model", data / "b.npz") == 0
    np.testing.assert_array_equal(load_model(data / "a.npz").coef_, load_model(data / "b.npz").coef_)


def test_predict(data, capsys):
    run("train", "--data", data / "split.npz", "--model", data / "m.npz")
    capsys.readouterr()
    assert run("predict", data / "m.npz", data / "split.npz") == 0
    out, err = capsys.readouterr()
    with np.load(data / "split.npz") as file:
        wanted = load_model(data / "m.npz").predict(file["X_test"])
        accuracy = np.mean(wanted == file["y_test"])
    assert out.split() == wanted.tolist()
    assert err == f"accuracy {accuracy:.2%} on 100 rows\n"
    assert run("predict", data / "m.npz", data / "rows.npz", "-o", data / "labels.txt") == 0
    assert capsys.readouterr() == ("", "")
    lines = (data / "labels.txt").read_text().splitlines()
    assert len(lines) == 300 and set(lines) == {"ant", "bee", "cat"}


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_check_passes(data, capsys, loss):
    assert run("check", "--data", data / "whole.npz", "--loss", loss, "--seed", 1) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("whole: 300 rows of uint8, 8 features, 3 classes\n")
    assert f"gradient of {loss}, " in out and f"sanity of {loss} on 300 rows: ok: 8 of 8 passed" in out
    assert "sanity of LinearClassifier(" in out and out.endswith("all checks passed\n")


def test_check_without_arguments_is_of_the_bundled_images(capsys):
    assert run("check") == 0
    out = capsys.readouterr().out
    assert out.startswith("fashion-mnist-small: 6,000 rows") and out.count("ok: 8 of 8 passed") == 2


def test_check_fails_with_1_where_a_gradient_is_wrong(data, monkeypatch, capsys):
    right = fastlin.softmax_loss

    def wrong(*arguments, **options):
        loss, dW, db = right(*arguments, **options)
        return loss, 1.01 * dW, db

    monkeypatch.setitem(losses._NAMED, "softmax", (wrong, {}))
    assert run("check", "--data", data / "whole.npz") == 1
    out = capsys.readouterr().out
    assert "WRONG" in out and "FAILED: " in out and out.endswith("CHECKS FAILED\n")


def test_check_fails_with_1_where_the_sanity_fails_alone(data, monkeypatch, capsys):
    right = fastlin.softmax_loss

    def shifted(*arguments, **options):
        loss, dW, db = right(*arguments, **options)
        return loss + 0.5, dW, db

    monkeypatch.setitem(losses._NAMED, "softmax", (shifted, {}))
    assert run("check", "--data", data / "whole.npz") == 1
    assert "WRONG" not in capsys.readouterr().out


def test_info(capsys):
    assert run("info") == 0
    assert "threads" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data", "imagenet"], "'imagenet' is no data set"),
        (["train", "--data", "none.npz"], "'none.npz': No such file"),
        (["train", "--data", "DIR/rows.npz"], "rows has no labels"),
        (["train", "--data", "DIR/split.npz", "--epochs", "0"], "fastlin: --epochs is 0"),
        (["train", "--data", "DIR/split.npz", "--alpha", "-1"], "alpha is -1.0"),
        (["train", "--data", "DIR/split.npz", "--loss", "hinge", "--margin", "0"], "margin is 0.0"),
        (["train", "--data", "DIR/split.npz", "--threads", "0"], "fastlin: --threads is 0"),
        (["train", "--data", "DIR/whole.npz", "--seed", "-1"], "--seed is -1"),
        (["check", "--data", "DIR/rows.npz"], "rows has no labels"),
        (["check", "--data", "DIR/whole.npz", "--seed", "-1"], "--seed is -1"),
        (["check", "--data", "DIR/whole.npz", "--rows", "0"], "fastlin: --rows is 0"),
        (["check", "--data", "DIR/whole.npz", "--loss", "hinge", "--margin", "0"], "margin is 0.0"),
        (["train", "--model", "DIR/no/m.npz"], "no/m.npz': No such file or directory"),
        (["train", "--model", "DIR"], "is not the name of a file"),
        (["train", "--model", ""], "'': is not the name of a file"),
        (["train", "--model", "DIR/rows.npz/m.npz"], "rows.npz/m.npz': Not a directory"),
        (["predict", "DIR/m.npz", "DIR/rows.npz", "-o", "DIR/no/labels.txt"], "no/labels.txt': No such file"),
        (["predict", "DIR/none.npz", "DIR/rows.npz"], "none.npz': No such file"),
        (["predict", "DIR/rows.npz", "DIR/rows.npz"], "rows.npz' is not a model file"),
    ],
)
def test_wrong_input_is_one_line(data, capsys, arguments, message):
    assert run(*(argument.replace("DIR", str(data)) for argument in arguments)) == 2
    err = capsys.readouterr().err
    assert err.startswith("fastlin: ") and message in err and err.count("\n") == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_a_folder_that_takes_no_file_is_refused_before_training(capsys):
    assert run("train", "--model", "/proc/m.npz") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("fastlin: '/proc/m.npz': ")


def test_the_model_is_saved_before_it_is_tested(data, monkeypatch, capsys):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(LinearClassifier, "score", fail)
    assert run("train", "--data", data / "split.npz", "--model", data / "m.npz") == 2
    assert "model saved to" in capsys.readouterr().out
    assert load_model(data / "m.npz").n_iter_ > 0


def test_softmax_has_no_margin(data):
    assert run("train", "--data", data / "split.npz", "--margin", 0) == 0


def test_labels_of_another_kind_have_no_accuracy(data, capsys):
    run("train", "--data", data / "split.npz", "--model", data / "m.npz")
    with np.load(data / "whole.npz") as file:
        np.savez(data / "numbers.npz", X=file["X"], y=np.arange(300) % 3)
    capsys.readouterr()
    assert run("predict", data / "m.npz", data / "numbers.npz") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 300
    assert err == "no accuracy: the model's labels are strings, those of numbers are numbers\n"


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="there is no /dev/fd")
def test_predict_writes_to_standard_output_by_its_name(data):
    """Not by the name of /dev/stdout: a failure would replace that of the machine, where nothing can in /dev/fd."""
    run("train", "--data", data / "split.npz", "--model", data / "m.npz")
    command = [sys.executable, "-m", "fastlin", "predict", data / "m.npz", data / "rows.npz", "-o", "/dev/fd/1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 300 and done.stderr == ""


def test_errors_of_arithmetic_are_no_divergence(monkeypatch, capsys):
    def fail(arguments):
        raise OverflowError("too large")

    monkeypatch.setattr(cli.info, "run", fail)
    assert run("info") == 2
    assert capsys.readouterr().err == "fastlin: too large\n"


def test_wrong_features_and_divergence(data, capsys):
    run("train", "--data", data / "split.npz", "--model", data / "m.npz")
    assert run("predict", data / "m.npz", "fashion-mnist-small") == 2
    assert "X has 784 features, but LinearClassifier is expecting 8" in capsys.readouterr().err
    assert run("train", "--eta0", "1e9") == 1
    err = capsys.readouterr().err
    assert "the fit diverged" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["fly"], 2), (["train", "--loss", "log"], 2), (["--help"], 0), (["train", "--help"], 0)],
)
def test_usage(arguments, code, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == code
    out, err = capsys.readouterr()
    assert "usage: fastlin" in (err if code else out)


def test_runs_as_a_module_and_stops_quietly_when_its_reader_goes(data):
    run("train", "--data", data / "split.npz", "--model", data / "m.npz")
    command = f"{sys.executable} -m fastlin predict {data / 'm.npz'} {data / 'rows.npz'} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() in {"ant", "bee", "cat"}
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["whole.npz", "m.npz"])
def test_predict_writes_over_no_file_it_reads(data, capsys, name):
    assert run("train", "--data", data / "whole.npz", "--epochs", "2", "--model", data / "m.npz") == 0
    before = (data / name).read_bytes()
    os.symlink(data / name, data / "link")
    for output in (data / name, data / "link"):
        assert run("predict", data / "m.npz", data / "whole.npz", "-o", output) == 2
        assert re.search(r"--output is .*, the file of (MODEL|DATA), which would be lost", capsys.readouterr().err)
    assert (data / name).read_bytes() == before


def test_train_writes_over_neither_data_nor_checkpoint(data, capsys):
    before = (data / "whole.npz").read_bytes()
    assert run("train", "--data", data / "whole.npz", "--model", data / "whole.npz") == 2
    assert "the file of --data, which would be lost" in capsys.readouterr().err
    assert (data / "whole.npz").read_bytes() == before
    both = data / "both.npz"
    assert run("train", "--data", data / "whole.npz", "--model", both, "--checkpoint", both) == 2
    assert "the file of --checkpoint" in capsys.readouterr().err
    assert not both.exists()


def test_a_model_of_another_formats_name_is_refused_before_the_fit(data, capsys):
    assert run("train", "--data", data / "whole.npz", "--model", data / "m.onnx") == 2
    out, err = capsys.readouterr()
    assert "formats.to_onnx writes ONNX" in err
    assert "epoch" not in out and not (data / "m.onnx").exists()


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_gone_is_no_success(data):
    command = [sys.executable, "-u", "-m", "fastlin", "train", "--epochs", "1000000", "--model", str(data / "m.npz")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    assert err == "" and not (data / "m.npz").exists()


@pytest.mark.skipif(os.name == "nt", reason="descriptors of POSIX")
def test_predict_without_stdout(data):
    assert run("train", "--data", data / "whole.npz", "--epochs", "2", "--model", data / "m.npz") == 0
    code = "import os, sys; os.close(1); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-m", "fastlin", "predict", data / "m.npz", data / "rows.npz"]
    done = subprocess.run([sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "fastlin: stdout is closed; wanted is an open one, or --output\n"


@pytest.mark.skipif(os.name == "nt", reason="descriptors of POSIX")
def test_without_stderr(data):
    code = "import os, sys; os.close(2); os.execv(sys.argv[1], sys.argv[1:])"
    ends = []
    for arguments in (
        ["train", "--data", data / "whole.npz", "--epochs", "2", "--model", data / "m.npz"],
        ["predict", data / "m.npz", data / "whole.npz"],
    ):
        command = [sys.executable, "-c", code, sys.executable, "-m", "fastlin", *arguments]
        ends.append(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert "test accuracy" in ends[0]
    # The labels alone: what is said of the accuracy goes nowhere.
    assert len(ends[1].splitlines()) == 300 and set(ends[1].split()) == {"ant", "bee", "cat"}


@pytest.mark.parametrize(
    ("module", "arguments", "pip"),
    [
        ("scipy", ["--data", "whole.npz", "--solver", "lbfgs"], "fastlin[solvers]"),
        ("PIL", ["--data", "."], "fastlin[image]"),
    ],
)
def test_an_extra_that_is_not_there(data, monkeypatch, capsys, module, arguments, pip):
    (data / "ant").mkdir()
    (data / "ant" / "a.png").write_bytes(b"")
    monkeypatch.chdir(data)
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    assert run("train", *arguments) == 2
    assert re.fullmatch(rf"fastlin: .*: pip install '{re.escape(pip)}'\n", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["train", "predict", "check", "plot", "report", "bench", "info"])
def test_each_command_says_what_it_does(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        run(command, "--help")
    usage, what, *_ = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: fastlin {command}") and what.endswith((".", "'fastlin[plot]'"))


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--version")
    assert capsys.readouterr().out == f"fastlin {fastlin.__version__}\n"


def test_labels_that_the_output_cannot_encode(data):
    with np.load(data / "whole.npz") as whole:
        np.savez(data / "umlauts.npz", X=whole["X"], y=np.array(["ameise", "k\u00e4fer"])[np.arange(300) % 2])
    assert run("train", "--data", data / "umlauts.npz", "--epochs", "2", "--model", data / "m.npz") == 0
    done = subprocess.run(
        [sys.executable, "-m", "fastlin", "predict", data / "m.npz", data / "umlauts.npz"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("fastlin: the output's encoding, ascii, has no '\\xe4'; wanted is")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_saves_the_model_of_the_last_finished_step(data):
    command = [
        sys.executable,
        "-u",
        "-m",
        "fastlin",
        "train",
        "--epochs",
        "1000000",
        "--model",
        str(data / "m.npz"),
        "--threads",
        "1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch"):
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: going on with the weights of the last finished step" in err and "Traceback" not in err
    assert "test accuracy" in out
    assert load_model(data / "m.npz").n_iter_ > 1
