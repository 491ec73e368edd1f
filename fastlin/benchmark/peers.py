"""Every implementation of a case as a function without arguments: fastlin, the NumPy twin, torch, scikit-learn, JAX.

Peers are imported where they are installed and a case is theirs, and never otherwise. Each gets its arrays in its own
form beforehand; what it does to raw rows (convert, standardise, gather a batch) is part of its call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlin import functional, reference
from fastlin.benchmark import images
from fastlin.benchmark.cases import (
    EPOCH,
    IMAGE_OPS,
    L2,
    LOSS_OPS,
    MOMENTUM,
    RATE,
    SOFTMAX,
    SQUARED_HINGE,
    Case,
    batches_of,
    data_of,
)  # fmt: skip
from fastlin.benchmark.machine import installed

Call = Callable[[], Any]


def available(case: Case) -> list[str]:
    """Name those that have the operation: fastlin, the NumPy twin, and of the others what is installed."""
    names = ["fastlin", "numpy"]
    if case.op in IMAGE_OPS:
        return names
    if installed("torch"):
        names.append("torch")
    # scikit-learn has no public function for a loss with its gradient, nor for scores.
    if installed("sklearn") and case.op in (EPOCH, "predict"):
        names.append("sklearn")
    if installed("jax"):
        names.append("jax")
    return names


def call(case: Case, name: str, n_threads: int) -> Call:
    """Give the call of one implementation."""
    if case.op in IMAGE_OPS:
        return images.call(case, name, n_threads)
    if name == "fastlin":
        return _same_signature(case, functional, n_threads)
    if name == "numpy":
        return _same_signature(case, reference, None)
    if name == "torch":
        _torch().set_num_threads(n_threads)
        return {EPOCH: _torch_epoch, "predict": _torch_scores, "scores": _torch_scores}.get(case.op, _torch_loss)(case)
    if name == "jax":
        return {EPOCH: _jax_epoch, "predict": _jax_scores, "scores": _jax_scores}.get(case.op, _jax_loss)(case)
    return {EPOCH: _sklearn_epoch, "predict": _sklearn_predict}[case.op](case)


def _same_signature(case: Case, module: Any, n_threads: int | None) -> Call:
    X, y, W, b, shift, scale, order = data_of(case)
    if case.op in ("scores", "predict"):
        function = getattr(module, case.op)
        return lambda: function(X, W, b, n_threads=n_threads)
    if case.op == EPOCH:

        def epoch() -> tuple[np.ndarray, np.ndarray, float]:
            V, a = W.copy(), b.copy()
            loss, _ = module.sgd_epoch(
                X, y, V, a, order=order, batch_size=case.batch, lr=RATE, momentum=MOMENTUM, l2=L2, shift=shift,
                scale=scale, n_threads=n_threads,
            )  # fmt: skip
            return V, a, loss

        return epoch
    loss, batches = loss_of(module, case.op), batches_of(case)
    return lambda: loss(X, y, W, b, l2=L2, n_threads=n_threads, **next(batches))


def loss_of(module: Any, op: str) -> Callable[..., Any]:
    """The function behind an operation of LOSS_OPS, of `functional` or of `reference`."""
    assert op in LOSS_OPS, op
    if op == SQUARED_HINGE:
        return functools.partial(module.hinge_loss, power=2)
    return getattr(module, op)


# PyTorch


def _torch() -> Any:
    import torch

    return torch


def _torch_rows(x: Any, shift: Any = None, scale: Any = None) -> Any:
    torch = _torch()
    if x.dtype in (torch.uint8, torch.float16):
        x = x.float()
    return x if shift is None else x.sub_(shift).mul_(scale)


def _torch_loss(case: Case) -> Call:
    torch = _torch()
    nn = torch.nn.functional
    data = data_of(case)
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    V, a = torch.from_numpy(data.W).clone().requires_grad_(), torch.from_numpy(data.b).clone().requires_grad_()
    batches = ({k: torch.from_numpy(v) for k, v in batch.items()} for batch in batches_of(case))

    def loss() -> tuple[float, np.ndarray, np.ndarray]:
        V.grad = a.grad = None
        rows = next(batches).get("rows")
        x, labels = (X, y) if rows is None else (X[rows], y[rows])
        s = nn.linear(_torch_rows(x), V, a)
        if case.op == SOFTMAX:
            data_loss = nn.cross_entropy(s, labels)
        else:  # its multi-margin loss divides by the number of classes
            data_loss = nn.multi_margin_loss(s, labels, p=2 if case.op == SQUARED_HINGE else 1) * case.c
        total = data_loss + L2 * V.square().sum()
        total.backward()
        return total.item(), V.grad.numpy(), a.grad.numpy()

    return loss


def _torch_epoch(case: Case) -> Call:
    torch = _torch()
    nn = torch.nn.functional
    arrays: Any = [v if v is None else torch.from_numpy(v) for v in data_of(case)]
    X, y, W, b, *folding, order = arrays

    def epoch() -> tuple[np.ndarray, np.ndarray, float]:
        V, a = W.clone().requires_grad_(), b.clone().requires_grad_()
        # The penalty's gradient, 2 l2 W, is its weight decay.
        optimizer = torch.optim.SGD(
            [{"params": [V], "weight_decay": 2 * L2}, {"params": [a]}], lr=RATE, momentum=MOMENTUM
        )
        total = 0.0
        for rows in order.split(case.batch):
            optimizer.zero_grad()
            loss = nn.cross_entropy(nn.linear(_torch_rows(X[rows], *folding), V, a), y[rows])
            total += len(rows) * (loss.item() + L2 * V.detach().square().sum().item())
            loss.backward()
            optimizer.step()
        return V.detach().numpy(), a.detach().numpy(), total / len(order)

    return epoch


def _torch_scores(case: Case) -> Call:
    torch = _torch()
    X, _, W, b = map(torch.from_numpy, data_of(case)[:4])

    def scores() -> np.ndarray:
        s = torch.nn.functional.linear(_torch_rows(X), W, b)
        return (s if case.op == "scores" else s.argmax(1)).numpy()

    return scores


# JAX


def _jax() -> Any:
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    return jax


def _jax_objective(jax: Any, case: Case) -> Callable[..., Any]:
    jnp = jax.numpy

    def objective(parameters: Any, x: Any, labels: Any) -> Any:
        W, b = parameters
        s = x.astype(W.dtype) @ W.T + b
        right = jnp.take_along_axis(s, labels[:, None], axis=1)
        if case.op in (SOFTMAX, EPOCH):
            losses = jax.nn.logsumexp(s, axis=1) - right[:, 0]
        else:
            violation = jnp.maximum(0, s - right + 1) * (jnp.arange(case.c) != labels[:, None])
            losses = (violation ** (2 if case.op == SQUARED_HINGE else 1)).sum(axis=1)
        return losses.mean() + L2 * jnp.square(W).sum()

    return objective


def _jax_loss(case: Case) -> Call:
    jax = _jax()
    data = data_of(case)
    X, y, parameters = *map(jax.numpy.asarray, (data.X, data.y)), tuple(map(jax.numpy.asarray, (data.W, data.b)))
    function = jax.value_and_grad(_jax_objective(jax, case))
    whole = jax.jit(function)
    picked = jax.jit(lambda parameters, X, y, rows: function(parameters, X[rows], y[rows]))
    batches = batches_of(case)

    def loss() -> tuple[float, np.ndarray, np.ndarray]:
        rows = next(batches).get("rows")
        value, (dW, db) = whole(parameters, X, y) if rows is None else picked(parameters, X, y, rows)
        return float(value), np.asarray(dW), np.asarray(db)

    return loss


def _jax_epoch(case: Case) -> Call:
    jax = _jax()
    arrays: Any = [v if v is None else jax.numpy.asarray(v) for v in data_of(case)]
    X, y, W, b, shift, scale, order = arrays
    gradient = jax.value_and_grad(_jax_objective(jax, case))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: Any, X: Any, y: Any, rows: Any) -> Any:
        parameters, velocity, total = state
        x = X[rows].astype(W.dtype)
        loss, slope = gradient(parameters, x if shift is None else (x - shift) * scale, y[rows])
        velocity = tuple(MOMENTUM * v - RATE * d for v, d in zip(velocity, slope, strict=True))
        return tuple(p + v for p, v in zip(parameters, velocity, strict=True)), velocity, total + len(rows) * loss

    batches = [order[start : start + case.batch] for start in range(0, len(order), case.batch)]

    def epoch() -> tuple[np.ndarray, np.ndarray, float]:
        state: Any = ((W.copy(), b.copy()), (0 * W, 0 * b), jax.numpy.zeros((), W.dtype))
        for rows in batches:
            state = step(state, X, y, rows)
        (V, a), _, total = state
        return np.asarray(V), np.asarray(a), float(total) / len(order)

    return epoch


def _jax_scores(case: Case) -> Call:
    jax = _jax()
    X, _, W, b = map(jax.numpy.asarray, data_of(case)[:4])

    @jax.jit
    def scores(X: Any, W: Any, b: Any) -> Any:
        s = X.astype(W.dtype) @ W.T + b
        return s if case.op == "scores" else s.argmax(axis=1)

    return lambda: np.asarray(scores(X, W, b))


# scikit-learn


def _sklearn_epoch(case: Case) -> Call:
    """MLPClassifier without a hidden layer: a minibatch softmax in disguise. It takes rows already standardised."""
    from sklearn.neural_network import MLPClassifier

    X, y, _, _, shift, scale, _ = data_of(case)
    X = X.astype(np.float32)
    if shift is not None:
        X -= shift
        X *= scale

    def epoch() -> float:
        # Its penalty is alpha / 2 * sum(W**2) / batch size.
        model = MLPClassifier(
            (), solver="sgd", batch_size=case.batch, learning_rate_init=RATE, momentum=MOMENTUM,
            nesterovs_momentum=False, alpha=2 * L2 * case.batch, random_state=0,
        )  # fmt: skip
        model.partial_fit(X, y, classes=np.arange(case.c))
        return model.loss_curve_[-1]

    return epoch


def _sklearn_predict(case: Case) -> Call:
    from sklearn.linear_model import SGDClassifier

    X, _, W, b, *_ = data_of(case)
    model = SGDClassifier()
    model.coef_, model.intercept_, model.classes_, model.n_features_in_ = W, b, np.arange(case.c), case.d
    return lambda: model.predict(X)
