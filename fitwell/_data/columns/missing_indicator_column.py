"""Transformer for columns with a single distinct value and missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column
from fitwell._data.text_format import pluralize
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class MissingIndicatorColumn(Column):
    """A transformer that returns only a missing-value indicator, for a column with a single distinct value."""

    kind: ClassVar[str] = "presence"
    missing_markers: ClassVar[str] = "words"

    def _value_feature_names(self) -> list[str]:
        return []

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        return np.empty((len(values), 0)), np.zeros(len(values), dtype=bool)

    def describe(self) -> str:
        """Describe the transformation in one short phrase."""
        rows = pluralize(self.missing, "row")
        return f"1 if missing ({rows}), else 0, because the column has only one distinct value"


__all__ = ["MissingIndicatorColumn"]
