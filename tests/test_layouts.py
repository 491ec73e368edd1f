"""X in any layout gives the numbers of its C-contiguous copy, and what cannot be read in place is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_close, assert_same_result, twin
from strategies import DTYPES, LAYOUTS, problem

from fastlin import functional, reference

# Images of 5 x 7 x 3 and 32 x 32 x 3; more rows than one block, features on both sides of one.
SHAPES = [(67, 105, 7), (40, 3072, 10), (300, 33, 3)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_function_reads_every_layout(simd_level: str, layout: str, dtype: str) -> None:
    for turn, shape in enumerate(SHAPES):
        p = problem(*shape, dtype, scaled=dtype == "uint8")
        X = LAYOUTS[layout](p.X)
        assert X.ndim == (4 if "images" in layout else 2)
        n_threads = turn + 1

        assert_close(
            functional.scores(X, p.W, p.b, n_threads=n_threads), twin("scores", p.X, p.W, p.b), p.dtype, "scores"
        )
        np.testing.assert_array_equal(functional.predict(X, p.W, p.b), twin("predict", p.X, p.W, p.b))

        mean, variance = functional.moments(X, n_threads=n_threads)
        expected = twin("moments", p.X)
        assert_close(mean, expected.mean, np.float64, "mean")
        assert_close(variance, expected.variance, np.float64, "variance")

        rows = np.random.default_rng(0).integers(0, shape[0], 50)
        for options in (p.scaling, {"rows": rows} | p.scaling):
            for loss in ("softmax_loss", "hinge_loss"):
                actual = getattr(functional, loss)(X, p.y, p.W, p.b, **options, n_threads=n_threads)
                assert_same_result(actual, twin(loss, p.X, p.y, p.W, p.b, **options), p.dtype, loss)

        epoch = {"order": rows, "batch_size": 20, "lr": 1 / shape[1], **p.scaling}
        W, b = p.W.copy(), p.b.copy()
        result = functional.sgd_epoch(X, p.y, W, b, **epoch, n_threads=n_threads)
        W64, b64 = p.W.astype(np.float64), p.b.astype(np.float64)
        expected_result = reference.sgd_epoch(p.X.astype(np.float64), p.y, W64, b64, **epoch)
        assert result.loss == pytest.approx(expected_result.loss, rel=1e-5 if p.dtype == np.float32 else 1e-12)
        assert_close(W, W64, p.dtype, "W")
        assert_close(b, b64, p.dtype, "b")


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row_and_one_feature_with_odd_strides(simd_level: str, dtype: str) -> None:
    # Where an axis has one entry its stride may be anything, and flags call the array contiguous all the same.
    W = np.array([[2.0], [3.0]])
    wide = np.arange(40).reshape(4, 10).astype(dtype)
    for X in (wide[1:2, 3:4], wide[::3, 5:6], wide[2:3, ::9][:, :1], wide[:0, :1], wide[::-1, 9:]):
        assert_close(functional.scores(X, W), twin("scores", X, W), np.float64 if dtype == "float64" else np.float32)
        result = functional.softmax_loss(X, [0] * len(X), W)
        assert_same_result(result, twin("softmax_loss", X, np.zeros(len(X), int), W), result.dW.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_images_of_any_size(simd_level: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    for size in ((4, 4, 1), (3, 5, 3), (1, 1, 1), (1, 9, 4), (32, 32, 3)):
        images = rng.integers(0, 200, (9, *size)).astype(dtype)
        W = rng.normal(size=(4, int(np.prod(size)))).astype(np.float64 if dtype == "float64" else np.float32)
        expected = functional.scores(images.reshape(9, -1), W)
        np.testing.assert_array_equal(functional.scores(images, W), expected)
        every_other = np.repeat(images, 2, axis=0)[::2]
        np.testing.assert_array_equal(functional.scores(every_other, W), expected)


def test_images_that_are_no_rows_are_refused_with_the_remedy(simd_level: str) -> None:
    images = np.zeros((6, 4, 4, 3), np.float32)
    W = np.zeros((2, 48), np.float32)
    for X in (
        images[:, ::-1],
        images[:, :, ::-1],
        images[..., ::-1],
        images.transpose(0, 3, 1, 2),
        np.asfortranarray(images),
    ):
        for call in (
            lambda X=X: functional.scores(X, W),
            lambda X=X: functional.softmax_loss(X, [0] * 6, W),
            lambda X=X: functional.sgd_epoch(X, [0] * 6, W, None, lr=0.1),
        ):
            with pytest.raises(ValueError, match=r"X has shape .* np\.ascontiguousarray\(X\)"):
                call()


class OwnArray(np.ndarray):
    """A subclass that fills in a different sum, so that its use would show."""

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return np.zeros(1)


def test_subclasses_are_read_as_arrays(simd_level: str) -> None:
    p = problem(9, 5, 3, "float64")
    expected = twin("scores", p.X, p.W)
    for kind in (np.recarray, OwnArray):
        s = functional.scores(p.X.view(kind), p.W)
        assert type(s) is np.ndarray
        assert_close(s, expected, np.float64)
