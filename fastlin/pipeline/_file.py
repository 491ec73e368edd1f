"""A pipeline as a model file: the classifier's arrays under "classifier/", those of the features under "features/"."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from fastlin import features, model_file
from fastlin.features import Concat, Crops, VisualWords
from fastlin.features._base import ImageTransformer, RowTransformer, Transformer
from fastlin.linear_model import LinearClassifier
from fastlin.linear_model._estimators import MODELS
from fastlin.model_file import ModelFileError

KIND = "ImagePipeline"
_CLASSIFIER, _FEATURES = "classifier/", "features/"
_TRIED = ("alphas", "validation_scores")
_PARAMS = {"alpha", "validation_fraction", "random_state", "verbose"}


def save(pipeline: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted pipeline to `path`."""
    classifier = pipeline.classifier_
    inner, arrays = model_file.pack(classifier, classifier._state)
    arrays = {_CLASSIFIER + name: array for name, array in arrays.items()}
    seed = pipeline.random_state
    header: dict[str, Any] = {
        "model": KIND,
        "params": {
            "alpha": pipeline.alpha if isinstance(pipeline.alpha, str) else float(pipeline.alpha),
            "validation_fraction": float(pipeline.validation_fraction),
            "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
            "verbose": int(pipeline.verbose),
        },
        "image_shape": pipeline.image_shape_,
        "n_features": pipeline.n_features_in_,
        "seconds": pipeline.seconds_,
        "classifier": inner,
        "features": None,
    }
    arrays |= {name: getattr(pipeline, f"{name}_") for name in _TRIED}
    transformer = pipeline.features_
    if transformer is not None:
        kind = type(transformer).__name__
        if kind not in features.__all__ or getattr(features, kind) is not type(transformer):
            raise TypeError(f"features is a {kind}, which a model file cannot hold; wanted is one of fastlin.features")
        state, learnt = transformer.get_state()
        header["features"] = {"class": kind, "state": state}
        arrays |= {_FEATURES + name: array for name, array in learnt.items()}
    model_file.write(path, header, arrays)


def load(path: str | os.PathLike[str], pipeline_class: type) -> Any:
    """The model at `path`: a `pipeline_class`, or a linear classifier."""
    header, arrays = model_file.read(path)
    # Made of a stranger's file, a transformer can fail in as many ways as a parser can; all mean the same here.
    try:
        if header["model"] == KIND:
            return _pipeline(header, arrays, pipeline_class)
        return _classifier(header, arrays)
    except ModelFileError:
        raise
    except Exception as error:
        raise model_file.refusal(path, error) from error


def _classifier(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> LinearClassifier:
    model, state, meaning = model_file.unpack(header, arrays, MODELS)
    model._restore(state, meaning)
    return model


def _pipeline(header: dict[str, Any], arrays: dict[str, np.ndarray], pipeline_class: type) -> Any:
    params = header["params"]
    _check("params", isinstance(params, dict) and params.keys() == _PARAMS)
    _check("params.verbose", type(params["verbose"]) is int)
    _check("params.random_state", params["random_state"] is None or type(params["random_state"]) is int)
    _check("params.validation_fraction", type(params["validation_fraction"]) is float)
    known = {_CLASSIFIER, _FEATURES, *_TRIED}
    _check("members", all(name in known or name[: name.find("/") + 1] in known for name in arrays))
    classifier = _classifier(header["classifier"], _under(arrays, _CLASSIFIER))
    shape, n_features = header["image_shape"], header["n_features"]
    _check("n_features", type(n_features) is int and n_features > 0)
    if shape is not None:
        _check("image_shape", isinstance(shape, list) and all(type(n) is int and n > 0 for n in shape))
        _check("image_shape", len(shape) == 3 and shape[0] * shape[1] * shape[2] == n_features)
        shape = tuple(shape)
    transformer = None
    if header["features"] is None:
        _check("features", not _under(arrays, _FEATURES) and classifier.n_features_in_ == n_features)
    else:
        transformer = _transformer(header["features"], _under(arrays, _FEATURES))
        width = _width(transformer, shape or (n_features,), classifier.n_features_in_)
        _check("features", width == classifier.n_features_in_)
    model = pipeline_class(transformer, type(classifier)(**classifier.get_params(deep=False)), **params)
    model._alpha(model._classifier())
    model._publish(transformer, classifier, shape, n_features)
    tried = [arrays[name] for name in _TRIED]
    for array in tried:
        _check("alphas", array.dtype == np.float64 and array.shape == tried[0].shape and array.ndim == 1)
        _check("alphas", bool((np.isfinite(array) & (array >= 0)).all()))
    model.alphas_, model.validation_scores_ = tried
    seconds = header["seconds"]
    _check("seconds", isinstance(seconds, dict) and seconds.keys() <= {"features", "transform", "classifier"})
    _check("seconds", all(type(value) is float and 0 <= value < np.inf for value in seconds.values()))
    model.seconds_ = seconds
    return model


def _under(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _transformer(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    kind = entry["class"]
    cls: Any = getattr(features, kind) if kind in features.__all__ else None
    _check("features", isinstance(cls, type))
    transformer = cls.from_state(entry["state"], arrays)
    transformer._check_fitted()
    return transformer


def _width(transformer: Any, shape: tuple[int, ...], limit: int) -> int:
    """How many features it makes of an image, `limit` of them expected, tried on as little as can be.

    So parameters that no transform would take, and learnt arrays of a wrong shape, show here, and not in a prediction.
    """
    if isinstance(transformer, Concat):
        transformer._check_names()
        return sum(_width(part, shape, limit) for _, part in transformer.transformers)
    if isinstance(transformer, Crops):
        _check("features", transformer.image_shape_ == shape or len(shape) == 1)
        transformer._check_size(transformer.image_shape_)
        window = (transformer.size, transformer.size, transformer.image_shape_[2])
        n_out = _width(transformer.transformer, window, limit)
        _check("features", n_out == transformer.n_features_out_)
        return n_out
    if isinstance(transformer, ImageTransformer | VisualWords):
        # No image is as good as one, whose size a file could claim to be anything.
        wanted = getattr(transformer, "image_shape_", shape)
        _check("features", tuple(wanted) == shape or len(shape) == 1)
        n_out = transformer.transform(np.zeros((0, *shape), np.uint8)).shape[1]
        _check("features", n_out == transformer.n_features_out_)
        return n_out
    _check("features", isinstance(transformer, RowTransformer) and isinstance(transformer, Transformer))
    n_features = int(np.prod(shape, dtype=object))
    _check("features", transformer.n_features_in_ == n_features)
    n_out = transformer._n_out(n_features)
    _check("features", 0 < n_out <= limit)
    return transformer.transform(np.zeros((1, n_features), np.float32)).shape[1]


def _check(name: str, right: bool) -> None:
    if not right:
        raise ValueError(f"its {name} is not what a pipeline has there")
