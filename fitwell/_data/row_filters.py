"""Filters for lines in a text file that are not data rows, and checks for lines with too few or too many cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.csv_dialect import SPACES, Dialect, open_bytes
from fitwell._data.text_format import join_quoted

if TYPE_CHECKING:
    import pandas as pd

# A line that begins with one of these words contains the totals of the lines above.
_TOTALS_WORDS = """
    total totals grand_total sum sums sub_total subtotal summe gesamt gesamtsumme insgesamt somme total_general
    total_général totale totale_generale suma totaal toplam итого
"""
_TOTALS = frozenset(_TOTALS_WORDS.split())
_MOST_TOTALS = 5


def drop_non_data_rows(path: Path, frame: pd.DataFrame, dialect: Dialect, notes: list[str]) -> pd.DataFrame:
    """Drop comments, repeated column names and totals. Append notes about dropped and incomplete rows.

    The remaining rows keep their index, so that later messages can report the row numbers in the file.
    """
    if not len(frame) or frame.shape[1] < 2:
        return frame
    left_out = np.zeros(len(frame), dtype=bool)
    if frame.iloc[:, -1].isna().any():  # the last cell is missing in lines with too few cells
        left_out |= _short_lines(path, frame, dialect, notes)
    repeated = _repeated_names(frame) & ~left_out
    _note_dropped_rows(frame, repeated, "the column names again", notes)
    totals = _totals(frame, left_out)
    _note_dropped_rows(frame, totals, "a total", notes)
    left_out |= repeated | totals
    return frame[~left_out] if left_out.any() else frame


def first_long_line(path: Path, dialect: Dialect) -> int | None:
    """Return the line number of the first line with more cells than the header, or None if there is none."""
    counts, lines = _count_cells(path, dialect)
    longer = lines[1:][counts[1:] > counts[:1]]
    return int(longer[0]) if len(longer) else None


def _note_dropped_rows(frame: pd.DataFrame, rows: NDArray[np.bool_], content: str, notes: list[str]) -> None:
    if rows.any():
        first = int(np.flatnonzero(rows)[0])
        example = join_quoted(
            [cell for cell in frame.iloc[first] if isinstance(cell, str) and cell.strip()][:1]
        )
        notes.append(
            f"Dropped row {first + 1:,}, which contains {content}: {example}."
            if rows.sum() == 1
            else f"Dropped {rows.sum():,} rows, beginning with row {first + 1:,}, that contain {content}: {example}."
        )


def _repeated_names(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a mask of the rows that repeat the column names, which is typical of concatenated files."""
    same = np.ones(len(frame), dtype=bool)
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if values.dtype.kind != "O":
            return np.zeros(len(frame), dtype=bool)
        same &= (values == name).to_numpy(dtype=bool, na_value=False)
        if not same.any():
            break
    return same


def _totals(frame: pd.DataFrame, left_out: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the rows at the table's end that contain totals.

    Such a row begins with a word such as ``Total``, which must occur only once in its column, and has at least one
    other value.
    """
    found = np.zeros(len(frame), dtype=bool)
    rows = np.flatnonzero(~left_out)
    for place in rows[: -_MOST_TOTALS - 1 : -1]:
        filled = [
            (column, cell)
            for column, cell in enumerate(frame.iloc[place])
            if isinstance(cell, str) or cell == cell
        ]
        if not filled:
            continue
        column, cell = filled[0]
        if not isinstance(cell, str) or "_".join(cell.rstrip(": ").casefold().split()) not in _TOTALS:
            break
        if (frame.iloc[:, column] == cell).sum() > 1 or len(filled) < 2:
            break
        found[place] = True
    return found


def _short_lines(path: Path, frame: pd.DataFrame, dialect: Dialect, notes: list[str]) -> NDArray[np.bool_]:
    """Return a mask of the rows that are comments. Append a note about other lines with too few cells."""
    counts, lines = _count_cells(path, dialect)
    comments = np.zeros(len(frame), dtype=bool)
    if not len(counts):
        return comments
    short = counts[1:] < counts[0]
    if not short.any():
        return comments
    if len(short) == len(frame):  # otherwise, lines do not correspond to rows
        first = frame.iloc[:, 0]
        for place in np.flatnonzero(short & (counts[1:] == 1)):
            comments[place] = isinstance(first.iloc[place], str) and first.iloc[place].startswith("#")
        _note_dropped_rows(frame, comments, "a comment", notes)
        short &= ~comments
    if short.any():
        where = f"line {lines[1:][short][0]:,}"
        notes.append(
            f"{where.capitalize()} has fewer cells than there are column names; the missing cells count as empty."
            if short.sum() == 1
            else f"{short.sum():,} lines have fewer cells than there are column names, beginning with {where}; the "
            "missing cells count as empty."
        )
    return comments


def _count_cells(path: Path, dialect: Dialect) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of cells and the line number for each nonblank line, beginning with the column names."""
    with open_bytes(path) as file:
        data = file.read()
    plain = dialect.separator != SPACES and dialect.encoding in ("utf-8-sig", "cp1252")
    if plain and b'"' not in data and data.count(b"\r") in (0, data.count(b"\r\n")):
        counts, lines = _count_cells_vectorized(data, dialect.separator)
    else:
        counts, lines = _count_cells_with_csv(data, dialect)
    kept = lines > dialect.skipped
    return counts[kept], lines[kept]


def _count_cells_vectorized(data: bytes, separator: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    if not data.endswith(b"\n"):
        ends = np.append(ends, len(codes))
    separators = np.flatnonzero(codes == ord(separator)) if ord(separator) < 128 else np.empty(0, np.int64)
    before = np.searchsorted(separators, ends)
    counts = np.diff(before, prepend=0) + 1
    # A line that contains only whitespace is blank.
    inked = np.cumsum(~np.isin(codes, np.frombuffer(b" \t\r\n", dtype=np.uint8)))
    ink = np.diff(np.where(ends > 0, inked[np.maximum(ends, 1) - 1], 0), prepend=0)
    lines = np.arange(1, len(ends) + 1)
    kept = (ink > 0) | (counts > 1)
    return counts[kept].astype(np.int64), lines[kept]


def _count_cells_with_csv(data: bytes, dialect: Dialect) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    text = io.TextIOWrapper(io.BytesIO(data), encoding=dialect.encoding, newline=None)
    counts: list[int] = []
    lines: list[int] = []
    spaces = dialect.separator == SPACES
    rows = csv.reader(
        (" ".join(line.split()) for line in text) if spaces else text,
        delimiter=" " if spaces else dialect.separator,
        skipinitialspace=True,
    )
    line = 1
    try:
        for row in rows:
            if len(row) > 1 or (row and row[0].strip()):
                counts.append(len(row))
                lines.append(line)
            line = rows.line_num + 1
    except csv.Error:  # a cell exceeds the length limit of Python's CSV reader
        counts, lines = [], []
    return np.array(counts, dtype=np.int64), np.array(lines, dtype=np.int64)


__all__ = ["drop_non_data_rows", "first_long_line"]
