"""Prediction intervals from cross-validation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fitwell._typing import FloatArray

__all__ = ["cv_plus_interval"]

# The number of values that are sorted at a time, which limits the memory to 64 MiB.
_MAX_VALUES = 2**23


def cv_plus_interval(
    fold_predictions: FloatArray, residuals: FloatArray, fold_of_row: NDArray[np.int64], coverage: float
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of CV+ prediction intervals for one target.

    For each training row i with the fold k(i) and the absolute out-of-fold error R_i, the model that did not train on
    the row predicts μ_k(i) for the new row. With α = 1 - coverage, the upper limit is the ⌈(1 - α)(n + 1)⌉-th smallest
    of the n numbers μ_k(i) + R_i, and the lower limit is the ⌊α (n + 1)⌋-th smallest of the numbers μ_k(i) - R_i.
    If there is no such number, because there are too few rows, the limit is infinite.

    Args:
        fold_predictions: The prediction of each fold's model, ``[folds, rows]``.
        residuals: Absolute out-of-fold errors of the training rows, ``[n]``.
        fold_of_row: Fold of each training row, ``[n]``.
        coverage: Probability with which the interval should contain the target.

    Returns:
        The lower and the upper limits, each ``[rows]``.

    Source: Barber, Candès, Ramdas and Tibshirani (2021), *Predictive inference with the jackknife+*.
    """
    num_train, num_rows = len(residuals), fold_predictions.shape[1]
    alpha = 1 - coverage
    # Differences of a rounding error must not change the rank.
    upper_rank = math.ceil((1 - alpha) * (num_train + 1) - 1e-9)
    lower_rank = math.floor(alpha * (num_train + 1) + 1e-9)
    low, high = np.full(num_rows, -np.inf), np.full(num_rows, np.inf)
    size = max(1, _MAX_VALUES // num_train)
    for start in range(0, num_rows, size):
        part = slice(start, start + size)
        centers = fold_predictions[fold_of_row, part]
        if lower_rank >= 1:
            below = centers - residuals[:, None]
            low[part] = np.partition(below, lower_rank - 1, axis=0)[lower_rank - 1]
        if upper_rank <= num_train:
            above = centers + residuals[:, None]
            high[part] = np.partition(above, upper_rank - 1, axis=0)[upper_rank - 1]
    return low, high
