"""1cycle schedules for the learning rate and the momentum."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from fitwell._param_validation import validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float

__all__ = [
    "OneCycle",
    "OneCycleMomentum",
]


class _CycleSchedule(LearningRateSchedule):
    """Base class that interpolates linearly between steps 0, h, 2h and T, where ``h = ⌊(T - L) / 2⌋``.

    T is the total number of updates, and L is the number of updates in the tail.
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ("total_steps", "last_steps")

    def _set_steps(self, total_steps: float, last_steps: float | None) -> None:
        self.total_steps = total_steps
        self.last_steps = last_steps
        if not 1 <= self._num_last_steps() <= total_steps - 2:
            raise InvalidArgument(
                f"{type(self).__name__}: total_steps={total_steps} and last_steps={self._num_last_steps()} leave "
                "no room for an increase and a decrease; last_steps must be between 1 and total_steps - 2"
            )

    def _num_last_steps(self) -> Any:
        return self.total_steps // 10 + 1 if self.last_steps is None else self.last_steps

    def _piecewise_linear(self, step: Number, start: Any, top: Any, end: Any) -> Array:
        step = to_float(step)
        half = (self.total_steps - self._num_last_steps()) // 2
        rising, falling = _interpolate(start, top, step / half), _interpolate(top, start, step / half - 1)
        rest = jnp.minimum((step - 2 * half) / (self.total_steps - 2 * half), 1)
        return jnp.where(
            step < half, rising, jnp.where(step < 2 * half, falling, _interpolate(start, end, rest))
        )


def _interpolate(begin: Any, end: Any, fraction: Array) -> Array:
    # This formula is exact at both ends, unlike begin + (end - begin) * fraction, which rounds a small `end`.
    return begin * (1 - fraction) + end * fraction


@schedule_registry.register()
class OneCycle(_CycleSchedule):
    """A 1cycle schedule, which raises the value from η₀ to η₁, lowers it to η₀, and ends far below η₀.

    The last L of the T updates are the tail. With ``h = ⌊(T - L) / 2⌋``, the value changes linearly from η₀
    to η₁ until step h, back to η₀ until step 2h, and to η_last until step T, where it remains. Keras has no
    such schedule.

    Args:
        max_learning_rate (float): η₁, the highest value.
        total_steps (float): T, the number of updates in the whole run (epochs times batches).
        initial_learning_rate (float | None): η₀. Default: None, which means η₁ / 10.
        last_steps (float | None): L. Default: None, which means ⌊T / 10⌋ + 1.
        last_learning_rate (float | None): η_last. Default: None, which means η₀ / 1000.
        name (str | None): Name in the configuration. Default: "OneCycle".

    Example:
        >>> import fitwell as fw
        >>> rate = fw.schedules.OneCycle(0.05, total_steps=2500)
        >>> optimizer = fw.optimizers.SGD(rate, momentum=rate.momentum_schedule(), nesterov=True)
        >>> round(optimizer.learning_rate.item(), 4)
        0.005

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
        self._set_steps(total_steps, last_steps)
        self.max_learning_rate = max_learning_rate
        self.initial_learning_rate = initial_learning_rate
        self.last_learning_rate = last_learning_rate
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        top, start, end = self.max_learning_rate, self.initial_learning_rate, self.last_learning_rate
        start = top / 10 if start is None else start
        return self._piecewise_linear(step, start, top, start / 1000 if end is None else end)

    def momentum_schedule(self, high: float = 0.95, low: float = 0.85) -> OneCycleMomentum:
        """Return the matching schedule for `momentum` or `beta_1`.

        Args:
            high (float): Momentum at the lowest rate. Default: 0.95.
            low (float): Momentum at the highest rate. Default: 0.85.

        Returns:
            OneCycleMomentum: The schedule.
        """
        return OneCycleMomentum(self.total_steps, high, low, self.last_steps)


@schedule_registry.register()
class OneCycleMomentum(_CycleSchedule):
    """The momentum schedule for 1cycle.

    The momentum falls from `high` to `low` while the learning rate increases, rises again while the rate decreases,
    and stays at `high` after that.

    Args:
        total_steps (float): T, as in the corresponding `OneCycle`.
        high (float): β at the lowest rate. Default: 0.95.
        low (float): β at the highest rate. Default: 0.85.
        last_steps (float | None): L, as in the corresponding `OneCycle`.
            Default: None, which means ⌊T / 10⌋ + 1.
        name (str | None): Name in the configuration. Default: "OneCycleMomentum".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.OneCycleMomentum(100)
        >>> [round(float(schedule(step)), 4) for step in (0, 44, 88)]
        [0.95, 0.85, 0.95]

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
        self._set_steps(total_steps, last_steps)
        self.high = high
        self.low = low
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        return self._piecewise_linear(step, self.high, self.low, self.high)
