"""Permutation importance of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitwell.report.scores import Z95

__all__ = ["Importance", "permutation_importance"]

REPEATS = 5
# The number of predictions is limited to this, by using fewer rows.
MAX_PREDICTIONS = 200_000
MIN_ROWS = 50
ROWS_PER_CALL = 4096


@dataclass(frozen=True)
class Importance:
    """The importance of one column.

    Attributes:
        name: The column's name.
        mean: Increase of the mean loss if the column's values are shuffled among the rows.
        low: Lower end of the 95 % interval of `mean`.
        high: Upper end of the interval.
    """

    name: str
    mean: float
    low: float
    high: float


def permutation_importance(
    predict_losses: Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float64]],
    x: NDArray[np.float32],
    columns: Mapping[str, slice],
    seed: int = 0,
) -> list[Importance]:
    """Measure how much the loss increases if the values of one column are shuffled among the rows.

    The increase of a row's loss is averaged over five permutations. The interval is the mean over the n rows plus or
    minus ``1.96 sd(r + g) / sqrt(n)``, where r is the increase of a row's own loss, and g is the increase of the loss
    of the rows that receive its value, because both depend on which rows are in the table. Columns that contain the
    same information share their importance, because the network can use the other column.

    Args:
        predict_losses: A function of inputs and of the indices of their rows in `x`, which returns each row's loss.
        x: The inputs, ``[rows, features]``.
        columns: The features of each column.
        seed: Seed for the choice of rows and the permutations.

    Returns:
        The importance of each column, with the most important column first.

    Source: Breiman (2001), *Random forests*; Fisher, Rudin and Dominici (2019), *All models are wrong, but many are
    useful*.
    """
    rng = np.random.default_rng(seed)
    limit = max(MIN_ROWS, MAX_PREDICTIONS // (REPEATS * max(len(columns), 1)))
    rows = np.sort(rng.permutation(len(x))[:limit])
    before = predict_losses(x[rows], rows)
    receiving, giving = np.zeros((2, len(columns), len(rows)))
    permutations = [
        (number, rng.permutation(len(rows))) for number in range(len(columns)) for _ in range(REPEATS)
    ]
    features = list(columns.values())
    # One call predicts for many permutations, because each call has a fixed cost.
    size = max(1, ROWS_PER_CALL // len(rows))
    for start in range(0, len(permutations), size):
        part = permutations[start : start + size]
        shuffled = np.tile(x[rows], (len(part), 1, 1))
        for block, (number, givers) in zip(shuffled, part, strict=True):
            block[:, features[number]] = block[givers, features[number]]
        losses = predict_losses(shuffled.reshape(-1, x.shape[1]), np.tile(rows, len(part)))
        for (number, givers), after in zip(part, losses.reshape(len(part), -1), strict=True):
            increases = (after - before) / REPEATS
            receiving[number] += increases
            giving[number, givers] += increases
    found = []
    for number, name in enumerate(columns):
        deviation = float((receiving[number] + giving[number]).std(ddof=1)) if len(rows) > 1 else np.inf
        reach = Z95 * deviation / np.sqrt(len(rows))
        mean = float(receiving[number].mean())
        found.append(Importance(name, mean, mean - reach, mean + reach))
    return sorted(found, key=lambda importance: -importance.mean)
