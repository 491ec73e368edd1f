"""Estimators at odd parameters: each combination means what its parts say, or is refused with the parameter's name."""

import inspect
import re
import time

import numpy as np
import pytest

from fastlin import path, training
from fastlin.linear_model import LinearClassifier, SoftmaxClassifier, SVMClassifier, load_model
from fastlin.training.progress import Progress


def blobs(n_rows=200, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n_rows)
    X = rng.normal(size=(n_rows, 5))
    X[np.arange(n_rows), y] += 2
    return X.astype(dtype), y


# What is refused


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (lambda y: np.ma.masked_array(y, y == 1), TypeError, "y is a masked array"),
        (lambda y: ["a" if label else 1 for label in y], TypeError, "y mixes int and str"),
        (lambda y: [(label,) * (label + 1) for label in y], ValueError, "y makes no array"),
    ],
)
def test_labels_that_numpy_would_change_in_silence(labels, error, message):
    X, y = blobs()
    with pytest.raises(error, match=message):
        path.fit_path(X, labels(y), alphas=[1.0])
    with pytest.raises(error, match=message):
        SoftmaxClassifier(max_iter=2).fit(X, y).score(X, labels(y))


def test_labels_that_cannot_be_sorted():
    X, y = blobs()
    with pytest.raises(TypeError, match="y holds object; wanted is labels of one kind that can be sorted"):
        SoftmaxClassifier().fit(X, [object() for _ in y])


def test_masked_classes():
    X, y = blobs()
    with pytest.raises(TypeError, match="classes is a masked array"):
        SoftmaxClassifier().partial_fit(X, y, classes=np.ma.masked_array([0, 1, 2], [False, False, True]))


def test_masks_and_mixed_labels_are_not_passed_over():
    X, y = blobs()
    mask = np.arange(len(y)) == 3
    with pytest.raises(TypeError, match="y is a masked array"):
        SoftmaxClassifier().fit(X, np.ma.masked_array(y, mask))
    with pytest.raises(TypeError, match="sample_weight is a masked array"):
        SoftmaxClassifier().fit(X, y, sample_weight=np.ma.masked_array(np.ones(len(y)), mask))
    with pytest.raises(TypeError, match="y mixes int and str"):
        SoftmaxClassifier().fit(X, ["a" if label else 1 for label in y])


def test_labels_of_another_kind_do_not_score_zero():
    X, y = blobs()
    model = SoftmaxClassifier(max_iter=2, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="y"):
        model.score(X, y.astype(str))


@pytest.mark.parametrize(
    "name", ["fit_intercept", "nesterov", "early_stopping", "standardize", "shuffle", "warm_start"]
)
def test_a_switch_is_no_word(name):
    X, y = blobs()
    with pytest.raises((TypeError, ValueError), match=f"{name} is 'no'"):
        SoftmaxClassifier(**{name: "no"}).fit(X, y)


def test_a_number_is_no_name_of_a_file():
    X, y = blobs()
    with pytest.raises(TypeError, match="checkpoint is 3; wanted is None or the name of a file"):
        SoftmaxClassifier(checkpoint=3, max_iter=2).fit(X, y)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "auto"])
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"max_time": -1}, ValueError, "max_time is -1"),
        ({"max_time": "x"}, TypeError, "max_time is 'x'"),
        ({"tol": -1}, ValueError, "tol is -1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change is 0"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every is 0"),
        ({"callbacks": print}, TypeError, "callbacks is <built-in"),
        ({"callbacks": [3]}, TypeError, r"callbacks is \[3\]"),
        ({"class_weight": dict.fromkeys(range(3), 0)}, ValueError, "class_weight leaves no row"),
        ({"alpha": 1e300}, ValueError, r"alpha is 1e\+300; .* in float32"),
        ({"alpha": "much"}, ValueError, "alpha is 'much'; wanted is 'auto' or a finite number >= 0"),
        ({"eta0": "much"}, ValueError, "eta0 is 'much'; wanted is 'auto' or a finite number > 0"),
        ({"max_iter": "much"}, ValueError, "max_iter is 'much'; wanted is 'auto' or an integer >= 1"),
        ({"average": "much"}, ValueError, "average is 'much'; wanted is 'auto' or True, False, or an integer >= 1"),
        ({"class_weight": "much"}, ValueError, "class_weight is 'much'; wanted is 'balanced' or None, or a dict"),
    ],
)
def test_a_wrong_parameter_is_named_whatever_the_solver(solver, parameters, error, message):
    with pytest.raises(error, match=message):
        SoftmaxClassifier(solver=solver, **parameters).fit(*blobs())

@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_rows_too_small_for_float32_end_in_one_clear_error(loss):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 5)), rng.integers(0, 3, 300)
    with pytest.raises(training.DivergenceError, match="rescale X"):  # and no warning, which would be an error here
        LinearClassifier(loss, solver="lbfgs").fit((X * 1e-40).astype(np.float32), y)
    small, plain = (X * 1e-34).astype(np.float32), X.astype(np.float32)
    scores = [LinearClassifier(loss, solver="lbfgs").fit(rows, y).score(rows, y) for rows in (small, plain)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)



@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_rows_too_large_for_float32_are_refused_or_scaled(solver):
    X, y = blobs()
    with pytest.raises(ValueError, match=r"X holds numbers .* standardize=True"):
        SoftmaxClassifier(solver=solver, standardize=False).fit(X * np.float32(1e25), y)
    huge = X * np.float32(1e25)
    assert SoftmaxClassifier(solver=solver, random_state=0).fit(huge, y).score(huge, y) > 0.85
    wide = SoftmaxClassifier(solver=solver, standardize=False, random_state=0).fit(X.astype(np.float64) * 1e25, y)
    assert wide.score(X * 1e25, y) > 0.85


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_what_is_wrong_with_the_held_out_rows_names_them(solver):
    X, y = blobs()
    odd = X.copy()
    odd[0, 0] = np.nan
    for eval_set, message in [((odd, y), "of eval_set, X holds NaN"), ((X, y + 1), "of eval_set, y holds 3")]:
        with pytest.raises(ValueError, match=message):
            SoftmaxClassifier(solver=solver).fit(X, y, eval_set=eval_set)
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcde"))
    with pytest.raises(ValueError, match="of eval_set, X has columns of other names"):
        SoftmaxClassifier(solver=solver).fit(table, y, eval_set=(table[list("bacde")], y))


def test_labels_of_another_kind_do_not_grow():
    X, y = blobs()
    model = SoftmaxClassifier().partial_fit(X, y, classes="grow")
    with pytest.raises(TypeError, match=r"y holds '[abc]', while the classes are 0, 1, 2"):
        model.partial_fit(X, np.array(["a", "b", "c"])[y], classes="grow")
    assert model.partial_fit(X, y + 1, classes="grow").classes_.tolist() == [0, 1, 2, 3]


# "auto" and "lbfgs"


def test_a_callback_ends_auto_as_a_whole():
    seen = []

    def stop_at_two(view):
        seen.append(view.epoch)
        return view.epoch == 2

    model = SoftmaxClassifier(solver="auto", callbacks=[stop_at_two], random_state=0).fit(*blobs())
    assert seen == [1, 2] and model.stop_reason_ == "callback" and model.certificate_.n_iter == 0


def test_auto_keeps_the_weights_of_early_stopping():
    X, y = blobs()
    parameters = {"early_stopping": True, "random_state": 0, "max_iter": 60}
    stopped = SoftmaxClassifier(**parameters).fit(X, y)
    auto = SoftmaxClassifier(solver="auto", **parameters).fit(X, y)
    np.testing.assert_array_equal(auto.coef_, stopped.coef_)
    assert auto.stop_reason_ == stopped.stop_reason_ == "early_stopping" and auto.best_epoch_ == stopped.best_epoch_
    assert auto.certificate_.objective > 0 and auto.certificate_.reason.startswith("not polished")


def test_auto_spends_max_time_once():
    def slow(view):
        time.sleep(0.03)

    model = SoftmaxClassifier(solver="auto", max_time=0.1, callbacks=[slow], random_state=0).fit(*blobs())
    assert model.stop_reason_ == "max_time" and model.n_iter_ <= 4


@pytest.mark.parametrize("solver", ["sgd", "lbfgs", "auto"])
def test_only_true_ends_a_fit(solver):
    model = SoftmaxClassifier(solver=solver, callbacks=[lambda view: 5], max_iter=3, random_state=0).fit(*blobs())
    assert model.stop_reason_ != "callback" and model.n_iter_ >= 3


def test_lbfgs_says_when_the_type_allows_no_more():
    X, y = blobs()
    model = SoftmaxClassifier(solver="lbfgs", tol=1e-40).fit(X, y)
    assert model.stop_reason_ == "precision" and not model.certificate_.converged
    assert SoftmaxClassifier(solver="lbfgs", max_iter=2).fit(X, y).stop_reason_ == "max_iter"


def test_an_interrupted_polish_says_so():
    seen = []

    def fail(view):
        seen.append(view.epoch)
        if np.isnan(view.rate):
            raise RuntimeError("enough")

    model = SoftmaxClassifier(solver="auto", callbacks=[fail], random_state=0, max_iter=3)
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(*blobs())
    assert model.stop_reason_ == "interrupted" and model.n_iter_ == 4 and seen == [1, 2, 3, 4]


@pytest.mark.parametrize("weighted", [False, True])
def test_full_batch_steps_tell_of_the_training_accuracy(weighted):
    X, y = blobs(n_rows=9000)
    weight = np.arange(9000) % 2 if weighted else None
    model = SoftmaxClassifier(solver="lbfgs").fit(X, y, sample_weight=weight)
    assert abs(model.history_["accuracy"][-1] - model.score(X, y, weight)) < 0.02
    few = SoftmaxClassifier(solver="lbfgs").fit(X[:100], y[:100])
    assert few.history_["accuracy"][-1] == few.score(X[:100], y[:100])


def test_progress_of_full_batch_steps_has_no_nan_and_the_last_one(capsys):
    model = SVMClassifier(solver="lbfgs", verbose=1).fit(*blobs())
    lines = capsys.readouterr().out.splitlines()
    assert "nan" not in "".join(lines) and "gradient" in lines[0]
    assert [int(re.match(r"step +(\d+)", line)[1]) for line in lines[:10]] == list(range(1, 11))
    assert lines[-1].startswith(f"step {model.n_iter_:>3} ") and len(lines) < 30


def test_a_fit_that_ends_early_prints_its_last_epoch(capsys):
    record = training.EpochRecord(1, 1.0, 0.0, 0.5, np.nan, np.nan, 0.1, 1.0, 0.1, 1.0, 10.0)
    with Progress(100, 10) as progress:
        for epoch in (1, 2, 3):
            progress.epoch_done(record._replace(epoch=epoch))
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["1", "3"]


def test_scikit_learns_callbacks_watch_auto():
    callback = pytest.importorskip("sklearn.callback")
    X, y = blobs()
    model = SoftmaxClassifier(solver="auto", max_iter=3, random_state=0)
    model.set_callbacks(callback.ScoringMonitor(scoring="accuracy")).fit(X, y)
    assert model.n_iter_ > 3


# Other combinations


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
def test_without_intercept_there_is_none_after_one_with(again):
    X, y = blobs()
    model = SoftmaxClassifier(random_state=0, warm_start=True, average=True).fit(X, y)
    getattr(model.set_params(fit_intercept=False), again)(X, y)
    assert not model.intercept_.any() and model.score(X, y) > 0.8


def test_partial_fit_counts_the_rows_before_averaging_over_all_calls():
    X, y = blobs()
    model = SoftmaxClassifier(average=500, batch_size=50, random_state=0)
    averaged = []
    for _ in range(4):
        model.partial_fit(X, y, classes=[0, 1, 2])
        averaged.append(not np.array_equal(model._state.coef, model.coef_))
    assert averaged == [False, False, True, True]
    model.set_params(average=False).partial_fit(X, y)
    assert np.array_equal(model._state.coef, model.coef_)


def test_partial_fit_looks_at_neither_checkpoint_nor_early_stopping(tmp_path):
    X, y = blobs()
    model = SoftmaxClassifier(
        checkpoint=tmp_path / "c.npz", early_stopping=True, n_iter_no_change=1, random_state=0
    ).partial_fit(X, y, classes=[0, 1, 2])  # fmt: skip
    assert model.partial_fit(X[:50], y[:50]).stop_reason_ == "max_iter"
    assert not list(tmp_path.iterdir())


def test_the_adaptive_rate_is_cut_without_a_tol_too():
    model = SoftmaxClassifier(learning_rate="adaptive", max_iter=200, random_state=0).fit(*blobs())
    rates = model.history_["rate"]
    assert rates[-1] < rates[0] / 5


def test_a_numpy_seed_is_the_checkpoints_seed(tmp_path):
    path = tmp_path / "c.npz"
    SoftmaxClassifier(checkpoint=path, random_state=np.int64(1), max_iter=2).fit(*blobs())
    with pytest.raises(training.CheckpointError, match="seed is 1"):
        SoftmaxClassifier(checkpoint=path, random_state=np.int64(2), max_iter=2).fit(*blobs())
    with pytest.raises(ValueError, match="random_state is None while checkpoint is set and early_stopping"):
        SoftmaxClassifier(checkpoint=tmp_path / "d.npz", early_stopping=True).fit(*blobs())


def test_parameters_are_numpy_scalars():
    given = {
        "alpha": np.float32(1e-3), "batch_size": np.int64(32), "max_iter": np.int32(3), "average": np.bool_(True),
        "early_stopping": np.bool_(True), "n_threads": np.int64(1), "standardize": np.bool_(True),
        "random_state": np.int64(0), "fit_intercept": np.bool_(True),
    }  # fmt: skip
    plain = {name: value.item() for name, value in given.items()}
    models = [SoftmaxClassifier(**parameters).fit(*blobs()) for parameters in (given, plain)]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


def test_a_model_file_names_no_file_to_write_and_keeps_the_standardization(tmp_path):
    X, y = blobs()
    path = tmp_path / "m.npz"
    model = SoftmaxClassifier(checkpoint=tmp_path / "c.npz", fit_intercept=False, random_state=0).fit(X + 3, y)
    model.set_params(checkpoint=str(model.checkpoint)).save(path)
    again = load_model(path)
    assert again.checkpoint is None and str(tmp_path).encode() not in path.read_bytes()
    np.testing.assert_array_equal(again.shift_, model.shift_)
    np.testing.assert_array_equal(again.scale_, model.scale_)


class Table:
    """Rows with names of columns, as data frames have them."""

    columns = ("a", "b", "c", "d", "e")

    def __init__(self, X):
        self._X = X
        self.shape = X.shape

    def __array__(self, dtype=None, copy=None):
        return self._X


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, X, y: model.predict(X),
        lambda model, X, y: model.decision_function(X),
        lambda model, X, y: model.predict_proba(X),
        lambda model, X, y: model.predict_log_proba(X),
        lambda model, X, y: model.score(X, y),
        lambda model, X, y: model.partial_fit(X, y),
        lambda model, X, y: model.fit(np.asarray(X), y[:, None]),
        lambda model, X, y: model.fit(np.asarray(X), y, eval_set=(np.asarray(X), y[:, None])),
    ],
)
def test_a_warning_is_of_the_line_that_asked(ask):
    X, y = blobs()
    model = SoftmaxClassifier(max_iter=2, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="fitted without feature names|column-vector y") as caught:
        ask(model, Table(X), y)
    assert [warning.filename for warning in caught] == [__file__] * len(caught)


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 1 has no strings of its own")
def test_labels_may_be_strings_of_numpy_2():
    X, y = blobs()
    names = np.array(["ant", "a longer name", "cat"], np.dtypes.StringDType())[y]
    model = SoftmaxClassifier(max_iter=5, random_state=0).fit(X, names)
    assert model.classes_.tolist() == ["a longer name", "ant", "cat"]
    assert model.score(X, names) == model.score(X, names.astype("U13")) > 0.8
    missing = np.array(["ant", np.nan, "cat"], np.dtypes.StringDType(na_object=np.nan))[y]
    with pytest.raises(TypeError, match="y mixes float and str"):
        model.fit(X, missing)


def test_labels_that_are_not_there_are_told_so():
    X, y = blobs()
    with pytest.raises(ValueError, match="y is None; wanted is one label a row of X"):
        SoftmaxClassifier(max_iter=2).fit(X, y).score(X, None)


def test_rows_after_images_leave_their_shape():
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
    y = np.arange(60) % 3
    model = SoftmaxClassifier(random_state=0).partial_fit(images, y, classes=[0, 1, 2])
    assert model.partial_fit(images.reshape(60, -1), y).image_shape_ == (4, 4, 3)


def test_the_docstring_names_every_parameter():
    documented = inspect.getdoc(LinearClassifier)
    assert all(re.search(rf"^{name} : ", documented, re.M) for name in LinearClassifier().get_params())
