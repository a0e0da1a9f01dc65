"""Transformer for columns of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.columns.base import Column
from fitwell._data.conversion import is_missing_marker, to_string
from fitwell._data.text_format import join_quoted, pluralize
from fitwell._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


MAX_CATEGORIES = 50


@dataclass
class OneHotColumn(Column):
    """A transformer that one-hot encodes the most frequent training categories. All others are encoded as zeros.

    Attributes:
        fill: The most frequent category, which replaces missing values.
        categories: The categories that have a feature, in alphabetical order.
        dropped: Number of rarer training categories without a feature.
        marks: Whether words such as ``NA`` count as missing. This is True for text files unless the user set the
            column's type.
    """

    kind: ClassVar[str] = "category"

    fill: str
    categories: list[str]
    dropped: int = 0
    marks: bool = True

    @classmethod
    def fit(cls, name: str, values: pd.Series, marks: bool = False) -> OneHotColumn:
        """Find the most frequent training categories. At most 50 are kept."""
        strings = to_string(values)
        present = strings[strings != ""]
        found, counts = np.unique(present.astype(str), return_counts=True)
        # A stable sort keeps the alphabetical order of equally frequent categories.
        by_frequency = [str(category) for category in found[np.argsort(-counts, kind="stable")]]
        kept = sorted(by_frequency[:MAX_CATEGORIES])
        left_out = len(by_frequency) - len(kept)
        return cls(name, len(strings) - len(present), by_frequency[0], kept, left_out, marks)

    def _is_missing_marker(self, values: pd.Series) -> NDArray[np.bool_]:
        # A word that was a category in training is a category here too.
        found = is_missing_marker(values, "words") if self.marks else np.zeros(len(values), dtype=bool)
        return found & ~np.isin(to_string(values), self.categories) if found.any() else found

    def _value_feature_names(self) -> list[str]:
        return [f"{self.name} = {category}" for category in self.categories]

    def _transform_values(
        self, values: pd.Series, missing: NDArray[np.bool_], notes: list[str]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        strings = to_string(values)
        strings[missing] = self.fill
        position = {category: number for number, category in enumerate(self.categories)}
        numbers = np.array([position.get(text, -1) for text in strings], dtype=np.int64)
        # pandas converts 1 to 1.0 if another cell in the column is missing.
        for row in np.flatnonzero(numbers < 0):
            numbers[row] = position.get(_swap_integer_spelling(strings[row]), -1)
        block = np.zeros((len(strings), len(self.categories)))
        known = np.flatnonzero(numbers >= 0)
        block[known, numbers[known]] = 1.0
        unseen = sorted(set(strings[numbers < 0]))
        # If rare categories were dropped, unseen categories are expected and need no note.
        if unseen and not self.dropped:
            count = pluralize(int((numbers < 0).sum()), "value")
            notes.append(f"{self.name!r} has {count} not seen in training: {join_quoted(unseen)}.")
        return block, np.zeros(len(strings), dtype=bool)

    def describe(self) -> str:
        """Describe the transformation in one short phrase."""
        words = f"one-hot, {len(self.categories)} categories"
        if self.dropped:
            words += f" ({pluralize(self.dropped, 'rarer category', 'rarer categories')} encoded as zeros)"
        return words + self._describe_missing(f"the most frequent category, {self.fill!r}")


def _swap_integer_spelling(category: str) -> str:
    return category.removesuffix(".0") if category.endswith(".0") else category + ".0"


__all__ = ["MAX_CATEGORIES", "OneHotColumn"]
