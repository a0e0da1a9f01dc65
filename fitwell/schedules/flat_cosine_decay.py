"""`FlatCosineDecay`, a constant value followed by a cosine decay."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = ["FlatCosineDecay"]


@schedule_registry.register()
class FlatCosineDecay(LearningRateSchedule):
    """A constant value, followed by a cosine decay to 0.

    After t updates, with the fraction ``x = t / N``, the value is v₀ if ``x < f``,
    ``v₀ (1 + cos(π (x - f) / (1 - f))) / 2`` if ``f <= x < 1``, and 0 if ``x >= 1``. `TabularNetwork` uses this
    schedule for dropout and weight decay. Keras has no such schedule.

    Args:
        initial_learning_rate (float): v₀, the constant value.
        decay_steps (float): N, the number of updates after which the value is 0, including the constant phase. It must
            be above 0.
        flat_fraction (float): f, the fraction of the N updates in the constant phase, in [0, 1). Default: 0.5.
        name (str | None): Name in the configuration. Default: "FlatCosineDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.FlatCosineDecay(1.0, 100)
        >>> [round(float(schedule(step)), 4) for step in (0, 50, 75, 100)]
        [1.0, 1.0, 0.5, 0.0]

    Source: Holzmüller et al. (2024), *Better by default: strong pre-tuned MLPs and boosted trees on tabular data*;
    there it is called ``flat_cos``.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "flat_fraction")

    @validate_params(decay_steps=STEPS_RULE, flat_fraction=Real(0, 1, closed="left"))
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        flat_fraction: float = 0.5,
        name: str | None = "FlatCosineDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.flat_fraction = flat_fraction
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        fraction = to_float(step) / self.decay_steps
        falling = jnp.clip((fraction - self.flat_fraction) / (1 - self.flat_fraction), 0, 1)
        return self.initial_learning_rate * 0.5 * (1 + jnp.cos(jnp.pi * falling))
