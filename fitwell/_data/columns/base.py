"""Base class of the column transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import is_missing_marker, isna, may_hold_strings, to_string
from fitwell._data.text_format import get_row_number, join_quoted, pluralize
from fitwell._typing import FloatArray
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


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

    def transform(self, values: pd.Series, notes: list[str] | None = None) -> FloatArray:
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
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the value features with missing values imputed, and which values could not be parsed."""

    @abstractmethod
    def describe(self) -> str:
        """Describe the transformation in a few words."""

    def _describe_missing(self, fill: str) -> str:
        """Return the end of a description: how many values were missing, and what was imputed."""
        return f"; {self.missing:,} missing values imputed with {fill}, and flagged" if self.missing else ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON data: the kind and every field."""
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields(self)}}


def equals_any(values: pd.Series, words: list[str]) -> NDArray[np.bool_]:
    """Return which cells hold one of these words."""
    if not words or not may_hold_strings(values):
        return np.zeros(len(values), dtype=bool)
    return np.isin(to_string(values), words)


__all__ = ["Column", "equals_any"]
