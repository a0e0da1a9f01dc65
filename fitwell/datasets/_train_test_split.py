"""Keras's train-test split, which shuffles the rows and uses the last ones as the test set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._param_validation import FilePath, Integer, Real, Rule

Pair = tuple[NDArray[Any], NDArray[Any]]
BytePair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


# Rules for the arguments of `load_data`.
LOAD_DATA_RULES: dict[str, Rule] = {
    "test_split": Real(0, 1, closed="left"),
    "seed": Integer(0, 2**32 - 1),
    "path": FilePath(),
}


def shuffle_and_split(x: NDArray[Any], y: NDArray[Any], test_split: float, seed: int) -> tuple[Pair, Pair]:
    """Shuffle and split the rows. The result is the same as in ``keras.datasets`` for the same seed.

    Args:
        x: The features.
        y: The targets.
        test_split: Fraction of the rows to use as the test set.
        seed: Seed for the shuffle.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``
    """
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(x) * (1 - test_split))
    train, test = order[:cut], order[cut:]
    return (x[train], y[train]), (x[test], y[test])


__all__ = ["LOAD_DATA_RULES", "BytePair", "Pair", "shuffle_and_split"]
