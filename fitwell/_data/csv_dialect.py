"""What a file of text says about itself: its encoding, what separates its cells, and where its table begins."""

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
SPACES = r"\s+"  # any number of blanks and tabs, as pandas wants it written
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "bar": "|", "space": SPACES, " ": SPACES}
_SEPARATOR_ATTR = "separator in the file"
_SEP_LINE = re.compile(r'\ufeff?"?sep=(\\t|.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a file of text is to be read.

    encoding: ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be``, ``utf-32`` or ``cp1252``.
    separator: one character, or ``SPACES``.
    skipped: lines before the one with the names: Excel's ``sep=;``, titles, comments, or none.
    rows: the cells of the first lines, the names first.
    above: the lines before the one with the names that are not blank, without Excel's.
    """

    encoding: str
    separator: str
    skipped: int
    rows: list[list[str]]
    above: tuple[str, ...] = ()


def sniff_dialect(path: Path, separator: str | None = None) -> Dialect:
    """Look at the beginning of a file, and at its encoding to the end.

    separator: what the user said: a character, or ``comma``, ``semicolon``, ``tab``, ``bar``, ``space``.

    Raises `DataError` where there is no text, `InvalidArgument` for a separator that cannot be one.
    """
    chosen = None if separator is None else parse_separator(separator)
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample.strip():
        raise DataError(f"{path} is empty")
    encoding = _sniff_encoding(path, sample)
    lines = _whole_lines(sample, encoding)
    said = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if said:
        chosen = chosen or parse_separator(said[1])
    begun = int(said is not None)
    filled = [place for place, line in enumerate(lines) if line.strip() and place >= begun]
    if not filled:
        raise DataError(f"{path} is empty")
    texts = [lines[place] for place in filled[: _SAMPLE_LINES + MAX_LINES_ABOVE]]
    found: dict[int, str] = {}  # by how many lines there are below titles

    def cut(some: Sequence[str], like: Sequence[str]) -> list[list[str]]:
        if chosen is None and len(like) not in found:
            found[len(like)] = _sniff_separator(like)
        return _rows(some, chosen or found[len(like)])

    start = find_header(texts, cut)
    texts = texts[start : start + _SAMPLE_LINES]
    chosen = chosen or found.get(len(texts)) or _sniff_separator(texts)
    skipped = filled[start] if start else begun
    above = tuple(lines[place] for place in filled[:start])
    return Dialect(encoding, chosen, skipped, _rows(texts, chosen), above)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file to read what it holds, unpacked if its name ends in ``.gz``."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def parse_separator(said: str) -> str:
    """Return the separator that the user named.

    >>> separator_named(";"), separator_named("comma")
    (';', ',')
    """
    separator = _NAMES.get(said.lower(), said)
    if (len(separator) != 1 and separator != SPACES) or separator in '"\n\r' or separator.isalnum():
        raise InvalidArgument(
            f"the separator must be one character, or comma, semicolon, tab, bar or space, got {said!r}"
        )
    return separator


def describe_separator(separator: str) -> str:
    """Return the separator in words, for messages."""
    return "blanks" if separator == SPACES else f"{SEPARATORS.get(separator, repr(separator))}s"


def get_separator(table: pd.DataFrame) -> str | None:
    """Return what separated the cells of the file of text that a table was read from; None for any other table."""
    return table.attrs.get(_SEPARATOR_ATTR)


def set_separator(table: pd.DataFrame, separator: str) -> None:
    """Note on a table that its cells are as they were written in a file, and what separated them there."""
    table.attrs[_SEPARATOR_ATTR] = separator


def _sniff_encoding(path: Path, sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample:
        # Without a mark: in UTF-16 nearly every second byte of a table is 0.
        pairs = len(sample) // 2
        for encoding, zeros in (
            ("utf-16-le", sample[1::2].count(0)),
            ("utf-16-be", sample[::2].count(0)),
        ):
            if zeros > 0.8 * pairs and sample.count(0) == zeros:
                return encoding
        raise DataError(f"{path} holds binary data, expected lines of text")
    # The first letter that is not ASCII may come after the sample.
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
    # Not `splitlines`, which also ends lines at form feeds and the like.
    lines = re.split("\r\n|\n|\r", sample.decode(encoding, errors="replace"))
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # cut in the middle
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
    except csv.Error:  # quotes that never end
        return [line.split(separator) for line in lines]


def _sniff_separator(lines: Sequence[str]) -> str:
    """Return the separator that cuts the lines into as many cells as there are names."""

    def quality(separator: str) -> tuple[float, float, int]:
        rows = _rows(lines, separator)
        names = len(rows[0])
        if names < 2:
            return 0.0, 0.0, names
        # One more at the end of each line is nothing: some programs end lines with a separator.
        fitting = [row for row in rows if len(row) == names or (len(row) == names + 1 and not row[-1])]
        # "Price, EUR;Weight, kg" has as many commas as the decimal commas below it, which are parts of numbers.
        cells = [cell for row in fitting[1:51] for cell in row][:_SAMPLE_CELLS]
        return len(fitting) / len(rows), _numeric_fraction(cells), names

    # `max` takes the first of equals: a single column without any separator is read with a comma.
    best = max(SEPARATORS, key=quality)
    if quality(best)[0] < 0.5 and (quality(SPACES)[0] == 1.0 or _is_written_by_r(_rows(lines, SPACES))):
        return SPACES
    return best


def _is_written_by_r(rows: list[list[str]]) -> bool:
    """Return whether all lines have one cell more than there are names: R's `write.table` with names of rows."""
    return len(rows) > 2 and len(rows[0]) > 1 and all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def _numeric_fraction(cells: list[str]) -> float:
    read = [
        not cell or any(parse_number(cell, mark) == parse_number(cell, mark) for mark in OTHER_DECIMAL)
        for cell in cells
    ]
    return sum(read) / max(len(read), 1)
