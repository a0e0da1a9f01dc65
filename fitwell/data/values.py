"""One column's values as numbers, text or truth values, whatever type they arrived in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell.data.numerals import numbers_of, shapes_of

if TYPE_CHECKING:
    import pandas as pd

# What pandas takes for missing, and a few marks more. In a column of words each may be a word as well.
_MARKS = (
    "? - -- NA N/A n/a NaN nan -NaN -nan NULL null None \\N <NA> #N/A #NA 1.#IND -1.#IND 1.#QNAN -1.#QNAN"
)
MISSING_MARKS = frozenset([*_MARKS.split(), "#N/A N/A"])
# Among numbers and dates nothing else can be meant; compared without regard to case.
_MORE_MARKS = r"""
    n.a. n.a n.d. n.d nd k.a. k.a nil none . .. ... : * ** --- – — −− ?? unknown missing undefined (null) \n nat tbd
    #ref! #div/0! #value! #name? #num! #null! #nv #n/v #n/d #wert! #valeur! #¡valor! #valor! #nombre?
    #bezug! #zahl! pending
"""
_MARKS_AMONG_NUMBERS = frozenset([mark.casefold() for mark in MISSING_MARKS] + _MORE_MARKS.split())
# One meaning each, so that a column written true/false is understood where it is written yes/no or 1/0.
_TRUTH = {
    "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "y": 1.0, "n": 0.0, "t": 1.0, "f": 0.0, "on": 1.0, "off": 0.0,
    "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "wahr": 1.0, "falsch": 0.0, "ja": 1.0, "nein": 0.0, "vrai": 1.0,
    "faux": 0.0, "oui": 1.0, "non": 0.0,
}  # fmt: skip
TRUTH_PAIRS = tuple(
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


def missing_in(values: pd.Series) -> NDArray[np.bool_]:
    """Return where `values` holds nothing: no value, blank text, or an infinite number."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind == "f":
        return missing | np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if is_plain_text(values):
        return missing | (values.str.strip() == "").to_numpy(dtype=bool, na_value=False)
    if is_textual(values):
        return missing | (
            values.astype(object)
            .map(lambda value: isinstance(value, str) and not value.strip())
            .to_numpy(dtype=bool)
        )
    return missing


def marks_in(values: pd.Series, among: str) -> NDArray[np.bool_]:
    """Return which cells are marks for "no value", such as ``NA`` or ``?``.

    among: ``"numbers"`` (and dates), where many words say it, or ``"words"``, where few do.
    """
    if not is_textual(values):
        return np.zeros(len(values), dtype=bool)
    import pandas as pd

    if is_plain_text(values):
        cells = values.str.strip()
        found = (
            cells.isin(MISSING_MARKS) if among == "words" else cells.str.lower().isin(_MARKS_AMONG_NUMBERS)
        )
        return found.to_numpy(dtype=bool)
    textual = np.array([isinstance(value, str) for value in values], dtype=bool)
    codes, different = pd.factorize(values[textual])
    textual[textual] = np.array([_is_mark(cell.strip(), among) for cell in different], dtype=bool)[codes]
    return textual


def _is_mark(cell: str, among: str) -> bool:
    return cell in MISSING_MARKS if among == "words" else cell.casefold() in _MARKS_AMONG_NUMBERS


def is_textual(values: pd.Series) -> bool:
    """Return whether `values` may hold text: its type is text, objects or categories."""
    return values.dtype.kind == "O"


def is_plain_text(values: pd.Series) -> bool:
    """Return whether pandas knows that `values` is text and nothing else, for which it has quick ways."""
    import pandas as pd

    return isinstance(values.dtype, pd.StringDtype)


def numbers_in(values: pd.Series, decimal: str | None = None) -> NDArray[np.float64]:
    """Return `values` as numbers; NaN where one is missing, infinite or not readable as a number.

    decimal: the decimal mark of text, see `fitwell.data.numerals.read_number`; by default the one that more of
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
        numbers = numbers_of(cells, decimal or shapes_of(cells.dropna()).mark or ".")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def readable_share(values: pd.Series, decimal: str | None = None) -> float:
    """Return the share of the present values that are numbers; 0 if there is none."""
    present = values[~missing_in(values)]
    return float(np.mean(~np.isnan(numbers_in(present, decimal)))) if len(present) else 0.0


def texts_in(values: pd.Series) -> NDArray[np.object_]:
    """Return `values` as text, ``""`` where one is missing; an integer has no decimal point."""
    if is_plain_text(values):
        return values.str.strip().fillna("").to_numpy(dtype=object)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [_text(value) for value in values.astype(object)]
    texts[missing_in(values)] = ""
    return texts


def _text(value: Any) -> str:
    # A missing value elsewhere in a column turns its integers into floats.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def truths_in(values: pd.Series) -> NDArray[np.float64]:
    """Return truth values as 1 and 0; NaN where one is missing or is neither."""
    if values.dtype.kind in "bfiu":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isin(numbers, (0.0, 1.0)), numbers, np.nan)
    if values.dtype.kind in "Mmc":
        return np.full(len(values), np.nan)
    return np.array([_TRUTH.get(text.casefold(), np.nan) for text in texts_in(values)], dtype=np.float64)
