"""Small words for sentences about data: counts, lists, examples."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join_words(names: Iterable[object], most: int = 8) -> str:
    """Return names in a row, the first `most` of them.

    >>> listed("abc"), listed("abcd", most=2)
    ('a, b and c', 'a, b and 2 more')
    """
    words = [str(name) for name in names]
    if len(words) > most:
        words = words[:most] + [f"{len(words) - most:,} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def join_quoted(texts: Iterable[object], most: int = 5) -> str:
    """Return examples of values, each in quotes and none longer than 30 characters."""
    return join_words((repr(text if len(text) <= 30 else text[:29] + "…") for text in map(str, texts)), most)


def describe_near_duplicates(whose: str, texts: Iterable[object]) -> list[str]:
    """Return a sentence about texts that differ in case and blanks only, none if there are none.

    >>> alike("The classes of 'y'", ["No", "Yes", "yes"])
    ["The classes of 'y' 'Yes' and 'yes' are spelled nearly alike; they count as different."]
    """
    spellings: dict[str, list[object]] = {}
    for text in texts:
        if isinstance(text, str):
            spellings.setdefault(re.sub(r"[\s_]+", "", text.casefold()), []).append(text)
    found = [text for key, same in spellings.items() if key and len(same) > 1 for text in same]
    return (
        [f"{whose} {join_quoted(found)} are spelled nearly alike; they count as different."] if found else []
    )


def get_row_number(cells: pd.Series, position: int) -> str:
    """Return the row of a cell as people count: the first one below the names is 1."""
    label = cells.index[position]
    return f"{int(label) + 1:,}" if isinstance(label, int | np.integer) else repr(label)


__all__ = ["describe_near_duplicates", "get_row_number", "join_quoted", "join_words", "pluralize"]
