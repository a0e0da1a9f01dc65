"""The output layer, loss and metrics of a network for the target of a run."""

from __future__ import annotations

from typing import Any

from fitwell._data.target import ClassTarget, Target

__all__ = ["loss_for", "metrics_for", "model_name", "output_layer"]


def output_layer(target: Target) -> Any:
    """Return the output layer for `target`: linear, a sigmoid for two classes, or a softmax for more."""
    from fitwell import layers

    if not isinstance(target, ClassTarget):
        return layers.Dense(1)
    if target.task == "binary":
        return layers.Dense(1, activation="sigmoid")
    return layers.Dense(len(target.classes), activation="softmax")


def metrics_for(target: Target) -> list[str]:
    """Return the names of the metrics for `target`."""
    return ["accuracy"] if isinstance(target, ClassTarget) else ["mae"]


def loss_for(target: Target) -> str:
    """Return the name of the loss for `target`."""
    if not isinstance(target, ClassTarget):
        return "mse"
    return "binary_crossentropy" if target.task == "binary" else "sparse_categorical_crossentropy"


def model_name(data_name: str) -> str:
    """Return `data_name` with underscores in place of characters that a model's name should not contain."""
    letters = (letter if letter.isalnum() and letter.isascii() else "_" for letter in data_name)
    return "".join(letters) or "network"
