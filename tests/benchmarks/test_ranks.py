"""The arithmetic of the benchmark on tables, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks.tables import ranks

NAN = float("nan")


def test_mean_over_splits_is_nan_after_one_failure() -> None:
    errors = np.array([[[0.1, 0.3], [0.2, NAN]]])
    assert_allclose(ranks.mean_over_splits(errors), [[0.2, NAN]])


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([0.3, 0.1, 0.2], [3, 1, 2]),
        ([0.1, 0.1, 0.2], [1.5, 1.5, 3]),  # equal errors share their ranks
        ([NAN, 0.5, 0.2], [3, 2, 1]),  # a failure is last
        ([NAN, NAN, 0.2], [2.5, 2.5, 1]),
    ],
)
def test_rank(means: list[float], expected: list[float]) -> None:
    assert_array_equal(ranks.rank(np.array([means])), [expected])


def test_mean_ranks() -> None:
    first, second = ranks.mean_ranks(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]))
    assert (first.value, second.value) == (1.25, 1.75)
    # The number of draws of the last table is binomial, n = 4, p = 1/4: P(0) = 0.32, P(3 or 4) = 0.051, P(4) = 0.004.
    # So the percentiles are 0 and 3 of 4.
    assert (first.low, first.high) == (1.0, 1.75)
    assert (second.low, second.high) == (1.25, 2.0)


def test_mean_ranks_have_no_interval_if_all_tables_agree() -> None:
    assert ranks.mean_ranks(np.array([[1.0, 2.0]] * 3)) == [(1, 1, 1), (2, 2, 2)]


def test_normalized_scores() -> None:
    means = np.array(
        [
            [0.2, 0.3, 0.6, NAN],  # the constant has 0.4: gains 0.2, 0.1, below 0, a failure
            [0.5, 0.4, 0.4, 0.4],  # no contender is better than 0.4
        ]
    )
    assert_allclose(
        ranks.normalized_scores(means, np.array([0.4, 0.4])), [[1, 0.5, 0, 0], [NAN] * 4], atol=1e-12
    )


# Differences 1, 2, 3: mean 2, standard error 1 / sqrt(3), t(0.975, 2) = 4.3027. Half the interval is 2.484.
# Differences 2, 3, 4: mean 3. 3 - 2.484 > 0.
@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1, 1, 1], [2, 3, 4], "tie"),
        ([1, 1, 1], [3, 4, 5], "win"),
        ([3, 4, 5], [1, 1, 1], "loss"),
        ([1, 2, 3], [1, 2, 3], "tie"),  # equal in each division
        ([1, 2, 3], [2, 3, 4], "win"),  # the same difference in each division
        ([1], [2], "tie"),  # one division has no interval
        ([1, NAN], [2, 2], "loss"),
        ([1, 1], [NAN, 2], "win"),
        ([NAN, 1], [2, NAN], "tie"),
    ],
)
def test_outcome(ours: list[float], theirs: list[float], expected: str) -> None:
    assert ranks.outcome(np.array(ours, dtype=float), np.array(theirs, dtype=float)) == expected


def test_outcome_is_the_paired_t_test_of_scipy() -> None:
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    found = set()
    for _ in range(200):
        ours, theirs = rng.normal(size=5), rng.normal(0.7, size=5)
        outcome = ranks.outcome(ours, theirs)
        found.add(outcome)
        assert (outcome == "tie") == (ttest_rel(ours, theirs).pvalue >= 0.05)
    assert found >= {"win", "tie"}


def test_count_outcomes() -> None:
    ours = np.array([[1.0, 2.0, 3.0]] * 4)
    theirs = np.array([[2.0, 3.0, 4.0], [1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [2.0, 3.0, NAN]])
    assert ranks.count_outcomes(ours, theirs) == (2, 1, 1)


def test_time_ratio_is_the_median_over_tables() -> None:
    ours = np.array([[1.0, 3.0], [1.0, 1.0], [2.0, 2.0], [1.0, NAN]])
    theirs = np.array([[1.0, 1.0], [5.0, 3.0], [6.0, 6.0], [1.0, 1.0]])
    assert ranks.time_ratio(ours, theirs) == 3.0  # of 0.5, 4 and 3; the last table has a failure
    assert np.isnan(ranks.time_ratio(np.array([[NAN]]), np.array([[1.0]])))
