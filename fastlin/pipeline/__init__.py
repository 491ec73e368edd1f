"""From images to labels: features and a linear classifier as one estimator, and one file."""

from fastlin.pipeline._loading import load_model
from fastlin.pipeline._pipeline import ImagePipeline
from fastlin.pipeline._spec import make_features, make_pipeline

__all__ = ["ImagePipeline", "load_model", "make_features", "make_pipeline"]
