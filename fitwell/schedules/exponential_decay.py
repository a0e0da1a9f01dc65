"""Exponential decay, and the exponential sweep that a learning rate finder uses."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.schedules.base import (
    STEPS_RULE,
    LearningRateSchedule,
    Number,
    count_periods,
    schedule_registry,
    to_float,
)

__all__ = [
    "ExponentialDecay",
    "ExponentialRange",
]


@schedule_registry.register()
class ExponentialDecay(LearningRateSchedule):
    """Exponential decay: ``η₀ · decay_rate^(t / decay_steps)`` after t updates.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): Number of updates after which the value is ``η₀ · decay_rate``. It must be above 0.
        decay_rate (float): Factor by which the value changes in `decay_steps` updates. Default: 0.1. (Keras
            requires this argument.)
        staircase (bool): True to round ``t / decay_steps`` down, so that the value changes only every
            `decay_steps` updates. Default: False.
        name (str | None): Name in the configuration. Default: "ExponentialDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.ExponentialDecay(1.0, 10, 0.5)
        >>> [round(float(schedule(step)), 4) for step in (0, 10, 20)]
        [1.0, 0.5, 0.25]

    Source: Keras `ExponentialDecay`.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "decay_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float = 0.1,
        staircase: bool = False,
        name: str | None = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        periods = count_periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * jnp.power(self.decay_rate, periods)


@schedule_registry.register()
class ExponentialRange(LearningRateSchedule):
    """Exponential change between two values: ``η₀ δ^t`` with ``δ = (η_end / η₀)^(1 / (N - 1))``.

    The values for steps 0 to N - 1 go from η₀ to η_end and are evenly spaced on a logarithmic axis. After
    that, the value is η_end. If η_end is above η₀, this is the sweep of a learning rate finder. Keras has no
    such schedule.

    Args:
        initial_learning_rate (float): η₀, the value at step 0. It must be above 0.
        end_learning_rate (float): η_end, the value at step N - 1. It must be above 0.
        steps (float): N, the number of steps in the range. It must be at least 2.
        name (str | None): Name in the configuration. Default: "ExponentialRange".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.ExponentialRange(0.001, 0.1, 3)
        >>> [round(float(schedule(step)), 4) for step in range(4)]
        [0.001, 0.01, 0.1, 0.1]

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3 (the sweep).
    """

    hyperparameters = ("initial_learning_rate", "end_learning_rate", "steps")

    @validate_params(initial_learning_rate=STEPS_RULE, end_learning_rate=STEPS_RULE, steps=Real(2))
    def __init__(
        self,
        initial_learning_rate: float,
        end_learning_rate: float,
        steps: float,
        name: str | None = "ExponentialRange",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.end_learning_rate = end_learning_rate
        if steps < 2:
            raise InvalidArgument(f"ExponentialRange: steps must be at least 2, got {steps!r}")
        self.steps = steps
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        last = self.steps - 1
        fraction = jnp.minimum(to_float(step), last) / last
        return self.initial_learning_rate * jnp.power(
            self.end_learning_rate / self.initial_learning_rate, fraction
        )
