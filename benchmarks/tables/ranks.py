"""Arithmetic of the page: ranks, scores, wins and times, from arrays of measures.

Arrays of errors are ``[tables, contenders, divisions]``, NaN where a run failed; means are ``[tables, contenders]``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Outcome = Literal["win", "tie", "loss"]


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class Outcomes(NamedTuple):
    """Numbers of tables."""

    wins: int
    ties: int
    losses: int


def mean_over_splits(errors: Floats) -> Floats:
    """Return the means over divisions; one failure makes the mean NaN."""
    return errors.mean(axis=-1)


def rank(means: Floats) -> Floats:
    """Rank the contenders of each table: 1 is the smallest error, equal ones share the mean of their ranks.

    A failure (NaN) ranks last.
    """
    return stats.rankdata(np.where(np.isnan(means), np.inf, means), axis=1)


def mean_ranks(ranks: Floats, draws: int = 5000, seed: int = 0) -> list[Interval]:
    """Return the mean rank of each contender, with a bootstrap interval over tables (percentiles).

    Args:
        ranks (array): Ranks, ``[tables, contenders]``.
        draws (int): Number of resampled sets of tables. Default: 5000.
        seed (int): Random seed. Default: 0.
    """
    rows = np.random.default_rng(seed).integers(len(ranks), size=(draws, len(ranks)))
    low, high = np.percentile(ranks[rows].mean(axis=1), [2.5, 97.5], axis=0)
    return [Interval(*map(float, values)) for values in zip(ranks.mean(axis=0), low, high)]


def normalized_scores(means: Floats, constant: Floats) -> Floats:
    """Return the score of each contender on each table: 1 is the best contender, 0 a constant prediction.

    The score is (constant - mean) / (constant - best), at least 0; a failure has 0. A table on which no contender is
    better than the constant has NaN.

    Args:
        means (array): Mean errors, ``[tables, contenders]``.
        constant (array): Mean error of the constant prediction, ``[tables]``.
    """
    finite = np.where(np.isnan(means), np.inf, means)
    best = finite.min(axis=1)
    gain = np.where(best < constant, constant - best, np.nan)
    return np.maximum((constant[:, None] - finite) / gain[:, None], 0.0)


def outcome(ours: Floats, theirs: Floats) -> Outcome:
    """Return whether we win on one table, by the errors of the same divisions.

    It is a tie if the 95 % interval of the mean paired difference (Student's t) contains 0. A contender that failed
    in a division loses. One division has no interval, so it is a tie.
    """
    we_failed, they_failed = bool(np.isnan(ours).any()), bool(np.isnan(theirs).any())
    if we_failed and they_failed:
        return "tie"
    if we_failed or they_failed:
        return "loss" if we_failed else "win"
    difference = theirs - ours
    count = len(difference)
    if count < 2:
        return "tie"
    half = stats.t.ppf(0.975, count - 1) * difference.std(ddof=1) / np.sqrt(count)
    if abs(difference.mean()) <= half:
        return "tie"
    return "win" if difference.mean() > 0 else "loss"


def count_outcomes(ours: Floats, theirs: Floats) -> Outcomes:
    """Count wins, ties and losses over tables, from errors ``[tables, divisions]``."""
    found = [outcome(*pair) for pair in zip(ours, theirs, strict=True)]
    return Outcomes(found.count("win"), found.count("tie"), found.count("loss"))


def time_ratio(ours: Floats, theirs: Floats) -> float:
    """Return the median over tables of their mean time over ours, from times ``[tables, divisions]``; NaN if none."""
    ratios = mean_over_splits(theirs) / mean_over_splits(ours)
    ratios = ratios[np.isfinite(ratios)]
    return float(np.median(ratios)) if len(ratios) else float("nan")
