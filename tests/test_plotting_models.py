"""Pictures of what models do: confusion, mistakes, weights, regions."""

from __future__ import annotations

import numpy as np
import pytest

import fastlin
from fastlin import plotting
from fastlin.plotting import confusion_counts, worst_mistakes

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def images():
    data = fastlin.datasets.load_fashion_mnist_small()
    return data.X_test[:300], data.y_test[:300]


@pytest.fixture(scope="module", params=["softmax", "hinge"])
def model(request, images):
    return fastlin.LinearClassifier(request.param, max_iter=2, random_state=0).fit(*images)


def test_confusion_counts_are_counted(model, images):
    counts = confusion_counts(model, *images)
    predicted = model.predict(images[0])
    for i in range(10):
        for j in range(10):
            assert counts[i, j] == np.sum((images[1] == i) & (predicted == j))


def test_confusion_shows_percents_or_rows(model, images):
    counts = confusion_counts(model, *images)
    names = [f"${k}_" for k in range(10)]
    figure = plotting.confusion(model, *images, class_names=names)
    figure.canvas.draw()
    (ax,) = figure.axes
    shares = 100 * counts / counts.sum(axis=1, keepdims=True)
    assert np.allclose(ax.images[0].get_array(), shares) and ax.images[0].get_clim() == (0, 100)
    written = {tuple(map(int, text.get_position()))[::-1]: text.get_text() for text in ax.texts}
    assert written == {(i, j): f"{shares[i, j]:.0f}" for i, j in np.argwhere(counts)}
    assert [t.get_text() for t in ax.get_xticklabels()] == names == [t.get_text() for t in ax.get_yticklabels()]
    assert ax.get_xlabel() == "predicted" and ax.get_ylabel() == "true"
    assert f"{model.score(*images):.1%}" in ax.get_title()
    (ax,) = plotting.confusion(model, *images, normalize=False).axes
    assert np.array_equal(ax.images[0].get_array(), counts)


def test_confusion_of_a_class_without_rows_and_of_many_classes(model, images):
    X, y = images
    counts = confusion_counts(model, X[y != 3], y[y != 3])
    assert counts.shape == (10, 10) and not counts[3].any()
    (ax,) = plotting.confusion(model, X[y != 3], y[y != 3]).axes
    assert not ax.images[0].get_array()[3].any()
    rng = np.random.default_rng(0)
    many = fastlin.SoftmaxClassifier(max_iter=1, random_state=0).fit(rng.normal(size=(180, 4)), np.arange(180) % 60)
    (ax,) = plotting.confusion(many, rng.normal(size=(180, 4)), np.arange(180) % 60).axes
    assert not ax.texts and ax.images[0].get_array().shape == (60, 60)


def test_a_label_the_model_does_not_know(model, images):
    X, y = images
    for draw in (plotting.confusion, plotting.worst):
        with pytest.raises(ValueError, match="y holds 10, which is not among the classes"):
            draw(model, X, y + 1)


def test_the_worst_mistakes_are_the_worst(model, images):
    X, y = images
    found = worst_mistakes(model, X, y, n=7)
    scores = np.asarray(model.decision_function(X), np.float64)
    gap = scores.max(axis=1) - scores[np.arange(len(y)), y]
    wanted = sorted(np.flatnonzero(model.predict(X) != y), key=lambda row: -gap[row])[:7]
    assert found.rows.tolist() == wanted
    assert np.array_equal(found.true, y[found.rows]) and np.array_equal(found.predicted, model.predict(X)[found.rows])
    assert np.allclose(found.gap, gap[found.rows])
    if model.loss == "softmax":
        assert np.allclose(found.probability, model.predict_proba(X)[found.rows].max(axis=1), rtol=1e-5)
    else:
        assert found.probability is None


def test_the_worst_mistakes_of_two_classes():
    X, y = fastlin.datasets.make_xor(200)
    model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
    found = worst_mistakes(model, X, y, n=1000)
    assert len(found.rows) == np.sum(model.predict(X) != y) > 0
    assert np.allclose(found.gap, np.abs(model.decision_function(X))[found.rows])


def test_the_picture_of_the_worst(model, images):
    X, y = images
    found = worst_mistakes(model, X, y, n=8)
    names = [f"n{k}" for k in range(10)]
    figure = plotting.worst(model, X, y, n=8, class_names=names)
    assert len(figure.axes) == 8
    for ax, row, true, predicted in zip(figure.axes, found.rows, found.true, found.predicted, strict=True):
        assert np.array_equal(ax.images[0].get_array(), X[row][..., 0])
        assert ax.get_title().startswith(f"n{true}, not\nn{predicted} (")
    if model.loss == "softmax":
        assert f"{100 * found.probability[0]:.0f}\xa0%" in figure.axes[0].get_title()
    flat = plotting.worst(model, X.reshape(300, -1), y, n=1)
    assert np.array_equal(flat.axes[0].images[0].get_array(), X[found.rows[0]][..., 0])


def test_no_mistakes_no_picture():
    X, y = fastlin.datasets.make_blobs(100, spread=0.01, n_features=4)
    model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="all 100 rows are predicted rightly; wanted is at least one mistake"):
        plotting.worst(model, X, y, shape=(2, 2))


@pytest.mark.parametrize(
    ("images", "wanted"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]]), [0, 100, 255]),
        (np.array([[-1.0, 0.0, 1.0]]), [0, 128, 255]),
        (np.array([[0, 1000, 2000]]), [0, 128, 255]),
        (np.array([[True, False, True]]), [255, 0, 255]),
        (np.array([[3, 4, 5]], np.uint8), [3, 4, 5]),
        (np.array([[-7.0, -7.0, -7.0]]), [128, 128, 128]),
    ],
)
def test_images_of_any_type_become_grey_levels(images, wanted):
    from fastlin.plotting._images import picture_pixels

    assert picture_pixels(images.reshape(1, 1, 3, 1)).ravel().tolist() == wanted


def test_weight_histogram():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 10)), np.arange(200) % 4
    model = fastlin.SoftmaxClassifier(penalty="l1", alpha=0.05, random_state=0, max_iter=20).fit(X, y)
    zeros = np.count_nonzero(model.coef_ == 0)
    assert zeros > 0
    (ax,) = plotting.weight_histogram(model, bins=11, weights="raw").axes
    (steps,) = ax.patches
    limit = np.abs(model.coef_).max()
    counts, edges = np.histogram(model.coef_, 11, (-limit, limit))
    assert np.array_equal(steps.get_data().values, counts) and np.allclose(steps.get_data().edges, edges)
    assert ax.get_xlim() == pytest.approx((-limit, limit))
    assert ax.get_title() == f"40 weights, {zeros / 40:.1%} exactly zero"


def test_regions_are_what_is_predicted():
    X, y = fastlin.datasets.make_spirals(150)
    names = np.array(["_one", "$two", "three"])[y]
    model = fastlin.SoftmaxClassifier(random_state=0).fit(X, names)
    figure = plotting.decision_regions(model, X, names, resolution=30)
    figure.canvas.draw()
    (ax,) = figure.axes
    (image,) = ax.images
    left, right, bottom, top = image.get_extent()
    across = left + (np.arange(30) + 0.5) * (right - left) / 30
    up = bottom + (np.arange(30) + 0.5) * (top - bottom) / 30
    for i, j in [(0, 0), (29, 0), (0, 29), (15, 7), (3, 22)]:
        predicted = model.predict(np.array([[across[j], up[i]]], np.float32))[0]
        assert model.classes_[image.get_array()[i, j]] == predicted
    assert image.origin == "lower" and image.get_clim() == (-0.5, 2.5)
    for points, name in zip(ax.collections, model.classes_, strict=True):
        assert np.allclose(points.get_offsets(), X[names == name])
    assert [t.get_text().strip("\u200b") for t in ax.get_legend().get_texts()] == ["$two", "_one", "three"]
    assert ax.get_title() == f"accuracy {model.score(X, names):.1%}"
    assert left < X[:, 0].min() and right > X[:, 0].max() and bottom < X[:, 1].min() and top > X[:, 1].max()


def test_regions_of_transformed_points_are_drawn_in_the_plane():
    X, y = fastlin.datasets.make_ring(400)

    def radius(points):
        return np.hypot(*points.T)[:, None]

    model = fastlin.SoftmaxClassifier(random_state=0).fit(radius(X), y)
    (ax,) = plotting.decision_regions(model, X, y, transform=radius, resolution=101).axes
    drawn = ax.images[0].get_array()
    assert drawn[50, 50] == 0 and drawn[0, 0] == drawn[100, 100] == drawn[50, 0] == 1  # a disc within a ring
    assert ax.get_title() == "accuracy 100.0%"
    with pytest.raises(ValueError, match="1 features and transform is None; wanted is a model of two features"):
        plotting.decision_regions(model, X, y)


def test_regions_refuse_what_is_no_plane():
    X, y = fastlin.datasets.make_blobs(90, n_classes=9)
    model = fastlin.SoftmaxClassifier(random_state=0, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="9 classes; wanted is at most 8"):
        plotting.decision_regions(model, X, y)
    with pytest.raises(ValueError, match=r"X has shape \(90, 3\); wanted is \(n_points, 2\)"):
        plotting.decision_regions(model, np.ones((90, 3)), y)


def test_options_of_another_kind_are_named(model, images):
    for names in (3, "abc", ["a"]):
        with pytest.raises(ValueError, match=r"class_names is .*; wanted is \d+ names"):
            plotting.confusion(model, *images, class_names=names)
    points = np.random.default_rng(0).standard_normal((30, 2))
    flat = fastlin.SoftmaxClassifier(max_iter=1, random_state=0).fit(points, np.arange(30) % 2)
    with pytest.raises(TypeError, match="transform is 3; wanted is a function of points"):
        plotting.decision_regions(flat, points, np.arange(30) % 2, transform=3)
