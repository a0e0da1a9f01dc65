"""Split rows into training, validation and test rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwell.errors import DataError, InvalidArgument

HOLDOUT_FRACTION = 0.2
MAX_HOLDOUT_ROWS = 10_000
MIN_HOLDOUT_FRACTION = 0.01
# A class with fewer rows cannot be in all three parts.
MIN_ROWS_PER_CLASS = 5


@dataclass(frozen=True)
class Split:
    """Row indices of the three parts, each in ascending order. Each row is in exactly one part.

    stratified: whether all parts have the classes in the same proportions, except rare classes.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    stratified: bool = False


def holdout_size(rows: int) -> int:
    """Return the default number of validation rows, which is also the default number of test rows.

    It is 20 % (a 60/20/20 split), at most 10,000 rows, and at least 1 % (a 98/1/1 split above a million rows): enough
    rows to compare models, while the others are used for training.

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
    """Split the indices ``0 … rows-1`` at random.

    classes: one label per row, for a stratified split. All rows of a class with fewer than five rows are training
        rows, because such a class cannot be in every part. With too few rows to stratify, the split is not
        stratified, and `Split.notes` has a note.
    validation, test: fractions of the rows, see `holdout_size` for the defaults. 0 holds out no rows.
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
            f"{rows} rows cannot be split into {sizes[0]} validation and {sizes[1]} test rows, because no "
            "training rows would remain"
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
    """Return whether every class has a row for each part, and each part has a row for every class."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    left = len(labels) - sum(sizes)
    if not len(counts) or min(left, *filter(None, sizes)) < len(counts):
        return False
    # Two rows of each class must remain for the second sample.
    return bool(np.floor(counts.min() * (1 - sizes[1] / len(labels))) >= 2)


def _drop_rare_classes(labels: NDArray[np.int64], notes: list[str]) -> NDArray[np.int64]:
    counts = np.bincount(labels)
    rare = counts[labels] < MIN_ROWS_PER_CLASS
    if rare.any():
        kinds = int(np.sum((counts > 0) & (counts < MIN_ROWS_PER_CLASS)))
        notes.append(
            f"{kinds} {'classes have' if kinds > 1 else 'class has'} fewer than {MIN_ROWS_PER_CLASS} rows, "
            f"{int(rare.sum())} in total; all of these are training rows."
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
    """Split the indices ``0 … rows-1`` at random into those to keep and those to hold out, both in random order.

    size: number (int) or fraction (float) of the rows to hold out.
    random_state: seed, or state of NumPy, as in scikit-learn.
    labels: one label per row, for a stratified split.

    Raises `ValueError` if the rows cannot be split in this way.
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
