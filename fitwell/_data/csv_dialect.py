"""Detect the dialect of a text file: its encoding, cell separator, and the line of the column names."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from fitwell._data.csv_header import MAX_LINES_ABOVE, find_header
from fitwell._data.number_parsing import OTHER_DECIMAL, parse_number
from fitwell.errors import DataError, InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_BYTES = 1 << 16
_SAMPLE_LINES = 200
_SAMPLE_CELLS = 2000
SPACES = r"\s+"  # any number of spaces and tabs, in the notation of pandas
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "bar": "|", "space": SPACES, " ": SPACES}
_SEPARATOR_ATTR = "separator in the file"
_SEP_LINE = re.compile(r'\ufeff?"?sep=(\\t|.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """The format of a text file.

    encoding: ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be``, ``utf-32`` or ``cp1252``.
    separator: one character, or ``SPACES``.
    skipped: number of lines before the column names: Excel's ``sep=;``, titles and comments.
    rows: cells of the first lines, beginning with the column names.
    above: nonblank lines before the column names, without Excel's.
    """

    encoding: str
    separator: str
    skipped: int
    rows: list[list[str]]
    above: tuple[str, ...] = ()


def sniff_dialect(path: Path, separator: str | None = None) -> Dialect:
    """Detect the dialect of a file from its first lines, and the encoding from the whole file.

    separator: set by the user: a character, or ``comma``, ``semicolon``, ``tab``, ``bar``, ``space``.

    Raises `DataError` if the file is not a text file, and `InvalidArgument` for an invalid separator.
    """
    known = None if separator is None else parse_separator(separator)
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise DataError(f"{path} is empty")
    encoding = _sniff_encoding(path, sample)
    lines = _whole_lines(sample, encoding)
    sep_line = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if sep_line:
        known = known or parse_separator(sep_line[1])
    first_line = int(sep_line is not None)
    nonblank = [place for place, line in enumerate(lines) if line.strip() and place >= first_line]
    if not nonblank:
        raise DataError(f"{path} is empty")
    candidates = [lines[place] for place in nonblank[: _SAMPLE_LINES + MAX_LINES_ABOVE]]
    found: dict[int, str] = {}  # separators by the number of lines below titles

    def split_cells(part: Sequence[str], like: Sequence[str]) -> list[list[str]]:
        if known is None and len(like) not in found:
            found[len(like)] = _sniff_separator(like)
        return _rows(part, known or found[len(like)])

    start = find_header(candidates, split_cells)
    candidates = candidates[start : start + _SAMPLE_LINES]
    known = known or found.get(len(candidates)) or _sniff_separator(candidates)
    skipped = nonblank[start] if start else first_line
    above = tuple(lines[place] for place in nonblank[:start])
    return Dialect(encoding, known, skipped, _rows(candidates, known), above)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading. Decompress it if its name ends in ``.gz``."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def parse_separator(name: str) -> str:
    """Return the separator for the name or character given by the user.

    >>> parse_separator(";"), parse_separator("comma")
    (';', ',')
    """
    separator = _NAMES.get(name.lower(), name)
    if (len(separator) != 1 and separator != SPACES) or separator in '"\n\r' or separator.isalnum():
        raise InvalidArgument(
            f"the separator must be one character, or comma, semicolon, tab, bar or space, got {name!r}"
        )
    return separator


def describe_separator(separator: str) -> str:
    """Return a description of the separator for messages."""
    return "blanks" if separator == SPACES else f"{SEPARATORS.get(separator, repr(separator))}s"


def get_separator(table: pd.DataFrame) -> str | None:
    """Return the cell separator of the text file that a table was read from, or None for other tables."""
    return table.attrs.get(_SEPARATOR_ATTR)


def set_separator(table: pd.DataFrame, separator: str) -> None:
    """Store the cell separator of the text file that a table was read from."""
    table.attrs[_SEPARATOR_ATTR] = separator


def _sniff_encoding(path: Path, sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample:
        # No byte order mark. In UTF-16 nearly every second byte of a table is 0.
        pairs = len(sample) // 2
        for encoding, zeros in (
            ("utf-16-le", sample[1::2].count(0)),
            ("utf-16-be", sample[::2].count(0)),
        ):
            if zeros > 0.8 * pairs and sample.count(0) == zeros:
                return encoding
        raise DataError(f"{path} holds binary data, expected lines of text")
    # The first non-ASCII character may come after the sample.
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _whole_lines(sample: bytes, encoding: str) -> list[str]:
    # Not `splitlines`, which also splits at form feeds and similar characters.
    lines = re.split("\r\n|\n|\r", sample.decode(encoding, errors="replace"))
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # truncated
    return lines


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == SPACES:
        lines, separator = [" ".join(line.split()) for line in lines], " "
    try:
        return [
            [cell.strip() for cell in row]
            for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)
            if row
        ]
    except csv.Error:  # unclosed quotes
        return [line.split(separator) for line in lines]


def _sniff_separator(lines: Sequence[str]) -> str:
    """Return the separator that splits most lines into the same number of cells as the column names."""

    def quality(separator: str) -> tuple[float, float, int]:
        rows = _rows(lines, separator)
        names = len(rows[0])
        if names < 2:
            return 0.0, 0.0, names
        # Ignore a trailing separator, which some programs write in every line.
        fitting = [row for row in rows if len(row) == names or (len(row) == names + 1 and not row[-1])]
        # The commas in "Price, EUR;Weight, kg" match the decimal commas below, so prefer separators that leave numbers.
        cells = [cell for row in fitting[1:51] for cell in row][:_SAMPLE_CELLS]
        return len(fitting) / len(rows), _numeric_fraction(cells), names

    # `max` returns the first of equal candidates, so a single column is read with a comma.
    best = max(SEPARATORS, key=quality)
    if quality(best)[0] < 0.5 and (quality(SPACES)[0] == 1.0 or _is_written_by_r(_rows(lines, SPACES))):
        return SPACES
    return best


def _is_written_by_r(rows: list[list[str]]) -> bool:
    """Return whether all lines have one cell more than the column names, as `write.table` of R writes row names."""
    return len(rows) > 2 and len(rows[0]) > 1 and all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def _numeric_fraction(cells: list[str]) -> float:
    read = [
        not cell or any(parse_number(cell, mark) == parse_number(cell, mark) for mark in OTHER_DECIMAL)
        for cell in cells
    ]
    return sum(read) / max(len(read), 1)


__all__ = [
    "Dialect",
    "SAMPLE_BYTES",
    "SEPARATORS",
    "SPACES",
    "describe_separator",
    "get_separator",
    "open_bytes",
    "parse_separator",
    "set_separator",
    "sniff_dialect",
]
