"""Statistics for paired repeats, including confidence intervals, paired t-tests and Holm's correction.

Each candidate has one score per repeat. All candidates use the same seed, the same rows and the same row order in
repeat i. They are therefore compared by their differences within repeats, in which shared effects cancel.
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
# Scores are float32, so values whose relative difference is below this limit are treated as equal.
RELATIVE_TOLERANCE = 1e-6

CONFIDENCE = Real(0, 1, closed="neither").described_as("a number above 0 and below 1, such as 0.95")


@dataclass(frozen=True)
class ConfidenceInterval:
    """The mean score over n repeats and its confidence interval.

    Attributes:
        mean: The mean of the scores.
        sd: The sample standard deviation of the scores (with divisor n - 1).
        low: The lower limit of the confidence interval of the mean.
        high: The upper limit of the confidence interval of the mean.
        repeats: The number of repeats n.
    """

    mean: float
    sd: float
    low: float
    high: float
    repeats: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval, which is shown after ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class PairedDifference:
    """The difference between two candidates over paired repeats.

    Attributes:
        first: The name of the first candidate.
        second: The name of the second candidate. The difference is ``first - second``.
        interval: The mean difference and its confidence interval.
        effect_size: Cohen's d for paired samples, which is the mean of the differences divided by their standard
            deviation.
        wins: The fraction of repeats in which `first` scored higher. A tie counts as half a win.
        p: The p-value of the two-sided paired t-test.
        p_holm: The p-value with Holm's correction.
        detectable: The smallest difference that this number of repeats detects with a probability of at least 80 %,
            after the same correction.
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
    """Compute the mean score, the standard deviation and the confidence interval of the mean.

    The interval is mean ± t(n-1) · sd · sqrt(1/n + overlap). If each repeat has a different random split, the training
    sets share most of their rows. The repeats are then not independent, and sd / sqrt(n) is too small. (Nadeau &
    Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003.)

    Args:
        values: One score for each repeat.
        confidence: The confidence level.
        overlap: The number of test rows divided by the number of training rows if each repeat has a different random
            split, or 0 if only the seeds differ.

    Returns:
        The confidence interval.
    """
    from scipy import stats

    scores = _check_scores(values)
    validate_param("mean_interval", "confidence", confidence, CONFIDENCE)
    n, (mean, sd) = len(scores), _mean_and_sd(scores)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * _standard_error(sd, n, overlap)
    return ConfidenceInterval(mean, sd, mean - reach, mean + reach, n)


def paired_test(differences: ArrayLike, overlap: float = 0.0) -> float:
    """Compute the two-sided p-value of the paired t-test.

    The test statistic is t = mean / (sd · sqrt(1/n + overlap)) with n - 1 degrees of freedom. If all differences are
    equal, which is common for accuracies on few rows, the sign test is used instead and p = 2 / 2ⁿ. If all
    differences are 0, p = 1.

    Args:
        differences: One difference for each repeat.
        overlap: See `mean_interval`.

    Returns:
        The p-value.
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
    """Apply Holm's correction to p-values, which controls the family-wise error rate.

    The i-th smallest of m p-values is multiplied by m - i + 1. The results are limited to 1 and increased where
    necessary to keep the order. (Holm, *A Simple Sequentially Rejective Multiple Test Procedure*, Scandinavian Journal
    of Statistics 6, 1979.)

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
    """Compute the mean difference that is detected with a probability of about 80 %.

    The formula is (t(n-1; 1 - α/2m) + t(n-1; 80 %)) · sd · sqrt(1/n + overlap) with α = 1 - confidence. Holm's method
    tests each comparison at level α/m or higher.

    Args:
        sd: The standard deviation of the differences.
        repeats: The number of repeats n.
        confidence: The confidence level.
        overlap: See `mean_interval`.
        comparisons: The number of comparisons m.

    Returns:
        The detectable difference.
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
    """Return ``first - second`` without rounding errors.

    Differences no larger than rounding errors become 0. If all differences are equal except for rounding errors,
    they become exactly equal.
    """
    values = _check_scores(first) - _check_scores(second)
    rounding = RELATIVE_TOLERANCE * max(np.abs(first).max(), np.abs(second).max())
    values = np.where(np.abs(values) <= rounding, 0.0, values)
    return np.full_like(values, values[0]) if np.ptp(values) <= rounding else values


def _mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    if np.ptp(values) == 0:
        # Otherwise, rounding of the mean would give a nonzero standard deviation.
        return float(values[0]), 0.0
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
            f"expected a 1-D array with one score for each of at least two repeats, got shape {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise InvalidArgument(
            f"scores must be finite, got {scores}; remove the repeats with non-finite scores from all candidates"
        )
    return scores
