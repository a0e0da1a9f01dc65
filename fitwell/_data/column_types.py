"""What each column of a table holds, and how it is written: decided on all rows before any is held out.

Only kinds and formats are found here, nothing that could tell about the target; means, deviations and categories
are learned from the training rows alone (`fitwell._data.columns`). docs/tables.md has the rules in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import (
    BOOLEAN_PAIRS,
    is_missing_marker,
    is_string_dtype,
    isna,
    may_hold_strings,
    to_string,
)
from fitwell._data.date_parsing import (
    FORMAT_SEPARATOR,
    MIN_DISTINCT_VALUES,
    DateFormat,
    infer_date_format,
    is_mostly_parsed,
    max_unparsed,
    to_datetime,
)
from fitwell._data.decimal_inference import infer_decimals
from fitwell._data.number_parsing import NumberFormatCounts, count_number_formats, parse_numbers
from fitwell._data.text_format import join_quoted, join_words, pluralize
from fitwell._data.units import infer_unit, strip_unit
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TYPES = ("number", "category", "date", "boolean")
# True, true, TRUE, " true", and as many of false: more are words.
MAX_SPELLINGS = 20
# One number in 27 of this size is a date; so many different ones are no chance.
MIN_COMPACT_DATES = 3
# Words for "no value" are few; a column of remarks beside numbers need not be learned by heart.
MAX_MISSING_WORDS = 20
_SAMPLE = 1000
_IP_ADDRESS = re.compile(r"\s*[0-9]{1,3}(?:\.[0-9]{1,3}){3}\s*")
# A word with a digit may be a number of another kind; "<0.1" is the mark for what an instrument cannot see.
_MEASURED = r"^[^<>≤≥]*[0-9]"
_SEPARATOR = "separator in the file"


def get_separator(table: pd.DataFrame) -> str | None:
    """Return what separated the cells of the file of text that a table was read from; None for any other table."""
    return table.attrs.get(_SEPARATOR)


def set_separator(table: pd.DataFrame, separator: str) -> None:
    """Note on a table that its cells are as they were written in a file, and what separated them there."""
    table.attrs[_SEPARATOR] = separator


@dataclass(frozen=True)
class ColumnType:
    """What a column holds.

    name: ``"number"``, ``"boolean"``, ``"date"``, ``"category"``, or what it is instead of these.
    decimal: the decimal mark of numbers, None where nothing tells.
    pattern: the format of dates, None where the column holds moments already.
    percent: whether numbers are written with a percent sign.
    unit: what stands behind the numbers, see `fitwell._data.units`.
    words: what stands among numbers or dates for "no value", without what may be a number or date of another kind.
    asked: whether the user said so.
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
    """Return the kind of every column.

    types: what the user said about columns, each one of `TYPES`.
    target: the column to predict, of which only the decimal mark and the unit are found; `fitwell._data.target_parsing`
        does the rest.
    with_dates: whether to look for dates, which takes longer than all the rest; else they are categories.
    notes: gets a sentence about what was ambiguous or could not be read.

    Raises `DataError` where a column cannot be what the user said, naming a cell and its row.
    """
    types, notes = types or {}, notes if notes is not None else []
    separator = get_separator(table)
    shapes: dict[str, NumberFormatCounts] = {}
    units: dict[str, str] = {}
    for column in table.columns:
        name, values, written = str(column), table[column], separator is not None
        if types.get(name, "number") != "number":
            continue
        shape = count_column_formats(values, written=written, requested=name in types)
        if shape is None or name in types:
            units[name] = infer_unit(values)
            bare = strip_unit(values, units[name])
            shape = (
                count_column_formats(bare, written=written, requested=name in types) if units[name] else shape
            )
        if shape is not None:
            shapes[name] = shape
    decimals = infer_decimals(shapes, separator=separator, notes=notes)
    column_types: dict[str, ColumnType] = {}
    dates: dict[str, DateFormat] | None = {} if with_dates else None
    for column in table.columns:
        name, values = str(column), table[column]
        requested = types.get(name)
        mark = decimals.columns.get(name, decimals.table)
        if name == target:
            column_types[name] = ColumnType("target", decimal=mark, unit=units.get(name, ""))
            continue
        unit = units.get(name, "") if name in shapes else ""
        kind = _infer_type_with_unit(name, values, unit, requested, mark, notes) if unit else None
        column_types[name] = kind or _infer_type(
            name, values, requested, mark, name in shapes and not unit, dates, notes
        )
    _resolve_date_formats(dates or {}, column_types, notes)
    return column_types


def _infer_type_with_unit(
    name: str, values: pd.Series, unit: str, requested: str | None, mark: str | None, notes: list[str]
) -> ColumnType | None:
    """Return the kind of a column whose numbers have a unit behind them, None if it is not one of numbers."""
    said: list[str] = []
    bare = strip_unit(values, unit)
    kind = _infer_type(name, bare, requested, mark, True, None, said)
    if kind.name != "number":
        return None
    example = str(values[~isna(values)].iloc[0]).strip()
    without = int((np.isfinite(parse_numbers(values, mark or "."))).sum())
    rest = f", as were {pluralize(without, 'cell')} that have none" if without else ""
    notes += [*said, f"The numbers in {name!r}, such as {example!r}, were read without their unit{rest}."]
    return replace(kind, unit=unit)


def _infer_type(
    name: str,
    values: pd.Series,
    requested: str | None,
    mark: str | None,
    maybe_numbers: bool,
    dates: dict[str, DateFormat] | None,
    notes: list[str],
) -> ColumnType:
    """Return a column's kind; where it is one of dates, its formats go into `dates`, unless that is None."""
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
        if _are_compact_dates(plain, name, notes):
            return ColumnType("date", pattern="%Y%m%d", requested=requested is not None)
    if code in "iufm" and requested in (None, "number"):
        return ColumnType("number", decimal=mark, requested=requested is not None)
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
    return _infer_type_of_strings(name, present, requested, mark, maybe_numbers, dates, notes)


def _infer_type_of_strings(
    name: str,
    present: pd.Series,
    requested: str | None,
    mark: str | None,
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
            f"{name!r} holds codes with zeros in front, taken for categories; --type {name}=number says otherwise."
        )
        return ColumnType("category")
    if maybe_numbers and requested in (None, "number") and not _are_ip_addresses(cells):
        # A mark is no number: what cannot be read are marks, and words beside them.
        everything = parse_numbers(present, mark or ".")
        numbers = everything[~marked]
        unread = np.isnan(numbers)
        if are_mostly_numbers(cells, numbers, marked=bool(marked.any())) or (
            requested and unread.sum() * 2 <= len(cells)
        ):
            if requested is None and _are_compact_dates(numbers, name, notes):
                return ColumnType("date", pattern="%Y%m%d")
            words = _missing_words(name, present, np.isnan(everything), "numbers", notes)
            percent = _has_percent_signs(cells[~unread], name, notes)
            return ColumnType(
                "number", decimal=mark, percent=percent, words=words, requested=requested is not None
            )
        mixed = _describe_mixed_decimals(cells)
        if mixed and requested is None:
            return ColumnType(mixed)
    if dates is not None and requested in (None, "date"):
        found = infer_date_format(cells, requested=requested is not None)
        if found is not None:
            dates[name] = found
            words = _missing_words(
                name, present, to_datetime(present, found.pattern).isna().to_numpy(), "dates", notes
            )
            return ColumnType("date", pattern=found.pattern, words=words, requested=requested is not None)
    return ColumnType("category") if requested is None else _raise_type_error(name, cells, requested, mark)


def count_column_formats(
    values: pd.Series, *, written: bool, requested: bool = False
) -> NumberFormatCounts | None:
    """Return how the numbers of a column are written, None if most of its cells are something else.

    written: whether the table was read from a file of text; numbers of others were never written.
    asked: whether it holds numbers, whatever its cells say.
    """
    code = values.dtype.kind
    if code == "f" and written:
        # Read as plain numbers already, because its points could not be anything else: see `fitwell._data.table_reader`.
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
        read = np.isfinite(parse_numbers(sample, ".")) | np.isfinite(parse_numbers(sample, ","))
        if read.mean() < 0.5:
            return None
    return count_number_formats(
        cells if is_string_dtype(cells) else cells[[isinstance(cell, str) for cell in cells]]
    )


def are_booleans(cells: pd.Series) -> bool:
    """Return whether text is nothing but the two words of one pair: true and false, yes and no."""
    spellings = cells.drop_duplicates()
    if len(spellings) > MAX_SPELLINGS:
        return False
    different = {text.casefold() for text in to_string(spellings)}
    return len(different) == 2 and different in BOOLEAN_PAIRS


def are_zero_padded_codes(cells: pd.Series) -> bool:
    """Return whether text is nothing but digits, of one length or often with 0 in front: ``007`` is not 7."""
    texts = cells.astype("str").str.strip()
    zeros = texts.str.fullmatch("0[0-9]+")
    if not zeros.any() or not texts.str.fullmatch("[0-9]+").all():
        return False
    return texts.str.len().nunique() == 1 or int(zeros.sum()) > max_unparsed(len(texts))


def _are_ip_addresses(cells: pd.Series) -> bool:
    """Return whether text is addresses such as 192.168.100.200, which is no number of thousands."""
    if not len(cells) or not _IP_ADDRESS.fullmatch(str(cells.iloc[0])):
        return False
    return bool(cells.astype("str").str.fullmatch(_IP_ADDRESS).all())


def are_mostly_numbers(cells: pd.Series, numbers: NDArray[np.float64], marked: bool = False) -> bool:
    """Return whether a column is one of numbers, with a few cells that cannot be read.

    cells: its cells with something in them, without marks for "no value".
    numbers: what they say, NaN where that is no number.
    marked: whether there were marks as well.
    """
    unread = np.isnan(numbers)
    different = len(np.unique(numbers[~unread]))
    if not different:
        return False
    if different == 1 and (unread.any() or marked):
        return False  # one number beside words is a word like them
    words = cells[unread]
    if is_mostly_parsed(cells, np.ones(len(cells), dtype=np.int64), ~unread):
        few = len(words) <= max_unparsed(len(cells))
        return few or (
            different > MIN_DISTINCT_VALUES and not words.astype("str").str.contains(_MEASURED).any()
        )
    return False


def _are_compact_dates(numbers: NDArray[np.float64], name: str, notes: list[str]) -> bool:
    """Return whether numbers are dates such as 20240131, every one of them, and say so."""
    import pandas as pd

    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers) or numbers.min() < 19000101 or numbers.max() > 21001231:
        return False
    if (numbers % 1).any() or len(np.unique(numbers)) < MIN_COMPACT_DATES:
        return False
    if not to_datetime(pd.Series(numbers), "%Y%m%d").notna().all():
        return False
    notes.append(
        f"The numbers in {name!r} are dates, such as {numbers[0]:.0f}; --type {name}=number says otherwise."
    )
    return True


def _describe_mixed_decimals(cells: pd.Series) -> str:
    """Say that a column has numbers with decimal points and others with decimal commas, if it does."""
    point, comma = np.isfinite(parse_numbers(cells, ".")), np.isfinite(parse_numbers(cells, ","))
    only_point, only_comma = point & ~comma, comma & ~point
    neither = int((~(point | comma)).sum())
    if neither > max_unparsed(len(cells)) or not only_point.any() or not only_comma.any():
        return ""
    texts = to_string(cells)
    examples = join_quoted([texts[only_point][0], texts[only_comma][0]])
    return f"numbers with decimal points and numbers with decimal commas, such as {examples}"


def _has_percent_signs(cells: pd.Series, name: str, notes: list[str]) -> bool:
    signed = cells.astype("str").str.contains("%", regex=False).to_numpy(dtype=bool, na_value=False)
    if signed.any() and not signed.all():
        example = str(cells[~signed].iloc[0]).strip()
        notes.append(
            f"{name!r} has {pluralize(int(signed.sum()), 'cell')} with a percent sign and {int((~signed).sum()):,} "
            f"without; all were read as percent, {example} as {example} %."
        )
    return bool(signed.any())


def _missing_words(
    name: str, present: pd.Series, unread: NDArray[np.bool_], kind: str, notes: list[str]
) -> tuple[str, ...]:
    """Return the words that stand for "no value" in a column, and say what counts as missing."""
    if not unread.any():
        return ()
    different = list(dict.fromkeys(to_string(present[unread])))
    notes.append(
        f"In {name!r}, {join_quoted(different)} ({pluralize(int(unread.sum()), 'cell')}) count as missing, "
        f"because all other values are {kind}."
    )
    words = [word for word in different if not any(character.isdigit() for character in word)]
    return tuple(words[:MAX_MISSING_WORDS])


def _resolve_date_formats(
    dates: Mapping[str, DateFormat], column_types: dict[str, ColumnType], notes: list[str]
) -> None:
    """Let columns whose dates are clear decide for those that may be read day first or month first."""
    orders = {found.order for found in dates.values() if not found.alternatives} & {"day", "month"}
    for name, found in dates.items():
        if "%y" in found.pattern:
            notes.append(f"The years of two digits in {name!r} were read as 1969 to 2068.")
        if FORMAT_SEPARATOR in found.pattern and not found.alternatives:
            notes.append(
                f"The dates in {name!r} are written in several formats: {join_words(found.pattern.split(FORMAT_SEPARATOR))}."
            )
        if not found.alternatives:
            continue
        like = [other for other in (found, *found.alternatives) if {other.order} == orders]
        chosen = like[0] if like else found
        column_types[name] = replace(column_types[name], pattern=chosen.pattern)
        reason = ", like the other dates of the table" if like else ""
        notes.append(
            f"The dates in {name!r} fit several formats; they were read as {chosen.pattern}{reason}."
        )


def _raise_type_error(name: str, cells: pd.Series, requested: str, mark: str | None = None) -> Any:
    texts = to_string(cells)
    read = (
        np.isfinite(parse_numbers(cells, mark or "."))
        if requested == "number"
        else np.zeros(len(cells), dtype=bool)
    )
    first = int(np.flatnonzero(~read)[0]) if len(read) and not read.all() else 0
    held = f"{texts[first]!r} in row {get_row_number(cells, first)}" if len(texts) else "no value"
    raise DataError(f"--type {name}={requested} cannot be obeyed: {name!r} holds {held}")


def get_row_number(cells: pd.Series, position: int) -> str:
    """Return the row of a cell as people count: the first one below the names is 1."""
    label = cells.index[position]
    return f"{int(label) + 1:,}" if isinstance(label, int | np.integer) else repr(label)


def _parse_column(values: pd.Series, decimal: str) -> NDArray[Any]:
    """Return the numbers of a column of text: integers if it has nothing else, as pandas would have read it."""
    numbers = parse_numbers(values, decimal)
    whole = len(numbers) and np.isfinite(numbers).all() and np.abs(numbers).max() < 2**53
    if whole and (numbers % 1 == 0).all() and not values.astype("str").str.contains("[.,]").any():
        return numbers.astype(np.int64)
    return numbers


def convert_columns(
    table: pd.DataFrame,
    column_types: Mapping[str, ColumnType],
    *,
    marks: bool = False,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return the table with its numbers and dates read, once for all that follows.

    marks: whether words such as ``NA`` count as missing in columns of categories.
    notes: gets a sentence about such words.
    """
    changed: dict[Any, Any] = {}
    for column in table.columns:
        kind, values = column_types.get(str(column)), table[column]
        if kind is None:
            continue
        if kind.name == "number" and may_hold_strings(values):
            changed[column] = _parse_column(strip_unit(values, kind.unit), kind.decimal or ".")
        elif kind.name == "date" and kind.pattern is not None:
            changed[column] = to_datetime(values, kind.pattern)
        elif kind.name == "category" and marks and not kind.requested and may_hold_strings(values):
            found = is_missing_marker(values, "words")
            if found.any():
                changed[column] = values.mask(found)
                words = join_quoted(dict.fromkeys(to_string(values[found])))
                if notes is not None:
                    notes.append(
                        f"In {str(column)!r}, {words} ({pluralize(int(found.sum()), 'cell')}) count as missing; "
                        f"--type {column}=category makes categories of such words."
                    )
    table = table.copy(deep=False)
    table.attrs = {}
    for column, read in changed.items():
        table[column] = read
    return table
