"""`ModelInspector`, which computes a model's gradients and layer outputs for some rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from fitwell._call_context import CallContext, call_context
from fitwell._engine.train_program import Batch, TrainProgram
from fitwell._engine.train_state import TrainState
from fitwell._engine.train_step import forward_training, step_key
from fitwell._typing import Array

__all__ = ["ModelInspector", "layer_outputs", "loss_gradients"]


class ModelInspector:
    """An object that computes a model's gradients and activations. Each function is compiled once.

    Args:
        program (ModelProgram): The model's program.
        rows (int): Number of rows to use, starting with the first.
        name_of (Callable): A function that returns a layer's name. Default: a function that returns the
            layer's `name`.
    """

    def __init__(
        self, program: Any, rows: int, name_of: Callable[[Any], str] = lambda layer: str(layer.name)
    ) -> None:
        self.program = program
        self.rows = rows
        self._gradients = jax.jit(partial(loss_gradients, program))
        self._activations = jax.jit(partial(_named_outputs, program, name_of))

    def gradients(self, state: TrainState, batch: Batch) -> dict[str, Array]:
        """Return a dict that maps weight paths to loss gradients, as the next step would compute them."""
        return self._gradients(_drop_training_state(state), self._first_rows(batch))

    def activations(self, state: TrainState, batch: Batch) -> dict[str, Array]:
        """Return a dict that maps layer names to the layers' outputs in inference mode."""
        return self._activations(_drop_training_state(state), self._first_rows(batch))

    def _first_rows(self, batch: Batch) -> Batch:
        return jax.tree.map(lambda leaf: leaf[: self.rows], batch)


def _drop_training_state(state: TrainState) -> TrainState:
    """Drop the parts of `state` that a forward pass ignores, so that they cannot cause a recompilation."""
    return state.replace(opt_state=(), metrics={}, policies={})


def loss_gradients(program: TrainProgram, state: TrainState, batch: Batch) -> dict[str, Array]:
    """Return a dict that maps weight paths to loss gradients, as the next step would compute them."""

    def loss(trainable: dict[str, Array]) -> Array:
        return forward_training(program, state.replace(trainable=trainable), batch)[0]

    return jax.grad(loss)(state.trainable)


def layer_outputs(
    program: Any, state: TrainState, batch: Batch, *, training: bool
) -> list[tuple[Any, Array]]:
    """Return every layer with its output, in call order. A model comes after its layers."""
    outputs: list[tuple[Any, Any]] = []
    context = CallContext(
        training=training,
        key=step_key(state.seed, state.step),
        step=state.step,
        sample_mask=batch.sample_mask,
        num_valid_rows=batch.num_valid_rows,
        intermediates=outputs,
    )
    with program.bound(state.trainable, state.non_trainable, state.hyperparams), call_context(context):
        program.model(batch.x)
    return outputs


def _named_outputs(
    program: Any, name_of: Callable[[Any], str], state: TrainState, batch: Batch
) -> dict[str, Array]:
    outputs: dict[str, Array] = {}
    for layer, output in layer_outputs(program, state, batch, training=False):
        if layer is program.model:
            continue
        leaves = jax.tree.leaves(output)
        for number, leaf in enumerate(leaves):
            name = name_of(layer) if len(leaves) == 1 else f"{name_of(layer)}/{number}"
            # A layer that is called twice has two outputs, so the second name gets a number.
            count = sum(other == name or other.startswith(f"{name} (") for other in outputs)
            outputs[f"{name} ({count + 1})" if count else name] = leaf
    return outputs
