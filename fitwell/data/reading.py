"""Reading tables from files: CSV in its many dialects, and Parquet."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwell.data.values import is_textual
from fitwell.errors import DataError, FileError, missing_extra

if TYPE_CHECKING:
    import pandas as pd

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data")
PARQUET_SUFFIXES = (".parquet", ".pq")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# In addition to pandas's own list (empty, NA, NaN, null, None, n/a, ...).
MISSING_MARKS = ["?", "-", "--"]
SAMPLE_BYTES = 1 << 16

_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_DECIMAL_POINT = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)\.\d+")
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_NUMBER_WITH_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")


def is_table_file(path: str | Path) -> bool:
    """Return whether the name of `path` says that `read_table` can read it."""
    return _suffix(Path(path)) in TEXT_SUFFIXES + PARQUET_SUFFIXES


def read_table(
    path: str | Path, text_columns: Collection[str] = (), notes: list[str] | None = None
) -> pd.DataFrame:
    """Read a table with named columns.

    path: ``.csv``, ``.tsv``, ``.txt`` or ``.data`` (each also ``.gz``), or ``.parquet``.
    text_columns: columns to take as they are written, where ``007`` is not 7.
    notes: gets a sentence about how the file was read.

    The separator (comma, semicolon, tab, bar), the encoding (UTF-8, UTF-16 with a mark, else Windows-1252)
    and, where the separator leaves the comma free, a decimal comma are found out from the first 64 KiB.

    Raises `FileError` when the file cannot be read, `DataError` when it is not a table.
    """
    path = Path(path)
    notes = notes if notes is not None else []
    suffix = _suffix(path)
    if suffix not in TEXT_SUFFIXES + PARQUET_SUFFIXES:
        known = ", ".join(TEXT_SUFFIXES + PARQUET_SUFFIXES)
        raise FileError(
            f"{path}: fitwell reads {known} (the first four also as .gz); save the table as one of them"
        )
    if not path.exists():
        raise FileError(f"{path}: there is no such file")
    if path.is_dir():
        raise FileError(f"{path} is a folder, expected a table")
    try:
        frame = _read_parquet(path) if suffix in PARQUET_SUFFIXES else _read_text(path, text_columns, notes)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    _refuse_equal_names(path, frame.columns)
    notes.insert(0, f"Read {len(frame):,} rows and {len(frame.columns)} columns from {path.name}.")
    return frame


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        import pyarrow.parquet
    except ImportError:
        raise missing_extra("pyarrow", "parquet", "reading Parquet files") from None
    try:
        # A named index was a column before somebody made it the index.
        frame = pd.read_parquet(path)
        described = (pyarrow.parquet.read_schema(path).pandas_metadata or {}).get("columns", [])
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=named) if named else frame
    # Arrow gives back categories of text only; that others were some is in what pandas noted beside them.
    categories = [column["name"] for column in described if column["pandas_type"] == "categorical"]
    return frame.astype({name: "category" for name in categories if name in frame.columns})


def _read_text(path: Path, text_columns: Collection[str], notes: list[str]) -> pd.DataFrame:
    import pandas as pd

    sample = _first_bytes(path)
    if not sample.strip():
        raise DataError(f"{path} is empty")
    if b"\0" in sample and not sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} holds binary data, expected lines of text")
    encoding = _encoding(path, sample)
    lines = _whole_lines(sample, encoding)
    if not lines:
        raise DataError(f"{path} is empty")
    separator = _separator(lines)
    # index_col=False: a separator at the end of each line must not turn the first column into names.
    options: dict[str, Any] = {
        "sep": separator,
        "encoding": encoding,
        "skipinitialspace": True,
        "index_col": False,
    }
    decimal_comma = _has_decimal_comma(lines, separator)
    if decimal_comma:
        notes.append("Numbers are written with a decimal comma there.")
    if encoding == "cp1252":
        notes.append("It is not UTF-8; it was read as Windows-1252.")
    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **options)
        names = [name for name in header.iloc[0] if name.strip()]
        # pandas would call the second of two equal names "a.1".
        _refuse_equal_names(path, names)
        as_written = {name.strip() for name in text_columns}
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                na_values=MISSING_MARKS,
                decimal="," if decimal_comma else ".",
                dtype={name: str for name in names if name.strip() in as_written},
                low_memory=False,
                **options,
            )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty") from None
    except pd.errors.ParserWarning:
        raise DataError(
            f"{path}: the lines hold more values than the first line has names; name every column (R writes such "
            "tables unless told row.names = FALSE), and put text with separators in it in quotes"
        ) from None
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{path} is not a table separated by {SEPARATORS[separator]}s: {reason}") from error
    except UnicodeDecodeError:
        raise DataError(f"{path} is neither UTF-8 nor Windows-1252; save it as UTF-8") from None
    if decimal_comma:
        _read_points_between_thousands(frame, as_written)
    return frame


def _refuse_equal_names(path: Path, names: Iterable[object]) -> None:
    times = Counter(str(name).strip() for name in names)
    twice = sorted(name for name, count in times.items() if count > 1)
    if twice:
        raise DataError(f"{path}: more than one column is called {', '.join(map(repr, twice))}; rename them")


def _read_points_between_thousands(frame: pd.DataFrame, as_written: Collection[str]) -> None:
    """Turn columns of nothing but numbers such as 1.234,5 into numbers; pandas would read 31.12.2024 as one too."""
    import pandas as pd

    for name in frame.columns:
        if not is_textual(frame[name]) or str(name).strip() in as_written:
            continue
        texts = frame[name].str.strip()
        present = texts.dropna()
        if len(present) and present.str.fullmatch(_NUMBER_WITH_COMMA.pattern).all():
            plain = texts.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            frame[name] = pd.to_numeric(plain)


def _first_bytes(path: Path) -> bytes:
    if path.name.lower().endswith(".gz"):
        with gzip.open(path, "rb") as file:
            return file.read(SAMPLE_BYTES)
    with path.open("rb") as file:
        return file.read(SAMPLE_BYTES)


def _encoding(path: Path, sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # The first letter that is not ASCII may come after the sample.
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opener(path, "rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _whole_lines(sample: bytes, encoding: str) -> list[str]:
    lines = sample.decode(encoding, errors="replace").splitlines()
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # cut in the middle
    return [line for line in lines if line.strip()][:200]


def _separator(lines: list[str]) -> str:
    """Return the separator that cuts most lines into the same number of fields, and that number above one."""

    def quality(separator: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=separator))
        fields, times = max(counts.items(), key=lambda item: (item[0] > 1, item[1]))
        return (times / len(lines) if fields > 1 else 0.0, fields)

    # `max` takes the first of equals: a single column without any separator is read with a comma.
    return max(SEPARATORS, key=quality)


def _has_decimal_comma(lines: list[str], separator: str) -> bool:
    if separator == ",":
        return False
    fields = [field.strip() for row in csv.reader(lines, delimiter=separator) for field in row]

    def evidence(pattern: re.Pattern[str]) -> tuple[int, int]:
        found = [field for field in fields if pattern.fullmatch(field)]
        # 1.250 may be a thousand too, so it counts only where nothing clearer does.
        return sum(_EITHER.fullmatch(field) is None for field in found), len(found)

    return evidence(_DECIMAL_COMMA) > evidence(_DECIMAL_POINT)
