"""Templates, PNG files, evidence: what the pixels are."""

from __future__ import annotations

import numpy as np
import pytest
from pngs import decode_png

import fastlin
from fastlin import plotting
from fastlin.plotting import encode_png, evidence_of, save_templates_png, template_images

C, H, W = 3, 4, 5


def fitted(channels: int, planar: bool = False, n_classes: int = C, **options):
    """A model of images whose weights are then set, and those weights as (C, H, W, channels)."""
    rng = np.random.default_rng(channels)
    shape = (channels, H, W) if planar else (H, W, channels)
    X = rng.integers(0, 256, (60, *shape), dtype=np.uint8)
    model = fastlin.SoftmaxClassifier(random_state=0, max_iter=1, **options).fit(X, np.arange(60) % n_classes)
    weights = rng.normal(size=(n_classes, H, W, channels))
    flat = (weights.transpose(0, 3, 1, 2) if planar else weights).reshape(n_classes, -1)
    model.coef_ = flat if n_classes > 2 else flat[1:] - flat[:1]
    return model, X, weights


@pytest.mark.parametrize("pixels", [np.arange(12, dtype=np.uint8).reshape(3, 4),
    np.arange(36, dtype=np.uint8).reshape(4, 3, 3), np.full((1, 1, 4), 7, np.uint8)])  # fmt: skip
def test_png_holds_the_pixels(pixels):
    assert np.array_equal(decode_png(encode_png(pixels)).squeeze(), pixels.squeeze())


def test_png_is_read_by_others():
    image = pytest.importorskip("PIL.Image")
    import io

    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(image.open(io.BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize(
    ("pixels", "error"),
    [
        (np.zeros((2, 2)), TypeError),
        (np.zeros((2, 2, 2), np.uint8), ValueError),
        (np.zeros((0, 2), np.uint8), ValueError),
        (np.zeros(4, np.uint8), ValueError),
    ],
)
def test_png_refuses_other_pixels(pixels, error):
    with pytest.raises(error, match=r"pixels has .*; wanted is"):
        encode_png(pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("planar", [False, True])
def test_pixels_are_the_weights(channels, planar):
    model, _, weights = fitted(channels, planar)
    shown = template_images(model, weights="raw", layout="chw" if planar else "hwc")
    v = np.percentile(np.abs(weights), 99.5)
    assert shown.pixels.shape == weights.shape and shown.pixels.dtype == np.uint8
    assert np.allclose(shown.limits, [-v, v])
    wanted = np.clip((weights + v) / (2 * v), 0, 1) * 255
    assert np.abs(shown.pixels - wanted).max() <= 0.5 + 1e-9
    if channels == 3:  # the layout is seen in the shape
        assert np.array_equal(template_images(model, weights="raw").pixels, shown.pixels)


def test_standardized_undoes_the_fold():
    model, _, weights = fitted(3)
    by_sd = weights / model.scale_.reshape(H, W, 3)
    shown = template_images(model, scale="global")
    assert np.allclose(shown.limits, [by_sd.min(), by_sd.max()])
    assert shown.pixels[np.unravel_index(by_sd.argmin(), by_sd.shape)] == 0
    assert shown.pixels[np.unravel_index(by_sd.argmax(), by_sd.shape)] == 255


def test_a_constant_pixel_has_no_weight():
    X = np.random.default_rng(0).integers(0, 256, (60, H, W, 1), dtype=np.uint8)
    X[:, 0, 0] = 9
    model = fastlin.SoftmaxClassifier(random_state=0).fit(X, np.arange(60) % 3)
    assert (template_images(model).pixels[:, 0, 0] == 128).all()


def test_without_standardisation_both_kinds_of_weights_are_one():
    model, *_ = fitted(1, standardize=False)
    assert np.array_equal(template_images(model).pixels, template_images(model, weights="raw").pixels)


def test_scale_by_class_and_a_class_of_one_weight():
    model, _, weights = fitted(1)
    model.coef_[1] = 2.0
    shown = template_images(model, weights="raw", scale="class")
    assert np.allclose(shown.limits[[0, 2], 0], weights[[0, 2]].min(axis=(1, 2, 3)))
    assert shown.pixels[0].min() == 0 and shown.pixels[0].max() == 255
    assert (shown.pixels[1] == 128).all()


def test_two_classes_mirror_each_other():
    model, _, weights = fitted(1, n_classes=2)
    shown = template_images(model, weights="raw", scale="class")
    assert shown.labels == [0, 1]
    assert np.allclose(shown.limits[1], -shown.limits[0][::-1])
    assert np.allclose(shown.limits[1, 1], (weights[1] - weights[0]).max() / 2)


def test_shape_for_a_model_of_rows():
    model, X, _ = fitted(3)
    of_rows = fastlin.SoftmaxClassifier(random_state=0, max_iter=1).fit(X.reshape(60, -1), np.arange(60) % C)
    of_rows.coef_ = model.coef_
    with pytest.raises(ValueError, match=r"image_shape_ is too.*wanted is the shape"):
        template_images(of_rows)
    assert np.array_equal(template_images(of_rows, shape=(H, W, 3)).pixels, template_images(model).pixels)
    with pytest.raises(ValueError, match=r"shape is \(4, 4, 3\), which makes 48 numbers; wanted is 60"):
        template_images(of_rows, shape=(4, 4, 3))
    with pytest.raises(ValueError, match="with 5 channels last; wanted is 1 or 3"):
        template_images(of_rows, shape=(3, 4, 5), layout="hwc")
    with pytest.raises(TypeError, match=r"shape is 28; wanted is \(height, width\)"):
        template_images(of_rows, shape=28)


def test_ends_that_both_could_be_channels_are_asked_about():
    X = np.random.default_rng(0).integers(0, 256, (60, 3, 4, 1), dtype=np.uint8)
    model = fastlin.SoftmaxClassifier(max_iter=1, random_state=0).fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match="may be first or last; wanted is layout="):
        template_images(model)
    assert template_images(model, layout="hwc").pixels.shape == (3, 3, 4, 1)
    assert template_images(model, layout="chw").pixels.shape == (3, 4, 1, 3)


@pytest.mark.parametrize(
    "options", [{"scale": "loud"}, {"layout": "wide"}, {"weights": "heavy"}, {"classes": [7]}, {"classes": []}]
)
def test_wrong_options_are_named(options):
    model, *_ = fitted(1)
    with pytest.raises(ValueError, match=f"{next(iter(options))} is .*; wanted is"):
        template_images(model, **options)


def test_a_model_that_is_not_fitted():
    with pytest.raises(fastlin.linear_model.NotFittedError):
        template_images(fastlin.SoftmaxClassifier())
    with pytest.raises(TypeError, match="model is str; wanted is a fitted LinearClassifier"):
        template_images("model")


def test_png_of_templates(tmp_path):
    model, *_ = fitted(3)
    save_templates_png(model, tmp_path / "t.png", columns=2, zoom=2)
    sheet = decode_png((tmp_path / "t.png").read_bytes())
    pixels = template_images(model).pixels
    assert sheet.shape == (2 * (2 * H + 2) + 2, 2 * (2 * W + 2) + 2, 3)
    for k, (top, left) in enumerate([(2, 2), (2, 2 * W + 4), (2 * H + 4, 2)]):
        assert np.array_equal(sheet[top : top + 2 * H : 2, left : left + 2 * W : 2], pixels[k])
        assert np.array_equal(sheet[top + 1 : top + 2 * H : 2, left + 1 : left + 2 * W : 2], pixels[k])
    assert (sheet[:2] == 255).all() and (sheet[-2 * H :, -2 * W :] == 255).all()
    with pytest.raises(ValueError, match="zoom is 0"):
        save_templates_png(model, tmp_path / "u.png", zoom=0)
    for options in ({"zoom": "2"}, {"columns": 1.5}, {"columns": "2"}, {"shape": "hwc"}):
        with pytest.raises(TypeError, match=f"{next(iter(options))} is .*; wanted is"):
            save_templates_png(model, tmp_path / "u.png", **options)
    assert not (tmp_path / "u.png").exists()


def test_the_figure_shows_each_class_once():
    pytest.importorskip("matplotlib")
    model, *_ = fitted(3)
    figure = plotting.templates(model, class_names=["$a", "b_c^d", "third"], columns=2)
    assert [ax.get_title() for ax in figure.axes] == ["$a", "b_c^d", "third"]
    for ax, pixels in zip(figure.axes, template_images(model).pixels, strict=True):
        assert np.array_equal(ax.images[0].get_array(), pixels)
    figure.canvas.draw()  # a formula in a name would fail here
    only = plotting.templates(model, classes=[2, 0])
    assert [ax.get_title() for ax in only.axes] == ["2", "0"]
    grey = plotting.templates(fitted(1)[0])
    assert grey.axes[0].images[0].get_clim() == (0, 255)


@pytest.mark.parametrize("planar", [False, True])
def test_evidence_adds_up_to_the_scores(planar):
    model, X, _ = fitted(3, planar)
    found = evidence_of(model, X[4], classes=[0, 1, 2])
    scores = model.decision_function(X[4:5])[0]
    assert np.allclose(found.maps.sum(axis=(1, 2)) + found.base, scores, rtol=1e-4)
    assert np.allclose(found.scores, scores, rtol=1e-4)
    mean = model.shift_.reshape(1, *X.shape[1:])
    assert np.allclose(found.base, model.decision_function(mean)[0], rtol=1e-4, atol=1e-4)
    terms = (model.coef_ * (X[4].ravel() - model.shift_)).reshape(C, *X.shape[1:]).sum(axis=1 if planar else 3)
    assert np.allclose(found.maps, terms)
    image = X[4].transpose(1, 2, 0) if planar else X[4]
    assert np.array_equal(found.pixels, image)
    assert evidence_of(model, X[4]).labels == np.argsort(-scores).tolist()


def test_the_picture_of_evidence():
    pytest.importorskip("matplotlib")
    model, X, _ = fitted(1)
    found = evidence_of(model, X[0])
    figure = plotting.evidence(model, X[0], class_names=["ant", "bee", "cat"])
    first, *maps = figure.axes[:4]
    assert np.array_equal(first.images[0].get_array(), X[0][..., 0])
    limit = np.percentile(np.abs(found.maps), 99.5)
    for ax, values, label, score in zip(maps, found.maps, found.labels, found.scores, strict=True):
        assert np.array_equal(ax.images[0].get_array(), values)
        assert ax.images[0].get_clim() == (-limit, limit)
        assert ax.get_title() == f"{['ant', 'bee', 'cat'][label]}: {score:.3g}"


def test_evidence_refuses_what_is_no_image():
    model, X, _ = fitted(1)
    with pytest.raises(ValueError, match=r"image has shape \(60, 4, 5, 1\); wanted is one image of 20 numbers"):
        evidence_of(model, X)
    bad = X[0].astype(float)
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="image holds NaN or infinity"):
        evidence_of(model, bad)
