"""Calibration of class probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitwell._typing import NumpyArray

__all__ = ["CalibrationBin", "calibration_bins", "expected_calibration_error"]


@dataclass(frozen=True)
class CalibrationBin:
    """Rows with a similar probability of the predicted class.

    Attributes:
        mean: Mean probability of the predicted class.
        share: Share of the rows whose predicted class is correct.
        rows: Number of rows.
    """

    mean: float
    share: float
    rows: int


def calibration_bins(
    true: NumpyArray, probabilities: NDArray[np.float64], num_bins: int = 10
) -> list[CalibrationBin]:
    """Divide the rows into bins with about the same number of rows, by the probability of the predicted class.

    Args:
        true: The true class indices, ``[rows]``.
        probabilities: The probability of each class, ``[rows, classes]``.
        num_bins: Maximum number of bins.

    Example:
        >>> bins = calibration_bins(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), num_bins=1)
        >>> round(bins[0].mean, 6), bins[0].share, bins[0].rows
        (0.85, 0.5, 2)
    """
    predicted = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == true
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, num_bins) if len(part)]
    return [
        CalibrationBin(float(predicted[part].mean()), float(correct[part].mean()), len(part))
        for part in parts
    ]


def expected_calibration_error(bins: list[CalibrationBin]) -> float:
    """Return the mean over all rows of the difference between the probability and the share of correct rows.

    Source: Naeini, Cooper and Hauskrecht (2015), *Obtaining well calibrated probabilities using Bayesian binning*.

    Example:
        >>> expected_calibration_error([CalibrationBin(0.9, 0.8, 10), CalibrationBin(0.6, 0.6, 10)])
        0.05
    """
    total = sum(one.rows for one in bins)
    return round(sum(one.rows * abs(one.mean - one.share) for one in bins) / total, 12)
