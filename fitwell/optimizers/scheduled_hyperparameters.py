"""Hyperparameters that may be schedules: numbers, or functions of the step, behind plain attributes."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Predicate, Real, Rule, validate_param
from fitwell._registry import Configurable, format_call, serialize
from fitwell._variables import Hyperparameter, Variable
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.schedules import LearningRateSchedule

Array = jax.Array


class ScheduledFloat(float):
    """The number that a hyperparameter read as; it knows where it was read, so that it can be set from there.

    ``optimizer.learning_rate.assign(0.1)`` is ``optimizer.learning_rate = 0.1``, and `numpy` gives the number,
    as Keras's variables do.
    """

    owner: ScheduledHyperparameters
    name: str

    def __new__(cls, value: float, owner: ScheduledHyperparameters, name: str) -> ScheduledFloat:
        """Return `value` as read from the attribute `name` of `owner`."""
        reading = super().__new__(cls, value)
        reading.owner, reading.name = owner, name
        return reading

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def assign(self, value: Any) -> None:
        """Set the hyperparameter."""
        setattr(self.owner, self.name, value)

    def numpy(self) -> np.float32:
        """Return the number in single precision, as it is computed with."""
        return np.float32(self)


def _is_schedule(value: Any) -> bool:
    """Return whether `value` is a schedule, or a function of one argument."""
    if not callable(value) or isinstance(value, type):
        return False
    if not isinstance(value, LearningRateSchedule):
        try:
            inspect.signature(value).bind(0)
        except (TypeError, ValueError):
            return False
    return True


_SCHEDULE = Predicate(_is_schedule, "a schedule, which is a function of the step")


def scalar_or_schedule_rule(number: Real) -> Rule:
    """Return the rule of a hyperparameter: a number, or a schedule of such."""
    return number | _SCHEDULE


_SCALAR_OR_SCHEDULE = scalar_or_schedule_rule(Real())


class _HyperparameterAttribute:
    """A hyperparameter's attribute that reads as a number even while a schedule sets it."""

    def __init__(self, name: str, inner: Any) -> None:
        self.name = name
        self.inner = inner

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = self.inner.__get__(instance, owner)
        if callable(value):
            return value(instance.step.value)
        return ScheduledFloat(value, instance, self.name) if isinstance(value, int | float) else value

    def __set__(self, instance: Any, value: Any) -> None:
        self.inner.__set__(instance, instance._check(self.name, value))


class ScheduledHyperparameters(Configurable):
    """Base of objects whose hyperparameters may be schedules of `step`, the number of updates made so far.

    Reading an attribute gives the number in force now, as in Keras; `setting` gives what was set.
    `limits` names the range of numbers that a hyperparameter accepts where not every one will do, `optional`
    those that may be None.
    """

    optional: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[dict[str, Rule]] = {}
    step: Variable

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.__dict__.get("hyperparameters", ()):
            setattr(cls, name, _HyperparameterAttribute(name, getattr(cls, name)))

    def get_hyperparameter(self, name: str) -> Any:
        """Return what `name` was set to: a number (the bound one inside a run), None, or a schedule."""
        attribute = getattr(type(self), name, None)
        if not isinstance(attribute, _HyperparameterAttribute):
            known = list(self.__dict__["_hyperparameters"])
            hint = f"{did_you_mean(name, known) or '.'} Known: {known}"
            raise AttributeError(f"{type(self).__name__} has no hyperparameter {name!r}{hint}")
        return attribute.inner.__get__(self)

    def is_zero(self, name: str) -> bool:
        """Return whether `name` was set to the number 0, whatever stands in for it inside a run."""
        cell: Hyperparameter = self.__dict__["_hyperparameters"][name]
        return cell.is_number and not bool(cell.raw_value)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        given = self._given()
        for name, value in given.items():
            if callable(value) and not isinstance(value, LearningRateSchedule):
                raise InvalidArgument(
                    f"{type(self).__name__}: {name} is a function, which cannot be written into a "
                    "configuration; make it a subclass of LearningRateSchedule"
                )
        return {name: serialize(value) for name, value in given.items()}

    def __repr__(self) -> str:
        given = [(name, value) for name, value in self._given().items() if value is not None]
        return format_call(type(self).__name__, given)

    def _given(self) -> dict[str, Any]:
        return {
            name: self.get_hyperparameter(name)
            if isinstance(getattr(type(self), name, None), _HyperparameterAttribute)
            else getattr(self, name)
            for name in self._arguments()
        }

    def _check(self, name: str, value: Any) -> Any:
        if value is None and name in self.optional:
            return None
        return validate_param(type(self).__name__, name, value, self.limits.get(name, _SCALAR_OR_SCHEDULE))


class StepHyperparameters:
    """The hyperparameters in force for one update: numbers as they are, schedules evaluated at `step`.

    step: updates asked for so far, which schedules look at.
    count: 1 for the first update that is really made, for bias corrections; it lags behind `step` when
        gradients are accumulated.
    shared: the optimizer's slots that belong to no single parameter, already advanced.
    """

    def __init__(self, owner: ScheduledHyperparameters, step: Array, made: Array, dtype: Any) -> None:
        self.owner = owner
        self.step = step
        self.count = (made + 1).astype(dtype)
        self.shared: dict[str, Array] = {}
        self._powers: dict[str, Array] = {}

    def __getattr__(self, name: str) -> Any:
        value = self.owner.get_hyperparameter(name)
        if callable(value):
            value = value(self.step)
        self.__dict__[name] = value
        return value

    def power(self, name: str) -> Array:
        """Return the hyperparameter `name` to the power of `count`, computed once for all parameters."""
        if name not in self._powers:
            self._powers[name] = jnp.power(getattr(self, name), self.count)
        return self._powers[name]
