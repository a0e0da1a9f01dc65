"""Parsers for dates and times in known formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fitwell._data.conversion import to_string
from fitwell._data.periods import (
    DURATION_FORMATS,
    normalize_duration,
    parse_durations,
    period_start,
)

if TYPE_CHECKING:
    import pandas as pd

TIME_OF_DAY = re.compile(
    r"(?P<between>^|[ T])\d{1,2}:\d\d(?P<seconds>:\d\d(?P<fraction>\.\d+)?)?"
    r"(?P<half> [AP]M)?(?P<zone>Z|[+-]\d\d:?\d\d)?$"
)
# Only cells that match this pattern need `_normalize`.
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
# The names of time zones are ignored too, because local times are not converted.
_OTHER_WORDS = """
    at um uhr de del of le utc gmt cet cest est edt cst cdt mst mdt pst pdt bst ist jst mez mesz wet west eet eest msk
    aest aedt kst
"""
_IGNORED_WORDS = frozenset(_WEEKDAY_WORDS.split() + _OTHER_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+")

# Separates the formats of a column with more than one date format.
FORMAT_SEPARATOR = " | "


def _normalize(text: str) -> str:
    """Rewrite a date in plain English. ``Di., 5. März 2021, 3:07 p.m.`` becomes ``5 Mar 2021 3:07 PM``."""
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


def normalize_strings(values: pd.Series) -> pd.Series:
    """Convert a column's dates to strings in plain English (see `_normalize`). Empty cells become missing."""
    import pandas as pd

    strings = pd.Series(to_string(values), index=values.index, dtype="str")
    odd = strings.str.contains(_NEEDS_NORMALIZING).to_numpy(dtype=bool)
    if odd.any():
        strings = strings.astype(object)
        strings[odd] = [_normalize(text) for text in strings[odd]]
        strings[odd] = [re.sub(r"(?<=:\d\d| [AP]M) (?=[+-]\d\d:?\d\d$)", "", text) for text in strings[odd]]
    return strings.where(strings != "")


def to_datetime(values: pd.Series, pattern: str | None = None) -> pd.Series:
    """Convert `values` to datetimes without a time zone. Missing values and values in a different format become NaT.

    Times with a UTC offset are converted to UTC.
    The time of day may be missing or have a different format than in `pattern`.
    """
    import pandas as pd

    if values.dtype.kind == "M" or pattern is None:
        # Parquet files may contain date objects, which are converted to ISO date strings first.
        strings = values if values.dtype.kind == "M" else normalize_strings(values)
        return pd.to_datetime(strings, errors="coerce", utc=True, format=pattern).dt.tz_localize(None)
    codes, different = pd.factorize(values)
    parsed = parse_strings(normalize_strings(pd.Series(different)), pattern)
    # The code for missing values is -1, which is not in the index, so `reindex` returns NaT for missing values.
    return pd.Series(parsed.reindex(codes).to_numpy(), index=values.index, name=values.name)


def parse_strings(strings: pd.Series, pattern: str) -> pd.Series:
    """Parse strings that `normalize_strings` returned. Cells that do not match `pattern` become NaT."""
    import pandas as pd

    # The patterns in files from earlier versions may contain commas and full month names.
    pattern = pattern.replace(",", "").replace("%B", "%b")
    if FORMAT_SEPARATOR in pattern:
        return _parse_several(strings, pattern.split(FORMAT_SEPARATOR))
    if pattern in DURATION_FORMATS:
        return parse_durations(strings, pattern)
    moments = pd.to_datetime(strings, format=pattern, errors="coerce", utc=True)
    left = strings[moments.isna() & strings.notna()]
    date = re.split(r"[ T]?%[HI]", pattern)[0]
    if pattern != "ISO8601" and date:
        for other, cells in left.groupby(left.map(infer_time_format)):
            if date + str(other) != pattern:
                moments[cells.index] = pd.to_datetime(
                    cells, format=date + str(other), errors="coerce", utc=True
                )
    return moments.dt.tz_localize(None)


def _parse_several(strings: pd.Series, patterns: Sequence[str]) -> pd.Series:
    moments = parse_strings(strings, patterns[0])
    for pattern in patterns[1:]:
        left = moments.isna() & strings.notna()
        if left.any():
            moments[left] = parse_strings(strings[left], pattern)
    return moments


def infer_time_format(text: str) -> str:
    """Return the format of the time at the end of a cell, including the separator between date and time."""
    found = TIME_OF_DAY.search(text)
    if found is None:
        return ""
    hour = "%I:%M" if found["half"] else "%H:%M"
    seconds = (":%S" if found["seconds"] else "") + (".%f" if found["fraction"] else "")
    return f"{found['between']}{hour}{seconds}{' %p' if found['half'] else ''}{'%z' if found['zone'] else ''}"


__all__ = [
    "FORMAT_SEPARATOR",
    "TIME_OF_DAY",
    "infer_time_format",
    "normalize_strings",
    "parse_strings",
    "to_datetime",
]
