"""Curves, shapes of functions, surfaces; and that a figure is the caller's own."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fastlin
from fastlin import plotting
from fastlin.plotting import WeightPath, surface_of

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def descent():
    X, y = fastlin.datasets.make_blobs(300, n_features=3)
    path = WeightPath()
    model = fastlin.SoftmaxClassifier(
        max_iter=6, callbacks=[path], random_state=0, alpha=0.1, early_stopping=True
    ).fit(X, y)  # fmt: skip
    return X, y, path, model


def lines_of(ax):
    return {line.get_label(): line for line in ax.lines}


def test_curves_are_the_history(descent):
    history = descent[3].history_
    figure = plotting.learning_curves(history)
    loss, accuracy, ratio = figure.axes
    assert [ax.get_title() for ax in figure.axes][:2] == ["loss", "accuracy"]
    for ax, columns in (
        (loss, {"training": "loss", "validation": "validation_loss", "of it the penalty": "penalty"}),
        (accuracy, {"training": "accuracy", "validation": "validation_accuracy"}),
        (ratio, {"at the epoch's end": "update_ratio"}),
    ):
        lines = lines_of(ax)
        for label, column in columns.items():
            assert np.array_equal(lines[label].get_ydata(), history[column][np.isfinite(history[column])])
            assert lines[label].get_xdata()[-1] == history.n_epochs
    assert set(lines_of(loss)) == {"training", "validation", "of it the penalty"}
    assert loss.get_ylim()[0] == 0
    assert lines_of(ratio)["rule of thumb"].get_ydata() == [1e-3, 1e-3]


def test_curves_without_validation_leave_it_out():
    X, y = fastlin.datasets.make_ring(100)
    model = fastlin.SVMClassifier(max_iter=1, random_state=0).fit(X, y)
    (ax,) = plotting.learning_curves(model.history_, panels="accuracy").axes
    assert set(lines_of(ax)) == {"training"} and lines_of(ax)["training"].get_marker() == "o"
    other = plotting.learning_curves({"loss": np.array([3.0, 2.0])}, panels=["loss"])
    assert np.array_equal(lines_of(other.axes[0])["training"].get_xdata(), [1, 2])


@pytest.mark.parametrize(
    ("history", "panels", "message"),
    [
        ({"loss": [1.0]}, ["noise"], "panels holds 'noise'; wanted is among 'loss'"),
        ({"loss": [1.0]}, ["accuracy"], "nothing for the panel 'accuracy'"),
        ({"loss": []}, ["loss"], "nothing for the panel 'loss'"),
        ({"loss": [1.0]}, [], "panels is empty"),
    ],
)
def test_wrong_panels(history, panels, message):
    with pytest.raises(ValueError, match=message):
        plotting.learning_curves(history, panels=panels)
    with pytest.raises(TypeError, match="panels is 3; wanted is a sequence of 'loss'"):
        plotting.learning_curves(history, panels=3)


def test_loss_shapes_are_the_losses():
    (ax,) = plotting.loss_shapes(margin=1.5, limit=3.0).axes
    lines = lines_of(ax)
    x = np.ones((1, 1))
    for k in (0, 100, 200, 333, 400):
        m = lines["hinge"].get_xdata()[k]
        W = np.array([[m], [0.0]])
        for name, loss in (
            ("hinge", fastlin.hinge_loss(x, [0], W, margin=1.5)),
            ("squared hinge", fastlin.hinge_loss(x, [0], W, margin=1.5, power=2)),
            ("softmax", fastlin.softmax_loss(x, [0], W)),
        ):
            assert lines[name].get_ydata()[k] == pytest.approx(loss.loss, abs=1e-12)
    assert ax.get_xlim() == (-3, 3)
    steps = lines["a mistake counts 1"]
    assert steps.get_xdata().tolist() == [-3, 0, 3] and steps.get_ydata().tolist() == [1, 1, 0]
    assert steps.get_drawstyle() == "steps-pre"
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {*lines} - {"_child4"}


def test_penalty_shapes_are_the_penalties():
    left, right = plotting.penalty_shapes(l1_ratio=0.25).axes
    lines = lines_of(left)
    w = lines["l1"].get_xdata()
    assert np.allclose(lines["l1"].get_ydata(), np.abs(w)) and np.allclose(lines["l2"].get_ydata(), w**2 / 2)
    assert np.allclose(lines["elastic net, l1_ratio 0.25"].get_ydata(), 0.375 * w**2 + 0.25 * np.abs(w))
    circle, diamond, between = (contour.get_paths()[0].vertices for contour in right.collections)
    assert np.allclose(np.hypot(*circle.T), 1, atol=1e-3)
    assert np.allclose(np.abs(diamond).sum(axis=1), 1, atol=1e-2)
    assert (np.hypot(*between.T) < 1 + 1e-3).all() and (np.abs(between).sum(axis=1) > 1 - 1e-2).all()
    with pytest.raises(ValueError, match=r"l1_ratio is 1.5; wanted is a number from 0 to 1"):
        plotting.penalty_shapes(l1_ratio=1.5)


def test_a_path_is_kept_by_the_callback(descent):
    X, y, path, _ = descent
    assert len(path.steps) == 7 and not path.steps[0][0].any()
    again = WeightPath(from_zero=False)
    plain = fastlin.SoftmaxClassifier(max_iter=4, callbacks=[again], random_state=0).fit(X, y)
    assert len(again.steps) == 4
    assert np.array_equal(again.steps[-1][0], plain.coef_) and np.array_equal(again.steps[-1][1], plain.intercept_)


def direct(loss, X, y, W, b, **options):
    if loss == "softmax":
        return fastlin.softmax_loss(X, y, W, b, **options).loss
    return fastlin.hinge_loss(X, y, W, b, **options).loss


@pytest.mark.parametrize(
    ("loss", "options"),
    [("softmax", {}), ("hinge", {"margin": 2.0, "l2": 0.1}), ("hinge", {"kind": "max", "l1": 0.05})],
)
def test_the_surface_is_the_loss(descent, loss, options):
    X, y, path, _ = descent
    rows = X.astype(np.float64)
    found = surface_of(loss, X, y, path, resolution=7, **options)

    def slow(X, y, W, b, **options):
        W, b = W.copy(), b.copy()
        power = (fastlin.softmax_loss if loss == "softmax" else fastlin.hinge_loss)(X, y, W, b, **options)
        return power.loss, power.dW, power.db

    # The user's own function is called at every point; of the named ones the scores are enough.
    assert np.allclose(surface_of(slow, X, y, path, resolution=7, **options).losses, found.losses, rtol=1e-12)
    assert found.losses.shape == (7, 7) and found.path.shape == (7, 2)
    assert np.allclose(found.path[-1], 0)  # the end of the path is where the plane begins
    fine = surface_of(loss, X, y, path, resolution=201, **options)
    i, j = np.abs(fine.up).argmin(), np.abs(fine.across).argmin()
    W, b = (part.astype(np.float64) for part in path.steps[-1])
    assert fine.losses[i, j] == pytest.approx(direct(loss, rows, y, W, b, **options), rel=0.02)
    assert 0.5 < found.share <= 1 + 1e-12


def test_a_straight_path_is_wholly_in_the_plane():
    rng = np.random.default_rng(0)
    X, y, W = rng.normal(size=(50, 4)), np.arange(50) % 3, rng.normal(size=(3, 4))
    path = [0.0 * W, 0.5 * W, W]
    found = surface_of("softmax", X, y, path, resolution=5)
    assert found.share == pytest.approx(1)
    assert np.allclose(found.path[:, 0], [-np.linalg.norm(W), -np.linalg.norm(W) / 2, 0])
    assert np.allclose(found.path[:, 1], 0)


def test_the_picture_of_a_surface(descent):
    X, y, path, _ = descent
    found = surface_of("softmax", X, y, path, resolution=9, n_rows=100)
    figure = plotting.loss_surface("softmax", X, y, path, resolution=9, n_rows=100)
    ax = figure.axes[0]
    drawn = lines_of(ax)
    assert np.allclose(drawn["path"].get_xydata(), found.path)
    assert np.allclose(drawn["start"].get_xydata(), found.path[:1])
    assert np.allclose(drawn["end"].get_xydata(), [[0, 0]])
    assert f"{found.share:.0%}" in ax.get_title()
    assert np.allclose(ax.collections[0].get_clim()[1], found.losses.max(), rtol=0.01)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([np.zeros((3, 2))], "path holds 1 steps; wanted is at least two"),
        ([np.zeros((3, 2))] * 2, "the same weights in all steps"),
        ([np.zeros((3, 2)), np.zeros((3, 3))], r"path\[1\] has weights of shape \(3, 3\)"),
        ([np.zeros((3, 2)), np.zeros((2, 2))], "several shapes"),
        ([(np.zeros((3, 2)), np.zeros(2))] * 2, r"path\[0\] has b of shape \(2,\); wanted is \(3,\)"),
        ([np.zeros((3, 2)), np.full((3, 2), np.nan)], "NaN or infinity"),
    ],
)
def test_wrong_paths(path, message):
    with pytest.raises(ValueError, match=message):
        surface_of("softmax", np.ones((4, 2)), [0, 1, 2, 0], path)


def test_pictures_go_onto_the_axes_given(descent):
    figure = matplotlib.figure.Figure()
    first, second = figure.subplots(1, 2)
    assert plotting.loss_shapes(ax=first) is figure
    assert plotting.weight_histogram(descent[3], ax=second) is figure
    assert first.lines and second.patches and len(figure.axes) == 2
    parts = matplotlib.figure.Figure().subfigures(1, 2)
    assert plotting.penalty_shapes(figure=parts[1]) is parts[1] and len(parts[1].axes) == 2 and not parts[0].axes
    with pytest.raises(TypeError, match="ax is str; wanted is matplotlib axes"):
        plotting.loss_shapes(ax="here")
    with pytest.raises(TypeError, match="figure is int; wanted is a matplotlib figure"):
        plotting.penalty_shapes(figure=3)


def test_no_backend_is_chosen_and_no_setting_changed(run_python):
    code = """
        import sys, numpy as np, matplotlib, fastlin
        from fastlin import plotting
        before = dict(matplotlib.rcParams.copy())
        X, y = fastlin.datasets.make_ring(200)
        model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
        for figure in (plotting.decision_regions(model, X, y), plotting.learning_curves(model.history_),
                       plotting.loss_shapes(), plotting.confusion(model, X, y)):
            figure.savefig("x.png")
        print("matplotlib.pyplot" in sys.modules, dict(matplotlib.rcParams.copy()) == before)
    """
    import textwrap

    assert run_python(textwrap.dedent(code)).stdout.split() == ["False", "True"]


def test_a_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'fastlin\[plot\]'"):
        plotting.loss_shapes()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_files_are_of_the_kind_their_name_says(tmp_path, suffix):
    from fastlin.plotting._figure import save_figure

    save_figure(plotting.loss_shapes(), tmp_path / f"a.{suffix}")
    head = (tmp_path / f"a.{suffix}").read_bytes()[:5]
    assert {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-"}[suffix] in head
    with pytest.raises(ValueError, match=r"ends with '.bmp'; wanted is a name in .png, .svg, .pdf"):
        save_figure(plotting.loss_shapes(), tmp_path / "a.bmp")
    assert [path.name for path in tmp_path.iterdir()] == [f"a.{suffix}"]
