"""Imputation and scaling of numbers."""

from __future__ import annotations

from statistics import NormalDist

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


# The quantile transformation uses one quantile per 30 numbers, but at least 10 and at most 256 quantiles. Fewer
# quantiles ignore noise, and more quantiles make the saved preprocessor large.
NUMBERS_PER_QUANTILE = 30
MIN_QUANTILES = 10
MAX_QUANTILES = 256
# Results of the quantile transformation are between -3 and 3.
_TAIL = NormalDist().cdf(-3)


def fit_quantiles(numbers: FloatArray) -> FloatArray:
    """Return equally spaced quantiles of the nonmissing numbers, from the lowest number to the highest."""
    present = numbers[~np.isnan(numbers)]
    count = int(np.clip(len(present) // NUMBERS_PER_QUANTILE, MIN_QUANTILES, MAX_QUANTILES))
    return np.asarray(np.quantile(present, np.linspace(0, 1, count)))


def to_normal_quantiles(numbers: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Replace each number by the standard normal quantile of its rank, which is between -3 and 3.

    Ranks are interpolated linearly between the quantiles. If several quantiles are equal, their mean rank is used.
    The result is approximately normal, whatever the distribution of the numbers is, and outliers do not stand out.

    Args:
        numbers: The numbers, of which none is missing.
        quantiles: The result of `fit_quantiles`.

    Example:
        >>> import numpy as np
        >>> to_normal_quantiles(np.array([-1e9, 0.0, 5.0, 1e9]), np.array([0.0, 5.0, 10.0])).round(6).tolist()
        [-3.0, -3.0, 0.0, 3.0]
    """
    distinct, position = np.unique(quantiles, return_inverse=True)
    ranks = np.bincount(position, np.linspace(0, 1, len(quantiles))) / np.bincount(position)
    inverse_cdf = NormalDist().inv_cdf
    normal = [inverse_cdf(rank) for rank in np.clip(ranks, _TAIL, 1 - _TAIL)]
    return np.asarray(np.interp(numbers, distinct, normal))


__all__ = ["fit_quantiles", "fit_scaler", "standardize", "to_normal_quantiles"]
