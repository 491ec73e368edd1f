"""What counts as a loss: one of fastlin's by name, or anyone's function of the same signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlin import functional
from fastlin._results import LossGradient

LossFunction = Callable[..., Any]

NAMES = ("softmax", "hinge", "squared_hinge")
_NAMED: dict[str, tuple[Callable[..., LossGradient], dict[str, Any]]] = {
    "softmax": (functional.softmax_loss, {}),
    "hinge": (functional.hinge_loss, {}),
    "squared_hinge": (functional.hinge_loss, {"power": 2}),
}


class Loss(NamedTuple):
    """A loss ready to be called.

    Attributes
    ----------
    name : str
        Of fastlin's losses the name; of another function what it calls itself.
    function : callable
        As it was given, or the functional layer's.
    options : dict
        Keyword arguments of every call.
    is_named : bool
        Whether it is fastlin's own, of which the formula is known.
    """

    name: str
    function: LossFunction
    options: dict[str, Any]
    is_named: bool

    def __call__(self, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: np.ndarray | None, **more: Any) -> LossGradient:
        result = self.function(X, y, W, b, **{**self.options, **more})
        return _checked(result, self.name, W, b)

    @property
    def power(self) -> int:
        """Power of a named hinge."""
        return int(self.options.get("power", 1))

    @property
    def margin(self) -> float:
        """Margin of a named hinge."""
        return float(self.options.get("margin", 1.0))

    def takes(self, option: str) -> bool:
        """Whether the function has the keyword argument."""
        try:
            parameters = inspect.signature(self.function).parameters
        except (TypeError, ValueError):  # a function in C need not tell
            return False
        any_keyword = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        return option in parameters or any_keyword


def as_loss(loss: str | LossFunction, options: dict[str, Any]) -> Loss:
    """`loss` by name or as a function, with the keyword arguments of its calls."""
    if isinstance(loss, str):
        if loss not in _NAMED:
            raise ValueError(f"loss is {loss!r}; wanted is one of {', '.join(map(repr, NAMES))}, or a function")
        function, fixed = _NAMED[loss]
        return Loss(loss, function, {**fixed, **options}, True)
    if not callable(loss):
        raise TypeError(f"loss is {loss!r}; wanted is one of {', '.join(map(repr, NAMES))}, or a function")
    for name, (function, fixed) in _NAMED.items():
        # The functional layer's own functions are known by formula too, under whichever name they came.
        if loss is function and not fixed:
            squared = loss is functional.hinge_loss and options.get("power") == 2
            return Loss("squared_hinge" if squared else name, function, options, True)
    return Loss(getattr(loss, "__name__", type(loss).__name__), loss, options, False)


class course_loss:
    """A loss in the course's form, ``f(W, X, y, reg) -> loss, dW`` with W of shape (D, C), as one in fastlin's.

    Parameters
    ----------
    function : callable
        ``svm_loss_naive``, ``softmax_loss_vectorized`` and the like.
    reg : float
        Strength of the penalty, passed on as it is.

    Returns
    -------
    callable
        ``loss(X, y, W, b=None, *, l2=reg) -> (loss, dW)`` with W and dW of shape (C, D).

    References
    ----------
    Stanford CS231n, assignment 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlin.diagnostics import check_gradient, course_loss
    >>> def softmax_loss_of_a_student(W, X, y, reg):
    ...     p = np.exp(X @ W)
    ...     p /= p.sum(axis=1, keepdims=True)
    ...     right = np.arange(len(y)), y
    ...     loss = -np.log(p[right]).mean() + reg * np.sum(W * W)
    ...     p[right] -= 1
    ...     return loss, X.T @ p / len(y) + 2 * reg * W
    >>> rng = np.random.default_rng(0)
    >>> X, y, W = rng.normal(size=(20, 5)), rng.integers(0, 3, 20), rng.normal(size=(3, 5))
    >>> check_gradient(course_loss(softmax_loss_of_a_student, reg=0.1), X, y, W).ok
    True
    """

    def __init__(self, function: Callable[..., Any], reg: float = 0.0) -> None:
        if not callable(function):
            raise TypeError(f"function is {function!r}; wanted is a function f(W, X, y, reg) that returns loss and dW")
        self.function = function
        self.reg = reg
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(
        self, X: np.ndarray, y: np.ndarray, W: np.ndarray, b: None = None, *, l2: float | None = None
    ) -> tuple[float, np.ndarray]:
        if b is not None:
            raise ValueError(
                "b is given, and a loss f(W, X, y, reg) has none; wanted is b=None, for a bias a column of ones in X"
            )
        loss, dW = self.function(np.ascontiguousarray(W.T), X, y, self.reg if l2 is None else l2)
        return loss, np.asarray(dW).T


def _checked(result: Any, name: str, W: np.ndarray, b: np.ndarray | None) -> LossGradient:
    """What a loss returned, as a LossGradient of the right shapes in float64, or an error that says what is wrong."""
    wanted = "(loss, dW)" if b is None else "(loss, dW, db)"
    if not isinstance(result, tuple) or not (len(result) == 3 or (len(result) == 2 and b is None)):
        kind = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise TypeError(f"{name} returned {kind}; wanted is a tuple {wanted}")
    loss, dW, db = (*result, None)[:3]
    loss = _as_floats(loss, "a loss", name)
    if loss.ndim != 0:
        raise ValueError(f"{name} returned a loss of shape {loss.shape}; wanted is one number")
    dW = _as_floats(dW, "dW", name)
    if dW.shape != W.shape:
        hint = ": transpose it, or wrap a function f(W, X, y, reg) in course_loss" if dW.T.shape == W.shape else ""
        raise ValueError(f"{name} returned dW of shape {dW.shape}; wanted is {W.shape}, as W{hint}")
    if b is not None:
        if db is None:
            raise ValueError(f"{name} returned None for db though b is given; wanted is its gradient")
        db = _as_floats(db, "db", name)
        if db.shape != b.shape:
            raise ValueError(f"{name} returned db of shape {db.shape}; wanted is {b.shape}, as b")
    return LossGradient(float(loss), dW, None if b is None else db)


def _as_floats(value: Any, what: str, name: str) -> np.ndarray:
    """`value`, which the loss called `name` returned as `what`, in float64."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists that differ in length
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} returned {what} of {array.dtype}; wanted is real numbers")
    return array.astype(np.float64)
