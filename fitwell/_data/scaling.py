"""Imputation and standardization of numbers."""

from __future__ import annotations

import numpy as np

from fitwell._typing import FloatArray


def fit_scaler(numbers: FloatArray) -> tuple[float, float, float]:
    """Compute the median of the nonmissing numbers, and the mean and standard deviation after imputation.

    Missing numbers are imputed with the median.

    Args:
        numbers: The numbers, with NaN for missing ones.

    Returns:
        The median, the mean and the standard deviation.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    # Divide by a power of two, which is exact. Otherwise the squares could overflow or vanish. For example, the
    # square of ±1.8e308, which some programs write for a missing value, is infinite, and the square of 1e-200 is 0.
    unit = 2.0 ** (int(np.frexp(np.nanmax(np.abs(numbers)))[1]) - 1)
    imputer = SimpleImputer(strategy="median")
    scaler = StandardScaler().fit(imputer.fit_transform(numbers[:, None] / unit))
    median, mean, scale = (float(found[0]) for found in (imputer.statistics_, scaler.mean_, scaler.scale_))
    return median * unit, mean * unit, scale * unit


def standardize(numbers: FloatArray, fill: float, mean: float, scale: float) -> FloatArray:
    """Replace missing numbers with `fill`, subtract `mean` and divide by `scale`."""
    with np.errstate(over="ignore"):  # infinite results are clipped later
        return np.asarray((np.where(np.isnan(numbers), fill, numbers) - mean) / scale)


__all__ = ["fit_scaler", "standardize"]
