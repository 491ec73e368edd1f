"""A model file of any kind."""

from __future__ import annotations

import os

from fastlin.linear_model import LinearClassifier
from fastlin.pipeline import _file
from fastlin.pipeline._pipeline import ImagePipeline


def load_model(path: str | os.PathLike[str]) -> LinearClassifier | ImagePipeline:
    """The linear classifier or the pipeline that `save` wrote to `path`, to the same bits.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    fastlin.model_file.ModelFileError
        A ValueError, when it is not a model file, or is damaged.
    """
    return _file.load(path, ImagePipeline)
