"""Infer whether a column of numbers has decimal points or decimal commas.

``1.250`` alone is ambiguous. The rules for each column of numbers, in this order:

1. The cells of the column, if more than 5 % of the cells with a separator have one reading only (``12,5``,
   ``0.377``, ``1.234,5``). Fewer are treated as stray cells.
2. The decimal separator in training, when a table is read for prediction, unless the columns of rule 1 show that
   this table uses the other separator.
3. The separator of most other columns of the table by rule 1.
4. Thousands separators, if all separators precede exactly three digits and other numbers have none (``1.250`` and
   ``950``).
5. Otherwise decimal commas in a file separated by semicolons, because Excel writes such files in locales with
   decimal commas, and decimal points in any other file. A note reports this guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fitwell._data.number_parsing import OTHER_DECIMAL, NumberFormatCounts, parse_number
from fitwell._data.text_format import join_quoted, join_words

_WORDS = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class DecimalSeparators:
    """Decimal separator of every column and of the whole table. None if it is ambiguous."""

    columns: dict[str, str | None]
    table: str | None


def infer_decimals(
    shapes: Mapping[str, NumberFormatCounts],
    *,
    separator: str | None = None,
    known: Mapping[str, str | None] | None = None,
    notes: list[str] | None = None,
) -> DecimalSeparators:
    """Return the decimal separators of columns of numbers.

    shapes: number formats of each column. For a column that was parsed as plain numbers they count its points.
    separator: cell separator of the file, None if it was not a text file.
    known: decimal separators in training.
    notes: list to which warnings about guesses and about differences from training are appended.
    """
    notes = notes if notes is not None else []
    known = known or {}
    unambiguous = {name: shape.mark for name, shape in shapes.items() if shape.is_unambiguous}
    votes = Counter(mark for mark in unambiguous.values() if mark)
    table = None if votes["."] == votes[","] else max(votes, key=lambda mark: votes[mark])
    contradicting = [name for name, mark in unambiguous.items() if known.get(name) not in (None, mark)]
    swapped = bool(contradicting) and not any(known.get(name) == mark for name, mark in unambiguous.items())
    marks: dict[str, str | None] = {}
    like_others: dict[str, list[str]] = {}
    guessed: dict[str, list[str]] = {}
    for name, shape in shapes.items():
        before = known.get(name)
        if name in unambiguous:
            marks[name] = unambiguous[name]
        elif before is not None:
            marks[name] = OTHER_DECIMAL[before] if swapped else before
            contradicting += [name] if swapped and shape.either else []
        else:
            marks[name] = table or _infer_from_groups(shape)
            if marks[name] is None and shape.either:
                marks[name] = "," if separator == ";" else "."
            if shape.either and shape.mark is None:
                ambiguous = guessed if table is None else like_others
                ambiguous.setdefault(str(marks[name]), []).append(name)
    if table is None and not swapped:
        as_before = [
            name
            for name, shape in shapes.items()
            if known.get(name) is not None
            and shape.either
            and not shape.point
            and not shape.comma
            and parse_number(shape.example, str(known[name])) != parse_number(shape.example, ".")
        ]
        if as_before:
            example, mark = shapes[as_before[0]].example, str(known[as_before[0]])
            notes.append(
                f"The numbers in {join_quoted(as_before)}, such as {example}, may have decimals or thousands. They were "
                f"read with a decimal {_WORDS[mark]}, as in training: {example} as {parse_number(example, mark):.12g}."
            )
    for ambiguous, reason in ((like_others, "Like other columns,"), (guessed, "The table is ambiguous;")):
        for mark, names in ambiguous.items():
            example = shapes[names[0]].example
            notes.append(
                f"The numbers in {join_quoted(names)}, such as {example}, may have decimals or thousands. {reason} "
                f"they were read with a decimal {_WORDS[mark]}: {example} as {parse_number(example, mark):.12g}."
            )
    if contradicting:
        written = str(marks[contradicting[0]])
        notes.append(
            f"The numbers in {join_words(map(repr, contradicting))} have a decimal {_WORDS[written]} here but not in "
            f"training; they were read with a decimal {_WORDS[written]}."
        )
    return DecimalSeparators(marks, table)


def _infer_from_groups(shape: NumberFormatCounts) -> str | None:
    if 20 * shape.unmarked >= shape.unmarked + shape.either > shape.unmarked:
        return "," if shape.either_point >= shape.either_comma else "."
    return shape.mark
