"""Schemas that validate JSON and other plain data from files before it is used.

A schema is one of:

- a `LeafSchema`, for a single value;
- a list with one schema, for any number of values that match it;
- a tuple of schemas, for a list with one value for each schema;
- a dict that maps keys to schemas, for a dict with exactly these keys (a key whose schema is an `OptionalKey` may be
  absent);
- a `DictSchema`, for a dict with any keys whose values all match one schema;
- a `NonEmpty`, a `TaggedUnion` or a `UnionSchema`.

`dataclass_schema` derives a schema from a dataclass's type hints, so that the code that writes a file and the code that
reads it always agree.
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

# Maximum size in bytes of a JSON file. The file of a preprocessor with thousands of columns takes a few MB.
LARGEST_JSON = 32 * 2**20


@dataclass(frozen=True)
class LeafSchema:
    """The schema of a single value.

    Attributes:
        description: The expected value in error messages, such as "a string".
        test: A function that returns whether a value matches.
    """

    description: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class DictSchema:
    """The schema of a dict whose keys are strings and whose values all match the schema `of`.

    Attributes:
        of: The schema of the values.
        names: The schema of the keys, or None if any string is allowed.
    """

    of: Any
    names: LeafSchema | None = None


@dataclass(frozen=True)
class UnionSchema:
    """The schema of a value that matches at least one of the schemas in `options`."""

    options: tuple[Any, ...]


@dataclass(frozen=True)
class NonEmpty:
    """The schema of a list or dict that matches the schema `of` and is not empty."""

    of: Any


@dataclass(frozen=True)
class TaggedUnion:
    """The schema of a dict whose value for `key` selects the schema in `schemas` that the dict must match."""

    key: str
    schemas: dict[str, Any]


@dataclass(frozen=True)
class OptionalKey:
    """The schema of a dict value that must match the schema `of` if its key exists. The key may be absent."""

    of: Any


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer with 400 digits is finite but too large for a float.
    return is_plain and abs(value) <= sys.float_info.max


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def integer_schema(low: int, high: int) -> LeafSchema:
    """Return the schema of an integer from `low` to `high`, including both."""
    return LeafSchema(
        f"an integer from {low} to {high}", lambda value: _is_integer(value) and low <= value <= high
    )


def enum_schema(*names: str) -> LeafSchema:
    """Return the schema of a string that is one of `names`."""
    joined = " or ".join(map(repr, names))
    return LeafSchema(joined, lambda value: isinstance(value, str) and value in names)


def array_schema(kinds: str, dimensions: int | None = None) -> LeafSchema:
    """Return the schema of a NumPy array whose ``dtype.kind`` is in `kinds`.

    If `dimensions` is not None, the array must have that number of dimensions.
    """
    shape = "an array" if dimensions is None else f"a {dimensions}-dimensional array"
    types = {"i": "integers", "u": "integers", "f": "floats", "b": "booleans", "V": "floats"}
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
# An epoch or batch number. The maximum is far below the 32-bit limit, so that training can continue from any number.
POSITION = integer_schema(0, 2**30)
# An array with any dtype that JAX supports. NumPy reports the kind of bfloat16 and smaller float types as "V".
ARRAY = array_schema("iufbV")

Positive = Annotated[float, POSITIVE]


def check_schema(value: Any, schema: Any, where: str, place: str = "") -> None:
    """Check that `value`, which was read from a file, matches `schema`.

    Args:
        value: The value to check.
        schema: The schema that `value` must match.
        where: The file name for error messages.
        place: The path of `value` inside the file, or an empty string if `value` is the file's entire content.

    Raises:
        FileError: if `value` does not match. The message describes the first mismatch.
    """
    mismatch = find_mismatch(value, schema, place)
    if mismatch:
        raise FileError(f"{where} is damaged or was not written by fitwell: {mismatch}")


def find_mismatch(value: Any, schema: Any, place: str = "") -> str:
    """Describe where `value` first fails to match `schema`, or return an empty string if it matches.

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
            "" if value else f"{place or 'the content'} is empty"
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
            find_mismatch(key, schema.names, f"the key {short_repr(key)}")
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
        return _mismatch_message(value, f"a list of length {len(schema)}", place)
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
    return "" if unknown is None else f"the key {short_repr(unknown)} is unknown{inside}"


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
    return f"{place or 'the content'} is {short_repr(value)}, expected {description}"


def _join_path(place: str, key: str) -> str:
    name = key if key.isidentifier() else f"[{short_repr(key)}]"
    return f"{place}.{name}" if place and key.isidentifier() else f"{place}{name}"


# --- schemas of dataclasses -----------------------------------------------------------------------------------


def dataclass_schema(cls: type, **others: Any) -> dict[str, Any]:
    """Derive a dict schema from a dataclass's type hints.

    The key of a field that has a default value may be absent. A type hint such as ``Annotated[float, POSITIVE]``
    specifies the schema directly.

    Args:
        cls: The dataclass.
        others: Schemas of additional keys that are not fields.
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
    raise TypeError(f"cannot derive a schema from the type hint {hint!r}")


# --- JSON ---------------------------------------------------------------------------------------------------


def read_json(path: str | os.PathLike[str], largest: int = LARGEST_JSON) -> Any:
    """Read a JSON file and return its content.

    Raises:
        FileError: if the file cannot be read, is not JSON, or is larger than `largest` bytes.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            raise FileError(
                f"{path} has more than {largest:,} bytes, which is too large for this kind of file"
            )
        return json.loads(data.decode("utf-8-sig"))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be read: {os_error_reason(error)}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not valid JSON: {short_repr(str(error), quote=False)}") from None
