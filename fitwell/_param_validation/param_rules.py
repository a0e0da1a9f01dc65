"""Rules that define which argument values are accepted, how they are converted, and how messages describe them."""

from __future__ import annotations

import copy
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Self

import numpy as np

from fitwell.errors import did_you_mean

__all__ = [
    "AnyOf",
    "Boolean",
    "ByClass",
    "CallableRule",
    "DType",
    "DictOf",
    "FilePath",
    "INVALID",
    "Identifier",
    "Instance",
    "Integer",
    "ListOf",
    "NumericArray",
    "Options",
    "Predicate",
    "Real",
    "Rule",
    "SizeTuple",
    "String",
    "is_traced",
    "to_python_scalar",
]

_MOST = 2**63 - 1
_LARGEST = sys.float_info.max  # larger integers do not fit in a float, so they are rejected like infinity

# Returned by `Rule.read` for a value that the rule does not accept.
INVALID: Any = type("Invalid", (), {"__repr__": lambda self: "INVALID"})()


class Rule:
    """The base class for rules.

    ``rule | other`` accepts the values that either rule accepts, and ``rule | None`` also accepts None.

    Attributes:
        description: A description of the accepted values for error messages.
        raises: Whether `read` may raise an error itself instead of returning `INVALID`.
    """

    description: str
    raises = False

    def read(self, value: Any) -> Any:
        """Convert `value`. Return `INVALID` if the rule does not accept it."""
        raise NotImplementedError

    def hint(self, value: Any) -> str:
        """Return a suggestion for an invalid value, such as ``". Did you mean ...?"``, or ``""`` if there is none."""
        return ""

    def for_class(self, kind: type) -> Rule:
        """Return the rule that applies to instances of the class `kind`."""
        return self

    def described_as(self, description: str) -> Self:
        """Return a copy of the rule with a different description."""
        rule = copy.copy(self)
        rule.description = description
        return rule

    def __or__(self, other: Rule | None) -> Rule:
        return AnyOf(self, other)


class AnyOf(Rule):
    """A rule that accepts any value that at least one of the given rules accepts.

    The first rule that accepts the value converts it. If None is among the rules, the value None is accepted.
    """

    def __init__(self, *rules: Rule | None) -> None:
        self.rules = [rule for rule in rules if rule is not None]
        self.optional = None in rules
        self.raises = any(rule.raises for rule in self.rules)
        self.description = _join_with_or(
            [*(rule.description for rule in self.rules), *(["None"] if self.optional else [])]
        )

    def read(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        for rule in self.rules:
            found = rule.read(value)
            if found is not INVALID:
                return found
        return INVALID

    def hint(self, value: Any) -> str:
        return next((hint for rule in self.rules if (hint := rule.hint(value))), "")


class Real(Rule):
    """A rule for numbers in a range. The value is converted to a Python int or float.

    NaN is never accepted. A scalar that JAX is tracing is accepted, because its value is not known yet.

    Args:
        low: The range's lower end.
        high: The range's upper end.
        closed: Which ends belong to the range: ``"both"``, ``"left"``, ``"right"`` or ``"neither"``.
        infinite: Whether infinity is accepted if it is in the range.
    """

    def __init__(
        self,
        low: float = -math.inf,
        high: float = math.inf,
        closed: str = "both",
        infinite: bool = False,
    ) -> None:
        self.low, self.high = low, high
        self.with_low, self.with_high = closed in ("both", "left"), closed in ("both", "right")
        self.infinite = infinite
        open_ended = not infinite and not (math.isfinite(low) and math.isfinite(high))
        self.description = ("a finite number" if open_ended else "a number") + _describe_range(self)

    def read(self, value: Any) -> Any:
        if type(value) is not float and type(value) is not int:
            value = to_python_scalar(value)
            if type(value) is not float and type(value) is not int:
                return value if is_traced(value) else INVALID
        inside = (self.low <= value if self.with_low else self.low < value) and (
            value <= self.high if self.with_high else value < self.high
        )
        fits = -_LARGEST <= value <= _LARGEST or (self.infinite and type(value) is float)
        return value if inside and fits else INVALID


class Integer(Rule):
    """A rule for 64-bit integers from `low` to `high`, including both ends.

    The value is converted to int. 3.0 is accepted and becomes 3, but True is not accepted as 1.
    """

    with_low = with_high = True

    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        self.low, self.high = low, high
        self.description = "an integer" + _describe_range(self)

    def read(self, value: Any) -> Any:
        if type(value) is not int:
            value = to_python_scalar(value)
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is not int:
                return INVALID
        return value if self.low <= value <= self.high and -_MOST <= value <= _MOST else INVALID


class Boolean(Rule):
    """A rule for booleans. As in Keras, 1 and 0 are also accepted."""

    description = "True or False"

    def read(self, value: Any) -> Any:
        if value is True or value is False:
            return value
        value = to_python_scalar(value)
        return bool(value) if isinstance(value, bool | int) and value in (0, 1) else INVALID


class Options(Rule):
    """A rule for a fixed set of strings. Case is ignored, and the error message suggests the closest string."""

    def __init__(self, *choices: str) -> None:
        self.choices = {choice.lower(): choice for choice in choices}
        self.description = _join_with_or([repr(choice) for choice in choices])

    def read(self, value: Any) -> Any:
        return self.choices.get(value.lower(), INVALID) if isinstance(value, str) else INVALID

    def hint(self, value: Any) -> str:
        return did_you_mean(value, self.choices.values()) if isinstance(value, str) else ""


class String(Rule):
    """A rule for strings."""

    description = "a string"

    def read(self, value: Any) -> Any:
        return str(value) if isinstance(value, str) else INVALID


class FilePath(Rule):
    """A rule for file and folder paths, which are nonempty strings or path objects."""

    description = "a path"

    def read(self, value: Any) -> Any:
        fits = isinstance(value, str | os.PathLike) and os.fspath(value) not in ("", b"")
        return value if fits and isinstance(os.fspath(value), str) else INVALID


class CallableRule(Rule):
    """A rule for callables that are not classes."""

    def __init__(self, description: str = "a function") -> None:
        self.description = description

    def read(self, value: Any) -> Any:
        return value if callable(value) and not inspect.isclass(value) else INVALID


class Instance(Rule):
    """A rule that accepts instances of the given classes."""

    def __init__(self, kinds: type | tuple[type, ...], description: str) -> None:
        self.kinds, self.description = kinds, description

    def read(self, value: Any) -> Any:
        return value if isinstance(value, self.kinds) else INVALID

    def hint(self, value: Any) -> str:
        kinds = self.kinds if isinstance(self.kinds, tuple) else (self.kinds,)
        return (
            " (a class; add parentheses to create an instance)"
            if inspect.isclass(value) and issubclass(value, kinds)
            else ""
        )


class Predicate(Rule):
    """A rule that accepts any value for which `test` returns True."""

    def __init__(self, test: Callable[[Any], bool], description: str) -> None:
        self.test, self.description = test, description

    def read(self, value: Any) -> Any:
        return value if self.test(value) else INVALID


class ListOf(Rule):
    """A rule for lists, tuples, ranges and one-dimensional arrays, which are converted to tuples.

    Every item must follow the same rule.

    Args:
        rule: The rule for each item.
        count: The required number of items, or None to accept any number.
        least: The minimum number of items.
        unordered: Whether sets are also accepted.
    """

    def __init__(self, rule: Rule, count: int | None = None, least: int = 0, unordered: bool = False) -> None:
        self.rule, self.count, self.least = rule, count, least
        self.kinds: Any = (list, tuple, range, *([set, frozenset] if unordered else []))
        number = f"of {count} items" if count is not None else "of one or more items" if least else ""
        self.description = f"a list {number + ', ' if number else 'of items, '}each {rule.description}"

    def read(self, value: Any) -> Any:
        if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, self.kinds):
            return INVALID
        if len(value) < self.least or (self.count is not None and len(value) != self.count):
            return INVALID
        items = tuple([self.rule.read(item) for item in value])
        for item in items:  # `any` with a generator would take longer than applying the rules
            if item is INVALID:
                return INVALID
        return items

    def hint(self, value: Any) -> str:
        if not isinstance(value, list | tuple):
            return ""
        return next((hint for item in value if (hint := self.rule.hint(item))), "")


class DictOf(Rule):
    """A rule for dicts. All keys follow one rule, and all values follow another."""

    def __init__(self, keys: Rule, values: Rule) -> None:
        self.keys, self.values = keys, values
        self.description = (
            f"a dict in which each key is {keys.description} and each value is {values.description}"
        )

    def read(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return INVALID
        found = {self.keys.read(key): self.values.read(item) for key, item in value.items()}
        return INVALID if INVALID in found or any(item is INVALID for item in found.values()) else found


class SizeTuple(Rule):
    """A rule for one integer that applies to all axes, or one integer per axis.

    The value is converted to a tuple of `rank` integers.
    """

    def __init__(self, rank: int, low: float = 1) -> None:
        self.rank = rank
        self.one = Integer(low)
        self.each = ListOf(self.one, rank)
        self.description = f"{self.one.description}, or a list of {rank} such integers"

    def read(self, value: Any) -> Any:
        one = self.one.read(value)
        return self.each.read(value) if one is INVALID else (one,) * self.rank


class NumericArray(Rule):
    """A rule for numbers, and for arrays and lists of numbers. If `finite` is True, all numbers must be finite."""

    def __init__(self, finite: bool = True) -> None:
        self.finite = finite
        self.description = (
            "a finite number or an array of finite numbers" if finite else "a number or an array of numbers"
        )

    def read(self, value: Any) -> Any:
        number = to_python_scalar(value)
        if type(number) in (int, float):
            return number if not self.finite or -_LARGEST <= number <= _LARGEST else INVALID
        if is_traced(number):
            return number
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):  # for example, if the rows have different lengths
            return INVALID
        fits = array.size > 0 and array.dtype.kind in "fiu"
        return value if fits and (not self.finite or bool(np.isfinite(array).all())) else INVALID


class ByClass(Rule):
    """A rule that depends on the object's class, for example on the number of axes that the class supports."""

    description = "a valid value for the class"

    def __init__(self, rule: Callable[[Any], Rule]) -> None:
        self.rule = rule

    def for_class(self, kind: type) -> Rule:
        return self.rule(kind)


class DType(Rule):
    """A rule for dtypes that JAX supports, and for their names."""

    description = "a dtype such as 'float32'"

    def read(self, value: Any) -> Any:
        import jax.numpy as jnp

        if not isinstance(value, str | type | np.dtype):
            return INVALID
        try:
            jnp.dtype(value)
        except TypeError:
            return INVALID
        return value


class Identifier(Rule):
    """A rule for names, classes, objects and configurations, which `get` converts to an object.

    Errors that `get` raises are passed on to the caller.

    Args:
        get: The function that converts the value.
        optional: Whether None is passed to `get`. Otherwise, None is rejected.
    """

    description = "a name, an object or a configuration"
    raises = True

    def __init__(self, get: Callable[[Any], Any], optional: bool = True) -> None:
        self.get, self.optional = get, optional

    def read(self, value: Any) -> Any:
        return INVALID if value is None and not self.optional else self.get(value)


def to_python_scalar(value: Any) -> Any:
    """Convert a NumPy or JAX scalar, or a fraction, to a Python number or bool. Other values remain unchanged."""
    if value is None or isinstance(value, bool | str | tuple | list):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Fraction):
        return float(value)
    if getattr(value, "shape", None) != () or not hasattr(value, "dtype") or is_traced(value):
        return value
    number = np.asarray(value)
    if number.dtype.kind in "biu":
        return number.item()
    # bfloat16 is not a built-in NumPy dtype, so its kind is not "f".
    return float(number) if number.dtype.kind == "f" or number.dtype.name == "bfloat16" else value


def is_traced(value: Any) -> bool:
    """Return whether `value` is a JAX tracer with a scalar value."""
    from jax.core import Tracer  # imported here because `config` uses this module before JAX may be imported

    return isinstance(value, Tracer) and value.shape == ()


def _describe_range(rule: Real | Integer) -> str:
    low, high = rule.low, rule.high
    if rule.with_low and rule.with_high and math.isfinite(low) and math.isfinite(high):
        return f" from {low:g} to {high:g}"
    ends = []
    if math.isfinite(low):
        ends.append(f"at least {low:g}" if rule.with_low else f"above {low:g}")
    if math.isfinite(high):
        ends.append(f"at most {high:g}" if rule.with_high else f"below {high:g}")
    text = " and ".join(ends)
    return f" of {text}" if text.startswith("at ") else f" {text}" if text else ""


def _join_with_or(description: Iterable[str]) -> str:
    *first, last = description
    return f"{', '.join(first)} or {last}" if first else last
