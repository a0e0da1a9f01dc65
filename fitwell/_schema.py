"""Schemas of JSON and other plain data that is read from files, checked before it is used.

A schema is one of:

- `LeafSchema`: a single value;
- a list of one schema: any number of such values;
- a tuple of schemas: one value for each schema;
- a dict of schemas: exactly these keys, where an `OptionalKey` may be absent;
- `DictSchema`: any keys, with values of one schema;
- `NonEmpty`, `TaggedUnion` or `UnionSchema`.

`dataclass_schema` derives a schema from the type hints of a dataclass, so that writer and reader cannot drift apart.
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

from fitwell._escaping import short_repr
from fitwell._file_io import os_error_reason
from fitwell.errors import FileError

__all__ = [
    "ANY",
    "ANY_NUMBER",
    "ARRAY",
    "BOOLEAN",
    "COUNT",
    "DictSchema",
    "LARGEST_JSON",
    "LeafSchema",
    "NULL",
    "NUMBER",
    "NonEmpty",
    "OptionalKey",
    "POSITION",
    "POSITIVE",
    "Positive",
    "STRING",
    "TaggedUnion",
    "UINT32",
    "UnionSchema",
    "array_schema",
    "check_schema",
    "dataclass_schema",
    "enum_schema",
    "find_mismatch",
    "integer_schema",
    "read_json",
]

# Limit for files that are read into memory. A preprocessor of thousands of columns takes a few MB.
LARGEST_JSON = 32 * 2**20


@dataclass(frozen=True)
class LeafSchema:
    """A single value.

    description: the expected value in messages, such as "a string".
    test: returns whether a value matches.
    """

    description: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class DictSchema:
    """A dict with strings as keys and values of one schema `of`.

    names: the schema of the keys, or None if any are allowed.
    """

    of: Any
    names: LeafSchema | None = None


@dataclass(frozen=True)
class UnionSchema:
    """One of several schemas."""

    options: tuple[Any, ...]


@dataclass(frozen=True)
class NonEmpty:
    """A list or `DictSchema` that is not empty."""

    of: Any


@dataclass(frozen=True)
class TaggedUnion:
    """A dict whose entry `key` selects one of the `schemas`."""

    key: str
    schemas: dict[str, Any]


@dataclass(frozen=True)
class OptionalKey:
    """The schema of a key that may be absent."""

    of: Any


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer of 400 digits is finite but does not fit a float.
    return is_plain and abs(value) <= sys.float_info.max


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def integer_schema(low: int, high: int) -> LeafSchema:
    """Return the schema of integers from `low` to `high`, both included."""
    return LeafSchema(
        f"an integer from {low} to {high}", lambda value: _is_integer(value) and low <= value <= high
    )


def enum_schema(*names: str) -> LeafSchema:
    """Return the schema of a string that is one of `names`."""
    joined = " or ".join(map(repr, names))
    return LeafSchema(joined, lambda value: isinstance(value, str) and value in names)


def array_schema(kinds: str, dimensions: int | None = None) -> LeafSchema:
    """Return the schema of a NumPy array whose ``dtype.kind`` is in `kinds`, with `dimensions` axes if given."""
    shape = "an array" if dimensions is None else f"an array of {dimensions} dimensions"
    types = {"i": "integers", "u": "integers", "f": "floats", "b": "truth values", "V": "floats"}
    description = f"{shape} of {' or '.join(dict.fromkeys(types[kind] for kind in kinds))}"

    def test(value: Any) -> bool:
        fits = isinstance(value, np.ndarray) and value.dtype.kind in kinds
        return fits and dimensions in (None, value.ndim)

    return LeafSchema(description, test)


ANY = LeafSchema("anything", lambda value: True)
NULL = LeafSchema("null", lambda value: value is None)
STRING = LeafSchema("a string", lambda value: isinstance(value, str))
BOOLEAN = LeafSchema("true or false", lambda value: isinstance(value, bool))
NUMBER = LeafSchema("a finite number", _is_number)
# A history may contain NaN and infinities.
ANY_NUMBER = LeafSchema(
    "a number", lambda value: _is_number(value) or (isinstance(value, float) and not math.isfinite(value))
)
POSITIVE = LeafSchema("a finite number above 0", lambda value: _is_number(value) and value > 0)
COUNT = integer_schema(0, 2**53)
UINT32 = integer_schema(0, 2**32 - 1)
# The number of an epoch or a batch, far enough below the limit of 32 bits that a run can continue from it.
POSITION = integer_schema(0, 2**30)
# An array of any JAX type. The 16-bit floats have the separate kind "V".
ARRAY = array_schema("iufbV")

Positive = Annotated[float, POSITIVE]


def check_schema(value: Any, schema: Any, where: str, place: str = "") -> None:
    """Raise `FileError` with the first mismatch if `value` does not match `schema`.

    where: the name of the file.
    place: the path of `value` inside it, empty for the whole content.
    """
    mismatch = find_mismatch(value, schema, place)
    if mismatch:
        raise FileError(f"{where} is damaged or was not written by fitwell: {mismatch}")


def find_mismatch(value: Any, schema: Any, place: str = "") -> str:
    """Return the place and the expected value of the first mismatch, or an empty string if `value` matches.

    >>> find_mismatch({"names": ["a", 5]}, {"names": [STRING]})
    'names[1] is 5, expected a string'
    >>> find_mismatch({}, {"names": [STRING]})
    "'names' is missing"
    """
    if isinstance(schema, LeafSchema):
        return "" if schema.test(value) else _mismatch_message(value, schema.description, place)
    if isinstance(schema, UnionSchema):
        return _mismatch_in_union(value, schema, place)
    if isinstance(schema, NonEmpty):
        return find_mismatch(value, schema.of, place) or (
            "" if value else f"{place or 'its content'} is empty"
        )
    if isinstance(schema, list | tuple):
        return _mismatch_in_list(value, schema, place)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return _mismatch_message(value, "a dict with string keys", place)
    if isinstance(schema, TaggedUnion):
        tag = {**dict.fromkeys(value, ANY), schema.key: enum_schema(*schema.schemas)}
        return find_mismatch(value, tag, place) or find_mismatch(
            value, schema.schemas[value[schema.key]], place
        )
    if isinstance(schema, DictSchema):
        names = (
            find_mismatch(key, schema.names, f"the name {short_repr(key)}")
            for key in value
            if schema.names is not None
        )
        values = (find_mismatch(part, schema.of, _join_path(place, key)) for key, part in value.items())
        return next(filter(None, names), "") or next(filter(None, values), "")
    return _mismatch_in_dict(value, schema, place)


def _mismatch_in_list(value: Any, schema: list[Any] | tuple[Any, ...], place: str) -> str:
    if not isinstance(value, list | tuple):
        return _mismatch_message(value, "a list", place)
    if isinstance(schema, tuple) and len(value) != len(schema):
        return _mismatch_message(value, f"a list of {len(schema)}", place)
    schemas = schema if isinstance(schema, tuple) else schema * len(value)
    parts = (
        find_mismatch(part, item_schema, f"{place}[{at}]")
        for at, (part, item_schema) in enumerate(zip(value, schemas))
    )
    return next(filter(None, parts), "")


def _mismatch_in_dict(value: dict[str, Any], schema: dict[str, Any], place: str) -> str:
    inside = f" in {place}" if place else ""
    for key, item_schema in schema.items():
        if key not in value:
            if not isinstance(item_schema, OptionalKey):
                return f"{key!r} is missing{inside}"
            continue
        mismatch = find_mismatch(
            value[key],
            item_schema.of if isinstance(item_schema, OptionalKey) else item_schema,
            _join_path(place, key),
        )
        if mismatch:
            return mismatch
    unknown = next((key for key in value if key not in schema), None)
    return "" if unknown is None else f"{short_repr(unknown)} is unknown{inside}"


def _mismatch_in_union(value: Any, schema: UnionSchema, place: str) -> str:
    mismatches = [find_mismatch(value, option, place) for option in schema.options]
    if "" in mismatches:
        return ""
    deeper = [
        mismatch for mismatch, option in zip(mismatches, schema.options) if not isinstance(option, LeafSchema)
    ]
    if deeper and isinstance(value, dict | list | tuple):
        return deeper[0]
    description = " or ".join(
        option.description for option in schema.options if isinstance(option, LeafSchema)
    )
    return _mismatch_message(value, description, place) if description else mismatches[0]


def _mismatch_message(value: Any, description: str, place: str) -> str:
    return f"{place or 'its content'} is {short_repr(value)}, expected {description}"


def _join_path(place: str, key: str) -> str:
    name = key if key.isidentifier() else f"[{short_repr(key)}]"
    return f"{place}.{name}" if place and key.isidentifier() else f"{place}{name}"


# --- schemas of dataclasses -----------------------------------------------------------------------------------


def dataclass_schema(cls: type, **others: Any) -> dict[str, Any]:
    """Return the dict schema of a dataclass, derived from its type hints. `others`: schemas of additional keys.

    A field with a default may be absent. A hint ``Annotated[float, POSITIVE]`` means the annotated schema.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    schema = dict(others)
    for field in dataclasses.fields(cls):
        if field.init:
            item_schema = _schema_of_hint(hints[field.name])
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            schema[field.name] = item_schema if required else OptionalKey(item_schema)
    return schema


_SCHEMA_OF_TYPE = {str: STRING, bool: BOOLEAN, int: COUNT, float: NUMBER, type(None): NULL, Any: ANY}


def _schema_of_hint(hint: Any) -> Any:
    if hint in _SCHEMA_OF_TYPE:
        return _SCHEMA_OF_TYPE[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return arguments[1]
    if origin in (list, Sequence):
        return [_schema_of_hint(arguments[0])]
    if origin is tuple:
        return (
            [_schema_of_hint(arguments[0])]
            if arguments[1:] == (...,)
            else tuple(map(_schema_of_hint, arguments))
        )
    if origin is dict:
        return DictSchema(_schema_of_hint(arguments[1]))
    if origin in (typing.Union, types.UnionType):
        return UnionSchema(tuple(map(_schema_of_hint, arguments)))
    if origin is typing.Literal:
        return enum_schema(*arguments)
    raise TypeError(f"no schema is known for the type hint {hint!r}")


# --- JSON ---------------------------------------------------------------------------------------------------


def read_json(path: str | os.PathLike[str], largest: int = LARGEST_JSON) -> Any:
    """Return the content of a JSON file. Raises `FileError` if it is not JSON or is larger than `largest` bytes."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            raise FileError(f"{path} has more than {largest:,} bytes, so it is not the expected file")
        return json.loads(data.decode("utf-8-sig"))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be read: {os_error_reason(error)}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not JSON: {short_repr(str(error), quote=False)}") from None
