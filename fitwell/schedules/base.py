"""`LearningRateSchedule`, the base class for objects that compute a hyperparameter from the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from fitwell import _registry
from fitwell._param_validation import Real
from fitwell._typing import Array
from fitwell.errors import InvalidArgument

__all__ = [
    "LearningRateSchedule",
    "Number",
    "STEPS_RULE",
    "count_periods",
    "deserialize",
    "get",
    "schedule_registry",
    "serialize",
    "to_float",
]

Number = float | Array

schedule_registry = _registry.Registry("schedule")

# The validation rule for numbers of updates and for other positive numbers.
STEPS_RULE = Real(0, closed="right")


class LearningRateSchedule(_registry.Configurable):
    """Base class of all schedules. ``schedule(step)`` is the value to use after `step` updates.

    `step` is the number of updates so far, as an integer or a float. The result is a float scalar. An
    optimizer accepts a schedule for any of its hyperparameters, not only for the learning rate.

    A subclass stores its numbers as attributes, lists the traced ones in `hyperparameters`, and implements
    `__call__` with `jax.numpy`. `__call__` must not use a Python `if` on these numbers, because they are
    traced inside a run.

    Example:
        >>> import fitwell as fw
        >>> class Halving(fw.optimizers.schedules.LearningRateSchedule):
        ...     hyperparameters = ("initial", "steps")
        ...     def __init__(self, initial: float, steps: float) -> None:
        ...         self.initial = initial
        ...         self.steps = steps
        ...     def __call__(self, step):
        ...         return self.initial * 0.5 ** (step / self.steps)
        >>> round(float(fw.optimizers.SGD(Halving(0.1, 10)).learning_rate), 4)
        0.1

    Source: Keras `LearningRateSchedule`.
    """

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`.

        Args:
            step (int | float | Array): Number of updates so far.

        Returns:
            Array: A float scalar.

        Raises:
            NotImplementedError: if the subclass does not define this method.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


def to_float(step: Number) -> Array:
    """Convert `step` to floating point. Integers become float32, which is exact up to 16 million updates."""
    step = jnp.asarray(step)
    return step if jnp.issubdtype(step.dtype, jnp.floating) else step.astype(jnp.float32)


def count_periods(step: Number, decay_steps: Number, staircase: bool) -> Array:
    """Return the number of periods of `decay_steps` updates so far, rounded down if `staircase` is True."""
    periods = to_float(step) / decay_steps
    return jnp.floor(periods) if staircase else periods


def get(identifier: Any) -> Any:
    """Return the schedule that an identifier specifies.

    Args:
        identifier (LearningRateSchedule | Callable | dict): A schedule, a function of the step, or a configuration.

    Returns:
        LearningRateSchedule | Callable: The schedule.

    Raises:
        InvalidArgument: if `identifier` is none of the above.

    Example:
        >>> import fitwell as fw
        >>> fw.schedules.get({"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.1,
        ...     "decay_steps": 100, "decay_rate": 0.5}})(100).item()
        0.05000000074505806
    """
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    if isinstance(identifier, Mapping):
        return schedule_registry.from_config(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    raise InvalidArgument(
        f"expected a schedule object, its configuration, or a function of the step, got {identifier!r}"
    )


def serialize(schedule: LearningRateSchedule) -> Any:
    """Convert a schedule to plain data.

    Args:
        schedule (LearningRateSchedule): The schedule.

    Returns:
        dict: ``{"class_name": ..., "config": ...}``, which `deserialize` reads.

    Example:
        >>> import fitwell as fw
        >>> config = fw.schedules.serialize(fw.schedules.ExponentialDecay(0.1, 100, 0.9))
        >>> config["class_name"], type(fw.schedules.deserialize(config)).__name__
        ('ExponentialDecay', 'ExponentialDecay')
    """
    return _registry.serialize(schedule)


def deserialize(config: Mapping[str, Any]) -> LearningRateSchedule:
    """Create a schedule from the result of `serialize`.

    Args:
        config (dict): The result of `serialize`.

    Returns:
        LearningRateSchedule: The schedule.

    Example:
        >>> import fitwell as fw
        >>> config = fw.schedules.serialize(fw.schedules.ExponentialDecay(0.1, 100, 0.9))
        >>> config["class_name"], type(fw.schedules.deserialize(config)).__name__
        ('ExponentialDecay', 'ExponentialDecay')
    """
    schedule: LearningRateSchedule = schedule_registry.from_config(config)
    return schedule
