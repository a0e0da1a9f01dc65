"""Parsers for human-readable numbers with thousands separators, currencies, percent signs and various minus signs.

The decimal separator is ambiguous in a single cell, because ``1.250`` may mean 1.25 or 1250. The parsers therefore take
the column's decimal separator, which `fitwell._data.decimal_inference` infers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

OTHER_DECIMAL = {".": ",", ",": "."}

_SPACES = " \u00a0\u2007\u2009\u202f"
_MINUS = "\u2212\u2013-"  # minus sign, en dash and hyphen
_CURRENCIES = """
    $ € £ ¥ ₹ ₽ ₩ ₺ ₪ ฿ ₫ ₴ ₦ ₱ ₲ ₵ ₸ ₡ ₼ ₾ ¢ us$ au$ ca$ nz$ hk$ a$ c$ r$ s$ fr. sfr. rs. rs kr. kr zł kč ft lei
    aed ars aud bdt bgn bhd brl cad chf clp cny cop czk dkk dzd egp eur gbp gel ghs hkd huf idr ils inr isk jod
    jpy kes krw kwd kzt lkr mad mxn myr ngn nok nzd omr pen php pkr pln qar ron rsd rub sar sek sgd thb tnd try
    twd uah usd uyu vnd zar
"""
_UNITS = frozenset([*_CURRENCIES.split(), "%", "‰"])
# The comparison ignores case for words of two or more letters. "M" is a million, but "m" is a meter.
_SCALES = {
    "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "mn": 1e6, "mln": 1e6, "mio": 1e6, "mio.": 1e6, "million": 1e6,
    "millionen": 1e6, "bn": 1e9, "mrd": 1e9, "mrd.": 1e9, "billion": 1e9, "thousand": 1e3, "tsd": 1e3, "tsd.": 1e3,
    "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}  # fmt: skip
# The pattern matches any word, and the word is looked up afterwards. This is five times faster than a pattern that
# lists all words.
_WORD = r"(?:[^\W\d_]{0,2}[$€£¥₹₽₩₺₪฿₫₴₦₱₲₵₸₡₼₾¢%‰]|[^\W\d_]{1,9}\.?)"
_CELL = re.compile(
    rf"(?:[~≈]\s*)?(?P<outside>{_WORD})?\s*(?P<open>\()?\s*(?P<sign>[+{_MINUS}])?\s*(?P<before>{_WORD})?\s*"
    rf"(?P<inner>[+{_MINUS}])?\s*(?P<digits>(?:[0-9]|[.,](?=[0-9]))(?:[0-9.,'’{_SPACES}]*[0-9.,])?)"
    rf"(?P<exponent>[eE][+-]?[0-9]+)?(?P<space>\s*)"
    rf"(?P<trailing>[{_MINUS}])?(?P<gap>\s*)(?P<after>{_WORD})?\s*(?P<close>\))?\s*(?P<last>{_WORD})?\s*"
    rf"(?P<behind>[{_MINUS}]|/[-=])?\s*(?:[*†‡]+|\[\w{{1,3}}\])?"
)


def _digits_pattern(decimal: str) -> re.Pattern[str]:
    between = re.escape(OTHER_DECIMAL[decimal]) + f"'’{_SPACES}"
    # The first group never begins with 0. In India, groups have two digits except the last, as in 12,34,567.
    grouped = rf"[1-9][0-9]{{0,2}}(?P<group>[{between}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
    indian = r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}" if decimal == "." else ""
    return re.compile(
        rf"(?:(?:{grouped}{indian}|[0-9]+)(?:{re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)"
    )


_DIGITS = {decimal: _digits_pattern(decimal) for decimal in OTHER_DECIMAL}
_BETWEEN = {
    decimal: re.compile(f"[{re.escape(OTHER_DECIMAL[decimal])}'’{_SPACES}]") for decimal in OTHER_DECIMAL
}


def _plain_pattern(decimal: str) -> str:
    point, group = re.escape(decimal), re.escape(OTHER_DECIMAL[decimal])
    return (
        rf"[+-]?(?:(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+)(?:{point}[0-9]*)?|{point}[0-9]+)"
        r"(?:[eE][+-]?[0-9]+)?"
    )


# Patterns of the most common formats, which are parsed with vectorized operations.
_PLAIN = {decimal: _plain_pattern(decimal) for decimal in OTHER_DECIMAL}


def parse_number(text: str, decimal: str = ".") -> float:
    """Parse the number in a cell. The result is NaN if the cell is not a number.

    A currency or a percent sign may precede or follow the number (``5 %`` is 5). ``(5)``, ``-5``, ``−5`` and ``5-``
    are minus five. ``5,-``, ``5.–`` and ``5/-`` are prices without cents. ``5k`` is 5000, ``5 Mio.`` is 5
    million, and ``5 crore`` is 50 million. ``~5`` is 5. Footnote markers (``5*``, ``5[a]``) are ignored.

    Args:
        text: The cell.
        decimal: The decimal separator, ``"."`` or ``","``. The other character, spaces and apostrophes are thousands
            separators.

    >>> parse_number("1'234.50"), parse_number("-$1,234.50"), parse_number("(1 234,5 €)", ",")
    (1234.5, -1234.5, -1234.5)
    >>> parse_number("€110.5M"), parse_number("5 crore"), parse_number("12*")
    (110500000.0, 50000000.0, 12.0)
    >>> parse_number("0,377"), parse_number("0,377", ",")
    (nan, 0.377)
    """
    found = _CELL.fullmatch(text.strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return np.nan
    behind = [unit for unit in (found["after"], found["last"]) if unit]
    # "300 K" is a temperature, but "300K" is three hundred thousand.
    separated = bool(found["space"] or found["gap"])
    scale = _get_scale(behind[0], separated) if behind else 0.0
    units = [unit for unit in (found["outside"], found["before"], *behind[bool(scale) :]) if unit]
    if len(units) > 1 or (units and units[0].lower() not in _UNITS):
        return np.nan
    digits, trailing = found["digits"].strip(_SPACES), found["trailing"]
    if trailing and digits[-1] in ".,":  # "5,-" is a price without cents
        digits, trailing = digits[:-1], None
        if _DIGITS[decimal].fullmatch(digits) is None:
            return np.nan
    signs = [
        sign
        for sign in (found["open"], found["sign"], found["inner"], trailing, found["behind"])
        if sign and sign not in ("/-", "/=")  # "500/-" is a price without cents
    ]
    if len(signs) > 1 or _DIGITS[decimal].fullmatch(digits) is None:
        return np.nan
    number = (scale or 1.0) * float(
        _BETWEEN[decimal].sub("", digits).replace(",", ".") + (found["exponent"] or "")
    )
    if not np.isfinite(number):
        return np.nan
    return -number if signs and signs[0] != "+" else number


def _get_scale(word: str, separated: bool) -> float:
    """Return the factor for a word after a number, or 0 if the word is not a factor."""
    if len(word) == 1:
        return 0.0 if separated and word != "M" else _SCALES.get(word, 0.0)
    return _SCALES.get(word.lower(), 0.0)


def parse_numbers(values: pd.Series, decimal: str = ".") -> FloatArray:
    """Parse a column of strings or objects. Cells that are not numbers become NaN."""
    import pandas as pd

    numbers = np.full(len(values), np.nan)
    left = np.flatnonzero(values.notna().to_numpy())
    # Apply the parsers from the fastest to the slowest, each to the cells that the previous ones could not parse.
    ways: list[Callable[[pd.Series, str], Any]] = [_parse_vectorized, _parse_each]
    if decimal == ".":
        ways.insert(0, lambda cells, _: pd.to_numeric(cells, errors="coerce"))
    for way in ways:
        if not len(left):
            break
        found = np.asarray(way(values.iloc[left], decimal), dtype=np.float64)
        numbers[left] = np.where(np.isfinite(found), found, np.nan)
        left = left[np.isnan(numbers[left])]
    return numbers


def _parse_vectorized(cells: pd.Series, decimal: str) -> FloatArray:
    import pandas as pd

    if not isinstance(cells.iloc[0], str):
        return np.full(len(cells), np.nan)
    strings = cells.astype("str").str.strip()
    if strings.str.contains("[$€£¥%]").any():
        # Remove one currency or percent sign at either end.
        bare = strings.str.replace(rf"[{_SPACES}]*[$€£¥%]$", "", regex=True)
        strings = bare.where(bare != strings, strings.str.replace(rf"^[$€£¥][{_SPACES}]*", "", regex=True))
    strings = strings.where(strings.str.fullmatch(_PLAIN[decimal]))
    if not strings.notna().any():
        return np.full(len(cells), np.nan)
    plain = strings.str.replace(OTHER_DECIMAL[decimal], "", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _parse_each(cells: pd.Series, decimal: str) -> FloatArray:
    import pandas as pd

    textual = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if textual.all():
        codes, different = pd.factorize(cells)
        return np.array([parse_number(text, decimal) for text in different], dtype=np.float64)[codes]
    numbers = np.array([np.nan if text else _to_float(cell) for text, cell in zip(textual, cells)])
    codes, different = pd.factorize(cells[textual].astype(object))
    numbers[textual] = np.array([parse_number(text, decimal) for text in different], dtype=np.float64)[codes]
    return numbers


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


@dataclass(frozen=True)
class NumberFormatCounts:
    """The number of cells in a column for each number format.

    Attributes:
        point: Number of cells that are valid only with decimal points.
        comma: Number of cells that are valid only with decimal commas.
        either_point: Number of ambiguous cells with a point, such as ``1.250``.
        either_comma: Number of ambiguous cells with a comma, such as ``1,250``.
        unmarked: Number of cells that are nonzero integers without any separator.
        example: The first ambiguous cell, or ``""`` if there is none.
    """

    point: int = 0
    comma: int = 0
    either_point: int = 0
    either_comma: int = 0
    unmarked: int = 0
    example: str = ""

    @property
    def either(self) -> int:
        """Number of ambiguous cells."""
        return self.either_point + self.either_comma

    @property
    def decimal(self) -> str | None:
        """The decimal separator that the majority of the unambiguous cells require, or None if there is a tie."""
        return None if self.point == self.comma else "." if self.point > self.comma else ","

    @property
    def is_unambiguous(self) -> bool:
        """Whether more than 5 % of the cells with a separator clearly have the same decimal separator."""
        return self.decimal is not None and 20 * max(self.point, self.comma) > (
            self.point + self.comma + self.either
        )


def count_number_formats(values: pd.Series) -> NumberFormatCounts:
    """Count how many cells in a column of strings have each number format."""
    if not len(values):
        return NumberFormatCounts()
    strings = values.astype("str")
    bare = strings.str.replace("[^0-9.,]", "", regex=True)
    point, comma = (
        bare.str.fullmatch(_PLAIN[decimal]).to_numpy(dtype=bool, na_value=False) for decimal in ".,"
    )
    with_point = bare.str.contains(".", regex=False).to_numpy(dtype=bool, na_value=False)
    with_comma = bare.str.contains(",", regex=False).to_numpy(dtype=bool, na_value=False)
    unmarked = bare.str.fullmatch("0*[1-9][0-9]*").to_numpy(dtype=bool, na_value=False)
    either = point & comma & (with_point | with_comma)
    first = np.flatnonzero(either)[:1]
    return NumberFormatCounts(
        int((point & ~comma).sum()),
        int((comma & ~point).sum()),
        int((either & with_point).sum()),
        int((either & with_comma).sum()),
        int(unmarked.sum()),
        str(strings.iloc[first[0]]).strip() if len(first) else "",
    )


__all__ = ["NumberFormatCounts", "OTHER_DECIMAL", "count_number_formats", "parse_number", "parse_numbers"]
