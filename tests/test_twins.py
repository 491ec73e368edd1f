"""The compiled functions and the twin are the same from outside: signatures, errors, documentation."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pytest
from agreement import same_bits
from bad_calls import TABLE, BadCall

import fastlin
from fastlin import functional, reference

FUNCTIONS = functional.__all__


@pytest.mark.parametrize("function", FUNCTIONS)
def test_signatures_are_the_same(function: str) -> None:
    def outline(module: object) -> list[tuple]:
        signature = inspect.signature(getattr(module, function))
        return [(p.name, p.kind, p.default) for p in signature.parameters.values()]

    assert outline(functional) == outline(reference)


@pytest.mark.parametrize("bad", TABLE, ids=str)
def test_errors_are_the_same(bad: BadCall) -> None:
    compiled, twin = (bad.make(module, bad.arguments()) for module in (functional, reference))
    assert (type(compiled), str(compiled)) == (type(twin), str(twin))


def test_the_first_of_several_errors_is_the_same() -> None:
    # With two arguments wrong, both name the same one.
    for function in FUNCTIONS:
        changes = [bad for bad in TABLE if bad.function == function]
        for first, second in zip(changes, changes[7:] + changes[:7], strict=True):
            both = [first.make(module, first.arguments(second)) for module in (functional, reference)]
            assert type(both[0]) is type(both[1]) and str(both[0]) == str(both[1]), f"{first} and {second}"


def test_an_epoch_of_nothing_checks_its_arguments_all_the_same() -> None:
    # Without rows there are no wrong labels; everything else is as wrong as ever.
    for bad in TABLE:
        arguments = bad.arguments()
        if bad.function != "sgd_epoch" or "order" in arguments or "label" in bad.what or np.ndim(arguments["lr"]):
            continue
        both = [bad.make(module, bad.arguments() | {"order": []}) for module in (functional, reference)]
        assert type(both[0]) is type(both[1]) and str(both[0]) == str(both[1]), str(bad)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_both_are_documented(function: str) -> None:
    assert inspect.getdoc(getattr(reference, function))
    documentation = inspect.getdoc(getattr(functional, function)) or ""
    for section in ("Parameters\n----------", "Returns\n-------", "Examples\n--------", ">>> "):
        returns_nothing = section.startswith("Returns") and function in ("sgd_step", "adam_step")
        assert section in documentation or returns_nothing, section
    _, described = documentation.split("Parameters\n")
    for parameter in inspect.signature(getattr(functional, function)).parameters:
        assert re.search(rf"\b{parameter}\b", described), parameter


def test_the_examples_of_the_documentation_run() -> None:
    examples = failures = 0
    for function in FUNCTIONS:
        for test in doctest.DocTestFinder().find(getattr(functional, function), function):
            result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test)
            failures, examples = failures + result.failed, examples + result.attempted
    assert failures == 0
    assert examples >= len(FUNCTIONS)


def test_the_package_offers_the_functions_at_its_top() -> None:
    for function in FUNCTIONS:
        assert getattr(fastlin, function) is getattr(functional, function)
        assert function in dir(fastlin)
    with pytest.raises(AttributeError, match="no_such_name"):
        fastlin.no_such_name  # noqa: B018


def test_results_are_of_the_same_types() -> None:
    X, y, W, b = np.ones((4, 3)), np.array([0, 1, 0, 1]), np.ones((2, 3)), np.zeros(2)
    calls = {
        "scores": (X, W, b), "predict": (X, W, b), "softmax": (X,), "moments": (X,), "softmax_loss": (X, y, W, b),
        "hinge_loss": (X, y, W, b),
    }  # fmt: skip
    for function, arguments in calls.items():
        one, other = (getattr(module, function)(*arguments) for module in (functional, reference))
        assert type(one) is type(other)
        for part, twin_part in zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]:
            assert type(part) is type(twin_part)
            assert np.asarray(part).dtype == np.asarray(twin_part).dtype
    one, other = (module.sgd_epoch(X, y, W.copy(), b.copy(), lr=0.1) for module in (functional, reference))
    assert type(one) is type(other) and [type(part) for part in one] == [type(part) for part in other]
    assert functional.sgd_step(W.copy(), b.copy(), W, b, lr=0.1) is None


def test_arguments_of_the_same_meaning_are_the_same_call() -> None:
    X, y, W = np.arange(12.0).reshape(4, 3), [0, 1, 0, 1], np.eye(2, 3)
    for module in (functional, reference):
        plain = module.softmax_loss(X, y, W)
        explicit = module.softmax_loss(
            X=X, y=y, W=W, b=None, l2=0.0, l1=0, sample_weight=None, shift=None, scale=None, rows=None, n_threads=None
        )
        assert same_bits(tuple(plain), tuple(explicit))
        assert module.softmax_loss(
            X, y, W, l2=np.float32(0.5), n_threads=np.int64(1)
        ).loss == plain.loss + 0.5 * np.sum(W**2)
