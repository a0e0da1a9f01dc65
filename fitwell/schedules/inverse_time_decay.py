"""Inverse time decay and power decay."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.schedules.base import (
    STEPS_RULE,
    LearningRateSchedule,
    Number,
    count_periods,
    schedule_registry,
    to_float,
)

__all__ = [
    "InverseTimeDecay",
    "PowerDecay",
]


@schedule_registry.register()
class InverseTimeDecay(LearningRateSchedule):
    """Inverse time decay: ``η₀ / (1 + decay_rate · t / decay_steps)`` after t updates.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): Number of updates over which the denominator grows by `decay_rate`. It must be
            above 0.
        decay_rate (float): Amount by which the denominator grows in `decay_steps` updates.
        staircase (bool): True to round ``t / decay_steps`` down, so that the value changes only every
            `decay_steps` updates. Default: False.
        name (str | None): Name in the configuration. Default: "InverseTimeDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.InverseTimeDecay(1.0, 10, 1.0)
        >>> [round(float(schedule(step)), 4) for step in (0, 10, 20)]
        [1.0, 0.5, 0.3333]

    Source: Robbins and Monro, "A stochastic approximation method", 1951 (rates in 1/t); Keras `InverseTimeDecay`.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "decay_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        periods = count_periods(step, self.decay_steps, self.staircase)
        return jnp.asarray(self.initial_learning_rate / (1 + self.decay_rate * periods))


@schedule_registry.register()
class PowerDecay(LearningRateSchedule):
    """Power decay: ``η₀ / (1 + t / s)^c``.

    With c = 1, the rate is η₀ / 2 after s updates, η₀ / 3 after 2s, and so on. It falls fast at first and
    then more and more slowly. Keras has no such schedule, but its optimizers used to offer it as
    ``decay=1/s``.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): s, the number of updates after which the value is η₀ / 2^c. It must be above 0.
        power (float): c, the exponent. Default: 1.0.
        name (str | None): Name in the configuration. Default: "PowerDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.PowerDecay(1.0, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 10, 20)]
        [1.0, 0.5, 0.3333]

    Source: Bottou, "Stochastic gradient descent tricks", 2012.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "power")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        power: float = 1.0,
        name: str | None = "PowerDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.power = power
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        return self.initial_learning_rate / jnp.power(1 + to_float(step) / self.decay_steps, self.power)
