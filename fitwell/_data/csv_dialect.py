"""Detection of a text file's dialect: its encoding, its cell separator, and the line with the column names."""

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
SPACES = r"\s+"  # pandas's notation for one or more spaces or tabs
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "bar": "|", "space": SPACES, " ": SPACES}
_SEPARATOR_ATTR = "separator in the file"
_SEP_LINE = re.compile(r'\ufeff?"?sep=(\\t|.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """The format of a text file.

    Attributes:
        encoding: ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be``, ``utf-32`` or ``cp1252``.
        separator: One character, or ``SPACES``.
        skipped: Number of lines before the column names. These may be titles, comments, or Excel's ``sep=;`` line.
        rows: The cells of the first lines, beginning with the column names.
        above: The nonblank lines before the column names, without Excel's ``sep=`` line.
    """

    encoding: str
    separator: str
    skipped: int
    rows: list[list[str]]
    above: tuple[str, ...] = ()


def sniff_dialect(path: Path, separator: str | None = None) -> Dialect:
    """Detect a file's dialect. Only the encoding depends on the whole file; all else depends on the first lines.

    Args:
        path: The file.
        separator: The separator that the user set, or None to detect it. It is either a character or one of the names
            ``comma``, ``semicolon``, ``tab``, ``bar`` and ``space``.

    Raises:
        DataError: If the file is empty or is not a text file.
        InvalidArgument: If the separator is invalid.
    """
    known = None if separator is None else parse_separator(separator)
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise DataError(f"the file {path} is empty")
    encoding = _sniff_encoding(path, sample)
    lines = _whole_lines(sample, encoding)
    sep_line = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if sep_line:
        known = known or parse_separator(sep_line[1])
    first_line = int(sep_line is not None)
    nonblank = [place for place, line in enumerate(lines) if line.strip() and place >= first_line]
    if not nonblank:
        raise DataError(f"the file {path} is empty")
    candidates = [lines[place] for place in nonblank[: _SAMPLE_LINES + MAX_LINES_ABOVE]]
    found: dict[int, str] = {}  # maps the length of `like` to the separator detected in these lines

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
    """Open a file for reading, and decompress it if its name ends in ``.gz``."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def parse_separator(name: str) -> str:
    """Convert a separator's name, or the character itself, to the separator.

    >>> parse_separator(";"), parse_separator("comma")
    (';', ',')
    """
    separator = _NAMES.get(name.lower(), name)
    if (len(separator) != 1 and separator != SPACES) or separator in '"\n\r' or separator.isalnum():
        raise InvalidArgument(
            f"the separator must be one character (not a letter, a digit or a quotation mark) or one of the names "
            f"comma, semicolon, tab, bar and space, got {name!r}"
        )
    return separator


def describe_separator(separator: str) -> str:
    """Return the separator's name in the plural, for messages."""
    return "blanks" if separator == SPACES else f"{SEPARATORS.get(separator, repr(separator))}s"


def get_separator(table: pd.DataFrame) -> str | None:
    """Return the cell separator of a table's text file, or None if the table was not read from a text file."""
    return table.attrs.get(_SEPARATOR_ATTR)


def set_separator(table: pd.DataFrame, separator: str) -> None:
    """Store the cell separator of a table's text file in the table's attributes."""
    table.attrs[_SEPARATOR_ATTR] = separator


def _sniff_encoding(path: Path, sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample:
        # There is no byte order mark. In a UTF-16 table, nearly every second byte is 0.
        pairs = len(sample) // 2
        for encoding, zeros in (
            ("utf-16-le", sample[1::2].count(0)),
            ("utf-16-be", sample[::2].count(0)),
        ):
            if zeros > 0.8 * pairs and sample.count(0) == zeros:
                return encoding
        raise DataError(f"expected {path} to be a text file, but it contains binary data")
    # Decode the whole file, because the first non-ASCII character may come after the sample.
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
    # `str.splitlines` would also split at form feeds and similar characters.
    lines = re.split("\r\n|\n|\r", sample.decode(encoding, errors="replace"))
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # the sample may end in the middle of the last line
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
        # In a file with the names "Price, EUR;Weight, kg" and decimal commas, a comma would also split every line into
        # the same number of cells. Prefer the separator that results in more numbers.
        cells = [cell for row in fitting[1:51] for cell in row][:_SAMPLE_CELLS]
        return len(fitting) / len(rows), _numeric_fraction(cells), names

    # `max` returns the first of equal candidates, so a file with a single column gets a comma.
    best = max(SEPARATORS, key=quality)
    if quality(best)[0] < 0.5 and (quality(SPACES)[0] == 1.0 or _is_written_by_r(_rows(lines, SPACES))):
        return SPACES
    return best


def _is_written_by_r(rows: list[list[str]]) -> bool:
    """Return whether every line has one cell more than the header. R's `write.table` writes row names this way."""
    return len(rows) > 2 and len(rows[0]) > 1 and all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def _numeric_fraction(cells: list[str]) -> float:
    is_numeric = [
        not cell or any(parse_number(cell, mark) == parse_number(cell, mark) for mark in OTHER_DECIMAL)
        for cell in cells
    ]
    return sum(is_numeric) / max(len(is_numeric), 1)


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
