"""Schedules in phases: a warm-up before any other schedule, and 1cycle with its momentum."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell._param_validation import CallableRule, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float


@schedule_registry.register()
class Warmup(LearningRateSchedule):
    """A straight line up to another schedule, which then runs from its own step 0.

    ``η_start + (after(0) - η_start) t / W`` for t < W, then ``after(t - W)``. Not in Keras, where only
    `CosineDecay` has a warm-up.

    Args:
        after: the schedule that follows, or a number that stays.
        warmup_steps: W ≥ 1, in updates.
        initial_learning_rate: η_start, the value at step 0.
        name: kept in the configuration.

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
        """Return the value at `step`."""
        step = to_float(step)
        # One evaluation serves both phases: during the warm-up the other schedule waits at its step 0.
        after = self.after
        target = after(jnp.maximum(step - self.warmup_steps, 0)) if callable(after) else after
        rising = self.initial_learning_rate + (target - self.initial_learning_rate) * step / self.warmup_steps
        return jnp.where(step < self.warmup_steps, rising, target)


class _CycleSchedule(LearningRateSchedule):
    """Straight lines from 0 to h, to 2h, and to T, with ``h = ⌊(T - L) / 2⌋`` for a tail of L updates."""

    hyperparameters: ClassVar[tuple[str, ...]] = ("total_steps", "last_steps")

    def _set_lengths(self, total_steps: float, last_steps: float | None) -> None:
        self.total_steps = total_steps
        self.last_steps = last_steps
        if not 1 <= self._tail() <= total_steps - 2:
            raise InvalidArgument(
                f"{type(self).__name__}: total_steps={total_steps} and last_steps={self._tail()} leave no room for "
                "a rise and a fall; last_steps must be from 1 to total_steps - 2"
            )

    def _tail(self) -> Any:
        return self.total_steps // 10 + 1 if self.last_steps is None else self.last_steps

    def _lines(self, step: Number, start: Any, top: Any, end: Any) -> Array:
        step = to_float(step)
        half = (self.total_steps - self._tail()) // 2
        rising, falling = _interpolate(start, top, step / half), _interpolate(top, start, step / half - 1)
        rest = jnp.minimum((step - 2 * half) / (self.total_steps - 2 * half), 1)
        return jnp.where(
            step < half, rising, jnp.where(step < 2 * half, falling, _interpolate(start, end, rest))
        )


def _interpolate(begin: Any, end: Any, done: Array) -> Array:
    # Both ends are met exactly, however far apart: begin + (end - begin) * done would round a small end.
    return begin * (1 - done) + end * done


@schedule_registry.register()
class OneCycle(_CycleSchedule):
    """1cycle: up from η₀ to η₁ in the first half, down again in the second, then several orders lower.

    Over T updates, the last L of which are the tail, with ``h = ⌊(T - L) / 2⌋``: straight from η₀ to η₁
    for t < h, straight back to η₀ for t < 2h, straight to η_last at T, which then stays. Not in Keras.

    >>> rate = OneCycle(0.05, total_steps=2500)
    >>> optimizer = SGD(rate, momentum=rate.momentum_schedule(), nesterov=True)

    Args:
        max_learning_rate: η₁, at half.
        total_steps: T, the updates of the whole run (epochs times batches).
        initial_learning_rate: η₀; None for η₁ / 10.
        last_steps: L; None for ⌊T / 10⌋ + 1.
        last_learning_rate: η_last; None for η₀ / 1000.
        name: kept in the configuration.

    Source: Smith, "A disciplined approach to neural network hyper-parameters", 2018.
    """

    hyperparameters = ("max_learning_rate", "initial_learning_rate", "last_learning_rate")

    @validate_params(total_steps=STEPS_RULE, last_steps=STEPS_RULE | None)
    def __init__(
        self,
        max_learning_rate: float,
        total_steps: float,
        initial_learning_rate: float | None = None,
        last_steps: float | None = None,
        last_learning_rate: float | None = None,
        name: str | None = "OneCycle",
    ) -> None:
        self._set_lengths(total_steps, last_steps)
        self.max_learning_rate = max_learning_rate
        self.initial_learning_rate = initial_learning_rate
        self.last_learning_rate = last_learning_rate
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        top, start, end = self.max_learning_rate, self.initial_learning_rate, self.last_learning_rate
        start = top / 10 if start is None else start
        return self._lines(step, start, top, start / 1000 if end is None else end)

    def momentum_schedule(self, high: float = 0.95, low: float = 0.85) -> OneCycleMomentum:
        """Return the schedule for `momentum` or `beta_1` that goes with this one."""
        return OneCycleMomentum(self.total_steps, high, low, self.last_steps)


@schedule_registry.register()
class OneCycleMomentum(_CycleSchedule):
    """The momentum of 1cycle: down from `high` to `low` while the rate rises, up while it falls, then `high`.

    Args:
        total_steps: T, as in the `OneCycle` it goes with.
        high: β when the rate is low.
        low: β when the rate is at its top.
        last_steps: L, as in the `OneCycle` it goes with; None for ⌊T / 10⌋ + 1.
        name: kept in the configuration.

    Source: Smith, "A disciplined approach to neural network hyper-parameters", 2018.
    """

    hyperparameters = ("high", "low")

    @validate_params(total_steps=STEPS_RULE, last_steps=STEPS_RULE | None)
    def __init__(
        self,
        total_steps: float,
        high: float = 0.95,
        low: float = 0.85,
        last_steps: float | None = None,
        name: str | None = "OneCycleMomentum",
    ) -> None:
        self._set_lengths(total_steps, last_steps)
        self.high = high
        self.low = low
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        return self._lines(step, self.high, self.low, self.high)
