"""What the engine needs to know of whatever it trains: four pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax

from fitwell.data.feeds import Batch as Batch

Array = Any


@jax.tree_util.register_dataclass
@dataclass
class Forward:
    """What one forward pass gave: outputs, updated statistics, and the parts of the loss by name."""

    outputs: Any
    statistics: dict[str, Array]
    parts: dict[str, Array]


class Program(Protocol):
    """The thing to run. All methods are pure; `hyper` carries every number that is data."""

    def forward(
        self,
        trainable: dict[str, Array],
        statistics: dict[str, Array],
        hyper: dict[str, Array],
        batch: Batch,
        *,
        training: bool,
        key: Array,
        step: Array,
    ) -> tuple[Array, Forward]:
        """Return the loss (a scalar, penalties included) and the `Forward` that gave it."""

    def scale(self, loss: Array, hyper: dict[str, Array]) -> Array:
        """Return the number to differentiate, a multiple of the loss that `update` knows about."""

    def update(
        self,
        gradients: dict[str, Array],
        slots: Any,
        trainable: dict[str, Array],
        hyper: dict[str, Array],
        step: Array,
        key: Array,
    ) -> tuple[dict[str, Array], Any]:
        """Return the weights and optimizer slots after one update."""

    def accumulate(
        self, metrics: dict[str, Array], loss: Array, forward: Forward, batch: Batch, hyper: dict[str, Array]
    ) -> dict[str, Array]:
        """Return the accumulators with one more batch in them."""

    def zero_metrics(self) -> dict[str, Array]:
        """Return empty accumulators."""

    def results(self, metrics: dict[str, Array], hyper: dict[str, Array]) -> dict[str, Array]:
        """Return the value of every metric by name."""

    def result_names(self) -> list[str]:
        """Return the names of the results in the order to show them."""

    def number(self, path: str, hyper: dict[str, Array], step: Array) -> Array:
        """Return the hyperparameter at `path`; one of the optimizer's that a schedule sets, as it is for `step`."""
