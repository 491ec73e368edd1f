"""The examples of docs/, page by page as a reader would run them; docs/formats.md has a module of its own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import published
import pytest

import fastlin
from fastlin import datasets

DOCS = Path(__file__).resolve().parent.parent / "docs"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not beside the tests")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the examples of a page in an empty folder, with the names that its text speaks of; returns all names."""
    monkeypatch.chdir(tmp_path)

    def run(page: str, **names) -> dict:
        examples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)
        assert examples
        for example in examples:
            exec(compile(example, page, "exec"), names)
        return names

    return run


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


def test_diagnostics(run):
    run("diagnostics.md")


def test_datasets(run, tmp_path, monkeypatch):
    # Few images in CIFAR-10's form: the real ones would be downloaded where they are not.
    published.shrink(monkeypatch)
    published.write_folder(tmp_path / "home" / "cifar-10-batches-bin", published.cifar10_files()[0])
    monkeypatch.setenv("FASTLIN_DATA", str(tmp_path / "home"))
    (tmp_path / "table.csv").write_text("length,width,kind\n5.1,3.5,0\n4.9,3.0,1\n")
    run("datasets.md")
    table = datasets.load("table.npz")
    assert table.X_train.tolist() == [[5.1, 3.5], [4.9, 3.0]] and table.y_train.tolist() == [0, 1]


def test_plotting(run, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    run("plotting.md")
    assert {path.name for path in tmp_path.iterdir()} == {"templates.png", "report.html", "surface.png"}


def test_features(run, images):
    names = run("features.md", images=images)
    assert names["X"].shape == (20, 324)
    assert names["C"].shape == (20, 12 * 4 * 4)
    assert len(names["F"]) == 20


def test_visual_words(run, images):
    names = run("visual_words.md", train_images=images, test_images=images[:5])
    assert names["X_train"].shape == (20, 3328) and names["X_test"].shape == (5, 3328)


def test_coming_from_scikit_learn(run):
    pytest.importorskip("sklearn")
    names = run("scikit_learn.md")
    assert names["ours"].score(names["X"], names["y"]) > 0.95


def test_the_parameters_of_scikit_learn_are_those_that_the_page_names():
    linear_model = pytest.importorskip("sklearn.linear_model")
    text = (DOCS / "scikit_learn.md").read_text()
    named = set(re.findall(r"`(\w+)`", text.partition("## Parameters")[2].partition("mean what")[0]))
    ours = fastlin.SoftmaxClassifier().get_params()
    theirs = linear_model.SGDClassifier().get_params()
    assert named == set(ours) & set(theirs)


def test_a_model_file_is_read_without_fastlin(run):
    pytest.importorskip("safetensors")
    data = datasets.load_fashion_mnist_small()
    model = fastlin.SoftmaxClassifier(max_iter=1, random_state=0).fit(data.X_train, data.y_train)
    for name in ("model.npz", "model.safetensors"):
        model.save(name)
    names = run("model_file.md", X=data.X_test)
    np.testing.assert_array_equal(names["labels"], model.predict(data.X_test))
    np.testing.assert_allclose(names["scores"], model.decision_function(data.X_test), rtol=1e-4, atol=1e-3)


def test_the_courses_imports_have_their_place_here():
    lines = re.findall(r"```python\n(.*?)```", (DOCS / "cs231n.md").read_text(), re.S)[0]
    exec(compile(re.sub(r"^from cs231n\.", "from fastlin.cs231n.", lines, flags=re.M), "cs231n.md", "exec"), {})
