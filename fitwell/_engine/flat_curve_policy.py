"""The policy that ends a run whose curve has become flat."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell._engine.train_state import TrainState

Array = Any

# How much a curve v still moves at epoch t, from its last n + 1 values.
MEASURES = {
    # max |v_i - v_(i-1)|: no single step was as large as the threshold.
    "change": lambda values: jnp.max(jnp.abs(jnp.diff(values))),
    # v_(t-n) - v_t: it has come down by less than the threshold (or gone up).
    "decrease": lambda values: values[0] - values[-1],
    # mean |v_i - v_(i-1)|.
    "mean change": lambda values: jnp.mean(jnp.abs(jnp.diff(values))),
}


class FlatCurvePolicy:
    """End the run when a `measure` of the last `epochs` changes of a monitored value is below `threshold`.

    Values before `start_from_epoch` do not count, nor does a window with one that is not finite.
    """

    def __init__(
        self,
        name: str,
        monitor: str,
        *,
        measure: str,
        threshold: float,
        epochs: int,
        mode: str,
        start_from_epoch: int,
        first_epoch: int = 0,
    ) -> None:
        self.name = name
        self.monitor = monitor
        self.target: str | None = None
        self.measure = measure
        self.sign = 1.0 if mode == "min" else -1.0
        self.epochs = epochs
        self.numbers = {"threshold": np.float32(threshold), "start": np.int32(start_from_epoch)}
        self.first_epoch = first_epoch

    def init(self, state: TrainState) -> Any:
        """Return the memory: nothing seen yet."""
        return {
            **self.numbers,
            "values": np.full(self.epochs + 1, np.nan, np.float32),
            "epoch": np.int32(self.first_epoch),
            "stopped_epoch": np.int32(-1),
        }

    def update(self, memory: Any, logs: dict[str, Array], state: TrainState) -> tuple[Any, TrainState]:
        """Put this epoch's value into the window and measure it."""
        counted = memory["epoch"] >= memory["start"]
        value = jnp.where(counted, self.sign * logs[self.monitor].astype(jnp.float32), jnp.nan)
        values = jnp.append(memory["values"][1:], value)
        # A window that is not full yet holds NaN, and nothing is less than a threshold with NaN in it.
        stop = MEASURES[self.measure](values) < memory["threshold"]
        fresh = {
            **memory,
            "values": values,
            "epoch": memory["epoch"] + 1,
            "stopped_epoch": jnp.where(stop, memory["epoch"], memory["stopped_epoch"]),
        }
        return fresh, state.replace(stop=state.stop | stop)

    def finish(self, memory: Any, state: TrainState) -> TrainState:
        """Leave the state as it is."""
        return state
