"""`CosineLog`, a schedule of cosine cycles that become longer."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Integer, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = ["CosineLog"]


@schedule_registry.register()
class CosineLog(LearningRateSchedule):
    """Cosine cycles, each of which is twice as long as the previous one.

    After t updates, the value is ``η₀ (1 - cos(2π log₂(1 + (2ᶜ - 1) t / N))) / 2``. In each of the c cycles, it rises
    smoothly from 0 to η₀ and falls back to 0. After N updates, it remains 0. Keras has no such schedule.

    Args:
        initial_learning_rate (float): η₀, the highest value.
        decay_steps (float): N, the number of updates in all cycles together. It must be above 0.
        cycles (int): c, the number of cycles, at least 1. Default: 4. (The source calls this schedule ``coslog4``.)
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
