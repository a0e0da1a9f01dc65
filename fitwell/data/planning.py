"""What becomes of each column of a table: decided from the training rows alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fitwell.data.columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
    PresenceColumn,
)
from fitwell.data.values import date_format_of, is_textual, missing_in, numbers_in, readable_share, texts_in
from fitwell.data.wording import counted, quoted

if TYPE_CHECKING:
    import pandas as pd

# A text column is one of numbers if nearly all its values are, and the others are a few words for "missing".
NUMBER_SHARE = 0.95
MOST_WORDS = 3
# Fewer distinct texts than this are categories even if every row has another.
FEW_TEXTS = 10

_IDENTIFIER = re.compile(
    r"(^|[\W_])(id|ids|uuid|guid|index|idx|row|rownum|row_?number|unnamed: ?\d+|__index_level_\d+__)$",
    re.IGNORECASE,
)
_CAMEL_IDENTIFIER = re.compile(r"[a-z](Id|ID)$")


def plan_column(name: str, values: pd.Series, notes: list[str]) -> Column | str:
    """Return the fitted column for the training rows' `values`, or the reason why it is dropped.

    The rules, in this order:

    * no value, or one value and no gap: dropped; one value and gaps: only whether there is a value counts;
    * truth values, and the words true and false: 1 and 0;
    * moments, and text in one date format throughout: taken apart into parts of a date;
    * what Parquet calls categories: one-hot, even if they are numbers;
    * numbers, and text of which at least 95 % are numbers and the rest at most 3 different words, which
      count as missing: standardised; but whole numbers that only number the rows are dropped, and a single
      number beside words is a category like them;
    * other text: one-hot over its 50 most frequent values; but dropped where more than half of the rows
      have a value of their own (an identifier, or free text);
    * anything else (lists, images, complex numbers): dropped.
    """
    import pandas as pd

    kind = values.dtype.kind
    if kind not in "biufmMO":
        return f"it holds values of type {values.dtype}"
    missing = missing_in(values)
    present = values[~missing]
    if not len(present):
        return "it is empty"
    if kind == "O" and not _all_plain(present):
        return f"it holds values of type {type(present.iloc[0]).__name__}"
    texts = texts_in(present)
    different = len(set(texts))
    gaps = int(missing.sum())
    if different == 1:
        return _plan_constant(name, texts[0], gaps)
    if kind == "b" or (is_textual(values) and {text.lower() for text in texts} == {"true", "false"}):
        return BooleanColumn.fit(name, values)
    if kind == "M":
        return _plan_date(name, values, None, gaps)
    if kind != "O":
        return _plan_number(name, values, gaps)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _plan_category(name, values, different, len(present))
    if _reads_as_numbers(present):
        numbers = numbers_in(present)
        words = sorted(set(texts[np.isnan(numbers)]))
        if words and len(set(numbers[~np.isnan(numbers)])) == 1:
            return _plan_category(name, values, different, len(present))
        if words:
            notes.append(
                f"In {name!r}, {quoted(words)} count as missing, because all other values are numbers."
            )
        return _plan_number(name, values, gaps)
    date = date_format_of(values)
    if date is not None:
        pattern, ambiguous = date
        if ambiguous:
            notes.append(f"The dates in {name!r} fit several formats; they were read as {pattern}.")
        return _plan_date(name, values, pattern, gaps)
    return _plan_category(name, values, different, len(present))


def _all_plain(present: pd.Series) -> bool:
    return not any(isinstance(value, list | dict | set | tuple | bytes | np.ndarray) for value in present)


def _reads_as_numbers(present: pd.Series) -> bool:
    share = readable_share(present)
    if share == 1.0:
        return True
    if share < NUMBER_SHARE:
        return False
    return len(set(texts_in(present[np.isnan(numbers_in(present))]))) <= MOST_WORDS


def _plan_constant(name: str, value: str, gaps: int) -> Column | str:
    return PresenceColumn(name, gaps) if gaps else f"it has the single value {quoted([value])}"


def _plan_date(name: str, values: pd.Series, pattern: str | None, gaps: int) -> Column | str:
    column = DateColumn.fit(name, values, pattern)
    # One moment may be written in two ways.
    return column if column.parts else _plan_constant(name, texts_in(values[~missing_in(values)])[0], gaps)


def _plan_number(name: str, values: pd.Series, gaps: int) -> Column | str:
    numbers = numbers_in(values)
    present = numbers[~np.isnan(numbers)]
    if np.ptp(present) == 0:  # one number written in two ways, such as 5 and 5.0
        return _plan_constant(name, f"{present[0]:g}", gaps)
    if _numbers_the_rows(name, numbers):
        return "it numbers the rows"
    return NumberColumn.fit(name, values)


def _numbers_the_rows(name: str, numbers: np.ndarray) -> bool:
    """Return whether these are different whole numbers, named like an identifier or without large gaps."""
    if np.isnan(numbers).any() or (numbers % 1 != 0).any() or len(np.unique(numbers)) < len(numbers):
        return False
    if _IDENTIFIER.search(name) or _CAMEL_IDENTIFIER.search(name) or not name:
        return True
    # Training rows are at least about half of all, so a running number skips at most about every other one.
    return len(numbers) >= 100 and bool(np.ptp(numbers) < 2 * len(numbers))


def _plan_category(name: str, values: pd.Series, different: int, present: int) -> Column | str:
    if different > FEW_TEXTS and different > present / 2:
        return f"{different:,} of its {counted(present, 'value')} are different: an identifier, or free text"
    return CategoryColumn.fit(name, values)
