"""Transformer for columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column, equals_any
from fitwell._data.conversion import may_hold_strings, to_numeric, to_string
from fitwell._data.scaling import fit_scaler, standardize
from fitwell._data.text_format import pluralize
from fitwell._data.units import strip_unit
from fitwell._schema import LeafSchema, Positive
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


DECIMAL = LeafSchema("'.' or ',' or null", lambda value: value in (None, ".", ","))


@dataclass
class NumberColumn(Column):
    """A transformer that standardizes numbers: ``(x - mean) / scale``.

    Attributes:
        fill: The training rows' median, which replaces missing numbers.
        mean: The training rows' mean.
        scale: The training rows' standard deviation.
        decimal: The decimal separator in the training file, or None if it was ambiguous.
        percent: Whether numbers in the training file had a percent sign.
        words: Words in the training file that meant a missing number.
        unit: The unit after the numbers in the training file, or ``""`` if there was none.
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
        """Compute the training values' median, mean and standard deviation."""
        numbers = to_numeric(values, decimal)
        missing = np.isnan(numbers)
        return cls(name, int(missing.sum()), *fit_scaler(numbers), decimal, percent, list(words), unit)

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        return super()._is_missing_marker(values) | equals_any(values, self.words)

    def _value_feature_names(self) -> list[str]:
        return [self.name]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        numbers = to_numeric(strip_unit(values, self.unit), self.decimal)
        unparsed = np.isnan(numbers) & ~missing
        self._note_percent(values, ~missing & ~unparsed, notes)
        return standardize(numbers, self.fill, self.mean, self.scale)[:, None], unparsed

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
                f"{self.name!r} had percent signs in training but has {pluralize(without, 'cell')} without one "
                f"here; {example} was read as {example.rstrip(' %')} %."
            )

    def describe(self) -> str:
        """Describe the transformation in one short phrase."""
        words = f"standardized (mean {self.mean:.4g}, standard deviation {self.scale:.4g})"
        return words + self._describe_missing(f"the median, {self.fill:.4g}")


__all__ = ["NumberColumn"]
