"""Measures of one run: how wrong the predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.part import Predictions

MIN_PROBABILITY = 1e-7


def score(y: NDArray[Any], predictions: Predictions, num_classes: int) -> dict[str, float]:
    """Compute the measures of one run.

    Args:
        y (array): Targets of test: numbers of classes, or numbers.
        predictions (array): Probabilities, ``[rows, classes]``, or numbers, ``[rows]``.
        num_classes (int): Number of classes, 0 for numbers.

    Returns:
        dict[str, float]: For classes ``error``, the error rate, and ``log_loss``, with probabilities clipped at 1e-7.
        For numbers ``error``, the RMSE over the deviation of the test targets, and ``mae``.

    Raises:
        ValueError: If predictions have the wrong shape or are not finite.
    """
    expected = (len(y), num_classes) if num_classes else (len(y),)
    if predictions.shape != expected:
        raise ValueError(f"predictions have the shape {predictions.shape}, expected {expected}")
    if not np.isfinite(predictions).all():
        raise ValueError("predictions are not finite")
    if not num_classes:
        wrong = predictions - y
        return {
            "error": float(np.sqrt(np.mean(wrong**2)) / np.std(y)),
            "mae": float(np.mean(np.abs(wrong))),
        }
    clipped = np.clip(predictions, MIN_PROBABILITY, 1.0)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return {
        "error": float(np.mean(predictions.argmax(axis=1) != y)),
        "log_loss": float(-np.mean(np.log(clipped[np.arange(len(y)), y]))),
    }


def constant_score(y_train: NDArray[Any], y_test: NDArray[Any], num_classes: int) -> dict[str, float]:
    """Compute the measures of a prediction that ignores the inputs: class frequencies, or the mean."""
    if not num_classes:
        return score(y_test, np.full(len(y_test), y_train.mean()), 0)
    frequencies = np.bincount(y_train, minlength=num_classes) / len(y_train)
    return score(y_test, np.tile(frequencies, (len(y_test), 1)), num_classes)
