"""What a run learns: a table or a named data set, split and prepared."""

from __future__ import annotations

import re
import warnings
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_inference import ROW_NUMBER_REASON
from fitwell._data.column_types import TYPES, convert_columns, infer_column_types
from fitwell._data.conversion import isna
from fitwell._data.csv_dialect import get_separator
from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.preprocessor_io import Preprocessor
from fitwell._data.splits import Split, split_rows
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import PARQUET_SUFFIXES, TEXT_SUFFIXES, is_table_file, read_raw_table
from fitwell._data.target import ClassTarget, Target, fit_target, infer_task
from fitwell._data.target_parsing import TargetOptions, parse_target, strip_target_unit
from fitwell._data.text_format import join_quoted, pluralize
from fitwell._file_io import check_path
from fitwell.datasets._registry import DATASETS, Dataset, ImageDataset, TableDataset
from fitwell.errors import DataError, FileError, InvalidArgument, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS = 10


@dataclass(frozen=True)
class DataSplit:
    """Rows for one purpose: the network's inputs, its targets, and the true values in their own units."""

    x: NDArray[np.float32]
    y: NDArray[Any]
    true: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class PreparedData:
    """Data that is ready to be learned.

    notes: how it was read, split and prepared, in sentences.
    """

    name: str
    preprocessor: Preprocessor
    train: DataSplit
    validation: DataSplit
    test: DataSplit
    notes: list[str] = field(default_factory=list)

    @property
    def target(self) -> Target:
        """What is to be predicted."""
        return self.preprocessor.target

    @property
    def image_shape(self) -> list[int] | None:
        """Height and width when the inputs are images."""
        return self.preprocessor.shape if isinstance(self.preprocessor, PixelPreprocessor) else None


@dataclass(frozen=True)
class DataOptions:
    """What the user said about data and split; None or nothing where nothing was said.

    keep: columns of a table to use though they look like identifiers or free text.
    drop: columns to leave out.
    types: column -> what it holds, one of `fitwell._data.column_types.TYPES`.
    separator: what separates the cells of a file of text.
    """

    target: str | None = None
    task: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    seed: int = 0
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None

    @classmethod
    def from_namespace(cls, options: Namespace) -> DataOptions:
        """Return what the options of a command say."""
        types = dict(options.type)
        twice = [name for name, kind in options.type if types[name] != kind]
        if twice:
            raise InvalidArgument(f"--type says two different things about {twice[0]!r}")
        return cls(
            options.target,
            options.task,
            options.validation_fraction,
            options.test_fraction,
            options.seed,
            tuple(options.keep),
            tuple(options.drop),
            types,
            options.sep,
        )


def load_data(data: str, data_options: DataOptions) -> PreparedData:
    """Return the problem that `data` names: a table file, or the name of a registered data set."""
    if data_options.validation_fraction == 0:
        raise InvalidArgument("--validation-fraction must be above 0: early stopping needs a validation part")
    if data in DATASETS:
        _check_table_options(data, data_options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            prepared = _load_dataset(DATASETS[data], data_options)
        # What a loader warns of belongs into the report, not only onto the screen.
        return _prepend_notes(prepared, [f"Warning: {warning.message}." for warning in caught])
    check_path(data, "the data")
    if is_table_file(data):
        return _load_table(Path(data), data_options)
    known = ", ".join(DATASETS)
    suffixes = ", ".join(TEXT_SUFFIXES + PARQUET_SUFFIXES)
    if Path(data).exists():
        raise FileError(f"{data} is no table: expected a file that ends in {suffixes}")
    raise InvalidArgument(
        f"there is no data set {data!r}{did_you_mean(data, DATASETS) or '.'} Known: {known}; "
        f"or name a table that ends in {suffixes}"
    )


def _check_table_options(data: str, data_options: DataOptions) -> None:
    for name, value in (
        ("target", data_options.target),
        ("task", data_options.task),
        ("test-fraction", data_options.test_fraction),
        ("keep", data_options.keep or None),
        ("drop", data_options.drop or None),
        ("type", data_options.types or None),
        ("sep", data_options.separator),
    ):
        if value is not None:
            raise InvalidArgument(f"--{name} is for tables; {data} has its own")


def _prepend_notes(prepared: PreparedData, notes: list[str]) -> PreparedData:
    return PreparedData(
        prepared.name,
        prepared.preprocessor,
        prepared.train,
        prepared.validation,
        prepared.test,
        notes + prepared.notes,
    )


# --- tables ---------------------------------------------------------------------------------------------


def _load_table(path: Path, data_options: DataOptions) -> PreparedData:
    notes: list[str] = []
    # The target as it is written: among labels NA and 007 are labels.
    categories = [column for column, kind in data_options.types.items() if kind == "category"]
    frame = read_raw_table(path, [data_options.target or "", *categories], notes, data_options.separator)
    name = _find_target(frame, data_options.target, path)
    _check_columns(frame, name, data_options, path)
    frame = frame.drop(columns=list(data_options.drop))
    written = get_separator(frame) is not None
    # On all rows: the one cell that tells how a column is written may be in any of them.
    column_types = infer_column_types(frame, types=data_options.types, target=name, notes=notes)
    decimal = column_types[name].decimal
    wanted = TargetOptions(data_options.task, data_options.types.get(name))
    cells, unit = strip_target_unit(frame[name], column_types[name].unit, wanted)
    values = parse_target(name, cells, decimal, wanted, notes)
    frame = convert_columns(frame, column_types, marks=written, notes=notes)
    frame[name] = values
    missing = isna(frame[name])
    if missing.any():
        frame = frame[~missing]
        notes.append(
            f"Dropped {pluralize(int(missing.sum()), 'row')} in which the target {name!r} is missing."
        )
    if len(frame) < MIN_ROWS:
        raise DataError(
            f"{path} has {pluralize(len(frame), 'row')} with a value of {name!r}: too few to train, validate and test "
            f"(at least {MIN_ROWS})"
        )
    task, reason = infer_task(frame[name], name, data_options.task)
    notes.append(reason)
    labels = None if task == "regression" else ClassTarget.fit(name, frame[name], task).numbers(frame[name])
    split = split_rows(
        len(frame),
        classes=labels,
        validation=data_options.validation_fraction,
        test=data_options.test_fraction,
        seed=data_options.seed,
    )
    if not len(split.test):
        raise InvalidArgument(
            "--test-fraction must be above 0: without a test nobody knows how good the network is"
        )
    notes += [_describe_split(split, data_options.seed), *split.notes]
    if labels is not None:
        _check_classes(name, frame[name].iloc[split.train])
    target = fit_target(name, frame[name], frame[name].iloc[split.train], task, decimal, unit)
    train = frame.iloc[split.train]
    preprocessor = TablePreprocessor.fit(
        train, target, column_types=column_types, keep=data_options.keep, marks=written
    )
    preprocessor.dropped |= dict.fromkeys(data_options.drop, "as asked (--drop)")
    if any(reason == ROW_NUMBER_REASON or "identifier" in reason for reason in preprocessor.dropped.values()):
        notes.append("--keep COLUMN uses a column that was dropped as an identifier or free text.")
    parts = train, frame.iloc[split.validation], frame.iloc[split.test]
    return _prepare_splits(path.name.partition(".")[0], preprocessor, *parts, notes)


def _check_columns(frame: pd.DataFrame, target: str, data_options: DataOptions, path: Path) -> None:
    """Refuse wishes about columns that the table does not have, or that contradict each other."""
    names = [str(name) for name in frame.columns]
    said = [("--keep", name) for name in data_options.keep] + [("--drop", name) for name in data_options.drop]
    for option, name in said + [("--type", name) for name in data_options.types]:
        if name not in names:
            raise InvalidArgument(
                f"{option} {name}: {path} has no column {name!r}{did_you_mean(name, names) or '.'} "
                f"It has {join_quoted(names, most=50)}"
            )
        if name == target and option != "--type":
            raise InvalidArgument(f"{option} {name}: {name!r} is the target, not an input")
        if name in data_options.drop and option != "--drop":
            raise InvalidArgument(f"{option} {name} and --drop {name} contradict each other")
    for name, kind in data_options.types.items():
        if kind not in TYPES:
            raise InvalidArgument(f"--type {name}={kind}: the type must be one of {', '.join(TYPES)}")


def _find_target(frame: pd.DataFrame, wanted: str | None, path: Path) -> str:
    names = [str(name) for name in frame.columns]
    if wanted is None:
        hint = ""
        if sum(name.replace(".", "").lstrip("-").isdigit() for name in names) >= len(names) / 4:
            hint = " (the first line looks like data: a table needs a line with the names of its columns)"
        raise InvalidArgument(
            f"which column of {path} is to be predicted? Say --target and one of {join_quoted(names, most=50)}{hint}"
        )
    if wanted not in names:
        hint = ""
        if len(names) == 1 and re.search(r"[^\w ]", names[0]):
            hint = " (--sep says what separates the cells, if it is none of comma, semicolon, tab and bar)"
        raise InvalidArgument(
            f"{path} has no column {wanted!r}{did_you_mean(wanted, names) or '.'} It has {join_quoted(names, most=50)}{hint}"
        )
    return wanted


def _check_classes(name: str, labels: pd.Series[Any]) -> None:
    """Refuse training rows of one class: neither the network nor the linear model can learn from them."""
    if labels.nunique() < 2:
        raise DataError(
            f"{pluralize(len(labels), 'row')} to train on, and {name!r} is {str(labels.iloc[0])!r} in every one: from "
            "one class nothing can be learned. Give more rows, or hold out fewer with --test-fraction and "
            "--validation-fraction (or hold out others with --seed)"
        )


def _describe_split(split: Split, seed: int) -> str:
    how = "at random with the classes in the same proportions everywhere" if split.stratified else "at random"
    return (
        f"Split the rows {how} (seed {seed}): {len(split.train):,} to train on, {len(split.validation):,} "
        f"to validate with, {len(split.test):,} to test on."
    )


def _prepare_splits(
    name: str,
    preprocessor: TablePreprocessor,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    notes: list[str],
) -> PreparedData:
    """Return the problem that three parts of a table pose."""
    target = preprocessor.target
    surprises: list[str] = []

    def part(name: str, frame: pd.DataFrame) -> DataSplit:
        values = frame[target.name]
        found: list[str] = []
        x = preprocessor.transform(frame, found)
        # What training rows hold is described already.
        surprises.extend(f"In the {name} rows: {surprise}" for surprise in found if frame is not train)
        return DataSplit(x, target.encode(values), target.numbers(values))

    parts = part("training", train), part("validation", validation), part("test", test)
    return PreparedData(name, preprocessor, *parts, notes + preprocessor.notes + surprises)


# --- named data sets ------------------------------------------------------------------------------------


def _load_dataset(dataset: Dataset, data_options: DataOptions) -> PreparedData:
    if isinstance(dataset, ImageDataset):
        return _load_images(dataset, data_options)
    return _load_columns(dataset, data_options)


def _load_images(dataset: ImageDataset, data_options: DataOptions) -> PreparedData:
    (x, y), (x_test, y_test) = dataset.load()
    y, y_test = y.reshape(-1).astype(np.int32), y_test.reshape(-1).astype(np.int32)
    target = ClassTarget("label", list(dataset.class_names or range(int(y.max()) + 1)))
    preprocessor = PixelPreprocessor(target, list(x.shape[1:]), dataset.max_pixel)
    split = split_rows(
        len(x), classes=y, validation=data_options.validation_fraction, test=0, seed=data_options.seed
    )
    pixels = " x ".join(map(str, x.shape[1:]))
    notes = [
        f"Loaded {dataset.name}: {len(x):,} images of {pixels} pixels to train on, {len(x_test):,} to test on.",
        f"Set aside {len(split.validation):,} of the training images to validate with, with the classes in the "
        f"same proportions (seed {data_options.seed}); {len(split.train):,} are left to train on.",
    ]

    def part(images: NDArray[Any], numbers: NDArray[np.int32]) -> DataSplit:
        return DataSplit(preprocessor.transform_images(images), numbers, numbers)

    return PreparedData(
        dataset.name,
        preprocessor,
        part(x[split.train], y[split.train]),
        part(x[split.validation], y[split.validation]),
        part(x_test, y_test),
        notes + preprocessor.notes,
    )


def _load_columns(dataset: TableDataset, data_options: DataOptions) -> PreparedData:
    import pandas as pd

    (x, y), (x_test, y_test) = dataset.load()
    columns, target_name = list(dataset.feature_names), dataset.target_name
    table = pd.DataFrame(x, columns=columns).assign(**{target_name: y})
    test = pd.DataFrame(x_test, columns=columns).assign(**{target_name: y_test})
    split = split_rows(
        len(table), validation=data_options.validation_fraction, test=0, seed=data_options.seed
    )
    train = table.iloc[split.train]
    notes = [
        f"Loaded {dataset.name}: {len(x):,} rows to train on, {len(x_test):,} to test on.",
        f"Set aside {len(split.validation):,} of the training rows to validate with (seed {data_options.seed}); "
        f"{len(split.train):,} are left to train on.",
    ]
    target = fit_target(target_name, train[target_name], train[target_name], "regression")
    preprocessor = TablePreprocessor.fit(train, target)
    return _prepare_splits(dataset.name, preprocessor, train, table.iloc[split.validation], test, notes)
