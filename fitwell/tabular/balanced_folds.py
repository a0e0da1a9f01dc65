"""Cross-validation folds with similar targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["make_balanced_folds"]


def make_balanced_folds(
    y: NDArray[Any], n_folds: int, rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the training and validation row indices of each fold, so that all folds have similar targets.

    Rows are sorted by target. In each block of `n_folds` consecutive rows, every row is assigned to a different fold.
    Unlike scikit-learn's `StratifiedKFold`, this function accepts classes with fewer rows than folds, and numeric
    targets.

    Args:
        y: Class indices or numeric targets, ``[rows]``.
        n_folds: Number of folds, from 2 to the number of rows.
        rng: Source of randomness.

    Example:
        >>> folds = make_balanced_folds(np.array([0, 0, 0, 1, 1, 1]), 3, np.random.default_rng(0))
        >>> [np.array([0, 0, 0, 1, 1, 1])[validation].tolist() for _, validation in folds]
        [[0, 1], [0, 1], [0, 1]]
    """
    shuffled = rng.permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    fold_of = np.empty(len(y), np.int64)
    for start in range(0, len(y), n_folds):
        block = order[start : start + n_folds]
        fold_of[block] = rng.permutation(n_folds)[: len(block)]
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(n_folds)]
