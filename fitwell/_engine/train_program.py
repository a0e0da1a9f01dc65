"""What the engine needs to know of whatever it trains: four pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax

from fitwell._data.loaders import Batch as Batch
from fitwell._typing import Array


@jax.tree_util.register_dataclass
@dataclass
class ForwardResult:
    """What one forward pass gave: outputs, updated statistics, and the parts of the loss by name."""

    outputs: Any
    non_trainable: dict[str, Array]
    parts: dict[str, Array]


class TrainProgram(Protocol):
    """The thing to run. All methods are pure; `hyperparams` carries every number that is data."""

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
        """Return the loss (a scalar, penalties included) and the `ForwardResult` that gave it."""

    def scale_loss(self, loss: Array, hyperparams: dict[str, Array]) -> Array:
        """Return the number to differentiate, a multiple of the loss that `update` knows about."""

    def update(
        self,
        gradients: dict[str, Array],
        opt_state: Any,
        trainable: dict[str, Array],
        hyperparams: dict[str, Array],
        step: Array,
        key: Array,
    ) -> tuple[dict[str, Array], Any]:
        """Return the weights and optimizer slots after one update."""

    def update_metrics(
        self,
        metrics: dict[str, Array],
        loss: Array,
        forward: ForwardResult,
        batch: Batch,
        hyperparams: dict[str, Array],
    ) -> dict[str, Array]:
        """Return the accumulators with one more batch in them."""

    def init_metrics(self) -> dict[str, Array]:
        """Return empty accumulators."""

    def compute_metrics(self, metrics: dict[str, Array], hyperparams: dict[str, Array]) -> dict[str, Array]:
        """Return the value of every metric by name."""

    def result_names(self) -> list[str]:
        """Return the names of the results in the order to show them."""

    def hyperparam_value(self, path: str, hyperparams: dict[str, Array], step: Array) -> Array:
        """Return the hyperparameter at `path`; one of the optimizer's that a schedule sets, as it is for `step`."""
