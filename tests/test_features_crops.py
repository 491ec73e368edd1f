"""Features of an image's windows."""

from __future__ import annotations

import numpy as np
import pytest

from fastlin.features import HOG, ColorHistogram, Concat, Crops, VisualWords

X = np.random.default_rng(0).integers(0, 256, (30, 16, 20, 3), dtype=np.uint8)
WINDOWS = [(0, 0), (0, 8), (4, 0), (4, 8), (2, 4)]
INNER = [
    HOG(pixels_per_cell=(4, 4), cells_per_block=(2, 2)),
    ColorHistogram(dtype="float64"),
    Concat([("color", ColorHistogram()), ("words", VisualWords(6, n_patches=500, random_state=0))]),
    VisualWords(6, n_patches=500, random_state=0, dtype="float16"),
]


@pytest.mark.parametrize("inner", INNER, ids=lambda inner: type(inner).__name__)
def test_windows_are_the_corners_and_the_middle_and_features_their_mean(inner):
    crops = Crops(inner, 12).fit(X)
    views = [inner.transform(X[:, y : y + 12, x : x + 12]) for y, x in WINDOWS]
    windows = crops.windows(X)
    assert windows.dtype == views[0].dtype and windows.shape == (5, 30, crops.n_features_out_)
    for window, view in zip(windows, views, strict=True):
        np.testing.assert_array_equal(window, view)
    out = crops.transform(X)
    assert out.dtype == (np.float64 if views[0].dtype == np.float64 else np.float32)
    np.testing.assert_allclose(out, np.mean(np.float64(views), axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(crops.transform(X[:7]), out[:7])
    assert crops.transform(X[:0]).shape == (0, out.shape[1])
    assert len(crops.get_feature_names_out()) == out.shape[1]


def test_windows_as_large_as_the_images_are_the_images():
    square = X[:, :, :16]
    crops = Crops(HOG(pixels_per_cell=(4, 4)), 16)
    np.testing.assert_allclose(crops.fit_transform(square), HOG(pixels_per_cell=(4, 4)).fit_transform(square))


def test_rows_with_their_shape():
    crops = Crops(ColorHistogram(), 12, image_shape=(16, 20, 3))
    np.testing.assert_array_equal(crops.fit_transform(X.reshape(30, -1)), Crops(ColorHistogram(), 12).fit_transform(X))
    assert crops.n_features_in_ == 16 * 20 * 3 and crops.image_shape_ == (16, 20, 3)


@pytest.mark.parametrize("inner", INNER, ids=lambda inner: type(inner).__name__)
def test_the_state_makes_the_same_again(inner):
    crops = Crops(inner, 12).fit(X)
    again = Crops.from_state(*crops.get_state())
    np.testing.assert_array_equal(again.transform(X), crops.transform(X))
    assert repr(again) == repr(crops) and again.image_shape_ == crops.image_shape_


def test_what_is_refused():
    with pytest.raises(TypeError, match="transformer is None; wanted is a transformer of images"):
        Crops(None, 12).fit(X)
    with pytest.raises(TypeError, match="transformers is 3; wanted is pairs of a name and a transformer"):
        Concat(3).fit(X)
    with pytest.raises(ValueError, match="size is 17; wanted is at most the images' 16 x 20 pixels"):
        Crops(ColorHistogram(), 17).fit(X)
    with pytest.raises(ValueError, match="size is 0; wanted"):
        Crops(ColorHistogram(), 0).fit(X)
    with pytest.raises(ValueError, match="image_shape is 16; wanted is"):
        Crops(ColorHistogram(), 12, image_shape=16).fit(X)
    crops = Crops(ColorHistogram(), 12)
    with pytest.raises(ValueError, match="not fitted"):
        crops.transform(X)
    with pytest.raises(ValueError, match=r"images of shape \(16, 16, 3\); wanted is \(16, 20, 3\)"):
        crops.fit(X).transform(X[:, :, :16])
    plain, arrays = crops.get_state()
    for wrong in ({"class": "Crops"}, {"class": "concat"}, {"class": "os"}, {"size": 99}, {"size": -1}):
        with pytest.raises(ValueError, match="wanted"):
            Crops.from_state(plain | wrong, arrays)

    class Mine:
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.float32(X.mean(axis=(1, 2)))

    mine = Crops(Mine(), 12).fit(X)
    assert mine.windows(X).shape == (5, 30, 3)
    with pytest.raises(TypeError, match="transformer is Mine; wanted is one of fastlin's, to be saved"):
        mine.get_state()


def test_parameters_of_the_inner_one_by_name():
    crops = Crops(HOG(), 12).set_params(transformer__orientations=5, size=14)
    assert crops.transformer.orientations == 5 and crops.get_params()["transformer__orientations"] == 5
    assert crops.get_params(deep=False) == {"transformer": crops.transformer, "size": 14, "image_shape": None}
