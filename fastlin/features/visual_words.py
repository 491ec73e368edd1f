"""Visual words: an image as the sums, over a coarse grid, of how its small patches answer to a dictionary of patches.

After Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised feature learning" (AISTATS 2011), with
the soft threshold of Coates and Ng, "The importance of encoding versus training with sparse coding and vector
quantization" (ICML 2011), and a dictionary that is closed under mirroring (`fastlin.features.dictionary`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from fastlin import _arrays, functional
from fastlin._params import Parameters
from fastlin._random import as_generator
from fastlin._sklearn import TransformOutput, not_fitted_error
from fastlin.features import dictionary as _dictionary
from fastlin.features._base import refusing
from fastlin.features._encoder import Model, encode, nearest_words, products_for, whitening_bias
from fastlin.features._images import as_range
from fastlin.features._pooling import as_grid, check_size
from fastlin.features._progress import progress

__all__ = ["COATES_2011", "VisualWords"]

#: The options of `VisualWords` that make it the encoder of Coates, Lee and Ng (2011); n_words is to be added.
COATES_2011: Mapping[str, Any] = MappingProxyType(
    {
        "patch_size": 6, "n_components": None, "dictionary": "kmeans", "encoding": "triangle", "pooling": (2, 2),
        "overlap": False, "power": 1.0, "mirror": False, "contrast_eps": 10.0, "whitening_eps": 0.1, "n_iter": 10,
    }
)  # fmt: skip

# What a batch of `transform_batches` takes where nobody says: 64 MiB of float32 features.
_BATCH_FLOATS = 16 * 2**20
# Float images are taken to lie in 0..1 unless data_range says otherwise; so far from there they cannot.
_UNIT_RANGE = (-0.5, 1.5)


class VisualWords(Parameters, TransformOutput):
    r"""Features of images from a dictionary of small patches, learned without labels.

    For every patch x of an image: contrast is normalised, x := (x - mean(x)) / sqrt(var(x) + contrast_eps); the patch
    is whitened, w = V (x - m) with the leading eigenvectors of the patches' covariance over sqrt(eigenvalue +
    whitening_eps); it is encoded by the words c; the codes are summed over each cell of a grid; and raised to `power`.
    All of it is one pass over the image in compiled code; nothing of the size of positions times words is ever held.

    Encodings of a whitened patch w:

    - "soft": max(0, c.w - threshold) and max(0, -c.w - threshold), for words of unit length: two numbers a word.
    - "triangle": max(0, mean over words of |w - c| - |w - c|).
    - "hard": 1 for the nearest word, 0 for the others; sums are a histogram.

    With `mirror`, the mirror image of every word is a word too, at no cost: one product serves both. The sums of the
    two are then added, those of the mirror word in the mirrored cell. That is the sum of the features of the image and
    of its mirror image, all that a linear classifier trained on both would use: predictions do not change if an image
    is mirrored, and there are half as many columns.

    Parameters
    ----------
    n_words : int
        With `mirror`, how many pairs.
    patch_size : int
        Side of a patch, in pixels.
    n_components : int or None
        Directions kept by the whitening, those of the largest variance; None keeps all.
    dictionary : {"kmeans", "random"} or array of shape (n_words, patch_size, patch_size, channels)
        k-means of patches (mirror-symmetric with `mirror`), patches picked at random, or given patches, in the images'
        units, which are normalised and whitened as the images' are.
    encoding : {"soft", "triangle", "hard"}
    threshold : float
        Of the soft threshold.
    pooling : (int, int) or int
        Cells of the grid, rows and columns.
    overlap : bool
        Cells of equal size, which overlap by a row where their number does not divide the positions. Without it the
        first cells are larger by a row, and with `mirror` the number must divide the positions.
    power : float
        Sums are raised to it: 0.5 is the square root of Hellinger's kernel.
    mirror : bool or "pairs"
        True: a dictionary closed under mirroring, features of a word and its mirror image added. "pairs": the same
        dictionary, their features apart; `flip_permutation_` tells where those of the mirrored image are. False: any
        dictionary.
    contrast_eps : float
        Added to the variance of a patch, on the scale of pixels 0..255: flatter patches are taken for noise.
    whitening_eps : float
        Added to the variances of the components.
    data_range : (float, float), optional
        Least and largest pixel. By default (0, 255) for uint8, and (0, 1) for floats, which then must look like it.
    image_shape : (int, int) or (int, int, int), optional
        Height, width and channels of images that come as rows (N, height * width * channels).
    n_patches, n_iter : int
        Patches the dictionary is made from, and iterations of k-means. Few are better than many: centres that have
        settled are smoother than patches, and tell images less well apart. On CIFAR-10 two to four are best.
    dtype : {"float32", "float16"}
        Of the features. float16 has 11 bits, and no numbers above 65504.
    precision : {"auto", "float32", "bfloat16"}
        Of the products with the words: "auto" takes bfloat16, summed in float32, where the CPU is faster in it.
        It moves a feature by a few thousandths of its standard deviation over images (the root of the mean square;
        of single images by up to a twenty-fifth).
    batch_size : int, optional
        Images of a batch of `transform_batches`; by default as many as have 64 MiB of features.
    random_state : int, numpy.random.Generator, RandomState or None
    n_threads : int, optional
        As `fastlin.get_num_threads` says. The features' bits do not depend on it, nor on how images are batched.
    verbose : bool
        Show progress bars on a terminal.

    Attributes
    ----------
    components_ : ndarray of float32, shape (n_components, patch_size * patch_size * channels)
        The whitening; components that are even under mirroring come first.
    mean_ : ndarray of float32, shape (patch_size * patch_size * channels,)
    n_odd_ : int
        How many components are odd under mirroring; 0 without `mirror`.
    words_ : ndarray of float32, shape (n_words, n_components)
        "soft" takes the nearest numbers that bfloat16 holds, whatever the precision.
    n_channels_ : int
    n_features_out_ : int
    flip_permutation_ : ndarray of int64, shape (n_features_out_,), or None
        transform(mirrored) == transform(images)[:, flip_permutation_], up to rounding; None without `mirror`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.features import VisualWords
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    >>> words = VisualWords(8, n_patches=500, random_state=0, precision="float32").fit(images)
    >>> words.transform(images).shape
    (20, 64)
    >>> np.allclose(words.transform(images[:, :, ::-1]), words.transform(images), rtol=1e-4)
    True
    """

    def __init__(
        self, n_words: int = 400, *, patch_size: int = 6, n_components: int | None = 48, dictionary: Any = "kmeans",
        encoding: str = "soft", threshold: float = 0.25, pooling: Any = (2, 2), overlap: bool = True,
        power: float = 0.5, mirror: bool | str = True, contrast_eps: float = 100.0, whitening_eps: float = 0.1,
        data_range: tuple[float, float] | None = None, image_shape: tuple[int, ...] | None = None,
        n_patches: int = 100_000, n_iter: int = 3, dtype: str = "float32", precision: str = "auto",
        batch_size: int | None = None, random_state: Any = None, n_threads: int | None = None, verbose: bool = False,
    ) -> None:  # fmt: skip
        self.n_words = n_words
        self.patch_size = patch_size
        self.n_components = n_components
        self.dictionary = dictionary
        self.encoding = encoding
        self.threshold = threshold
        self.pooling = pooling
        self.overlap = overlap
        self.power = power
        self.mirror = mirror
        self.contrast_eps = contrast_eps
        self.whitening_eps = whitening_eps
        self.data_range = data_range
        self.image_shape = image_shape
        self.n_patches = n_patches
        self.n_iter = n_iter
        self.dtype = dtype
        self.precision = precision
        self.batch_size = batch_size
        self.random_state = random_state
        self.n_threads = n_threads
        self.verbose = verbose

    # Fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn whitening and dictionary from a sample of the images' patches.

        Parameters
        ----------
        X : array of shape (N, height, width, channels) or (N, height, width), or rows with `image_shape`
            uint8 or float; a memory map is read only where patches are.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For images or options that make no dictionary, saying which.
        """
        self._check_options()
        images = self._as_images(X)
        if len(images) == 0:
            raise ValueError(f"X has shape {np.shape(X)}; wanted is at least one image")
        given = self._given_patches(images)
        size, channels = self.patch_size, images.shape[3]
        rng = as_generator(self.random_state)
        n_steps = self.n_iter if given is None and self.dictionary == "kmeans" else 0
        with progress(self.verbose, n_steps + 1, "dictionary", "step") as step_done:
            patches = _dictionary.sample_patches(images, self.n_patches, size, rng)
            scale = self._scale(patches)
            patches = _dictionary.normalize_contrast(patches * np.float32(scale), self.contrast_eps)
            mirrored = _dictionary.mirror_pixels(size, channels) if self.mirror else None
            whitening = _dictionary.fit_whitening(patches, self.whitening_eps, self.n_components, mirrored)
            components = np.ascontiguousarray(whitening.components, np.float32)
            mean = whitening.mean.astype(np.float32)
            if given is not None:
                patches = _dictionary.normalize_contrast(given * np.float32(scale), self.contrast_eps)
            rows = functional.scores(patches, components, whitening_bias(components, mean), n_threads=self.n_threads)
            step_done(1)
            words = self._words(rows, given is not None, whitening.odd, rng, step_done)
        self.components_, self.mean_, self.n_odd_ = components, mean, whitening.odd
        self.words_ = _dictionary.unit_norm(words) if self.encoding == "soft" else words
        self.n_channels_ = channels
        self._publish()
        return self

    def _words(
        self, rows: np.ndarray, given: bool, odd: int, rng: np.random.Generator, step_done: Callable[[int], object]
    ) -> np.ndarray:
        if given:
            return rows
        if self.dictionary == "random":
            return _dictionary.random_words(rows, self.n_words, rng)

        def assign(rows: np.ndarray, words: np.ndarray, odd: int) -> np.ndarray:
            return nearest_words(rows, words, odd, self.n_threads)

        return _dictionary.kmeans(rows, self.n_words, odd, self.n_iter, rng, assign, lambda: step_done(1))

    def _given_patches(self, images: np.ndarray) -> np.ndarray | None:
        if isinstance(self.dictionary, str):
            return None
        patches = _arrays.as_array(self.dictionary, "dictionary")
        wanted = (self.n_words, self.patch_size, self.patch_size, images.shape[3])
        if patches.shape != wanted or patches.dtype.kind not in "fiu":
            raise ValueError(
                f"dictionary has shape {patches.shape} and dtype {patches.dtype}; wanted is numbers of shape {wanted}"
            )
        if not np.isfinite(patches).all():
            raise ValueError("dictionary holds numbers that are not finite; wanted is patches")
        return patches.reshape(len(patches), -1)

    def _publish(self) -> None:
        join = self.mirror is True and self.n_odd_ > 0
        # Centroids count as they are, in distances and as published; of directions the last bits are free.
        words = _dictionary.as_bfloat16(self.words_) if self.encoding == "soft" else self.words_
        self._model = Model(
            whitening=self.components_, bias=whitening_bias(self.components_, self.mean_), words=words,
            even=len(self.components_) - self.n_odd_, odd=self.n_odd_, patch_size=self.patch_size,
            contrast_eps=float(self.contrast_eps), encoding=self.encoding, threshold=float(self.threshold),
            pooling=as_grid(self.pooling), overlap=bool(self.overlap), join=join, power=float(self.power),
        )  # fmt: skip
        self.n_features_out_ = self._model.n_features
        self.flip_permutation_ = None
        if self.mirror:
            number = np.arange(self.n_features_out_).reshape(self._model.layout)
            self.flip_permutation_ = (number if join else number[:, ::-1, ::-1]).ravel()

    # Transforming

    def transform(self, X: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Features of images.

        Parameters
        ----------
        X : array of images, as in `fit`
            Of any size that holds a patch in each cell of the grid.
        out : ndarray of `dtype`, shape (N, n_features_out_), optional
            Where to write them, and what is returned whatever `set_output` says; a memory map, for example.

        Returns
        -------
        ndarray of shape (N, n_features_out_)
            By cell of the grid, row by row; then, with mirror="pairs", words and mirror words; then, of "soft",
            products above the threshold and below; then by word. After Ctrl-C `out` holds the images that were done.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError, TypeError
            For images that cannot be encoded, and an `out` that is not such an array.
        """
        images, scale = self._checked(X)
        shape = (len(images), self.n_features_out_)
        dtype = np.dtype(self.dtype)
        given = out is not None
        if out is None:
            out = np.empty(shape, dtype)
        else:
            _arrays.check_in_place(out, "out", shape, dtype)
            _arrays.check_apart("out", out, X=images)
        with progress(self.verbose, len(images), "visual words", "image") as images_done:
            encode(
                self._model, images, scale, out,
                precision=self.precision, n_threads=self.n_threads, images_done=images_done,
            )  # fmt: skip
        return out if given else self._in_output(out, X)

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit`, then `transform` of the same images."""
        return self.fit(X, y).transform(X)

    def transform_batches(self, X: Any, batch_size: int | None = None) -> Iterator[np.ndarray]:
        """Features of images, a batch at a time, so that all of them need never be held at once.

        Parameters
        ----------
        X : array of images, as in `transform`
        batch_size : int, optional
            Images of a batch; by default the option of that name.

        Yields
        ------
        ndarray of shape (n, n_features_out_)
            An array of its own, in the order of the images.
        """
        images, scale = self._checked(X)
        size = batch_size if batch_size is not None else self.batch_size
        n = max(1, _BATCH_FLOATS // self.n_features_out_) if size is None else _arrays.as_count(size, "batch_size")
        return self._batches(images, scale, n)

    def _batches(self, images: np.ndarray, scale: float, n: int) -> Iterator[np.ndarray]:
        with progress(self.verbose, len(images), "visual words", "image") as images_done:
            for start in range(0, len(images), n):
                batch = images[start : start + n]
                out = np.empty((len(batch), self.n_features_out_), np.dtype(self.dtype))
                encode(
                    self._model, batch, scale, out,
                    precision=self.precision, n_threads=self.n_threads, images_done=images_done,
                )  # fmt: skip
                yield out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features: cell of the grid, word, which of its numbers; objects, (n_features_out_,)."""
        self._check_fitted()
        bins_y, bins_x, mirrors, signs, n_words = self._model.layout
        names = [
            f"cell{y}_{x}_word{k}{'_mirrored' * m}{'_below' * s}"
            for y in range(bins_y) for x in range(bins_x) for m in range(mirrors) for s in range(signs)
            for k in range(n_words)
        ]  # fmt: skip
        return np.array(names, object)

    def word_patches(self) -> np.ndarray:
        """The words as patches, for pictures: whitening undone; float32 (n_words, patch_size, patch_size, channels)."""
        self._check_fitted()
        patches = self.words_ @ np.linalg.pinv(self.components_.astype(np.float64)).T + self.mean_
        return patches.reshape(-1, self.patch_size, self.patch_size, self.n_channels_).astype(np.float32)

    # State

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What a file must hold: a header of plain facts, and arrays. `from_state` is the way back.

        A random_state other than an integer becomes None, and a given dictionary an array.
        """
        self._check_fitted()
        params = {name: _plain(value) for name, value in self.get_params(deep=False).items() if name != "dictionary"}
        if type(params["random_state"]) is not int:
            params["random_state"] = None
        arrays = {"components": self.components_, "mean": self.mean_, "words": self.words_}
        if isinstance(self.dictionary, str):
            params["dictionary"] = self.dictionary
        else:
            arrays["dictionary"] = np.asarray(self.dictionary)
        return {"params": params, "n_odd": self.n_odd_, "n_channels": self.n_channels_}, arrays

    @classmethod
    @refusing
    def from_state(cls, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """The transformer that `get_state` described; ValueError for what no `get_state` gives."""
        params = dict(header["params"])
        if "dictionary" in arrays:
            params["dictionary"] = arrays["dictionary"]
        elif not isinstance(params["dictionary"], str):
            raise ValueError(f"dictionary is {params['dictionary']!r}; wanted is a name, or the array it was")
        for name in ("pooling", "data_range", "image_shape"):
            if isinstance(params[name], list):
                params[name] = tuple(params[name])
        words = cls(**params)
        words._check_options()
        n_odd, channels = header["n_odd"], header["n_channels"]
        components, mean, dictionary = arrays["components"], arrays["mean"], arrays["words"]
        n, d = len(components), words.patch_size**2 * _arrays.as_count(channels, "n_channels")
        if type(n_odd) is not int or not 0 <= n_odd <= n or (n_odd > 0 and not words.mirror):
            raise ValueError(f"n_odd is {n_odd!r}; wanted is 0..{n}, and 0 without mirror words")
        for name, array, shape in (
            ("components", components, (n, d)), ("mean", mean, (d,)), ("words", dictionary, (words.n_words, n)),
        ):  # fmt: skip
            if n == 0 or array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name} is {array.dtype} of shape {array.shape}; wanted is finite float32 of {shape}")
        words.components_, words.mean_ = np.ascontiguousarray(components), np.ascontiguousarray(mean)
        words.words_, words.n_odd_, words.n_channels_ = np.ascontiguousarray(dictionary), n_odd, channels
        words._publish()
        return words

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of a transformer; only it calls this."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # type: ignore[import-untyped]

        return Tags(
            estimator_type=None, target_tags=TargetTags(required=False), transformer_tags=TransformerTags(),
            input_tags=InputTags(two_d_array=self.image_shape is not None, three_d_array=True),
        )  # fmt: skip

    # Checks

    def _check_fitted(self) -> None:
        if not hasattr(self, "_model"):
            raise not_fitted_error("this VisualWords is not fitted; call fit, or fit_transform")

    def _check_options(self) -> None:
        for name in ("n_words", "patch_size", "n_patches", "n_iter"):
            _arrays.as_count(getattr(self, name), name)
        if self.n_components is not None:
            _arrays.as_count(self.n_components, "n_components")
        if self.batch_size is not None:
            _arrays.as_count(self.batch_size, "batch_size")
        if isinstance(self.dictionary, str):
            _arrays.as_choice(self.dictionary, "dictionary", ("kmeans", "random"))
        _arrays.as_choice(self.encoding, "encoding", ("soft", "triangle", "hard"))
        _arrays.as_choice(self.mirror, "mirror", (True, False, "pairs"))
        _arrays.as_choice(self.dtype, "dtype", ("float32", "float16"))
        for name in ("threshold", "contrast_eps", "whitening_eps"):
            _arrays.as_nonnegative(getattr(self, name), name, np.dtype(np.float32))
        _arrays.as_positive(self.power, "power")
        if self.data_range is not None:
            as_range(self.data_range)
        _arrays.as_thread_count(self.n_threads)
        as_grid(self.pooling)
        products_for(self.precision)

    def _checked(self, X: Any) -> tuple[np.ndarray, float]:
        self._check_fitted()
        images = self._as_images(X)
        if images.shape[3] != self.n_channels_:
            raise ValueError(f"X has {images.shape[3]} channels; wanted is {self.n_channels_}, as the fit had")
        return images, self._scale(images)

    def _as_images(self, X: Any) -> np.ndarray:
        """`X` as (N, height, width, channels) of uint8 or float, without a copy where it is an array."""
        images = _arrays.as_array(X, "X")
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise TypeError(f"X has dtype {images.dtype}; wanted is images of uint8 or float")
        if images.ndim == 2 and self.image_shape is not None:
            shape = tuple(self.image_shape)
            if len(shape) not in (2, 3) or images.shape[1] != np.prod(shape):
                raise ValueError(f"image_shape is {shape}; wanted is the shape of rows of {images.shape[1]} pixels")
            images = images.reshape(len(images), *shape)
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4 or images.shape[3] == 0:
            raise ValueError(
                f"X has shape {np.shape(X)}; wanted is (N, height, width, channels), (N, height, width), or rows with "
                "image_shape"
            )
        check_size(
            images.shape[1:3], self.patch_size, as_grid(self.pooling),
            overlap=bool(self.overlap), mirror=bool(self.mirror),
        )  # fmt: skip
        return images

    def _scale(self, pixels: np.ndarray) -> float:
        """What brings pixels to the scale 0..255, on which contrast_eps is."""
        if pixels.dtype.kind == "f" and pixels.size:
            low, high = float(pixels.min()), float(pixels.max())
            if not np.isfinite([low, high]).all():
                raise ValueError("X holds pixels that are not finite; wanted is finite numbers")
            if self.data_range is None and not (_UNIT_RANGE[0] <= low and high <= _UNIT_RANGE[1]):
                raise ValueError(
                    f"X holds floats from {low:g} to {high:g} while data_range is None, which means 0..1; "
                    "wanted is the range of the pixels, for example data_range=(0, 255)"
                )
        of_type = (0.0, 255.0) if pixels.dtype == np.uint8 else (0.0, 1.0)
        low, high = of_type if self.data_range is None else as_range(self.data_range)
        return 255.0 / (high - low)


def _plain(value: Any) -> Any:
    """A number, string, or list of them, as JSON holds it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
