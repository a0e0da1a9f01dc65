"""`Warmup`, a linear warm-up before another schedule."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from fitwell._param_validation import CallableRule, Real, validate_params
from fitwell._typing import Array
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = [
    "Warmup",
]


@schedule_registry.register()
class Warmup(LearningRateSchedule):
    """A linear warm-up, followed by another schedule, which starts at its own step 0.

    The value is ``η_start + (after(0) - η_start) t / W`` for t < W, and ``after(t - W)`` after that. In
    Keras, only `CosineDecay` has a warm-up.

    Args:
        after (LearningRateSchedule | Callable | float): The schedule that follows, or a constant.
        warmup_steps (float): W, the length of the warm-up in updates. It must be above 0.
        initial_learning_rate (float): η_start, the value at step 0. Default: 0.0.
        name (str | None): Name in the configuration. Default: "Warmup".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.Warmup(1.0, 10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
        [0.0, 0.5, 1.0, 1.0]

    Source: Goyal et al., "Accurate, large minibatch SGD", 2017.
    """

    hyperparameters = ("after", "warmup_steps", "initial_learning_rate")

    @validate_params(after=Real() | CallableRule("a schedule"), warmup_steps=STEPS_RULE)
    def __init__(
        self, after: Any, warmup_steps: float, initial_learning_rate: float = 0.0, name: str | None = "Warmup"
    ) -> None:
        self.after = after
        self.warmup_steps = warmup_steps
        self.initial_learning_rate = initial_learning_rate
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        step = to_float(step)
        # One evaluation is enough for both phases, because the other schedule stays at its step 0 during the
        # warm-up.
        after = self.after
        target = after(jnp.maximum(step - self.warmup_steps, 0)) if callable(after) else after
        rising = self.initial_learning_rate + (target - self.initial_learning_rate) * step / self.warmup_steps
        return jnp.where(step < self.warmup_steps, rising, target)
