"""One update, one evaluation: the same pass, with or without learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fitwell.engine.program import Batch, Program
from fitwell.engine.state import TrainState

Array = Any
Step = Callable[[TrainState, Batch, Array], TrainState]


def step_key(seed: Array, step: Array) -> Array:
    """Return the random key of update `step` of the run seeded `seed`."""
    return jax.random.fold_in(jax.random.key(seed), step)


def make_step(program: Program, training: bool) -> Step:
    """Return the function from a state, a batch and its number to the next state."""
    return _training_step(program) if training else _evaluation_step(program)


def _training_step(program: Program) -> Step:
    def step(state: TrainState, batch: Batch, index: Array) -> TrainState:
        key = step_key(state.seed, state.step)

        def objective(trainable: dict[str, Array]) -> Any:
            loss, forward = program.forward(
                trainable, state.statistics, state.hyper, batch, training=True, key=key, step=state.step
            )
            return program.scale(loss, state.hyper), (loss, forward)

        (_, (loss, forward)), gradients = jax.value_and_grad(objective, has_aux=True)(state.trainable)
        trainable, slots = program.update(
            gradients, state.slots, state.trainable, state.hyper, state.step, key
        )
        finite = jnp.isfinite(loss)
        return state.replace(
            trainable=trainable,
            statistics=forward.statistics,
            slots=slots,
            metrics=program.accumulate(state.metrics, loss, forward, batch, state.hyper),
            step=state.step + 1,
            bad_step=jnp.where(finite, state.bad_step, state.step),
        )

    return step


def _evaluation_step(program: Program) -> Step:
    def step(state: TrainState, batch: Batch, index: Array) -> TrainState:
        # Layers that stay random at inference (MC dropout) need noise that differs from batch to batch.
        key = jax.random.fold_in(step_key(state.seed, state.step), index + 1)
        loss, forward = program.forward(
            state.trainable,
            state.statistics,
            state.hyper,
            batch,
            training=False,
            key=key,
            step=state.step + index,
        )
        return state.replace(metrics=program.accumulate(state.metrics, loss, forward, batch, state.hyper))

    return step
