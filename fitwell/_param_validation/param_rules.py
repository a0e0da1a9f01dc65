"""Rules for arguments: which values are accepted, how they are converted, and how messages describe them."""

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
_LARGEST = sys.float_info.max  # larger integers do not fit a float and are refused, like infinity

# Returned by `Rule.read` for a value that the rule does not accept.
INVALID: Any = type("Invalid", (), {"__repr__": lambda self: "INVALID"})()


class Rule:
    """Base class of rules. Rules are combined with ``|``; ``| None`` accepts None.

    description: the accepted values, as shown in errors.
    raises: whether `read` may raise an error with a more specific message.
    """

    description: str
    raises = False

    def read(self, value: Any) -> Any:
        """Return the converted `value`, or `INVALID`."""
        raise NotImplementedError

    def hint(self, value: Any) -> str:
        """Return a suggestion for an invalid `value`, such as ``", did you mean ...?"``, or an empty string."""
        return ""

    def for_class(self, kind: type) -> Rule:
        """Return the rule for objects of the class `kind`."""
        return self

    def described_as(self, description: str) -> Self:
        """Return a copy of the rule with this description."""
        rule = copy.copy(self)
        rule.description = description
        return rule

    def __or__(self, other: Rule | None) -> Rule:
        return AnyOf(self, other)


class AnyOf(Rule):
    """Any of several rules. The first rule that accepts the value converts it. None stands for the value None."""

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
    """A number between `low` and `high`. It stays an int or a float. NaN is never accepted.

    closed: the ends that belong to the range: ``"both"``, ``"left"``, ``"right"`` or ``"neither"``.
    infinite: whether infinity is accepted at an open end of the range.

    A value that JAX is tracing is accepted, because its number is not known yet.
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
    """An integer from `low` to `high`, both included, of at most 64 bits.

    Converted to int. 3.0 is accepted as 3; True is not accepted as 1.
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
    """True or False. 1 and 0 are accepted too, as in Keras."""

    description = "True or False"

    def read(self, value: Any) -> Any:
        if value is True or value is False:
            return value
        value = to_python_scalar(value)
        return bool(value) if isinstance(value, bool | int) and value in (0, 1) else INVALID


class Options(Rule):
    """One of a few strings, ignoring case. The error suggests the closest."""

    def __init__(self, *choices: str) -> None:
        self.choices = {choice.lower(): choice for choice in choices}
        self.description = _join_with_or([repr(choice) for choice in choices])

    def read(self, value: Any) -> Any:
        return self.choices.get(value.lower(), INVALID) if isinstance(value, str) else INVALID

    def hint(self, value: Any) -> str:
        return did_you_mean(value, self.choices.values()) if isinstance(value, str) else ""


class String(Rule):
    """A string."""

    description = "a string"

    def read(self, value: Any) -> Any:
        return str(value) if isinstance(value, str) else INVALID


class FilePath(Rule):
    """The path of a file or folder: a non-empty string or a path object."""

    description = "a path"

    def read(self, value: Any) -> Any:
        fits = isinstance(value, str | os.PathLike) and os.fspath(value) not in ("", b"")
        return value if fits and isinstance(os.fspath(value), str) else INVALID


class CallableRule(Rule):
    """A callable that is not a class."""

    def __init__(self, description: str = "a function") -> None:
        self.description = description

    def read(self, value: Any) -> Any:
        return value if callable(value) and not inspect.isclass(value) else INVALID


class Instance(Rule):
    """An instance of one of `kinds`."""

    def __init__(self, kinds: type | tuple[type, ...], description: str) -> None:
        self.kinds, self.description = kinds, description

    def read(self, value: Any) -> Any:
        return value if isinstance(value, self.kinds) else INVALID

    def hint(self, value: Any) -> str:
        kinds = self.kinds if isinstance(self.kinds, tuple) else (self.kinds,)
        return " (a class: add parentheses)" if inspect.isclass(value) and issubclass(value, kinds) else ""


class Predicate(Rule):
    """Any value for which `test` returns True."""

    def __init__(self, test: Callable[[Any], bool], description: str) -> None:
        self.test, self.description = test, description

    def read(self, value: Any) -> Any:
        return value if self.test(value) else INVALID


class ListOf(Rule):
    """A list or tuple whose items follow `rule`, converted to a tuple.

    count: the exact number of items, or None if any number is accepted.
    least: the minimum number of items.
    unordered: whether a set is accepted.
    """

    def __init__(self, rule: Rule, count: int | None = None, least: int = 0, unordered: bool = False) -> None:
        self.rule, self.count, self.least = rule, count, least
        self.kinds: Any = (list, tuple, range, *([set, frozenset] if unordered else []))
        number = f"of {count} items" if count is not None else "that is not empty" if least else ""
        self.description = f"a list {number + ', ' if number else 'of items, '}each {rule.description}"

    def read(self, value: Any) -> Any:
        if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, self.kinds):
            return INVALID
        if len(value) < self.least or (self.count is not None and len(value) != self.count):
            return INVALID
        items = tuple([self.rule.read(item) for item in value])
        for item in items:  # `any` with a generator would take longer than the rules themselves
            if item is INVALID:
                return INVALID
        return items

    def hint(self, value: Any) -> str:
        if not isinstance(value, list | tuple):
            return ""
        return next((hint for item in value if (hint := self.rule.hint(item))), "")


class DictOf(Rule):
    """A dict whose keys and values follow rules."""

    def __init__(self, keys: Rule, values: Rule) -> None:
        self.keys, self.values = keys, values
        self.description = f"a dict, each key {keys.description}, each value {values.description}"

    def read(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return INVALID
        found = {self.keys.read(key): self.values.read(item) for key, item in value.items()}
        return INVALID if INVALID in found or any(item is INVALID for item in found.values()) else found


class SizeTuple(Rule):
    """One integer for all of `rank` axes, or one for each axis. Converted to a tuple of `rank` integers."""

    def __init__(self, rank: int, low: float = 1) -> None:
        self.rank = rank
        self.one = Integer(low)
        self.each = ListOf(self.one, rank)
        self.description = f"{self.one.description}, or a list of {rank} of them"

    def read(self, value: Any) -> Any:
        one = self.one.read(value)
        return self.each.read(value) if one is INVALID else (one,) * self.rank


class NumericArray(Rule):
    """A number, or an array or list of numbers. All must be finite unless `finite` is False."""

    def __init__(self, finite: bool = True) -> None:
        self.finite = finite
        self.description = "a finite number, or an array of them" if finite else "an array of numbers"

    def read(self, value: Any) -> Any:
        number = to_python_scalar(value)
        if type(number) in (int, float):
            return number if not self.finite or -_LARGEST <= number <= _LARGEST else INVALID
        if is_traced(number):
            return number
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):  # for example lists of different lengths
            return INVALID
        fits = array.size > 0 and array.dtype.kind in "fiu"
        return value if fits and (not self.finite or bool(np.isfinite(array).all())) else INVALID


class ByClass(Rule):
    """A rule that depends on the class of the object, for example on its number of axes."""

    description = "a value for its class"

    def __init__(self, rule: Callable[[Any], Rule]) -> None:
        self.rule = rule

    def for_class(self, kind: type) -> Rule:
        return self.rule(kind)


class DType(Rule):
    """A dtype that JAX knows, or its name."""

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
    """An identifier that `get` turns into an object: a name, a class, an object or a configuration.

    The errors of `get` are passed on.

    optional: whether None is accepted.
    """

    description = "a name, an object or a configuration"
    raises = True

    def __init__(self, get: Callable[[Any], Any], optional: bool = True) -> None:
        self.get, self.optional = get, optional

    def read(self, value: Any) -> Any:
        return INVALID if value is None and not self.optional else self.get(value)


def to_python_scalar(value: Any) -> Any:
    """Convert a NumPy or JAX scalar or 0-d array to a Python number or bool. Other values are returned unchanged."""
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
    # bfloat16 is not a NumPy type, so its kind is that of a void.
    return float(number) if number.dtype.kind == "f" or number.dtype.name == "bfloat16" else value


def is_traced(value: Any) -> bool:
    """Return whether `value` is a tracer of a scalar."""
    from jax.core import Tracer  # imported here because `config` needs this module before JAX may be imported

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
