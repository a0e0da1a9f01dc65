"""Detection of the line with the column names in a text file that may begin with titles and comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

MAX_LINES_ABOVE = 30
# Minimum fraction of the lines that must have the same number of cells as the column names.
_MIN_REGULAR_FRACTION = 0.9
_LIKE_A_NUMBER = re.compile(r"[-+(]?\W{0,2}[0-9]")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")

SplitCells = Callable[[Sequence[str], Sequence[str]], list[list[str]]]


def find_header(lines: Sequence[str], split_cells: SplitCells) -> int:
    """Find the line with the column names and return its index.

    The first line contains the column names, with two exceptions. Leading lines that begin with ``#`` are skipped, but
    the last of them is kept if it has as many cells as the line below it, and that line contains a number. If the first
    remaining line does not have as many cells as most lines, all lines above the first one that looks like column
    names are skipped.

    Args:
        lines: The first nonblank lines of the file.
        split_cells: A function that splits the lines in its first argument into cells. It detects the separator from
            the lines in its second argument.
    """
    start = _skip_comments(lines, split_cells)
    rows = split_cells(lines[start:], lines[start:])
    if len(rows) < 2 or _is_clean(rows) or _is_short_by_one(rows):
        return start
    for place in range(start + 1, min(start + 1 + MAX_LINES_ABOVE, len(lines) - 1)):
        below = split_cells(lines[place:], lines[place:])
        above = split_cells(lines[start:place], lines[place:])
        names = below[0]
        if (
            _are_names(names)
            and all(_count_filled(row) < len(names) for row in above)
            and _regular_fraction(below) >= _MIN_REGULAR_FRACTION
        ):
            return place
    return start


def _skip_comments(lines: Sequence[str], split_cells: SplitCells) -> int:
    comments = 0
    while comments < len(lines) - 1 and lines[comments].lstrip().startswith("#"):
        comments += 1
    if not comments:
        return 0
    # The last comment may contain the column names, because NumPy writes them as a comment. "#" may also be the name of
    # the first column.
    names, first = split_cells(lines[comments - 1 :], lines[comments:])[:2]
    data = any(_LIKE_A_NUMBER.match(cell) for cell in first)
    return comments - 1 if len(names) == len(first) > 1 and data else comments


def _is_clean(rows: list[list[str]]) -> bool:
    names = rows[0]
    padded = len(names) > 2 and 2 * _count_filled(names) <= len(names) and bool(names[0])
    return len(names) > 1 and not padded and _regular_fraction(rows) >= _MIN_REGULAR_FRACTION


def _is_short_by_one(rows: list[list[str]]) -> bool:
    """Return whether each line has one more cell than the header, as in files that R writes with row names."""
    names = len(rows[0])
    if names == 1 or _count_filled(rows[0]) < names or any(len(row) != names + 1 for row in rows[1:]):
        return False
    # If the second row looks like column names and numbers follow, it is the header.
    numbers = any(_LIKE_A_NUMBER.match(cell) for row in rows[2:] for cell in row)
    return not (_are_names(rows[1]) and numbers)


def _regular_fraction(rows: list[list[str]]) -> float:
    names = len(rows[0])
    return sum(len(row) == names or (len(row) == names + 1 and not row[-1]) for row in rows) / len(rows)


def _count_filled(row: list[str]) -> int:
    return sum(bool(cell) for cell in row)


def _are_names(row: list[str]) -> bool:
    names = row[:-1] if row and not row[-1] else row
    if len(names) < 2 or not all(names) or len(set(names)) < len(names) or _LIKE_A_NUMBER.match(names[0]):
        return False
    return all(_YEAR.fullmatch(name) or not _LIKE_A_NUMBER.match(name) for name in names)


__all__ = ["MAX_LINES_ABOVE", "SplitCells", "find_header"]
