"""Rules that decide from a column's cells whether it contains booleans, codes, numbers or dates."""

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

# A boolean has few spellings, such as True, true, TRUE and " true". A column with more distinct cells is not boolean.
MAX_SPELLINGS = 20
# Only 1 in 27 integers between 19000101 and 21001231 is a valid date, so this many distinct dates are not a
# coincidence.
MIN_COMPACT_DATES = 3
# Maximum number of missing-value words that a column stores. The limit keeps free-text comments out of saved files.
MAX_MISSING_WORDS = 20
_IP_ADDRESS = re.compile(r"\s*[0-9]{1,3}(?:\.[0-9]{1,3}){3}\s*")
# An unparsed cell with a digit may be a number in an unknown format. Cells such as "<0.1" are excluded, because they
# are values below a detection limit.
_MEASURED = r"^[^<>≤≥]*[0-9]"


def are_booleans(cells: pd.Series) -> bool:
    """Return whether the cells contain exactly two words that form a pair, such as true and false, or yes and no."""
    spellings = cells.drop_duplicates()
    if len(spellings) > MAX_SPELLINGS:
        return False
    different = {text.casefold() for text in to_string(spellings)}
    return len(different) == 2 and different in BOOLEAN_PAIRS


def are_zero_padded_codes(cells: pd.Series) -> bool:
    """Return whether the cells contain codes such as ``007``, whose leading zeros matter.

    All cells must consist of digits, and at least one must have a leading zero. In addition, either all cells have the
    same length, or more than 5 % of them have leading zeros (see `max_unparsed`).
    """
    strings = cells.astype("str").str.strip()
    zeros = strings.str.fullmatch("0[0-9]+")
    if not zeros.any() or not strings.str.fullmatch("[0-9]+").all():
        return False
    return strings.str.len().nunique() == 1 or int(zeros.sum()) > max_unparsed(len(strings))


def are_ip_addresses(cells: pd.Series) -> bool:
    """Return whether the cells contain IP addresses.

    Without this check, 192.168.100.200 would be read as a number with thousands separators.
    """
    if not len(cells) or not _IP_ADDRESS.fullmatch(str(cells.iloc[0])):
        return False
    return bool(cells.astype("str").str.fullmatch(_IP_ADDRESS).all())


def are_mostly_numbers(cells: pd.Series, numbers: FloatArray, marked: bool = False) -> bool:
    """Return whether a column contains numbers, and few enough unparsed cells to treat them as missing.

    Args:
        cells: The nonempty cells, without missing-value markers.
        numbers: The parsed cells, with NaN for each cell that is not a number.
        marked: Whether the column has missing-value markers.
    """
    unread = np.isnan(numbers)
    different = len(np.unique(numbers[~unread]))
    if not different:
        return False
    if different == 1 and (unread.any() or marked):
        return False  # a single distinct number among words is treated as a word
    words = cells[unread]
    if is_mostly_parsed(cells, np.ones(len(cells), dtype=np.int64), ~unread):
        few = len(words) <= max_unparsed(len(cells))
        return few or (
            different > MIN_DISTINCT_VALUES and not words.astype("str").str.contains(_MEASURED).any()
        )
    return False


def are_compact_dates(numbers: FloatArray, name: str, notes: list[str]) -> bool:
    """Return whether the numbers are probably dates such as 20240131. If so, append a note to `notes`."""
    import pandas as pd

    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers) or numbers.min() < 19000101 or numbers.max() > 21001231:
        return False
    if (numbers % 1).any() or len(np.unique(numbers)) < MIN_COMPACT_DATES:
        return False
    if not to_datetime(pd.Series(numbers), "%Y%m%d").notna().all():
        return False
    notes.append(
        f"Values in {name!r} such as {numbers[0]:.0f} were read as dates; use --type {name}=number to keep them as "
        "numbers."
    )
    return True


def describe_mixed_decimals(cells: pd.Series) -> str:
    """Describe a column that mixes decimal points and decimal commas. Return ``""`` for any other column."""
    point, comma = np.isfinite(parse_numbers(cells, ".")), np.isfinite(parse_numbers(cells, ","))
    only_point, only_comma = point & ~comma, comma & ~point
    neither = int((~(point | comma)).sum())
    if neither > max_unparsed(len(cells)) or not only_point.any() or not only_comma.any():
        return ""
    strings = to_string(cells)
    examples = join_quoted([strings[only_point][0], strings[only_comma][0]])
    return f"numbers with decimal points and numbers with decimal commas, such as {examples}"


def has_percent_signs(cells: pd.Series, name: str, notes: list[str]) -> bool:
    """Return whether any number has a percent sign. Append a note if only some of them have one."""
    signed = cells.astype("str").str.contains("%", regex=False).to_numpy(dtype=bool, na_value=False)
    if signed.any() and not signed.all():
        example = str(cells[~signed].iloc[0]).strip()
        notes.append(
            f"{name!r} has {pluralize(int(signed.sum()), 'cell')} with a percent sign and {int((~signed).sum()):,} "
            f"without one; all were read as percentages, so {example} means {example} %."
        )
    return bool(signed.any())


def find_missing_words(
    name: str, present: pd.Series, unread: NDArray[np.bool_], kind: str, notes: list[str]
) -> tuple[str, ...]:
    """Return at most 20 unparsed words without digits. In other tables, these words will count as missing too.

    A note about all unparsed cells is appended to `notes`.
    """
    if not unread.any():
        return ()
    different = list(dict.fromkeys(to_string(present[unread])))
    notes.append(
        f"Treated {join_quoted(different)} ({pluralize(int(unread.sum()), 'cell')}) in {name!r} as missing, "
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
