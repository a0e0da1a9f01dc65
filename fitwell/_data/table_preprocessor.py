"""Preprocessor for tables. It converts columns of mixed types to network inputs and describes the conversion.

A fitted preprocessor is saved as JSON data, which contains no code. A loaded preprocessor returns the same arrays as
the original.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_inference import infer_column
from fitwell._data.column_types import ColumnType, convert_columns, count_column_formats, infer_column_types
from fitwell._data.columns import (
    MAX_CATEGORIES,
    BooleanColumn,
    Column,
    DateColumn,
    MissingIndicatorColumn,
    NumberColumn,
    OneHotColumn,
    column_from_json,
    column_schema,
)
from fitwell._data.csv_dialect import get_separator
from fitwell._data.decimal_inference import infer_decimals
from fitwell._data.number_parsing import NumberFormatCounts
from fitwell._data.target import ClassTarget, RegressionTarget, Target, target_from_json, target_schema
from fitwell._data.text_format import describe_near_duplicates, join_quoted, join_words, pluralize
from fitwell._data.units import strip_unit
from fitwell._schema import STRING, DictSchema, NonEmpty, enum_schema
from fitwell.errors import DataError, closest_name

if TYPE_CHECKING:
    import pandas as pd

# Inputs are clipped to this many standard deviations, so that float32 values stay finite in the network.
MAX_DEVIATIONS = 1e6


@dataclass
class TablePreprocessor:
    """A set of transformers for a table's columns, fitted on the training rows.

    Attributes:
        target: The encoding of the column to predict.
        columns: The transformers of the input columns, in order.
        dropped: A dict that maps each dropped column to the reason.
        notes: Sentences that describe the preprocessing.
    """

    target: Target
    columns: list[Column]
    dropped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def fit(
        cls,
        training: pd.DataFrame,
        target: Target,
        *,
        column_types: Mapping[str, ColumnType] | None = None,
        keep: Collection[str] = (),
        marks: bool = False,
        to_normal: bool = False,
    ) -> TablePreprocessor:
        """Choose a transformer for every column and fit it to the training rows.

        Args:
            training: The training rows.
            target: The encoding of the column to predict.
            column_types: The columns' types, if they were inferred from more than the training rows. In this case,
                `training` must be a result of `convert_columns`.
            keep: Columns that must not be dropped, even if they look like identifiers or free text.
            marks: Whether words such as ``NA`` in columns of categories count as missing.
            to_normal: Whether to map the ranks of numbers to normal quantiles, instead of standardizing the numbers.

        Raises:
            DataError: If no input column is left, or if a column in `keep` must be dropped.
        """
        notes: list[str] = []
        inputs = [name for name in training.columns if name != target.name]
        if column_types is None:
            column_types = infer_column_types(training[inputs], notes=notes)
            training = convert_columns(training, column_types)
        columns: list[Column] = []
        dropped: dict[str, str] = {}
        for name in inputs:
            column_type = column_types[str(name)]
            fitted = infer_column(
                str(name),
                training[name],
                column_type,
                keep=column_type.requested or str(name) in keep,
                marks=marks,
                to_normal=to_normal,
            )
            if isinstance(fitted, str):
                dropped[str(name)] = fitted
            else:
                columns.append(fitted)
        if not columns:
            reasons = "".join(f"\n  - {name!r}: {reason}" for name, reason in dropped.items())
            raise DataError(
                f"cannot predict {target.name!r} because no input column is left:{reasons or ' it is the only column'}"
                + (
                    "\nUse --keep COLUMN to keep a column that looks like an identifier or free text"
                    if reasons
                    else ""
                )
            )
        preprocessor = cls(target, columns, dropped)
        preprocessor.notes = notes + preprocessor._summarize()
        return preprocessor

    @property
    def feature_names(self) -> list[str]:
        """Names of the network's inputs."""
        return [feature for column in self.columns for feature in column.feature_names]

    @property
    def text_columns(self) -> list[str]:
        """Names of the columns that must be read from files as strings."""
        names = [column.name for column in self.columns if isinstance(column, OneHotColumn | DateColumn)]
        is_text = isinstance(self.target, ClassTarget) and isinstance(self.target.classes[0], str)
        return names + [self.target.name] if is_text else names

    def transform(self, table: pd.DataFrame, notes: list[str] | None = None) -> NDArray[np.float32]:
        """Convert a table to the network's inputs, a float32 array of shape ``[rows, features]``.

        Args:
            table: The table, which must contain all input columns.
            notes: A list to which warnings about values not seen in training are appended.

        Raises:
            DataError: If a column is missing, if the table has no rows, or if most values in a column do not match its
                type.
        """
        notes = notes if notes is not None else []
        present = {str(name): name for name in table.columns}
        absent = [column.name for column in self.columns if column.name not in present]
        if absent:
            nouns = "the column" if len(absent) == 1 else "the columns"
            similar = closest_name(absent[0], present) if len(absent) == 1 else None
            hint = "" if similar is None else f". Is {absent[0]!r} named {similar!r} in this table?"
            raise DataError(
                f"the table does not have {nouns} {join_quoted(absent, most=20)} that the model was trained on; the "
                f"table's columns are {join_quoted(present, most=20)}{hint}"
            )
        known = {column.name for column in self.columns} | set(self.dropped) | {self.target.name}
        extra = [name for name in present if name not in known]
        if extra:
            notes.append(
                f"Ignored {pluralize(len(extra), 'column')} not present in training: {join_quoted(extra)}."
            )
        if not len(table):
            raise DataError("the table has no rows")
        blocks = [
            column.transform(table[present[column.name]], notes)
            for column in self._localize_columns(table, notes)
        ]
        return np.clip(np.hstack(blocks), -MAX_DEVIATIONS, MAX_DEVIATIONS).astype(np.float32)

    def localize_target(self, table: pd.DataFrame) -> Target:
        """Return a copy of the target that uses the table's decimal separator."""
        if not isinstance(self.target, RegressionTarget):
            return self.target
        return dataclasses.replace(self.target, decimal=self._infer_decimals(table, [])[self.target.name])

    def _localize_columns(self, table: pd.DataFrame, notes: list[str]) -> list[Column]:
        """Return copies of the transformers that use the table's decimal separators."""
        decimals = self._infer_decimals(table, notes)
        written = get_separator(table) is not None
        return [
            # Cells can have percent signs only in tables that were read from text files.
            dataclasses.replace(column, decimal=decimals[column.name], percent=column.percent and written)
            if isinstance(column, NumberColumn)
            else column
            for column in self.columns
        ]

    def _infer_decimals(self, table: pd.DataFrame, notes: list[str]) -> Mapping[str, str | None]:
        """Infer the decimal separators of the table's number columns."""
        numeric = [
            column
            for column in (*self.columns, self.target)
            if isinstance(column, NumberColumn | RegressionTarget)
        ]
        known = {column.name: column.decimal for column in numeric}
        units = {column.name: column.unit for column in numeric}
        separator = get_separator(table)
        formats = {
            str(name): count_column_formats(
                strip_unit(table[name], units[str(name)]), written=separator is not None, requested=True
            )
            or NumberFormatCounts()
            for name in table.columns
            if str(name) in known
        }
        return infer_decimals(formats, known=known, separator=separator, notes=notes).columns

    def describe(self) -> list[tuple[str, str]]:
        """Return a pair for each column: its name, and its transformation or the reason why it was dropped."""
        used = [(column.name, f"{column.kind}: {column.describe()}") for column in self.columns]
        return used + [(name, f"dropped: {reason}") for name, reason in self.dropped.items()]

    def _summarize(self) -> list[str]:
        sentences = []
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.dropped.items():
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            reason = reason if len(names) == 1 else reason.replace("it ", "each ", 1)
            sentences.append(f"Dropped {join_quoted(names)}: {reason}.")
        is_normal = any(isinstance(column, NumberColumn) and column.quantiles for column in self.columns)
        for kind, deed in (
            (
                NumberColumn,
                "Mapped the ranks in {} of numbers to normal quantiles: {}."
                if is_normal
                else "Standardized {} of numbers with the training rows' mean and standard deviation: {}.",
            ),
            (BooleanColumn, "Converted {} of booleans to 1 and 0: {}."),
            (OneHotColumn, "One-hot encoded {} of categories: {}."),
            (DateColumn, "Split {} of dates into numeric features: {}."),
            (MissingIndicatorColumn, "Converted {} with a single value to missing-value indicators: {}."),
        ):
            names = [column.name for column in self.columns if isinstance(column, kind)]
            if names:
                sentences.append(deed.format(pluralize(len(names), "column"), join_quoted(names)))
        filled = [
            column
            for column in self.columns
            if column.missing and not isinstance(column, MissingIndicatorColumn)
        ]
        if filled:
            gaps = join_words(f"{column.name!r} ({column.missing:,})" for column in filled)
            sentences.append(
                "Imputed missing values with the training rows' median or most frequent value, and added missing-value "
                f"indicators: {gaps}."
            )
        rare = [column for column in self.columns if isinstance(column, OneHotColumn) and column.dropped]
        if rare:
            sentences.append(
                f"Kept the {MAX_CATEGORIES} most frequent categories and encoded rarer ones as zeros: "
                + join_words(f"{column.name!r} ({column.dropped:,} dropped)" for column in rare)
                + "."
            )
        sentences += [
            sentence
            for column in self.columns
            if isinstance(column, OneHotColumn)
            for sentence in describe_near_duplicates(f"The categories of {column.name!r}", column.categories)
        ]
        sentences.append(f"The network has {pluralize(len(self.feature_names), 'input')}.")
        sentences.append(self.target.summarize())
        if isinstance(self.target, ClassTarget):
            sentences += describe_near_duplicates(f"The classes of {self.target.name!r}", self.target.classes)
        return sentences

    def to_json(self) -> dict[str, Any]:
        """Convert the preprocessor to JSON data for `from_json`."""
        return {
            "format": "table",
            "target": self.target.to_json(),
            "columns": [column.to_json() for column in self.columns],
            "dropped": self.dropped,
            "notes": self.notes,
        }

    @staticmethod
    def schema() -> dict[str, Any]:
        """Return the schema of the JSON data."""
        return {
            "format": enum_schema("table"),
            "target": target_schema(),
            "columns": NonEmpty([column_schema()]),
            "dropped": DictSchema(STRING),
            "notes": [STRING],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TablePreprocessor:
        """Create a preprocessor from the result of `to_json`, which must match `schema`."""
        return cls(
            target_from_json(data["target"]),
            [column_from_json(column) for column in data["columns"]],
            dict(data["dropped"]),
            list(data["notes"]),
        )


__all__ = ["MAX_DEVIATIONS", "TablePreprocessor"]
