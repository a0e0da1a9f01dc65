"""Functions that check and convert arguments, and a decorator that does so for all of a function's arguments."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, TypeVar

import numpy as np

from fitwell._escaping import short_repr
from fitwell._param_validation.param_rules import (
    INVALID,
    Boolean,
    CallableRule,
    FilePath,
    Integer,
    Real,
    Rule,
    String,
)
from fitwell.errors import FitwellError, InvalidArgument, UnexpectedArgument, did_you_mean

__all__ = [
    "FunctionT",
    "find_param_error",
    "format_value",
    "validate_param",
    "validate_params",
]

# Maximum length of the value in an error message. `short_repr` truncates a list to six items and a string to 80
# characters, so a list of six strings fits.
_MAX_VALUE_LENGTH = 600

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def validate_param(where: str, name: str, value: Any, rule: Rule) -> Any:
    """Check and convert an argument.

    Args:
        where: The name of the function or class, for error messages.
        name: The argument's name.
        value: The argument's value.
        rule: The rule to apply.

    Returns:
        The converted value.

    Raises:
        InvalidArgument: If the rule does not accept the value. The message describes the accepted values.
    """
    try:
        converted = rule.read(value)
    except FitwellError as error:
        raise type(error)(f"{where}: {name}: {error}") from None
    if converted is INVALID:
        raise InvalidArgument(
            f"{where}: {name} must be {rule.description}, got {format_value(value)}{rule.hint(value)}"
        )
    return converted


def find_param_error(name: str, value: Any, rule: Rule) -> str | None:
    """Return the error message for an invalid value, or None if the value is valid.

    Callers use it to report multiple errors together.
    """
    try:
        validate_param("", name, value, rule)
    except FitwellError as error:
        return str(error).removeprefix(": ")
    return None


def format_value(value: Any) -> str:
    """Return a short representation of `value` for an error message. Arrays are represented by their shape."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    return short_repr(value, _MAX_VALUE_LENGTH)


# A parameter without an explicit rule gets the rule for its annotation.
_BY_ANNOTATION: dict[str, Rule] = {
    "bool": Boolean(),
    "float": Real(),
    "int": Integer(),
    "str": String(),
    "str | os.PathLike[str]": FilePath(),
    "PathType": FilePath(),
    "Callable[..., Any]": CallableRule(),
    "Function": CallableRule(),
}
_BY_ANNOTATION |= {f"{note} | None": rule | None for note, rule in _BY_ANNOTATION.items()}


def validate_params(*shared: Mapping[str, Rule], **rules: Rule) -> Callable[[FunctionT], FunctionT]:
    """Create a decorator that checks and converts the arguments of a function, a method or ``__init__``.

    An unknown keyword argument raises `UnexpectedArgument`. The message suggests the closest parameter name.

    Args:
        shared: Rules for parameters that many functions share. Rules for parameters that this function does not have
            are ignored.
        rules: Rules for this function's parameters. If a parameter has no rule and is annotated as ``bool``, ``int``,
            ``float``, ``str``, a path or a callable, the rule for its annotation applies.
    """

    def decorate(function: FunctionT) -> FunctionT:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if not set(rules) <= set(names):
            raise TypeError(
                f"{function.__qualname__} does not have the parameters {sorted(set(rules) - set(names))}"
            )
        notes = function.__annotations__
        known = {name: _BY_ANNOTATION.get(notes.get(name, "")) for name in names}
        for part in (*shared, rules):
            known.update({name: rule for name, rule in part.items() if name in known})
        wrapper = (_wrap_init if function.__name__ == "__init__" else _wrap_function)(function, known)
        wrapper.rules = known
        return wrapper

    return decorate


def _wrap_function(function: Any, known: dict[str, Rule | None]) -> Any:
    """Wrap `function` so that its arguments are checked."""
    table = _SignatureRules(function.__name__, known, function.__code__)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*table.read(args, kwargs), **kwargs)

    return wrapper


def _wrap_init(function: Any, known: dict[str, Rule | None]) -> Any:
    """Wrap ``__init__`` so that its arguments are checked.

    A check is skipped if a subclass's ``__init__`` has already performed it. Error messages begin with the name of the
    object's class. If users can create the object only through a public function, the messages begin with the
    class's `public_name` instead.
    """
    tables: dict[type, _SignatureRules] = {}

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        kind = type(args[0])
        table = tables.get(kind)
        if table is None:
            first: Any = kind.__init__
            done = {} if first is wrapper else getattr(first, "rules", {})
            rest = {
                name: None if rule is None or _is_implied(done.get(name), rule) else rule.for_class(kind)
                for name, rule in known.items()
            }
            table = tables[kind] = _SignatureRules(
                getattr(kind, "public_name", kind.__name__), rest, function.__code__
            )
        function(*table.read(args, kwargs), **kwargs)

    return wrapper


def _is_implied(done: Rule | None, rule: Rule) -> bool:
    """Return whether `rule` can be skipped because the value has already passed the rule `done`.

    This is the case if both are the same rule, or if `done` was declared explicitly rather than implied by an
    annotation.
    """
    return done is rule or (done is not None and all(done is not note for note in _BY_ANNOTATION.values()))


class _SignatureRules:
    """The rules for one signature, prepared so that applying them to every call is fast."""

    # Without a __dict__, comparing models does not traverse the rules. Otherwise, it would take 25 % longer.
    __slots__ = ("accepts_kwargs", "by_position", "known", "max_positional", "readers", "where")

    def __init__(self, where: str, known: dict[str, Rule | None], code: CodeType) -> None:
        self.where, self.known = where, known
        self.readers = {
            name: _make_reader(where, name, rule) for name, rule in known.items() if rule is not None
        }
        places = list(known)[: code.co_argcount]
        self.by_position = [(position, name) for position, name in enumerate(places) if name in self.readers]
        self.max_positional = sys.maxsize if code.co_flags & inspect.CO_VARARGS else len(places)
        self.accepts_kwargs = bool(code.co_flags & inspect.CO_VARKEYWORDS)

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Return the converted `args`, and convert `kwargs` in place."""
        readers, count = self.readers, len(args)
        for position, name in self.by_position:
            if position >= count:
                break
            value = args[position]
            converted = readers[name](value)
            if converted is not value:
                args = (*args[:position], self._accepted(name, value, converted), *args[position + 1 :])
        if count > self.max_positional:
            max_positional = self.max_positional - (next(iter(self.known), "") == "self")
            raise UnexpectedArgument(
                f"{self.where} takes at most {max_positional} positional argument{'' if max_positional == 1 else 's'}"
            )
        for name, value in kwargs.items():
            if name in readers:
                converted = readers[name](value)
                if converted is not value:
                    kwargs[name] = self._accepted(name, value, converted)
            elif not self.accepts_kwargs and name not in self.known:
                raise UnexpectedArgument(
                    f"{self.where} has no argument {name!r}{did_you_mean(name, self.known)}"
                )
        return args

    def _accepted(self, name: str, value: Any, converted: Any) -> Any:
        rule = self.known[name]
        return (
            validate_param(self.where, name, value, rule)
            if converted is INVALID and rule is not None
            else converted
        )


def _make_reader(where: str, name: str, rule: Rule) -> Callable[[Any], Any]:
    """Return a function that converts one argument and adds the argument's name to errors that the rule raises."""
    return (lambda value: validate_param(where, name, value, rule)) if rule.raises else rule.read
