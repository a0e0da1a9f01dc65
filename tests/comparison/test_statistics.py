"""Statistics, compared with SciPy, published numbers, and simulations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fitwell.comparison.statistics import (
    compare_pairs,
    detectable_difference,
    holm,
    mean_interval,
    paired_test,
)
from fitwell.errors import InvalidArgument


def test_interval_and_test_are_those_of_scipy_when_repeats_are_independent() -> None:
    first, second = np.random.default_rng(0).normal(0.9, 0.01, size=(2, 12))
    reference = stats.ttest_rel(first, second)
    ends = reference.confidence_interval(0.9)
    interval = mean_interval(first - second, confidence=0.9)
    assert paired_test(first - second) == pytest.approx(reference.pvalue, rel=1e-12)
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
    assert interval.sd == pytest.approx(np.std(first - second, ddof=1))
    assert interval.half_width == pytest.approx((ends.high - ends.low) / 2)


def test_overlap_widens_by_the_factor_of_nadeau_and_bengio() -> None:
    """Ten repeats with a fifth of the rows held out: sqrt(1/10 + 0.2/0.8) instead of sqrt(1/10)."""
    values = np.random.default_rng(1).normal(size=10)
    plain, wide = mean_interval(values), mean_interval(values, overlap=0.25)
    assert wide.half_width / plain.half_width == pytest.approx(np.sqrt(0.35 / 0.1))
    t = values.mean() / (values.std(ddof=1) * np.sqrt(0.35))
    assert paired_test(values, overlap=0.25) == pytest.approx(2 * stats.t.sf(abs(t), 9))


@pytest.mark.parametrize(("differences", "p"), [([0.0] * 5, 1.0), ([0.25] * 5, 0.0625), ([1.0, -1.0], 1.0)])
def test_differences_without_spread(differences: list[float], p: float) -> None:
    assert paired_test(differences) == p


@pytest.mark.parametrize("rows", [10, 100, 1000, 10_000])
def test_equal_differences_of_float32_scores_are_no_miracle(rows: int) -> None:
    """One more correct row in each repeat: in float32 these differences are not exactly equal."""
    right = np.array([0.9, 0.5, 0.2]) * rows
    scores = {
        name: (np.float32(np.round(right + more)) / np.float32(rows)).astype(np.float64)
        for name, more in (("a", 1), ("b", 0))
    }
    assert (scores["a"] - scores["b"]).std() > 0
    (found,) = compare_pairs(scores, [("a", "b")])
    assert found.p == 0.25 and found.effect_size == np.inf and found.interval.sd == 0


def test_rounding_of_the_scores_is_no_difference() -> None:
    scores = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 2.0, 3.0]) + [1e-7, 1.1e-7, 1.2e-7]}
    (found,) = compare_pairs(scores, [("b", "a")])
    assert (found.p, found.wins, found.effect_size, found.interval.mean) == (1.0, 0.5, 0.0, 0.0)


def test_holm_on_a_published_example() -> None:
    """Wikipedia, Holm-Bonferroni method: 0.01, 0.04, 0.03, 0.005 at 0.05 rejects the first and the fourth."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_plain_value_and_bonferroni_and_keeps_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for plain, other in zip(p_values, corrected):
        assert plain <= other <= min(1.0, len(p_values) * plain)
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_effect_size_wins_and_direction() -> None:
    scores = {"a": np.array([0.5, 0.6, 0.9, 0.7]), "b": np.array([0.4, 0.6, 0.5, 0.8])}
    (found,) = compare_pairs(scores, [("a", "b")])
    values = scores["a"] - scores["b"]
    assert found.interval.mean == pytest.approx(0.1)
    assert found.effect_size == pytest.approx(values.mean() / values.std(ddof=1))
    assert found.wins == pytest.approx((2 + 0.5) / 4)
    (turned,) = compare_pairs(scores, [("b", "a")])
    assert turned.interval.mean == -found.interval.mean and turned.p == found.p


def test_several_comparisons_are_corrected_together() -> None:
    rng = np.random.default_rng(3)
    scores = {name: rng.normal(size=8) for name in "abc"}
    found = compare_pairs(scores, [("a", "b"), ("a", "c"), ("b", "c")])
    assert [pair.p_holm for pair in found] == holm([pair.p for pair in found])


def test_the_detectable_difference_is_found_about_four_times_in_five() -> None:
    rng, repeats, sd = np.random.default_rng(4), 15, 2.0
    size = detectable_difference(sd, repeats)
    samples = rng.normal(size, sd, size=(4000, repeats))
    found = np.mean([paired_test(sample) < 0.05 for sample in samples])
    assert 0.77 < found < 0.85


def test_the_detectable_difference_is_found_as_often_among_several_candidates() -> None:
    rng, repeats, pairs = (
        np.random.default_rng(6),
        20,
        [("b", "a"), ("c", "a"), ("d", "a"), ("c", "b"), ("d", "b")],
    )
    size = detectable_difference(np.sqrt(2), repeats, comparisons=len(pairs))
    found = 0
    for _ in range(1000):
        scores = {name: rng.normal(size=repeats) for name in "abcd"}
        scores["b"] += size
        found += compare_pairs(scores, pairs)[0].p_holm < 0.05
    assert found / 1000 > 0.77  # three standard errors below 80 %
    (one, *_) = compare_pairs(scores, pairs)
    assert one.detectable == detectable_difference(one.interval.sd, repeats, comparisons=len(pairs))


def test_learners_equal_on_the_whole_are_called_equal_though_they_differ_on_every_table() -> None:
    """Two least-squares models use different but equally good features of 50 rows, which are split ten times.

    On any one table one of the two is better. Without the correction for shared rows that is taken for a finding on
    a quarter of the tables. (A correction that takes the rows for validation, which these learners do not use, for
    rows to train on raises 7 false alarms in 100.)
    """
    rng, count, rows, test, train = np.random.default_rng(7), 3000, 50, 10, 30
    alarms, uncorrected = 0, 0
    for _ in range(count):
        features = rng.normal(size=(rows, 2))
        y = np.sign(features.sum(axis=1) + rng.normal(size=rows))
        orders = rng.permuted(np.tile(np.arange(rows), (10, 1)), axis=1)
        judging, learning = orders[:, :test], orders[:, -train:]
        scores = {}
        for name, x in zip("ab", features.T):
            slope = (x[learning] * y[learning]).sum(axis=1) / (x[learning] ** 2).sum(axis=1)
            scores[name] = np.mean((slope[:, None] * x[judging] - y[judging]) ** 2, axis=1)
        differences = scores["a"] - scores["b"]
        found = mean_interval(differences, overlap=test / train)
        alarms += not found.low <= 0 <= found.high
        uncorrected += paired_test(differences) < 0.05
    # Three standard errors of a share of 3,000.
    assert alarms / count < 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)
    assert uncorrected / count > 0.2


@pytest.mark.slow
def test_false_alarms_and_coverage_are_as_stated() -> None:
    """In 2,000 comparisons of four equal candidates, at most 5 % have a false alarm."""
    rng = np.random.default_rng(5)
    pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    alarms, covered, count = 0, 0, 2000
    for _ in range(count):
        shared = rng.normal(0, 3, size=10)  # what seeds and splits have in common, pairing takes out
        scores = {name: shared + rng.normal(0, 1, size=10) for name in "abcd"}
        found = compare_pairs(scores, pairs)
        alarms += any(pair.p_holm < 0.05 for pair in found)
        covered += found[0].interval.low <= 0 <= found[0].interval.high
    # Three standard errors of a share of 2,000.
    assert alarms / count < 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)
    assert abs(covered / count - 0.95) < 3 * np.sqrt(0.05 * 0.95 / count)


@pytest.mark.parametrize("values", [[1.0], [], [[1.0, 2.0]]])
def test_one_repeat_is_refused(values: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="at least two repeats"):
        mean_interval(values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InvalidArgument, match="remove the repeats with non-finite scores"):
        compare_pairs({"a": np.array([1.0, value]), "b": np.array([1.0, 2.0])}, [("a", "b")])


@pytest.mark.parametrize("confidence", [95, "0.95", None])
def test_what_is_no_confidence_is_refused(confidence: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"such as 0\.95"):
        mean_interval([1.0, 2.0], confidence=confidence)
