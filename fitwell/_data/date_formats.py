"""Inference of a column's date format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.date_parsing import (
    FORMAT_SEPARATOR,
    TIME_OF_DAY,
    infer_time_format,
    normalize_strings,
    parse_strings,
)
from fitwell._data.parse_tolerance import is_mostly_parsed
from fitwell._data.periods import DURATION_FORMATS, infer_duration_format

if TYPE_CHECKING:
    import pandas as pd

# `fitwell._data.date_parsing` translates month names into English and removes commas before the formats are compared.
# If more than one format matches and no other column resolves the ambiguity, the first is chosen and a note is added.
DATE_FORMATS = (
    "ISO8601",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%m.%d.%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%d/%b/%Y",
    "%d.%b.%Y",
    "%d%b%Y",
    "%d%b%y",
    "%b %d %Y",
    "%b-%d-%Y",
    "%Y %b %d",
    "%Y-%b-%d",
    "%b %Y",
    "%b-%Y",
    "%b-%y",
    "%m/%Y",
    "%y/%m/%d",
    "%y-%m-%d",
    "%Y%m%d",
)
MAX_FORMATS = 3  # maximum number of date formats in one column
_SAMPLE = 200
_MAYBE_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,4}([-/.]\d{1,4})?\b|\d{1,4}[-/. ]?[A-Z][a-z]{2}[-/. ]?\d{2,4}|[A-Z][a-z]{2}[-/ ]\d|\d{8}\b|"
    r"\d{1,2}:\d\d"
)


@dataclass(frozen=True)
class DateFormat:
    """A column's date format.

    Attributes:
        pattern: A format for `strptime`, ``ISO8601`` or a duration format. If the column has more than one format,
            they are joined with ``" | "``.
        order: The format's first component: ``"day"``, ``"month"`` or ``"year"``.
        alternatives: Formats that match the same number of cells but result in different dates.
    """

    pattern: str
    order: str
    alternatives: tuple[DateFormat, ...] = ()


def infer_date_format(values: pd.Series, requested: bool = False) -> DateFormat | None:
    """Infer the date format that matches the most cells. Return None if the column does not contain dates.

    Args:
        values: The column.
        requested: Whether the user set the column's type to ``"date"``. Then it is enough that half of the cells match.
            Otherwise `is_mostly_parsed` decides.
    """
    import pandas as pd

    codes, different = pd.factorize(values.dropna())
    counts = np.bincount(codes)
    if not len(different):
        return None
    strings = pd.Series(different)
    places = np.unique(np.linspace(0, len(strings) - 1, _SAMPLE).astype(int))
    if not strings.iloc[places].astype("str").str.contains("[0-9]").any():
        return None
    strings = normalize_strings(strings)
    sample = strings.iloc[places].dropna()
    elapsed = infer_duration_format(strings, sample)
    if elapsed:
        return DateFormat(elapsed, "year")
    if sample.str.match(_MAYBE_DATE.pattern).mean() < 0.5:
        return None
    time = Counter(infer_time_format(text) for text in sample).most_common(1)[0][0]
    # Comparing punctuation is faster than parsing, and it rules out most formats.
    shapes = {_date_punctuation(TIME_OF_DAY.sub("", text)) for text in sample}
    possible = [date for date in DATE_FORMATS if date == "ISO8601" or _date_punctuation(date) in shapes]
    candidates = [f"{date}{time}" if date != "ISO8601" else date for date in possible]
    candidates += [time] if time and not time.startswith((" ", "T")) else []
    best = _best_formats(strings, counts, sample, candidates)
    is_parsed = best[0][1].notna().to_numpy() if best else np.zeros(len(strings), dtype=bool)
    mostly_parsed = is_mostly_parsed(strings, counts, is_parsed)
    if not mostly_parsed:
        several = _infer_several_formats(strings, counts, time)
        if several is not None:
            return several
    if not best or not (mostly_parsed or (requested and 2 * counts[is_parsed].sum() >= len(codes))):
        return None
    pattern, moments = best[0]
    alternatives = tuple(
        DateFormat(other, get_date_order(other)) for other, those in best[1:] if not those.equals(moments)
    )
    return DateFormat(pattern, get_date_order(pattern), alternatives)


def _best_formats(
    strings: pd.Series, counts: NDArray[np.int64], sample: pd.Series, candidates: Sequence[str]
) -> list[tuple[str, pd.Series]]:
    """Return the formats that match the most cells, together with the parsed cells.

    Formats that match less than half of the sample are ignored.
    """
    fits: list[tuple[int, tuple[str, pd.Series]]] = []
    for pattern in candidates:
        if parse_strings(sample, pattern).notna().mean() < 0.5:
            continue
        moments = parse_strings(strings, pattern)
        fits.append((int(counts[moments.notna().to_numpy()].sum()), (pattern, moments)))
    most = max((count for count, _ in fits), default=0)
    return [fit for count, fit in fits if count == most]


def _infer_several_formats(strings: pd.Series, counts: NDArray[np.int64], time: str) -> DateFormat | None:
    """Infer the formats of a column with two or three date formats. Return None if they do not match most cells.

    Only one format is chosen for each kind of punctuation, so no cell matches two formats. For example, 31/10/2021 and
    03/04/2021 have the same punctuation, so either both begin with the day or both begin with the month.
    """
    signs = strings.map(_date_signature, na_action="ignore")
    weights = Counter[tuple[str, bool, bool]]()
    for sign, count in zip(signs, counts):
        if isinstance(sign, tuple):
            weights[sign] += int(count)
    choices: list[list[str]] = []
    for sign, _ in weights.most_common(MAX_FORMATS):
        where = (signs == sign).to_numpy(dtype=bool)
        dates = [date for date in DATE_FORMATS if date == "ISO8601" or _date_punctuation(date) == sign[0]]
        candidates = [date if date == "ISO8601" else date + time for date in dates]
        best = _best_formats(strings[where], counts[where], strings[where].iloc[:_SAMPLE], candidates)
        if best:
            different = [best[0], *(fit for fit in best[1:] if not fit[1].equals(best[0][1]))]
            choices.append([pattern for pattern, _ in different])
    if len(choices) < 2:
        return None
    clear = {get_date_order(patterns[0]) for patterns in choices if len(patterns) == 1} - {"year"}
    orders = (
        clear
        if len(clear) == 1
        else {get_date_order(pattern) for patterns in choices for pattern in patterns}
    )
    found = list(
        dict.fromkeys(
            FORMAT_SEPARATOR.join(
                next((pattern for pattern in patterns if get_date_order(pattern) == order), patterns[0])
                for patterns in choices
            )
            for order in ("month", "day", "year")
            if order in orders
        )
    )
    if len(found) > 1 and len({get_date_order(pattern) for pattern in found}) > 1:
        found = [pattern for pattern in found if get_date_order(pattern) != "year"]
    if not is_mostly_parsed(strings, counts, parse_strings(strings, found[0]).notna().to_numpy()):
        return None
    alternatives = tuple(DateFormat(other, get_date_order(other)) for other in found[1:])
    return DateFormat(found[0], get_date_order(found[0]), alternatives)


def _date_signature(text: str) -> tuple[str, bool, bool]:
    """Return the properties that distinguish date formats.

    These are the punctuation, whether the date begins with four digits, and whether it ends with four digits.
    """
    date = TIME_OF_DAY.sub("", text)
    return _date_punctuation(date), date[:4].isdecimal(), date[-4:].isdecimal()


def _date_punctuation(date: str) -> str:
    """Return the punctuation of a date or a format, with ``A`` in place of a month's name."""
    return re.sub("%?[A-Za-z]+", "A", re.sub("[0-9]+|%[dmyY]", "", date))


def get_date_order(pattern: str) -> str:
    """Return a date format's first component: ``"day"``, ``"month"`` or ``"year"``.

    If `pattern` consists of more than one format, return the first component that is not the year, or ``"year"`` if all
    formats begin with the year.
    """
    if FORMAT_SEPARATOR in pattern:
        return next(
            (order for part in pattern.split(FORMAT_SEPARATOR) if (order := get_date_order(part)) != "year"),
            "year",
        )
    if pattern == "ISO8601" or pattern[:2] in ("%Y", "%y"):
        return "year"
    return "day" if pattern.startswith("%d") else "month"


def infer_unambiguous_format(values: pd.Series, known: str) -> str | None:
    """Infer the format of dates that do not have the training format. Return None if it cannot be determined.

    Args:
        values: The dates.
        known: The training format. If more than one format matches, the one with the same order of day and month as
            the training format is chosen.
    """
    found = infer_date_format(values)
    if found is None or known in DURATION_FORMATS or found.pattern in DURATION_FORMATS:
        return None
    if not found.alternatives:
        return found.pattern
    like = [one for one in (found, *found.alternatives) if one.order == get_date_order(known)]
    return like[0].pattern if len(like) == 1 else None


def swap_day_and_month(pattern: str) -> str | None:
    """Return the format with day and month swapped, or None if there is no such format in `DATE_FORMATS`.

    >>> swap_day_and_month("%d/%m/%Y %H:%M"), swap_day_and_month("ISO8601")
    ('%m/%d/%Y %H:%M', None)
    """
    if (
        FORMAT_SEPARATOR in pattern
        or not {"%d", "%m"} <= set(re.findall("%[a-zA-Z]", pattern))
        or get_date_order(pattern) == "year"
    ):
        return None
    date = re.split(r"[ T]?%[HI]", pattern)[0]
    swapped = date.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    return swapped + pattern[len(date) :] if swapped in DATE_FORMATS else None


__all__ = [
    "DATE_FORMATS",
    "MAX_FORMATS",
    "DateFormat",
    "get_date_order",
    "infer_date_format",
    "infer_unambiguous_format",
    "swap_day_and_month",
]
