"""Schedules along half a cosine: once, or again and again."""

from __future__ import annotations

import jax.numpy as jnp

from fitwell._param_validation import Real, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float


def _half_cosine(done: Array) -> Array:
    """Return 1 at 0, falling to 0 at 1."""
    return 0.5 * (1 + jnp.cos(jnp.pi * done))


@schedule_registry.register()
class CosineDecay(LearningRateSchedule):
    """Half a cosine: ``η₀ ((1 - α) (1 + cos(π t / N)) / 2 + α)``, and ``α η₀`` after N updates.

    With a `warmup_target` η₁ a straight line leads from η₀ to η₁ first, in `warmup_steps` updates, and the
    cosine falls from η₁ in the N after them.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: N, in updates, warm-up not included.
        alpha: α, the end as a share of where the cosine begins.
        name: kept in the configuration.
        warmup_target: η₁, or None for no warm-up.
        warmup_steps: length of the warm-up in updates.

    Sources: Loshchilov and Hutter, "SGDR", 2016; warm-up: Goyal et al., "Accurate, large minibatch SGD",
    2017. As in Keras.
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
        """Return the value at `step`."""
        step = to_float(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * self._share(step)
        line = self.warmup_target - self.initial_learning_rate
        # With no warm-up steps the line is never chosen; 1 keeps it finite.
        rising = self.initial_learning_rate + line * step / jnp.maximum(self.warmup_steps, 1)
        falling = self.warmup_target * self._share(step - self.warmup_steps)
        return jnp.where(step < self.warmup_steps, rising, falling)

    def _share(self, step: Array) -> Array:
        done = jnp.minimum(step / self.decay_steps, 1)
        return (1 - self.alpha) * _half_cosine(done) + self.alpha


@schedule_registry.register()
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after another: each `t_mul` times as long as the last, and `m_mul` times as high.

    In the i-th period (from 0), at the share x of its length:
    ``η₀ ((1 - α) m_mul^i (1 + cos(π x)) / 2 + α)``.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        first_decay_steps: length of period 0, in updates.
        t_mul: growth of the periods' lengths, at least 1.
        m_mul: growth of their heights.
        alpha: α, the lowest value as a share of η₀.
        name: kept in the configuration.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016. Differs from
    Keras, which finds the period by a float32 logarithm: at some restarts (t_mul = 7, for one) that lands in
    the period before, and the rate there is the lowest instead of the highest.
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
        """Return the value at `step`."""
        elapsed = to_float(step) / self.first_decay_steps
        even = jnp.asarray(self.t_mul == 1)
        growth = jnp.where(even, 2, self.t_mul)  # any number but 1: that branch is not chosen then

        def start(period: Array) -> Array:
            return jnp.where(even, period, (jnp.power(growth, period) - 1) / (growth - 1))

        # Rounded, this is the right period or the next one, and rounding errors cannot change that.
        period = jnp.round(jnp.where(even, elapsed, jnp.log1p(elapsed * (growth - 1)) / jnp.log(growth)))
        period = jnp.where(elapsed < start(period), period - 1, period)
        done = (elapsed - start(period)) / jnp.where(even, 1, jnp.power(growth, period))
        share = (1 - self.alpha) * jnp.power(self.m_mul, period) * _half_cosine(done) + self.alpha
        return self.initial_learning_rate * share
