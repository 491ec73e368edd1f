"""A model file of any kind."""

from __future__ import annotations

import os

from fastlin.linear_model import LinearClassifier
from fastlin.pipeline import _file
from fastlin.pipeline._pipeline import ImagePipeline


def load_model(path: str | os.PathLike[str]) -> LinearClassifier | ImagePipeline:
    """The linear classifier or the pipeline that `save` wrote to `path`, to the same bits.

    Parameters
    ----------
    path : path
        Of an ``.npz`` or a ``.safetensors``: which of the two it is, its first bytes tell.

    Raises
    ------
    OSError
        When the file is not there or may not be read.
    fastlin.model_file.ModelFileError
        A ValueError, when it is not a model file, or is damaged.

    Examples
    --------
    >>> import fastlin, tempfile
    >>> X, y = fastlin.datasets.make_blobs(100)
    >>> model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/blobs.npz")
    ...     again = fastlin.load_model(f"{folder}/blobs.npz")
    >>> again, bool((again.coef_ == model.coef_).all())
    (SoftmaxClassifier(random_state=0), True)
    """
    return _file.load(path, ImagePipeline)
