"""One column's values as numbers, text or truth values, whatever type they arrived in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.number_parsing import count_number_formats, parse_numbers

if TYPE_CHECKING:
    import pandas as pd

# What pandas takes for missing, and a few marks more. In a column of words each may be a word as well.
_MARKERS = (
    "? - -- NA N/A n/a NaN nan -NaN -nan NULL null None \\N <NA> #N/A #NA 1.#IND -1.#IND 1.#QNAN -1.#QNAN"
)
MISSING_MARKERS = frozenset([*_MARKERS.split(), "#N/A N/A"])
# Among numbers and dates nothing else can be meant; compared without regard to case.
_MORE_MARKERS = r"""
    n.a. n.a n.d. n.d nd k.a. k.a nil none . .. ... : * ** --- – — −− ?? unknown missing undefined (null) \n nat tbd
    #ref! #div/0! #value! #name? #num! #null! #nv #n/v #n/d #wert! #valeur! #¡valor! #valor! #nombre?
    #bezug! #zahl! pending
"""
_MARKERS_AMONG_NUMBERS = frozenset([mark.casefold() for mark in MISSING_MARKERS] + _MORE_MARKERS.split())
# One meaning each, so that a column written true/false is understood where it is written yes/no or 1/0.
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
    """Return where `values` holds nothing: no value, blank text, or an infinite number."""
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
    """Return which cells are marks for "no value", such as ``NA`` or ``?``.

    among: ``"numbers"`` (and dates), where many words say it, or ``"words"``, where few do.
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
    """Return whether `values` may hold text: its type is text, objects or categories."""
    return values.dtype.kind == "O"


def is_string_dtype(values: pd.Series) -> bool:
    """Return whether pandas knows that `values` is text and nothing else, for which it has quick ways."""
    import pandas as pd

    return isinstance(values.dtype, pd.StringDtype)


def to_numeric(values: pd.Series, decimal: str | None = None) -> NDArray[np.float64]:
    """Return `values` as numbers; NaN where one is missing, infinite or not readable as a number.

    decimal: the decimal mark of text, see `fitwell._data.number_parsing.parse_number`; by default the one that more of
        the cells need, and a point where none tells.
    """
    if values.dtype.kind in "fiub":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind == "m":
        numbers = values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind in "Mc":
        return np.full(len(values), np.nan)
    else:
        cells = values.astype(object)
        numbers = parse_numbers(cells, decimal or count_number_formats(cells.dropna()).mark or ".")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def numeric_fraction(values: pd.Series, decimal: str | None = None) -> float:
    """Return the share of the present values that are numbers; 0 if there is none."""
    present = values[~isna(values)]
    return float(np.mean(~np.isnan(to_numeric(present, decimal)))) if len(present) else 0.0


def to_string(values: pd.Series) -> NDArray[np.object_]:
    """Return `values` as text, ``""`` where one is missing; an integer has no decimal point."""
    if is_string_dtype(values):
        return values.str.strip().fillna("").to_numpy(dtype=object)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [_format_value(value) for value in values.astype(object)]
    texts[isna(values)] = ""
    return texts


def _format_value(value: Any) -> str:
    # A missing value elsewhere in a column turns its integers into floats.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def to_bool(values: pd.Series) -> NDArray[np.float64]:
    """Return truth values as 1 and 0; NaN where one is missing or is neither."""
    if values.dtype.kind in "bfiu":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isin(numbers, (0.0, 1.0)), numbers, np.nan)
    if values.dtype.kind in "Mmc":
        return np.full(len(values), np.nan)
    return np.array([_BOOLEANS.get(text.casefold(), np.nan) for text in to_string(values)], dtype=np.float64)
