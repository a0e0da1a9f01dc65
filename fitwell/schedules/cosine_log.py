"""`CosineLog`."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = ["CosineLog"]


@schedule_registry.register()
class CosineLog(LearningRateSchedule):
    """Cosine cycles, each twice as long as the previous one, without jumps.

    With t the fraction of N updates, and c the number of cycles: ``η₀ (1 - cos(2π log₂(1 + (2ᶜ - 1) t))) / 2``. It
    starts and ends at 0, and every cycle rises to η₀. Not in Keras.

    Args:
        initial_learning_rate (float): η₀, the highest value.
        decay_steps (float): N, in updates, above 0.
        cycles (int): c, at least 1. Default: 4, which gives ``coslog4``, ``η₀ (1 - cos(2π log₂(1 + 15 t))) / 2``.
        name (str | None): Name in the configuration. Default: "CosineLog".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.CosineLog(1.0, 15)
        >>> [round(float(schedule(step)), 4) for step in (0, 1, 3, 7, 15)]
        [0.0, 0.0, 0.0, 0.0, 0.0]
        >>> round(float(schedule(2**3.5 - 1)), 4)
        1.0

    Source: Holzmüller et al. (2024), *Better by default: strong pre-tuned MLPs and boosted trees on tabular data*.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps")

    @validate_params(decay_steps=STEPS_RULE, cycles=Integer(1))
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        cycles: int = 4,
        name: str | None = "CosineLog",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.cycles = cycles
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        fraction = jnp.minimum(to_float(step) / self.decay_steps, 1)
        cycle = jnp.log2(1 + (2**self.cycles - 1) * fraction)
        return self.initial_learning_rate * 0.5 * (1 - jnp.cos(2 * jnp.pi * cycle))
