"""Pictures and reports of chains: features and a classifier in one model."""

from __future__ import annotations

import numpy as np
import pytest

import fastlin
from fastlin import cli, plotting
from fastlin.datasets import Dataset, make_bars, make_ring
from fastlin.features import PolarCoordinates
from fastlin.plotting import report_html

pytest.importorskip("matplotlib")
pytest.importorskip("scipy", reason="the solver wants the extra")

X, y = make_bars(300, size=16)
NAMES = ("lying", "standing")
DATA = Dataset("bars", X[:200], y[:200], X[200:], y[200:], NAMES, "hwc")


def fitted(spec):
    model = fastlin.make_pipeline(spec)
    known = model.get_params()
    model.set_params(**{name: 2000 for name in known if name.endswith("n_patches")})
    return model.fit(DATA.X_train, DATA.y_train)


@pytest.fixture(scope="module", params=["words:16", "color+words:16@14", "hog", "raw"])
def chain(request):
    if "color" in request.param:  # grey images have no colours
        return fitted("hog+words:16@16")
    return fitted(request.param)


def has_words(model):
    return "VisualWords" in repr(model.features_)


def test_confusion_and_worst_mistakes_are_of_the_images(chain):
    counts = plotting.confusion_counts(chain, DATA.X_test, DATA.y_test)
    assert np.trace(counts) / counts.sum() == chain.score(DATA.X_test, DATA.y_test)
    wrong = 1 - DATA.y_test
    found = plotting.worst_mistakes(chain, DATA.X_test, wrong, n=3)
    assert found.probability is not None and (found.predicted != found.true).all() and len(found.rows) == 3
    assert len(plotting.worst(chain, DATA.X_test, wrong, n=3, class_names=NAMES).axes) == 3


def test_weights_of_features_are_no_images(chain):
    assert len(plotting.weight_histogram(chain).axes) == 1
    if chain.features_ is None:
        inner = plotting.template_images(chain.classifier_)
        np.testing.assert_array_equal(plotting.template_images(chain).pixels, inner.pixels)
        evidence = plotting.evidence_of(chain, DATA.X_test[0])
        assert np.allclose(evidence.maps.sum(axis=(1, 2)) + evidence.base, evidence.scores)
        return
    for draw in (plotting.templates, plotting.template_images):
        with pytest.raises(TypeError, match=r"weights are of .* features, not of pixels"):
            draw(chain)
    with pytest.raises(TypeError, match=r"weights are of .* features, not of pixels"):
        plotting.evidence(chain, DATA.X_test[0])


def test_words_are_those_of_the_largest_weights(chain):
    if not has_words(chain):
        with pytest.raises(TypeError, match="wanted are visual words among them"):
            plotting.words(chain)
        return
    shown = plotting.word_images(chain, n=5)
    assert shown.pixels.shape == (2, 5, 6, 6, 1) and shown.pixels.dtype == np.uint8
    least, largest = shown.pixels.min(axis=(2, 3, 4)), shown.pixels.max(axis=(2, 3, 4))
    assert ((least == 0) | (largest == 255)).all() and ((least < 128) & (largest >= 127)).all()
    # By hand: names of columns say which cell, word and sign they are.
    names = [str(name).removeprefix("words__") for name in chain.features_.get_feature_names_out()]
    W = plotting._images.class_weights(chain, "standardized")
    sums = np.array(
        [
            sum((W[:, k] for k, name in enumerate(names) if name.endswith(f"_word{word}")), np.zeros(2))
            for word in range(16)
        ]
    ).T
    np.testing.assert_allclose(shown.weights, -np.sort(-sums, axis=1)[:, :5], rtol=1e-9)
    np.testing.assert_array_equal(np.take_along_axis(sums, shown.words, axis=1), shown.weights)
    assert plotting.word_images(chain, classes=1).labels == [1]
    assert len(plotting.words(chain, n=3, class_names=NAMES).axes) == 6


def test_words_want_a_chain():
    with pytest.raises(TypeError, match="model is SoftmaxClassifier; wanted is an ImagePipeline"):
        plotting.words(fastlin.SoftmaxClassifier())
    with pytest.raises(ValueError, match="not fitted"):
        plotting.words(fastlin.make_pipeline("words:4"))


def test_the_report_tells_of_the_chain(chain):
    page = report_html(chain, DATA, n_worst=4)
    assert f"{chain.score(DATA.X_test, DATA.y_test):.2%}" in page and "ImagePipeline on bars" in page
    assert "From images to columns" in page and f"{chain.alpha_:.3g}" in page and "All passed." in page
    assert ("visual words that add most" in page) == has_words(chain)
    assert ("Template of class lying" in page) == (chain.features_ is None)


def test_regions_of_a_chain_of_points():
    points, labels = make_ring(400)
    model = fastlin.ImagePipeline(PolarCoordinates(center=None)).fit(points, labels)
    assert len(plotting.decision_regions(model, points, labels).axes) == 1


def test_the_commands(chain, tmp_path, capsys):
    model, data = str(tmp_path / "m.npz"), str(tmp_path / "bars.npz")
    chain.save(model)
    np.savez(data, X=DATA.X_test, y=DATA.y_test)
    out = tmp_path / "out.html"
    assert cli.main(["report", model, data, "-o", str(out), "--no-checks", "--threads", "1"]) == 0
    assert "From images to columns" in out.read_text()
    for kind in ("confusion", "curves", "weights", "words", "templates"):
        needs = [data] if kind == "confusion" else []
        right = {"words": has_words(chain), "templates": chain.features_ is None}.get(kind, True)
        picture = tmp_path / f"{kind}.png"
        assert cli.main(["plot", kind, model, *needs, "-o", str(picture)]) == (0 if right else 2), kind
        assert picture.exists() == right
        err = capsys.readouterr().err
        assert (err == "") == right and "Traceback" not in err


def test_features_of_other_makers():
    class Means:
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.float32(X.mean(axis=(2, 3)))

    model = fastlin.ImagePipeline(Means()).fit(DATA.X_train, DATA.y_train)
    page = report_html(model, DATA, checks=False)
    assert "largest weights" in page
