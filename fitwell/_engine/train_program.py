"""`TrainProgram`: what the engine needs to know of a model, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax

from fitwell._data.loaders import Batch as Batch
from fitwell._typing import Array

__all__ = ["ForwardResult", "TrainProgram"]


@jax.tree_util.register_dataclass
@dataclass
class ForwardResult:
    """The outputs of a forward pass, the updated non-trainable variables, and the terms of the loss by name."""

    outputs: Any
    non_trainable: dict[str, Array]
    parts: dict[str, Array]


class TrainProgram(Protocol):
    """The functions that the engine compiles. All are pure; `hyperparams` holds every number that is an argument."""

    def forward(
        self,
        trainable: dict[str, Array],
        non_trainable: dict[str, Array],
        hyperparams: dict[str, Array],
        batch: Batch,
        *,
        training: bool,
        key: Array,
        step: Array,
    ) -> tuple[Array, ForwardResult]:
        """Return the loss (a scalar, with regularization) and the result of the forward pass."""

    def scale_loss(self, loss: Array, hyperparams: dict[str, Array]) -> Array:
        """Return the value to differentiate: the loss times a factor that `update` divides by."""

    def update(
        self,
        gradients: dict[str, Array],
        opt_state: Any,
        trainable: dict[str, Array],
        hyperparams: dict[str, Array],
        step: Array,
        key: Array,
    ) -> tuple[dict[str, Array], Any]:
        """Return the weights and the optimizer state after one update."""

    def update_metrics(
        self,
        metrics: dict[str, Array],
        loss: Array,
        forward: ForwardResult,
        batch: Batch,
        hyperparams: dict[str, Array],
    ) -> dict[str, Array]:
        """Return the metrics after one more batch."""

    def init_metrics(self) -> dict[str, Array]:
        """Return the metrics before the first batch."""

    def compute_metrics(self, metrics: dict[str, Array], hyperparams: dict[str, Array]) -> dict[str, Array]:
        """Return the value of every metric by name."""

    def result_names(self) -> list[str]:
        """Return the names of the results in display order."""

    def hyperparam_value(self, path: str, hyperparams: dict[str, Array], step: Array) -> Array:
        """Return the hyperparameter at `path`; one that follows a schedule has the value of `step`."""
