"""Hyperparameters that are either numbers or schedules, which are functions of the step."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import Predicate, Real, Rule, validate_param
from fitwell._registry import Configurable, format_call, serialize
from fitwell._typing import Array
from fitwell._variables import Hyperparameter, Variable
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.schedules import LearningRateSchedule

__all__ = [
    "ScheduledFloat",
    "ScheduledHyperparameters",
    "StepHyperparameters",
    "scalar_or_schedule_rule",
]


class ScheduledFloat(float):
    """The current value of a hyperparameter, with a method that assigns a new value.

    As with Keras's variables, ``optimizer.learning_rate.assign(0.1)`` is equivalent to
    ``optimizer.learning_rate = 0.1``, and `numpy` returns the number.
    """

    owner: ScheduledHyperparameters
    name: str

    def __new__(cls, value: float, owner: ScheduledHyperparameters, name: str) -> ScheduledFloat:
        """Create the current value of `owner`'s attribute `name`."""
        reading = super().__new__(cls, value)
        reading.owner, reading.name = owner, name
        return reading

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def assign(self, value: Any) -> None:
        """Set the hyperparameter to `value`."""
        setattr(self.owner, self.name, value)

    def numpy(self) -> np.float32:
        """Return the number as a NumPy float32 scalar, as in Keras."""
        return np.float32(self)


def _is_schedule(value: Any) -> bool:
    """Return True if `value` is a schedule or a function that can be called with one argument."""
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
    """Return a rule that accepts any schedule and the numbers that `number` accepts."""
    return number | _SCHEDULE


_SCALAR_OR_SCHEDULE = scalar_or_schedule_rule(Real())


class _ScheduledAttribute:
    """A descriptor that returns a hyperparameter's current number, even if a schedule is set."""

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
    """Base class for objects whose hyperparameters may be schedules, which are functions of `step`.

    As in Keras, reading an attribute returns the current number. `get_hyperparameter` returns the value that
    was set. `limits` contains the rules for hyperparameters that do not accept every number, and `optional`
    contains the names of hyperparameters that may be None.
    """

    optional: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[dict[str, Rule]] = {}
    step: Variable

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.__dict__.get("hyperparameters", ()):
            setattr(cls, name, _ScheduledAttribute(name, getattr(cls, name)))

    def get_hyperparameter(self, name: str) -> Any:
        """Return the value that `name` was set to.

        Args:
            name (str): Name of the hyperparameter, such as ``"learning_rate"``.

        Returns:
            float | LearningRateSchedule | Callable | None: A number, None, or a schedule. Inside a compiled run,
            the number is a traced array.

        Raises:
            AttributeError: if there is no such hyperparameter. The message suggests the closest name.
        """
        attribute = getattr(type(self), name, None)
        if not isinstance(attribute, _ScheduledAttribute):
            known = list(self.__dict__["_hyperparameters"])
            hint = f"{did_you_mean(name, known) or '.'} The hyperparameters are: {', '.join(known)}."
            raise AttributeError(f"{type(self).__name__} has no hyperparameter {name!r}{hint}")
        return attribute.inner.__get__(self)

    def is_zero(self, name: str) -> bool:
        """Return True if the hyperparameter `name` was set to the number 0.

        This also works inside a run, where a traced array replaces the number.
        """
        cell: Hyperparameter = self.__dict__["_hyperparameters"][name]
        return cell.is_number and not bool(cell.raw_value)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data.

        Returns:
            dict: A dict that maps argument names to values.

        Raises:
            InvalidArgument: if a hyperparameter is a function that is not a `LearningRateSchedule`.
        """
        arguments = self._argument_values()
        for name, value in arguments.items():
            if callable(value) and not isinstance(value, LearningRateSchedule):
                raise InvalidArgument(
                    f"{type(self).__name__}: {name} is a function, which cannot be written into a "
                    "configuration; write it as a subclass of LearningRateSchedule"
                )
        return {name: serialize(value) for name, value in arguments.items()}

    def __repr__(self) -> str:
        arguments = [(name, value) for name, value in self._argument_values().items() if value is not None]
        return format_call(type(self).__name__, arguments)

    def _argument_values(self) -> dict[str, Any]:
        return {
            name: self.get_hyperparameter(name)
            if isinstance(getattr(type(self), name, None), _ScheduledAttribute)
            else getattr(self, name)
            for name in self._arguments()
        }

    def _check(self, name: str, value: Any) -> Any:
        if value is None and name in self.optional:
            return None
        return validate_param(type(self).__name__, name, value, self.limits.get(name, _SCALAR_OR_SCHEDULE))


class StepHyperparameters:
    """The hyperparameters of one update as attributes, with schedules evaluated at `step`.

    Args:
        owner (Optimizer): The optimizer.
        step (Array): Number of steps so far, which is passed to schedules.
        made (Array): Number of updates so far, which is smaller than `step` if gradients are accumulated.
        dtype (str): The dtype of `count`.

    Attributes:
        step (Array): Number of steps so far.
        count (Array): 1-based number of this update, for bias corrections.
        shared (dict[str, Array]): The slots that all parameters share, as `update_shared_slots` returned
            them for this update.

    Example:
        >>> import fitwell as fw
        >>> class Halving(fw.optimizers.Optimizer):
        ...     hyperparameters = ("factor",)
        ...     def __init__(self, learning_rate=0.1, factor=0.5, **options):
        ...         super().__init__(learning_rate, **options)
        ...         self.factor = factor
        ...     def update_step(self, gradient, slots, learning_rate, hyperparameters):
        ...         return -learning_rate * hyperparameters.factor * gradient, slots
        >>> Halving().factor
        0.5
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
        """Return the hyperparameter `name` raised to the power `count`, computed once for all parameters."""
        if name not in self._powers:
            self._powers[name] = jnp.power(getattr(self, name), self.count)
        return self._powers[name]
