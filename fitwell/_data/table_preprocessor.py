"""From a table of mixed columns to arrays for a network, and the record of what was done.

The fitted preparation is plain data: it is saved as JSON (numbers and names, never code), and loaded back
it gives identical arrays.
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
from fitwell.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

# Standard deviations. Farther out a value says only "far", and float32 must stay finite in the network.
MAX_DEVIATIONS = 1e6


@dataclass
class TablePreprocessor:
    """What was learned about a table's columns from its training rows, and how to apply it to any table.

    target: the column to predict.
    columns: the input columns that are used, in order.
    dropped: the other columns, each with the reason.
    notes: what was done, in sentences.
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
    ) -> TablePreprocessor:
        """Decide what becomes of every column, and fit scalers and encoders, on `training` rows only.

        kinds: what the columns hold, if more rows than these told it; the table then is one that `convert_columns`
            returned.
        keep: columns not to be dropped as identifiers or free text.
        marks: whether words such as ``NA`` counted as missing among categories.
        """
        notes: list[str] = []
        inputs = [name for name in training.columns if name != target.name]
        if column_types is None:
            column_types = infer_column_types(training[inputs], notes=notes)
            training = convert_columns(training, column_types)
        columns: list[Column] = []
        dropped: dict[str, str] = {}
        for name in inputs:
            kind = column_types[str(name)]
            planned = infer_column(
                str(name), training[name], kind, keep=kind.requested or str(name) in keep, marks=marks
            )
            if isinstance(planned, str):
                dropped[str(name)] = planned
            else:
                columns.append(planned)
        if not columns:
            reasons = "".join(f"\n  - {name!r}: {reason}" for name, reason in dropped.items())
            raise DataError(
                f"no column is left to predict {target.name!r} from:{reasons or ' it is the only one'}"
                + ("\n--keep COLUMN uses one that looks like an identifier or free text" if reasons else "")
            )
        preprocessor = cls(target, columns, dropped)
        preprocessor.notes = notes + preprocessor._summarize()
        return preprocessor

    @property
    def feature_names(self) -> list[str]:
        """The names of the network's inputs."""
        return [feature for column in self.columns for feature in column.feature_names]

    @property
    def text_columns(self) -> list[str]:
        """The columns whose values are best read from a file as they are written."""
        names = [column.name for column in self.columns if isinstance(column, OneHotColumn | DateColumn)]
        is_text = isinstance(self.target, ClassTarget) and isinstance(self.target.classes[0], str)
        return names + [self.target.name] if is_text else names

    def transform(self, table: pd.DataFrame, notes: list[str] | None = None) -> NDArray[np.float32]:
        """Return the network's inputs for `table`, float32 ``[rows, features]``.

        notes: gets a sentence about everything that training did not see.
        Raises `DataError` naming every column that `table` lacks.
        """
        notes = notes if notes is not None else []
        present = {str(name): name for name in table.columns}
        absent = [column.name for column in self.columns if column.name not in present]
        if absent:
            nouns = "the column" if len(absent) == 1 else "the columns"
            hint = did_you_mean(absent[0], present) if len(absent) == 1 else ""
            raise DataError(
                f"the table lacks {nouns} {join_quoted(absent, most=20)} that the model was trained on{hint}; "
                f"it has {join_quoted(present, most=20)}"
            )
        known = {column.name for column in self.columns} | set(self.dropped) | {self.target.name}
        extra = [name for name in present if name not in known]
        if extra:
            notes.append(
                f"Ignored {pluralize(len(extra), 'column')} that training did not have: {join_quoted(extra)}."
            )
        if not len(table):
            raise DataError("the table has no rows")
        blocks = [
            column.transform(table[present[column.name]], notes)
            for column in self._localize_columns(table, notes)
        ]
        return np.clip(np.hstack(blocks), -MAX_DEVIATIONS, MAX_DEVIATIONS).astype(np.float32)

    def localize_target(self, table: pd.DataFrame) -> Target:
        """Return the target as it is written in `table`, which has it: its decimal mark may be another one."""
        if not isinstance(self.target, RegressionTarget):
            return self.target
        return dataclasses.replace(self.target, decimal=self._infer_decimals(table, [])[self.target.name])

    def _localize_columns(self, table: pd.DataFrame, notes: list[str]) -> list[Column]:
        """Return the columns with the decimal marks with which `table` is written."""
        marks = self._infer_decimals(table, notes)
        written = get_separator(table) is not None
        return [
            # Only what was written can have had a percent sign, or have none now.
            dataclasses.replace(column, decimal=marks[column.name], percent=column.percent and written)
            if isinstance(column, NumberColumn)
            else column
            for column in self.columns
        ]

    def _infer_decimals(self, table: pd.DataFrame, notes: list[str]) -> Mapping[str, str | None]:
        """Return the decimal mark of each column of numbers in `table`."""
        numeric = [
            column
            for column in (*self.columns, self.target)
            if isinstance(column, NumberColumn | RegressionTarget)
        ]
        known = {column.name: column.decimal for column in numeric}
        units = {column.name: column.unit for column in numeric}
        separator = get_separator(table)
        shapes = {
            str(name): count_column_formats(
                strip_unit(table[name], units[str(name)]), written=separator is not None, requested=True
            )
            or NumberFormatCounts()
            for name in table.columns
            if str(name) in known
        }
        return infer_decimals(shapes, known=known, separator=separator, notes=notes).columns

    def describe(self) -> list[tuple[str, str]]:
        """Return every input column with what becomes of it, and every dropped one with the reason."""
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
        for kind, deed in (
            (
                NumberColumn,
                "Standardised {} of numbers with the mean and deviation of the training rows: {}.",
            ),
            (BooleanColumn, "Turned {} of truth values into 1 and 0: {}."),
            (OneHotColumn, "Encoded {} of categories one-hot: {}."),
            (DateColumn, "Took {} of dates apart into numbers: {}."),
            (MissingIndicatorColumn, "Reduced {} with only one value to whether it is there: {}."),
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
                "Filled missing values with the median or the most frequent value of the training rows, and "
                f"added a column that marks them: {gaps}."
            )
        rare = [column for column in self.columns if isinstance(column, OneHotColumn) and column.dropped]
        if rare:
            sentences.append(
                f"Kept the {MAX_CATEGORIES} most frequent categories; the rarer ones are 0 everywhere: "
                + join_words(f"{column.name!r} ({column.dropped:,} left out)" for column in rare)
                + "."
            )
        sentences += [
            sentence
            for column in self.columns
            if isinstance(column, OneHotColumn)
            for sentence in describe_near_duplicates(f"The categories of {column.name!r}", column.categories)
        ]
        sentences.append(f"The network gets {pluralize(len(self.feature_names), 'number')} for each row.")
        sentences.append(self.target.summarize())
        if isinstance(self.target, ClassTarget):
            sentences += describe_near_duplicates(f"The classes of {self.target.name!r}", self.target.classes)
        return sentences

    def to_json(self) -> dict[str, Any]:
        """Return plain data from which `table_from_json` makes an equal preparation."""
        return {
            "format": "table",
            "target": self.target.to_json(),
            "columns": [column.to_json() for column in self.columns],
            "dropped": self.dropped,
            "notes": self.notes,
        }

    @staticmethod
    def schema() -> dict[str, Any]:
        """Return the form of what `to_json` returns."""
        return {
            "format": enum_schema("table"),
            "target": target_schema(),
            "columns": NonEmpty([column_schema()]),
            "dropped": DictSchema(STRING),
            "notes": [STRING],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TablePreprocessor:
        """Make a preparation from what `to_json` returned; data that has the `form`."""
        return cls(
            target_from_json(data["target"]),
            [column_from_json(column) for column in data["columns"]],
            dict(data["dropped"]),
            list(data["notes"]),
        )
