"""Reading, splitting and preprocessing of a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_inference import ROW_NUMBER_REASON
from fitwell._data.column_types import TYPES, ColumnType, convert_columns, infer_column_types
from fitwell._data.conversion import isna
from fitwell._data.csv_dialect import get_separator
from fitwell._data.splits import Split, split_rows
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import read_raw_table
from fitwell._data.target import ClassTarget, fit_target, infer_task
from fitwell._data.target_parsing import TargetOptions, parse_target, strip_target_unit
from fitwell._data.text_format import join_quoted, pluralize
from fitwell.cli.data_options import DataOptions
from fitwell.cli.prepared_data import DataSplit, PreparedData
from fitwell.errors import DataError, InvalidArgument, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MIN_ROWS",
    "check_classes",
    "find_target",
    "infer_target_task",
    "load_table",
    "prepare_splits",
    "read_target",
]

MIN_ROWS = 10


def load_table(path: Path, data_options: DataOptions) -> PreparedData:
    """Read a table, infer its column types and the task, split the rows, and preprocess the splits."""
    notes: list[str] = []
    # Read the target as strings, because NA and 007 can be labels.
    categories = [column for column, kind in data_options.types.items() if kind == "category"]
    frame = read_raw_table(path, [data_options.target or "", *categories], notes, data_options.separator)
    name = find_target(frame, data_options.target, path)
    _check_columns(frame, name, data_options, path)
    frame = frame.drop(columns=list(data_options.drop))
    is_text = get_separator(frame) is not None
    # Infer the types from all rows, because a column's only informative cell may be in any row.
    column_types = infer_column_types(frame, types=data_options.types, target=name, notes=notes)
    values, unit = read_target(frame[name], column_types[name], data_options, notes)
    frame = convert_columns(frame, column_types, marks=is_text, notes=notes)
    frame[name] = values
    missing = isna(frame[name])
    if missing.any():
        frame = frame[~missing]
        notes.append(
            f"Dropped {pluralize(int(missing.sum()), 'row')} in which the target {name!r} is missing."
        )
    if len(frame) < MIN_ROWS:
        raise DataError(
            f"{path} has {pluralize(len(frame), 'row')} with a value for {name!r}, but training, validation "
            f"and testing need at least {MIN_ROWS} rows"
        )
    task, labels = infer_target_task(frame[name], name, data_options, notes)
    validation_fraction, test_fraction = data_options.holdout_fractions
    split = split_rows(
        len(frame), classes=labels, validation=validation_fraction, test=test_fraction, seed=data_options.seed
    )
    notes += [_describe_split(split, data_options.seed), *split.notes]
    if labels is not None:
        check_classes(name, frame[name].iloc[split.train])
    train = frame.iloc[split.train]
    folds = data_options.use_folds
    decimal = column_types[name].decimal
    target = fit_target(name, frame[name], train[name], task, decimal, unit, clip=folds)
    preprocessor = TablePreprocessor.fit(
        train, target, column_types=column_types, keep=data_options.keep, marks=is_text, to_normal=folds
    )
    preprocessor.dropped |= dict.fromkeys(data_options.drop, "as requested (--drop)")
    if any(reason == ROW_NUMBER_REASON or "identifier" in reason for reason in preprocessor.dropped.values()):
        notes.append("To use a column that was dropped as an identifier or free text, pass --keep COLUMN.")
    parts = train, frame.iloc[split.validation], frame.iloc[split.test]
    return prepare_splits(path.name.partition(".")[0], preprocessor, *parts, notes)


def read_target(
    cells: pd.Series, column_type: ColumnType, data_options: DataOptions, notes: list[str]
) -> tuple[pd.Series, str]:
    """Parse the target's cells, and return its values and the unit after the numbers, which may be empty."""
    name = str(cells.name)
    wanted = TargetOptions(data_options.task, data_options.types.get(name))
    cells, unit = strip_target_unit(cells, column_type.unit, wanted)
    return parse_target(name, cells, column_type.decimal, wanted, notes), unit


def infer_target_task(
    values: pd.Series, name: str, data_options: DataOptions, notes: list[str]
) -> tuple[str, NDArray[np.int32] | None]:
    """Return the task for a target without missing values, and its class indices, which are None for regression."""
    task, reason = infer_task(values, name, data_options.task)
    notes.append(reason)
    return task, None if task == "regression" else ClassTarget.fit(name, values, task).numbers(values)


def _check_columns(frame: pd.DataFrame, target: str, data_options: DataOptions, path: Path) -> None:
    """Raise `InvalidArgument` if options refer to unknown columns or contradict each other."""
    names = [str(name) for name in frame.columns]
    named = [("--keep", name) for name in data_options.keep] + [
        ("--drop", name) for name in data_options.drop
    ]
    for option, name in named + [("--type", name) for name in data_options.types]:
        if name not in names:
            raise InvalidArgument(
                f"{option} {name}: {path} has no column {name!r}{did_you_mean(name, names) or '.'} "
                f"The table's columns are {join_quoted(names, most=50)}"
            )
        if name == target and option != "--type":
            raise InvalidArgument(f"{option} {name}: {name!r} is the target, not an input")
        if name in data_options.drop and option != "--drop":
            raise InvalidArgument(f"{option} {name} and --drop {name} contradict each other")
    for name, kind in data_options.types.items():
        if kind not in TYPES:
            raise InvalidArgument(f"--type {name}={kind}: the type must be one of {', '.join(TYPES)}")


def find_target(frame: pd.DataFrame, wanted: str | None, path: Path) -> str:
    """Return the name of the target.

    Raises:
        InvalidArgument: If no target is given, or if the table has no such column.
    """
    names = [str(name) for name in frame.columns]
    if wanted is None:
        hint = ""
        if sum(name.replace(".", "").lstrip("-").isdigit() for name in names) >= len(names) / 4:
            hint = " (the first line looks like data, but must contain the column names)"
        raise InvalidArgument(
            f"--target is required to choose the column to predict. The columns of {path} are "
            f"{join_quoted(names, most=50)}{hint}"
        )
    if wanted not in names:
        hint = ""
        if len(names) == 1 and re.search(r"[^\w ]", names[0]):
            hint = " (use --sep if the cells are not separated by a comma, semicolon, tab or vertical bar)"
        raise InvalidArgument(
            f"{path} has no column {wanted!r}{did_you_mean(wanted, names) or '.'} The table's columns are "
            f"{join_quoted(names, most=50)}{hint}"
        )
    return wanted


def check_classes(name: str, labels: pd.Series[Any]) -> None:
    """Raise `DataError` if all training rows have the same class."""
    if labels.nunique() < 2:
        raise DataError(
            f"training needs at least two classes, but {name!r} is {str(labels.iloc[0])!r} in all training rows "
            f"({pluralize(len(labels), 'row')}). Use more rows, hold out fewer rows with --test-fraction and "
            "--validation-fraction, or hold out different rows with --seed"
        )


def _describe_split(split: Split, seed: int) -> str:
    how = "at random, stratified by class" if split.stratified else "at random"
    if not len(split.test):
        return f"All {len(split.train):,} rows are used for training."
    if not len(split.validation):
        return (
            f"Split the rows {how} (seed {seed}): {len(split.train):,} for training, and {len(split.test):,} for "
            "testing."
        )
    return (
        f"Split the rows {how} (seed {seed}): {len(split.train):,} for training, {len(split.validation):,} "
        f"for validation, and {len(split.test):,} for testing."
    )


def prepare_splits(
    name: str,
    preprocessor: TablePreprocessor,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    notes: list[str],
) -> PreparedData:
    """Preprocess the three splits of a table."""
    target = preprocessor.target
    caveats: list[str] = []

    def part(name: str, frame: pd.DataFrame) -> DataSplit:
        if not len(frame):
            inputs = np.empty((0, len(preprocessor.feature_names)), np.float32)
            return DataSplit(inputs, np.empty(0), np.empty(0))
        values = frame[target.name]
        found: list[str] = []
        x = preprocessor.transform(frame, found)
        # The notes about the training rows are already in `preprocessor.notes`.
        caveats.extend(f"In the {name} rows: {caveat}" for caveat in found if frame is not train)
        return DataSplit(x, target.encode(values), target.numbers(values), frame.index.to_numpy() + 1)

    parts = part("training", train), part("validation", validation), part("test", test)
    return PreparedData(name, preprocessor, *parts, notes + preprocessor.notes + caveats)
