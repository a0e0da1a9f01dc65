"""Readers for CSV files in any dialect and for Parquet files. docs/tables.md describes the rules."""

from __future__ import annotations

import re
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._data.column_types import convert_columns, infer_column_types
from fitwell._data.csv_dialect import (
    SPACES,
    Dialect,
    describe_separator,
    get_separator,
    open_bytes,
    set_separator,
    sniff_dialect,
)
from fitwell._data.number_parsing import count_number_formats
from fitwell._data.row_filters import drop_non_data_rows, first_long_line
from fitwell._data.text_format import join_quoted, pluralize
from fitwell.errors import DataError, FileError, missing_extra_error

if TYPE_CHECKING:
    import pandas as pd

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data")
PARQUET_SUFFIXES = (".parquet", ".pq")
_BLOCK = 1 << 24
_LEADING_ZERO = re.compile(r"[+-]?0\d")


def is_table_file(path: str | Path) -> bool:
    """Return whether `read_table` supports the suffix of `path`."""
    return _suffix(Path(path)) in TEXT_SUFFIXES + PARQUET_SUFFIXES


def read_table(
    path: str | Path,
    text_columns: Collection[str] = (),
    notes: list[str] | None = None,
    separator: str | None = None,
) -> pd.DataFrame:
    """Read a table with named columns and parse its numbers.

    Args:
        path: A ``.csv``, ``.tsv``, ``.txt`` or ``.data`` file, which may be compressed (``.gz``), or a ``.parquet`` or
            ``.pq`` file.
        text_columns: Columns to keep as strings, so that ``007`` does not become 7 and ``NA`` is not missing.
        notes: A list to which notes about the file are appended.
        separator: The cell separator as a character or a name such as ``tab`` or ``space``. It is detected by default.

    Raises:
        FileError: If the file cannot be read.
        DataError: If the file is not a table.
    """
    notes = notes if notes is not None else []
    table = read_raw_table(path, text_columns, notes, separator)
    if get_separator(table) is None:
        return table
    as_written = {name.strip() for name in text_columns}
    others = table[[name for name in table.columns if name not in as_written]]
    kinds = infer_column_types(others, with_dates=False, notes=notes)
    parsed = {name: kind for name, kind in kinds.items() if kind.name in ("category", "number")}
    return convert_columns(table, parsed, marks=True)


def read_raw_table(
    path: str | Path,
    text_columns: Collection[str] = (),
    notes: list[str] | None = None,
    separator: str | None = None,
) -> pd.DataFrame:
    """Read a table like `read_table`, but keep ambiguous cells as strings.

    Only columns with unambiguous plain numbers are parsed. ``007`` remains a string, and so does ``1.250`` unless other
    cells in the column show that the point is a decimal point. Only empty cells count as missing.
    """
    path = Path(path)
    notes = notes if notes is not None else []
    suffix = _suffix(path)
    if suffix not in TEXT_SUFFIXES + PARQUET_SUFFIXES:
        known = ", ".join(TEXT_SUFFIXES + PARQUET_SUFFIXES)
        raise FileError(
            f"{path}: fitwell reads {known} (the first four may also be compressed as .gz); save the "
            "table in one of these formats"
        )
    if not path.exists():
        raise FileError(f"the file {path} does not exist")
    if path.is_dir():
        raise FileError(f"expected {path} to be a table, but it is a folder")
    try:
        frame = (
            _read_parquet(path)
            if suffix in PARQUET_SUFFIXES
            else _read_text(path, text_columns, notes, separator)
        )
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_names(path, frame.columns)
    notes.insert(
        0,
        f"Read {pluralize(len(frame), 'row')} and {pluralize(len(frame.columns), 'column')} from {path.name}.",
    )
    return frame


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        import pyarrow.parquet
    except ImportError:
        raise missing_extra_error("pyarrow", "parquet", "reading Parquet files") from None
    try:
        # A named index was a column when the file was written, so it becomes a column again below.
        frame = pd.read_parquet(path)
        described = (pyarrow.parquet.read_schema(path).pandas_metadata or {}).get("columns", [])
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=named) if named else frame
    frame.attrs = {}
    # Arrow restores only categories that are strings. The other categorical columns are listed in pandas's metadata.
    categories = [column["name"] for column in described if column["pandas_type"] == "categorical"]
    return frame.astype({name: "category" for name in categories if name in frame.columns})


def _read_text(
    path: Path, text_columns: Collection[str], notes: list[str], separator: str | None
) -> pd.DataFrame:
    import pandas as pd

    dialect = sniff_dialect(path, separator)
    # Without index_col=False, a trailing separator in each line would turn the first column into an index.
    options: dict[str, Any] = {
        "sep": dialect.separator,
        "encoding": dialect.encoding,
        "skiprows": dialect.skipped,
        "skipinitialspace": True,
        "index_col": False,
        "keep_default_na": False,
    }
    if dialect.encoding == "cp1252":
        notes.append("The file is not UTF-8, so it was read as Windows-1252.")
    if dialect.above:
        skipped = pluralize(len(dialect.above), "line")
        notes.append(f"Skipped {skipped} above the column names: {join_quoted(dialect.above, most=3)}.")
    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, **options)
        names = [name for name in header.iloc[0] if isinstance(name, str) and name.strip()]
        # Check for duplicate names first, because pandas would rename the second of two equal names to "a.1".
        _check_names(path, names)
        as_written = {name.strip() for name in text_columns}
        dtypes = {name: str for name in names if name.strip() in as_written}
        options |= {"na_values": [""], "low_memory": False}
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, dtype=dtypes, **options)
        doubtful = _ambiguous_columns(path, frame, dialect)
        if doubtful:
            strings = pd.read_csv(path, dtype=str, usecols=doubtful, **options)
            for position, name in zip(doubtful, strings.columns):
                frame.isetitem(position, strings[name])
    except pd.errors.EmptyDataError:
        raise DataError(f"the file {path} is empty") from None
    except pd.errors.ParserWarning:
        line = first_long_line(path, dialect)
        raise DataError(
            f"{path}: some lines have more cells than there are column names"
            f"{'' if line is None else f', beginning with line {line:,}'}. Name every column (in R, write the table "
            "with row.names = FALSE), quote strings that contain separators, or use --sep if "
            f"the cells are not separated by {describe_separator(dialect.separator)}"
        ) from None
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        words = describe_separator(dialect.separator)
        raise DataError(f"{path} is not a table separated by {words}: {reason}") from error
    except UnicodeError:
        raise DataError(f"{path} is encoded neither as UTF-8 nor as Windows-1252; save it as UTF-8") from None
    frame = drop_non_data_rows(path, frame, dialect, notes)
    set_separator(frame, dialect.separator)
    return frame


def _check_names(path: Path, names: Iterable[object]) -> None:
    times = Counter(str(name).strip() for name in names)
    twice = sorted(name for name, count in times.items() if count > 1)
    if twice:
        raise DataError(
            f"{path}: column names must be unique; rename the duplicates of {', '.join(map(repr, twice))}"
        )


def _ambiguous_columns(path: Path, frame: pd.DataFrame, dialect: Dialect) -> list[int]:
    """Return the positions of number columns that must be read as strings.

    These are columns whose points may be thousands separators, and columns of integers with leading zeros.
    """
    import pandas as pd

    rows = dialect.rows[1:]
    doubtful: list[int] = []
    integers: list[int] = []
    for position in range(frame.shape[1]):
        values = frame.iloc[:, position]
        cells = [row[position] for row in rows if position < len(row)]
        if values.dtype.kind == "f":
            numbers = values.to_numpy(dtype=np.float64)
            numbers = np.abs(numbers[np.isfinite(numbers)])
            broken = numbers[numbers % 1 != 0]
            # The point cannot be a thousands separator in numbers below 1 (a group never begins with 0), in numbers of
            # at least 1000 (the first group has at most three digits), and in numbers with more than three decimals.
            clear = (broken < 1) | (broken >= 1000) | (np.round(broken, 3) != broken)
            if not len(numbers):
                continue  # all cells are empty
            if not len(broken) or (
                20 * clear.sum() <= len(numbers) and not count_number_formats(pd.Series(cells)).is_unambiguous
            ):
                doubtful.append(position)
        elif values.dtype.kind in "iu":
            if any(_LEADING_ZERO.match(cell) for cell in cells):
                doubtful.append(position)
            else:
                integers.append(position)
    return sorted(doubtful + (integers if integers and _has_leading_zeros(path, dialect) else []))


def _has_leading_zeros(path: Path, dialect: Dialect) -> bool:
    """Return whether any cell in the file begins with 0 followed by a digit, or True if this is unknown."""
    if dialect.separator == SPACES or not dialect.encoding.startswith(("utf-8", "cp1252")):
        return True
    before = np.frombuffer(f'{dialect.separator}\n\r"'.encode(), dtype=np.uint8)
    with open_bytes(path) as file:
        kept = b"\n"
        while block := file.read(_BLOCK):
            codes = np.frombuffer(kept + block, dtype=np.uint8)
            zeros = np.flatnonzero(codes[1:-1] == ord("0")) + 1
            followed = zeros[(codes[zeros + 1] >= ord("0")) & (codes[zeros + 1] <= ord("9"))]
            if np.isin(codes[followed - 1], before).any():
                return True
            kept = (kept + block)[-2:]
    return False


__all__ = ["PARQUET_SUFFIXES", "TEXT_SUFFIXES", "is_table_file", "read_raw_table", "read_table"]
