"""The settings of a small fit, as the tests of the training loop begin with them."""

from __future__ import annotations

from typing import Any

from fastlin import training


def settings(**changes: Any) -> training.Settings:
    values: dict[str, Any] = {
        "loss": "softmax", "margin": 1.0, "l2": 0.0, "l1": 0.0, "batch_size": 32, "momentum": 0.9, "nesterov": True,
        "shuffle": True, "n_threads": 1,
    }  # fmt: skip
    return training.Settings(**(values | changes))
