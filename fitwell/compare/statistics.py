"""The statistics of paired repeats: intervals, paired tests, Holm's correction, what could have been seen.

Scores come as one number per repeat; repeat i of every candidate shares its seed, its rows and their order,
so candidates are compared by their differences, in which everything that is shared cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitwell.arguments import Real, check
from fitwell.errors import InvalidArgument

POWER = 0.8
# Scores are float32: what differs by fewer parts of the scores is equal.
ROUNDING = 1e-6

CONFIDENCE = Real(0, 1, closed="neither").said("a number above 0 and below 1, such as 0.95")


@dataclass(frozen=True)
class Interval:
    """A mean of repeats with its confidence interval.

    mean, sd: of the repeats (`sd` with n - 1). low, high: ends of the interval of the mean. repeats: n.
    """

    mean: float
    sd: float
    low: float
    high: float
    repeats: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval: the number behind ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Difference:
    """One candidate less another, over paired repeats.

    first, second: names; the difference is ``first - second``. interval: of the mean difference.
    effect_size: Cohen's d of paired values, mean / sd of the differences. wins: share of repeats in which the
    first scored higher, ties counting half. p: of the two-sided paired t-test. p_holm: corrected for all
    comparisons made together. detectable: the difference that as many repeats would have shown with a
    probability of 80 % or more, corrected likewise.
    """

    first: str
    second: str
    interval: Interval
    effect_size: float
    wins: float
    p: float
    p_holm: float
    detectable: float


def mean_interval(values: ArrayLike, confidence: float = 0.95, overlap: float = 0.0) -> Interval:
    """Return mean, standard deviation and confidence interval of repeats.

    mean ± t(n-1) · sd · sqrt(1/n + overlap).

    overlap: test rows over training rows when every repeat has a split of its own, 0 when only seeds
    vary. Training parts of one table share most of their rows, so repeats are not independent and sd / sqrt(n)
    is too small. (Nadeau & Bengio, *Inference for the Generalization Error*, Machine Learning 52, 2003.)
    """
    from scipy import stats

    scores = _repeats(values)
    check("mean_interval", "confidence", confidence, CONFIDENCE)
    n, (mean, sd) = len(scores), _mean_and_sd(scores)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * _standard_error(sd, n, overlap)
    return Interval(mean, sd, mean - reach, mean + reach, n)


def paired_test(differences: ArrayLike, overlap: float = 0.0) -> float:
    """Return the two-sided p of the paired t-test: how often chance alone gives a mean so far from 0.

    t = mean / (sd · sqrt(1/n + overlap)) with n - 1 degrees of freedom; see `mean_interval` for `overlap`.
    Differences that are all equal (shares of few rows often are) tell nothing of their spread: what is left is
    that all have one sign, which chance gives in 2 of 2ⁿ cases.
    """
    from scipy import stats

    values = _repeats(differences)
    mean, sd = _mean_and_sd(values)
    if mean == 0:
        return 1.0
    if sd == 0:
        return float(2.0 ** (1 - len(values)))
    return float(2 * stats.t.sf(abs(mean) / _standard_error(sd, len(values), overlap), len(values) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several: the chance of any false alarm stays at the stated rate.

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
    """Return the mean difference that `repeats` would show with a probability of about 80 %.

    (t(n-1; 1 - α/2m) + t(n-1; 80 %)) · sd · sqrt(1/n + overlap) with α = 1 - confidence.

    comparisons: m, how many are made together; Holm's method holds none to less than α/m.
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
) -> list[Difference]:
    """Return the difference of each of `pairs` of candidates, corrected for being several."""
    differences = [_less(scores[first], scores[second]) for first, second in pairs]
    p_values = [paired_test(values, overlap) for values in differences]
    found = []
    for (first, second), values, p, p_holm in zip(pairs, differences, p_values, holm(p_values), strict=True):
        interval = mean_interval(values, confidence, overlap)
        found.append(
            Difference(
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


def _less(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the differences; what is rounding of the scores makes none, and no spread of them."""
    values = _repeats(first) - _repeats(second)
    rounding = ROUNDING * max(np.abs(first).max(), np.abs(second).max())
    values = np.where(np.abs(values) <= rounding, 0.0, values)
    return np.full_like(values, values[0]) if np.ptp(values) <= rounding else values


def _mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    if np.ptp(values) == 0:
        return float(values[0]), 0.0  # a sum of equal numbers is rounded, and would leave some spread
    return float(values.mean()), float(values.std(ddof=1))


def _effect_size(interval: Interval) -> float:
    if interval.sd > 0:
        return interval.mean / interval.sd
    return math.copysign(math.inf, interval.mean) if interval.mean else 0.0


def _standard_error(sd: float, repeats: int, overlap: float) -> float:
    return sd * math.sqrt(1 / repeats + overlap)


def _repeats(values: ArrayLike) -> NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or len(scores) < 2:
        raise InvalidArgument(f"expected one score for each of two repeats or more, got shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise InvalidArgument(
            f"scores must be finite, got {scores}; leave such repeats out of all candidates"
        )
    return scores
