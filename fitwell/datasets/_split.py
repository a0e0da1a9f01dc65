"""Keras's way of shuffling a table and cutting the test set off its end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell.errors import InvalidArgument

Pair = tuple[NDArray[Any], NDArray[Any]]


def check_test_split(test_split: float) -> None:
    """Refuse a fraction of test rows outside [0, 1)."""
    if not 0 <= test_split < 1:
        raise InvalidArgument(f"test_split is the fraction of test rows, in [0, 1), got {test_split!r}")


def shuffle_and_cut(x: NDArray[Any], y: NDArray[Any], test_split: float, seed: int) -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)`` exactly as ``keras.datasets`` does for this seed."""
    check_test_split(test_split)
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(x) * (1 - test_split))
    train, test = order[:cut], order[cut:]
    return (x[train], y[train]), (x[test], y[test])
