"""`TrainProgram`, the pure functions through which the engine trains and evaluates a model."""

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
    """The result of a forward pass.

    Attributes:
        outputs: The model's outputs.
        non_trainable: The updated non-trainable variables.
        parts: The terms of the loss, keyed by name.
    """

    outputs: Any
    non_trainable: dict[str, Array]
    parts: dict[str, Array]


class TrainProgram(Protocol):
    """The pure functions that the engine compiles.

    The argument `hyperparams` contains the hyperparameters whose values may change without recompilation.
    """

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
        """Run a forward pass, and return the scalar loss (including regularization) and the `ForwardResult`."""

    def scale_loss(self, loss: Array, hyperparams: dict[str, Array]) -> Array:
        """Return the loss times a scale factor, as the value to differentiate. `update` undoes the scaling."""

    def update(
        self,
        gradients: dict[str, Array],
        opt_state: Any,
        trainable: dict[str, Array],
        hyperparams: dict[str, Array],
        step: Array,
        key: Array,
    ) -> tuple[dict[str, Array], Any]:
        """Apply one optimizer update, and return the new weights and the new optimizer state."""

    def update_metrics(
        self,
        metrics: dict[str, Array],
        loss: Array,
        forward: ForwardResult,
        batch: Batch,
        hyperparams: dict[str, Array],
    ) -> dict[str, Array]:
        """Add a batch to the metric accumulators, and return the new accumulators."""

    def init_metrics(self) -> dict[str, Array]:
        """Return the metric accumulators before the first batch."""

    def compute_metrics(self, metrics: dict[str, Array], hyperparams: dict[str, Array]) -> dict[str, Array]:
        """Compute every metric from its accumulators, and return a dict that maps names to values."""

    def result_names(self) -> list[str]:
        """Return the names of the loss and the metrics, in display order."""

    def hyperparam_value(self, path: str, hyperparams: dict[str, Array], step: Array) -> Array:
        """Return the value of the hyperparameter at `path`. If it follows a schedule, evaluate it at `step`."""
