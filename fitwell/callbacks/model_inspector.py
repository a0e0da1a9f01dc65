"""What goes on inside a model for some rows: gradients of its weights, outputs of its layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from fitwell._call_context import CallContext, call_context
from fitwell._engine.train_program import Batch, TrainProgram
from fitwell._engine.train_state import TrainState
from fitwell._engine.train_step import step_key
from fitwell._variables import Bindable, stateless_scope

Array = Any


class ModelInspector:
    """Looks into the program of a model; each function is compiled once.

    program: a `ModelProgram`. rows: at most so many of the rows given are looked at. name_of: what to call a layer.
    """

    def __init__(
        self, program: Any, rows: int, name_of: Callable[[Any], str] = lambda layer: str(layer.name)
    ) -> None:
        self.program = program
        self.rows = rows
        self._gradients = jax.jit(partial(_gradients, program))
        self._activations = jax.jit(partial(_activations, program, name_of))

    def gradients(self, state: TrainState, batch: Batch) -> dict[str, Array]:
        """Return the gradient of the loss by the path of each weight, as the next step would see it."""
        return self._gradients(_drop_training_state(state), self._first_rows(batch))

    def activations(self, state: TrainState, batch: Batch) -> dict[str, Array]:
        """Return what each layer gives at inference, by what the layer is called."""
        return self._activations(_drop_training_state(state), self._first_rows(batch))

    def _first_rows(self, batch: Batch) -> Batch:
        return jax.tree.map(lambda leaf: leaf[: self.rows], batch)


def _drop_training_state(state: TrainState) -> TrainState:
    """Return `state` without what a forward pass does not need, so that nothing else compiles it anew."""
    return state.replace(opt_state=(), metrics={}, policies={})


def _gradients(program: TrainProgram, state: TrainState, batch: Batch) -> dict[str, Array]:
    def loss(trainable: dict[str, Array]) -> Array:
        return program.forward(
            trainable,
            state.non_trainable,
            state.hyperparams,
            batch,
            training=True,
            key=step_key(state.seed, state.step),
            step=state.step,
        )[0]

    return jax.grad(loss)(state.trainable)


def _activations(
    program: Any, name_of: Callable[[Any], str], state: TrainState, batch: Batch
) -> dict[str, Array]:
    watch: list[tuple[Any, Any]] = []
    key = step_key(state.seed, state.step)
    cells: dict[Bindable, Any] = {program.trainable[path]: value for path, value in state.trainable.items()}
    cells |= {program.non_trainable[path]: value for path, value in state.non_trainable.items()}
    cells |= {program.hyperparams[path]: value for path, value in state.hyperparams.items()}
    with (
        stateless_scope(cells),
        call_context(CallContext(training=False, key=key, step=state.step, intermediates=watch)),
    ):
        program.model(batch.x)
    outputs: dict[str, Array] = {}
    for layer, output in watch:
        if layer is program.model:
            continue
        leaves = jax.tree.leaves(output)
        for number, leaf in enumerate(leaves):
            name = name_of(layer) if len(leaves) == 1 else f"{name_of(layer)}/{number}"
            # A layer that is called twice has two outputs.
            count = sum(other == name or other.startswith(f"{name} (") for other in outputs)
            outputs[f"{name} ({count + 1})" if count else name] = leaf
    return outputs
