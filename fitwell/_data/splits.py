"""Dividing rows into a part to train on, one to validate with, and one to test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwell.errors import DataError, InvalidArgument

HOLDOUT_FRACTION = 0.2
MAX_HOLDOUT_ROWS = 10_000
MIN_HOLDOUT_FRACTION = 0.01
# With fewer rows than this a class cannot be in all three parts.
MIN_ROWS_PER_CLASS = 5


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, each in ascending order; together every row, each once.

    in_proportion: whether each part has the classes in the same proportions, but for rare ones.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    stratified: bool = False


def holdout_size(rows: int) -> int:
    """Return how many of `rows` to hold out for validation, and as many again for the test.

    A fifth (60/20/20), but no more than 10,000 rows, unless 1 % is more (98/1/1 from a million rows on):
    what is held out must be enough to tell models apart, and the rest is better used for training.

    >>> [held_out_rows(rows) for rows in (1_000, 60_000, 1_000_000, 5_000_000)]
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
    """Divide ``0 … rows-1`` at random.

    classes: one label per row; each part then has them in the same proportions. All rows of a class with
        fewer than five go to training, because it cannot be in every part. With too few rows for proportions
        the split is plain, and `Split.notes` says so.
    validation, test: fractions of the rows; by default as `holdout_size` says. 0 holds out none.
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
            f"{rows} rows cannot be divided into {sizes[0]} for validation and {sizes[1]} for the test "
            "with any left to train on"
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
            notes.append("There are too few rows to keep the classes in proportion, so the split is plain.")
    held_out_test = _sample(pool, labels, sizes[1], seed)
    rest = np.setdiff1d(pool, held_out_test)
    held_out_validation = _sample(rest, labels, sizes[0], seed)
    train = np.setdiff1d(everything, np.concatenate([held_out_test, held_out_validation]))
    return Split(train, held_out_validation, held_out_test, tuple(notes), labels is not None)


def _can_stratify(labels: NDArray[np.int64], sizes: list[int]) -> bool:
    """Return whether every class has a row for each part, and each part a row for every class."""
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    left = len(labels) - sum(sizes)
    if not len(counts) or min(left, *filter(None, sizes)) < len(counts):
        return False
    # Two rows of a class must be left for the second draw, however large the first one was.
    return bool(np.floor(counts.min() * (1 - sizes[1] / len(labels))) >= 2)


def _drop_rare_classes(labels: NDArray[np.int64], notes: list[str]) -> NDArray[np.int64]:
    counts = np.bincount(labels)
    rare = counts[labels] < MIN_ROWS_PER_CLASS
    if rare.any():
        kinds = int(np.sum((counts > 0) & (counts < MIN_ROWS_PER_CLASS)))
        notes.append(
            f"{kinds} {'classes have' if kinds > 1 else 'class has'} fewer than {MIN_ROWS_PER_CLASS} rows, "
            f"{int(rare.sum())} in all; these rows are all in the training part."
        )
    return np.flatnonzero(~rare)


def _sample(
    pool: NDArray[np.int64], labels: NDArray[np.int64] | None, size: int, seed: int
) -> NDArray[np.int64]:
    if size == 0:
        return np.empty(0, dtype=np.int64)
    from sklearn.model_selection import train_test_split

    stratify = None if labels is None else labels[pool]
    return np.sort(train_test_split(pool, test_size=size, random_state=seed, stratify=stratify)[1])
