"""The decorator that applies rules to the arguments of a call, and the error messages."""

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

# The value in a message: a list of six strings of 80 characters, all that `short_repr` shows of one, fits.
_MAX_VALUE_LENGTH = 600

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def validate_param(where: str, name: str, value: Any, rule: Rule) -> Any:
    """Return `value` as converted by `rule`.

    Raises `InvalidArgument`, which names the call `where`, the argument `name` and the expected value.
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
    """Return the error message for `value`, or None if it is valid. Used where several errors are collected."""
    try:
        validate_param("", name, value, rule)
    except FitwellError as error:
        return str(error).removeprefix(": ")
    return None


def format_value(value: Any) -> str:
    """Return a short representation of `value` for an error message. An array is shown by its shape."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    return short_repr(value, _MAX_VALUE_LENGTH)


# The rules that annotations imply for parameters without an explicit rule.
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
    """Decorate a function, a method or ``__init__`` so that its arguments are checked and converted by rules.

    An unknown keyword argument raises `UnexpectedArgument`, which suggests the closest parameter name.

    Args:
        shared: Rules for parameter names that many functions share. Names that this function lacks are ignored.
        rules: Rules for the parameters of this function. Parameters without a rule that are annotated as ``bool``,
            ``int``, ``float`` or ``str`` follow the annotation.
    """

    def decorate(function: FunctionT) -> FunctionT:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if not set(rules) <= set(names):
            raise TypeError(f"{function.__qualname__} has no parameters {sorted(set(rules) - set(names))}")
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
    """Return an ``__init__`` with checks, leaving out those that the ``__init__`` of a subclass already made.

    Errors name the class of the object, or its `public_name` for a class that only a public function creates.
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
    """Return whether a value accepted by `done` need not be checked by `rule`: `done` is an explicit rule."""
    return done is rule or (done is not None and all(done is not note for note in _BY_ANNOTATION.values()))


class _SignatureRules:
    """The rules of one signature, prepared so that applying them at every call is cheap."""

    # Without a __dict__, the comparison of models does not walk through the rules: that would take 25 % longer.
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
            raise UnexpectedArgument(f"{self.where}: takes at most {max_positional} arguments by position")
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
    """Return the function that converts one argument. Errors raised by the rule get the name of the argument."""
    return (lambda value: validate_param(where, name, value, rule)) if rule.raises else rule.read
