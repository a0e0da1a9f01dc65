"""Schedules that fall by a formula: inverse time."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell.schedules.base import Array, LearningRateSchedule, Number, as_float, schedules


@schedules.register()
class InverseTimeDecay(LearningRateSchedule):
    """Inverse time: ``η₀ / (1 + decay_rate · t / decay_steps)``.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: the number of updates after which the denominator has grown by `decay_rate`.
        decay_rate: growth of the denominator.
        staircase: change only every `decay_steps` updates: t / decay_steps is rounded down.
        name: kept in the configuration.

    Source: Robbins and Monro, 1951 (rates in 1/t); names and defaults as in Keras.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "decay_rate")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        periods = as_float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return jnp.asarray(self.initial_learning_rate / (1 + self.decay_rate * periods))
