"""Polynomial decay and linear decay."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = [
    "LinearDecay",
    "PolynomialDecay",
]


@schedule_registry.register()
class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay: ``(η₀ - η_end) (1 - t / N)^power + η_end`` for N updates, then η_end.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): N, the number of updates until the value is η_end. It must be above 0.
        end_learning_rate (float): η_end, the final value. Default: 0.0001.
        power (float): The exponent, where 1 gives a straight line. Default: 1.0.
        cycle (bool): Whether N is extended to the next multiple of `decay_steps` each time N updates have been
            made, so that the value rises again instead of remaining at η_end. Default: False.
        name (str | None): Name in the configuration. Default: "PolynomialDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.PolynomialDecay(1.0, 10, 0.0, power=2.0)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10)]
        [1.0, 0.25, 0.0]

    Source: Keras `PolynomialDecay`.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        step = to_float(step)
        if self.cycle:
            fraction = step / (self.decay_steps * jnp.maximum(jnp.ceil(step / self.decay_steps), 1))
        else:
            fraction = step / self.decay_steps
        height = self.initial_learning_rate - self.end_learning_rate
        # A fraction rounded above 1 would make the base negative, and the power NaN.
        return height * jnp.power(jnp.maximum(1 - fraction, 0), self.power) + self.end_learning_rate


@schedule_registry.register()
class LinearDecay(LearningRateSchedule):
    """Linear decay: ``η₀ - (η₀ - η_end) t / N`` for N updates, then η_end.

    It is `PolynomialDecay` with power 1 and a different default for `end_learning_rate`. Keras has no such
    schedule.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): N, the number of updates until the value is η_end. It must be above 0.
        end_learning_rate (float): η_end, the final value. Default: 0.0.
        name (str | None): Name in the configuration. Default: "LinearDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.LinearDecay(1.0, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 15)]
        [1.0, 0.5, 0.0, 0.0]
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "end_learning_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0,
        name: str | None = "LinearDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        fraction = jnp.minimum(to_float(step) / self.decay_steps, 1)
        return self.initial_learning_rate * (1 - fraction) + self.end_learning_rate * fraction
