"""What scikit-learn asks of an estimator that is no child of its classes.

fastlin's estimators do not inherit from scikit-learn's: they work where it is not installed, and importing them does
not import it. What it asks beyond `get_params` and `set_params` stands here: tags, metadata routing, tables as output,
diagrams, callbacks, its own kinds of errors and warnings. Each imports scikit-learn when called, and only
scikit-learn's own functions, or a user of them, calls it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np


class NotFittedError(ValueError, AttributeError):
    """An estimator was asked for what only `fit` gives it. Where scikit-learn is loaded, one of its kind as well."""

    def __reduce__(self) -> tuple[Callable[[str], NotFittedError], tuple[Any, ...]]:
        return not_fitted_error, self.args


def not_fitted_error(message: str) -> NotFittedError:
    """A `NotFittedError`, which is scikit-learn's too where that is loaded, so that either can be caught."""
    theirs = sys.modules.get("sklearn.exceptions")
    return (NotFittedError if theirs is None else _joined(theirs.NotFittedError))(message)


@functools.cache
def _joined(theirs: type) -> type[NotFittedError]:
    return type("NotFittedError", (NotFittedError, theirs), {"__doc__": NotFittedError.__doc__})


def conversion_warning() -> type[Warning]:
    """The category for data that was taken for something slightly else: scikit-learn's where that is loaded."""
    theirs = sys.modules.get("sklearn.exceptions")
    return UserWarning if theirs is None else theirs.DataConversionWarning


class Shown:
    """An object that a notebook shows as scikit-learn's own, where that is loaded: as its HTML diagram."""

    def _repr_html_(self) -> str | None:
        """The diagram; None, and the notebook shows the text, without scikit-learn or with its ``display="text"``."""
        theirs = sys.modules.get("sklearn")
        if theirs is None or theirs.get_config()["display"] != "diagram":
            return None
        from sklearn.utils import estimator_html_repr

        html: str = estimator_html_repr(self)
        return html


class Routed:
    """An estimator that can say which of its methods want metadata, such as `sample_weight`, routed to them."""

    _metadata_request: Any

    def get_metadata_routing(self) -> Any:
        """The requests for metadata, as scikit-learn's routing wants them."""
        return self._requester().get_metadata_routing()

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Ask for metadata in `fit`: ``set_fit_request(sample_weight=True)``. Wants scikit-learn's routing enabled."""
        return self._request("set_fit_request", requests)

    def set_partial_fit_request(self, **requests: bool | str | None) -> Self:
        """Ask for metadata in `partial_fit`."""
        return self._request("set_partial_fit_request", requests)

    def set_score_request(self, **requests: bool | str | None) -> Self:
        """Ask for metadata in `score`."""
        return self._request("set_score_request", requests)

    def _request(self, method: str, requests: dict[str, Any]) -> Self:
        requester = self._requester()
        getattr(requester, method)(**requests)
        self._metadata_request = requester._metadata_request
        return self

    def _requester(self) -> Any:
        cls: Any = type(self)
        requester = _requester_class(cls)()
        if hasattr(self, "_metadata_request"):
            requester._metadata_request = self._metadata_request
        return requester


@functools.cache
def _requester_class(cls: type) -> type:
    """A child of scikit-learn's estimator with the methods of `cls`, from whose signatures it reads the requests."""
    from sklearn.base import BaseEstimator

    methods = {name: getattr(cls, name) for name in ("fit", "partial_fit", "score") if hasattr(cls, name)}
    return type(cls.__name__, (BaseEstimator,), methods)


class TransformOutput(Shown):
    """A transformer whose features come as a table where scikit-learn's `set_output` or `set_config` asks for one."""

    # scikit-learn's name: its clone takes the choice over by it.
    _sklearn_output_config: dict[str, str]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """A name for each column of the result, as an array of str objects."""
        raise NotImplementedError

    def set_output(self, *, transform: Literal["default", "pandas", "polars"] | None = None) -> Self:
        """Set what `transform` and `fit_transform` give: arrays, or tables with named columns. Wants scikit-learn.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            "default" is NumPy's arrays. None leaves it as it is; where it was never set, scikit-learn's
            ``set_config(transform_output=...)`` counts.

        Raises
        ------
        ValueError
            For another kind.
        ImportError
            Without scikit-learn, and of `transform` without what makes the tables.
        """
        if transform not in ("default", "pandas", "polars", None):
            raise ValueError(f"transform is {transform!r}; wanted is 'default', 'pandas', 'polars' or None")
        try:
            import sklearn  # type: ignore[import-untyped]  # noqa: F401
        except ImportError as error:
            raise ImportError("set_output needs scikit-learn: pip install 'fastlin[sklearn]'") from error
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _in_output(self, features: np.ndarray, X: Any) -> np.ndarray:
        """The `features` of `X` as they are wanted; a table has the rows' names of `X`, where that is one."""
        wanted = getattr(self, "_sklearn_output_config", {}).get("transform")
        if wanted is None:
            theirs = sys.modules.get("sklearn")
            wanted = "default" if theirs is None else theirs.get_config()["transform_output"]
        if wanted == "default":
            return features
        # Asked for here: scikit-learn would number the columns where there are no names yet.
        known = _known_features(features, self.get_feature_names_out())
        table: np.ndarray = known.set_output(transform=wanted).transform(X)
        return table


def _known_features(features: np.ndarray, names: np.ndarray) -> Any:
    """A transformer of scikit-learn's whose result is known."""
    from sklearn.base import TransformerMixin

    def transform(self: Any, X: Any) -> np.ndarray:
        return features

    def get_feature_names_out(self: Any, input_features: Any = None) -> np.ndarray:
        return names

    methods = {"transform": transform, "get_feature_names_out": get_feature_names_out}
    return type("KnownFeatures", (TransformerMixin,), methods)()


class CallbackSupport:
    """An estimator that scikit-learn's callbacks can watch: `sklearn.callback`, of version 1.9 and later."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set scikit-learn's callbacks, such as `ProgressBar()` or `ScoringMonitor(scoring="accuracy")`.

        They are told of each epoch. For a plain function see the parameter `callbacks`.
        """
        from sklearn.callback import CallbackSupportMixin

        return CallbackSupportMixin.set_callbacks(self, *callbacks)  # type: ignore[arg-type, return-value]

    def _as_task(
        self, fit: Callable[[CallbackTask | None], None], max_iter: int, X: Any, y: Any, sample_weight: Any
    ) -> None:
        """Call `fit` as a task of scikit-learn's callbacks; with None where there are none to tell."""
        if not (hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx")):
            fit(None)
            return
        from sklearn.callback import CallbackSupportMixin, with_callbacks

        data = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}

        @with_callbacks
        def watched(estimator: Any) -> None:
            context = CallbackSupportMixin._init_callback_context(estimator, max_subtasks=max_iter)
            context.call_on_fit_task_begin(estimator=estimator, **data)
            task = CallbackTask(estimator, context, data, max_iter)
            fit(task)
            task.close()
            context.call_on_fit_task_end(estimator=estimator, **data, reconstruction_attributes={})

        watched(self)


class CallbackTask:
    """A running fit, as scikit-learn's callbacks see it: a task with a subtask an epoch."""

    def __init__(self, estimator: Any, context: Any, data: dict[str, Any], max_iter: int) -> None:
        self._estimator = estimator
        self._context = context
        self._data = data
        self._to_come = max_iter
        self._epoch: Any = None
        self._begin()

    def _begin(self) -> None:
        self._epoch = None
        if self._to_come:
            self._to_come -= 1
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch_done(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """An epoch has ended; `fitted` gives the attributes of the model as it is. True asks to stop.

        Of more epochs than were announced the callbacks are not told.
        """
        if self._epoch is None:
            return False
        stop = self._epoch.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes=fitted
        )
        self._begin()
        return bool(stop)

    def close(self) -> None:
        """End the epoch that was begun and never ran, where the fit stopped early."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._estimator)


def classifier_tags() -> Any:
    """scikit-learn's tags of a classifier of dense rows, of two classes and more."""
    from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

    return Tags(
        estimator_type="classifier",
        target_tags=TargetTags(required=True),
        classifier_tags=ClassifierTags(),
        input_tags=InputTags(sparse=False),
    )
