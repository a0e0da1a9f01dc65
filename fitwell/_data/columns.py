"""Transformers of single table columns, fitted on the training rows.

A fitted column names its `feature_names`, computes them for the same column of any table (`transform`), describes
itself (`describe`), and converts to JSON data and back (`to_json`, `column_from_json`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_types import get_row_number
from fitwell._data.conversion import is_missing_marker, isna, may_hold_strings, to_bool, to_numeric, to_string
from fitwell._data.date_parsing import (
    FORMAT_SEPARATOR,
    MAX_FORMATS,
    date_features,
    infer_unambiguous_format,
    swap_day_and_month,
    to_datetime,
)
from fitwell._data.periods import DURATION_FORMATS
from fitwell._data.text_format import join_quoted, pluralize
from fitwell._data.units import strip_unit
from fitwell._schema import (
    NUMBER,
    POSITIVE,
    DictSchema,
    LeafSchema,
    NonEmpty,
    Positive,
    TaggedUnion,
    dataclass_schema,
    enum_schema,
)
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MAX_CATEGORIES = 50
DECIMAL = LeafSchema("'.' or ',' or null", lambda value: value in (None, ".", ","))
Floats = NDArray[np.float64]


@dataclass
class Column(ABC):
    """A fitted transformer of one input column.

    missing: number of training rows without a value. If there were any, an additional feature is 1 in rows without
        a value and 0 in others. If there were none, values missing in other tables are only imputed.
    """

    kind: ClassVar[str]
    # Which missing-value markers the column may hold, see `fitwell._data.conversion.is_missing_marker`.
    missing_markers: ClassVar[str] = "numbers"

    name: str
    missing: int

    @property
    def feature_names(self) -> list[str]:
        """Names of the features that `transform` returns."""
        return self._value_feature_names() + ([f"{self.name} is missing"] if self.missing else [])

    def transform(self, values: pd.Series, notes: list[str] | None = None) -> Floats:
        """Return ``[rows, features]``. Warnings about values unseen in training are appended to `notes`."""
        missing = isna(values) | self._is_missing_marker(values)
        notes = notes if notes is not None else []
        if missing.any() and not self.missing:
            gaps = pluralize(int(missing.sum()), "missing value")
            notes.append(f"{self.name!r} has {gaps} but had none in training; imputed.")
        block, unparsed = self._transform_values(values, missing, notes)
        if unparsed.any():
            self._note_unparsed(values, unparsed, int((~missing).sum()), notes)
        if not self.missing:
            return block
        return np.hstack([block, (missing | unparsed)[:, None].astype(np.float64)])

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return which cells hold a missing-value marker, by the rules of training."""
        return is_missing_marker(values, self.missing_markers)

    def _note_unparsed(
        self, values: pd.Series, unparsed: NDArray[np.bool_], present: int, notes: list[str]
    ) -> None:
        examples = join_quoted(dict.fromkeys(to_string(values[unparsed])))
        count = int(unparsed.sum())
        if count > present / 2:
            first = get_row_number(values, int(np.flatnonzero(unparsed)[0]))
            raise DataError(
                f"column {self.name!r} held {self.kind} values in training, but most values here are not: {examples} "
                f"(the first in row {first})"
            )
        notes.append(
            f"{self.name!r} has {pluralize(count, 'entry', 'entries')} that cannot be read as a {self.kind} "
            f"({examples}); treated as missing."
        )

    @abstractmethod
    def _value_feature_names(self) -> list[str]: ...

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
    decimal: Annotated[str | None, DECIMAL] = None
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
        numbers = to_numeric(values, decimal)
        missing = np.isnan(numbers)
        return cls(name, int(missing.sum()), *_fit_scaler(numbers), decimal, percent, list(words), unit)

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._is_missing_marker(values) | _equals_any(values, self.words)

    def _value_feature_names(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        numbers = to_numeric(strip_unit(values, self.unit), self.decimal)
        unparsed = np.isnan(numbers) & ~missing
        self._note_percent(values, ~missing & ~unparsed, notes)
        return _standardize(numbers, self.fill, self.mean, self.scale)[:, None], unparsed

    def _note_percent(self, values: pd.Series, present: NDArray[np.bool_], notes: list[str]) -> None:
        if not self.percent or not present.any():
            return
        if may_hold_strings(values):
            signed = values[present].astype("str").str.contains("%", regex=False)
            without = int((~signed.to_numpy(dtype=bool)).sum())
        else:
            without = int(present.sum())
        if without:
            example = to_string(values[present])[0]
            notes.append(
                f"{self.name!r} had percent signs in training, and has {pluralize(without, 'cell')} without one "
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
        truths = to_bool(values)
        return cls(name, int(np.isnan(truths).sum()), float(np.nanmean(truths) >= 0.5))

    def _value_feature_names(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        truths = to_bool(values)
        unparsed = np.isnan(truths) & ~missing
        return np.where(np.isnan(truths), self.fill, truths)[:, None], unparsed

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        filled = (
            f"; {self.missing:,} missing values imputed with {bool(self.fill)}, and flagged"
            if self.missing
            else ""
        )
        return "true is 1, false is 0" + filled


@dataclass
class OneHotColumn(Column):
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
    def fit(cls, name: str, values: pd.Series, marks: bool = False) -> OneHotColumn:
        """Find the most frequent categories of the training values, at most 50."""
        texts = to_string(values)
        present = texts[texts != ""]
        found, counts = np.unique(present.astype(str), return_counts=True)
        # A stable sort keeps the alphabetical order of equally frequent categories.
        by_frequency = [str(category) for category in found[np.argsort(-counts, kind="stable")]]
        kept = sorted(by_frequency[:MAX_CATEGORIES])
        left_out = len(by_frequency) - len(kept)
        return cls(name, len(texts) - len(present), by_frequency[0], kept, left_out, marks)

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        # A word that was a category in training is a category here too.
        found = is_missing_marker(values, "words") if self.marks else np.zeros(len(values), dtype=bool)
        return found & ~np.isin(to_string(values), self.categories) if found.any() else found

    def _value_feature_names(self) -> list[str]:
        return [f"{self.name} = {category}" for category in self.categories]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        texts = to_string(values)
        texts[missing] = self.fill
        position = {category: number for number, category in enumerate(self.categories)}
        numbers = np.array([position.get(text, -1) for text in texts], dtype=np.int64)
        for row in np.flatnonzero(
            numbers < 0
        ):  # pandas writes 1 as 1.0 if another cell of the column is missing
            numbers[row] = position.get(_swap_integer_spelling(texts[row]), -1)
        block = np.zeros((len(texts), len(self.categories)))
        known = np.flatnonzero(numbers >= 0)
        block[known, numbers[known]] = 1.0
        unseen = sorted(set(texts[numbers < 0]))
        # If rare categories were dropped, unseen ones are expected.
        if unseen and not self.dropped:
            count = pluralize(int((numbers < 0).sum()), "value")
            notes.append(f"{self.name!r} has {count} unseen in training: {join_quoted(unseen)}.")
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
class MissingIndicatorColumn(Column):
    """A missing-value indicator, for a column with one distinct value and missing values."""

    kind: ClassVar[str] = "presence"
    missing_markers: ClassVar[str] = "words"

    def _value_feature_names(self) -> list[str]:
        return []

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        return np.empty((len(values), 0)), np.zeros(len(values), dtype=bool)

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        return f"1 if missing ({self.missing:,} rows), else 0, because the column has one distinct value only"


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
DATE_FORMAT = LeafSchema("a format of dates", _is_date_format)


@dataclass
class DateColumn(Column):
    """A date as days since 1970, and as sine and cosine of its position in the year, week and day.

    pattern: format of the dates, None for a column of datetimes.
    parts: part -> [median, mean, scale] for each part that varies in the training rows. Each is standardized.
    words: words in the training file that meant a missing date.
    """

    kind: ClassVar[str] = "date"

    pattern: Annotated[str | None, DATE_FORMAT]
    parts: Annotated[dict[str, list[float]], NonEmpty(DictSchema((NUMBER, NUMBER, POSITIVE), DATE_PART))]
    words: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, name: str, values: pd.Series, pattern: str | None, words: Sequence[str] = ()) -> DateColumn:
        """Compute median, mean and standard deviation of each part of the training dates."""
        moments = to_datetime(values, pattern)
        fitted = {
            part: list(_fit_scaler(numbers))
            for part, numbers in date_features(moments).items()
            # A duration has no position in the year.
            if _varies(numbers) and (part == "days" or pattern not in DURATION_FORMATS)
        }
        return cls(name, int(moments.isna().sum()), pattern, fitted, list(words))

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._is_missing_marker(values) | _equals_any(values, self.words)

    def _value_feature_names(self) -> list[str]:
        return [f"{self.name}: {part}" for part in self.parts]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        moments = to_datetime(values, self.pattern)
        unparsed = moments.isna().to_numpy() & ~missing
        self._check_date_order(values, unparsed, int((~missing).sum()))
        if unparsed.any() and self.pattern is not None:
            moments = self._parse_other_format(values, moments, unparsed, notes)
            unparsed = moments.isna().to_numpy() & ~missing
        numbers = date_features(moments)
        blocks = [_standardize(numbers[part], *fitted) for part, fitted in self.parts.items()]
        return np.stack(blocks, axis=1), unparsed

    def _parse_other_format(
        self, values: pd.Series, moments: pd.Series, unparsed: NDArray[np.bool_], notes: list[str]
    ) -> pd.Series:
        """Parse dates whose format differs from training, if that format is unambiguous."""
        pattern = infer_unambiguous_format(values[unparsed], str(self.pattern))
        if pattern is None:
            return moments
        read = to_datetime(values[unparsed], pattern)
        notes.append(
            f"{self.name!r} has {pluralize(int(read.notna().sum()), 'date')} in the format {pattern}, while training had "
            f"{self.pattern}; they were read in the new format."
        )
        return moments.fillna(read)

    def _check_date_order(self, values: pd.Series, unparsed: NDArray[np.bool_], present: int) -> None:
        """Raise if dates are day first while training had the month first, or vice versa.

        Without this check 31/10/2021 would count as missing, and 03/04/2021 would be read as March 4.
        """
        other = None if self.pattern is None else swap_day_and_month(self.pattern)
        if other is None or not unparsed.any():
            return
        read = to_datetime(values, other).notna().to_numpy()
        if int(read.sum()) > present - int(unparsed.sum()) and read[unparsed].any():
            first = int(np.flatnonzero(unparsed & read)[0])
            raise DataError(
                f"the dates in {self.name!r} had the format {self.pattern} in training, and have {other} here: "
                f"{to_string(values)[first]!r} in row {get_row_number(values, first)}; write them as in training"
            )

    def describe(self) -> str:
        """Describe the transformation in a few words."""
        filled = (
            f"; {self.missing:,} missing values imputed with medians, and flagged" if self.missing else ""
        )
        return f"split into {', '.join(self.parts)}, each standardized" + filled


COLUMN_CLASSES: dict[str, type[Column]] = {
    column.kind: column
    for column in (NumberColumn, BooleanColumn, OneHotColumn, MissingIndicatorColumn, DateColumn)
}


def column_schema() -> TaggedUnion:
    """Return the schema of the JSON data of a column."""
    return TaggedUnion(
        "kind",
        {kind: dataclass_schema(made, kind=enum_schema(kind)) for kind, made in COLUMN_CLASSES.items()},
    )


def column_from_json(data: Mapping[str, Any]) -> Column:
    """Create a column from the result of `to_json`, which must match `column_schema`."""
    arguments = dict(data)
    return COLUMN_CLASSES[arguments.pop("kind")](**arguments)


def _swap_integer_spelling(category: str) -> str:
    return category.removesuffix(".0") if category.endswith(".0") else category + ".0"


def _equals_any(values: pd.Series, words: list[str]) -> NDArray[np.bool_]:
    if not words or not may_hold_strings(values):
        return np.zeros(len(values), dtype=bool)
    return np.isin(to_string(values), words)


def _fit_scaler(numbers: Floats) -> tuple[float, float, float]:
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


def _standardize(numbers: Floats, fill: float, mean: float, scale: float) -> Floats:
    with np.errstate(over="ignore"):  # infinite results are clipped later
        return np.asarray((np.where(np.isnan(numbers), fill, numbers) - mean) / scale)


def _varies(numbers: Floats) -> bool:
    return bool(np.nanmax(numbers) - np.nanmin(numbers) > 1e-9)
