"""Rules that tell from the cells of a column whether it holds booleans, codes, numbers or dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import BOOLEAN_PAIRS, to_string
from fitwell._data.date_parsing import to_datetime
from fitwell._data.number_parsing import parse_numbers
from fitwell._data.parse_tolerance import MIN_DISTINCT_VALUES, is_mostly_parsed, max_unparsed
from fitwell._data.text_format import join_quoted, pluralize
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

# Two booleans have few spellings: True, true, TRUE, " true". A column with more holds words.
MAX_SPELLINGS = 20
# One number in 27 of this size is a valid date, so this many distinct dates are not a coincidence.
MIN_COMPACT_DATES = 3
# Few words mean a missing value. A column of comments among numbers is not memorized.
MAX_MISSING_WORDS = 20
_IP_ADDRESS = re.compile(r"\s*[0-9]{1,3}(?:\.[0-9]{1,3}){3}\s*")
# A word with a digit may be a number of another kind. "<0.1" is a value below the detection limit.
_MEASURED = r"^[^<>≤≥]*[0-9]"


def are_booleans(cells: pd.Series) -> bool:
    """Return whether the cells hold only the two words of one pair, such as true and false, or yes and no."""
    spellings = cells.drop_duplicates()
    if len(spellings) > MAX_SPELLINGS:
        return False
    different = {text.casefold() for text in to_string(spellings)}
    return len(different) == 2 and different in BOOLEAN_PAIRS


def are_zero_padded_codes(cells: pd.Series) -> bool:
    """Return whether the cells hold only digits, of equal lengths or often with leading zeros: ``007`` is not 7."""
    strings = cells.astype("str").str.strip()
    zeros = strings.str.fullmatch("0[0-9]+")
    if not zeros.any() or not strings.str.fullmatch("[0-9]+").all():
        return False
    return strings.str.len().nunique() == 1 or int(zeros.sum()) > max_unparsed(len(strings))


def are_ip_addresses(cells: pd.Series) -> bool:
    """Return whether the cells hold IP addresses such as 192.168.100.200, not numbers with thousands separators."""
    if not len(cells) or not _IP_ADDRESS.fullmatch(str(cells.iloc[0])):
        return False
    return bool(cells.astype("str").str.fullmatch(_IP_ADDRESS).all())


def are_mostly_numbers(cells: pd.Series, numbers: FloatArray, marked: bool = False) -> bool:
    """Return whether a column holds numbers, with a few cells that cannot be parsed.

    cells: the nonempty cells, without missing-value markers.
    numbers: the parsed cells, NaN if a cell is not a number.
    marked: whether the column has missing-value markers.
    """
    unread = np.isnan(numbers)
    different = len(np.unique(numbers[~unread]))
    if not different:
        return False
    if different == 1 and (unread.any() or marked):
        return False  # a single number among words is a word too
    words = cells[unread]
    if is_mostly_parsed(cells, np.ones(len(cells), dtype=np.int64), ~unread):
        few = len(words) <= max_unparsed(len(cells))
        return few or (
            different > MIN_DISTINCT_VALUES and not words.astype("str").str.contains(_MEASURED).any()
        )
    return False


def are_compact_dates(numbers: FloatArray, name: str, notes: list[str]) -> bool:
    """Return whether all numbers are dates such as 20240131. Append a note if they are."""
    import pandas as pd

    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers) or numbers.min() < 19000101 or numbers.max() > 21001231:
        return False
    if (numbers % 1).any() or len(np.unique(numbers)) < MIN_COMPACT_DATES:
        return False
    if not to_datetime(pd.Series(numbers), "%Y%m%d").notna().all():
        return False
    notes.append(
        f"The numbers in {name!r} are dates, such as {numbers[0]:.0f}; use --type {name}=number for numbers."
    )
    return True


def describe_mixed_decimals(cells: pd.Series) -> str:
    """Describe a column that contains numbers with decimal points and with decimal commas, else return ``""``."""
    point, comma = np.isfinite(parse_numbers(cells, ".")), np.isfinite(parse_numbers(cells, ","))
    only_point, only_comma = point & ~comma, comma & ~point
    neither = int((~(point | comma)).sum())
    if neither > max_unparsed(len(cells)) or not only_point.any() or not only_comma.any():
        return ""
    strings = to_string(cells)
    examples = join_quoted([strings[only_point][0], strings[only_comma][0]])
    return f"numbers with decimal points and numbers with decimal commas, such as {examples}"


def has_percent_signs(cells: pd.Series, name: str, notes: list[str]) -> bool:
    """Return whether any number has a percent sign. Append a note if others have none."""
    signed = cells.astype("str").str.contains("%", regex=False).to_numpy(dtype=bool, na_value=False)
    if signed.any() and not signed.all():
        example = str(cells[~signed].iloc[0]).strip()
        notes.append(
            f"{name!r} has {pluralize(int(signed.sum()), 'cell')} with a percent sign and {int((~signed).sum()):,} "
            f"without; all were read as percent, {example} as {example} %."
        )
    return bool(signed.any())


def find_missing_words(
    name: str, present: pd.Series, unread: NDArray[np.bool_], kind: str, notes: list[str]
) -> tuple[str, ...]:
    """Return the words that mean a missing value. Append a note with all unparsed cells."""
    if not unread.any():
        return ()
    different = list(dict.fromkeys(to_string(present[unread])))
    notes.append(
        f"In {name!r}, {join_quoted(different)} ({pluralize(int(unread.sum()), 'cell')}) count as missing, "
        f"because all other values are {kind}."
    )
    words = [word for word in different if not any(character.isdigit() for character in word)]
    return tuple(words[:MAX_MISSING_WORDS])


__all__ = [
    "are_booleans",
    "are_compact_dates",
    "are_ip_addresses",
    "are_mostly_numbers",
    "are_zero_padded_codes",
    "describe_mixed_decimals",
    "find_missing_words",
    "has_percent_signs",
]
