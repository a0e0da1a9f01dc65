"""Conversion of the estimators' tables to arrays of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns import DateColumn, NumberColumn
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.target import RegressionTarget
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FeatureEncoder", "numeric_features"]

# `TablePreprocessor` requires a target, but the estimators encode their targets themselves. No column has this name.
_TARGET = RegressionTarget("\0target", 0.0, 1.0)


def numeric_features(preprocessor: TablePreprocessor) -> list[int]:
    """Return the indices of the features that are standardized numbers or parts of dates."""
    numeric: list[int] = []
    start = 0
    for column in preprocessor.columns:
        width = len(column.feature_names)
        if isinstance(column, NumberColumn | DateColumn):
            # If the column has missing values, its last feature is a 0/1 indicator for them, not a number.
            numeric.extend(range(start, start + width - bool(column.missing)))
        start += width
    return numeric


class FeatureEncoder:
    """An encoder that is fitted to a table, and converts tables with the same columns to arrays of features.

    Columns may contain numbers, categories, booleans, dates and missing values. If all columns of the fitted table are
    constant, the only feature is always 0.

    Args:
        table: The table.
        to_normal: Whether to map the ranks of numbers to normal quantiles, instead of standardizing the numbers.
    """

    def __init__(self, table: pd.DataFrame, *, to_normal: bool) -> None:
        self.preprocessor: TablePreprocessor | None = None
        try:
            self.preprocessor = TablePreprocessor.fit(table, _TARGET, to_normal=to_normal)
        except DataError:
            if not _has_only_constants(table):
                raise

    def transform(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Return the features, ``[rows, features]``."""
        if self.preprocessor is None:
            return np.zeros((len(table), 1), np.float32)
        return self.preprocessor.transform(table)

    @property
    def numeric(self) -> list[int]:
        """Indices of the features that are numbers."""
        return [] if self.preprocessor is None else numeric_features(self.preprocessor)


def _has_only_constants(table: Any) -> bool:
    return all(table[name].nunique() <= 1 for name in table.columns)
