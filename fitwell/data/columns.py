"""How each kind of column becomes numbers: fitted on training rows, kept as plain data.

A fitted column knows the `features` it makes, turns a column of any table into them (`transform`), says in
words what it does (`describe`), and can be written as JSON and read back (`to_json`, `column_from_json`).
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
    """One input column.

    missing: how many of the training rows had no value. If any had none, a further feature is 1 where the
        value is missing and 0 elsewhere; otherwise a value missing later is only filled in.
    """

    kind: ClassVar[str]
    # Which marks for "no value" it may hold: see `fitwell.data.values.marks_in`.
    marks_among: ClassVar[str] = "numbers"

    name: str
    missing: int

    @property
    def features(self) -> list[str]:
        """The names of the numbers that `transform` makes of one value."""
        return self._value_features() + ([f"{self.name} is missing"] if self.missing else [])

    def transform(self, values: pd.Series, notes: list[str] | None = None) -> Floats:
        """Return ``[rows, features]``; `notes` gets a sentence about each thing that training did not see."""
        missing = missing_in(values) | self._marked(values)
        notes = notes if notes is not None else []
        if missing.any() and not self.missing:
            gaps = counted(int(missing.sum()), "missing value")
            notes.append(f"{self.name!r} has {gaps}, and had none in training; filled in.")
        block, unreadable = self._transform_values(values, missing, notes)
        if unreadable.any():
            self._note_unreadable(values, unreadable, int((~missing).sum()), notes)
        if not self.missing:
            return block
        return np.hstack([block, (missing | unreadable)[:, None].astype(np.float64)])

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return where `values` holds a mark for "no value" that training would have taken for one."""
        return marks_in(values, self.marks_among)

    def _note_unreadable(
        self, values: pd.Series, unreadable: NDArray[np.bool_], present: int, notes: list[str]
    ) -> None:
        examples = quoted(dict.fromkeys(texts_in(values[unreadable])))
        count = int(unreadable.sum())
        if count > present / 2:
            first = row_of(values, int(np.flatnonzero(unreadable)[0]))
            raise DataError(
                f"column {self.name!r} held {self.kind} values in training; here most are others: {examples} "
                f"(the first in row {first})"
            )
        notes.append(
            f"{self.name!r} has {counted(count, 'entry', 'entries')} that cannot be read as a {self.kind} "
            f"({examples}); taken as missing."
        )

    @abstractmethod
    def _value_features(self) -> list[str]: ...

    @abstractmethod
    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the value features, with missing ones filled in, and where a value could not be read."""

    @abstractmethod
    def describe(self) -> str:
        """Say what becomes of the column."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the kind, and every field."""
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields(self)}}


@dataclass
class NumberColumn(Column):
    """A number, standardised: ``(x - mean) / scale``; a missing one is the median of the training rows.

    decimal: the decimal mark in the file of training, None where nothing told it.
    percent: whether numbers had a percent sign there.
    words: words that stood for a missing number there.
    unit: what stood behind the numbers there.
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
        """Take median, mean and deviation from `values`, which are the training rows'."""
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
                f"{self.name!r} was written with percent signs in training, and has {counted(without, 'cell')} without "
                f"here; {example} was read as {example.rstrip(' %')} %."
            )

    def describe(self) -> str:
        """Say what becomes of the column."""
        return (
            f"standardised (mean {self.mean:.4g}, standard deviation {self.scale:.4g})"
            + self._describe_missing()
        )

    def _describe_missing(self) -> str:
        return (
            f"; {self.missing:,} missing filled with the median, {self.fill:.4g}, and marked"
            if self.missing
            else ""
        )


@dataclass
class BooleanColumn(Column):
    """A truth value as 1 or 0; a missing one is the most frequent of the training rows."""

    kind: ClassVar[str] = "true-or-false"

    fill: float

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> BooleanColumn:
        """Take the most frequent value from `values`, which are the training rows'."""
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
        """Say what becomes of the column."""
        filled = (
            f"; {self.missing:,} missing filled with {bool(self.fill)}, and marked" if self.missing else ""
        )
        return "true is 1, false is 0" + filled


@dataclass
class CategoryColumn(Column):
    """A category, one-hot over those of the training rows; any other is 0 everywhere.

    dropped: how many rarer categories the training rows had that have no feature.
    marks: whether words such as ``NA`` count as missing, as in files of text unless the user said otherwise.
    """

    kind: ClassVar[str] = "category"

    fill: str
    categories: list[str]
    dropped: int = 0
    marks: bool = True

    @classmethod
    def fit(cls, name: str, values: pd.Series, marks: bool = False) -> CategoryColumn:
        """Take the most frequent categories, at most 50, from `values`, which are the training rows'."""
        texts = texts_in(values)
        present = texts[texts != ""]
        found, counts = np.unique(present.astype(str), return_counts=True)
        # Stable: among equally frequent ones the first in the alphabet.
        by_frequency = [str(category) for category in found[np.argsort(-counts, kind="stable")]]
        kept = sorted(by_frequency[:MOST_CATEGORIES])
        left_out = len(by_frequency) - len(kept)
        return cls(name, len(texts) - len(present), by_frequency[0], kept, left_out, marks)

    def _marked(self, values: pd.Series) -> NDArray[np.bool_]:
        # A word that training saw as a category is one.
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
        for row in np.flatnonzero(numbers < 0):  # a gap elsewhere in a column makes pandas write 1 as 1.0
            numbers[row] = position.get(_other_spelling(texts[row]), -1)
        block = np.zeros((len(texts), len(self.categories)))
        known = np.flatnonzero(numbers >= 0)
        block[known, numbers[known]] = 1.0
        unseen = sorted(set(texts[numbers < 0]))
        # Where rare categories were left out, one of them is no news.
        if unseen and not self.dropped:
            count = counted(int((numbers < 0).sum()), "value")
            notes.append(f"{self.name!r} has {count} that training did not see: {quoted(unseen)}.")
        return block, np.zeros(len(texts), dtype=bool)

    def describe(self) -> str:
        """Say what becomes of the column."""
        words = f"one-hot, {len(self.categories)} categories"
        if self.dropped:
            words += f" (the {self.dropped:,} rarer ones are 0 everywhere)"
        return words + (
            f"; {self.missing:,} missing filled with the most frequent, {self.fill!r}, and marked"
            if self.missing
            else ""
        )


@dataclass
class PresenceColumn(Column):
    """A column with one value and gaps: only whether there is a value says anything."""

    kind: ClassVar[str] = "presence"
    marks_among: ClassVar[str] = "words"

    def _value_features(self) -> list[str]:
        return []

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[Floats, NDArray[np.bool_]]:
        return np.empty((len(values), 0)), np.zeros(len(values), dtype=bool)

    def describe(self) -> str:
        """Say what becomes of the column."""
        return f"1 where it is missing ({self.missing:,} rows), because it has one value only"


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
    """A date: its days since 1970, and its place in the year, week and day as sine and cosine.

    pattern: how it is written; None for a column that holds moments already.
    parts: part -> [median, mean, scale]; each part that varies in the training rows, standardised.
    words: words that stood for a missing date in training.
    """

    kind: ClassVar[str] = "date"

    pattern: Annotated[str | None, PATTERN]
    parts: Annotated[dict[str, list[float]], Some(Table((NUMBER, NUMBER, POSITIVE), PART))]
    words: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, name: str, values: pd.Series, pattern: str | None, words: Sequence[str] = ()) -> DateColumn:
        """Take each part's median, mean and deviation from `values`, which are the training rows'."""
        moments = moments_in(values, pattern)
        fitted = {
            part: list(_fit_numbers(numbers))
            for part, numbers in date_parts(moments).items()
            # A duration has no place in a year.
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
        """Return the moments with those that are written in another format than in training, if it is clear."""
        pattern = clear_format_of(values[unreadable], str(self.pattern))
        if pattern is None:
            return moments
        read = moments_in(values[unreadable], pattern)
        notes.append(
            f"{self.name!r} has {counted(int(read.notna().sum()), 'date')} written {pattern} here, and "
            f"{self.pattern} in training; they were read as they are written here."
        )
        return moments.fillna(read)

    def _refuse_other_order(self, values: pd.Series, unreadable: NDArray[np.bool_], present: int) -> None:
        """Refuse dates that are written day first where training had the month first, or the other way round.

        Without this 31/10/2021 would count as missing, and 03/04/2021 beside it for the 4th of March.
        """
        other = None if self.pattern is None else other_order(self.pattern)
        if other is None or not unreadable.any():
            return
        read = moments_in(values, other).notna().to_numpy()
        if int(read.sum()) > present - int(unreadable.sum()) and read[unreadable].any():
            first = int(np.flatnonzero(unreadable & read)[0])
            raise DataError(
                f"the dates in {self.name!r} were written {self.pattern} in training, and are written {other} here: "
                f"{texts_in(values)[first]!r} in row {row_of(values, first)}; write them as in training"
            )

    def describe(self) -> str:
        """Say what becomes of the column."""
        filled = f"; {self.missing:,} missing filled with medians, and marked" if self.missing else ""
        return f"taken apart into {', '.join(self.parts)}, each standardised" + filled


KINDS: dict[str, type[Column]] = {
    column.kind: column
    for column in (NumberColumn, BooleanColumn, CategoryColumn, PresenceColumn, DateColumn)
}


def column_form() -> Tagged:
    """Return the form of what `to_json` of a column returns."""
    return Tagged("kind", {kind: of_class(made, kind=one_of(kind)) for kind, made in KINDS.items()})


def column_from_json(data: Mapping[str, Any]) -> Column:
    """Make a column from what `to_json` returned; data that has `column_form`."""
    arguments = dict(data)
    return KINDS[arguments.pop("kind")](**arguments)


def _other_spelling(category: str) -> str:
    return category.removesuffix(".0") if category.endswith(".0") else category + ".0"


def _are_words(values: pd.Series, words: list[str]) -> NDArray[np.bool_]:
    if not words or not is_textual(values):
        return np.zeros(len(values), dtype=bool)
    return np.isin(texts_in(values), words)


def _fit_numbers(numbers: Floats) -> tuple[float, float, float]:
    """Return the median of the present numbers, and mean and deviation after filling the others with it."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    # In units of a power of two, which is exact: the squares of ±1.8e308, some programs' mark for "no value",
    # are infinite, and those of 1e-200 are 0.
    unit = 2.0 ** (int(np.frexp(np.nanmax(np.abs(numbers)))[1]) - 1)
    imputer = SimpleImputer(strategy="median")
    scaler = StandardScaler().fit(imputer.fit_transform(numbers[:, None] / unit))
    median, mean, scale = (float(found[0]) for found in (imputer.statistics_, scaler.mean_, scaler.scale_))
    return median * unit, mean * unit, scale * unit


def _standardise(numbers: Floats, fill: float, mean: float, scale: float) -> Floats:
    with np.errstate(over="ignore"):  # what is farther off than a float can say is clipped with the rest
        return np.asarray((np.where(np.isnan(numbers), fill, numbers) - mean) / scale)


def _varies(numbers: Floats) -> bool:
    return bool(np.nanmax(numbers) - np.nanmin(numbers) > 1e-9)
