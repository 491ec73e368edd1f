"""Constructor parameters by name, as scikit-learn's searches and clones want them, and methods that depend on them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, Self, TypeVar

R = TypeVar("R")


class Parameters:
    """An object whose parameters are the arguments of its constructor, each kept in an attribute of the same name.

    The constructor stores and does nothing else: a parameter is checked where it is used, as a search sets them one by
    one.
    """

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; with `deep`, those of parameters that have their own too, as ``outer__inner``."""
        params: dict[str, Any] = {}
        for name in self._parameter_names():
            value = params[name] = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                params |= {f"{name}__{inner}": given for inner, given in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; an unknown one is refused before any is set."""
        known = self.get_params()
        for name in params:
            if name not in known and name.partition("__")[0] not in self._parameter_names():
                raise ValueError(
                    f"{name!r} is no parameter of {type(self).__name__}; there are {', '.join(self._parameter_names())}"
                )
        # The outer ones first: an inner one is for the object that is there afterwards.
        for name in sorted(params, key=lambda name: "__" in name):
            outer, _, inner = name.partition("__")
            if inner:
                getattr(self, outer).set_params(**{inner: params[name]})
            else:
                setattr(self, name, params[name])
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"


def available(check: Callable[[Any, str], None]) -> Callable[[Callable[..., R]], _Available[R]]:
    """Decorate a method that is there with some parameters only, as `hasattr` then tells.

    `check` gets the object and the method's name, and raises AttributeError where it is not there.
    """
    return functools.partial(_Available, check)


class _Available(Generic[R]):
    def __init__(self, check: Callable[[Any, str], None], method: Callable[..., R]) -> None:
        self._check = check
        self._method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]  # for help() on the class

    def __get__(self, instance: Any, owner: type) -> Callable[..., R]:
        if instance is None:
            return self._method
        self._check(instance, self._method.__name__)
        return MethodType(self._method, instance)
