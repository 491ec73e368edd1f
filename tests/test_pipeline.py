"""Images to labels: the pipeline, the choice of its penalty, its file."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastlin
from fastlin import ImagePipeline, LinearClassifier, features, load_model, make_pipeline, model_file
from fastlin._labels import Meaning
from fastlin.datasets import make_ring, make_xor
from fastlin.pipeline import _choice, make_features

pytest.importorskip("scipy", reason="the solver wants the extra")
N_MUTATIONS = 5_000 if os.environ.get("CI") or os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1_000


@pytest.fixture(scope="module")
def images():
    """Colour images of 16 x 16 in three classes by hue and by the direction of stripes, 240 to train and 60 to test."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = rng.integers(0, 120, (300, 16, 16, 3))
    stripes = 80 * (np.arange(16) // 2 % 2)
    X[y == 0] += stripes[:, None, None]
    X[y == 1] += stripes[None, :, None]
    X[y == 2, ..., 0] += 60
    X = np.minimum(X, 255).astype(np.uint8)
    names = np.array(["lying", "red", "standing"])[np.array([0, 2, 1])[y]]
    return X[:240], names[:240], X[240:], names[240:]


HOG = features.HOG(cells_per_block=(2, 2))


def small(spec, **options):
    """The pipeline of `spec`, with a dictionary made of few patches."""
    model = make_pipeline(spec, **options)
    known = model.get_params()
    return model.set_params(**{name: 2000 for name in known if name.endswith("n_patches")})


SPECS = ["raw", "hog", "color", "hog4+color4", "words:4", "words:4+hog+color", "words:8@14", "words:4+color@14"]


@pytest.mark.parametrize("spec", SPECS)
def test_fits_predicts_and_comes_back_from_its_file_to_the_same_bits(images, tmp_path, spec):
    X, y, X_test, y_test = images
    model = small(spec).fit(X, y)
    assert model.score(X_test, y_test) > (0.9 if "hog" in spec or "words" in spec else 0.5)
    assert model.alpha_ in model.alphas_ and len(model.alphas_) == len(model.validation_scores_) >= 2
    assert model.image_shape_ == (16, 16, 3) and model.n_features_in_ == 768
    for name in ("m.npz", "m.safetensors"):
        model.save(tmp_path / name)
        for loaded in (load_model(tmp_path / name), ImagePipeline.load(tmp_path / name)):
            for method in ("predict", "predict_proba", "decision_function"):
                np.testing.assert_array_equal(getattr(loaded, method)(X_test), getattr(model, method)(X_test))
            assert loaded.get_params(deep=False).keys() == model.get_params(deep=False).keys()
            assert loaded.alpha_ == model.alpha_ and loaded.seconds_ == model.seconds_
            np.testing.assert_array_equal(loaded.validation_scores_, model.validation_scores_)
    # And a loaded one fits anew, to the same bits.
    again = load_model(tmp_path / "m.npz").fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X_test), model.decision_function(X_test))


def test_bits_do_not_depend_on_threads_or_batches(images, monkeypatch):
    X, y, X_test, _ = images
    one = small("words:4+hog", n_threads=1).fit(X, y)
    two = small("words:4+hog", n_threads=2).fit(X, y)
    np.testing.assert_array_equal(one.classifier_.coef_, two.classifier_.coef_)
    whole = one.decision_function(X_test)
    monkeypatch.setattr("fastlin.pipeline._pipeline._BATCH_NUMBERS", 7 * one.classifier_.n_features_in_)
    np.testing.assert_array_equal(one.set_num_threads(2).decision_function(X_test), whole)


def test_no_images_give_no_labels(images):
    X, y, _, _ = images
    model = make_pipeline("hog+color").fit(X, y)
    assert model.predict(X[:0]).shape == (0,) and model.decision_function(X[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match="X has no images"):
        model.score(X[:0], y[:0])
    with pytest.raises(TypeError, match=r"y holds .*, while the classes are .*; wanted is labels of one kind"):
        model.score(X, np.arange(len(y)))


def test_the_features_are_left_alone_and_computed_once(images):
    X, y, _, _ = images
    calls = []

    class Counting(features.HOG):
        def transform(self, X):
            calls.append(len(X))
            return super().transform(X)

        @classmethod
        def _parameter_names(cls):
            return features.HOG._parameter_names()

    transformer = Counting(cells_per_block=(2, 2))
    model = ImagePipeline(transformer).fit(X, y)
    assert calls == [len(X)] and not hasattr(transformer, "n_features_in_") and hasattr(model.features_, "image_shape_")
    with pytest.raises(TypeError, match="features is a Counting, which a model file cannot hold"):
        model.save("never-written.npz")


def test_what_lines_cannot_part_polar_coordinates_and_products_do():
    for make, transformer in (
        (make_ring, features.PolarCoordinates(center=None)),
        (make_xor, features.Polynomial2(interaction_only=True)),
    ):
        X, y = make(2000)
        half = slice(0, 1000), slice(1000, None)
        scores = [
            ImagePipeline(given).fit(X[half[0]], y[half[0]]).score(X[half[1]], y[half[1]])
            for given in (None, transformer)
        ]
        assert scores[0] < 0.6 and scores[1] > 0.99, (make.__name__, scores)


# The choice of the penalty


@pytest.mark.parametrize(
    ("shares", "tried", "best"),
    [
        ({3e-4: 0.5, 1e-4: 0.6, 3e-5: 0.55}, [3e-4, 1e-4, 3e-5], 1e-4),
        ({3e-4: 0.5, 1e-4: 0.4, 1e-3: 0.6, 3e-3: 0.6}, [3e-4, 1e-4, 1e-3, 3e-3], 3e-3),
        ({3e-4: 0.5, 1e-4: 0.4, 1e-3: 0.3}, [3e-4, 1e-4, 1e-3], 3e-4),
        ({3e-4: 0.5, 1e-4: 0.5005, 1e-3: 0.4}, [3e-4, 1e-4, 1e-3], 3e-4),  # within noise: the stronger one
    ],
)
def test_climbs_to_the_best_strength(shares, tried, best):
    choice = _choice.climb(shares.__getitem__, 3e-4)
    assert (choice.alphas, choice.best) == (tried, best) and choice.scores == [shares[alpha] for alpha in tried]


def test_the_climb_ends_at_the_ends():
    assert _choice.climb(lambda alpha: -np.log10(alpha), 3e-2).best == 1e-8
    assert _choice.climb(lambda alpha: np.log10(alpha) + 10, 3e-2).best == 3e2


def test_the_held_out_labels_are_not_seen_by_the_choice(images):
    """Each strength's score is that of an estimator fitted to the other rows alone."""
    X, y, _, _ = images
    model = ImagePipeline(HOG, LinearClassifier(solver="lbfgs", tol=1e-7)).fit(X, y)
    rows = HOG.fit_transform(X)
    index = np.unique(y, return_inverse=True)[1]
    weight, held_out = fastlin.training.hold_out(index, None, 0.1, fastlin.training.as_generator(0))
    assert weight[held_out].sum() == 0 and len(held_out) == 24
    wrong = y.copy()
    wrong[held_out] = np.roll(y[held_out], 1)
    for alpha, share in zip(model.alphas_, model.validation_scores_, strict=True):
        one = LinearClassifier(solver="lbfgs", alpha=alpha, tol=1e-7).fit(rows, wrong, weight)
        assert one.score(rows[held_out], y[held_out]) == pytest.approx(share, abs=1 / 24 + 1e-9)


def test_views_of_an_image_are_held_out_together(images):
    """Rows that are there twice, as two views of an image, make the same choice as rows that are there once."""
    X, y, _, _ = images
    rows = HOG.fit_transform(X)
    classes, index = np.unique(y, return_inverse=True)
    meaning = Meaning(classes, np.bincount(index).astype(float), None)
    found = []
    for views in (1, 2):
        model = LinearClassifier(solver="lbfgs", tol=1e-7)
        data = _choice.Data(np.tile(rows, (views, 1)), np.tile(index, views), None, meaning, views)
        options = {"first": 1e-2, "fraction": 0.2, "seed": 0, "say": lambda line: None}
        choice = _choice.fit(model, data, None, **options)
        found.append((choice, model.certificate_.objective))
    assert found[0][0] == found[1][0] and found[0][1] == pytest.approx(found[1][1], rel=1e-5)


def test_the_loss_on_the_held_out_rows_decides(images):
    """Where all strengths classify them alike."""
    X, y, _, _ = images
    lines = []
    rows = HOG.fit_transform(X)
    classes, index = np.unique(y, return_inverse=True)
    data = _choice.Data(rows, index, None, Meaning(classes, np.bincount(index).astype(float), None))
    options = {"first": 1e-2, "fraction": 0.2, "seed": 0, "say": lines.append}
    choice = _choice.fit(LinearClassifier(solver="lbfgs"), data, None, **options)
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in lines]
    assert set(choice.scores) == {1.0}
    assert choice.best == max(a for a, loss in zip(choice.alphas, losses, strict=True) if loss <= min(losses) + 2e-3)


def test_the_last_fit_is_the_optimum_on_all_rows(images):
    X, y, _, _ = images
    for options in ({}, {"loss": "squared_hinge"}, {"penalty": "l1"}, {"class_weight": "balanced"}):
        model = ImagePipeline(HOG, LinearClassifier(solver="lbfgs", tol=1e-5, **options)).fit(X, y)
        rows = HOG.fit_transform(X)
        wanted = LinearClassifier(solver="lbfgs", tol=1e-5, alpha=model.alpha_, **options).fit(rows, y)
        ours, theirs = model.classifier_.certificate_.objective, wanted.certificate_.objective
        assert ours == pytest.approx(theirs, rel=1e-4) and model.classifier_.certificate_.converged
        np.testing.assert_allclose(model.classifier_._class_counts, wanted._class_counts)


def test_rows_of_weight_zero_are_not_there(images):
    X, y, X_test, _ = images
    wrong = y.copy()
    wrong[:40] = "red"
    weight = np.ones(len(y))
    weight[:40] = 0
    model = make_pipeline("hog", alpha=1e-2).fit(X, wrong, weight)
    same = make_pipeline("hog", alpha=1e-2).fit(X[40:], y[40:])
    np.testing.assert_allclose(model.predict_proba(X_test), same.predict_proba(X_test), atol=0.02)


def test_a_given_strength_is_not_chosen(images):
    X, y, _, _ = images
    model = make_pipeline("hog", alpha=0.02).fit(X, y)
    assert model.alpha_ == model.classifier_.alpha == 0.02 and len(model.alphas_) == 0


def test_sgd_wants_no_scipy(images, run_python):
    code = """
        import sys
        sys.modules["scipy"] = sys.modules["threadpoolctl"] = None
        import numpy as np, fastlin
        X, y = fastlin.datasets.make_bars(200, size=16)
        model = fastlin.make_pipeline("hog", solver="sgd").fit(X, y)
        assert model.score(X, y) > 0.9 and len(model.alphas_) >= 2

        class Never:
            def fit(self, X):
                raise AssertionError("features are fitted before the extra is looked for")

        try:
            fastlin.ImagePipeline(Never()).fit(X, y)
        except ImportError as error:
            assert "pip install 'fastlin[solvers]'" in str(error)
        else:
            raise AssertionError
    """
    run_python(textwrap.dedent(code))


def test_verbose_prints_the_steps(images, capsys):
    X, y, _, _ = images
    make_pipeline("hog", verbose=1).fit(X, y)
    out = capsys.readouterr().out
    for words in ("features: ", "transform: ", "HOG: 72 features", "penalty 0.01: ", "classifier: "):
        assert words in out, words
    make_pipeline("hog").fit(X, y)
    assert capsys.readouterr() == ("", "")


# scikit-learn's protocol


def test_clones_and_searches(images):
    base = pytest.importorskip("sklearn.base")
    from sklearn.model_selection import GridSearchCV

    X, y, X_test, y_test = images
    model = make_pipeline("hog+color", solver="sgd")
    copy = base.clone(model)
    assert copy is not model and copy.features is not model.features and repr(copy) == repr(model)
    assert base.is_classifier(model)
    copy.set_params(features__hog__orientations=6, classifier__loss="hinge", alpha=1e-3)
    assert copy.features.get_params()["hog"].orientations == 6 and not hasattr(copy, "predict_proba")
    search = GridSearchCV(copy, {"features__hog__orientations": [4, 9]}, cv=2).fit(X, y)
    assert search.score(X_test, y_test) > 0.9
    with pytest.raises(ValueError, match="'feature' is no parameter of ImagePipeline"):
        model.set_params(feature=None)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"alpha": "best"}, ValueError, "alpha is 'best'"),
        ({"alpha": -1}, ValueError, "alpha is -1"),
        ({"alpha": "auto", "validation_fraction": 1.5}, ValueError, "validation_fraction is 1.5"),
        ({"classifier": "softmax"}, TypeError, "classifier is a str; wanted is a LinearClassifier"),
        ({"alpha": "auto", "classifier": LinearClassifier(penalty=None)}, ValueError, "while the classifier's penalty"),
        ({"classifier": LinearClassifier(loss="log")}, ValueError, "loss is 'log'"),
        ({"features": features.HOG(orientations=0)}, ValueError, "orientations is 0"),
    ],
)
def test_wrong_parameters_are_refused_and_an_earlier_fit_kept(images, change, error, message):
    X, y, _, _ = images
    model = make_pipeline("color", alpha=1e-3).fit(X, y)
    before = model.decision_function(X)
    with pytest.raises(error, match=message):
        model.set_params(**change).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_lists_that_make_no_array_are_refused():
    with pytest.raises(ValueError, match=r"^X makes no array"):
        fastlin.ImagePipeline().fit([[1.0, 2.0], [3.0]], [0, 1])


def test_features_that_are_no_transformer_are_refused(images):
    with pytest.raises(TypeError, match="features is 'hog'; wanted is a transformer, or None for the pixels"):
        fastlin.ImagePipeline("hog").fit(images[0], images[1])


def test_wrong_data_are_refused(images):
    X, y, _, _ = images
    model = make_pipeline("color", alpha=1e-3)
    with pytest.raises(fastlin.linear_model.NotFittedError, match="this ImagePipeline is not fitted"):
        model.predict(X)
    for data, message in (
        ((X, y[:-1]), r"y has shape \(239,\)"), ((X[:0], y[:0]), "wanted is at least one image"),
        ((X[0, 0, 0], y), r"X has shape \(3,\)"), ((X, np.repeat("a", 240)), "only one class"),
        ((X, None), "y is None"), ((X, y, np.zeros(240)), "sample_weight is zero for every row"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            model.fit(*data)
    model.fit(X, y)
    with pytest.raises(ValueError, match="X has images of 192 numbers; wanted is 768"):
        model.predict(X[:, :8, :8])
    with pytest.raises(ValueError, match=r"X has images of shape \(8, 32, 3\); wanted is \(16, 16, 3\)"):
        model.predict(X.reshape(-1, 8, 32, 3))


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("sift", ValueError, "'sift' is unknown"), ("", ValueError, "'' is unknown"),
        ("words:", ValueError, "'words:' is unknown"), ("words:x", ValueError, "'words:x' is unknown"),
        ("words:-1", ValueError, "'words:-1' is unknown"), ("words:0", ValueError, "N of words:N is 0"),
        ("raw@28", ValueError, "features other than raw"), ("hog@", ValueError, "behind @ a number of pixels"),
        ("hog@x", ValueError, "behind @ a number"), ("hog@0", ValueError, "SIDE of @SIDE is 0"),
        ("hog+raw", ValueError, "'raw' is unknown"), ("hog+hog", ValueError, "has a part twice"),
        ("words:2+words:3", ValueError, "has a part twice"), (None, TypeError, "spec is None"),
    ],
)  # fmt: skip
def test_wrong_names_are_refused(spec, error, message):
    with pytest.raises(error, match=message):
        make_features(spec)


# Files


def test_a_file_of_a_linear_classifier_is_no_pipeline(images, tmp_path):
    X, y, _, _ = images
    model = LinearClassifier(random_state=0).fit(X, y)
    model.save(tmp_path / "m.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "m.npz").coef_, model.coef_)
    with pytest.raises(TypeError, match="holds a LinearClassifier; wanted is a ImagePipeline"):
        ImagePipeline.load(tmp_path / "m.npz")
    make_pipeline("color", alpha=1e-3).fit(X, y).save(tmp_path / "chain.npz")
    with pytest.raises(model_file.ModelFileError, match=r"chain\.npz"):
        fastlin.linear_model.load_model(tmp_path / "chain.npz")


def test_every_transformer_saves(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 2)).astype(np.float32), np.arange(60) % 2
    for transformer in (
        features.BiasTrick(), features.PolarCoordinates(), features.PolarCoordinates(center=(1, 2), angle="raw"),
        features.Polynomial2(), features.SignedPower(0.5), features.Standardize(),
        features.Concat([("a", features.Standardize()), ("b", features.Concat([("c", features.Polynomial2())]))]),
    ):  # fmt: skip
        model = ImagePipeline(transformer, alpha=1e-3).fit(X, y)
        model.save(tmp_path / "m.npz")
        loaded = load_model(tmp_path / "m.npz")
        np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
        assert type(loaded.features_) is type(transformer)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, arrays: header.pop("classifier"),
        lambda header, arrays: header.pop("params"),
        lambda header, arrays: header["params"].update(alpha="worst"),
        lambda header, arrays: header["params"].update(more=1),
        lambda header, arrays: header.update(n_features=0),
        lambda header, arrays: header.update(image_shape=[16, 16, 4]),
        lambda header, arrays: header.update(image_shape=[768, 1, 1]),
        lambda header, arrays: header.update(features=None),
        lambda header, arrays: header.update(seconds={"features": -1.0}),
        lambda header, arrays: header["features"].update({"class": "reference"}),
        lambda header, arrays: header["features"].update({"class": "concat"}),
        lambda header, arrays: header["features"].update({"class": "__init__"}),
        lambda header, arrays: header["features"]["state"]["transformers"][0].update({"class": "SignedPower"}),
        lambda header, arrays: header["features"]["state"]["transformers"].pop(),
        lambda header, arrays: header["features"]["state"]["transformers"][0]["state"]["params"].update(pooling=[9, 9]),
        lambda header, arrays: header["features"]["state"]["transformers"][1]["state"]["params"].update(orientations=8),
        lambda header, arrays: arrays.update({"features/words.words": arrays["features/words.words"][:3]}),
        lambda header, arrays: arrays.update({"features/words.mean": arrays["features/words.mean"] + np.nan}),
        lambda header, arrays: arrays.update({"classifier/coef": arrays["classifier/coef"][:, :-1]}),
        lambda header, arrays: arrays.update({"other": np.zeros(3)}),
        lambda header, arrays: arrays.update({"alphas": np.zeros(30)}),
        lambda header, arrays: arrays.pop("features/words.components"),
    ],
)
def test_a_changed_file_is_refused(images, tmp_path, change):
    X, y, _, _ = images
    path = tmp_path / "m.npz"
    small("words:4+hog", alpha=1e-3).fit(X, y).save(path)
    header, arrays = model_file.read(path)
    change(header, arrays)
    model_file.write(path, {name: value for name, value in header.items() if name not in ("format", "version")}, arrays)
    with pytest.raises(model_file.ModelFileError, match=r"m.npz' is not a model file, or is damaged: "):
        load_model(path)


CHILD = """
    import random, resource, signal, sys, warnings
    import numpy as np
    import mutations
    from fastlin import load_model
    from fastlin.model_file import ModelFileError
    from pathlib import Path

    path = Path({name!r})
    mutator = mutations.Mutator(path)
    X = np.zeros((3, 16, 16, 3), np.uint8)
    load_model(path).predict(X)  # all modules are imported now
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 400 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Duplicate name")  # of the zip that is made here
    stream = path.open("r+b")
    refused = loaded = 0
    for seed in range({n}):
        stream.seek(0)
        stream.truncate(stream.write(mutator.mutated(random.Random(seed))))
        stream.flush()
        signal.alarm(5)
        try:
            model = load_model(path)
        except ModelFileError as error:
            assert repr(str(path)) in str(error) and len(str(error)) < 1000, seed
            assert not isinstance(error.__cause__, MemoryError), seed
            refused += 1
        except BaseException as error:
            raise AssertionError(f"seed {{seed}}") from error
        else:
            try:
                assert model.predict(X).shape == (3,) or model.n_features_in_ != 768, seed
            except ValueError as error:
                # Another shape of the images, or weights so large that numbers overflow.
                assert str(error).startswith(("X has images of", "X holds")), seed
            repr(model)
            loaded += 1
        signal.alarm(0)
    print(refused, loaded)
"""


@pytest.mark.skipif(os.name == "nt", reason="alarms of POSIX")
@pytest.mark.parametrize("name", ["m.npz", "m.safetensors"])
def test_no_mutation_does_harm(images, tmp_path: Path, run_python: Callable, name: str) -> None:
    X, y, _, _ = images
    small("words:2+hog+color", alpha=1e-3).fit(X, y).save(tmp_path / name)
    code = textwrap.dedent(CHILD).format(name=name, n=N_MUTATIONS)
    refused, loaded = map(int, run_python(code, timeout=300).stdout.split())
    assert refused > N_MUTATIONS / 2 and loaded > 0 and refused + loaded == N_MUTATIONS
