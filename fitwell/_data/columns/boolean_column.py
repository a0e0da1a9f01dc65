"""Transformer for boolean columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column
from fitwell._data.conversion import to_bool
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class BooleanColumn(Column):
    """A transformer that encodes booleans as 1 and 0.

    Missing values become the most frequent value in the training rows.
    """

    kind: ClassVar[str] = "true-or-false"

    fill: float

    @classmethod
    def fit(cls, name: str, values: pd.Series) -> BooleanColumn:
        """Find the most frequent training value, which `transform` will use to replace missing values."""
        truths = to_bool(values)
        return cls(name, int(np.isnan(truths).sum()), float(np.nanmean(truths) >= 0.5))

    def _value_feature_names(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        truths = to_bool(values)
        unparsed = np.isnan(truths) & ~missing
        return np.where(np.isnan(truths), self.fill, truths)[:, None], unparsed

    def describe(self) -> str:
        """Describe the transformation in one short phrase."""
        return "true is 1, false is 0" + self._describe_missing(str(bool(self.fill)))


__all__ = ["BooleanColumn"]
