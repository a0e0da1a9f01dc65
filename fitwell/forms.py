"""The form of what is read from a file: described as plain data, and compared before anything is made of it.

A form is a `Kind` (what a single value must be), a list of one form (any number of such values), a tuple of forms
(so many values, each of its own), a dict of forms (exactly these keys; a key of `Maybe` may be absent), `Table`
(any names, values alike), `Some` (not empty), `Tagged` or `Either`. `of_class` takes the form of a dataclass from
its type hints, so that what is written and what is accepted cannot drift apart.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from fitwell.errors import FileError
from fitwell.printable import shortened

# What is read whole into memory: numbers and names of a preparation with thousands of columns are a few MB.
LARGEST_JSON = 32 * 2**20


@dataclass(frozen=True)
class Kind:
    """What a single value must be. words: for people, "a text". test: whether a value is one."""

    words: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class Table:
    """A dict with texts as keys, whose values all have one form. names: what a key must be."""

    of: Any
    names: Kind | None = None


@dataclass(frozen=True)
class Either:
    """One of several forms."""

    options: tuple[Any, ...]


@dataclass(frozen=True)
class Some:
    """A list or `Table` that is not empty."""

    of: Any


@dataclass(frozen=True)
class Tagged:
    """A dict whose entry `key` says which of the `forms` it has."""

    key: str
    forms: dict[str, Any]


@dataclass(frozen=True)
class Maybe:
    """The form of a key that may be absent."""

    of: Any


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer of 400 digits is finite, and no float.
    return is_plain and abs(value) <= sys.float_info.max


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def integer(low: int, high: int) -> Kind:
    """Return the kind of integers from `low` to `high`, both included."""
    return Kind(f"an integer from {low} to {high}", lambda value: _is_integer(value) and low <= value <= high)


def one_of(*names: str) -> Kind:
    """Return the kind of a few texts."""
    listed = " or ".join(map(repr, names))
    return Kind(listed, lambda value: isinstance(value, str) and value in names)


def array(kinds: str, dimensions: int | None = None) -> Kind:
    """Return the kind of NumPy's arrays whose ``dtype.kind`` is one of `kinds`, of so many `dimensions` if given."""
    shape = "an array" if dimensions is None else f"an array of {dimensions} dimensions"
    types = {"i": "integers", "u": "integers", "f": "floats", "b": "truth values", "V": "floats"}
    words = f"{shape} of {' or '.join(dict.fromkeys(types[kind] for kind in kinds))}"

    def test(value: Any) -> bool:
        fits = isinstance(value, np.ndarray) and value.dtype.kind in kinds
        return fits and dimensions in (None, value.ndim)

    return Kind(words, test)


ANYTHING = Kind("anything", lambda value: True)
NOTHING = Kind("null", lambda value: value is None)
TEXT = Kind("a text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
NUMBER = Kind("a finite number", _is_number)
# NaN and infinities are what a history may hold.
ANY_NUMBER = Kind(
    "a number", lambda value: _is_number(value) or (isinstance(value, float) and not math.isfinite(value))
)
POSITIVE = Kind("a finite number above 0", lambda value: _is_number(value) and value > 0)
COUNT = integer(0, 2**53)
UINT32 = integer(0, 2**32 - 1)
# An epoch or a batch: so far below the end of 32 bits that a run can go on from it.
POSITION = integer(0, 2**30)
# Of any type that JAX has: its 16-bit floats have a kind of their own.
ARRAY = array("iufbV")

Positive = Annotated[float, POSITIVE]


def check(value: Any, form: Any, where: str, place: str = "") -> None:
    """Raise `FileError`, naming the first place at which `value` does not have the `form`.

    where: the file. place: of `value` in it, empty for all that it holds.
    """
    wrong = misfit(value, form, place)
    if wrong:
        raise FileError(f"{where} is damaged, or was made by something else: {wrong}")


def misfit(value: Any, form: Any, place: str = "") -> str:
    """Return where `value` does not have the `form` and what it should be; empty when it has it.

    >>> misfit({"names": ["a", 5]}, {"names": [TEXT]})
    'names[1] is 5, expected a text'
    >>> misfit({}, {"names": [TEXT]})
    "'names' is missing"
    """
    if isinstance(form, Kind):
        return "" if form.test(value) else _told(value, form.words, place)
    if isinstance(form, Either):
        return _misfit_of_all(value, form, place)
    if isinstance(form, Some):
        return misfit(value, form.of, place) or ("" if value else f"{place or 'its content'} is empty")
    if isinstance(form, list | tuple):
        return _misfit_of_parts(value, form, place)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return _told(value, "a table of names and values", place)
    if isinstance(form, Tagged):
        tag = {**dict.fromkeys(value, ANYTHING), form.key: one_of(*form.forms)}
        return misfit(value, tag, place) or misfit(value, form.forms[value[form.key]], place)
    if isinstance(form, Table):
        names = (misfit(key, form.names, f"the name {_key(key)}") for key in value if form.names is not None)
        values = (misfit(part, form.of, _inside(place, key)) for key, part in value.items())
        return next(filter(None, names), "") or next(filter(None, values), "")
    return _misfit_of_keys(value, form, place)


def _misfit_of_parts(value: Any, form: list[Any] | tuple[Any, ...], place: str) -> str:
    if not isinstance(value, list | tuple):
        return _told(value, "a list", place)
    if isinstance(form, tuple) and len(value) != len(form):
        return _told(value, f"a list of {len(form)}", place)
    forms = form if isinstance(form, tuple) else form * len(value)
    parts = (misfit(part, its, f"{place}[{at}]") for at, (part, its) in enumerate(zip(value, forms)))
    return next(filter(None, parts), "")


def _misfit_of_keys(value: dict[str, Any], form: dict[str, Any], place: str) -> str:
    inside = f" in {place}" if place else ""
    for key, its in form.items():
        if key not in value:
            if not isinstance(its, Maybe):
                return f"{key!r} is missing{inside}"
            continue
        wrong = misfit(value[key], its.of if isinstance(its, Maybe) else its, _inside(place, key))
        if wrong:
            return wrong
    unknown = next((key for key in value if key not in form), None)
    return "" if unknown is None else f"{_key(unknown)} is unknown{inside}"


def _misfit_of_all(value: Any, form: Either, place: str) -> str:
    wrongs = [misfit(value, option, place) for option in form.options]
    if "" in wrongs:
        return ""
    deeper = [wrong for wrong, option in zip(wrongs, form.options) if not isinstance(option, Kind)]
    if deeper and isinstance(value, dict | list | tuple):
        return deeper[0]
    words = " or ".join(option.words for option in form.options if isinstance(option, Kind))
    return _told(value, words, place) if words else wrongs[0]


def _told(value: Any, words: str, place: str) -> str:
    return f"{place or 'its content'} is {shortened(value)}, expected {words}"


def _inside(place: str, key: str) -> str:
    name = key if key.isidentifier() else f"[{_key(key)}]"
    return f"{place}.{name}" if place and key.isidentifier() else f"{place}{name}"


def _key(key: str) -> str:
    return shortened(key)


# --- forms of dataclasses -----------------------------------------------------------------------------------


def of_class(made: type, **others: Any) -> dict[str, Any]:
    """Return the form of a dataclass's fields as a dict, taken from its type hints; `others`: keys beside them.

    A field with a default may be absent. A hint ``Annotated[float, POSITIVE]`` is the kind it names.
    """
    hints = typing.get_type_hints(made, include_extras=True)
    form = dict(others)
    for field in dataclasses.fields(made):
        if field.init:
            its = _of_hint(hints[field.name])
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            form[field.name] = its if needed else Maybe(its)
    return form


_OF_TYPES = {str: TEXT, bool: FLAG, int: COUNT, float: NUMBER, type(None): NOTHING, Any: ANYTHING}


def _of_hint(hint: Any) -> Any:
    if hint in _OF_TYPES:
        return _OF_TYPES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return arguments[1]
    if origin in (list, Sequence):
        return [_of_hint(arguments[0])]
    if origin is tuple:
        return [_of_hint(arguments[0])] if arguments[1:] == (...,) else tuple(map(_of_hint, arguments))
    if origin is dict:
        return Table(_of_hint(arguments[1]))
    if origin in (typing.Union, types.UnionType):
        return Either(tuple(map(_of_hint, arguments)))
    if origin is typing.Literal:
        return one_of(*arguments)
    raise TypeError(f"no form is known for the type hint {hint!r}")


# --- JSON ---------------------------------------------------------------------------------------------------


def read_json(path: str | os.PathLike[str], largest: int = LARGEST_JSON) -> Any:
    """Return what a JSON file holds; raises `FileError` for anything else, or one of more than `largest` bytes."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            raise FileError(f"{path} has more than {largest:,} bytes: it is another file than it should be")
        return json.loads(data.decode("utf-8-sig"))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not JSON: {shortened(str(error), quote=False)}") from None
