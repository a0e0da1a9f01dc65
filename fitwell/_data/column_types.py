"""Inference of each table column's type and format, from all rows before the table is split.

Only types and formats are inferred here. They cannot leak information about the target. Means, standard deviations
and categories are computed only from the training rows (see `fitwell._data.columns`). docs/tables.md lists all rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_type_rules import (
    are_booleans,
    are_compact_dates,
    are_ip_addresses,
    are_mostly_numbers,
    are_zero_padded_codes,
    describe_mixed_decimals,
    find_missing_words,
    has_percent_signs,
)
from fitwell._data.conversion import (
    is_missing_marker,
    is_string_dtype,
    isna,
    may_hold_strings,
    to_string,
)
from fitwell._data.csv_dialect import get_separator
from fitwell._data.date_formats import DateFormat, infer_date_format
from fitwell._data.date_parsing import FORMAT_SEPARATOR, to_datetime
from fitwell._data.decimal_inference import infer_decimals
from fitwell._data.number_parsing import NumberFormatCounts, count_number_formats, parse_numbers
from fitwell._data.text_format import get_row_number, join_quoted, join_words, pluralize
from fitwell._data.units import infer_unit, strip_unit
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TYPES = ("number", "category", "date", "boolean")
_SAMPLE = 1000


@dataclass(frozen=True)
class ColumnType:
    """A column's type and the format of its cells.

    Attributes:
        name: ``"number"``, ``"boolean"``, ``"date"``, ``"category"``, ``"target"`` for the column to predict, or a
            description of an unsupported type.
        decimal: The decimal separator of the numbers, or None if it is ambiguous.
        pattern: The date format, or None if the column contains datetimes.
        percent: Whether the numbers have a percent sign.
        unit: The unit after the numbers, or ``""`` if there is none (see `fitwell._data.units`).
        words: Words among the numbers or dates that mean a missing value.
        requested: Whether the user set the type.
    """

    name: str
    decimal: str | None = None
    pattern: str | None = None
    percent: bool = False
    unit: str = ""
    words: tuple[str, ...] = ()
    requested: bool = False


def infer_column_types(
    table: pd.DataFrame,
    *,
    types: Mapping[str, str] | None = None,
    target: str | None = None,
    with_dates: bool = True,
    notes: list[str] | None = None,
) -> dict[str, ColumnType]:
    """Infer the type of every column.

    Args:
        table: The table.
        types: A dict that maps column names to the types that the user set. Each is one of `TYPES`.
        target: The column to predict. Only its decimal separator and unit are inferred here (see
            `fitwell._data.target_parsing`).
        with_dates: Whether to detect date formats such as ``%d/%m/%Y``. The detection takes most of the time. If
            False, dates in such formats become categories.
        notes: A list to which warnings about ambiguous and unparsed cells are appended.

    Raises:
        DataError: If a column does not have the type that the user set. The message quotes a cell and its row.
    """
    types, notes = types or {}, notes if notes is not None else []
    separator = get_separator(table)
    formats: dict[str, NumberFormatCounts] = {}
    units: dict[str, str] = {}
    for column in table.columns:
        name, values, written = str(column), table[column], separator is not None
        if types.get(name, "number") != "number":
            continue
        counts = count_column_formats(values, written=written, requested=name in types)
        if counts is None or name in types:
            units[name] = infer_unit(values)
            bare = strip_unit(values, units[name])
            counts = (
                count_column_formats(bare, written=written, requested=name in types)
                if units[name]
                else counts
            )
        if counts is not None:
            formats[name] = counts
    decimals = infer_decimals(formats, separator=separator, notes=notes)
    column_types: dict[str, ColumnType] = {}
    dates: dict[str, DateFormat] | None = {} if with_dates else None
    for column in table.columns:
        name, values = str(column), table[column]
        requested = types.get(name)
        decimal = decimals.columns.get(name, decimals.table)
        if name == target:
            column_types[name] = ColumnType("target", decimal=decimal, unit=units.get(name, ""))
            continue
        unit = units.get(name, "") if name in formats else ""
        column_type = _infer_type_with_unit(name, values, unit, requested, decimal, notes) if unit else None
        column_types[name] = column_type or _infer_type(
            name, values, requested, decimal, name in formats and not unit, dates, notes
        )
    _resolve_date_formats(dates or {}, column_types, notes)
    return column_types


def _infer_type_with_unit(
    name: str, values: pd.Series, unit: str, requested: str | None, decimal: str | None, notes: list[str]
) -> ColumnType | None:
    """Return the type of a column whose cells have a unit, or None if the cells are not numbers."""
    new_notes: list[str] = []
    bare = strip_unit(values, unit)
    column_type = _infer_type(name, bare, requested, decimal, True, None, new_notes)
    if column_type.name != "number":
        return None
    example = str(values[~isna(values)].iloc[0]).strip()
    without = int((np.isfinite(parse_numbers(values, decimal or "."))).sum())
    rest = f"; the same unit was assumed for {pluralize(without, 'cell')} without one" if without else ""
    notes += [*new_notes, f"The unit was dropped from the numbers in {name!r}, such as {example!r}{rest}."]
    return replace(column_type, unit=unit)


def _infer_type(
    name: str,
    values: pd.Series,
    requested: str | None,
    decimal: str | None,
    maybe_numbers: bool,
    dates: dict[str, DateFormat] | None,
    notes: list[str],
) -> ColumnType:
    """Return a column's type. If its date format is inferred from strings, store the format in `dates`."""
    import pandas as pd

    if requested == "category":
        return ColumnType("category", requested=True)
    code = values.dtype.kind
    if code == "b":
        return ColumnType("boolean")
    if code == "M":
        return ColumnType("date")
    if code in "iuf" and dates is not None and requested in (None, "date"):
        plain = values.to_numpy(dtype=np.float64, na_value=np.nan)
        if are_compact_dates(plain, name, notes):
            return ColumnType("date", pattern="%Y%m%d", requested=requested is not None)
    if code in "iufm" and requested in (None, "number"):
        return ColumnType("number", decimal=decimal, requested=requested is not None)
    if code != "O":
        return (
            ColumnType(f"values of type {values.dtype}")
            if requested is None
            else _raise_type_error(name, values, requested)
        )
    if isinstance(values.dtype, pd.CategoricalDtype) and requested is None:
        return ColumnType("category")
    present = values[~isna(values)]
    others = (list, dict, set, tuple, bytes, np.ndarray)
    if not is_string_dtype(present) and any(isinstance(value, others) for value in present):
        return ColumnType(f"values of type {type(present.iloc[0]).__name__}")
    return _infer_type_of_strings(name, present, requested, decimal, maybe_numbers, dates, notes)


def _infer_type_of_strings(
    name: str,
    present: pd.Series,
    requested: str | None,
    decimal: str | None,
    maybe_numbers: bool,
    dates: dict[str, DateFormat] | None,
    notes: list[str],
) -> ColumnType:
    marked = is_missing_marker(present, "numbers")
    cells = present[~marked]
    if requested in (None, "boolean") and are_booleans(cells):
        return ColumnType("boolean", requested=requested is not None)
    if requested is None and are_zero_padded_codes(cells):
        notes.append(
            f"{name!r} contains codes with leading zeros, which were treated as categories; use --type {name}=number "
            "to read them as numbers."
        )
        return ColumnType("category")
    if maybe_numbers and requested in (None, "number") and not are_ip_addresses(cells):
        # Missing-value markers are not numbers either, so the unparsed cells include them.
        everything = parse_numbers(present, decimal or ".")
        numbers = everything[~marked]
        unread = np.isnan(numbers)
        if are_mostly_numbers(cells, numbers, marked=bool(marked.any())) or (
            requested and unread.sum() * 2 <= len(cells)
        ):
            if requested is None and are_compact_dates(numbers, name, notes):
                return ColumnType("date", pattern="%Y%m%d")
            words = find_missing_words(name, present, np.isnan(everything), "numbers", notes)
            percent = has_percent_signs(cells[~unread], name, notes)
            return ColumnType(
                "number", decimal=decimal, percent=percent, words=words, requested=requested is not None
            )
        mixed = describe_mixed_decimals(cells)
        if mixed and requested is None:
            return ColumnType(mixed)
    if dates is not None and requested in (None, "date"):
        found = infer_date_format(cells, requested=requested is not None)
        if found is not None:
            dates[name] = found
            words = find_missing_words(
                name, present, to_datetime(present, found.pattern).isna().to_numpy(), "dates", notes
            )
            return ColumnType("date", pattern=found.pattern, words=words, requested=requested is not None)
    return ColumnType("category") if requested is None else _raise_type_error(name, cells, requested, decimal)


def count_column_formats(
    values: pd.Series, *, written: bool, requested: bool = False
) -> NumberFormatCounts | None:
    """Count how many cells have each number format. Return None if most of the cells are not numbers.

    Args:
        values: The column.
        written: Whether the table was read from a text file. In other tables, the numbers are already parsed.
        requested: Whether the user set the type to ``"number"``.
    """
    code = values.dtype.kind
    if code == "f" and written:
        # `fitwell._data.table_reader` has already parsed this column, because its decimal points are unambiguous.
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return NumberFormatCounts(point=int((numbers % 1 > 0).sum()))
    if code in "iuf":
        return NumberFormatCounts()
    if code != "O":
        return None
    cells = values[~isna(values)]
    if not requested and len(cells):
        sample = cells.iloc[np.unique(np.linspace(0, len(cells) - 1, _SAMPLE).astype(int))].astype(object)
        sample = sample[~is_missing_marker(sample, "numbers")]
        if not sample.astype("str").str.contains("[0-9]").any():
            return None
        is_parsed = np.isfinite(parse_numbers(sample, ".")) | np.isfinite(parse_numbers(sample, ","))
        if is_parsed.mean() < 0.5:
            return None
    return count_number_formats(
        cells if is_string_dtype(cells) else cells[[isinstance(cell, str) for cell in cells]]
    )


def _resolve_date_formats(
    dates: Mapping[str, DateFormat], column_types: dict[str, ColumnType], notes: list[str]
) -> None:
    """Choose between day-first and month-first formats for ambiguous columns, to match the unambiguous ones."""
    orders = {found.order for found in dates.values() if not found.alternatives} & {"day", "month"}
    for name, found in dates.items():
        if "%y" in found.pattern:
            notes.append(f"The two-digit years in {name!r} were read as years from 1969 to 2068.")
        if FORMAT_SEPARATOR in found.pattern and not found.alternatives:
            notes.append(
                f"The dates in {name!r} have more than one format: "
                f"{join_words(found.pattern.split(FORMAT_SEPARATOR))}."
            )
        if not found.alternatives:
            continue
        like = [other for other in (found, *found.alternatives) if {other.order} == orders]
        chosen = like[0] if like else found
        column_types[name] = replace(column_types[name], pattern=chosen.pattern)
        reason = ", like the other dates in the table" if like else ""
        notes.append(
            f"The dates in {name!r} match more than one format; they were read as {chosen.pattern}{reason}."
        )


def _raise_type_error(name: str, cells: pd.Series, requested: str, decimal: str | None = None) -> Any:
    strings = to_string(cells)
    is_parsed = (
        np.isfinite(parse_numbers(cells, decimal or "."))
        if requested == "number"
        else np.zeros(len(cells), dtype=bool)
    )
    first = int(np.flatnonzero(~is_parsed)[0]) if len(is_parsed) and not is_parsed.all() else 0
    held = (
        f"contains {strings[first]!r} in row {get_row_number(cells, first)}" if len(strings) else "is empty"
    )
    raise DataError(f"cannot apply --type {name}={requested}: {name!r} {held}")


def _parse_column(values: pd.Series, decimal: str) -> NDArray[Any]:
    """Parse a column of strings. As in pandas, the result is an integer array if all cells are integers."""
    numbers = parse_numbers(values, decimal)
    is_exact = len(numbers) and np.isfinite(numbers).all() and np.abs(numbers).max() < 2**53
    if is_exact and (numbers % 1 == 0).all() and not values.astype("str").str.contains("[.,]").any():
        return numbers.astype(np.int64)
    return numbers


def convert_columns(
    table: pd.DataFrame,
    column_types: Mapping[str, ColumnType],
    *,
    marks: bool = False,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return a copy of the table with parsed numbers and dates.

    Args:
        table: The table.
        column_types: A dict that maps column names to types.
        marks: Whether words such as ``NA`` count as missing in columns of categories.
        notes: A list to which notes about words that count as missing are appended.
    """
    changed: dict[Any, Any] = {}
    for column in table.columns:
        column_type, values = column_types.get(str(column)), table[column]
        if column_type is None:
            continue
        if column_type.name == "number" and may_hold_strings(values):
            changed[column] = _parse_column(strip_unit(values, column_type.unit), column_type.decimal or ".")
        elif column_type.name == "date" and column_type.pattern is not None:
            changed[column] = to_datetime(values, column_type.pattern)
        elif (
            column_type.name == "category"
            and marks
            and not column_type.requested
            and may_hold_strings(values)
        ):
            found = is_missing_marker(values, "words")
            if found.any():
                changed[column] = values.mask(found)
                words = join_quoted(dict.fromkeys(to_string(values[found])))
                if notes is not None:
                    notes.append(
                        f"Treated {words} ({pluralize(int(found.sum()), 'cell')}) in {str(column)!r} as missing; "
                        f"use --type {column}=category to keep such values as categories."
                    )
    table = table.copy(deep=False)
    table.attrs = {}
    for column, converted in changed.items():
        table[column] = converted
    return table


__all__ = ["TYPES", "ColumnType", "convert_columns", "count_column_formats", "infer_column_types"]
