"""Transformer for date columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column, equals_any
from fitwell._data.conversion import to_string
from fitwell._data.date_formats import MAX_FORMATS, infer_unambiguous_format, swap_day_and_month
from fitwell._data.date_parsing import FORMAT_SEPARATOR, to_datetime
from fitwell._data.periods import DURATION_FORMATS
from fitwell._data.scaling import fit_scaler, standardize
from fitwell._data.text_format import get_row_number, pluralize
from fitwell._schema import NUMBER, POSITIVE, DictSchema, LeafSchema, NonEmpty, enum_schema
from fitwell._typing import FloatArray
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def _is_date_format(value: Any) -> bool:
    import pandas as pd

    patterns = value.split(FORMAT_SEPARATOR, MAX_FORMATS) if isinstance(value, str) else [value]
    try:
        for pattern in patterns:
            pd.to_datetime(pd.Series(["2000-01-01"]), format=pattern, errors="coerce")
    except (ValueError, TypeError):
        return False
    return len(patterns) <= MAX_FORMATS and (value is None or isinstance(value, str))


_CYCLES = ("year", "week", "day")
_PARTS = ("days", *(f"{wave} of the {cycle}" for cycle in _CYCLES for wave in ("sine", "cosine")))
DATE_PART = enum_schema(*_PARTS)
DATE_FORMAT = LeafSchema("a date format", _is_date_format)


@dataclass
class DateColumn(Column):
    """A transformer that encodes dates as numbers.

    A date becomes the number of days since 1970, and the sine and cosine of its position in the year, week and day.

    Attributes:
        pattern: The date format, or None if the column contained datetimes.
        parts: A dict that maps each part that varies in the training rows to ``[median, mean, scale]``. Each part
            is standardized with these numbers.
        words: Words in the training file that meant a missing date.
    """

    kind: ClassVar[str] = "date"

    pattern: Annotated[str | None, DATE_FORMAT]
    parts: Annotated[dict[str, list[float]], NonEmpty(DictSchema((NUMBER, NUMBER, POSITIVE), DATE_PART))]
    words: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, name: str, values: pd.Series, pattern: str | None, words: Sequence[str] = ()) -> DateColumn:
        """Compute the median, mean and standard deviation of each part of the training dates."""
        moments = to_datetime(values, pattern)
        fitted = {
            part: list(fit_scaler(numbers))
            for part, numbers in date_features(moments).items()
            # A duration has no position in the year.
            if _varies(numbers) and (part == "days" or pattern not in DURATION_FORMATS)
        }
        return cls(name, int(moments.isna().sum()), pattern, fitted, list(words))

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._is_missing_marker(values) | equals_any(values, self.words)

    def _value_feature_names(self) -> list[str]:
        return [f"{self.name}: {part}" for part in self.parts]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        moments = to_datetime(values, self.pattern)
        unparsed = moments.isna().to_numpy() & ~missing
        self._check_date_order(values, unparsed, int((~missing).sum()))
        if unparsed.any() and self.pattern is not None:
            moments = self._parse_other_format(values, moments, unparsed, notes)
            unparsed = moments.isna().to_numpy() & ~missing
        numbers = date_features(moments)
        blocks = [standardize(numbers[part], *fitted) for part, fitted in self.parts.items()]
        return np.stack(blocks, axis=1), unparsed

    def _parse_other_format(
        self, values: pd.Series, moments: pd.Series, unparsed: NDArray[np.bool_], notes: list[str]
    ) -> pd.Series:
        """Parse dates that do not have the training format, provided that their format is unambiguous."""
        pattern = infer_unambiguous_format(values[unparsed], str(self.pattern))
        if pattern is None:
            return moments
        parsed = to_datetime(values[unparsed], pattern)
        notes.append(
            f"Read {pluralize(int(parsed.notna().sum()), 'date')} in {self.name!r} with the format {pattern}, which "
            f"is not the training format {self.pattern}."
        )
        return moments.fillna(parsed)

    def _check_date_order(self, values: pd.Series, unparsed: NDArray[np.bool_], present: int) -> None:
        """Raise `DataError` if the day and the month are swapped compared to the training dates.

        Without this check, if the training dates began with the month, 31/10/2021 would count as missing, and
        03/04/2021 would be read as March 4.
        """
        other = None if self.pattern is None else swap_day_and_month(self.pattern)
        if other is None or not unparsed.any():
            return
        is_parsed = to_datetime(values, other).notna().to_numpy()
        if int(is_parsed.sum()) > present - int(unparsed.sum()) and is_parsed[unparsed].any():
            first = int(np.flatnonzero(unparsed & is_parsed)[0])
            raise DataError(
                f"the dates in {self.name!r} seem to have the format {other} (row {get_row_number(values, first)} "
                f"contains {to_string(values)[first]!r}), but the training dates had the format {self.pattern}; "
                "convert them to the training format"
            )

    def describe(self) -> str:
        """Describe the transformation in one short phrase."""
        return f"split into {', '.join(self.parts)}, each standardized" + self._describe_missing("medians")


def _varies(numbers: FloatArray) -> bool:
    return bool(np.nanmax(numbers) - np.nanmin(numbers) > 1e-9)


def date_features(moments: pd.Series) -> dict[str, NDArray[np.float64]]:
    """Compute the days since 1970, and the sine and cosine of the position in the year, week and day."""
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


__all__ = ["DATE_FORMAT", "DateColumn"]
