"""Which arrays are accepted, viewed, copied or refused: the one place that says so.

(A) Rows `X` may be huge, so they are only ever viewed: any real dtype, any strides, any byte order, read-only or
    memory-mapped. What cannot be viewed as (N, D) is refused; nothing here copies X, save a list becoming an array.
(B) Everything else (`W`, `b`, `y`, weights, index) is small beside X: it is brought to the layout the loops want,
    by a copy where that takes one.
(C) What is written in place or into (`out`, `W` of a step, velocities) must already have the right type and layout:
    a copy would lose the result.

Each refusal names the argument, what it was and what is wanted. NumPy only: the reference twin checks with the same
functions, so both raise the same errors.
"""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any, NoReturn

import numpy as np

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)
_SMALLEST = {dtype: float(np.finfo(dtype).smallest_subnormal) for dtype in (FLOAT32, FLOAT64)}
_LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in (FLOAT32, FLOAT64)}
# Both types hold numbers of up to so much and from its inverse on: most need no second look.
_COMMON = 1e30
# What the loops read without a conversion by the caller. The wider integers do not fit float32's 24 bits of mantissa.
_FLOAT32_STORAGE = frozenset("?bBhHef")
_FLOAT64_STORAGE = frozenset("iIlLqQd")


def as_rows(X: Any, name: str = "X") -> np.ndarray:
    """View `X` as (N, D) rows without copying it; (N, H, W, channels) images are read as (N, H * W * channels)."""
    if type(X) is not np.ndarray:
        if hasattr(X, "tocsr"):
            raise TypeError(f"{name} is a sparse matrix; fastlin takes dense rows: pass {name}.toarray()")
        X = as_array(X, name)
    if X.dtype.char not in _FLOAT32_STORAGE and X.dtype.char not in _FLOAT64_STORAGE:
        raise TypeError(
            f"{name} has dtype {X.dtype}; wanted is uint8, float16, float32 or float64 (or another integer type): "
            f"convert it, for example {name}.astype('float32')"
        )
    if X.ndim == 2:
        rows = X
    elif X.ndim == 4:
        if not _pixels_follow(X):
            raise ValueError(
                f"{name} has shape {X.shape} and strides {X.strides}, which cannot be read as rows without copying it; "
                f"pass np.ascontiguousarray({name})"
            )
        rows = X.reshape(X.shape[0], X.shape[1] * X.shape[2] * X.shape[3])
    else:
        raise ValueError(
            f"{name} has shape {X.shape}; wanted is (n_rows, n_features) or (n_rows, height, width, channels)"
            + (f": a single row is {name}[None, :]" if X.ndim == 1 else "")
        )
    if rows.shape[1] == 0:
        raise ValueError(f"{name} has shape {X.shape}; wanted is at least one feature")
    return rows


def _pixels_follow(images: np.ndarray) -> bool:
    """Whether each image's numbers lie evenly spaced, so that one axis can stand for height, width and channels."""
    axes = [(n, stride) for n, stride in zip(images.shape[1:], images.strides[1:], strict=True) if n != 1]
    return images.size == 0 or all(
        outer == n * inner for (_, outer), (n, inner) in itertools.pairwise(axes)
    )


def compute_dtype(rows: np.ndarray) -> np.dtype:
    """float32 for rows of up to 16 bits and float32, float64 for the rest: the type of weights, scores and gradient."""
    return FLOAT32 if rows.dtype.char in _FLOAT32_STORAGE else FLOAT64


def as_weights(W: Any, n_features: int, dtype: np.dtype) -> np.ndarray:
    """`W` as a C-contiguous (C, D) array of `dtype`."""
    if type(W) is not np.ndarray or W.dtype != dtype or not W.flags.carray:
        W = _as_real(W, "W", dtype)
    if W.ndim != 2 or W.shape[0] == 0 or W.shape[1] != n_features:
        _refuse_weights(W, n_features)
    return W


def _refuse_weights(W: np.ndarray, n_features: int) -> NoReturn:
    hint = ": pass W.T" if W.ndim == 2 and W.shape[0] == n_features else ""
    raise ValueError(
        f"W has shape {W.shape}; wanted is (n_classes, {n_features}), a row a class, as X has {n_features} features"
        + hint
    )


def as_bias(b: Any, n_classes: int, dtype: np.dtype) -> np.ndarray | None:
    """`b` as a contiguous (C,) array of `dtype`, or None."""
    if b is None:
        return None
    if type(b) is not np.ndarray or b.dtype != dtype or not b.flags.carray:
        b = _as_real(b, "b", dtype)
    if b.ndim != 1 or b.shape[0] != n_classes:
        raise ValueError(f"b has shape {b.shape}; wanted is ({n_classes},), one number a class of W")
    return b


def as_labels(y: Any, n_rows: int) -> np.ndarray:
    """`y` as a contiguous (N,) int64 array. That the labels lie in 0..C-1 is checked where they are used."""
    if type(y) is not np.ndarray or y.dtype != INT64 or not y.flags.carray:
        y = as_array(y, "y")
        if y.dtype.kind not in "iub" and y.size:
            raise TypeError(f"y has dtype {y.dtype}; wanted is integers 0..n_classes-1 (estimators take any labels)")
        if y.dtype.kind == "u" and y.dtype.itemsize == 8 and y.size and int(y.max()) > np.iinfo(np.int64).max:
            raise ValueError(f"y holds {int(y.max())}; wanted is integers 0..n_classes-1")
        y = np.require(y, INT64, ("C", "A"))
    if y.ndim != 1 or y.shape[0] != n_rows:
        raise ValueError(f"y has shape {y.shape}; wanted is ({n_rows},), one label a row of X")
    return y


def check_labels(y: np.ndarray, n_classes: int, picked: Any = slice(None)) -> None:
    """Refuse labels, of the rows picked, outside of 0..n_classes-1."""
    wrong = (y[picked] < 0) | (y[picked] >= n_classes)
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        refuse_label(y, position if isinstance(picked, slice) else int(picked[position]), n_classes)


def refuse_label(y: np.ndarray, position: int, n_classes: int) -> NoReturn:
    """Raise for the label at `position`, which is not one of the classes of W."""
    raise ValueError(f"y[{position}] is {y[position]}; wanted is 0..{n_classes - 1}, as W has {n_classes} classes")


def as_row_index(rows: Any, n_rows: int, name: str = "rows") -> np.ndarray:
    """`rows` as a contiguous int64 index into the rows of X, each entry in range."""
    if type(rows) is not np.ndarray or rows.dtype != INT64 or not rows.flags.carray:
        rows = as_array(rows, name)
        if rows.dtype == np.bool_:
            raise TypeError(f"{name} is a boolean mask; wanted is row numbers: pass np.flatnonzero({name})")
        if rows.dtype.kind not in "iu" and rows.size:
            raise TypeError(f"{name} has dtype {rows.dtype}; wanted is integers, row numbers of X")
        if rows.dtype == np.uint64:  # int64 would turn the largest into negative numbers
            rows = np.minimum(rows, np.uint64(np.iinfo(np.int64).max))
        rows = np.require(rows, INT64, ("C", "A"))
    if rows.ndim != 1:
        raise ValueError(f"{name} has shape {rows.shape}; wanted is one axis of row numbers")
    # One unsigned comparison finds both ends: a negative number is a huge one.
    if rows.size and int(rows.view(np.uint64).max()) >= n_rows:
        wrong = int(np.flatnonzero((rows < 0) | (rows >= n_rows))[0])
        raise IndexError(f"{name}[{wrong}] is {rows[wrong]}; wanted is 0..{n_rows - 1}, as X has {n_rows} rows")
    return rows


def as_sample_weight(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """`sample_weight` as a contiguous (N,) float64 array of finite numbers >= 0, or None."""
    if sample_weight is None:
        return None
    weight = _as_real(sample_weight, "sample_weight", FLOAT64)
    if weight.ndim != 1 or weight.shape[0] != n_rows:
        raise ValueError(f"sample_weight has shape {weight.shape}; wanted is ({n_rows},), one number a row of X")
    if weight.size and not (weight.min() >= 0.0 and weight.max() < math.inf):
        wrong = int(np.flatnonzero(~((weight >= 0.0) & (weight < math.inf)))[0])
        raise ValueError(f"sample_weight[{wrong}] is {weight[wrong]}; wanted is finite numbers >= 0")
    with np.errstate(over="ignore"):
        if not weight.sum() < math.inf:
            raise ValueError("sample_weight sums to infinity; wanted is smaller numbers")
    return weight


def as_feature_vector(value: Any, n_features: int, name: str, dtype: np.dtype) -> np.ndarray | None:
    """A number, or one a feature, as a contiguous (D,) array of `dtype`, finite in it; or None."""
    if value is None:
        return None
    vector = _as_real(value, name, dtype)
    if vector.ndim == 0:
        vector = np.full(n_features, vector)
    elif vector.ndim != 1 or vector.shape[0] != n_features:
        raise ValueError(f"{name} has shape {vector.shape}; wanted is one number, or ({n_features},), one a feature")
    finite = np.isfinite(vector)
    if not finite.all():
        wrong = int(np.flatnonzero(~finite)[0])
        raise ValueError(f"{name}[{wrong}] is {vector[wrong]}, not finite; wanted is finite numbers")
    return vector


def check_in_place(array: Any, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Refuse an array that is to be written in place unless it has just this shape, type and layout."""
    if type(array) not in (np.ndarray, np.memmap):
        raise TypeError(f"{name} is {type(array).__name__}; wanted is a NumPy array of {dtype}: it is changed in place")
    if array.dtype != dtype:
        raise TypeError(
            f"{name} has dtype {array.dtype}; wanted is {dtype}, in which X is computed: {name} is changed in place"
        )
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; wanted is {shape}")
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only; wanted is a writeable array, as it is changed in place")
    if not array.flags.carray:
        raise ValueError(
            f"{name} is not C-contiguous and aligned, and is changed in place; pass np.ascontiguousarray({name})"
        )
    return array


def check_apart(name: str, array: np.ndarray, **others: np.ndarray | None) -> None:
    """Refuse `array` if it shares memory with one of `others`, of which one is written."""
    for other_name, other in others.items():
        if other is not None and np.may_share_memory(array, other):
            raise ValueError(f"{name} overlaps {other_name} in memory; wanted is an array of its own")


def check_model_in_place(W: Any, b: Any, rows: np.ndarray, **read: np.ndarray | None) -> None:
    """Check the `W` and `b` that an epoch over `rows` changes in place, while it reads `rows` and the others."""
    dtype = compute_dtype(rows)
    n_features = rows.shape[1]
    if isinstance(W, np.ndarray) and (W.ndim != 2 or W.shape[0] == 0 or W.shape[1] != n_features):
        _refuse_weights(W, n_features)
    check_in_place(W, "W", getattr(W, "shape", ()), dtype)
    check_apart("W", W, X=rows, **read)
    if b is not None:
        check_in_place(b, "b", (W.shape[0],), dtype)
        check_apart("b", b, W=W, X=rows, **read)


def as_velocity(
    velocity: Any, W: np.ndarray, b: np.ndarray | None, momentum: float, rows: np.ndarray | None = None
) -> tuple[Any, Any] | None:
    """`velocity` as the pair (of W, of b) that is changed in place; momentum without one starts from rest."""
    if velocity is None:
        return None if momentum == 0.0 else (np.zeros_like(W), None if b is None else np.zeros_like(b))
    return _as_pair(velocity, "velocity", W, b, X=rows)


def as_average(average: Any, W: np.ndarray, b: np.ndarray | None, rows: np.ndarray, **pairs: Any) -> Any:
    """`average` as the pair (of W, of b) that is changed in place beside the other `pairs`, or None."""
    if average is None:
        return None
    others = {f"{name}[{i}]": pair[i] for name, pair in pairs.items() if pair is not None for i in (0, 1)}
    return _as_pair(average, "average", W, b, X=rows, **others)


def as_moments(moments: Any, W: np.ndarray, b: np.ndarray | None, **read: np.ndarray | None) -> tuple[Any, Any]:
    """`moments` as two pairs (of W, of b), of the gradient and of its square, that are changed in place."""
    if not isinstance(moments, tuple) or len(moments) != 2:
        raise TypeError(
            "moments is not a pair; wanted is two pairs of arrays, means of the gradient and of its square: "
            "((mW, mb), (sW, sb)), those of b None where b is"
        )
    mean = _as_pair(moments[0], "moments[0]", W, b, **read)
    written = {"moments[0][0]": mean[0], "moments[0][1]": mean[1]}
    return mean, _as_pair(moments[1], "moments[1]", W, b, **read, **written)


def _as_pair(
    pair: Any, name: str, W: np.ndarray, b: np.ndarray | None, **others: np.ndarray | None
) -> tuple[Any, Any]:
    """`pair` of arrays like `W` and `b`, changed in place while the others are read or written."""
    if not isinstance(pair, tuple) or len(pair) != 2 or (pair[1] is None) != (b is None):
        raise TypeError(f"{name} is not a pair; wanted is two arrays, one like W and one like b, or None where b is")
    check_in_place(pair[0], f"{name}[0]", W.shape, W.dtype)
    check_apart(f"{name}[0]", pair[0], W=W, b=b, **others)
    if b is not None:
        check_in_place(pair[1], f"{name}[1]", b.shape, b.dtype)
        check_apart(f"{name}[1]", pair[1], W=W, b=b, **others, **{f"{name}[0]": pair[0]})
    return pair


def as_step(
    W: Any, b: Any, dW: Any, db: Any, velocity: Any, momentum: float
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """The (parameter, gradient, velocity) triples of one step: W's, and b's where there is one."""
    if not isinstance(W, np.ndarray) or W.dtype not in (FLOAT32, FLOAT64):
        raise TypeError(f"W is {getattr(W, 'dtype', type(W).__name__)}; wanted is a NumPy array of float32 or float64")
    check_in_place(W, "W", W.shape, W.dtype)
    if (b is None) != (db is None):
        raise ValueError("one of b and db is None; wanted is both or neither")
    if momentum and velocity is None:
        raise ValueError(
            "velocity is None while momentum is not 0; wanted is the pair of arrays that carries it from step to step: "
            "velocity=(np.zeros_like(W), None if b is None else np.zeros_like(b))"
        )
    if b is not None:
        check_in_place(b, "b", b.shape if isinstance(b, np.ndarray) else (), W.dtype)
        check_apart("b", b, W=W)
    v_W, v_b = (None, None) if velocity is None else _as_pair(velocity, "velocity", W, b)
    written = {"W": W, "b": b, "velocity[0]": v_W, "velocity[1]": v_b}
    triples = [(W, _as_gradient(dW, "dW", W, written), v_W)]
    if b is not None:
        triples.append((b, _as_gradient(db, "db", b, written), v_b))
    return triples


def _as_gradient(gradient: Any, name: str, parameter: np.ndarray, written: dict[str, Any]) -> np.ndarray:
    array = _as_real(gradient, name, parameter.dtype)
    if array.shape != parameter.shape:
        raise ValueError(f"{name} has shape {array.shape}; wanted is {parameter.shape}")
    check_apart(name, array, **written)
    return array


def as_scores(scores: Any) -> np.ndarray:
    """`scores` as a C-contiguous (N, C) or (C,) array of float32 or float64."""
    array = as_array(scores, "scores")
    if array.dtype.char not in _FLOAT32_STORAGE and array.dtype.char not in _FLOAT64_STORAGE:
        raise TypeError(f"scores has dtype {array.dtype}; wanted is float32 or float64")
    if array.ndim not in (1, 2) or array.shape[-1] == 0:
        raise ValueError(f"scores has shape {array.shape}; wanted is (n_rows, n_classes) or (n_classes,)")
    dtype = FLOAT32 if array.dtype.char in "ef" else FLOAT64
    return np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)


def as_nonnegative(value: Any, name: str, dtype: np.dtype = FLOAT64) -> float:
    """A finite number >= 0, in `dtype` too."""
    if type(value) is float and 0.0 <= value <= _COMMON:
        return value
    number = _as_number(value, name)
    if not 0.0 <= number <= _LARGEST[dtype]:
        raise ValueError(f"{name} is {value!r}; wanted is a finite number >= 0{_within(number, dtype)}")
    return number


def as_positive(value: Any, name: str, dtype: np.dtype = FLOAT64) -> float:
    """A finite number > 0, in `dtype` too."""
    if type(value) is float and 1.0 / _COMMON <= value <= _COMMON:
        return value
    number = _as_number(value, name)
    if not _SMALLEST[dtype] <= number <= _LARGEST[dtype]:
        raise ValueError(f"{name} is {value!r}; wanted is a finite number > 0{_within(number, dtype)}")
    return number


def as_finite(value: Any, name: str) -> float:
    """A finite number."""
    number = _as_number(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {value!r}; wanted is a finite number")
    return number


def as_momentum(momentum: Any, nesterov: bool) -> float:
    """A number in [0, 1), above 0 for Nesterov's form."""
    number = _as_number(momentum, "momentum")
    if not 0.0 <= number < 1.0:
        raise ValueError(f"momentum is {momentum!r}; wanted is a number in [0, 1)")
    if nesterov and number == 0.0:
        raise ValueError("nesterov is True while momentum is 0; wanted is a momentum above 0, for example 0.9")
    return number


def as_adam(beta1: Any, beta2: Any, epsilon: Any, dtype: np.dtype) -> tuple[float, float, float]:
    """Adam's numbers: [0, 1), (0, 1), > 0."""
    first, second = _as_number(beta1, "beta1"), _as_number(beta2, "beta2")
    if not 0.0 <= first < 1.0:
        raise ValueError(f"beta1 is {beta1!r}; wanted is a number in [0, 1)")
    if not 0.0 < second < 1.0:
        raise ValueError(f"beta2 is {beta2!r}; wanted is a number above 0 and below 1")
    return first, second, as_positive(epsilon, "epsilon", dtype)


def as_step_count(value: Any, name: str) -> int:
    """An integer >= 0."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; wanted is an integer >= 0") from None
    if number < 0:
        raise ValueError(f"{name} is {number}; wanted is an integer >= 0")
    return number


def as_count(value: Any, name: str) -> int:
    """An integer >= 1."""
    try:
        number = int(operator.index(value))  # of a bool too
    except TypeError:
        raise TypeError(f"{name} is {value!r}; wanted is an integer >= 1") from None
    if number < 1:
        raise ValueError(f"{name} is {number}; wanted is an integer >= 1")
    return number


def as_thread_count(n_threads: Any) -> int | None:
    """None, an integer >= 1, or -1 for as many as the process may use."""
    if n_threads is None or (type(n_threads) is int and (n_threads >= 1 or n_threads == -1)):
        return n_threads
    try:
        number = operator.index(n_threads)
    except TypeError:
        raise TypeError(f"n_threads is {n_threads!r}; wanted is an integer >= 1, or -1 for all") from None
    if number < 1 and number != -1:
        raise ValueError(f"n_threads is {number}; wanted is an integer >= 1, or -1 for all")
    return number


def as_rates(lr: Any, n_batches: int, dtype: np.dtype) -> np.ndarray:
    """`lr` as (n_batches,) float64: one rate for all batches, or one for each; above 0 and finite in `dtype` too."""
    rates = _as_real(lr, "lr", FLOAT64)
    if rates.ndim == 0:
        as_positive(float(rates), "lr", dtype)
        return np.full(n_batches, rates)
    if rates.shape != (n_batches,):
        raise ValueError(f"lr has shape {rates.shape}; wanted is one number, or ({n_batches},), one a batch")
    if n_batches and not _SMALLEST[dtype] <= np.minimum.reduce(rates) <= np.maximum.reduce(rates) <= _LARGEST[dtype]:
        raise ValueError(f"lr holds a rate that is not a finite number > 0 in {dtype}; wanted is such numbers")
    return rates


def as_choice(value: Any, name: str, choices: tuple[Any, ...]) -> Any:
    """One of `choices`."""
    if type(value) in (str, int) and value in choices:
        return value
    if has_axes(value) or value not in choices:
        raise ValueError(f"{name} is {value!r}; wanted is one of {', '.join(map(repr, choices))}")
    return value


def has_axes(value: Any) -> bool:
    """Whether `value` is several things, in a list or an array, and not one."""
    try:
        return np.ndim(value) > 0
    except ValueError:  # lists that differ in length
        return True


def check_word(value: Any, name: str, word: str, otherwise: str) -> None:
    """Refuse what is not `word`, the one string (or None) that stands where `otherwise` may, too."""
    if value != word:
        raise ValueError(f"{name} is {value!r}; wanted is {word!r} or {otherwise}")


def _as_number(value: Any, name: str) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is {value!r}; wanted is a number")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r}; wanted is a number") from None
    except OverflowError:
        raise ValueError(f"{name} is an integer too large for a float; wanted is smaller") from None


def as_array(value: Any, name: str) -> np.ndarray:
    """`value` as an array, without a copy where it is one; the dtype and the shape are for the caller to check."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill it first, for example {name}.filled(0)")
    try:
        return np.asarray(value)
    except ValueError as error:  # of lists that differ in length, say
        raise ValueError(f"{name} makes no array; wanted is numbers, in rows of one length: {error}") from None
    except (RuntimeError, TypeError) as error:  # of what says itself how it becomes one, as a tensor with a gradient
        raise TypeError(f"{name} makes no array; wanted is what numpy.asarray takes: {error}") from None


def _as_real(value: Any, name: str, dtype: np.dtype) -> np.ndarray:
    """A contiguous array of `dtype`; a finite number that is not finite in `dtype` is refused."""
    if type(value) is np.ndarray and value.dtype == dtype and value.flags.carray:
        return value  # as a training loop brings them, thousands of times
    array = as_array(value, name)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; wanted is real numbers")
    with np.errstate(over="ignore"):
        # np.ascontiguousarray would turn a single number into an array of one axis.
        real = np.require(array, dtype, ("C", "A"))
        if dtype == FLOAT32 and array.dtype.itemsize > 4 and np.any(np.isinf(real) & ~np.isinf(array)):
            raise ValueError(f"{name} holds numbers too large for {dtype}, in which X is computed; wanted is smaller")
    return real


def _within(number: float, dtype: np.dtype) -> str:
    return f" in {dtype}, in which X is computed" if 0.0 < number < math.inf else ""
