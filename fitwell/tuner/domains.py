"""Search-space domains, such as ranges of numbers and lists of choices.

An Optuna study can only store None, booleans, numbers and strings, so a domain also converts other values to strings
and back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._param_validation import Instance, Integer, Real, validate_params
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from optuna.trial import Trial

__all__ = [
    "CONDITION",
    "GRID_POINTS",
    "PERTURBATION_FACTOR",
    "Boolean",
    "Choice",
    "Domain",
    "Fixed",
    "Float",
    "Int",
    "allowed_values",
    "format_call",
    "normalize_conditions",
    "strip_addresses",
]

# Number of grid points for a continuous range. KerasTuner uses the same number.
GRID_POINTS = 10
# Default factor by which a number is multiplied or divided when it is perturbed.
PERTURBATION_FACTOR = 1.2

_STORABLE = (type(None), bool, int, float, str)


_ABOVE_0 = Real(0, closed="right")
CONDITION = Instance(Mapping, "a dict such as {'depth': [2, 3]}") | None


class Domain:
    """Base class for all domains.

    Attributes:
        when: Condition under which the hyperparameter exists, such as ``{"depth": [2, 3]}``. It maps the names of
            other hyperparameters to their allowed values. If a setting does not meet the condition, it has no key for
            this hyperparameter.
        default: Value for a model that is built without a search.

    Example:
        >>> import fitwell as fw
        >>> domain = fw.tuner.Float(1e-4, 1e-1, log=True, when={"optimizer": "sgd"})
        >>> domain
        Float(low=0.0001, high=0.1, log=True, when={'optimizer': ['sgd']}, default=0.0001)
        >>> domain.contains(0.5)
        False
    """

    when: Mapping[str, Any]
    default: Any

    def suggest(self, trial: Trial, name: str) -> Any:
        """Return the value of `name` in an Optuna trial, sampling it if necessary."""
        raise NotImplementedError

    def grid_values(self) -> list[Any]:
        """Return the values that a grid search tries."""
        raise NotImplementedError

    def to_storage(self, value: Any) -> Any:
        """Convert `value` to the form in which a study stores it."""
        return value

    def from_storage(self, stored: Any) -> Any:
        """Convert a value from the form in which a study stores it."""
        return stored

    def contains(self, value: Any) -> bool:
        """Return whether `value` belongs to the domain."""
        raise NotImplementedError

    def perturb(self, value: Any, generator: np.random.Generator, factor: float = PERTURBATION_FACTOR) -> Any:
        """Return a random value near `value`.

        How a number changes depends on the domain (see `Float.perturb` and `Int.perturb`). A choice is sometimes
        replaced with a random one.
        """
        raise NotImplementedError

    def stored_repr(self) -> str:
        """Return the string that identifies the domain in a study.

        The string must not change between versions, so that existing studies can be continued.
        """
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # domains are mutable and compared by value

    def __repr__(self) -> str:
        public = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return format_call(type(self).__name__, public)


class Float(Domain):
    """A real number in a range.

    Args:
        low (float): Smallest value.
        high (float): Largest value, which is included.
        log (bool): Whether to sample on a logarithmic scale, which suits learning rates and penalties. Requires
            ``low > 0``. Default: False.
        step (float | None): Restricts the values to ``low``, ``low + step``, and so on. It cannot be combined with
            `log`. Default: None, which allows all values.
        default (float | None): Value for a model that is built without a search. Default: None, which means `low`.
        when (dict | None): Condition under which the hyperparameter exists (see `Domain`). Default: None.

    Raises:
        InvalidArgument: If the range is empty, if `default` is not in it, or if `log` is combined with `step` or with
            a `low` that is not positive.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Float(0.0, 0.5, step=0.1)
        Float(low=0.0, high=0.5, log=False, step=0.1, default=0.0)

    Source: Optuna `FloatDistribution`.
    """

    @validate_params(step=_ABOVE_0 | None, when=CONDITION)
    def __init__(
        self,
        low: float,
        high: float,
        *,
        log: bool = False,
        step: float | None = None,
        default: float | None = None,
        when: Mapping[str, Any] | None = None,
    ) -> None:
        _check_range(self, low, high, log, step)
        self.low, self.high, self.log, self.step = float(low), float(high), log, step
        self.when = normalize_conditions(when)
        self.default = _checked_default(self, self.low if default is None else float(default))

    def suggest(self, trial: Trial, name: str) -> float:
        """Return the value of `name` in an Optuna trial, sampling it if necessary."""
        high = self._value_at_step(self._steps) if self.step else self.high
        return trial.suggest_float(name, self.low, high, step=self.step, log=self.log)

    def grid_values(self) -> list[float]:
        """Return the value at every step, or ten evenly spaced values if there is no step.

        With `log`, the values are evenly spaced on a logarithmic scale.
        """
        if self.low == self.high:
            return [self.low]
        if self.step is not None:
            return [self._value_at_step(number) for number in range(self._steps + 1)]
        space = np.geomspace if self.log else np.linspace
        return np.clip(space(self.low, self.high, GRID_POINTS), self.low, self.high).tolist()

    def perturb(
        self, value: float, generator: np.random.Generator, factor: float = PERTURBATION_FACTOR
    ) -> float:
        """Multiply or divide `value` by `factor`, or move it by one step if the domain has steps.

        On a linear scale without steps, the value changes by at least 1 % of the range. The result is clipped to the
        range.
        """
        up = bool(generator.integers(2))
        if self.step is not None:
            index = round((value - self.low) / self.step) + (1 if up else -1)
            return self._value_at_step(min(max(index, 0), self._steps))
        # Near 0, a change that is proportional to the value is too small, so move by at least 1 % of the range.
        move = value * (factor if up else 1 / factor) - value
        if not self.log:
            move = math.copysign(max(abs(move), 0.01 * (self.high - self.low)), 1 if up else -1)
        return float(np.clip(value + move, self.low, self.high))

    def contains(self, value: Any) -> bool:
        """Return whether `value` is in the range and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return bool(self.low <= value <= self.high and abs(steps - round(steps)) < 1e-6)

    @property
    def _steps(self) -> int:
        assert self.step is not None
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def _value_at_step(self, number: int) -> float:
        # Use decimal arithmetic, as Optuna does, to get 0.3 instead of 0.30000000000000004.
        return float(Decimal(str(self.low)) + number * Decimal(str(self.step)))


class Int(Domain):
    """An integer in a range.

    Args:
        low (int): Smallest value.
        high (int): Largest value, which is included.
        log (bool): Whether to sample on a logarithmic scale, which suits layer widths. Requires ``low >= 1``.
            Default: False.
        step (int): Restricts the values to ``low``, ``low + step``, and so on. A step other than 1 cannot be combined
            with `log`. Default: 1.
        default (int | None): Value for a model that is built without a search. Default: None, which means `low`.
        when (dict | None): Condition under which the hyperparameter exists (see `Domain`). Default: None.

    Raises:
        InvalidArgument: If the range is empty, if `default` is not in it, or if `log` is combined with a `step` other
            than 1 or with a `low` that is not positive.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Int(16, 64, step=16).contains(48)
        True

    Source: Optuna `IntDistribution`.
    """

    @validate_params(step=Integer(1), when=CONDITION)
    def __init__(
        self,
        low: int,
        high: int,
        *,
        log: bool = False,
        step: int = 1,
        default: int | None = None,
        when: Mapping[str, Any] | None = None,
    ) -> None:
        _check_range(self, low, high, log, step)
        if log and step != 1:
            raise InvalidArgument(f"Int: log and step={step!r} cannot be combined; remove one of them")
        self.low, self.high, self.log, self.step = int(low), int(high), log, int(step)
        self.when = normalize_conditions(when)
        self.default = _checked_default(self, self.low if default is None else default)

    def suggest(self, trial: Trial, name: str) -> int:
        """Return the value of `name` in an Optuna trial, sampling it if necessary."""
        return trial.suggest_int(name, self.low, self._max_value, step=self.step, log=self.log)

    def grid_values(self) -> list[int]:
        """Return every value in the range that is on a step."""
        return list(range(self.low, self.high + 1, self.step))

    def perturb(self, value: int, generator: np.random.Generator, factor: float = PERTURBATION_FACTOR) -> int:
        """Change `value` by ``value * (factor - 1)`` in a random direction.

        The change is rounded to a multiple of the step and is at least one step. The result is clipped to the range.
        """
        steps = max(1, round(value * (factor - 1) / self.step)) * (1 if generator.integers(2) else -1)
        return int(np.clip(value + steps * self.step, self.low, self._max_value))

    @property
    def _max_value(self) -> int:
        return self.high - (self.high - self.low) % self.step

    def contains(self, value: Any) -> bool:
        """Return whether `value` is an integer in the range and on a step."""
        is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return is_integer and bool(self.low <= value <= self.high and (value - self.low) % self.step == 0)


class Choice(Domain):
    """A choice from a list of values, which can have any type.

    The study stores None, booleans, numbers and strings unchanged. For other values, it stores their `repr`.

    Args:
        values (Iterable): The values, which must be distinct.
        default (Any): Value for a model that is built without a search. Default: None, which means the first value.
        when (dict | None): Condition under which the hyperparameter exists (see `Domain`). Default: None.

    Raises:
        InvalidArgument: If `values` is empty or contains duplicates, or if `default` is not one of the values.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Choice(["relu", "tanh"])
        Choice(values=['relu', 'tanh'], default='relu')

    Source: Optuna `CategoricalDistribution`.
    """

    @validate_params(when=CONDITION)
    def __init__(
        self, values: Iterable[Any], *, default: Any = None, when: Mapping[str, Any] | None = None
    ) -> None:
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise InvalidArgument(f"Choice: expected a list of values, got {values!r}; write [{values!r}]")
        self.values = list(values)
        if not self.values:
            raise InvalidArgument("Choice: the list of values is empty, so there is nothing to choose from")
        if len(set(map(repr, self.values))) < len(self.values):
            raise InvalidArgument(f"Choice: the values must be distinct, got {self.values!r}")
        self._storage_values: list[Any] = []
        for index, value in enumerate(self.values):
            # A study does not distinguish 1, 1.0 and True, so only the first of these in the list is stored unchanged.
            stored_as_is = isinstance(value, _STORABLE) and value not in self._storage_values
            text = value if stored_as_is else strip_addresses(repr(value))
            # If an earlier value has the same repr, as two lambdas can, append this value's index.
            self._storage_values.append(
                f"{text}, number {index}" if not stored_as_is and text in self._storage_values else text
            )
        self.when = normalize_conditions(when)
        self.default = _checked_default(self, self.values[0] if default is None else default)

    def suggest(self, trial: Trial, name: str) -> Any:
        """Return the value of `name` in an Optuna trial, sampling it if necessary."""
        return self.from_storage(trial.suggest_categorical(name, self._storage_values))

    def grid_values(self) -> list[Any]:
        """Return all values."""
        return self.values

    def to_storage(self, value: Any) -> Any:
        """Return `value` if a study can store it, and otherwise a string that identifies it."""
        return self._storage_values[self._index(value)]

    def from_storage(self, stored: Any) -> Any:
        """Return the value that a study stores as `stored`."""
        typed_values = [(type(text), text) for text in self._storage_values]
        if (type(stored), stored) not in typed_values:
            raise InvalidArgument(
                f"the study contains a trial with the value {stored!r}, which is not in {self!r}; if you changed the "
                "space, pass a different name=..., or overwrite=True to start over"
            )
        return self.values[typed_values.index((type(stored), stored))]

    def perturb(self, value: Any, generator: np.random.Generator, factor: float = PERTURBATION_FACTOR) -> Any:
        """Return a random value with a probability of 0.2, and `value` itself otherwise."""
        return self.values[generator.integers(len(self.values))] if generator.random() < 0.2 else value

    def contains(self, value: Any) -> bool:
        """Return whether `value` is one of the choices."""
        return any(_equal(value, known) for known in self.values)

    def _index(self, value: Any) -> int:
        equal_indices = [index for index, known in enumerate(self.values) if _equal(value, known)]
        return next(
            (index for index in equal_indices if type(self.values[index]) is type(value)), equal_indices[0]
        )


class Boolean(Choice):
    """A choice between False and True.

    Args:
        default (bool): Value for a model that is built without a search. Default: False.
        when (dict | None): Condition under which the hyperparameter exists (see `Domain`). Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Boolean().values
        [False, True]
    """

    @validate_params(when=CONDITION)
    def __init__(self, *, default: bool = False, when: Mapping[str, Any] | None = None) -> None:
        super().__init__([False, True], default=default, when=when)


class Fixed(Domain):
    """A constant that is part of a setting but is not searched.

    Args:
        value (Any): The value.
        when (dict | None): Condition under which the hyperparameter exists (see `Domain`). Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Fixed("adam").default
        'adam'
    """

    @validate_params(when=CONDITION)
    def __init__(self, value: Any, *, when: Mapping[str, Any] | None = None) -> None:
        self.value = value
        self.when = normalize_conditions(when)
        self.default = value

    def suggest(self, trial: Trial, name: str) -> Any:
        """Return the constant."""
        return self.value

    def grid_values(self) -> list[Any]:
        """Return a list that contains only the constant."""
        return [self.value]

    def perturb(self, value: Any, generator: np.random.Generator, factor: float = PERTURBATION_FACTOR) -> Any:
        """Return the constant."""
        return self.value

    def contains(self, value: Any) -> bool:
        """Return whether `value` is the constant."""
        return _equal(value, self.value)


def format_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Format a call as code, without memory addresses and without arguments that are None or an empty dict."""
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items() if value not in (None, {}))
    return strip_addresses(f"{name}({shown})")


def _check_range(domain: Domain, low: Any, high: Any, log: bool, step: Any) -> None:
    name = type(domain).__name__
    if low > high:
        raise InvalidArgument(
            f"{name}: there is no value between low={low!r} and high={high!r}; write {name}({high!r}, {low!r})"
        )
    if log and low <= 0:
        raise InvalidArgument(
            f"{name}: with log=True, low must be above 0, got {low!r}; for a penalty that may be 0, add a Boolean "
            "that turns it on, and use when={...} to make its strength depend on that Boolean"
        )
    if log and step is not None and isinstance(domain, Float):
        raise InvalidArgument(f"{name}: log and step={step!r} cannot be combined; remove one of them")


def _checked_default(domain: Domain, default: Any) -> Any:
    if not domain.contains(default):
        raise InvalidArgument(f"{type(domain).__name__}: the default {default!r} is not in the domain")
    return default


def normalize_conditions(when: Mapping[str, Any] | None) -> dict[str, list[Any]]:
    """Convert a condition to a dict that maps each hyperparameter to a list of its allowed values."""
    return {name: allowed_values(values) for name, values in (when or {}).items()}


def allowed_values(values: Any) -> list[Any]:
    """Return the values that a condition allows, as a list."""
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values]


def strip_addresses(text: str) -> str:
    """Remove memory addresses, which differ between processes, from a repr."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _equal(first: Any, second: Any) -> bool:
    # Treat True and 1 as different values, because a choice may contain both.
    return isinstance(first, bool) == isinstance(second, bool) and bool(np.all(first == second))
