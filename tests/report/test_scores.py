"""Scores, compared with scikit-learn and SciPy, and the sentences about them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from fitwell.report.scores import (
    Score,
    compare_losses,
    is_significantly_above,
    score_classification,
    score_regression,
    wilson_interval,
)
from fitwell.report.summary_text import ScoreSet, format_metric, format_percent, score_table, summarize

RANDOM = np.random.default_rng(0)


def test_class_scores_are_those_of_scikit_learn() -> None:
    true = RANDOM.integers(0, 3, 200)
    probabilities = RANDOM.dirichlet(np.ones(3), 200)
    score = score_classification("x", true, probabilities)
    assert score.values["accuracy"] == pytest.approx(
        metrics.accuracy_score(true, probabilities.argmax(axis=1))
    )
    assert score.values["log_loss"] == pytest.approx(metrics.log_loss(true, probabilities))
    assert "auc" not in score.values
    assert score.loss == pytest.approx(1 - score.values["accuracy"]) and score.rows == 200


def test_two_classes_have_an_area_under_the_curve() -> None:
    true, positive = RANDOM.integers(0, 2, 100), RANDOM.random(100)
    both = np.stack([1 - positive, positive], axis=1)
    assert score_classification("x", true, both).values["auc"] == pytest.approx(
        metrics.roc_auc_score(true, positive)
    )
    assert "auc" not in score_classification("x", np.zeros(100, int), both).values, (
        "one class only: not defined"
    )


def test_number_scores_are_those_of_scikit_learn() -> None:
    true, predicted = RANDOM.normal(size=100), RANDOM.normal(size=100)
    score = score_regression("x", true, predicted)
    assert score.values["rmse"] == pytest.approx(metrics.root_mean_squared_error(true, predicted))
    assert score.values["mae"] == pytest.approx(metrics.mean_absolute_error(true, predicted))
    assert score.values["r2"] == pytest.approx(metrics.r2_score(true, predicted))
    assert "r2" not in score_regression("x", np.ones(5), np.zeros(5)).values


@pytest.mark.parametrize(("right", "rows"), [(0, 10), (10, 10), (7, 10), (343, 360), (1, 1)])
def test_the_interval_of_a_share_is_wilsons(right: int, rows: int) -> None:
    expected = stats.binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / rows, rows) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_a_difference_is_that_of_a_paired_test() -> None:
    worse, better = RANDOM.random(5000) + 0.03, RANDOM.random(5000)
    found = compare_losses(Score("a", {}, better), Score("b", {}, worse))
    # With this many rows Student's distribution is the normal one.
    expected = stats.ttest_rel(worse, better).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert found.mean == pytest.approx(worse.mean() - better.mean())


def test_pairing_finds_small_differences() -> None:
    """Half of the rows are hard for both predictors; one in fifty is right for one of them only."""
    hard = np.arange(1000) % 2 == 0
    better, worse = hard.astype(float), np.where(np.arange(1000) % 100 == 1, 1.0, hard)
    found = compare_losses(Score("a", {}, better), Score("b", {}, worse))
    assert found.mean == pytest.approx(0.01) and found.is_significant
    assert not compare_losses(Score("a", {}, better), Score("b", {}, better)).is_significant


def results(network: float, linear: float, guess: float, train: float = 0.0, rows: int = 1000) -> ScoreSet:
    """Return classification results with these error rates."""

    def score(name: str, wrong: float) -> Score:
        losses = np.zeros(rows)
        losses[: round(wrong * rows)] = 1
        return Score(name, {"accuracy": 1 - wrong, "log_loss": 0.5}, losses)

    parts = {"train": train or network, "validation": network, "test": network}
    return ScoreSet(
        "multiclass",
        "y",
        {part: score("the network", wrong) for part, wrong in parts.items()},
        [score("logistic regression", linear), score("always answering 'a'", guess)],
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            results(0.02, 0.10, 0.60),
            "Use the network: it is significantly better than logistic regression",
        ),
        (
            results(0.10, 0.02, 0.60),
            "Use logistic regression instead of the network: it is significantly better (+8.0 percentage points",
        ),
        (
            results(0.050, 0.051, 0.60),
            "Use logistic regression, because it is simpler: the network is not significantly different from it "
            "(+0.1 percentage points, 95 % interval -0.1 to 0.3)",
        ),
        (results(0.60, 0.60, 0.60), "not significantly better than always answering 'a'"),
        (results(0.70, 0.65, 0.60), "Use logistic regression instead of the network"),
    ],
)
def test_the_verdict_follows_the_evidence(given: ScoreSet, words: str) -> None:
    assert any(words in sentence for sentence in summarize(given)), summarize(given)


def test_overfitting_is_reported_only_if_significant() -> None:
    by_heart = "so the network overfits"
    assert by_heart in summarize(results(0.10, 0.2, 0.6, train=0.001))[-1]
    assert by_heart not in summarize(results(0.10, 0.2, 0.6, train=0.09))[-1]
    # 4 points, but ten rows prove nothing.
    assert by_heart not in summarize(results(0.10, 0.2, 0.6, train=0.04, rows=10))[-1]


@pytest.mark.parametrize(("rows", "shows"), [(12, False), (1200, True)])
def test_overfitting_of_regression_needs_enough_rows(rows: int, shows: bool) -> None:
    """The errors are 1.3 times as large on the test rows; their squares have a deviation of 1.4 times their mean."""
    errors = stats.norm.ppf((np.arange(rows) + 0.5) / rows)
    part = score_regression("the network", errors, np.zeros(rows))
    test = score_regression("the network", 1.3 * errors, np.zeros(rows))
    assert is_significantly_above(test, part) == shows
    pvalue = stats.ttest_ind(test.losses, part.losses, equal_var=False, alternative="greater").pvalue
    assert (pvalue < 0.02) == shows
    told = summarize(
        ScoreSet("regression", "y", {"train": part, "validation": part, "test": test}, [test, test])
    )
    assert any("so the network overfits" in sentence for sentence in told) == shows


def test_regression_is_summarized_in_units_of_the_target() -> None:
    true = np.arange(100.0)
    parts = {
        part: score_regression("the network", true, true + 2) for part in ("train", "validation", "test")
    }
    linear = score_regression("ridge regression", true, true + 4)
    guess = score_regression("always predicting the mean", true, np.full(100, true.mean()))
    told = summarize(ScoreSet("regression", "price", parts, [linear, guess]))
    assert (
        "predicts 'price' with a mean absolute error of 2 (RMSE 2), and explains 99.5 % of the variance"
        in told[0]
    )
    assert (
        told[1] == "Always predicting the mean has an RMSE of 28.87, and ridge regression has an RMSE of 4."
    )
    assert "the squared error is lower by 75%" in told[2]
    noisy = score_regression("ridge regression", true, true + np.where(true % 2 == 0, 0.5, 2.75))
    told = summarize(ScoreSet("regression", "price", parts, [noisy, guess]))
    assert told[2].startswith(
        "Use ridge regression, because it is simpler: the network is not significantly different"
    )
    assert "(the squared error is higher by 2%, 95 % interval -16% to 20%)" in told[2]
    header, rows = score_table(ScoreSet("regression", "price", parts, [linear, guess]))
    assert header == ["predictor", "split", "rows", "RMSE", "MAE", "R²"]
    assert rows[0] == ["the network", "test", "100", "2", "2", "0.9952"]
    assert [row[:2] for row in rows[1:3]] == [
        ["ridge regression", "test"],
        ["always predicting the mean", "test"],
    ]


def test_shares_near_the_ends_keep_their_digits() -> None:
    assert [format_percent(share) for share in (0.0, 0.0004, 0.5, 0.9996, 1.0)] == [
        "0 %",
        "0.04 %",
        "50.0 %",
        "99.96 %",
        "100 %",
    ]
    assert format_metric("accuracy", 0.5) == "50.0 %" and format_metric("rmse", 1234.56) == "1235"


def test_nothing_is_lower_by_more_than_all_of_it() -> None:
    """The linear model has an outlying error in one row of ten, so the interval around the mean exceeds 100 %."""
    true = np.zeros(30)
    missed = np.where(np.arange(30) % 10 == 0, 9.0, 1.0)
    parts = {
        part: score_regression("the network", true, true + 0.5) for part in ("train", "validation", "test")
    }
    linear = score_regression("ridge regression", true, missed)
    guess = score_regression("always predicting the mean", true, true + 9)
    told = summarize(ScoreSet("regression", "price", parts, [linear, guess]))
    assert "95 % interval 0% to 100%" in told[2]
