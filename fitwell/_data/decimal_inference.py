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
    """Decimal separator of every column and of the whole table, or None if it is ambiguous."""

    columns: dict[str, str | None]
    table: str | None


def infer_decimals(
    formats: Mapping[str, NumberFormatCounts],
    *,
    separator: str | None = None,
    known: Mapping[str, str | None] | None = None,
    notes: list[str] | None = None,
) -> DecimalSeparators:
    """Return the decimal separators of columns of numbers.

    formats: number formats of each column. For a column that was parsed as plain numbers they count its points.
    separator: cell separator of the file, or None if it was not a text file.
    known: decimal separators in training.
    notes: list to which warnings about guesses and about differences from training are appended.
    """
    notes = notes if notes is not None else []
    known = known or {}
    unambiguous = {name: counts.decimal for name, counts in formats.items() if counts.is_unambiguous}
    votes = Counter(decimal for decimal in unambiguous.values() if decimal)
    table = None if votes["."] == votes[","] else max(votes, key=lambda decimal: votes[decimal])
    contradicting = [name for name, decimal in unambiguous.items() if known.get(name) not in (None, decimal)]
    swapped = bool(contradicting) and not any(
        known.get(name) == decimal for name, decimal in unambiguous.items()
    )
    decimals: dict[str, str | None] = {}
    ambiguous: dict[str, list[str]] = {}
    for name, counts in formats.items():
        before = known.get(name)
        if name in unambiguous:
            decimals[name] = unambiguous[name]
        elif before is not None:
            decimals[name] = OTHER_DECIMAL[before] if swapped else before
            contradicting += [name] if swapped and counts.either else []
        else:
            decimals[name] = table or _infer_from_groups(counts)
            if decimals[name] is None and counts.either:
                decimals[name] = "," if separator == ";" else "."
            if counts.either and counts.decimal is None:
                ambiguous.setdefault(str(decimals[name]), []).append(name)
    if table is None and not swapped:
        _note_decimals_of_training(formats, known, notes)
    reason = "The table is ambiguous;" if table is None else "Like other columns,"
    for decimal, names in ambiguous.items():
        _note_ambiguous(names, formats[names[0]].example, decimal, f"{reason} they were read with", "", notes)
    if contradicting:
        word = _WORDS[str(decimals[contradicting[0]])]
        notes.append(
            f"The numbers in {join_words(map(repr, contradicting))} have a decimal {word} here but not in training; "
            f"they were read with a decimal {word}."
        )
    return DecimalSeparators(decimals, table)


def _note_decimals_of_training(
    formats: Mapping[str, NumberFormatCounts], known: Mapping[str, str | None], notes: list[str]
) -> None:
    """Report the ambiguous columns that are read with the decimal separator of training."""
    names = [
        name
        for name, counts in formats.items()
        if known.get(name) is not None
        and counts.either
        and not counts.point
        and not counts.comma
        and parse_number(counts.example, str(known[name])) != parse_number(counts.example, ".")
    ]
    if names:
        decimal = str(known[names[0]])
        _note_ambiguous(
            names, formats[names[0]].example, decimal, "They were read with", ", as in training", notes
        )


def _note_ambiguous(
    names: list[str], example: str, decimal: str, reading: str, reason: str, notes: list[str]
) -> None:
    notes.append(
        f"The numbers in {join_quoted(names)}, such as {example}, may have decimals or thousands. {reading} a decimal "
        f"{_WORDS[decimal]}{reason}: {example} as {parse_number(example, decimal):.12g}."
    )


def _infer_from_groups(counts: NumberFormatCounts) -> str | None:
    """Infer the decimal separator from numbers without one, see rule 4."""
    if 20 * counts.unmarked >= counts.unmarked + counts.either > counts.unmarked:
        return "," if counts.either_point >= counts.either_comma else "."
    return counts.decimal


__all__ = ["DecimalSeparators", "infer_decimals"]
