"""Functions that split rows into training, validation and test sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwell.errors import DataError, InvalidArgument

HOLDOUT_FRACTION = 0.2
MAX_HOLDOUT_ROWS = 10_000
MIN_HOLDOUT_FRACTION = 0.01
# A class with fewer rows than this is not split. All its rows are training rows.
MIN_ROWS_PER_CLASS = 5


@dataclass(frozen=True)
class Split:
    """The row indices of the training, validation and test sets. Each row is in exactly one set.

    Attributes:
        train: Indices of the training rows, in ascending order.
        validation: Indices of the validation rows, in ascending order.
        test: Indices of the test rows, in ascending order.
        notes: Notes about rare classes, and about a split that could not be stratified.
        stratified: Whether the class proportions are the same in all sets, except for rare classes.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    stratified: bool = False


def holdout_size(rows: int) -> int:
    """Return the default number of validation rows, which is also the default number of test rows.

    The default is 20 % of the rows (a 60/20/20 split), but at most 10,000 rows. Above a million rows, it is 1 % (a
    98/1/1 split). This is enough to compare models and leaves as many rows as possible for training.

    >>> [holdout_size(rows) for rows in (1_000, 60_000, 1_000_000, 5_000_000)]
    [200, 10000, 10000, 50000]
    """
    return min(round(HOLDOUT_FRACTION * rows), max(MAX_HOLDOUT_ROWS, round(MIN_HOLDOUT_FRACTION * rows)))


def split_rows(
    rows: int,
    *,
    classes: ArrayLike | None = None,
    validation: float | None = None,
    test: float | None = None,
    seed: int = 0,
) -> Split:
    """Split the indices ``0 … rows-1`` at random into a training, a validation and a test set.

    Args:
        rows: Number of rows.
        classes: One label per row, for a stratified split. If a class has fewer than five rows, all of them are
            training rows, because such a class cannot be in every set. If there are too few rows for a stratified
            split, the split is not stratified and a note is added to `Split.notes`.
        validation: Fraction of the rows to use for validation, or 0 for no validation set. See `holdout_size` for the
            default.
        test: Fraction of the rows to use for testing, or 0 for no test set. See `holdout_size` for the default.
        seed: Seed for the random split.

    Raises:
        InvalidArgument: If a fraction is not in [0, 1).
        DataError: If no training rows would remain.
    """
    for name, fraction in (("validation", validation), ("test", test)):
        if fraction is not None and not 0 <= fraction < 1:
            raise InvalidArgument(f"the {name} fraction must be at least 0 and below 1, got {fraction:g}")
    sizes = [
        holdout_size(rows) if fraction is None else round(fraction * rows) for fraction in (validation, test)
    ]
    sizes = [max(size, int(fraction != 0)) for size, fraction in zip(sizes, (validation, test), strict=True)]
    if sum(sizes) >= rows:
        raise DataError(
            f"cannot hold out {sizes[0]} of {rows} rows for validation and {sizes[1]} for testing, because no training "
            "rows would remain"
        )
    everything = np.arange(rows)
    if not any(sizes):
        return Split(everything, everything[:0], everything[:0])
    notes: list[str] = []
    pool, labels = everything, None
    if classes is not None:
        labels = np.unique(np.asarray(classes), return_inverse=True)[1].reshape(-1)
        pool = _drop_rare_classes(labels, notes)
        if not _can_stratify(labels[pool], sizes):
            labels = None
            if len(pool) <= sum(sizes):
                pool, notes = everything, []
            notes.append("There are too few rows for a stratified split, so the split is not stratified.")
    held_out_test = _sample(pool, labels, sizes[1], seed)
    rest = np.setdiff1d(pool, held_out_test)
    held_out_validation = _sample(rest, labels, sizes[0], seed)
    train = np.setdiff1d(everything, np.concatenate([held_out_test, held_out_validation]))
    return Split(train, held_out_validation, held_out_test, tuple(notes), labels is not None)


def _can_stratify(labels: NDArray[np.int64], sizes: list[int]) -> bool:
    """Return whether there are enough rows to put every class into every set."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    left = len(labels) - sum(sizes)
    if not len(counts) or min(left, *filter(None, sizes)) < len(counts):
        return False
    # At least two rows of each class must remain for the second split.
    return bool(np.floor(counts.min() * (1 - sizes[1] / len(labels))) >= 2)


def _drop_rare_classes(labels: NDArray[np.int64], notes: list[str]) -> NDArray[np.int64]:
    counts = np.bincount(labels)
    rare = counts[labels] < MIN_ROWS_PER_CLASS
    if rare.any():
        kinds = int(np.sum((counts > 0) & (counts < MIN_ROWS_PER_CLASS)))
        notes.append(
            f"{kinds} {'classes have' if kinds > 1 else 'class has'} fewer than {MIN_ROWS_PER_CLASS} rows "
            f"({int(rare.sum())} in total); all of these rows are in the training set."
        )
    return np.flatnonzero(~rare)


def _sample(
    pool: NDArray[np.int64], labels: NDArray[np.int64] | None, size: int, seed: int
) -> NDArray[np.int64]:
    if size == 0:
        return np.empty(0, dtype=np.int64)
    return np.sort(pool[hold_out(len(pool), size, seed, None if labels is None else labels[pool])[1]])


def hold_out(
    rows: int, size: float, random_state: Any, labels: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose rows to hold out at random. Return the indices to keep and the indices to hold out, in random order.

    Args:
        rows: Number of rows.
        size: Number (int) or fraction (float) of the rows to hold out.
        random_state: A seed or a NumPy random state, as in scikit-learn.
        labels: One label per row, for a stratified split.

    Raises:
        ValueError: If scikit-learn cannot split the rows this way.
    """
    from sklearn.model_selection import train_test_split

    keep, held_out = train_test_split(
        np.arange(rows), test_size=size, random_state=random_state, stratify=labels
    )
    return keep, held_out


__all__ = [
    "HOLDOUT_FRACTION",
    "MAX_HOLDOUT_ROWS",
    "MIN_HOLDOUT_FRACTION",
    "MIN_ROWS_PER_CLASS",
    "Split",
    "hold_out",
    "holdout_size",
    "split_rows",
]
