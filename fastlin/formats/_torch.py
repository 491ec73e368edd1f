"""The arrays of a torch Linear layer: weight (C, D) and bias (C,), a row a class."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from fastlin import _arrays, _labels, training
from fastlin.formats._model import fitted, weights_of
from fastlin.linear_model import LinearClassifier, SoftmaxClassifier, SVMClassifier


def from_torch(
    weight: Any,
    bias: Any = None,
    *,
    classes: Any = None,
    loss: Literal["softmax", "hinge", "squared_hinge"] = "softmax",
) -> LinearClassifier:
    """A fitted model with the weights of a ``torch.nn.Linear``.

    Parameters
    ----------
    weight : array or tensor of shape (C, D)
        ``layer.weight``, detached or not, on any device. One row is that of two classes: its score is the second's less
        the first's, as BCEWithLogitsLoss has it.
    bias : array or tensor of shape (C,), optional
        ``layer.bias``; none is zero.
    classes : array of shape (C,), optional
        The label of each row, sorted, without repeats; 0, 1, ... without.
    loss : {"softmax", "hinge", "squared_hinge"}
        What it was trained with: softmax (cross entropy) gives probabilities.

    Returns
    -------
    SoftmaxClassifier or SVMClassifier
        Its scores are the layer's, those of two classes the second's less the first's. float16 and bfloat16 become
        float32, which holds them exactly. `partial_fit` goes on from these weights.

    Raises
    ------
    ValueError, TypeError
        For arrays that make no model, saying which.

    Examples
    --------
    >>> import numpy as np
    >>> model = from_torch(np.eye(3, dtype=np.float32), classes=["a", "b", "c"])
    >>> model.predict(np.array([[0, 2, 1]], np.float32)).tolist()
    ['b']
    """
    _arrays.as_choice(loss, "loss", ("softmax", "hinge", "squared_hinge"))
    W = _as_array(weight, "weight")
    if W.ndim != 2 or 0 in W.shape:
        raise ValueError(f"weight has shape {W.shape}; wanted is (n_classes, n_features), a row a class")
    b = np.zeros(len(W), W.dtype) if bias is None else _as_array(bias, "bias")
    n_classes = max(2, len(W))
    labels = np.arange(n_classes) if classes is None else _labels.as_array(classes, "classes")
    if labels.shape != (n_classes,) or not np.array_equal(np.unique(labels), labels):
        raise ValueError(
            f"classes is {labels.tolist()!r:.80}; wanted is {n_classes} labels, sorted, each once: one a row of weight"
        )
    if b.shape != (len(W),):
        raise ValueError(f"bias has shape {b.shape}; wanted is ({len(W)},), as weight has {len(W)} rows")
    if len(W) == 2:
        # In float64 the difference of float32 numbers is rounded once, on the way back.
        W, b = ((a[1:].astype(np.float64) - a[:1]).astype(a.dtype) for a in (W, b))
    model = SoftmaxClassifier() if loss == "softmax" else SVMClassifier(loss)
    return fitted(model, W, b, labels, ("weight", "bias"))


def to_torch(model: LinearClassifier) -> dict[str, np.ndarray]:
    """The weights of a fitted model as the arrays of a ``torch.nn.Linear``.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.

    Returns
    -------
    dict of str to ndarray
        "weight" of shape (C, D) and "bias" of shape (C,), copies, in the model's float32 or float64. Two classes have
        two rows here, -w/2 and w/2: their scores differ by the model's, so that probabilities and predictions are the
        same. A layer takes them as
        ``layer.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch(model).items()})``, and
        `write_safetensors` as they are.

    Examples
    --------
    >>> from fastlin import SoftmaxClassifier
    >>> model = SoftmaxClassifier(random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> {name: array.shape for name, array in to_torch(model).items()}
    {'weight': (2, 1), 'bias': (2,)}
    """
    coef, intercept, _ = weights_of(model)
    weight, bias = training.row_per_class(coef, intercept)
    return {"weight": weight.copy(), "bias": bias.copy()}


def _as_array(value: Any, name: str) -> np.ndarray:
    if hasattr(value, "detach"):  # a tensor; NumPy knows none of its 16-bit floats but one
        value = value.detach().cpu()
        value = (value.double() if value.element_size() == 8 else value.float()).numpy()
    array = _arrays.as_array(value, name)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; wanted is real numbers")
    return array.astype(np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64)
