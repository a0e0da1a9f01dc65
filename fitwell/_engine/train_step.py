"""Training and evaluation steps, which the compiled loop runs for each batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._engine.train_program import Batch, ForwardResult, TrainProgram
from fitwell._engine.train_state import TrainState
from fitwell._typing import Array

__all__ = ["Step", "forward_training", "make_step", "step_key"]

Step = Callable[[TrainState, Batch, Array], TrainState]


def step_key(seed: Array, step: Array) -> Array:
    """Return the random key for a step, given the run's seed."""
    return jax.random.fold_in(jax.random.key(seed), step)


def forward_training(
    program: TrainProgram, state: TrainState, batch: Batch, key: Array | None = None
) -> tuple[Array, ForwardResult]:
    """Run the forward pass for the next training step.

    Args:
        program: The program to run.
        state: The current state.
        batch: The batch.
        key: The step's random key. Defaults to None, which means `step_key` computes it.

    Returns:
        The loss and the result of the forward pass.
    """
    return program.forward(
        state.trainable,
        state.non_trainable,
        state.hyperparams,
        batch,
        training=True,
        key=step_key(state.seed, state.step) if key is None else key,
        step=state.step,
    )


def make_step(program: TrainProgram, training: bool) -> Step:
    """Return a training or evaluation step, a function that maps a state, a batch and its index to the next state."""
    return _training_step(program) if training else _evaluation_step(program)


def _training_step(program: TrainProgram) -> Step:
    def step(state: TrainState, batch: Batch, index: Array) -> TrainState:
        key = step_key(state.seed, state.step)

        def objective(trainable: dict[str, Array]) -> Any:
            loss, forward = forward_training(program, state.replace(trainable=trainable), batch, key)
            return program.scale_loss(loss, state.hyperparams), (loss, forward)

        (_, (loss, forward)), gradients = jax.value_and_grad(objective, has_aux=True)(state.trainable)
        trainable, opt_state = program.update(
            gradients, state.opt_state, state.trainable, state.hyperparams, state.step, key
        )
        finite = jnp.isfinite(loss)
        return state.replace(
            trainable=trainable,
            non_trainable=forward.non_trainable,
            opt_state=opt_state,
            metrics=program.update_metrics(state.metrics, loss, forward, batch, state.hyperparams),
            step=state.step + 1,
            first_nonfinite_step=jnp.where(finite, state.first_nonfinite_step, state.step),
        )

    return step


def _evaluation_step(program: TrainProgram) -> Step:
    def step(state: TrainState, batch: Batch, index: Array) -> TrainState:
        # Layers that are random during inference, such as MC dropout, need different noise for each batch.
        key = jax.random.fold_in(step_key(state.seed, state.step), index + 1)
        loss, forward = program.forward(
            state.trainable,
            state.non_trainable,
            state.hyperparams,
            batch,
            training=False,
            key=key,
            step=state.step + index,
        )
        return state.replace(
            metrics=program.update_metrics(state.metrics, loss, forward, batch, state.hyperparams)
        )

    return step
