"""Cosine decay, with and without restarts."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
]


def _half_cosine(fraction: Array) -> Array:
    """Compute a half-cosine, which falls from 1 at `fraction` 0 to 0 at `fraction` 1."""
    return 0.5 * (1 + jnp.cos(jnp.pi * fraction))


@schedule_registry.register()
class CosineDecay(LearningRateSchedule):
    """Cosine decay: ``η₀ ((1 - α) (1 + cos(π t / N)) / 2 + α)`` for N updates, and ``α η₀`` after that.

    With a `warmup_target` η₁, the value first increases linearly from η₀ to η₁ over `warmup_steps` updates.
    Then the cosine falls from η₁ to α η₁ over the next N updates.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        decay_steps (float): N, the number of updates in the cosine phase, which excludes the warm-up. It must be
            above 0.
        alpha (float): α, the final value as a fraction of the cosine's highest value. Default: 0.0.
        name (str | None): Name in the configuration. Default: "CosineDecay".
        warmup_target (float | None): η₁, or None for no warm-up. Default: None.
        warmup_steps (float): Length of the warm-up in updates. Default: 0.

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.CosineDecay(1.0, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10)]
        [1.0, 0.5, 0.0]

    Source: Loshchilov and Hutter, "SGDR", 2016; warm-up: Goyal et al., "Accurate, large minibatch SGD", 2017; Keras
    `CosineDecay`.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "alpha", "warmup_target", "warmup_steps")

    @validate_params(decay_steps=STEPS_RULE, warmup_steps=Real(0))
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str | None = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        step = to_float(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * self._decay_factor(step)
        line = self.warmup_target - self.initial_learning_rate
        # Without warm-up steps, `rising` is never selected, and the 1 only prevents a division by zero.
        rising = self.initial_learning_rate + line * step / jnp.maximum(self.warmup_steps, 1)
        falling = self.warmup_target * self._decay_factor(step - self.warmup_steps)
        return jnp.where(step < self.warmup_steps, rising, falling)

    def _decay_factor(self, step: Array) -> Array:
        fraction = jnp.minimum(step / self.decay_steps, 1)
        return (1 - self.alpha) * _half_cosine(fraction) + self.alpha


@schedule_registry.register()
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with restarts, which multiply the period's length by `t_mul` and its height by `m_mul`.

    At the fraction x of period i (0-based), the value is ``η₀ ((1 - α) m_mul^i (1 + cos(π x)) / 2 + α)``.

    Keras computes the period with a float32 logarithm instead. At some restarts (for example,
    with t_mul = 7), Keras still uses the previous period, so its rate is the lowest instead of the highest.

    Args:
        initial_learning_rate (float): η₀, the value at step 0.
        first_decay_steps (float): Length of period 0 in updates. It must be above 0.
        t_mul (float): Factor by which the length grows at each restart. It must be at least 1. Default: 2.0.
        m_mul (float): Factor by which the height changes at each restart. Default: 1.0.
        alpha (float): α, the lowest value as a fraction of η₀. Default: 0.0.
        name (str | None): Name in the configuration. Default: "SGDRDecay".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.CosineDecayRestarts(1.0, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
        [1.0, 0.5, 1.0, 0.5]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016; Keras
    `CosineDecayRestarts`.
    """

    hyperparameters = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")

    @validate_params(first_decay_steps=STEPS_RULE, t_mul=Real(1))
    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        elapsed = to_float(step) / self.first_decay_steps
        even = jnp.asarray(self.t_mul == 1)
        growth = jnp.where(even, 2, self.t_mul)  # if t_mul is 1, this value is not used, but it must not be 1

        def start(period: Array) -> Array:
            return jnp.where(even, period, (jnp.power(growth, period) - 1) / (growth - 1))

        # Even with rounding errors, this gives either the current period or the next one.
        period = jnp.round(jnp.where(even, elapsed, jnp.log1p(elapsed * (growth - 1)) / jnp.log(growth)))
        period = jnp.where(elapsed < start(period), period - 1, period)
        fraction = (elapsed - start(period)) / jnp.where(even, 1, jnp.power(growth, period))
        factor = (1 - self.alpha) * jnp.power(self.m_mul, period) * _half_cosine(fraction) + self.alpha
        return self.initial_learning_rate * factor
