"""Detection and removal of units, such as kg in ``70 kg``, if most numbers in a column have the same unit."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fitwell._data.conversion import is_missing_marker, isna, may_hold_strings
from fitwell._data.number_parsing import OTHER_DECIMAL, parse_number

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 200
_SIGNS = "°℃℉µμΩ%'\"′″€$£¥₹"
# A unit consists of letters and symbols, which may be joined by "/" and have the exponents 2 and 3.
_MEASURE = re.compile(
    rf"(?P<number>.*?[0-9][.,]?[)\u2212\u2013-]?)\s*(?P<unit>(?:[^\W\d_]|[{_SIGNS}/+])"
    rf"(?:[^\W\d_]|[ /.·*^²³{_SIGNS}]|(?<=[^\W\d_^-])-?[23](?![0-9])|-(?=[0-9])){{0,15}})"
)
_DIGIT = re.compile("[0-9]")
# Units that begin with these letters keep their case, because mW and MW differ.
_FACTORS = "mMpP"


def infer_unit(values: pd.Series) -> str:
    """Infer the unit that most cells in a column of strings have. Return ``""`` if there is no such unit.

    >>> import pandas as pd
    >>> infer_unit(pd.Series(["70 kg", "71.5kg", "80 kg"])), infer_unit(pd.Series(["7 kg", "15 lb", "3 st"]))
    ('kg', '')
    """
    if not may_hold_strings(values):
        return ""
    cells = values.dropna()
    sample = (
        cells.iloc[np.unique(np.linspace(0, max(len(cells) - 1, 0), _SAMPLE).astype(int))]
        if len(cells)
        else cells
    )
    if not any(isinstance(cell, str) and _DIGIT.search(cell) for cell in sample):
        return ""
    sample = sample[~(isna(sample) | is_missing_marker(sample, "numbers"))]
    found = Counter(unit for cell in sample if isinstance(cell, str) and (unit := _split_unit(cell)[1]))
    if not found:
        return ""
    unit, count = found.most_common(1)[0]
    return unit if 2 * count > len(sample) else ""


def strip_unit(values: pd.Series, unit: str) -> pd.Series:
    """Remove a unit from the numbers in a column of strings. All other cells remain unchanged."""
    import pandas as pd

    if not unit or not may_hold_strings(values):
        return values
    codes, different = pd.factorize(values.astype(object))
    bare = np.array(
        [_strip_unit(cell, unit) if isinstance(cell, str) else cell for cell in different] + [None], object
    )
    return pd.Series(bare[codes], index=values.index, name=values.name, dtype=object)


def _strip_unit(cell: str, unit: str) -> str:
    number, found = _split_unit(cell)
    return number if found == unit else cell


def _split_unit(cell: str) -> tuple[str, str]:
    """Split a cell into its number and its unit. Both are empty if the cell is not a number with a unit.

    Percent signs, currencies and factors such as ``k`` belong to the number.
    """
    found = _MEASURE.fullmatch(cell.strip())
    if found is None or _is_number(cell) or not _is_number(found["number"]):
        return "", ""
    return found["number"], _normalize_unit(found["unit"])


def _is_number(text: str) -> bool:
    return any(not np.isnan(parse_number(text, mark)) for mark in OTHER_DECIMAL)


def _normalize_unit(unit: str) -> str:
    """Return a unit's normalized spelling, which is the same for ``Years``, ``years`` and ``year``."""
    unit = " ".join(unit.split()).rstrip(".")
    if len(unit) > 2 and unit[-1] == "s" and unit[-2].isalpha():
        unit = unit[:-1]
    return unit if unit[:1] in _FACTORS else unit.casefold()


__all__ = ["infer_unit", "strip_unit"]
