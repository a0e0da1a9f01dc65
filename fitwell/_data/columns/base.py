"""Base class for column transformers."""

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
    """A fitted transformer for one input column.

    Attributes:
        name: The column's name.
        missing: Number of training rows in which the value is missing. If this number is above 0, `transform` returns
            an additional feature, which is 1 for rows whose value is missing or cannot be parsed, and 0 for all other
            rows. If this number is 0, `transform` imputes missing values without flagging them.
    """

    kind: ClassVar[str]
    # The set of missing-value markers to recognize. See `fitwell._data.conversion.is_missing_marker`.
    missing_markers: ClassVar[str] = "numbers"

    name: str
    missing: int

    @property
    def feature_names(self) -> list[str]:
        """Names of the features that `transform` returns."""
        return self._value_feature_names() + ([f"{self.name} is missing"] if self.missing else [])

    def transform(self, values: pd.Series, notes: list[str] | None = None) -> FloatArray:
        """Compute features of shape ``[rows, features]``. Append warnings about unexpected values to `notes`."""
        missing = isna(values) | self._is_missing_marker(values)
        notes = notes if notes is not None else []
        if missing.any() and not self.missing:
            gaps = pluralize(int(missing.sum()), "missing value")
            notes.append(f"Imputed {gaps} in {self.name!r}, which had none in training.")
        block, unparsed = self._transform_values(values, missing, notes)
        if unparsed.any():
            self._note_unparsed(values, unparsed, int((~missing).sum()), notes)
        if not self.missing:
            return block
        return np.hstack([block, (missing | unparsed)[:, None].astype(np.float64)])

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return a mask of the cells that are missing-value markers according to the rules used in training."""
        return is_missing_marker(values, self.missing_markers)

    def _note_unparsed(
        self, values: pd.Series, unparsed: NDArray[np.bool_], present: int, notes: list[str]
    ) -> None:
        examples = join_quoted(dict.fromkeys(to_string(values[unparsed])))
        count = int(unparsed.sum())
        if count > present / 2:
            first = get_row_number(values, int(np.flatnonzero(unparsed)[0]))
            raise DataError(
                f"column {self.name!r} had the type {self.kind!r} in training, but most of its values here do not "
                f"match this type: {examples} (the first in row {first})"
            )
        notes.append(
            f"{self.name!r} has {pluralize(count, 'cell')} not matching the type {self.kind!r} ({examples}), which "
            "will be treated as missing."
        )

    @abstractmethod
    def _value_feature_names(self) -> list[str]: ...

    @abstractmethod
    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the features, with missing values imputed, and a mask of the values that could not be parsed."""

    @abstractmethod
    def describe(self) -> str:
        """Describe the transformation in one short phrase."""

    def _describe_missing(self, fill: str) -> str:
        """Return a phrase about the imputation for the end of `describe`, or ``""`` if no training value is missing."""
        if not self.missing:
            return ""
        return f"; {pluralize(self.missing, 'missing value')} imputed with {fill} and flagged"

    def to_json(self) -> dict[str, Any]:
        """Return the kind and all fields as JSON data."""
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields(self)}}


def equals_any(values: pd.Series, words: list[str]) -> NDArray[np.bool_]:
    """Return a mask of the cells that equal one of the given words."""
    if not words or not may_hold_strings(values):
        return np.zeros(len(values), dtype=bool)
    return np.isin(to_string(values), words)


__all__ = ["Column", "equals_any"]
