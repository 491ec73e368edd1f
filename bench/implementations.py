"""Every implementation of a case as a function without arguments: fastlin, the NumPy twin, torch, scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import BATCH, L2, MOMENTUM, RATE, Case, batches_of, data_of
from machine import installed

import fastlin
from fastlin import reference


def available(case: Case) -> list[str]:
    """Name those that have the operation: fastlin, the NumPy twin, and of torch and scikit-learn what is installed."""
    names = ["fastlin", "numpy"]
    if installed("torch"):
        names.append("torch")
    # scikit-learn has no public function for a loss with its gradient.
    if installed("sklearn") and case.op in ("sgd_epoch", "predict"):
        names.append("sklearn")
    return names


def calls(case: Case, n_threads: int = 1, only: str | None = None) -> dict[str, Callable[[], Any]]:
    """Give the call of each implementation, or of one."""
    found = {}
    for name in available(case) if only is None else [only]:
        if name == "fastlin":
            found[name] = _same_signature(case, fastlin, n_threads)
        elif name == "numpy":
            found[name] = _same_signature(case, reference, None)
        elif name == "torch":
            import torch

            torch.set_num_threads(n_threads)
            found[name] = {"sgd_epoch": _torch_epoch, "predict": _torch_predict}.get(case.op, _torch_loss)(case)
        else:
            found[name] = {"sgd_epoch": _sklearn_epoch, "predict": _sklearn_predict}[case.op](case)
    return found


def _same_signature(case: Case, module: Any, n_threads: int | None) -> Callable[[], Any]:
    X, y, W, b, shift, scale, order = data_of(case)
    function = getattr(module, case.op)
    if case.op == "predict":
        return lambda: function(X, W, b, n_threads=n_threads)
    if case.op == "sgd_epoch":

        def epoch() -> tuple[np.ndarray, np.ndarray, float]:
            V, a = W.copy(), b.copy()
            loss, _ = function(
                X, y, V, a, order=order, batch_size=BATCH, lr=RATE, momentum=MOMENTUM, l2=L2, shift=shift, scale=scale,
                n_threads=n_threads,
            )  # fmt: skip
            return V, a, loss

        return epoch
    batches = batches_of(case)
    return lambda: function(X, y, W, b, l2=L2, n_threads=n_threads, **next(batches))


def _torch_rows(x: Any, shift: Any, scale: Any) -> Any:
    import torch

    if x.dtype in (torch.uint8, torch.float16):
        x = x.float()
    return x if shift is None else x.sub_(shift).mul_(scale)


def _torch_loss(case: Case) -> Callable[[], Any]:
    import torch
    from torch.nn.functional import cross_entropy, linear, multi_margin_loss

    X, y, W, b, *_ = data_of(case)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    V, a = torch.from_numpy(W).clone().requires_grad_(), torch.from_numpy(b).clone().requires_grad_()
    batches = ({k: torch.from_numpy(v) for k, v in batch.items()} for batch in batches_of(case))

    def loss() -> tuple[float, np.ndarray, np.ndarray]:
        V.grad = a.grad = None
        rows = next(batches).get("rows")
        x, labels = (X, y) if rows is None else (X[rows], y[rows])
        s = linear(_torch_rows(x, None, None), V, a)
        # Its multi-margin loss divides by the number of classes.
        data = cross_entropy(s, labels) if case.op == "softmax_loss" else multi_margin_loss(s, labels) * case.c
        total = data + L2 * V.square().sum()
        total.backward()
        return total.item(), V.grad.numpy(), a.grad.numpy()

    return loss


def _torch_epoch(case: Case) -> Callable[[], Any]:
    import torch
    from torch.nn.functional import cross_entropy, linear

    X, y, W, b, *folding, order = (v if v is None else torch.from_numpy(v) for v in data_of(case))

    def epoch() -> tuple[np.ndarray, np.ndarray, float]:
        V, a = W.clone().requires_grad_(), b.clone().requires_grad_()
        # The penalty's gradient, 2 l2 W, is its weight decay.
        optimizer = torch.optim.SGD(
            [{"params": [V], "weight_decay": 2 * L2}, {"params": [a]}], lr=RATE, momentum=MOMENTUM
        )
        total = 0.0
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            loss = cross_entropy(linear(_torch_rows(X[rows], *folding), V, a), y[rows])
            total += len(rows) * (loss.item() + L2 * V.detach().square().sum().item())
            loss.backward()
            optimizer.step()
        return V.detach().numpy(), a.detach().numpy(), total / len(order)

    return epoch


def _torch_predict(case: Case) -> Callable[[], Any]:
    import torch

    X, _, W, b, *_ = (v if v is None else torch.from_numpy(v) for v in data_of(case))
    return lambda: torch.nn.functional.linear(_torch_rows(X, None, None), W, b).argmax(1).numpy()


def _sklearn_epoch(case: Case) -> Callable[[], Any]:
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
            (), solver="sgd", batch_size=BATCH, learning_rate_init=RATE, momentum=MOMENTUM, nesterovs_momentum=False,
            alpha=2 * L2 * BATCH, random_state=0,
        )  # fmt: skip
        model.partial_fit(X, y, classes=np.arange(case.c))
        return model.loss_curve_[-1]

    return epoch


def _sklearn_predict(case: Case) -> Callable[[], Any]:
    from sklearn.linear_model import SGDClassifier

    X, _, W, b, *_ = data_of(case)
    model = SGDClassifier()
    model.coef_, model.intercept_, model.classes_, model.n_features_in_ = W, b, np.arange(case.c), case.d
    return lambda: model.predict(X)
