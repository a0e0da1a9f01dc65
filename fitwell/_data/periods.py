"""Parsers for durations and for periods such as quarters, half-years and weeks."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Duration formats in spreadsheet notation. A duration with two parts has hours and minutes, or minutes and seconds.
HOURS, MINUTES = "[h]:mm", "[m]:ss"
DURATION_FORMATS = (HOURS, MINUTES)
_DURATION = re.compile(
    r"^(?:(?P<days>\d+) (?:days? )?(?:\+ ?)?)?(?P<first>\d+):(?P<second>[0-5]\d)(?::(?P<third>[0-5]\d(?:\.\d+)?))?$"
)

_NAMED = re.compile(
    r"P?(?:(?P<d>\d+) ?(?:d|days?|Tage?)[ ,]*)?T?(?:(?P<h>\d+) ?(?:h|hrs?|hours?|Std|Stunden?)\.?[ ,]*)?"
    r"(?:(?P<m>\d+) ?(?:m|min|mins|minutes?|Minuten?)\.?[ ,]*)?(?:(?P<s>\d+(?:\.\d+)?) ?(?:s|secs?|seconds?|Sek)\.?)?",
    re.IGNORECASE,
)

# Patterns for quarters (T1 in French), half-years, and ISO 8601 weeks (KW 5 in German).
_BEHIND = r"[ ,./-]{0,2}(?P<year>\d{4})"
_SHORT_BEHIND = r"[ ,./-]{0,2}'?(?P<year>\d{4}|\d\d)"
_BEFORE = r"(?P<year>\d{4})[ ,./-]{0,2}"
_PERIODS = [
    re.compile(pattern)
    for pattern in (
        rf"{_BEFORE}[QT](?P<quarter>[1-4])",
        rf"Q(?P<quarter>[1-4]){_SHORT_BEHIND}",
        rf"T(?P<quarter>[1-4]){_BEHIND}",
        rf"(?P<quarter>[1-4])\.? ?(?:Q|Quartal|Trimestre){_SHORT_BEHIND}",
        rf"{_BEFORE}H(?P<half>[12])",
        rf"H(?P<half>[12]){_BEHIND}",
        rf"{_BEFORE}(?:W|KW|wk|Week) ?(?P<week>\d\d?)(?:-?(?P<day>[1-7]))?",
        r"(?:W|KW|wk|Week) ?(?P<week>\d\d?)[ ,./-]{1,2}(?P<year>\d{4})",
    )
]


def period_start(text: str) -> str:
    """Return the first day of a quarter, half-year or ISO week. The result is ``""`` for any other string.

    >>> period_start("Q3 2021"), period_start("2021-W05"), period_start("H2/2021")
    ('2021-07-01', '2021-02-01', '2021-07-01')
    """
    for pattern in _PERIODS:
        found = pattern.fullmatch(text)
        if found:
            parts = found.groupdict()
            year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
            if parts.get("week"):
                return _first_of_week(year, int(parts["week"]), int(parts.get("day") or 1))
            months = 3 if parts.get("quarter") else 6
            number = int(parts.get("quarter") or parts["half"])
            return f"{year}-{months * (number - 1) + 1:02d}-01"
    return ""


def normalize_duration(text: str) -> str:
    """Convert a duration with unit names to the format ``D days H:MM:SS``. The result is ``""`` for any other string.

    >>> [normalize_duration(text) for text in ("2h 50m", "PT1H30M", "1 hour, 5 minutes", "2 horses")]
    ['0 days 2:50:00', '0 days 1:30:00', '0 days 1:05:00', '']
    """
    found = _NAMED.fullmatch(text) if text[-1:].isalpha() or text.endswith(".") else None
    if found is None or not any(found.groupdict().values()):
        return ""
    minutes, seconds = divmod(60 * int(found["m"] or 0) + float(found["s"] or 0), 60)
    hours, minutes = divmod(60 * int(found["h"] or 0) + int(minutes), 60)
    prefix = f"{found['d'] or 0} days {hours}:{minutes:02d}"
    return f"{prefix}:{seconds:02.0f}" if seconds % 1 == 0 else f"{prefix}:{seconds:06.3f}"


def _first_of_week(year: int, week: int, day: int) -> str:
    try:
        return datetime.date.fromisocalendar(year, week, day).isoformat()
    except ValueError:
        return ""


def parse_durations(strings: pd.Series, pattern: str) -> pd.Series:
    """Parse durations and add each of them to the beginning of 1970, because date columns contain datetimes."""
    import pandas as pd

    found = strings.str.extract(_DURATION)
    number = {part: pd.to_numeric(found[part]).fillna(0) for part in ("days", "first", "second", "third")}
    hours = [number["first"], number["second"], number["third"]]
    if pattern == MINUTES:  # durations with two parts are minutes and seconds in this format
        two = found["third"].isna()
        hours = [hours[0].mask(two, 0), hours[1].mask(two, hours[0]), hours[2].mask(two, hours[1])]
    seconds = 86400 * number["days"] + 3600 * hours[0] + 60 * hours[1] + hours[2]
    return pd.Timestamp(0) + pd.to_timedelta(seconds.where(found["first"].notna()), unit="s")


def infer_duration_format(strings: pd.Series, sample: pd.Series) -> str | None:
    """Infer the duration format. Return None if the cells are not durations or could all be times of day."""
    import pandas as pd

    if sample.str.match(_DURATION).mean() < 0.5:
        return None
    found = strings.dropna().str.extract(_DURATION)
    found = found[found["first"].notna()]
    if 20 * len(found) < 19 * strings.notna().sum() or not len(found):
        return None
    two, first = found["third"].isna(), pd.to_numeric(found["first"])
    if not (found["days"].notna() | (first >= 24)).any():
        return None
    minutes = (two & (first >= 24)).any() and (~two).any() and not (~two & (first >= 24)).any()
    return MINUTES if minutes else HOURS


__all__ = [
    "DURATION_FORMATS",
    "infer_duration_format",
    "normalize_duration",
    "parse_durations",
    "period_start",
]
