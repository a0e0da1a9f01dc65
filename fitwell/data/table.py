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

from fitwell.data.columns import (
    MOST_CATEGORIES,
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
    PresenceColumn,
    column_form,
    column_from_json,
)
from fitwell.data.decimals import decide
from fitwell.data.kinds import Kind, apply_kinds, find_kinds, separator_of, shape_of
from fitwell.data.numerals import Shapes
from fitwell.data.planning import plan_column
from fitwell.data.target import ClassTarget, RegressionTarget, Target, target_form, target_from_json
from fitwell.data.units import without_unit
from fitwell.data.wording import alike, counted, listed, quoted
from fitwell.errors import DataError, nearest
from fitwell.forms import TEXT, Some, Table, one_of

if TYPE_CHECKING:
    import pandas as pd

# Standard deviations. Farther out a value says only "far", and float32 must stay finite in the network.
FARTHEST = 1e6


@dataclass
class TablePreparation:
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
        kinds: Mapping[str, Kind] | None = None,
        keep: Collection[str] = (),
        marks: bool = False,
    ) -> TablePreparation:
        """Decide what becomes of every column, and fit scalers and encoders, on `training` rows only.

        kinds: what the columns hold, if more rows than these told it; the table then is one that `apply_kinds`
            returned.
        keep: columns not to be dropped as identifiers or free text.
        marks: whether words such as ``NA`` counted as missing among categories.
        """
        notes: list[str] = []
        inputs = [name for name in training.columns if name != target.name]
        if kinds is None:
            kinds = find_kinds(training[inputs], notes=notes)
            training = apply_kinds(training, kinds)
        columns: list[Column] = []
        dropped: dict[str, str] = {}
        for name in inputs:
            kind = kinds[str(name)]
            planned = plan_column(
                str(name), training[name], kind, keep=kind.asked or str(name) in keep, marks=marks
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
        preparation = cls(target, columns, dropped)
        preparation.notes = notes + preparation._sentences()
        return preparation

    @property
    def features(self) -> list[str]:
        """The names of the network's inputs."""
        return [feature for column in self.columns for feature in column.features]

    @property
    def text_columns(self) -> list[str]:
        """The columns whose values are best read from a file as they are written."""
        names = [column.name for column in self.columns if isinstance(column, CategoryColumn | DateColumn)]
        is_text = isinstance(self.target, ClassTarget) and isinstance(self.target.classes[0], str)
        return names + [self.target.name] if is_text else names

    def inputs(self, table: pd.DataFrame, notes: list[str] | None = None) -> NDArray[np.float32]:
        """Return the network's inputs for `table`, float32 ``[rows, features]``.

        notes: gets a sentence about everything that training did not see.
        Raises `DataError` naming every column that `table` lacks.
        """
        notes = notes if notes is not None else []
        present = {str(name): name for name in table.columns}
        absent = [column.name for column in self.columns if column.name not in present]
        if absent:
            nouns = "the column" if len(absent) == 1 else "the columns"
            hint = nearest(absent[0], present) if len(absent) == 1 else ""
            raise DataError(
                f"the table lacks {nouns} {quoted(absent, most=20)} that the model was trained on{hint}; "
                f"it has {quoted(present, most=20)}"
            )
        known = {column.name for column in self.columns} | set(self.dropped) | {self.target.name}
        extra = [name for name in present if name not in known]
        if extra:
            notes.append(
                f"Ignored {counted(len(extra), 'column')} that training did not have: {quoted(extra)}."
            )
        if not len(table):
            raise DataError("the table has no rows")
        blocks = [
            column.transform(table[present[column.name]], notes) for column in self._as_written(table, notes)
        ]
        return np.clip(np.hstack(blocks), -FARTHEST, FARTHEST).astype(np.float32)

    def target_in(self, table: pd.DataFrame) -> Target:
        """Return the target as it is written in `table`, which has it: its decimal mark may be another one."""
        if not isinstance(self.target, RegressionTarget):
            return self.target
        return dataclasses.replace(self.target, decimal=self._marks(table, [])[self.target.name])

    def _as_written(self, table: pd.DataFrame, notes: list[str]) -> list[Column]:
        """Return the columns with the decimal marks with which `table` is written."""
        marks = self._marks(table, notes)
        written = separator_of(table) is not None
        return [
            # Only what was written can have had a percent sign, or have none now.
            dataclasses.replace(column, decimal=marks[column.name], percent=column.percent and written)
            if isinstance(column, NumberColumn)
            else column
            for column in self.columns
        ]

    def _marks(self, table: pd.DataFrame, notes: list[str]) -> Mapping[str, str | None]:
        """Return the decimal mark of each column of numbers in `table`."""
        numeric = [
            column
            for column in (*self.columns, self.target)
            if isinstance(column, NumberColumn | RegressionTarget)
        ]
        known = {column.name: column.decimal for column in numeric}
        units = {column.name: column.unit for column in numeric}
        separator = separator_of(table)
        shapes = {
            str(name): shape_of(
                without_unit(table[name], units[str(name)]), written=separator is not None, asked=True
            )
            or Shapes()
            for name in table.columns
            if str(name) in known
        }
        return decide(shapes, known=known, separator=separator, notes=notes).columns

    def describe(self) -> list[tuple[str, str]]:
        """Return every input column with what becomes of it, and every dropped one with the reason."""
        used = [(column.name, f"{column.kind}: {column.describe()}") for column in self.columns]
        return used + [(name, f"dropped: {reason}") for name, reason in self.dropped.items()]

    def _sentences(self) -> list[str]:
        sentences = []
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.dropped.items():
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            reason = reason if len(names) == 1 else reason.replace("it ", "each ", 1)
            sentences.append(f"Dropped {quoted(names)}: {reason}.")
        for kind, deed in (
            (
                NumberColumn,
                "Standardised {} of numbers with the mean and deviation of the training rows: {}.",
            ),
            (BooleanColumn, "Turned {} of truth values into 1 and 0: {}."),
            (CategoryColumn, "Encoded {} of categories one-hot: {}."),
            (DateColumn, "Took {} of dates apart into numbers: {}."),
            (PresenceColumn, "Reduced {} with only one value to whether it is there: {}."),
        ):
            names = [column.name for column in self.columns if isinstance(column, kind)]
            if names:
                sentences.append(deed.format(counted(len(names), "column"), quoted(names)))
        filled = [
            column for column in self.columns if column.missing and not isinstance(column, PresenceColumn)
        ]
        if filled:
            gaps = listed(f"{column.name!r} ({column.missing:,})" for column in filled)
            sentences.append(
                "Filled missing values with the median or the most frequent value of the training rows, and "
                f"added a column that marks them: {gaps}."
            )
        rare = [column for column in self.columns if isinstance(column, CategoryColumn) and column.dropped]
        if rare:
            sentences.append(
                f"Kept the {MOST_CATEGORIES} most frequent categories; the rarer ones are 0 everywhere: "
                + listed(f"{column.name!r} ({column.dropped:,} left out)" for column in rare)
                + "."
            )
        sentences += [
            sentence
            for column in self.columns
            if isinstance(column, CategoryColumn)
            for sentence in alike(f"The categories of {column.name!r}", column.categories)
        ]
        sentences.append(f"The network gets {counted(len(self.features), 'number')} for each row.")
        sentences.append(self.target.sentence())
        if isinstance(self.target, ClassTarget):
            sentences += alike(f"The classes of {self.target.name!r}", self.target.classes)
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
    def form() -> dict[str, Any]:
        """Return the form of what `to_json` returns."""
        return {
            "format": one_of("table"),
            "target": target_form(),
            "columns": Some([column_form()]),
            "dropped": Table(TEXT),
            "notes": [TEXT],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TablePreparation:
        """Make a preparation from what `to_json` returned; data that has the `form`."""
        return cls(
            target_from_json(data["target"]),
            [column_from_json(column) for column in data["columns"]],
            dict(data["dropped"]),
            list(data["notes"]),
        )
