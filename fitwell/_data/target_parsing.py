"""Parsing of target cells as numbers or labels.

In a target of labels, ``-``, ``None``, ``NA`` and ``?`` are classes, and only empty cells are missing. In a numeric
target, these markers mean a missing value. Any other text raises an error that reports the cell's row, unless the user
requested regression or set the target's type to ``"number"``. In that case, cells that are not numbers count as missing
if they are at most half of the cells, and raise the error otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_type_rules import are_zero_padded_codes
from fitwell._data.conversion import is_missing_marker, isna, may_hold_strings, to_string
from fitwell._data.date_formats import infer_date_format
from fitwell._data.number_parsing import parse_numbers
from fitwell._data.parse_tolerance import MAX_OTHER_WORDS, max_unparsed
from fitwell._data.splits import MIN_ROWS_PER_CLASS
from fitwell._data.target import MAX_INTEGER_CLASSES, MEAN_ROWS_PER_CLASS, describe_date_target
from fitwell._data.text_format import get_row_number, join_quoted, pluralize
from fitwell._data.units import strip_unit
from fitwell._typing import FloatArray
from fitwell.errors import DataError, InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

# A letter other than the e of an exponent, or a footnote marker.
_DECORATED = r"[^\W\d_eE]|[*†‡\[]"
_BOOLEANS = {"True": True, "False": False}


@dataclass(frozen=True)
class TargetOptions:
    """The user's options for the target.

    Attributes:
        task: The task, or None to infer it.
        type: ``"number"``, ``"category"``, or None to infer the type.
    """

    task: str | None = None
    type: str | None = None

    @property
    def numbers(self) -> bool:
        """Whether the target must be numeric."""
        return self.task == "regression" or self.type == "number"


def strip_target_unit(values: pd.Series, unit: str, options: TargetOptions) -> tuple[pd.Series, str]:
    """Remove the unit from a numeric target. Labels such as ``36 months`` keep their unit.

    Args:
        values: The target column.
        unit: The unit after the numbers, or ``""``.
        options: The user's options for the target.

    Returns:
        The column, and the unit that was removed or ``""``.
    """
    few = values.nunique() <= MAX_INTEGER_CLASSES
    if not unit or (not options.numbers and (few or options.task is not None)):
        return values, ""
    return strip_unit(values, unit), unit


def parse_target(
    name: str, values: pd.Series, decimal: str | None, options: TargetOptions, notes: list[str]
) -> pd.Series:
    """Convert a target column of strings to numbers, booleans or labels.

    Args:
        name: The target's name.
        values: The raw column. It is parsed only if all its nonempty cells are strings.
        decimal: The decimal separator, or None if it is ambiguous.
        options: The user's options for the target.
        notes: A list to which notes about missing-value words are appended.

    Raises:
        InvalidArgument: If the type in `options` is not ``"number"``, ``"category"`` or None.
        DataError: If the column contains dates, or if a cell in a numeric target is not a number. In the second case,
            the message quotes the cell and its row.
    """
    import pandas as pd

    if options.type not in (None, "number", "category"):
        raise InvalidArgument(
            f"the target's type must be number or category, got {options.type!r} for {name!r}"
        )
    present = values[~isna(values)]
    if not may_hold_strings(values) or not all(isinstance(value, str) for value in present):
        return values.astype("category") if options.type == "category" else values
    if options.type == "category":
        return _to_labels(values).astype("category")
    marked = is_missing_marker(present, "numbers")
    cells = present[~marked]
    numbers = parse_numbers(cells, decimal or ".")
    unread = np.isnan(numbers)
    spelled = _are_decorated_numbers(cells)
    are_labels = (options.task not in (None, "regression") and unread.any()) or spelled
    if options.numbers or (not are_labels and _is_numeric(cells, numbers, bool(marked.any()))):
        if unread.any():
            _check_words(name, cells, unread, options)
        words = [*to_string(present[marked]), *to_string(cells[unread])]
        if words:
            count = pluralize(len(words), "row")
            notes.append(
                f"Treated {join_quoted(dict.fromkeys(words))} ({count}) in the target {name!r} as missing, because "
                "all other values are numbers."
            )
        return pd.Series(
            parse_numbers(values.astype(object).mask(is_missing_marker(values, "numbers")), decimal or "."),
            values.index,
        )
    if set(cells) == set(_BOOLEANS):
        return values.map(_BOOLEANS)
    if options.task is None and infer_date_format(cells) is not None:
        raise DataError(f"{describe_date_target(name)} (or use --type {name}=category if they are labels)")
    _note_labels(name, present, notes)
    labels = _to_labels(values)
    return labels.astype("category") if spelled or are_zero_padded_codes(cells) else labels


def _to_labels(values: pd.Series) -> pd.Series:
    labels = values.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else None)
    return labels.mask(labels == "")


def _is_numeric(cells: pd.Series, numbers: FloatArray, marked: bool) -> bool:
    """Return whether a target is numeric, even if some of its cells are words."""
    unread = np.isnan(numbers)
    different = np.unique(numbers[~unread])
    if (
        not len(different)
        or (len(different) == 1 and (unread.any() or marked))
        or are_zero_padded_codes(cells)
    ):
        return False
    if not unread.any():
        return True
    if len(different) > MAX_INTEGER_CLASSES or (different % 1 != 0).any():
        return bool(unread.mean() <= 0.5) or cells[unread].nunique() <= MAX_OTHER_WORDS
    # If the numbers look like class numbers, a word that occurs in only a few rows is not a separate class.
    rarely = all(count < MIN_ROWS_PER_CLASS for count in cells[unread].value_counts())
    return bool(unread.sum() <= max_unparsed(len(cells)) and rarely)


def _are_decorated_numbers(cells: pd.Series) -> bool:
    """Return whether the cells are labels even if they can be parsed as numbers, such as ``5K`` or ``2*``.

    There must be few distinct labels, and each must contain a letter or a footnote marker.
    """
    different = cells.drop_duplicates()
    if len(different) > MAX_INTEGER_CLASSES or len(cells) < MEAN_ROWS_PER_CLASS * len(different):
        return False
    return bool(different.str.contains(_DECORATED).all())


def _check_words(name: str, cells: pd.Series, unread: NDArray[np.bool_], options: TargetOptions) -> None:
    first = int(np.flatnonzero(unread)[0])
    cell = f"{cells.iloc[first].strip()!r} in row {get_row_number(cells, first)}"
    if unread.mean() > 0.5:
        raise DataError(f"regression requires a numeric target, but {name!r} contains {cell}")
    if not options.numbers:
        count = f", the first of {unread.sum():,} such cells" if unread.sum() > 1 else ""
        raise DataError(
            f"the target {name!r} contains {cell}{count}, but the other cells are numbers; write a number, leave the "
            f"cell empty, or use --type {name}=number to drop such rows (or --type {name}=category if it is a label)"
        )


def _note_labels(name: str, present: pd.Series, notes: list[str]) -> None:
    marked = is_missing_marker(present, "words")
    if marked.any():
        words = join_quoted(dict.fromkeys(to_string(present[marked])))
        notes.append(
            f"The target {name!r} contains {words} ({pluralize(int(marked.sum()), 'row')}). "
            "In a target of labels, only empty cells count as missing."
        )


__all__ = ["TargetOptions", "parse_target", "strip_target_unit"]
