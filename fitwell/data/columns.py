"""Transformers of single table columns, fitted on the training rows.

A fitted column names its `features`, computes them for the same column of any table (`transform`), describes
itself (`describe`), and converts to JSON data and back (`to_json`, `column_from_json`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell.data.kinds import row_of
from fitwell.data.moments import MOST_FORMATS, SEVERAL, clear_format_of, date_parts, moments_in, other_order
from fitwell.data.periods import ELAPSED
from fitwell.data.units import without_unit
from fitwell.data.values import is_textual, marks_in, missing_in, numbers_in, texts_in, truths_in
from fitwell.data.wording import counted, quoted
from fitwell.errors import DataError
from fitwell.forms import NUMBER, POSITIVE, Kind, Positive, Some, Table, Tagged, of_class, one_of

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 50
MARK = Kind("'.' or ',' or null", lambda value: value in (None, ".", ","))
Floats = NDArray[np.float64]


@dataclass
class Column(ABC):
    """A fitted transformer of one input column.

    missing: number of training rows without a value. If there were any, an additional feature is 1 in rows without
        a value and 0 in others. If there were none, values missing in other tables are only imputed.
    """

    kind: ClassVar[str]
    # Which missing-value markers the column may hold, see `fitwell.data.values.marks_in`.
    marks_among: ClassVar[str] = "numbers"

    name: str
    missing: int

    @property
    def features(self) -> list[str]:
        """Names of the features that `transform` returns."""
        return self._value_features() + ([f"{self.name} is missing"] if self.missing else [])

    def transform(self, values: pd.Series, notes: list[str] | None = None) -> Floats:
        """Return ``[rows, features]``. Warnings about values unseen in training are appended to `notes`."""
        missing = missing_in(values) | self._marked(values)
        notes = notes if notes is not None else []
        if missing.any() and not self.missing:
            gaps = counted(int(missing.sum()), "missing value")
            notes.append(f"{self.name!r} has {gaps} but had none in training; imputed.")
        block, unreadable = self._transform_values(values, missing, notes)
        if unreadable.any():
            self._note_unreadable(values, unreadable, int((~missing).sum()), notes)
        if not self.missing:
            return block
        return np.hstack([block, (missing | unreadable)[:, None].astype(np.float64)])

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return which cells hold a missing-value marker, by the rules of training."""
        return marks_in(values, self.marks_among)

    def _note_unreadable(
        self, values: pd.Series, unreadable: NDArray[np.bool_], present: int, notes: list[str]
    ) -> None:
        examples = quoted(dict.fromkeys(texts_in(values[unreadable])))
        count = int(unreadable.sum())
        if count > present / 2:
            first = row_of(values, int(np.flatnonzero(unreadable)[0]))
            raise DataError(
                f"column {self.name!r} held {self.kind} values in training, but most values here are not: {examples} "
                f"(the first in row {first})"
            )
        notes.append(
            f"{self.name!r} has {counted(count, 'entry', 'entries')} that cannot be read as a {self.kind} "
            f"({examples}); treated as missing."
        )

    @abstractmethod
    def _value_features(self) -> list[str]: ...

    @abstractmethod
    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the value features with missing values imputed, and which values could not be parsed."""

    @abstractmethod
    def describe(self) -> str:
        """Describe the transformation in a few words."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON data: the kind and every field."""
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields(self)}}


@dataclass
class NumberColumn(Column):
    """A number, standardized as ``(x - mean) / scale``. Missing numbers become the median of the training rows.

    decimal: decimal separator in the training file, None if it was ambiguous.
    percent: whether numbers in the training file had a percent sign.
    words: words in the training file that meant a missing number.
    unit: unit after the numbers in the training file.
    """

    kind: ClassVar[str] = "number"

    fill: float
    mean: float
    scale: Positive
    decimal: Annotated[str | None, MARK] = None
    percent: bool = False
    words: list[str] = field(default_factory=list)
    unit: str = ""

    @classmethod
    def fit(
        cls,
        name: str,
        values: pd.Series,
        decimal: str | None = None,
        percent: bool = False,
        words: Sequence[str] = (),
        unit: str = "",
    ) -> NumberColumn:
        """Compute median, mean and standard deviation of the training values."""
        numbers = numbers_in(values, decimal)
        missing = np.isnan(numbers)
        return cls(name, int(missing.sum()), *_fit_numbers(numbers), decimal, percent, list(words), unit)

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._marked(values) | _are_words(values, self.words)

    def _value_features(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        numbers = numbers_in(without_unit(values, self.unit), self.decimal)
        unreadable = np.isnan(numbers) & ~missing
        self._note_percent(values, ~missing & ~unreadable, notes)
        return _standardise(numbers, self.fill, self.mean, self.scale)[:, None], unreadable

    def _note_percent(self, values: pd.Series, present: NDArray[np.bool_], notes: list[str]) -> None:
        if not self.percent or not present.any():
            return
        if is_textual(values):
            signed = values[present].astype("str").str.contains("%", regex=False)
            without = int((~signed.to_numpy(dtype=bool)).sum())
        else:
            without = int(present.sum())
        if without:
            example = texts_in(values[present])[0]
            notes.append(
                f"{self.name!r} had percent signs in training, and has {counted(without, 'cell')} without one "
                f"here; {example} was read as {example.rstrip(' %')} %."
            )

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        return (
            f"standardized (mean {self.mean:.4g}, standard deviation {self.scale:.4g})"
            + self._describe_missing()
        )

    def _describe_missing(self) -> str:
        return (
            f"; {self.missing:,} missing values imputed with the median, {self.fill:.4g}, and flagged"
            if self.missing
            else ""
        )


@dataclass
class BooleanColumn(Column):
    """A boolean as 1 or 0. Missing values become the most frequent value of the training rows."""

    kind: ClassVar[str] = "true-or-false"

    fill: float

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> BooleanColumn:
        """Find the most frequent training value."""
        truths = truths_in(values)
        return cls(name, int(np.isnan(truths).sum()), float(np.nanmean(truths) >= 0.5))

    def _value_features(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        truths = truths_in(values)
        unreadable = np.isnan(truths) & ~missing
        return np.where(np.isnan(truths), self.fill, truths)[:, None], unreadable

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        filled = (
            f"; {self.missing:,} missing values imputed with {bool(self.fill)}, and flagged"
            if self.missing
            else ""
        )
        return "true is 1, false is 0" + filled


@dataclass
class CategoryColumn(Column):
    """One-hot encoding of the categories of the training rows. Other categories are encoded as zeros.

    dropped: number of rarer categories in the training rows that have no feature.
    marks: whether words such as ``NA`` count as missing. True for text files unless the user set the column's type.
    """

    kind: ClassVar[str] = "category"

    fill: str
    categories: list[str]
    dropped: int = 0
    marks: bool = True

    @classmethod
    def fit(cls, name: str, values: pd.Series, marks: bool = False) -> CategoryColumn:
        """Find the most frequent categories of the training values, at most 50."""
        texts = texts_in(values)
        present = texts[texts != ""]
        found, counts = np.unique(present.astype(str), return_counts=True)
        # A stable sort keeps the alphabetical order of equally frequent categories.
        by_frequency = [str(category) for category in found[np.argsort(-counts, kind="stable")]]
        kept = sorted(by_frequency[:MOST_CATEGORIES])
        left_out = len(by_frequency) - len(kept)
        return cls(name, len(texts) - len(present), by_frequency[0], kept, left_out, marks)

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        # A word that was a category in training is a category here too.
        found = marks_in(values, "words") if self.marks else np.zeros(len(values), dtype=bool)
        return found & ~np.isin(texts_in(values), self.categories) if found.any() else found

    def _value_features(self) -> list[str]:
        return [f"{self.name} = {category}" for category in self.categories]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        texts = texts_in(values)
        texts[missing] = self.fill
        position = {category: number for number, category in enumerate(self.categories)}
        numbers = np.array([position.get(text, -1) for text in texts], dtype=np.int64)
        for row in np.flatnonzero(
            numbers < 0
        ):  # pandas writes 1 as 1.0 if another cell of the column is missing
            numbers[row] = position.get(_other_spelling(texts[row]), -1)
        block = np.zeros((len(texts), len(self.categories)))
        known = np.flatnonzero(numbers >= 0)
        block[known, numbers[known]] = 1.0
        unseen = sorted(set(texts[numbers < 0]))
        # If rare categories were dropped, unseen ones are expected.
        if unseen and not self.dropped:
            count = counted(int((numbers < 0).sum()), "value")
            notes.append(f"{self.name!r} has {count} unseen in training: {quoted(unseen)}.")
        return block, np.zeros(len(texts), dtype=bool)

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        words = f"one-hot, {len(self.categories)} categories"
        if self.dropped:
            words += f" ({self.dropped:,} rarer categories are encoded as zeros)"
        return words + (
            f"; {self.missing:,} missing values imputed with the most frequent category, {self.fill!r}, and flagged"
            if self.missing
            else ""
        )


@dataclass
class PresenceColumn(Column):
    """A missing-value indicator, for a column with one distinct value and missing values."""

    kind: ClassVar[str] = "presence"
    marks_among: ClassVar[str] = "words"

    def _value_features(self) -> list[str]:
        return []

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        return np.empty((len(values), 0)), np.zeros(len(values), dtype=bool)

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        return f"1 if missing ({self.missing:,} rows), else 0, because the column has one distinct value only"


def _is_pattern(value: Any) -> bool:
    import pandas as pd

    patterns = value.split(SEVERAL, MOST_FORMATS) if isinstance(value, str) else [value]
    try:
        for pattern in patterns:
            pd.to_datetime(pd.Series(["2000-01-01"]), format=pattern, errors="coerce")
    except (ValueError, TypeError):
        return False
    return len(patterns) <= MOST_FORMATS and (value is None or isinstance(value, str))


_CYCLES = ("year", "week", "day")
_PARTS = ("days", *(f"{wave} of the {cycle}" for cycle in _CYCLES for wave in ("sine", "cosine")))
PART = one_of(*_PARTS)
PATTERN = Kind("a format of dates", _is_pattern)


@dataclass
class DateColumn(Column):
    """A date as days since 1970, and as sine and cosine of its position in the year, week and day.

    pattern: format of the dates, None for a column of datetimes.
    parts: part -> [median, mean, scale] for each part that varies in the training rows. Each is standardized.
    words: words in the training file that meant a missing date.
    """

    kind: ClassVar[str] = "date"

    pattern: Annotated[str | None, PATTERN]
    parts: Annotated[dict[str, list[float]], Some(Table((NUMBER, NUMBER, POSITIVE), PART))]
    words: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, name: str, values: pd.Series, pattern: str | None, words: Sequence[str] = ()) -> DateColumn:
        """Compute median, mean and standard deviation of each part of the training dates."""
        moments = moments_in(values, pattern)
        fitted = {
            part: list(_fit_numbers(numbers))
            for part, numbers in date_parts(moments).items()
            # A duration has no position in the year.
            if _varies(numbers) and (part == "days" or pattern not in ELAPSED)
        }
        return cls(name, int(moments.isna().sum()), pattern, fitted, list(words))

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._marked(values) | _are_words(values, self.words)

    def _value_features(self) -> list[str]:
        return [f"{self.name}: {part}" for part in self.parts]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        moments = moments_in(values, self.pattern)
        unreadable = moments.isna().to_numpy() & ~missing
        self._refuse_other_order(values, unreadable, int((~missing).sum()))
        if unreadable.any() and self.pattern is not None:
            moments = self._read_otherwise(values, moments, unreadable, notes)
            unreadable = moments.isna().to_numpy() & ~missing
        numbers = date_parts(moments)
        blocks = [_standardise(numbers[part], *fitted) for part, fitted in self.parts.items()]
        return np.stack(blocks, axis=1), unreadable

    def _read_otherwise(
        self, values: pd.Series, moments: pd.Series, unreadable: NDArray[np.bool_], notes: list[str]
    ) -> pd.Series:
        """Parse dates whose format differs from training, if that format is unambiguous."""
        pattern = clear_format_of(values[unreadable], str(self.pattern))
        if pattern is None:
            return moments
        read = moments_in(values[unreadable], pattern)
        notes.append(
            f"{self.name!r} has {counted(int(read.notna().sum()), 'date')} in the format {pattern}, while training had "
            f"{self.pattern}; they were read in the new format."
        )
        return moments.fillna(read)

    def _refuse_other_order(self, values: pd.Series, unreadable: NDArray[np.bool_], present: int) -> None:
        """Raise if dates are day first while training had the month first, or vice versa.

        Without this check 31/10/2021 would count as missing, and 03/04/2021 would be read as March 4.
        """
        other = None if self.pattern is None else other_order(self.pattern)
        if other is None or not unreadable.any():
            return
        read = moments_in(values, other).notna().to_numpy()
        if int(read.sum()) > present - int(unreadable.sum()) and read[unreadable].any():
            first = int(np.flatnonzero(unreadable & read)[0])
            raise DataError(
                f"the dates in {self.name!r} had the format {self.pattern} in training, and have {other} here: "
                f"{texts_in(values)[first]!r} in row {row_of(values, first)}; write them as in training"
            )

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        filled = (
            f"; {self.missing:,} missing values imputed with medians, and flagged" if self.missing else ""
        )
        return f"split into {', '.join(self.parts)}, each standardized" + filled


KINDS: dict[str, type[Column]] = {
    column.kind: column
    for column in (NumberColumn, BooleanColumn, CategoryColumn, PresenceColumn, DateColumn)
}


def column_form() -> Tagged:
    """Return the schema of the JSON data of a column."""
    return Tagged("kind", {kind: of_class(made, kind=one_of(kind)) for kind, made in KINDS.items()})


def column_from_json(data: Mapping[str, Any]) -> Column:
    """Create a column from the result of `to_json`, which must match `column_form`."""
    arguments = dict(data)
    return KINDS[arguments.pop("kind")](**arguments)


def _other_spelling(category: str) -> str:
    return category.removesuffix(".0") if category.endswith(".0") else category + ".0"


def _are_words(values: pd.Series, words: list[str]) -> NDArray[np.bool_]:
    if not words or not is_textual(values):
        return np.zeros(len(values), dtype=bool)
    return np.isin(texts_in(values), words)


def _fit_numbers(numbers: Floats) -> tuple[float, float, float]:
    """Return the median of the present numbers, and mean and standard deviation after imputing it."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    # Divide by a power of two, which is exact: the square of ±1.8e308, which some programs write for a missing
    # value, is infinite, and the square of 1e-200 is 0.
    unit = 2.0 ** (int(np.frexp(np.nanmax(np.abs(numbers)))[1]) - 1)
    imputer = SimpleImputer(strategy="median")
    scaler = StandardScaler().fit(imputer.fit_transform(numbers[:, None] / unit))
    median, mean, scale = (float(found[0]) for found in (imputer.statistics_, scaler.mean_, scaler.scale_))
    return median * unit, mean * unit, scale * unit


def _standardise(numbers: Floats, fill: float, mean: float, scale: float) -> Floats:
    with np.errstate(over="ignore"):  # infinite results are clipped later
        return np.asarray((np.where(np.isnan(numbers), fill, numbers) - mean) / scale)


def _varies(numbers: Floats) -> bool:
    return bool(np.nanmax(numbers) - np.nanmin(numbers) > 1e-9)
