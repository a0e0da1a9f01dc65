"""Infer the date format of a column, and parse its cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import to_string
from fitwell._data.periods import (
    DURATION_FORMATS,
    infer_duration_format,
    normalize_duration,
    parse_durations,
    period_start,
)

if TYPE_CHECKING:
    import pandas as pd

# Month names are English and without commas here, in any language of the cells: see `_normalize`.
# If several formats match and other columns do not decide, the first is chosen, with a note.
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
# Minimum fraction of the cells that must be parsed.
MIN_PARSED_FRACTION = 0.95
# This many distinct words may be in more cells than that: "trace", "below", "0000-00-00".
MAX_OTHER_WORDS = 3
# A column with at most this many distinct values is categorical even if all its values are distinct.
MIN_DISTINCT_VALUES = 10
MAX_FORMATS = 3  # in one column
_SAMPLE = 200

_TIME = re.compile(
    r"(?P<between>^|[ T])\d{1,2}:\d\d(?P<seconds>:\d\d(?P<fraction>\.\d+)?)?"
    r"(?P<half> [AP]M)?(?P<zone>Z|[+-]\d\d:?\d\d)?$"
)
_MAYBE_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,4}([-/.]\d{1,4})?\b|\d{1,4}[-/. ]?[A-Z][a-z]{2}[-/. ]?\d{2,4}|[A-Z][a-z]{2}[-/ ]\d|\d{8}\b|"
    r"\d{1,2}:\d\d"
)
# Cells with other characters than these need `_normalize`.
_NEEDS_NORMALIZING = r"[^0-9TZ:./ +\-]|[0-9]\. |  |:[0-9]{2} [+\-]|[0-9]{4}:"

_MONTHS = {
    word: english
    for english, words in {
        "Jan": "january januar janvier janv janeiro enero ene gennaio gen januari jänner",
        "Feb": "february februar février févr fév fevereiro fev febrero febbraio februari feber",
        "Mar": "march märz mär mrz mars março marzo maart mrt",
        "Apr": "april avril avr abril abr aprile",
        "May": "mai maio mayo maggio mag mei maj",
        "Jun": "june juni juin junho junio giugno giu",
        "Jul": "july juli juillet juil julho julio luglio lug",
        "Aug": "august août aout agosto ago augustus augusti",
        "Sep": "september septembre sept setembro set septiembre settembre",
        "Oct": "october oktober okt octobre outubro out octubre ottobre ott",
        "Nov": "november novembre novembro noviembre",
        "Dec": "december dezember dez décembre déc dezembro diciembre dic dicembre",
    }.items()
    for word in (english.lower(), *words.split())
}
_WEEKDAY_WORDS = """
    mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday
    montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so
    lundi mardi mercredi jeudi vendredi samedi dimanche
"""
# Names of time zones too: local times are not converted.
_OTHER_WORDS = """
    at um uhr de del of le utc gmt cet cest est edt cst cdt mst mdt pst pdt bst ist jst mez mesz wet west eet eest msk
    aest aedt kst
"""
_IGNORED_WORDS = frozenset(_WEEKDAY_WORDS.split() + _OTHER_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")

# Joins the formats of a column with several formats.
FORMAT_SEPARATOR = " | "


@dataclass(frozen=True)
class DateFormat:
    """The date format of a column.

    pattern: format for `strptime`, or ``ISO8601``. Several formats are joined with ``" | "``.
    order: first component of the format: ``"day"``, ``"month"`` or ``"year"``.
    alternatives: other formats that match as many cells but give other dates.
    """

    pattern: str
    order: str
    alternatives: tuple[DateFormat, ...] = ()


def _normalize(text: str) -> str:
    """Return a date in plain English: ``Di., 5. März 2021, 3:07 p.m.`` becomes ``5 Mar 2021 3:07 PM``."""
    text = re.sub(r"(?<=:\d\d),(?=\d)", ".", " ".join(text.split()))
    text = re.sub(r"(?<=[A-Za-z/]\d{4}):(?=\d\d:)", " ", text)  # 05/Jan/2021:15:07:00 in server logs
    text = re.sub(r" (\d\d)\.(\d\d)\.(\d\d)(?:\.\d+)?(?= [AP]M$)", r" \1:\2:\3", text)  # Oracle
    text = re.sub(r"^([A-Za-z]{3} )?([A-Za-z]{3} \d+) (\d\d:\d\d:\d\d) (\d{4})$", r"\2 \4 \3", text)  # ctime
    text = re.sub(r"(?:GMT|UTC) ?([+-]\d\d?)(:?\d\d)?(?: \(.*\))?$", _format_offset, text)
    period = period_start(text) or normalize_duration(text)
    if period:
        return period
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th|er)\b", "", text)
    text = re.sub(r"(?<=\d)\s?([ap])\.?\s?m\b\.?", lambda found: f" {found[1].upper()}M", text, flags=re.I)
    text = re.sub(r"(?<=\d)\.\s(?=\d)", ".", text.replace(",", " ").replace("(", " ").replace(")", " "))
    return " ".join(_WORD.sub(_translate_word, text).replace(". ", " ").split()).rstrip(".")


def _format_offset(found: re.Match[str]) -> str:
    return f"{int(found[1]):+03d}{found[2] or ':00'}"


def _translate_word(found: re.Match[str]) -> str:
    word = found[0].casefold()
    if word in _MONTHS:
        return _MONTHS[word]
    return "" if word in _IGNORED_WORDS else found[0]


def _normalize_strings(values: pd.Series) -> pd.Series:
    import pandas as pd

    texts = pd.Series(to_string(values), index=values.index, dtype="str")
    odd = texts.str.contains(_NEEDS_NORMALIZING).to_numpy(dtype=bool)
    if odd.any():
        texts = texts.astype(object)
        texts[odd] = [_normalize(text) for text in texts[odd]]
        texts[odd] = [re.sub(r"(?<=:\d\d| [AP]M) (?=[+-]\d\d:?\d\d$)", "", text) for text in texts[odd]]
    return texts.where(texts != "")


def to_datetime(values: pd.Series, pattern: str | None = None) -> pd.Series:
    """Convert `values` to datetimes in UTC. Missing values and values that do not match `pattern` become NaT.

    The time of day may have another format than in the pattern, or be missing.
    """
    import pandas as pd

    if values.dtype.kind == "M" or pattern is None:
        # Dates of Parquet files are objects whose strings are ISO dates.
        texts = values if values.dtype.kind == "M" else _normalize_strings(values)
        return pd.to_datetime(texts, errors="coerce", utc=True, format=pattern).dt.tz_localize(None)
    codes, different = pd.factorize(values)
    read = _parse(_normalize_strings(pd.Series(different)), pattern)
    return pd.Series(
        read.reindex(codes).to_numpy(), index=values.index, name=values.name
    )  # -1 is not in the index: missing


def _parse(texts: pd.Series, pattern: str) -> pd.Series:
    import pandas as pd

    # Files of earlier versions have commas and long month names.
    pattern = pattern.replace(",", "").replace("%B", "%b")
    if FORMAT_SEPARATOR in pattern:
        return _parse_several(texts, pattern.split(FORMAT_SEPARATOR))
    if pattern in DURATION_FORMATS:
        return parse_durations(texts, pattern)
    moments = pd.to_datetime(texts, format=pattern, errors="coerce", utc=True)
    left = texts[moments.isna() & texts.notna()]
    date = re.split(r"[ T]?%[HI]", pattern)[0]
    if pattern != "ISO8601" and date:
        for other, cells in left.groupby(left.map(_infer_time_format)):
            if date + str(other) != pattern:
                moments[cells.index] = pd.to_datetime(
                    cells, format=date + str(other), errors="coerce", utc=True
                )
    return moments.dt.tz_localize(None)


def _parse_several(texts: pd.Series, patterns: Sequence[str]) -> pd.Series:
    moments = _parse(texts, patterns[0])
    for pattern in patterns[1:]:
        left = moments.isna() & texts.notna()
        if left.any():
            moments[left] = _parse(texts[left], pattern)
    return moments


def _infer_time_format(text: str) -> str:
    """Return the format of the time of day at the end of a cell, including the separator from the date."""
    found = _TIME.search(text)
    if found is None:
        return ""
    hour = "%I:%M" if found["half"] else "%H:%M"
    seconds = (":%S" if found["seconds"] else "") + (".%f" if found["fraction"] else "")
    return f"{found['between']}{hour}{seconds}{' %p' if found['half'] else ''}{'%z' if found['zone'] else ''}"


def infer_date_format(values: pd.Series, requested: bool = False) -> DateFormat | None:
    """Return the format that matches the most cells, None if it is not `is_mostly_parsed` or `requested`."""
    import pandas as pd

    codes, different = pd.factorize(values.dropna())
    counts = np.bincount(codes)
    if not len(different):
        return None
    texts = pd.Series(different)
    places = np.unique(np.linspace(0, len(texts) - 1, _SAMPLE).astype(int))
    if not texts.iloc[places].astype("str").str.contains("[0-9]").any():
        return None
    texts = _normalize_strings(texts)
    sample = texts.iloc[places].dropna()
    elapsed = infer_duration_format(texts, sample)
    if elapsed:
        return DateFormat(elapsed, "year")
    if sample.str.match(_MAYBE_DATE.pattern).mean() < 0.5:
        return None
    time = Counter(_infer_time_format(text) for text in sample).most_common(1)[0][0]
    # Most formats have other punctuation, which is faster to compare than to parse.
    shapes = {_date_punctuation(_TIME.sub("", text)) for text in sample}
    possible = [date for date in DATE_FORMATS if date == "ISO8601" or _date_punctuation(date) in shapes]
    candidates = [f"{date}{time}" if date != "ISO8601" else date for date in possible]
    candidates += [time] if time and not time.startswith((" ", "T")) else []
    best = _best_formats(texts, counts, sample, candidates)
    read = best[0][1].notna().to_numpy() if best else np.zeros(len(texts), dtype=bool)
    if not is_mostly_parsed(texts, counts, read):
        several = _infer_several_formats(texts, counts, time)
        if several is not None:
            return several
    if not best or not (
        is_mostly_parsed(texts, counts, read) or (requested and 2 * counts[read].sum() >= len(codes))
    ):
        return None
    pattern, moments = best[0]
    alternatives = tuple(
        DateFormat(other, get_date_order(other)) for other, those in best[1:] if not those.equals(moments)
    )
    return DateFormat(pattern, get_date_order(pattern), alternatives)


def _best_formats(
    texts: pd.Series, counts: NDArray[np.int64], sample: pd.Series, candidates: Sequence[str]
) -> list[tuple[str, pd.Series]]:
    """Return the formats that match the most cells, with the parsed cells. Each matches half of the sample."""
    fits: list[tuple[int, tuple[str, pd.Series]]] = []
    for pattern in candidates:
        if _parse(sample, pattern).notna().mean() < 0.5:
            continue
        moments = _parse(texts, pattern)
        fits.append((int(counts[moments.notna().to_numpy()].sum()), (pattern, moments)))
    most = max((count for count, _ in fits), default=0)
    return [fit for count, fit in fits if count == most]


def _infer_several_formats(texts: pd.Series, counts: NDArray[np.int64], time: str) -> DateFormat | None:
    """Return the formats of a column with two or three date formats, None if they do not match most cells.

    There is one format for each punctuation, so no cell matches two: 31/10/2021 and 03/04/2021 in one column have the
    same punctuation, so they are both day first or both month first.
    """
    signs = texts.map(_date_signature, na_action="ignore")
    weights = Counter[tuple[str, bool, bool]]()
    for sign, count in zip(signs, counts):
        if isinstance(sign, tuple):
            weights[sign] += int(count)
    choices: list[list[str]] = []
    for sign, _ in weights.most_common(MAX_FORMATS):
        where = (signs == sign).to_numpy(dtype=bool)
        dates = [date for date in DATE_FORMATS if date == "ISO8601" or _date_punctuation(date) == sign[0]]
        candidates = [date if date == "ISO8601" else date + time for date in dates]
        best = _best_formats(texts[where], counts[where], texts[where].iloc[:_SAMPLE], candidates)
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
    if not is_mostly_parsed(texts, counts, _parse(texts, found[0]).notna().to_numpy()):
        return None
    alternatives = tuple(DateFormat(other, get_date_order(other)) for other in found[1:])
    return DateFormat(found[0], get_date_order(found[0]), alternatives)


def _date_signature(text: str) -> tuple[str, bool, bool]:
    """Return what distinguishes formats: the punctuation, and whether they begin or end with four digits."""
    date = _TIME.sub("", text)
    return _date_punctuation(date), date[:4].isdecimal(), date[-4:].isdecimal()


def _date_punctuation(date: str) -> str:
    """Return the punctuation of a date or a format, with an ``A`` for the name of a month."""
    return re.sub("%?[A-Za-z]+", "A", re.sub("[0-9]+|%[dmyY]", "", date))


def is_mostly_parsed(different: pd.Series, counts: NDArray[np.int64], read: NDArray[np.bool_]) -> bool:
    """Return whether most cells of a column were parsed, so that the others are errors or missing-value words.

    different: the distinct cells.
    counts: number of occurrences of each.
    read: which of them were parsed.
    """
    cells, words = int(counts.sum()), int(counts[~read].sum())
    if words <= max_unparsed(cells):
        return True
    return (
        len(set(different[~read])) <= MAX_OTHER_WORDS
        and 2 * words <= cells
        and len(different[read]) > MIN_DISTINCT_VALUES
    )


def max_unparsed(cells: int) -> int:
    """Return how many nonempty cells of a column may have another type: 5 %, and at least one of ten.

    >>> max_unparsed(9), max_unparsed(10), max_unparsed(300)
    (0, 1, 15)
    """
    return max(int((1 - MIN_PARSED_FRACTION) * cells + 1e-9), int(cells >= 10))


def get_date_order(pattern: str) -> str:
    """Return the first component of a format: ``"day"``, ``"month"`` or ``"year"``."""
    if FORMAT_SEPARATOR in pattern:
        return next(
            (order for part in pattern.split(FORMAT_SEPARATOR) if (order := get_date_order(part)) != "year"),
            "year",
        )
    if pattern == "ISO8601" or pattern[:2] in ("%Y", "%y"):
        return "year"
    return "day" if pattern.startswith("%d") else "month"


def infer_unambiguous_format(values: pd.Series, known: str) -> str | None:
    """Return the format of dates that differs from the format in training, or None if it is ambiguous.

    known: the format in training, which decides whether day or month is first.
    """
    found = infer_date_format(values)
    if found is None or known in DURATION_FORMATS or found.pattern in DURATION_FORMATS:
        return None
    if not found.alternatives:
        return found.pattern
    like = [one for one in (found, *found.alternatives) if one.order == get_date_order(known)]
    return like[0].pattern if len(like) == 1 else None


def swap_day_and_month(pattern: str) -> str | None:
    """Return the format with day and month swapped, None if that format is not in use.

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


def date_features(moments: pd.Series) -> dict[str, NDArray[np.float64]]:
    """Return days since 1970, and sine and cosine of the position in the year, the week and the day."""
    import pandas as pd

    days = (moments - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    calendar = moments.dt
    turns = {
        "year": (calendar.day_of_year - 1) / 365.25,
        "week": calendar.day_of_week / 7,
        "day": (calendar.hour + calendar.minute / 60 + calendar.second / 3600) / 24,
    }
    parts: dict[str, NDArray[np.float64]] = {"days": np.asarray(days, dtype=np.float64)}
    for cycle, turn in turns.items():
        angle = 2 * np.pi * turn.to_numpy(dtype=np.float64, na_value=np.nan)
        parts |= {f"sine of the {cycle}": np.sin(angle), f"cosine of the {cycle}": np.cos(angle)}
    return parts


__all__ = [
    "DATE_FORMATS",
    "DateFormat",
    "FORMAT_SEPARATOR",
    "MAX_FORMATS",
    "MAX_OTHER_WORDS",
    "MIN_DISTINCT_VALUES",
    "MIN_PARSED_FRACTION",
    "date_features",
    "get_date_order",
    "infer_date_format",
    "infer_unambiguous_format",
    "is_mostly_parsed",
    "max_unparsed",
    "swap_day_and_month",
    "to_datetime",
]
