"""What is refused: with which error, which names the argument, and before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import same_bits
from bad_calls import TABLE, BadCall, good_call

from fastlin import functional

FUNCTIONS = ("scores", "predict", "softmax", "moments", "softmax_loss", "hinge_loss", "sgd_step", "sgd_epoch")


def copies(arguments: dict[str, Any]) -> dict[str, Any]:
    def copy(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(copy, value))
        return value.copy() if isinstance(value, np.ndarray) else value

    return {name: copy(value) for name, value in arguments.items()}


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_good_call_is_good(function: str, dtype: str) -> None:
    getattr(functional, function)(**good_call(function, dtype))


@pytest.mark.parametrize("bad", TABLE, ids=str)
def test_a_bad_argument_is_refused_before_anything_is_written(bad: BadCall) -> None:
    arguments = bad.arguments()
    kept = copies(arguments)
    error = bad.make(functional, arguments)
    assert type(error) is bad.error, repr(error)
    assert bad.pattern.match(str(error)), str(error)
    assert any(word in str(error) for word in ("wanted", "pass ", "fill ", "holds a rate")), f"no remedy: {error}"
    for name, value in arguments.items():
        if isinstance(value, (np.ndarray, tuple)):
            assert same_bits(np.ma.getdata(value) if isinstance(value, np.ma.MaskedArray) else value, kept[name]), name


def test_the_same_arguments_by_position_are_named_too() -> None:
    with pytest.raises(ValueError, match=r"^W has shape"):
        functional.scores(np.zeros((2, 3)), np.zeros((4, 2)))
    with pytest.raises(TypeError, match="positional"):
        functional.scores(np.zeros((2, 3)), np.zeros((4, 3)), None, None)  # out is by name only
    with pytest.raises(TypeError, match="lr"):
        functional.sgd_step(*(np.zeros((2, 2)),) * 4)


@pytest.mark.parametrize("function", ["softmax_loss", "hinge_loss", "sgd_epoch"])
def test_an_error_leaves_the_library_usable(function: str) -> None:
    before = good_call(function)
    first = getattr(functional, function)(**before)
    for bad in TABLE:
        if bad.function == function:
            bad.make(functional, bad.arguments())
    assert same_bits(getattr(functional, function)(**good_call(function)), first)


def test_too_many_of_something_are_refused_not_wrapped_around() -> None:
    # N * C past any memory: NumPy's own error, and no small block of wrapped size.
    X = np.broadcast_to(np.float32(1), (2**40, 1))
    with pytest.raises((MemoryError, ValueError)):
        functional.scores(X, np.ones((2**12, 1)))
