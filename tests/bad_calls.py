"""The table of calls that must be refused: of which function, what is wrong, and the error.

Each row changes some arguments of a good call. `message` is the beginning of what must be said: the argument and what
it was; that what is wanted is said too is checked for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

N, D, C = 6, 4, 3


def good_call(function: str, dtype: str = "float32") -> dict[str, Any]:
    """Arguments that are all right, in memory of their own; what is changed in place is not zero."""
    rng = np.random.default_rng(0)
    compute = np.float64 if dtype == "float64" else np.float32
    X = (rng.normal(size=(N, D)) * 50 + 100).astype(dtype)
    W, b = rng.normal(size=(C, D)).astype(compute), rng.normal(size=C).astype(compute)
    y = np.array([0, 1, 2, 0, 1, 2])
    match function:
        case "scores" | "predict":
            return {"X": X, "W": W, "b": b}
        case "softmax":
            return {"scores": rng.normal(size=(N, C))}
        case "moments":
            return {"X": X}
        case "softmax_loss" | "hinge_loss":
            return {"X": X, "y": y, "W": W, "b": b}
        case "sgd_step":
            return {"W": W, "b": b, "dW": W * 2, "db": b * 2, "lr": 0.1, "momentum": 0.9, "velocity": (W * 3, b * 3)}
        case "sgd_epoch":
            return {
                "X": X,
                "y": y,
                "W": W,
                "b": b,
                "lr": 0.1,
                "batch_size": 2,
                "momentum": 0.9,
                "velocity": (W * 3, b * 3),
            }
    raise AssertionError(function)


Change = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class BadCall:
    function: str
    what: str
    change: Change
    error: type[Exception]
    message: str

    def make(self, module: ModuleType, arguments: dict[str, Any]) -> Exception:
        """Make the call, which must fail, and return its error."""
        try:
            getattr(module, self.function)(**arguments)
        except Exception as error:
            return error
        raise AssertionError(f"{module.__name__}.{self.function} took {self.what}")

    def arguments(self, and_also: BadCall | None = None) -> dict[str, Any]:
        """Those of the call, wrong in a second way too where another bad call is named."""
        good = good_call(self.function)
        return good | self.change(good) | (and_also.change(good) if and_also else {})

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.message)

    def __str__(self) -> str:
        return f"{self.function}: {self.what}"


TABLE: list[BadCall] = []


def refuse(functions: str, what: str, change: Change, error: type[Exception], message: str) -> None:
    TABLE.extend(BadCall(function, what, change, error, message) for function in functions.split())


def always(**arguments: Any) -> Change:
    return lambda good: arguments


class Sparse:
    """What a sparse matrix looks like from outside."""

    def tocsr(self) -> None:
        raise AssertionError("never to be called")


OF_ROWS = "scores predict moments softmax_loss hinge_loss sgd_epoch"
OF_MODEL = "scores predict softmax_loss hinge_loss"
LOSSES = "softmax_loss hinge_loss"
WITH_LABELS = f"{LOSSES} sgd_epoch"
STEPS = "sgd_step sgd_epoch"

# X
refuse(OF_ROWS, "X of one axis", lambda g: {"X": g["X"][0]}, ValueError, r"X has shape \(4,\).*X\[None, :\]")
refuse(OF_ROWS, "X of three axes", lambda g: {"X": g["X"][None]}, ValueError, r"X has shape \(1, 6, 4\)")
refuse(
    OF_ROWS, "X of five axes", lambda g: {"X": g["X"][None, None, None]}, ValueError, r"X has shape \(1, 1, 1, 6, 4\)"
)
refuse(OF_ROWS, "X that is a number", always(X=1.0), ValueError, r"X has shape \(\)")
refuse(OF_ROWS, "X without features", lambda g: {"X": g["X"][:, :0]}, ValueError, r"X has shape \(6, 0\)")
refuse(OF_ROWS, "images without pixels", always(X=np.zeros((6, 0, 4, 3))), ValueError, r"X has shape \(6, 0, 4, 3\)")
refuse(OF_ROWS, "complex X", lambda g: {"X": g["X"].astype(complex)}, TypeError, r"X has dtype complex128")
refuse(OF_ROWS, "X of objects", lambda g: {"X": g["X"].astype(object)}, TypeError, r"X has dtype object")
refuse(OF_ROWS, "X of strings", lambda g: {"X": g["X"].astype(str)}, TypeError, r"X has dtype <U32")
refuse(OF_ROWS, "X of dates", always(X=np.zeros((6, 4), "M8[s]")), TypeError, r"X has dtype datetime64")
refuse(OF_ROWS, "X of long doubles", lambda g: {"X": g["X"].astype(np.longdouble)}, TypeError, r"X has dtype float\d+")
refuse(OF_ROWS, "rows of several lengths", always(X=[[1.0, 2.0], [3.0]]), ValueError, r"X makes no array; wanted is")
refuse(OF_ROWS, "a masked X", lambda g: {"X": np.ma.masked_array(g["X"])}, TypeError, r"X is a masked array.*filled")
refuse(OF_ROWS, "a sparse X", always(X=Sparse()), TypeError, r"X is a sparse matrix.*toarray")
refuse(OF_ROWS, "no X", always(X=None), TypeError, r"X has dtype object")

# W and b, which may be copied here
refuse(OF_MODEL, "W.T", lambda g: {"W": g["W"].T}, ValueError, r"W has shape \(4, 3\).*pass W\.T")
refuse(
    f"{OF_MODEL} sgd_epoch",
    "W of other features",
    lambda g: {"W": g["W"][:, :3].copy()},
    ValueError,
    r"W has shape \(3, 3\)",
)
refuse(f"{OF_MODEL} sgd_epoch", "W without classes", lambda g: {"W": g["W"][:0]}, ValueError, r"W has shape \(0, 4\)")
refuse(f"{OF_MODEL} sgd_epoch", "W of one axis", lambda g: {"W": g["W"][0]}, ValueError, r"W has shape \(4,\)")
refuse(OF_MODEL, "complex W", lambda g: {"W": g["W"] * 1j}, TypeError, r"W has dtype complex")
refuse(OF_MODEL, "W of strings", lambda g: {"W": g["W"].astype(str)}, TypeError, r"W has dtype <U32")
refuse(OF_MODEL, "no W", always(W=None), TypeError, r"W has dtype object")
refuse(f"{OF_MODEL} sgd_epoch", "too short a b", lambda g: {"b": g["b"][:2]}, ValueError, r"b has shape \(2,\)")
refuse(f"{OF_MODEL} sgd_epoch", "b of two axes", lambda g: {"b": g["b"][None]}, ValueError, r"b has shape \(1, 3\)")
refuse(OF_MODEL, "b that is a number", always(b=1.0), ValueError, r"b has shape \(\)")
refuse(OF_MODEL, "complex b", lambda g: {"b": g["b"] * 1j}, TypeError, r"b has dtype complex")

# out
refuse("scores", "out of another type", always(out=np.zeros((N, C))), TypeError, r"out has dtype float64")
refuse("scores", "out of another byte order", always(out=np.zeros((N, C), ">f4")), TypeError, r"out has dtype >f4")
refuse(
    "scores", "out of another shape", always(out=np.zeros((C, N), np.float32)), ValueError, r"out has shape \(3, 6\)"
)
refuse("scores", "out that is a list", always(out=[[0.0] * C] * N), TypeError, r"out is list")
refuse(
    "scores",
    "out in Fortran's order",
    always(out=np.zeros((C, N), np.float32).T),
    ValueError,
    r"out is not C-contiguous",
)
refuse(
    "scores",
    "out with gaps",
    always(out=np.zeros((N, 2 * C), np.float32)[:, ::2]),
    ValueError,
    r"out is not C-contiguous",
)
refuse(
    "scores", "out that is read-only", always(out=np.frombuffer(bytes(4 * N * C), np.float32).reshape(N, C)),
    ValueError, r"out is read-only",
)  # fmt: skip
refuse(
    "scores", "misaligned out", always(out=np.frombuffer(bytearray(4 * N * C + 1), np.float32, N * C, 1).reshape(N, C)),
    ValueError, r"out is not C-contiguous and aligned",
)  # fmt: skip


def _out_over(name: str, scores_shape: tuple[int, int] = (N, C)) -> Change:
    def change(good: dict[str, Any]) -> dict[str, Any]:
        memory = np.ones(200, np.float32)
        size = good[name].size
        array = memory[10 : 10 + size].reshape(good[name].shape)
        array[...] = good[name]
        out = memory[10 + size - 1 :][: np.prod(scores_shape)].reshape(scores_shape)
        return {name: array, "out": out}

    return change


for argument in ("X", "W", "b"):
    refuse("scores", f"out over {argument}", _out_over(argument), ValueError, f"out overlaps {argument}")



class _NoArray:
    """As a tensor of PyTorch that has a gradient."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("call detach first")


for functions, argument in ((OF_ROWS, "X"), (WITH_LABELS, "y"), (WITH_LABELS, "sample_weight")):
    refuse(
        functions, f"{argument} that makes no array of itself", always(**{argument: _NoArray()}), TypeError,
        rf"{argument} makes no array; wanted is .*: call detach first",
    )  # fmt: skip

# y
refuse(WITH_LABELS, "too short a y", lambda g: {"y": g["y"][:5]}, ValueError, r"y has shape \(5,\)")
refuse(WITH_LABELS, "y of two axes", lambda g: {"y": g["y"][:, None]}, ValueError, r"y has shape \(6, 1\)")
refuse(WITH_LABELS, "y of floats", lambda g: {"y": g["y"].astype(float)}, TypeError, r"y has dtype float64")
refuse(WITH_LABELS, "y of names", always(y=["a", "b", "c", "a", "b", "c"]), TypeError, r"y has dtype <U1")
refuse(WITH_LABELS, "a label too large", always(y=[0, 1, 2, 3, 0, 1]), ValueError, r"y\[3\] is 3; wanted is 0\.\.2")
refuse(WITH_LABELS, "a negative label", always(y=[0, 1, 2, 0, 0, -1]), ValueError, r"y\[5\] is -1; wanted is 0\.\.2")
refuse(WITH_LABELS, "a huge label", always(y=np.array([0, 1, 2, 0, 0, 2**40])), ValueError, r"y\[5\] is 1099511627776")
refuse(
    WITH_LABELS, "an unsigned label past int64", always(y=np.array([0, 1, 2, 0, 0, 2**63], np.uint64)), ValueError,
    r"y holds 9223372036854775808",
)  # fmt: skip
refuse(LOSSES, "a label picked by rows", always(y=[0, 1, 2, 0, 7, 8], rows=[0, 5, 4]), ValueError, r"y\[5\] is 8")
refuse(
    "sgd_epoch",
    "a label in the last batch",
    always(y=[0, 1, 2, 0, 7, 8], order=[0, 1, 5, 4]),
    ValueError,
    r"y\[5\] is 8",
)

refuse(WITH_LABELS, "a masked y", lambda g: {"y": np.ma.masked_array(g["y"])}, TypeError, r"y is a masked array")
refuse(WITH_LABELS, "y of several lengths", always(y=[[0], [1, 2]]), ValueError, r"y makes no array")

# rows and order
for functions, argument in ((LOSSES, "rows"), ("sgd_epoch", "order")):

    def _as(value: Any, argument: str = argument) -> Change:
        return always(**{argument: value})

    refuse(functions, f"{argument} past the end", _as([0, 6]), IndexError, rf"{argument}\[1\] is 6; wanted is 0\.\.5")
    refuse(functions, f"negative {argument}", _as([0, 1, -1]), IndexError, rf"{argument}\[2\] is -1")
    refuse(functions, f"{argument} of floats", _as([0.0, 1.0]), TypeError, rf"{argument} has dtype float64")
    refuse(functions, f"{argument} of two axes", _as([[0, 1]]), ValueError, rf"{argument} has shape \(1, 2\)")
    refuse(functions, f"{argument} that is a number", _as(3), ValueError, rf"{argument} has shape \(\)")
    refuse(
        functions,
        f"a mask for {argument}",
        _as(np.ones(N, bool)),
        TypeError,
        rf"{argument} is a boolean mask.*np\.flatnonzero",
    )
    refuse(
        functions,
        f"{argument} of no rows",
        lambda g, a=argument: {"X": g["X"][:0], "y": [], a: [0]},
        IndexError,
        rf"{argument}\[0\] is 0",
    )

# sample_weight, shift, scale
WEIGHTED = f"moments {WITH_LABELS}"
refuse(WEIGHTED, "too short a weight", always(sample_weight=np.ones(5)), ValueError, r"sample_weight has shape \(5,\)")
refuse(
    WEIGHTED,
    "weight of two axes",
    always(sample_weight=np.ones((6, 1))),
    ValueError,
    r"sample_weight has shape \(6, 1\)",
)
refuse(WEIGHTED, "weight that is a number", always(sample_weight=1.0), ValueError, r"sample_weight has shape \(\)")
refuse(
    WEIGHTED, "negative weight", always(sample_weight=[1, 1, 1, 1, -0.5, 1]), ValueError, r"sample_weight\[4\] is -0\.5"
)
refuse(WEIGHTED, "weight NaN", always(sample_weight=[1, np.nan, 1, 1, 1, 1]), ValueError, r"sample_weight\[1\] is nan")
refuse(
    WEIGHTED, "infinite weight", always(sample_weight=[1, 1, 1, 1, 1, np.inf]), ValueError, r"sample_weight\[5\] is inf"
)
refuse(WEIGHTED, "weight of strings", always(sample_weight=["1"] * 6), TypeError, r"sample_weight has dtype <U1")
for argument in ("shift", "scale"):

    def _of(value: Any, argument: str = argument) -> Change:
        return always(**{argument: value})

    refuse(WITH_LABELS, f"too short a {argument}", _of(np.ones(3)), ValueError, rf"{argument} has shape \(3,\)")
    refuse(WITH_LABELS, f"{argument} of two axes", _of(np.ones((1, 4))), ValueError, rf"{argument} has shape \(1, 4\)")
    refuse(WITH_LABELS, f"{argument} NaN", _of([0, 1, np.nan, 0]), ValueError, rf"{argument}\[2\] is nan, not finite")
    refuse(WITH_LABELS, f"infinite {argument}", _of(np.inf), ValueError, rf"{argument}\[0\] is inf, not finite")
    refuse(WITH_LABELS, f"complex {argument}", _of(1j), TypeError, rf"{argument} has dtype complex")

# Numbers
for argument, functions in (("l2", WITH_LABELS), ("l1", f"{LOSSES} {STEPS}")):
    for bad in (-1e-9, np.nan, np.inf):
        refuse(functions, f"{argument} of {bad}", always(**{argument: bad}), ValueError, rf"{argument} is {bad}")
    refuse(functions, f"{argument} of a string", always(**{argument: "0.1"}), TypeError, rf"{argument} is '0\.1'")
    refuse(functions, f"{argument} of None", always(**{argument: None}), TypeError, rf"{argument} is None")
    refuse(functions, f"{argument} past all floats", always(**{argument: 10**400}), ValueError, rf"{argument} is an")
HINGES = "hinge_loss sgd_epoch"
for bad in (0, -1.0, np.nan, np.inf):
    refuse(HINGES, f"a margin of {bad}", always(margin=bad), ValueError, rf"margin is {bad}")
    refuse(STEPS, f"a rate of {bad}", always(lr=bad), ValueError, r"lr is ")
refuse(HINGES, "a margin of None", always(margin=None), TypeError, r"margin is None")
for bad in (0, 3, 1.5, "1"):
    refuse(HINGES, f"power {bad!r}", always(power=bad), ValueError, rf"power is {bad!r}; wanted is one of 1, 2")
for bad in ("mean", None):
    refuse(HINGES, f"kind {bad!r}", always(kind=bad), ValueError, rf"kind is {bad!r}; wanted is one of 'sum', 'max'")
for bad in ("softmax_loss", None, "squared_hinge"):
    refuse(
        "sgd_epoch",
        f"loss {bad!r}",
        always(loss=bad),
        ValueError,
        rf"loss is {bad!r}; wanted is one of 'softmax', 'hinge'",
    )
for bad in (-0.1, 1.0, np.nan):
    refuse(STEPS, f"a momentum of {bad}", always(momentum=bad), ValueError, rf"momentum is {bad}")
refuse(STEPS, "a momentum of a string", always(momentum="0.9"), TypeError, r"momentum is '0\.9'")
refuse(
    STEPS,
    "nesterov without momentum",
    always(momentum=0.0, nesterov=True),
    ValueError,
    r"nesterov is True while momentum is 0",
)
refuse("sgd_step", "a rate of a string", always(lr="0.1"), TypeError, r"lr is '0\.1'")
refuse("sgd_epoch", "a rate of a string", always(lr="0.1"), TypeError, r"lr has dtype <U3")
refuse(
    "sgd_epoch",
    "too few rates",
    always(lr=[0.1, 0.1]),
    ValueError,
    r"lr has shape \(2,\); wanted is one number, or \(3,\)",
)
refuse("sgd_epoch", "a negative rate among others", always(lr=[0.1, -0.1, 0.1]), ValueError, r"lr holds a rate")
refuse("sgd_epoch", "a rate NaN among others", always(lr=[0.1, 0.1, np.nan]), ValueError, r"lr holds a rate")
for bad in (0, -3):
    refuse("sgd_epoch", f"a batch_size of {bad}", always(batch_size=bad), ValueError, rf"batch_size is {bad}")
for bad in (2.0, "2", None):
    refuse("sgd_epoch", f"a batch_size of {bad!r}", always(batch_size=bad), TypeError, rf"batch_size is {bad!r}")
for bad in (0, -2):
    refuse(f"{OF_ROWS} softmax", f"n_threads of {bad}", always(n_threads=bad), ValueError, rf"n_threads is {bad}")
for bad in (1.0, "2"):
    refuse(f"{OF_ROWS} softmax", f"n_threads of {bad!r}", always(n_threads=bad), TypeError, rf"n_threads is {bad!r}")

# What is changed in place
refuse("sgd_epoch", "a report that is a number", always(report=3), TypeError, r"report is int")
refuse(STEPS, "W that is a list", lambda g: {"W": g["W"].tolist()}, TypeError, r"W is list")
refuse(
    "sgd_epoch",
    "W of another type",
    lambda g: {"W": g["W"].astype(float)},
    TypeError,
    r"W has dtype float64; wanted is float32",
)
refuse("sgd_epoch", "W.T", lambda g: {"W": g["W"].T.copy()}, ValueError, r"W has shape \(4, 3\).*pass W\.T")
refuse("sgd_step", "W of whole numbers", lambda g: {"W": g["W"].astype(int)}, TypeError, r"W is int64")
refuse(STEPS, "W in Fortran's order", lambda g: {"W": np.asfortranarray(g["W"])}, ValueError, r"W is not C-contiguous")
refuse(STEPS, "W of another byte order", lambda g: {"W": g["W"].astype(">f4")}, TypeError, r"W (is|has dtype) >f4")
refuse(
    STEPS,
    "b of another type",
    lambda g: {"b": g["b"].astype(float)},
    TypeError,
    r"b has dtype float64; wanted is float32",
)
refuse(STEPS, "b that is a list", lambda g: {"b": g["b"].tolist()}, TypeError, r"b is list")
refuse(STEPS, "b with gaps", lambda g: {"b": np.repeat(g["b"], 2)[::2]}, ValueError, r"b is not C-contiguous")
refuse(STEPS, "velocity that is an array", lambda g: {"velocity": g["W"] * 0}, TypeError, r"velocity is not a pair")
refuse(
    STEPS,
    "velocity without that of b",
    lambda g: {"velocity": (g["W"] * 0, None)},
    TypeError,
    r"velocity is not a pair",
)
refuse(
    STEPS, "velocity of a b that is not there", lambda g: {"b": None} | ({"db": None} if "db" in g else {}), TypeError,
    r"velocity is not a pair",
)  # fmt: skip
refuse(
    STEPS,
    "velocity of another type",
    lambda g: {"velocity": (g["W"].astype(float), g["b"])},
    TypeError,
    r"velocity\[0\] has dtype float64",
)
refuse(
    STEPS,
    "velocity of another shape",
    lambda g: {"velocity": (g["velocity"][0][:2], g["b"] * 0)},
    ValueError,
    r"velocity\[0\] has shape \(2, 4\)",
)
refuse(
    STEPS,
    "velocity of b of another shape",
    lambda g: {"velocity": (g["W"] * 0, g["b"][:2] * 0)},
    ValueError,
    r"velocity\[1\] has shape \(2,\)",
)
refuse(STEPS, "velocity over W", lambda g: {"velocity": (g["W"], g["b"] * 0)}, ValueError, r"velocity\[0\] overlaps W")
refuse(STEPS, "velocity over b", lambda g: {"velocity": (g["W"] * 0, g["b"])}, ValueError, r"velocity\[1\] overlaps b")
refuse(
    "sgd_step",
    "no velocity for a momentum",
    always(velocity=None),
    ValueError,
    r"velocity is None while momentum is not 0",
)


def _read_only(name: str) -> Change:
    def change(good: dict[str, Any]) -> dict[str, Any]:
        array = good[name].copy()
        array.flags.writeable = False
        return {name: array}

    return change


def _b_in_W(good: dict[str, Any]) -> dict[str, Any]:
    return {"b": good["W"].reshape(-1)[:C]}


def _over_each_other(good: dict[str, Any]) -> dict[str, Any]:
    velocity = good["W"] * 0
    return {"velocity": (velocity, velocity.reshape(-1)[:C])}


refuse(STEPS, "W that is read-only", _read_only("W"), ValueError, r"W is read-only")
refuse(STEPS, "b that is read-only", _read_only("b"), ValueError, r"b is read-only")
refuse(STEPS, "b inside W", _b_in_W, ValueError, r"b overlaps W")
refuse(STEPS, "velocities over each other", _over_each_other, ValueError, r"velocity\[1\] overlaps velocity")

# The gradient of a step
refuse(
    "sgd_step",
    "dW of another shape",
    lambda g: {"dW": g["dW"].T},
    ValueError,
    r"dW has shape \(4, 3\); wanted is \(3, 4\)",
)
refuse("sgd_step", "db of another shape", lambda g: {"db": g["db"][:2]}, ValueError, r"db has shape \(2,\)")
refuse("sgd_step", "complex dW", lambda g: {"dW": g["dW"] * 1j}, TypeError, r"dW has dtype complex")
refuse("sgd_step", "dW that is W", lambda g: {"dW": g["W"]}, ValueError, r"dW overlaps W")
refuse(
    "sgd_step",
    "db without b",
    lambda g: {"b": None, "velocity": (g["W"] * 0, None)},
    ValueError,
    r"one of b and db is None",
)
refuse("sgd_step", "b without db", always(db=None), ValueError, r"one of b and db is None")
# What is written while it is still to be read would be a wrong result, silently.
refuse(
    "sgd_step",
    "dW that is the velocity",
    lambda g: {"dW": g["velocity"][0]},
    ValueError,
    r"(velocity\[0\] overlaps dW|dW overlaps velocity)",
)
refuse(
    "sgd_step",
    "db that is the velocity",
    lambda g: {"db": g["velocity"][1]},
    ValueError,
    r"(velocity\[1\] overlaps db|db overlaps velocity)",
)
refuse("sgd_epoch", "W inside X", lambda g: {"W": g["X"][:C]}, ValueError, r"(W overlaps X|X overlaps W)")
refuse("sgd_epoch", "b inside X", lambda g: {"b": g["X"].reshape(-1)[:C]}, ValueError, r"(b overlaps X|X overlaps b)")
refuse(
    "sgd_epoch", "velocity inside X", lambda g: {"velocity": (g["X"][:C], g["b"] * 0)}, ValueError,
    r"(velocity\[0\] overlaps X|X overlaps velocity)",
)  # fmt: skip

# scores
refuse(
    "softmax", "scores of three axes", always(scores=np.zeros((2, 2, 2))), ValueError, r"scores has shape \(2, 2, 2\)"
)
refuse("softmax", "scores without classes", always(scores=np.zeros((2, 0))), ValueError, r"scores has shape \(2, 0\)")
refuse("softmax", "a number for scores", always(scores=1.0), ValueError, r"scores has shape \(\)")
refuse("softmax", "complex scores", always(scores=np.zeros((2, 2), complex)), TypeError, r"scores has dtype complex")
refuse("softmax", "scores of strings", always(scores=[["a", "b"]]), TypeError, r"scores has dtype <U1")
refuse(
    "softmax", "masked scores", lambda g: {"scores": np.ma.masked_array(g["scores"])}, TypeError,
    r"scores is a masked array",
)  # fmt: skip
refuse("softmax", "scores of several lengths", always(scores=[[1.0], [1.0, 2.0]]), ValueError, r"scores makes no array")
