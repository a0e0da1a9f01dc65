"""Inference of whether a column's numbers have decimal points or decimal commas.

A single cell such as ``1.250`` is ambiguous. For each column of numbers, the first rule that applies decides:

1. If more than 5 % of the cells with a separator are unambiguous, such as ``12,5``, ``0.377`` and ``1.234,5``, the
   column has the decimal separator that most of these cells need. If fewer are, they are treated as stray cells.
2. If the table is read for prediction, the column has the same separator as in training, unless the columns to which
   rule 1 applies show that the table uses the other separator.
3. If rule 1 applies to other columns of the table, the column has the separator that most of those columns have.
4. If all separators precede exactly three digits, and at least 5 % of the numbers have no separator, such as ``950``
   next to ``1.250``, the separators are thousands separators.
5. Otherwise, the column is assumed to have decimal commas if the file's cells are separated by semicolons, because
   Excel writes such files in locales with decimal commas. In any other file, it is assumed to have decimal points.
   A note reports this guess.
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
    """The decimal separators of a table.

    Attributes:
        columns: A dict that maps the name of each column to its decimal separator, or to None if it is ambiguous.
        table: The separator of most columns, or None if it is ambiguous.
    """

    columns: dict[str, str | None]
    table: str | None


def infer_decimals(
    formats: Mapping[str, NumberFormatCounts],
    *,
    separator: str | None = None,
    known: Mapping[str, str | None] | None = None,
    notes: list[str] | None = None,
) -> DecimalSeparators:
    """Infer the decimal separators of all columns of numbers.

    Args:
        formats: A dict that maps each column's name to its number format counts. For a column that has already been
            parsed, these count only decimal points.
        separator: The file's cell separator, or None if the table was not read from a text file.
        known: A dict that maps column names to the decimal separators in training.
        notes: A list to which warnings about guesses and about differences from training are appended.
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
    reason = "The table is ambiguous, so" if table is None else "As in other columns,"
    for decimal, names in ambiguous.items():
        _note_ambiguous(names, formats[names[0]].example, decimal, f"{reason} they were read with", "", notes)
    if contradicting:
        word = _WORDS[str(decimals[contradicting[0]])]
        notes.append(
            f"The numbers in {join_words(map(repr, contradicting))} have decimal {word}s here but not in training; "
            f"they were read with decimal {word}s."
        )
    return DecimalSeparators(decimals, table)


def _note_decimals_of_training(
    formats: Mapping[str, NumberFormatCounts], known: Mapping[str, str | None], notes: list[str]
) -> None:
    """Append a note about ambiguous columns that are read with the decimal separator used in training."""
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
        f"The numbers in {join_quoted(names)}, such as {example}, may have decimal or thousands separators. {reading} "
        f"decimal {_WORDS[decimal]}s{reason}; for example, {example} means {parse_number(example, decimal):.12g}."
    )


def _infer_from_groups(counts: NumberFormatCounts) -> str | None:
    """Infer the decimal separator according to rule 4, from the fraction of numbers without any separator."""
    if 20 * counts.unmarked >= counts.unmarked + counts.either > counts.unmarked:
        return "," if counts.either_point >= counts.either_comma else "."
    return counts.decimal


__all__ = ["DecimalSeparators", "infer_decimals"]
