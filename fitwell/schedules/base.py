"""What every schedule is: a small object, called with the step, that computes one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from fitwell import _registry
from fitwell._param_validation import Real
from fitwell._typing import Array
from fitwell.errors import InvalidArgument

Number = float | Array

schedule_registry = _registry.Registry("schedule")

# Lengths in updates, and what else must be above 0.
STEPS_RULE = Real(0, closed="right")


class LearningRateSchedule(_registry.Configurable):
    """Base of the schedules: ``schedule(step)`` is the value for the update that follows `step` updates.

    A subclass keeps its numbers as attributes, names those that are data in `hyperparameters`, and
    computes in `__call__` with `jax.numpy` (no Python `if` on numbers: they are traced inside a run).

    >>> class Halving(LearningRateSchedule):
    ...     hyperparameters = ("initial", "steps")
    ...     def __init__(self, initial: float, steps: float) -> None:
    ...         self.initial = initial
    ...         self.steps = steps
    ...     def __call__(self, step):
    ...         return self.initial * 0.5 ** (step / self.steps)

    `step` is a number of updates, counted from 0, as an integer or a float. The result is a float scalar.
    An optimizer takes a schedule for any of its hyperparameters, the learning rate first of all.
    """

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


def to_float(step: Number) -> Array:
    """Return `step` in floating point (float32 for an integer: exact up to 16 million updates)."""
    step = jnp.asarray(step)
    return step if jnp.issubdtype(step.dtype, jnp.floating) else step.astype(jnp.float32)


def get(identifier: Any) -> Any:
    """Return the schedule that `identifier` stands for: an object, a callable, or a configuration."""
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
    """Return `schedule` as plain data, ``{"class_name", "config"}``."""
    return _registry.serialize(schedule)


def deserialize(config: Mapping[str, Any]) -> LearningRateSchedule:
    """Return the schedule that `serialize` wrote."""
    schedule: LearningRateSchedule = schedule_registry.from_config(config)
    return schedule
