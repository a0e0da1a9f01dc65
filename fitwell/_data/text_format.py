"""Formatting of counts, lists and examples in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun in the singular or plural.

    >>> pluralize(1, "row"), pluralize(1200, "row"), pluralize(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join_words(names: Iterable[object], most: int = 8) -> str:
    """Join the first `most` names with commas and "and".

    >>> join_words("abc"), join_words("abcd", most=2)
    ('a, b and c', 'a, b and 2 more')
    """
    words = [str(name) for name in names]
    if len(words) > most:
        words = words[:most] + [f"{len(words) - most:,} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def join_quoted(strings: Iterable[object], most: int = 5) -> str:
    """Join the first `most` values. Each is quoted and truncated to 30 characters."""
    return join_words(
        (repr(text if len(text) <= 30 else text[:29] + "…") for text in map(str, strings)), most
    )


def describe_near_duplicates(whose: str, strings: Iterable[object]) -> list[str]:
    """Describe strings that differ only in case, spaces or underscores. Return one sentence or an empty list.

    >>> describe_near_duplicates("The classes of 'y'", ["No", "Yes", "yes"])
    ["The classes of 'y' include 'Yes' and 'yes', which have similar spellings but count as different."]
    """
    spellings: dict[str, list[object]] = {}
    for text in strings:
        if isinstance(text, str):
            spellings.setdefault(re.sub(r"[\s_]+", "", text.casefold()), []).append(text)
    found = [text for key, same in spellings.items() if key and len(same) > 1 for text in same]
    return (
        [f"{whose} include {join_quoted(found)}, which have similar spellings but count as different."]
        if found
        else []
    )


def get_row_number(cells: pd.Series, position: int) -> str:
    """Return a cell's row number for messages. The first row below the column names is row 1."""
    label = cells.index[position]
    return f"{int(label) + 1:,}" if isinstance(label, int | np.integer) else repr(label)


__all__ = ["describe_near_duplicates", "get_row_number", "join_quoted", "join_words", "pluralize"]
