"""Conversion of columns of any dtype to numbers, strings or booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.number_parsing import count_number_formats, parse_numbers

if TYPE_CHECKING:
    import pandas as pd

# pandas's missing-value markers and a few more. In a column of categories, each may also be a category.
_MARKERS = (
    "? - -- NA N/A n/a NaN nan -NaN -nan NULL null None \\N <NA> #N/A #NA 1.#IND -1.#IND 1.#QNAN -1.#QNAN"
)
MISSING_MARKERS = frozenset([*_MARKERS.split(), "#N/A N/A"])
# These markers are unambiguous among numbers and dates. The comparison ignores case.
_MORE_MARKERS = r"""
    n.a. n.a n.d. n.d nd k.a. k.a nil none . .. ... : * ** --- – — −− ?? unknown missing undefined (null) \n nat tbd
    #ref! #div/0! #value! #name? #num! #null! #nv #n/v #n/d #wert! #valeur! #¡valor! #valor! #nombre?
    #bezug! #zahl! pending
"""
_MARKERS_AMONG_NUMBERS = frozenset([mark.casefold() for mark in MISSING_MARKERS] + _MORE_MARKERS.split())
# Each word has only one meaning, so a column with true/false in training may have yes/no or 1/0 at prediction time.
_BOOLEANS = {
    "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "t": 1.0, "f": 0.0, "on": 1.0, "off": 0.0,
    "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "wahr": 1.0, "falsch": 0.0, "ja": 1.0, "nein": 0.0, "vrai": 1.0,
    "faux": 0.0, "oui": 1.0, "non": 0.0,
}  # fmt: skip
BOOLEAN_PAIRS = tuple(
    frozenset(pair.split("/"))
    for pair in (
        "true/false",
        "yes/no",
        "y/n",
        "t/f",
        "on/off",
        "wahr/falsch",
        "ja/nein",
        "vrai/faux",
        "oui/non",
    )
)


def isna(values: pd.Series) -> NDArray[np.bool_]:
    """Return a mask of the values that are missing, blank or infinite."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind == "f":
        return missing | np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if is_string_dtype(values):
        return missing | (values.str.strip() == "").to_numpy(dtype=bool, na_value=False)
    if may_hold_strings(values):
        return missing | (
            values.astype(object)
            .map(lambda value: isinstance(value, str) and not value.strip())
            .to_numpy(dtype=bool)
        )
    return missing


def is_missing_marker(values: pd.Series, among: str) -> NDArray[np.bool_]:
    """Return a mask of the cells that are missing-value markers such as ``NA`` or ``?``.

    Args:
        values: The column.
        among: ``"numbers"`` for a column of numbers or dates, or ``"words"`` for a column of categories. Fewer
            markers are recognized in columns of categories than in columns of numbers or dates.
    """
    if not may_hold_strings(values):
        return np.zeros(len(values), dtype=bool)
    import pandas as pd

    if is_string_dtype(values):
        cells = values.str.strip()
        found = (
            cells.isin(MISSING_MARKERS)
            if among == "words"
            else cells.str.lower().isin(_MARKERS_AMONG_NUMBERS)
        )
        return found.to_numpy(dtype=bool)
    textual = np.array([isinstance(value, str) for value in values], dtype=bool)
    codes, different = pd.factorize(values[textual])
    textual[textual] = np.array([_is_marker(cell.strip(), among) for cell in different], dtype=bool)[codes]
    return textual


def _is_marker(cell: str, among: str) -> bool:
    return cell in MISSING_MARKERS if among == "words" else cell.casefold() in _MARKERS_AMONG_NUMBERS


def may_hold_strings(values: pd.Series) -> bool:
    """Return whether `values` has a string, object or categorical dtype."""
    return values.dtype.kind == "O"


def is_string_dtype(values: pd.Series) -> bool:
    """Return whether `values` has pandas's string dtype. Its string methods are faster than those of object columns."""
    import pandas as pd

    return isinstance(values.dtype, pd.StringDtype)


def to_numeric(values: pd.Series, decimal: str | None = None) -> NDArray[np.float64]:
    """Convert `values` to float64. Durations become seconds.

    Missing and infinite values become NaN, and so do values that cannot be converted.

    Args:
        values: The column.
        decimal: The decimal separator in strings (see `fitwell._data.number_parsing.parse_number`). Defaults to the
            separator that most unambiguous cells need, or to a point if there is no such majority.
    """
    if values.dtype.kind in "fiub":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind == "m":
        numbers = values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind in "Mc":
        return np.full(len(values), np.nan)
    else:
        cells = values.astype(object)
        numbers = parse_numbers(cells, decimal or count_number_formats(cells.dropna()).decimal or ".")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def numeric_fraction(values: pd.Series, decimal: str | None = None) -> float:
    """Return the fraction of nonmissing values that are numbers, or 0 if all values are missing."""
    present = values[~isna(values)]
    return float(np.mean(~np.isnan(to_numeric(present, decimal)))) if len(present) else 0.0


def to_string(values: pd.Series) -> NDArray[np.object_]:
    """Convert `values` to strings. Missing values become ``""``, and ``3.0`` becomes ``"3"``."""
    if is_string_dtype(values):
        return values.str.strip().fillna("").to_numpy(dtype=object)
    strings = np.empty(len(values), dtype=object)
    strings[:] = [_format_value(value) for value in values.astype(object)]
    strings[isna(values)] = ""
    return strings


def _format_value(value: Any) -> str:
    # pandas converts integers to floats if another value in the column is missing.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def to_bool(values: pd.Series) -> NDArray[np.float64]:
    """Convert booleans to 1 and 0. Missing values and values that are not booleans become NaN."""
    if values.dtype.kind in "bfiu":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isin(numbers, (0.0, 1.0)), numbers, np.nan)
    if values.dtype.kind in "Mmc":
        return np.full(len(values), np.nan)
    return np.array([_BOOLEANS.get(text.casefold(), np.nan) for text in to_string(values)], dtype=np.float64)


__all__ = [
    "BOOLEAN_PAIRS",
    "MISSING_MARKERS",
    "is_missing_marker",
    "is_string_dtype",
    "isna",
    "may_hold_strings",
    "numeric_fraction",
    "to_bool",
    "to_numeric",
    "to_string",
]
