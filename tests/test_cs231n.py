"""The course's signatures: the numbers of its own NumPy code, its draws, and its notebooks' cells as a script."""

# ruff: noqa: NPY002 - the course draws from NumPy's global generator

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastlin import cs231n, datasets
from fastlin.cs231n.classifiers import linear_classifier

# The formulae in NumPy, as a student writes them.


def numpy_svm(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
    scores, rows = X @ W, np.arange(len(X))
    margins = np.maximum(0.0, scores - scores[rows, y][:, None] + 1.0)
    margins[rows, y] = 0.0
    ds = (margins > 0.0).astype(np.float64)
    ds[rows, y] = -ds.sum(axis=1)
    return float(margins.sum() / len(X) + reg * np.sum(W * W)), X.T @ ds / len(X) + 2.0 * reg * W


def numpy_softmax(W: np.ndarray, X: np.ndarray, y: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
    scores, rows = X @ W, np.arange(len(X))
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, y]).mean() + reg * np.sum(W * W)
    p[rows, y] -= 1.0
    return float(loss), X.T @ p / len(X) + 2.0 * reg * W


def numpy_train(
    loss: Callable, W: np.ndarray | None, X: np.ndarray, y: np.ndarray, learning_rate: float, reg: float,
    num_iters: int, batch_size: int,
) -> tuple[np.ndarray, list[float]]:  # fmt: skip
    W = 0.001 * np.random.randn(X.shape[1], y.max() + 1) if W is None else W.copy()
    history = []
    for _ in range(num_iters):
        picked = np.random.choice(len(X), batch_size)
        value, gradient = loss(W, X[picked], y[picked], reg)
        history.append(value)
        W -= learning_rate * gradient
    return W, history


LOSSES = [
    pytest.param(cs231n.svm_loss_naive, numpy_svm, id="svm-naive"),
    pytest.param(cs231n.svm_loss_vectorized, numpy_svm, id="svm-vectorized"),
    pytest.param(cs231n.softmax_loss_naive, numpy_softmax, id="softmax-naive"),
    pytest.param(cs231n.softmax_loss_vectorized, numpy_softmax, id="softmax-vectorized"),
]
CLASSES = [
    pytest.param(cs231n.LinearSVM, numpy_svm, id="svm"),
    pytest.param(cs231n.Softmax, numpy_softmax, id="softmax"),
]


def images(n: int = 300, d: int = 64, c: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows as the notebooks prepare them: centred pixels, float64, with a column of ones; a class shifts its rows."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, c, n)
    y[:c] = np.arange(c)
    X = rng.normal(size=(n, d)) * 60.0 + rng.normal(size=(c, d))[y] * 40.0
    return np.hstack([X - X.mean(axis=0), np.ones((n, 1))]), y


# Losses


@pytest.mark.parametrize(("loss", "expected"), LOSSES)
@pytest.mark.parametrize("reg", [0.0, 5e-6, 1e3])
def test_losses_are_those_of_numpy(loss: Callable, expected: Callable, reg: float) -> None:
    X, y = images(80)
    W = 0.01 * np.random.default_rng(1).normal(size=(X.shape[1], 5))
    before = W.copy(), X.copy(), y.copy()
    value, gradient = loss(W, X, y, reg)
    wanted, wanted_gradient = expected(W, X, y, reg)
    assert type(value) is float and value == pytest.approx(wanted, rel=1e-12)
    assert gradient.shape == W.shape and gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, wanted_gradient, rtol=0, atol=1e-12 * np.abs(wanted_gradient).max())
    for array, copy in zip((W, X, y), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(("loss", "expected"), LOSSES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_narrow_rows_are_computed_in_the_weights_type(loss: Callable, expected: Callable, dtype: type) -> None:
    X, y = images(40)
    X = (X * 0.3 + 100).clip(0, 255).astype(dtype)
    W = 0.01 * np.random.default_rng(1).normal(size=(X.shape[1], 5))
    value, gradient = loss(W, X, y, 0.1)
    wanted, wanted_gradient = expected(W, X, y, 0.1)
    assert value == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(gradient, wanted_gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("loss", "expected"), LOSSES)
def test_the_bias_row_is_penalised_like_the_rest(loss: Callable, expected: Callable) -> None:
    X, y = images(40)
    W = np.zeros((X.shape[1], 5))
    without = loss(W, X, y, 10.0)[0]
    W[-1] = 1.0  # the same bias for all classes changes the penalty alone
    assert loss(W, X, y, 10.0)[0] - without == pytest.approx(50.0)


@pytest.mark.parametrize(("loss", "expected"), LOSSES)
def test_wrong_arguments_are_named(loss: Callable, expected: Callable) -> None:
    X, y = images(20)
    W = np.zeros((X.shape[1], 5))
    with pytest.raises(ValueError, match=r"append a column of ones to X"):
        loss(W, X[:, :-1], y, 0.0)
    with pytest.raises(ValueError, match=r"^X has 65 features and W has shape \(5, 65\)"):
        loss(W.T, X, y, 0.0)
    with pytest.raises(ValueError, match=r"^W has shape \(65,\)"):
        loss(W[:, 0], X, y, 0.0)
    with pytest.raises(ValueError, match=r"^reg is -1"):
        loss(W, X, y, -1.0)
    if loss in (cs231n.svm_loss_vectorized, cs231n.softmax_loss_vectorized):
        with pytest.raises(ValueError, match=r"^y\[3\] is 5"):
            loss(W, X, np.where(np.arange(20) == 3, 5, y), 0.0)


# Training


@pytest.mark.parametrize(("model", "loss"), CLASSES)
def test_equal_seeds_give_the_loops_history_and_weights(model: Any, loss: Callable) -> None:
    X, y = images()
    settings = {"learning_rate": 1e-5, "reg": 2.5, "num_iters": 60, "batch_size": 50}
    np.random.seed(7)
    W, history = numpy_train(loss, None, X, y, **settings)
    wanted_state = np.random.get_state()[2]
    np.random.seed(7)
    classifier = model()
    found = classifier.train(X, y, **settings)
    assert type(found) is list and type(found[0]) is float and len(found) == 60
    np.testing.assert_allclose(found, history, rtol=1e-9)
    np.testing.assert_allclose(classifier.W, W, rtol=0, atol=1e-12 * np.abs(W).max())
    assert np.random.get_state()[2] == wanted_state, "as many numbers were drawn"
    assert history[-1] < 0.8 * history[0]
    np.testing.assert_array_equal(classifier.predict(X), np.argmax(X @ W, axis=1))


@pytest.mark.parametrize(("model", "loss"), CLASSES)
def test_training_goes_on_from_weights_that_are_there(model: Any, loss: Callable) -> None:
    X, y = images()
    start = 0.01 * np.random.default_rng(2).normal(size=(X.shape[1], 7))
    before = start.copy()
    np.random.seed(1)
    W, history = numpy_train(loss, start, X, y, 1e-6, 0.0, 5, 30)
    np.random.seed(1)
    classifier = model()
    classifier.W = start
    assert classifier.train(X, y, learning_rate=1e-6, reg=0.0, num_iters=5, batch_size=30) == pytest.approx(history)
    np.testing.assert_allclose(classifier.W, W, rtol=1e-9)
    np.testing.assert_array_equal(start, before)


def test_the_defaults_are_the_courses() -> None:
    X, y = images()
    np.random.seed(3)
    history = numpy_train(numpy_softmax, None, X * 1e-2, y, 1e-3, 1e-5, 100, 200)[1]
    np.random.seed(3)
    assert cs231n.Softmax().train(X * 1e-2, y) == pytest.approx(history)


@pytest.mark.parametrize(("model", "loss"), CLASSES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_narrow_rows_train_in_float32(model: Any, loss: Callable, dtype: type) -> None:
    X, y = images()
    X = (X * 0.3 + 100).clip(0, 255).astype(dtype)
    np.random.seed(4)
    history = numpy_train(loss, None, X.astype(np.float64), y, 1e-6, 0.1, 30, 40)[1]
    np.random.seed(4)
    classifier = model()
    assert classifier.train(X, y, learning_rate=1e-6, reg=0.1, num_iters=30, batch_size=40) == pytest.approx(
        history, rel=1e-4
    )
    assert classifier.W.dtype == np.float32


def test_a_loss_of_ones_own_is_trained_with() -> None:
    class Squared(cs231n.LinearSVM):
        def loss(self, X_batch: np.ndarray, y_batch: np.ndarray, reg: float) -> tuple[float, np.ndarray]:
            errors = X_batch @ self.W - np.eye(5)[y_batch]
            return float(np.sum(errors**2) / len(X_batch)), 2.0 * X_batch.T @ errors / len(X_batch)

    X, y = images()
    X = X / 100
    np.random.seed(0)
    classifier = Squared()
    history = classifier.train(X, y, learning_rate=1e-2, num_iters=100)
    assert history[0] == pytest.approx(1.0, abs=0.1) and history[-1] < 0.8
    assert np.mean(classifier.predict(X) == y) > 0.5
    with pytest.raises(NotImplementedError, match=r"^LinearClassifier has no loss"):
        cs231n.LinearClassifier().train(X, y)


def test_verbose_prints_each_hundredth_loss(capsys: pytest.CaptureFixture) -> None:
    X, y = images()
    history = cs231n.LinearSVM().train(X, y, 1e-6, num_iters=101, batch_size=10, verbose=True)
    assert capsys.readouterr().out.splitlines() == [f"iteration {k} / 101: loss {history[k]:f}" for k in (0, 100)]
    cs231n.LinearSVM().train(X, y, 1e-6, num_iters=1)
    assert capsys.readouterr().out == ""


def test_a_rate_too_large_warns_once_and_goes_on() -> None:
    X, y = images()
    np.random.seed(0)
    classifier = cs231n.LinearSVM()
    with pytest.warns(RuntimeWarning, match=r"the loss of iteration \d+ is (inf|nan): learning_rate 10") as caught:
        history = classifier.train(X, y, learning_rate=10.0, reg=100.0, num_iters=200, batch_size=20)
    assert len(caught) == 1 and len(history) == 200 and not math.isfinite(history[-1])
    assert classifier.predict(X).shape == (300,)


@pytest.mark.parametrize("segment", [1, 7, 1000])
def test_training_does_not_depend_on_how_it_is_cut_into_calls(monkeypatch: pytest.MonkeyPatch, segment: int) -> None:
    X, y = images()
    np.random.seed(5)
    W, history = numpy_train(numpy_svm, None, X, y, 1e-6, 0.1, 20, 10)
    drawn = np.random.get_state()[2]
    monkeypatch.setattr(linear_classifier, "_SEGMENT", segment)
    np.random.seed(5)
    classifier = cs231n.LinearSVM()
    np.testing.assert_allclose(classifier.train(X, y, 1e-6, 0.1, 20, 10), history, rtol=1e-9)
    np.testing.assert_allclose(classifier.W, W, rtol=1e-9)
    assert np.random.get_state()[2] == drawn


def test_ctrl_c_keeps_the_last_finished_step(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = images()
    np.random.seed(5)
    W, _ = numpy_train(numpy_svm, None, X, y, 1e-6, 0.0, 3, 20)
    calls = iter(range(4))
    monkeypatch.setattr(linear_classifier, "_SEGMENT", 1)
    sgd_epoch = linear_classifier.functional.sgd_epoch

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return sgd_epoch(*arguments, **options)

    monkeypatch.setattr(linear_classifier.functional, "sgd_epoch", interrupted)
    np.random.seed(5)
    classifier = cs231n.LinearSVM()
    with pytest.raises(KeyboardInterrupt):
        classifier.train(X, y, learning_rate=1e-6, reg=0.0, num_iters=10, batch_size=20)
    np.testing.assert_allclose(classifier.W, W, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"learning_rate": 0.0}, ValueError, "learning_rate is 0"),
        ({"reg": -1.0}, ValueError, "reg is -1"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"num_iters": -1}, ValueError, "num_iters is -1"),
        ({"num_iters": 1.5}, TypeError, "num_iters is 1.5; wanted is an integer >= 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size is 2.5"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate is nan"),
        ({"reg": np.nan}, ValueError, "reg is nan"),
        ({"X": [[1.0, 2.0], [3.0]]}, ValueError, "X makes no array"),
        ({"y": np.full(300, -1)}, ValueError, r"y\[0\] is -1"),
        ({"y": np.zeros(299, int)}, ValueError, "y has shape"),
        ({"X": np.zeros((0, 3)), "y": np.zeros(0, int)}, ValueError, "X has no rows"),
    ],
)
def test_wrong_training_is_refused_before_anything_is_drawn(change: dict, error: type, message: str) -> None:
    X, y = images()
    classifier = cs231n.LinearSVM()
    before = np.random.get_state()[2]
    with pytest.raises(error, match=message):
        classifier.train(**{"X": X, "y": y, "num_iters": 2} | change)
    assert classifier.W is None and np.random.get_state()[2] == before


def test_weights_that_do_not_fit_are_refused() -> None:
    X, y = images()
    classifier = cs231n.LinearSVM()
    with pytest.raises(ValueError, match="call train first"):
        classifier.predict(X)
    with pytest.raises(ValueError, match="call train first"):
        classifier.loss(X, y, 0.0)
    classifier.W = np.zeros((X.shape[1], 3))
    with pytest.raises(ValueError, match=r"wanted is 0\.\.2, as W has 3 classes"):
        classifier.train(X, y)
    with pytest.raises(ValueError, match="append a column of ones"):
        classifier.predict(X[:, :-1])


# Gradient checks


def test_numerical_gradients(capsys: pytest.CaptureFixture) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3))
    before = x.copy()
    found = cs231n.eval_numerical_gradient(lambda x: float(np.sum(x**3)), x)
    np.testing.assert_allclose(found, 3 * x**2, rtol=1e-6)
    assert len(capsys.readouterr().out.splitlines()) == 6
    df = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(cs231n.eval_numerical_gradient_array(np.sin, x, df), np.cos(x) * df, rtol=1e-6)
    np.testing.assert_allclose(cs231n.eval_numerical_gradient_array(lambda x: x, x, df), df, rtol=1e-6)
    np.testing.assert_array_equal(x, before)


def test_a_function_that_fails_leaves_x_as_it_was() -> None:
    x = np.ones(3)
    with pytest.raises(ZeroDivisionError):
        cs231n.eval_numerical_gradient(lambda x: 1 / 0, x)
    np.testing.assert_array_equal(x, np.ones(3))


def test_sparse_check_tells_right_from_wrong(capsys: pytest.CaptureFixture) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    random.seed(0)
    places = [(random.randrange(4), random.randrange(3)) for _ in range(10)]
    random.seed(0)
    assert cs231n.grad_check_sparse(lambda x: float(np.sum(x**2)), x, 2 * x) < 1e-8
    lines = capsys.readouterr().out.splitlines()
    assert [f" analytic: {2 * x[place]:f}, relative error: " in line for place, line in zip(places, lines, strict=True)]
    assert all(line.startswith(f"numerical: {2 * x[place]:f}") for place, line in zip(places, lines, strict=True))
    assert cs231n.grad_check_sparse(lambda x: float(np.sum(x**2)), x, 2.1 * x) == pytest.approx(0.1 / 4.1, rel=1e-4)
    assert cs231n.grad_check_sparse(lambda x: 0.0, x, 0 * x) == 0.0


@pytest.mark.parametrize("check", [cs231n.eval_numerical_gradient, cs231n.grad_check_sparse])
def test_what_cannot_be_moved_is_refused(check: Callable) -> None:
    more = (np.ones(3),) if check is cs231n.grad_check_sparse else ()
    with pytest.raises(TypeError, match="x is int64"):
        check(np.sum, np.ones(3, np.int64), *more)
    for h, error in [(0, ValueError), (np.nan, ValueError), (None, TypeError)]:
        with pytest.raises(error, match=f"h is {h}"):
            check(np.sum, np.ones(3), *more, h=h)
    fixed = np.ones(3)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="x is read-only"):
        check(np.sum, fixed, *more)


def test_a_gradient_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"analytic_grad has shape \(2,\); wanted is \(3,\)"):
        cs231n.grad_check_sparse(np.sum, np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="analytic_grad makes no array"):
        cs231n.grad_check_sparse(np.sum, np.ones(3), [[1.0], [1.0, 2.0]])


def test_a_number_of_checks_is_a_count() -> None:
    with pytest.raises(TypeError, match=r"num_checks is 2\.5"):
        cs231n.grad_check_sparse(np.sum, np.ones(3), np.ones(3), num_checks=2.5)
    with pytest.raises(ValueError, match="num_checks is -1"):
        cs231n.grad_check_sparse(np.sum, np.ones(3), np.ones(3), num_checks=-1)


# Pictures and data


def test_grid_places_and_stretches() -> None:
    images = np.stack([np.full((2, 3, 3), 7.0), np.linspace(-1, 1, 18).reshape(2, 3, 3)])
    grid = cs231n.visualize_grid(images, ubound=1.0, padding=2)
    assert grid.shape == (6, 8, 3)
    np.testing.assert_array_equal(grid[:2, :3], 0.0)
    np.testing.assert_allclose(grid[:2, 5:], np.linspace(0, 1, 18).reshape(2, 3, 3))
    assert not grid[2:].any()
    with pytest.raises(ValueError, match="Xs has shape"):
        cs231n.visualize_grid(images[0])
    with pytest.raises(ValueError, match="padding is -1"):
        cs231n.visualize_grid(images, padding=-1)
    with pytest.raises(TypeError, match=r"padding is 1\.5"):
        cs231n.visualize_grid(images, padding=1.5)
    with pytest.raises(ValueError, match="ubound is nan"):
        cs231n.visualize_grid(images, ubound=np.nan)
    with pytest.raises(ValueError, match="Xs makes no array"):
        cs231n.visualize_grid([[1.0, 2.0], [3.0]])
    with pytest.raises(TypeError, match="Xs has dtype"):
        cs231n.visualize_grid([[[["a"]]]])


@pytest.fixture
def tiny_cifar10(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands for the published files: 60 images to train on and 20 to test, learnable, where the loader reads them."""
    rng = np.random.default_rng(0)
    means = rng.integers(60, 200, (10, 32, 32, 3))

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % 10
        return (means[y] + rng.integers(-20, 20, (n, 32, 32, 3))).astype(np.uint8), y

    data = datasets.Dataset("cifar10", *part(60), *part(20))
    monkeypatch.setattr(datasets, "load_cifar10", lambda path: data, raising=False)
    return data


def test_cifar10_comes_as_the_course_has_it(tiny_cifar10: Any) -> None:
    X, y, X_test, y_test = cs231n.load_CIFAR10("anywhere")
    assert X.dtype == X_test.dtype == np.float64 and y.dtype == y_test.dtype == np.int64
    np.testing.assert_array_equal(X, tiny_cifar10.X_train)
    np.testing.assert_array_equal(y_test, tiny_cifar10.y_test)


def test_cifar10_is_cut_and_centred(tiny_cifar10: Any) -> None:
    data = cs231n.get_CIFAR10_data(50, 10, 20, cifar10_dir="anywhere")
    assert {name: array.shape for name, array in data.items()} == {
        "X_train": (50, 3, 32, 32), "y_train": (50,), "X_val": (10, 3, 32, 32), "y_val": (10,),
        "X_test": (20, 3, 32, 32), "y_test": (20,),
    }  # fmt: skip
    mean = tiny_cifar10.X_train[:50].mean(axis=0)
    np.testing.assert_allclose(data["X_val"].transpose(0, 2, 3, 1), tiny_cifar10.X_train[50:] - mean, atol=1e-9)
    raw = cs231n.get_CIFAR10_data(50, 10, 20, subtract_mean=False, cifar10_dir="anywhere")
    np.testing.assert_array_equal(raw["X_test"].transpose(0, 2, 3, 1), tiny_cifar10.X_test)
    with pytest.raises(ValueError, match="val is images 50 to 61; wanted is within 0 to 60"):
        cs231n.get_CIFAR10_data(50, 11, 20, cifar10_dir="anywhere")
    for name in ("num_training", "num_validation", "num_test"):
        with pytest.raises(TypeError, match=rf"{name} is 2\.5"):
            cs231n.get_CIFAR10_data(**{name: 2.5, "cifar10_dir": "anywhere"})


def test_the_published_files_load() -> None:
    folder = Path.home() / ".cache" / "fastlin" / "cifar-10-batches-py"
    if not hasattr(datasets, "load_cifar10") or not (folder / "test_batch").is_file():
        pytest.skip(f"no {folder}")
    data = cs231n.get_CIFAR10_data(100, 20, 30, subtract_mean=False, cifar10_dir=folder)
    assert data["X_train"].shape == (100, 3, 32, 32) and data["X_train"].max() == 255.0
    assert data["y_train"][:5].tolist() == [6, 9, 9, 4, 1]


# The notebooks


NOTEBOOK = """
import random
import numpy as np
from cs231n.data_utils import load_CIFAR10
from cs231n.gradient_check import eval_numerical_gradient, grad_check_sparse
from cs231n.vis_utils import visualize_grid
from cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized
from cs231n.classifiers.linear_classifier import LinearSVM, Softmax

X_train, y_train, X_test, y_test = load_CIFAR10("cs231n/datasets/cifar-10-batches-py")
X_val, y_val = X_train[50:], y_train[50:]
X_train, y_train = X_train[:50], y_train[:50]
X_dev, y_dev = X_train[:20], y_train[:20]
mean_image = np.mean(X_train.reshape(50, -1), axis=0)

def prepare(X):
    X = np.reshape(X, (X.shape[0], -1)) - mean_image
    return np.hstack([X, np.ones((X.shape[0], 1))])

X_train, X_val, X_test, X_dev = map(prepare, (X_train, X_val, X_test, X_dev))

np.random.seed(0)
random.seed(0)
W = np.random.randn(3073, 10) * 0.0001
svm_loss, _ = svm_loss_naive(W, X_dev, y_dev, 0.0)
softmax_loss, _ = softmax_loss_naive(W, X_dev, y_dev, 0.0)
for naive, vectorized in [(svm_loss_naive, svm_loss_vectorized), (softmax_loss_naive, softmax_loss_vectorized)]:
    loss, grad = naive(W, X_dev, y_dev, 5e1)
    f = lambda w: naive(w, X_dev, y_dev, 5e1)[0]
    grad_check_sparse(f, W, grad, 3)
    loss_2, grad_2 = vectorized(W, X_dev, y_dev, 5e1)
    difference = np.linalg.norm(grad - grad_2, ord="fro")
    assert abs(loss - loss_2) < 1e-9 and difference < 1e-8

results, best_val, best = {}, -1, None
for lr in [1e-7, 5e-7]:
    for reg in [2.5e4, 5e4]:
        for classifier in [LinearSVM(), Softmax()]:
            loss_hist = classifier.train(X_train, y_train, learning_rate=lr, reg=reg, num_iters=60, verbose=False)
            accuracies = [np.mean(y == classifier.predict(X)) for X, y in ((X_train, y_train), (X_val, y_val))]
            results[(lr, reg)] = tuple(accuracies)
            if accuracies[1] > best_val:
                best_val, best = accuracies[1], classifier
for lr, reg in sorted(results):
    print("lr %e reg %e train accuracy: %f val accuracy: %f" % (lr, reg, *results[(lr, reg)]))
test_accuracy = np.mean(y_test == best.predict(X_test))
w = best.W[:-1, :].reshape(32, 32, 3, 10)
templates = 255.0 * (w - np.min(w)) / (np.max(w) - np.min(w))
grid = visualize_grid(templates.transpose(3, 0, 1, 2))
best.save("best.npy")
"""

FEATURES = """
import numpy as np
from cs231n.data_utils import load_CIFAR10
from cs231n.features import color_histogram_hsv, hog_feature

X_train, y_train, X_test, y_test = load_CIFAR10("cs231n/datasets/cifar-10-batches-py")
X_val, y_val = X_train[50:], y_train[50:]
X_train, y_train = X_train[:50], y_train[:50]

from cs231n.features import *

feature_fns = [hog_feature, lambda img: color_histogram_hsv(img, nbin=10)]
X_train_feats = extract_features(X_train, feature_fns, verbose=True)
X_val_feats = extract_features(X_val, feature_fns)
X_test_feats = extract_features(X_test, feature_fns)
mean_feat = np.mean(X_train_feats, axis=0, keepdims=True)
std_feat = np.std(X_train_feats - mean_feat, axis=0, keepdims=True)

def prepare(F):
    return np.hstack([(F - mean_feat) / std_feat, np.ones((F.shape[0], 1))])

X_train_feats, X_val_feats, X_test_feats = map(prepare, (X_train_feats, X_val_feats, X_test_feats))

from cs231n.classifiers.linear_classifier import LinearSVM, Softmax

np.random.seed(0)
accuracies = {}
for name, classifier in (("svm", LinearSVM()), ("softmax", Softmax())):
    classifier.train(X_train_feats, y_train, learning_rate=1e-2, reg=1e-3, num_iters=200)
    accuracies[name] = [np.mean(y == classifier.predict(X)) for X, y in ((X_val_feats, y_val), (X_test_feats, y_test))]
    classifier.save("best_%s_features.npy" % name)
"""


def test_the_notebook_runs_with_its_imports_changed(
    tiny_cifar10: Any, capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(NOTEBOOK.replace("from cs231n.", "from fastlin.cs231n."), names)
    assert names["svm_loss"] == pytest.approx(9.0, abs=0.5)
    assert names["softmax_loss"] == pytest.approx(math.log(10), abs=0.1)
    errors = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines() if line.startswith("numerical")]
    assert len(errors) == 6 and max(errors) < 1e-5
    assert set(names["results"]) == {(1e-7, 2.5e4), (1e-7, 5e4), (5e-7, 2.5e4), (5e-7, 5e4)}
    assert names["best_val"] >= 0.9 and names["test_accuracy"] >= 0.9
    assert names["grid"].shape == (131, 131, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["best.npy"]


def test_the_notebook_of_features_runs_with_its_imports_changed(
    tiny_cifar10: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(FEATURES.replace("from cs231n.", "from fastlin.cs231n."), names)
    assert names["X_train_feats"].shape == (50, 155)
    assert np.min(list(names["accuracies"].values())) >= 0.9, names["accuracies"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best_softmax_features.npy", "best_svm_features.npy"]


@pytest.mark.parametrize(
    "module", ["classifiers", "classifiers.linear_classifier", "gradient_check", "data_utils", "features"]
)
def test_names_of_the_modules_are_those_of_the_package(module: str) -> None:
    found = importlib.import_module(f"fastlin.cs231n.{module}")
    shared = [name for name in cs231n.__all__ if hasattr(found, name)]
    assert shared and all(getattr(found, name) is getattr(cs231n, name) for name in shared)
