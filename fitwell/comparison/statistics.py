"""Statistics of paired repeats: confidence intervals, paired t-tests, Holm's correction, detectable differences.

There is one score per repeat. Repeat i of every candidate shares its seed, its rows and their order, so candidates
are compared by their differences, in which shared effects cancel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwell._param_validation import Real, validate_param
from fitwell.errors import InvalidArgument

__all__ = [
    "CONFIDENCE",
    "ConfidenceInterval",
    "PairedDifference",
    "compare_pairs",
    "detectable_difference",
    "holm",
    "mean_interval",
    "paired_test",
]

POWER = 0.8
# Scores are float32: values with a smaller relative difference are equal.
RELATIVE_TOLERANCE = 1e-6

CONFIDENCE = Real(0, 1, closed="neither").described_as("a number above 0 and below 1, such as 0.95")


@dataclass(frozen=True)
class ConfidenceInterval:
    """Mean of n repeats with its confidence interval.

    mean, sd: mean and sample standard deviation (n - 1) of the repeats.
    low, high: limits of the confidence interval of the mean.
    repeats: n.
    """

    mean: float
    sd: float
    low: float
    high: float
    repeats: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval, shown after ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class PairedDifference:
    """Difference between two candidates over paired repeats.

    first, second: names; the difference is ``first - second``.
    interval: confidence interval of the mean difference.
    effect_size: Cohen's d for paired samples, mean / sd of the differences.
    wins: fraction of repeats in which `first` scored higher, with ties counting half.
    p: p-value of the two-sided paired t-test.
    p_holm: p-value with Holm's correction.
    detectable: smallest difference that this number of repeats detects with a probability of at least 80 %, after the
        same correction.
    """

    first: str
    second: str
    interval: ConfidenceInterval
    effect_size: float
    wins: float
    p: float
    p_holm: float
    detectable: float


def mean_interval(values: ArrayLike, confidence: float = 0.95, overlap: float = 0.0) -> ConfidenceInterval:
    """Return mean, standard deviation and confidence interval of repeats.

    mean ± t(n-1) · sd · sqrt(1/n + overlap).

    overlap: test rows over training rows if each repeat has its own random split, 0 if only seeds vary. Training
    sets drawn from one table share most of their rows, so repeats are not independent and sd / sqrt(n) is too
    small. (Nadeau & Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003.)
    """
    from scipy import stats

    scores = _check_scores(values)
    validate_param("mean_interval", "confidence", confidence, CONFIDENCE)
    n, (mean, sd) = len(scores), _mean_and_sd(scores)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * _standard_error(sd, n, overlap)
    return ConfidenceInterval(mean, sd, mean - reach, mean + reach, n)


def paired_test(differences: ArrayLike, overlap: float = 0.0) -> float:
    """Return the two-sided p-value of the paired t-test.

    t = mean / (sd · sqrt(1/n + overlap)) with n - 1 degrees of freedom; see `mean_interval` for `overlap`.
    If all differences are equal, as accuracies on few rows often are, the sign test is used: p = 2 / 2ⁿ.
    """
    from scipy import stats

    values = _check_scores(differences)
    mean, sd = _mean_and_sd(values)
    if mean == 0:
        return 1.0
    if sd == 0:
        return float(2.0 ** (1 - len(values)))
    return float(2 * stats.t.sf(abs(mean) / _standard_error(sd, len(values), overlap), len(values) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values with Holm's correction, which controls the family-wise error rate.

    The i-th smallest of m is multiplied by m - i + 1, kept in order and at most 1. (Holm, *A Simple
    Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 6, 1979.)

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def detectable_difference(
    sd: float, repeats: int, confidence: float = 0.95, overlap: float = 0.0, comparisons: int = 1
) -> float:
    """Return the mean difference that `repeats` detect with a probability of about 80 %.

    (t(n-1; 1 - α/2m) + t(n-1; 80 %)) · sd · sqrt(1/n + overlap) with α = 1 - confidence.

    comparisons: m, the number of comparisons; Holm's method tests each at level α/m or higher.
    """
    from scipy import stats

    rate = (1 - confidence) / comparisons
    reach = stats.t.ppf(1 - rate / 2, repeats - 1) + stats.t.ppf(POWER, repeats - 1)
    return float(reach) * _standard_error(sd, repeats, overlap)


def compare_pairs(
    scores: dict[str, NDArray[np.float64]],
    pairs: Sequence[tuple[str, str]],
    confidence: float = 0.95,
    overlap: float = 0.0,
) -> list[PairedDifference]:
    """Compare each pair of candidates, with Holm's correction for multiple comparisons."""
    differences = [_paired_differences(scores[first], scores[second]) for first, second in pairs]
    p_values = [paired_test(values, overlap) for values in differences]
    found = []
    for (first, second), values, p, p_holm in zip(pairs, differences, p_values, holm(p_values), strict=True):
        interval = mean_interval(values, confidence, overlap)
        found.append(
            PairedDifference(
                first,
                second,
                interval,
                effect_size=_effect_size(interval),
                wins=float(np.mean(values > 0) + np.mean(values == 0) / 2),
                p=p,
                p_holm=p_holm,
                detectable=detectable_difference(
                    interval.sd, interval.repeats, confidence, overlap, len(pairs)
                ),
            )
        )
    return found


def _paired_differences(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``first - second``, without differences and spread that are due to rounding."""
    values = _check_scores(first) - _check_scores(second)
    rounding = RELATIVE_TOLERANCE * max(np.abs(first).max(), np.abs(second).max())
    values = np.where(np.abs(values) <= rounding, 0.0, values)
    return np.full_like(values, values[0]) if np.ptp(values) <= rounding else values


def _mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    if np.ptp(values) == 0:
        return float(values[0]), 0.0  # rounding of the mean would give a nonzero spread
    return float(values.mean()), float(values.std(ddof=1))


def _effect_size(interval: ConfidenceInterval) -> float:
    if interval.sd > 0:
        return interval.mean / interval.sd
    return math.copysign(math.inf, interval.mean) if interval.mean else 0.0


def _standard_error(sd: float, repeats: int, overlap: float) -> float:
    return sd * math.sqrt(1 / repeats + overlap)


def _check_scores(values: ArrayLike) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) < 2:
        raise InvalidArgument(
            f"expected one score for each of at least two repeats, got shape {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise InvalidArgument(
            f"scores must be finite, got {scores}; remove these repeats from all candidates"
        )
    return scores
