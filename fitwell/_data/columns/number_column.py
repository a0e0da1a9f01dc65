"""Transformer for columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column, equals_any
from fitwell._data.conversion import may_hold_strings, to_numeric, to_string
from fitwell._data.scaling import fit_quantiles, fit_scaler, standardize, to_normal_quantiles
from fitwell._data.text_format import pluralize
from fitwell._data.units import strip_unit
from fitwell._schema import NUMBER, LeafSchema, Positive
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


DECIMAL = LeafSchema("'.' or ',' or null", lambda value: value in (None, ".", ","))

QUANTILES = LeafSchema(
    "a list of numbers in ascending order",
    lambda value: (
        isinstance(value, list) and all(map(NUMBER.test, value)) and all(a <= b for a, b in pairwise(value))
    ),
)


@dataclass
class NumberColumn(Column):
    """A transformer that standardizes numbers, ``(x - mean) / scale``, or maps their ranks to normal quantiles.

    Attributes:
        fill: The training rows' median, which replaces missing numbers.
        mean: The training rows' mean.
        scale: The training rows' standard deviation.
        decimal: The decimal separator in the training file, or None if it was ambiguous.
        percent: Whether numbers in the training file had a percent sign.
        words: Words in the training file that meant a missing number.
        unit: The unit after the numbers in the training file, or ``""`` if there was none.
        quantiles: Equally spaced quantiles of the training rows for `to_normal_quantiles`. If the list is empty,
            numbers are standardized.
    """

    kind: ClassVar[str] = "number"

    fill: float
    mean: float
    scale: Positive
    decimal: Annotated[str | None, DECIMAL] = None
    percent: bool = False
    words: list[str] = field(default_factory=list)
    unit: str = ""
    quantiles: Annotated[list[float], QUANTILES] = field(default_factory=list)

    @classmethod
    def fit(
        cls,
        name: str,
        values: pd.Series,
        decimal: str | None = None,
        percent: bool = False,
        words: Sequence[str] = (),
        unit: str = "",
        *,
        to_normal: bool = False,
    ) -> NumberColumn:
        """Compute the training values' median, mean and standard deviation, and their quantiles if `to_normal`."""
        numbers = to_numeric(values, decimal)
        missing = int(np.isnan(numbers).sum())
        quantiles = fit_quantiles(numbers).tolist() if to_normal else []
        return cls(name, missing, *fit_scaler(numbers), decimal, percent, list(words), unit, quantiles)

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
        if self.quantiles:
            filled = np.where(np.isnan(numbers), self.fill, numbers)
            return to_normal_quantiles(filled, np.array(self.quantiles))[:, None], unparsed
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
        if self.quantiles:
            words = f"ranks mapped to normal quantiles ({self.quantiles[0]:.4g} to {self.quantiles[-1]:.4g})"
        else:
            words = f"standardized (mean {self.mean:.4g}, standard deviation {self.scale:.4g})"
        return words + self._describe_missing(f"the median, {self.fill:.4g}")


__all__ = ["NumberColumn"]
