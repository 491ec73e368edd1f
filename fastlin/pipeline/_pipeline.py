"""Features and a linear classifier as one estimator."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import numpy as np

from fastlin import _arrays, _labels
from fastlin._labels import Meaning
from fastlin._params import Parameters, available
from fastlin._sklearn import classifier_tags, not_fitted_error
from fastlin.features import Concat, Crops, VisualWords
from fastlin.linear_model import LinearClassifier, _input
from fastlin.pipeline import _choice, _file
from fastlin.training._extras import need

# Numbers of features of a batch of predictions: 64 MiB of float32.
_BATCH_NUMBERS = 1 << 24


def _check_softmax(model: Any, name: str) -> None:
    loss = model._classifier().loss
    if loss != "softmax":
        raise AttributeError(f"{name} is there for loss='softmax' alone; with loss={loss!r} take decision_function")


class ImagePipeline(Parameters):
    """Features of images, and a linear classifier on them whose penalty is chosen on held-out images.

    What a linear classifier makes of images depends on the features more than on anything else; `make_pipeline` knows
    good ones by name. Unlike a pipeline of scikit-learn's it computes the features once, for all strengths of the
    penalty and for the last fit, and is one file (`save`). A share of the images is held out; classifiers of falling
    strength are fitted to the rest, until the held-out images are no better classified; with the best strength one is
    fitted to all images. One Gram matrix of the features serves all these fits.

    Parameters
    ----------
    features : transformer or None
        One of `fastlin.features`, or any other with `fit` and `transform`, which then cannot be saved. None: the
        pixels, or the columns, themselves. With `Crops` the windows of an image are images of their own in the fit.
    classifier : LinearClassifier or None
        None: softmax with the solver "lbfgs", which wants the extra: pip install 'fastlin[solvers]'. Its `alpha` counts
        where that of the pipeline is not "auto". A `tol` of None is 1e-3 here with "lbfgs": on features less changes no
        prediction to speak of. Each of the other solvers' fits is one apart from the others.
    alpha : "auto" or float
        Strength of the penalty.
    validation_fraction : float in (0, 1)
        Share of the images held out to choose it, of every class alike.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        Of the images held out. The parts have their own.
    verbose : int
        1 prints the steps as they end.

    Attributes
    ----------
    features_ : transformer or None
        Fitted; `features` itself is left as it is.
    classifier_ : LinearClassifier
        Fitted to the features of all images.
    alpha_ : float
        The strength of its penalty.
    alphas_, validation_scores_ : ndarray of shape (A,)
        The strengths that were tried, in that order, and the share of held-out images classified rightly.
    seconds_ : dict
        Wall time of "features" (their fit), "transform", and "classifier".
    classes_ : ndarray of shape (C,)
    n_features_in_ : int
        Numbers of an image.
    image_shape_ : tuple of int or None
        (H, W, channels) of the images it was fitted on; None where they came as rows.

    References
    ----------
    Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.

    Examples
    --------
    Bars lie or stand, each pixel as bright in both classes: pixels are of no use, and directions tell all.

    >>> import fastlin
    >>> from fastlin.datasets import make_bars
    >>> from fastlin.features import HOG
    >>> X, y = make_bars(400, size=16)
    >>> model = fastlin.ImagePipeline(HOG(cells_per_block=(2, 2)), fastlin.SoftmaxClassifier(random_state=0))
    >>> model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.95
    True
    """

    features_: Any
    classifier_: LinearClassifier
    classes_: np.ndarray

    def __init__(
        self, features: Any = None, classifier: LinearClassifier | None = None, *,
        alpha: float | Literal["auto"] = "auto", validation_fraction: float = 0.1, random_state: Any = 0,
        verbose: int = 0,
    ) -> None:  # fmt: skip
        self.features = features
        self.classifier = classifier
        self.alpha = alpha
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit features, strength of the penalty and classifier.

        Parameters
        ----------
        X : array of shape (N, H, W, channels), or what else the features take
        y : array of shape (N,)
            Labels: integers, strings, booleans.
        sample_weight : array of shape (N,), optional
            For the classifier; a row of weight zero is as if not there.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For images, labels or parameters that make no fit, saying which.
        ImportError
            Before anything is computed, where the solver "lbfgs" lacks its extra.
        KeyboardInterrupt
            After Ctrl-C; an earlier fit is kept.
        """
        given = self._classifier()
        classifier = type(given)(**given.get_params(deep=False))
        alpha = self._alpha(classifier)
        if classifier.solver == "lbfgs":
            need("scipy.optimize")
        images = _as_images(X)
        if len(images) == 0:
            raise ValueError(f"X has shape {images.shape}; wanted is at least one image")
        if y is None:
            raise ValueError("y is None; wanted is one label an image")
        labels = _labels.as_label_array(y, len(images))
        weight = _arrays.as_sample_weight(sample_weight, len(images))
        _input.check_any_weight(weight)
        classes, index = _labels.encode(labels, weight)
        classifier._check_params(classes)

        seconds: dict[str, float] = {}
        if not (self.features is None or (hasattr(self.features, "fit") and hasattr(self.features, "transform"))):
            raise TypeError(f"features is {self.features!r}; wanted is a transformer, or None for the pixels")
        features, views = copy.deepcopy(self.features), 1
        if features is None:
            rows = _pixels(images)
        else:
            with self._timed("features", seconds):
                features.fit(images)
            with self._timed("transform", seconds):
                if isinstance(features, Crops):
                    windows = features.windows(images)
                    views, rows = len(windows), windows.reshape(-1, windows.shape[2])
                else:
                    rows = _arrays.as_rows(features.transform(images), "features")
            self._say(f"{type(features).__name__}: {rows.shape[1]:,} features")
        shape = images.shape[1:] if images.ndim == 4 else None
        counts = np.bincount(index, weights=weight, minlength=len(classes)).astype(np.float64)
        meaning = Meaning(classes, counts, shape if features is None else None)
        data = _choice.Data(
            rows, np.tile(index, views), None if weight is None else np.tile(weight, views), meaning, views
        )
        with self._timed("classifier", seconds):
            choice = _choice.fit(
                classifier, data, alpha, fraction=self.validation_fraction, seed=self.random_state, say=self._say,
                first=_first(features, rows.shape[1]),
            )  # fmt: skip
        self._publish(features, classifier, shape, int(np.prod(images.shape[1:])))
        self.seconds_ = seconds
        self.alphas_ = np.array([] if choice is None else choice.alphas)
        self.validation_scores_ = np.array([] if choice is None else choice.scores)
        return self

    def _publish(
        self, features: Any, classifier: LinearClassifier, shape: tuple[int, ...] | None, n_features: int
    ) -> None:
        self.features_, self.classifier_ = features, classifier
        self.alpha_, self.classes_ = classifier.alpha, classifier.classes_
        self.image_shape_, self.n_features_in_ = shape, n_features

    # Predicting

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of images, (N, C); for two classes (N,), the second's less the first's."""
        return self._by_batches(X, LinearClassifier.decision_function)

    def predict(self, X: Any) -> np.ndarray:
        """The label of the largest score of each image, (N,)."""
        return self._by_batches(X, LinearClassifier.predict)

    @available(_check_softmax)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, (N, C). With the softmax loss only."""
        return self._by_batches(X, lambda model, rows: model.predict_proba(rows))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the images whose label is predicted rightly, weighted where weights are given."""
        return _input.accuracy(self.predict(X), y, sample_weight, self.classes_, "images")

    def set_num_threads(self, n_threads: int | None) -> Self:
        """Set how many threads the fitted parts may use, as `fastlin.set_num_threads` says; the bits are the same."""
        self._check_fitted()
        self.classifier_.set_params(n_threads=n_threads)
        if self.features_ is not None:
            known = self.features_.get_params(deep=True)
            self.features_.set_params(**{name: n_threads for name in known if name.endswith("n_threads")})
        return self

    def _by_batches(self, X: Any, say: Callable[[LinearClassifier, np.ndarray], np.ndarray]) -> np.ndarray:
        """What the classifier says of the features of a batch of images at a time, so that they need never all be."""
        self._check_fitted()
        images = _as_images(X)
        size = int(np.prod(images.shape[1:]))
        if size != self.n_features_in_:
            raise ValueError(f"X has images of {size} numbers; wanted is {self.n_features_in_}, as in the fit")
        if images.ndim == 4 and self.image_shape_ is not None and images.shape[1:] != self.image_shape_:
            raise ValueError(f"X has images of shape {images.shape[1:]}; wanted is {self.image_shape_}, as in the fit")
        if self.features_ is None:
            return say(self.classifier_, _pixels(images))
        step = max(1, _BATCH_NUMBERS // self.classifier_.n_features_in_)
        parts = [
            say(self.classifier_, _arrays.as_array(self.features_.transform(images[start : start + step]), "features"))
            for start in range(0, max(len(images), 1), step)
        ]
        return np.concatenate(parts)

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted pipeline to one file, atomically, in the format of docs/model_file.md.

        `fastlin.load_model` reads it back, to the same predictions. TypeError where the features are none of fastlin's.
        """
        self._check_fitted()
        _file.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read back what `save` wrote; a file of another kind of model is refused with a TypeError."""
        model = _file.load(path, ImagePipeline)
        if not isinstance(model, cls):
            raise TypeError(f"{os.fspath(path)!r} holds a {type(model).__name__}; wanted is a {cls.__name__}")
        return model

    # Parts

    def _classifier(self) -> LinearClassifier:
        if self.classifier is None:
            return LinearClassifier(solver="lbfgs", random_state=0)
        if not isinstance(self.classifier, LinearClassifier):
            raise TypeError(f"classifier is a {type(self.classifier).__name__}; wanted is a LinearClassifier")
        return self.classifier

    def _alpha(self, classifier: LinearClassifier) -> float | None:
        """The strength to fit with, also in `classifier`; None where it is to be chosen."""
        if self.alpha is None or isinstance(self.alpha, str):
            _arrays.check_word(self.alpha, "alpha", "auto", "a finite number >= 0")
            if classifier.penalty is None:
                raise ValueError("alpha is 'auto' while the classifier's penalty is None; wanted is 0 or a penalty")
            return None
        classifier.alpha = _arrays.as_nonnegative(self.alpha, "alpha")
        return classifier.alpha

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line, flush=True)

    @contextmanager
    def _timed(self, step: str, seconds: dict[str, float]) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[step] = time.perf_counter() - began
        self._say(f"{step}: {seconds[step]:.2f} s")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted_error("this ImagePipeline is not fitted; call fit first")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classifier_")

    def __sklearn_tags__(self) -> Any:
        return classifier_tags()


def _first(features: Any, n_columns: int) -> float:
    """The strength of the penalty to try first."""
    if features is None:
        return _choice.FIRST_OF_PIXELS
    if isinstance(features, Crops):
        features = features.transformer
    parts = [part for _, part in features.transformers] if isinstance(features, Concat) else [features]
    of_words = any(isinstance(part, VisualWords) for part in parts)
    if not of_words:
        return _choice.FIRST_OF_FEATURES
    return _choice.FIRST_OF_MANY_WORDS if n_columns > _choice.MANY_WORDS else _choice.FIRST_OF_WORDS


def _as_images(X: Any) -> np.ndarray:
    """`X` as an array of images or rows, viewed where it is one."""
    images = _arrays.as_array(X, "X")
    if images.ndim < 2:
        raise ValueError(f"X has shape {images.shape}; wanted is (N, H, W, channels), or rows")
    return images


def _pixels(images: np.ndarray) -> np.ndarray:
    """Images as rows, without a copy where their numbers lie one after the other."""
    return _arrays.as_rows(np.ascontiguousarray(images).reshape(len(images), int(np.prod(images.shape[1:]))))
