"""Numbers as people write them: marks, groups of thousands, currencies, percent, and minus signs of every kind.

The one thing that a cell alone cannot tell is what its mark means: ``1.250`` is one and a quarter, or a thousand
two hundred and fifty. So every reader here takes the decimal mark of the column; `fitwell._data.decimal_inference` finds it.
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
_MINUS = "\u2212\u2013-"  # the minus sign, the dash that typesetters use, and the hyphen
_CURRENCIES = """
    $ € £ ¥ ₹ ₽ ₩ ₺ ₪ ฿ ₫ ₴ ₦ ₱ ₲ ₵ ₸ ₡ ₼ ₾ ¢ us$ au$ ca$ nz$ hk$ a$ c$ r$ s$ fr. sfr. rs. rs kr. kr zł kč ft lei
    aed ars aud bdt bgn bhd brl cad chf clp cny cop czk dkk dzd egp eur gbp gel ghs hkd huf idr ils inr isk jod
    jpy kes krw kwd kzt lkr mad mxn myr ngn nok nzd omr pen php pkr pln qar ron rsd rub sar sek sgd thb tnd try
    twd uah usd uyu vnd zar
"""
_UNITS = frozenset([*_CURRENCIES.split(), "%", "‰"])
# In any case where it is a word of several letters; "M" is a million and "m" a metre.
_SCALES = {
    "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "mn": 1e6, "mln": 1e6, "mio": 1e6, "mio.": 1e6, "million": 1e6,
    "millionen": 1e6, "bn": 1e9, "mrd": 1e9, "mrd.": 1e9, "billion": 1e9, "thousand": 1e3, "tsd": 1e3, "tsd.": 1e3,
    "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}  # fmt: skip
# A word is looked up afterwards, which is five times faster than a pattern of all of them.
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
    # A group of thousands never begins with 0. India writes 12,34,567.
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


# The commonest shapes, for whole columns at once.
_PLAIN = {decimal: _plain_pattern(decimal) for decimal in OTHER_DECIMAL}


def parse_number(text: str, decimal: str = ".") -> float:
    """Return the number that a cell says, NaN if it says none.

    decimal: the decimal mark, ``"."`` or ``","``; the other one may stand between thousands, as may spaces and
        apostrophes.

    A currency may stand before or after it, a percent sign too (``5 %`` is 5); ``(5)``, ``-5``, ``−5`` and ``5-``
    are minus five; ``5,-``, ``5.–`` and ``5/-`` are prices without cents. ``5k``, ``5 Mio.`` and ``5 crore`` are as
    large as they say; ``~5`` is 5; the mark of a footnote behind (``5*``, ``5[a]``) is left out.

    >>> read_number("1'234.50"), read_number("-$1,234.50"), read_number("(1 234,5 €)", ",")
    (1234.5, -1234.5, -1234.5)
    >>> read_number("€110.5M"), read_number("5 crore"), read_number("12*")
    (110500000.0, 50000000.0, 12.0)
    >>> read_number("0,377"), read_number("0,377", ",")
    (nan, 0.377)
    """
    found = _CELL.fullmatch(text.strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return np.nan
    behind = [unit for unit in (found["after"], found["last"]) if unit]
    # "300 K" is a temperature, "300K" three hundred thousand.
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
        if sign and sign not in ("/-", "/=")  # "500/-" is a price without cents, too
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
    """Return the factor that a word behind a number stands for, 0 if it is none."""
    if len(word) == 1:
        return 0.0 if separated and word != "M" else _SCALES.get(word, 0.0)
    return _SCALES.get(word.lower(), 0.0)


def parse_numbers(values: pd.Series, decimal: str = ".") -> FloatArray:
    """Return the numbers that the cells of a column of text or objects say, NaN where one says none."""
    import pandas as pd

    numbers = np.full(len(values), np.nan)
    left = np.flatnonzero(values.notna().to_numpy())
    # From the quickest way to the most patient one, each for what the one before could not read.
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
    texts = cells.astype("str").str.strip()
    if texts.str.contains("[$€£¥%]").any():
        # One sign at one end, as nearly all columns of money or percent have it.
        bare = texts.str.replace(rf"[{_SPACES}]*[$€£¥%]$", "", regex=True)
        texts = bare.where(bare != texts, texts.str.replace(rf"^[$€£¥][{_SPACES}]*", "", regex=True))
    texts = texts.where(texts.str.fullmatch(_PLAIN[decimal]))
    if not texts.notna().any():
        return np.full(len(cells), np.nan)
    plain = texts.str.replace(OTHER_DECIMAL[decimal], "", regex=False).str.replace(",", ".", regex=False)
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
    """How many cells of a column of numbers tell its decimal mark.

    point, comma: cells that can only be read with a decimal point, with a decimal comma.
    either_point, either_comma: cells that can be read both ways, with another value each time: ``1.250``, ``1,250``.
    unmarked: numbers without any mark, other than 0.
    example: the first cell that can be read both ways.
    """

    point: int = 0
    comma: int = 0
    either_point: int = 0
    either_comma: int = 0
    unmarked: int = 0
    example: str = ""

    @property
    def either(self) -> int:
        """Cells that can be read both ways."""
        return self.either_point + self.either_comma

    @property
    def mark(self) -> str | None:
        """The mark that more cells need than need the other one."""
        return None if self.point == self.comma else "." if self.point > self.comma else ","

    @property
    def is_unambiguous(self) -> bool:
        """Whether more than one in twenty of the cells with a mark tell what it means: not a stray cell or two."""
        return self.mark is not None and 20 * max(self.point, self.comma) > (
            self.point + self.comma + self.either
        )


def count_number_formats(values: pd.Series) -> NumberFormatCounts:
    """Count how the cells of a column of numbers are written."""
    if not len(values):
        return NumberFormatCounts()
    texts = values.astype("str")
    bare = texts.str.replace("[^0-9.,]", "", regex=True)
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
        str(texts.iloc[first[0]]).strip() if len(first) else "",
    )
