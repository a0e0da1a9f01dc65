"""Cross-validation folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.loaders import Batch, count_rows
from fitwell._data.text_format import pluralize
from fitwell.errors import DataError, InvalidArgument

__all__ = ["Fold", "RowIndices", "check_splits", "class_labels", "make_folds"]

RowIndices = NDArray[np.int32]


@dataclass(frozen=True)
class Fold:
    """Row indices of one fold's training and validation rows."""

    train: RowIndices
    validation: RowIndices

    def leaks_into(self, later: Fold) -> bool:
        """Return whether any of this fold's training rows are validation rows in the fold `later`."""
        return bool(np.intersect1d(self.train, later.validation).size)


def make_folds(folds: Any, splits: Any, batch: Batch, stratify: bool) -> list[Fold]:
    """Split rows into cross-validation folds.

    Args:
        folds: The number of folds, or a scikit-learn splitter. With a number, the rows are split randomly with a fixed
            seed.
        splits: Pairs ``(train, validation)`` of row index arrays to use instead of `folds`.
        batch: The rows to split.
        stratify: Whether to stratify by class if `folds` is a number.

    Returns:
        The folds.
    """
    rows = count_rows(batch)
    if splits is not None:
        if folds is not None:
            raise InvalidArgument("fit: pass either folds or splits, not both")
        pairs = list(splits)
        if not pairs:
            raise InvalidArgument("splits: the list is empty; pass at least one pair of row index arrays")
        return [_check_split(pair, number, rows) for number, pair in enumerate(pairs)]
    numbered = isinstance(folds, int | np.integer) and not isinstance(folds, bool)
    if not numbered and not hasattr(folds, "get_n_splits"):
        raise InvalidArgument(
            f"folds: expected an integer of at least 2 or a scikit-learn splitter such as KFold(5), got {folds!r}"
        )
    targets = batch.y[0] if batch.y is not None and len(batch.y) == 1 else None
    labels = class_labels(targets) if targets is not None and (stratify or not numbered) else None
    splitter = _splitter(int(folds), rows, labels) if numbered else folds
    try:
        pairs = list(splitter.split(np.zeros((rows, 1)), labels))
    except ValueError as error:
        raise InvalidArgument(
            f"folds: {splitter!r} cannot split these {rows} rows ({str(error).rstrip('.')}); if the splitter "
            "needs groups, pass splits=list(splitter.split(X, y, groups)) instead"
        ) from error
    return [_check_split(pair, number, rows) for number, pair in enumerate(pairs)]


def check_splits(splits: Any) -> list[Any]:
    """Check that `splits` is a list or another iterable, and return it as a list."""
    if not isinstance(splits, Iterable):
        raise InvalidArgument(
            f"splits: expected a list of pairs (training rows, validation rows), got {splits!r}; to set the number "
            "of folds, pass folds=..."
        )
    return list(splits)


def _splitter(folds: int, rows: int, labels: NDArray[Any] | None) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    if not 2 <= folds <= rows:
        raise InvalidArgument(f"folds must be between 2 and the number of rows ({rows}), got {folds}")
    if labels is not None:
        smallest = int(np.unique(labels, return_counts=True)[1].min())
        if smallest < folds:
            raise DataError(
                f"folds={folds}: each class needs at least {folds} rows, but the rarest class has {smallest}; use "
                "fewer folds, drop the class, or split without stratification: "
                f"folds=sklearn.model_selection.KFold({folds}, shuffle=True, random_state=0)"
            )
        return StratifiedKFold(folds, shuffle=True, random_state=0)
    return KFold(folds, shuffle=True, random_state=0)


def class_labels(targets: Any) -> NDArray[Any] | None:
    """Return the class of each row if each row has a single value or a one-hot vector, and None otherwise."""
    y = np.asarray(targets)
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return y.reshape(-1)
    one_hot = y.ndim == 2 and bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))
    return y.argmax(axis=1) if one_hot else None


def _check_split(pair: Any, number: int, rows: int) -> Fold:
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise InvalidArgument(
            f"splits[{number}]: expected a pair (training rows, validation rows), got {pair!r}"
        )
    parts = [np.asarray(part) for part in pair]
    for part, role in zip(parts, ("training", "validation"), strict=True):
        if part.shape == (0,) and role == "validation":
            continue  # the fold trains without validation
        if part.ndim != 1 or part.size == 0 or not np.issubdtype(part.dtype, np.integer):
            raise InvalidArgument(
                f"splits[{number}]: the {role} rows must be a{' non-empty' if role == 'training' else ''} 1-D array of "
                f"integer row indices, got an array of shape {part.shape} and type {part.dtype}; to use a mask, write "
                "np.flatnonzero(mask)"
            )
        if part.min() < 0 or part.max() >= rows:
            raise InvalidArgument(
                f"splits[{number}]: the {role} row indices must be between 0 and {rows - 1}, but they range from "
                f"{part.min()} to {part.max()}"
            )
    shared = np.intersect1d(parts[0], parts[1])
    if shared.size:
        raise InvalidArgument(
            f"splits[{number}]: training and validation rows must not overlap, but they share "
            f"{pluralize(shared.size, 'row')}, such as row {shared[0]}"
        )
    return Fold(parts[0].astype(np.int32), parts[1].astype(np.int32))
