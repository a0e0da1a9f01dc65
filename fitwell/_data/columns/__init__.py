"""Column transformers, which are fitted on the training rows.

A fitted transformer lists its feature names (`feature_names`), computes the features of the same column in any table
(`transform`), and returns a description for reports (`describe`). `to_json` and `column_from_json` convert it to JSON
data and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._data.columns.base import Column
from fitwell._data.columns.boolean_column import BooleanColumn
from fitwell._data.columns.date_column import DATE_FORMAT, DateColumn
from fitwell._data.columns.missing_indicator_column import MissingIndicatorColumn
from fitwell._data.columns.number_column import NumberColumn
from fitwell._data.columns.one_hot_column import MAX_CATEGORIES, OneHotColumn
from fitwell._schema import TaggedUnion, dataclass_schema, enum_schema

COLUMN_CLASSES: dict[str, type[Column]] = {
    column.kind: column
    for column in (NumberColumn, BooleanColumn, OneHotColumn, MissingIndicatorColumn, DateColumn)
}


def column_schema() -> TaggedUnion:
    """Return the schema of a column's JSON data."""
    return TaggedUnion(
        "kind",
        {kind: dataclass_schema(made, kind=enum_schema(kind)) for kind, made in COLUMN_CLASSES.items()},
    )


def column_from_json(data: Mapping[str, Any]) -> Column:
    """Create a column from the result of `to_json`, which must match `column_schema`."""
    arguments = dict(data)
    return COLUMN_CLASSES[arguments.pop("kind")](**arguments)


__all__ = [
    "DATE_FORMAT",
    "MAX_CATEGORIES",
    "BooleanColumn",
    "Column",
    "DateColumn",
    "MissingIndicatorColumn",
    "NumberColumn",
    "OneHotColumn",
    "column_from_json",
    "column_schema",
]
