"""One division of a table, as contenders receive it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables.loader import divide, is_text, load
from benchmarks.tables.tables import Table

# Probabilities, [rows, classes] in the order of `Part.labels`, or numbers, [rows].
Predictions = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Rows of training, and inputs of test.

    Args:
        train (DataFrame): Inputs; categories are strings, and gaps are NaN.
        y (array): Targets of training: numbers of classes, or numbers.
        test (DataFrame): Inputs to predict for.
        labels (tuple[str, ...]): Names of the classes. Empty for numbers.
    """

    train: pd.DataFrame
    y: NDArray[Any]
    test: pd.DataFrame
    labels: tuple[str, ...]

    @property
    def is_classes(self) -> bool:
        """Whether the target is a class."""
        return bool(self.labels)

    @property
    def categorical(self) -> list[str]:
        """Names of the columns with categories."""
        return [str(name) for name in self.train if is_text(self.train[name])]

    @property
    def numeric(self) -> list[str]:
        """Names of the columns with numbers."""
        return [str(name) for name in self.train if not is_text(self.train[name])]


def make_part(table: Table, split: int) -> tuple[Part, NDArray[Any]]:
    """Return one division of a table, and the targets of test."""
    inputs, y, task = load(table)
    train, test = divide(y, task, split)
    labels: tuple[str, ...] = ()
    if task == "classes":
        names, y = np.unique(y.astype(str), return_inverse=True)
        labels = tuple(names.tolist())
    part = Part(
        inputs.iloc[train].reset_index(drop=True), y[train], inputs.iloc[test].reset_index(drop=True), labels
    )
    return part, y[test]
