"""The decorator that applies rules to a call, and the one sentence that answers what they do not admit."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from fitwell.arguments.rules import UNFIT, Boolean, Call, FilePath, Integer, Real, Rule, Text
from fitwell.errors import FitwellError, InvalidArgument, UnexpectedArgument, nearest

Function = TypeVar("Function", bound=Callable[..., Any])


def check(where: str, name: str, value: Any, rule: Rule) -> Any:
    """Return `value` as `rule` reads it; `InvalidArgument` says where, the argument, and what was expected."""
    try:
        found = rule.read(value)
    except FitwellError as error:
        raise type(error)(f"{where}: {name}: {error}") from None
    if found is UNFIT:
        raise InvalidArgument(f"{where}: {name} must be {rule.words}, got {shown(value)}{rule.hint(value)}")
    return found


def shown(value: Any) -> str:
    """Return `value` as an error shows it: short, and an array by its shape."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    return _short.repr(value)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


# What an annotation says by itself, where nothing more is said.
_BY_ANNOTATION: dict[str, Rule] = {
    "bool": Boolean(),
    "float": Real(),
    "int": Integer(),
    "str": Text(),
    "str | os.PathLike[str]": FilePath(),
    "Callable[..., Any]": Call(),
}
_BY_ANNOTATION |= {f"{note} | None": rule | None for note, rule in _BY_ANNOTATION.items()}


def checked(*shared: Mapping[str, Rule], **rules: Rule) -> Callable[[Function], Function]:
    """Decorate a function, a method or ``__init__``: what is passed for its parameters follows their rules.

    shared: rules of names that many functions have, for those that this one has.
    rules: of its parameters; without one, ``bool``, ``int``, ``float`` and ``str`` in the signature are rules enough.

    A name that the function does not have raises `UnexpectedArgument`, with the nearest that it has.
    """

    def decorate(function: Function) -> Function:
        code, makes = function.__code__, function.__name__ == "__init__"
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if not set(rules) <= set(names):
            raise TypeError(f"{function.__qualname__} has no parameters {sorted(set(rules) - set(names))}")
        notes = function.__annotations__
        known = {name: _BY_ANNOTATION.get(notes.get(name, "")) for name in names}
        for part in (*shared, rules):
            known.update({name: rule for name, rule in part.items() if name in known})
        places = [(name, known[name]) for name in names[: code.co_argcount]]
        takes_more = bool(code.co_flags & inspect.CO_VARARGS)
        takes_any = bool(code.co_flags & inspect.CO_VARKEYWORDS)

        @functools.wraps(function)
        def checking(*args: Any, **kwargs: Any) -> Any:
            where = type(args[0]).__name__ if makes else function.__name__
            values = [
                value if rule is None else check(where, name, value, rule)
                for (name, rule), value in zip(places, args)
            ]
            if len(args) > len(values):
                if not takes_more:
                    most = len(places) - (places[:1] == [("self", None)])
                    raise UnexpectedArgument(f"{where}: takes at most {most} arguments by position")
                values.extend(args[len(values) :])
            for name, value in kwargs.items():
                rule = known.get(name)
                if rule is not None:
                    kwargs[name] = check(where, name, value, rule)
                elif name not in known and not takes_any:
                    raise UnexpectedArgument(f"{where} has no argument {name!r}{nearest(name, known)}")
            return function(*values, **kwargs)

        checking.rules = known  # type: ignore[attr-defined]
        return checking  # type: ignore[return-value]

    return decorate
