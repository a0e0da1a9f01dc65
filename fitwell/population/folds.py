"""Folds: each member learns from rows of its own among the rows that all share, and is judged on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell.data.feeds import Batch, count_rows
from fitwell.errors import DataError, InvalidArgument

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class Fold:
    """Numbers of the rows to learn from and of the rows to validate with."""

    train: Rows
    validation: Rows

    def leaks_into(self, later: Fold) -> bool:
        """Return whether who has learned from the rows of this fold would be validated with some of them by `later`."""
        return bool(np.intersect1d(self.train, later.validation).size)


def make_folds(folds: Any, splits: Any, batch: Batch, classifies: bool) -> list[Fold]:
    """Return the folds asked for.

    folds: how many, or a splitter of scikit-learn. A number divides the rows at random, always alike, and
        for a classifier so that each fold has its share of every class. splits: pairs of arrays of row
        numbers ``(train, validation)`` instead.
    """
    rows = count_rows(batch)
    if splits is not None:
        if folds is not None:
            raise InvalidArgument("fit: give either folds or splits, not both")
        pairs = list(splits)
        if not pairs:
            raise InvalidArgument(
                "splits: the list is empty; give at least one pair of arrays of row numbers"
            )
        return [_checked(pair, number, rows) for number, pair in enumerate(pairs)]
    numbered = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if not numbered and not hasattr(folds, "get_n_splits"):
        raise InvalidArgument(
            f"folds: expected a number of at least 2 or a splitter of scikit-learn such as KFold(5), got {folds!r}"
        )
    targets = batch.y[0] if batch.y is not None and len(batch.y) == 1 else None
    labels = labels_of(targets) if targets is not None and (classifies or not numbered) else None
    splitter = _splitter(int(folds), rows, labels) if numbered else folds
    try:
        pairs = list(splitter.split(np.zeros((rows, 1)), labels))
    except ValueError as error:
        raise InvalidArgument(
            f"folds: {splitter!r} cannot divide these {rows} rows: {error} What it needs beside the rows and their "
            "classes, such as groups, it is given in splits=list(splitter.split(X, y, groups))"
        ) from error
    return [_checked(pair, number, rows) for number, pair in enumerate(pairs)]


def as_pairs(splits: Any) -> list[Any]:
    """Return `splits` as a list."""
    if not isinstance(splits, Iterable):
        raise InvalidArgument(
            f"splits: expected a list of pairs (training rows, validation rows), got {splits!r}; a number of folds is "
            "passed as folds="
        )
    return list(splits)


def _splitter(folds: int, rows: int, labels: NDArray[Any] | None) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    if not 2 <= folds <= rows:
        raise InvalidArgument(
            f"folds must lie between 2 and the number of rows, {rows}, got {folds}: each fold needs a row of its own"
        )
    if labels is not None:
        smallest = int(np.unique(labels, return_counts=True)[1].min())
        if smallest < folds:
            raise DataError(
                f"folds={folds}: the rarest class has {smallest} rows, so not every fold can have one of them; take "
                "fewer folds, drop the class, or divide without regard to classes: "
                f"folds=sklearn.model_selection.KFold({folds}, shuffle=True, random_state=0)"
            )
        return StratifiedKFold(folds, shuffle=True, random_state=0)
    return KFold(folds, shuffle=True, random_state=0)


def labels_of(targets: Any) -> NDArray[Any] | None:
    """Return the class of every row, when the targets are one class per row, as a number or one-hot."""
    y = np.asarray(targets)
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return y.reshape(-1)
    one_hot = y.ndim == 2 and bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))
    return y.argmax(axis=1) if one_hot else None


def _checked(pair: Any, number: int, rows: int) -> Fold:
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise InvalidArgument(f"splits[{number}]: expected (training rows, validation rows), got {pair!r}")
    parts = [np.asarray(part) for part in pair]
    for part, what in zip(parts, ("training", "validation"), strict=True):
        if part.shape == (0,) and what == "validation":
            continue  # members that learn from these rows and are validated with none
        if part.ndim != 1 or part.size == 0 or not np.issubdtype(part.dtype, np.integer):
            raise InvalidArgument(
                f"splits[{number}]: the {what} rows must be row numbers, at least one, got an array of shape "
                f"{part.shape} and type {part.dtype}; for a mask write np.flatnonzero(mask)"
            )
        if part.min() < 0 or part.max() >= rows:
            raise InvalidArgument(
                f"splits[{number}]: the {what} rows must lie in 0 … {rows - 1}, got {part.min()} … {part.max()}"
            )
    shared = np.intersect1d(parts[0], parts[1])
    if shared.size:
        raise InvalidArgument(
            f"splits[{number}]: {shared.size} rows are both trained on and validated with, the first is {shared[0]}"
        )
    return Fold(parts[0].astype(np.int32), parts[1].astype(np.int32))
