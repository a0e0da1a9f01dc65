"""One column's values as numbers, text, truth values or moments, whatever type they arrived in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

# What people write around numbers, and between their thousands.
_DECORATION = re.compile(r"^[\s$€£¥]+|[\s$€£¥%]+$")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")

# The order matters where several would do: 03/04/2021 is read as the month 3, with a note.
DATE_FORMATS = (
    "ISO8601",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S")
_MAYBE_DATE = re.compile(r"\d{1,4}[-/. ]\w{1,9}[-/., ]+\d{1,4}|[A-Za-z]{3,9} \d{1,2}, \d{4}")
_TRUTH = {"true": 1.0, "false": 0.0}


def missing_in(values: pd.Series) -> NDArray[np.bool_]:
    """Return where `values` holds nothing: no value, blank text, or an infinite number."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind == "f":
        return missing | np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if is_textual(values):
        return missing | (
            values.astype(object)
            .map(lambda value: isinstance(value, str) and not value.strip())
            .to_numpy(dtype=bool)
        )
    return missing


def is_textual(values: pd.Series) -> bool:
    """Return whether `values` may hold text: its type is text, objects or categories."""
    return values.dtype.kind == "O"


def numbers_in(values: pd.Series) -> NDArray[np.float64]:
    """Return `values` as numbers; NaN where one is missing, infinite or not readable as a number.

    Text may have a currency sign before the number, a percent sign after it, and commas between thousands.
    """
    import pandas as pd

    if values.dtype.kind in "fiub":
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind == "m":
        numbers = values.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    elif values.dtype.kind in "Mc":
        return np.full(len(values), np.nan)
    else:
        plain = values.astype(object).map(_clean)
        numbers = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = _DECORATION.sub("", value)
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def readable_share(values: pd.Series) -> float:
    """Return the share of the present values that are numbers; 0 if there is none."""
    present = values[~missing_in(values)]
    return float(np.mean(~np.isnan(numbers_in(present)))) if len(present) else 0.0


def texts_in(values: pd.Series) -> NDArray[np.object_]:
    """Return `values` as text, ``""`` where one is missing; a whole number has no decimal point."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = [_text(value) for value in values.astype(object)]
    texts[missing_in(values)] = ""
    return texts


def _text(value: Any) -> str:
    # A missing value elsewhere in a column turns its whole numbers into floats.
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
    return np.array([_TRUTH.get(text.lower(), np.nan) for text in texts_in(values)], dtype=np.float64)


def date_format_of(values: pd.Series) -> tuple[str, bool] | None:
    """Return the format in which all the present texts are dates, and whether another would fit too.

    None when there is no such format, or when the texts do not look like dates.
    """
    present = values[~missing_in(values)].astype(str).str.strip()
    if not len(present) or not all(_MAYBE_DATE.match(text) for text in present.head(100)):
        return None
    fitting: list[tuple[str, Any]] = []
    for pattern in DATE_FORMATS:
        for suffix in ("",) if pattern == "ISO8601" else _TIMES:
            # A look at the beginning saves going through the whole column for most formats.
            if moments_in(present.head(20), pattern + suffix).isna().any():
                continue
            moments = moments_in(present, pattern + suffix)
            if not moments.isna().any():
                fitting.append((pattern + suffix, moments))
    if not fitting:
        return None
    first, moments = fitting[0]
    ambiguous = any(not other.equals(moments) for _, other in fitting[1:])
    return first, ambiguous


def moments_in(values: pd.Series, pattern: str | None = None) -> pd.Series:
    """Return `values` as moments in UTC; nothing where one is missing or not written like `pattern`."""
    import pandas as pd

    if values.dtype.kind != "M":
        # Dates of Parquet files arrive as objects, which are written like ISO dates.
        values = values.astype(object).map(lambda value: None if pd.isna(value) else str(value).strip())
    moments = pd.to_datetime(values, format=pattern, errors="coerce", utc=True)
    return moments.dt.tz_localize(None)
