"""The cells of a target column: numbers or labels, decided before anything is learned.

A label is a label: among words ``-``, ``None``, ``NA`` and ``?`` are classes like the others, and only an empty
cell is missing. Among numbers they are marks for a missing number, and any other word is a mistake in the table,
which is refused with its row, or left out where the user said that the target is one of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell.data.kinds import are_codes, row_of
from fitwell.data.moments import MOST_WORDS, date_format_of, tolerated
from fitwell.data.numerals import numbers_of
from fitwell.data.splits import FEW_OF_A_CLASS
from fitwell.data.target import MOST_NUMBERED_CLASSES, ROWS_PER_CLASS, holds_dates
from fitwell.data.units import without_unit
from fitwell.data.values import is_textual, marks_in, missing_in, texts_in
from fitwell.data.wording import counted, quoted
from fitwell.errors import DataError, InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

# Letters that are not an exponent, and marks of footnotes.
_DECORATED = r"[^\W\d_eE]|[*†‡\[]"
_TRUTHS = {"True": True, "False": False}


@dataclass(frozen=True)
class Wanted:
    """What the user said about the target: its task, and what it holds (``"number"``, ``"category"``)."""

    task: str | None = None
    type: str | None = None

    @property
    def numbers(self) -> bool:
        """Whether it must be numbers."""
        return self.task == "regression" or self.type == "number"


def measured(values: pd.Series, unit: str, wanted: Wanted) -> tuple[pd.Series, str]:
    """Return a target without the unit behind its numbers, and that unit; labels such as ``36 months`` keep it."""
    few = values.nunique() <= MOST_NUMBERED_CLASSES
    if not unit or (not wanted.numbers and (few or wanted.task is not None)):
        return values, ""
    return without_unit(values, unit), unit


def read_target(
    name: str, values: pd.Series, decimal: str | None, wanted: Wanted, notes: list[str]
) -> pd.Series:
    """Return a target column of text as numbers, truth values or labels, with nothing where it is missing.

    values: the column as it was written; one that holds no text is returned as it is.
    decimal: its decimal mark.
    notes: gets a sentence about words that count as missing, and about those that might have.

    Raises `DataError` naming a cell and its row where the column is neither numbers nor labels.
    """
    import pandas as pd

    if wanted.type not in (None, "number", "category"):
        raise InvalidArgument(
            f"the type of the target {name!r} must be number or category, got {wanted.type!r}"
        )
    present = values[~missing_in(values)]
    if not is_textual(values) or not all(isinstance(value, str) for value in present):
        return values.astype("category") if wanted.type == "category" else values
    if wanted.type == "category":
        return _labels(values).astype("category")
    marked = marks_in(present, "numbers")
    cells = present[~marked]
    numbers = numbers_of(cells, decimal or ".")
    unread = np.isnan(numbers)
    spelled = _are_words_of_numbers(cells)
    said_labels = (wanted.task not in (None, "regression") and unread.any()) or spelled
    if wanted.numbers or (not said_labels and _are_numbers(cells, numbers, bool(marked.any()))):
        if unread.any():
            _refuse_words(name, cells, unread, wanted)
        words = [*texts_in(present[marked]), *texts_in(cells[unread])]
        if words:
            count = counted(len(words), "row")
            notes.append(
                f"In the target {name!r}, {quoted(dict.fromkeys(words))} ({count}) count as missing, because all other "
                "values are numbers."
            )
        return pd.Series(
            numbers_of(values.astype(object).mask(marks_in(values, "numbers")), decimal or "."), values.index
        )
    if set(cells) == set(_TRUTHS):
        return values.map(_TRUTHS)
    if wanted.task is None and date_format_of(cells) is not None:
        raise DataError(f"{holds_dates(name)} (or say --type {name}=category if they are labels)")
    _note_labels(name, present, notes)
    labels = _labels(values)
    return labels.astype("category") if spelled or are_codes(cells) else labels


def _labels(values: pd.Series) -> pd.Series:
    labels = values.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else None)
    return labels.mask(labels == "")


def _are_numbers(cells: pd.Series, numbers: NDArray[np.float64], marked: bool) -> bool:
    """Return whether a target is meant to be numbers, even if some cells are words."""
    unread = np.isnan(numbers)
    different = np.unique(numbers[~unread])
    if not len(different) or (len(different) == 1 and (unread.any() or marked)) or are_codes(cells):
        return False
    if not unread.any():
        return True
    if len(different) > MOST_NUMBERED_CLASSES or (different % 1 != 0).any():
        return bool(unread.mean() <= 0.5) or cells[unread].nunique() <= MOST_WORDS
    # A word in few rows beside numbered classes is no class of its own.
    rarely = all(count < FEW_OF_A_CLASS for count in cells[unread].value_counts())
    return bool(unread.sum() <= tolerated(len(cells)) and rarely)


def _are_words_of_numbers(cells: pd.Series) -> bool:
    """Return whether a few labels would lose their spelling as numbers: ``5K`` and ``10K``, ``1*`` and ``2*``."""
    different = cells.drop_duplicates()
    if len(different) > MOST_NUMBERED_CLASSES or len(cells) < ROWS_PER_CLASS * len(different):
        return False
    return bool(different.str.contains(_DECORATED).all())


def _refuse_words(name: str, cells: pd.Series, unread: NDArray[np.bool_], wanted: Wanted) -> None:
    first = int(np.flatnonzero(unread)[0])
    cell = f"{cells.iloc[first].strip()!r} in row {row_of(cells, first)}"
    if unread.mean() > 0.5:
        raise DataError(f"regression needs a target of numbers, but {name!r} holds {cell}")
    if not wanted.numbers:
        count = f", the first of {unread.sum():,} such cells" if unread.sum() > 1 else ""
        raise DataError(
            f"the target {name!r} holds {cell}{count}, where the others are numbers; write a number there, or leave "
            f"the cell empty, or say --type {name}=number to leave such rows out (--type {name}=category if it is a "
            "label)"
        )


def _note_labels(name: str, present: pd.Series, notes: list[str]) -> None:
    marked = marks_in(present, "words")
    if marked.any():
        words = quoted(dict.fromkeys(texts_in(present[marked])))
        notes.append(
            f"In the target {name!r}, {words} ({counted(int(marked.sum()), 'row')}) is a label like the others; only "
            "empty cells are missing."
        )
