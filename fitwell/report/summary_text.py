"""Functions that describe a training run's scores in sentences and in a table."""

from __future__ import annotations

from dataclasses import dataclass

from fitwell.report.scores import METRIC_NAMES, Score, compare_losses, is_significantly_above, wilson_interval

__all__ = [
    "ScoreSet",
    "format_metric",
    "format_percent",
    "score_table",
    "summarize",
]

# Minimum gap between training and test accuracy that the summary mentions.
MIN_REPORTED_GAP = 0.03


@dataclass(frozen=True)
class ScoreSet:
    """The scores of a training run.

    Args:
        task (str): ``"regression"``, ``"binary"`` or ``"multiclass"``.
        target (str): The name of the target column.
        network (dict[str, Score]): The network's scores under the keys ``"train"``, ``"validation"`` and ``"test"``.
        linear (Score): A linear model's test score.
        dummy (Score): The test score of a constant prediction.
    """

    task: str
    target: str
    network: dict[str, Score]
    linear: Score
    dummy: Score

    @property
    def test_scores(self) -> list[Score]:
        """The test scores of the network, the linear model and the constant prediction."""
        return [self.network["test"], self.linear, self.dummy]


def summarize(results: ScoreSet) -> list[str]:
    """Summarize how well the network and the baselines predict, and how they differ.

    Args:
        results (ScoreSet): The scores of the run.

    Returns:
        list[str]: The sentences of the summary.
    """
    if results.task == "regression":
        sentences = _summarize_regression(results)
    else:
        sentences = _summarize_classification(results)
    return [*sentences, _summarize_comparison(results), *_summarize_gap(results)]


def format_percent(share: float) -> str:
    """Format a fraction as a percentage, with more digits near 0 and 1.

    >>> format_percent(0.9721), format_percent(0.9996), format_percent(1.0)
    ('97.2 %', '99.96 %', '100 %')
    """
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    return f"{100 * share:.1f} %" if 0.001 < share < 0.999 else f"{100 * share:.2f} %"


def format_metric(name: str, value: float) -> str:
    """Format the value of the metric called `name`."""
    return format_percent(value) if name == "accuracy" else f"{value:.4g}"


def _summarize_classification(results: ScoreSet) -> list[str]:
    test = results.network["test"]
    right = round(test.values["accuracy"] * test.rows)
    low, high = wilson_interval(test.values["accuracy"], test.rows)
    return [
        f"On {test.rows:,} held-out test rows, the network's accuracy is "
        f"{format_percent(test.values['accuracy'])} ({right:,} rows are classified correctly, 95 % interval "
        f"{format_percent(low)} to {format_percent(high)}).",
        f"{_capitalize(results.dummy.name)} has an accuracy of {format_percent(results.dummy.values['accuracy'])}, "
        f"and {results.linear.name} has an accuracy of {format_percent(results.linear.values['accuracy'])}.",
    ]


def _summarize_regression(results: ScoreSet) -> list[str]:
    test = results.network["test"]
    explained = (
        f", and explains {format_percent(test.values['r2'])} of the variance"
        if test.values.get("r2", -1) > 0
        else ""
    )
    return [
        f"On {test.rows:,} held-out test rows, the network predicts {results.target!r} with a mean absolute error of "
        f"{test.values['mae']:.4g} (RMSE {test.values['rmse']:.4g}){explained}.",
        f"{_capitalize(results.dummy.name)} has an RMSE of {results.dummy.values['rmse']:.4g}, "
        f"and {results.linear.name} has an RMSE of {results.linear.values['rmse']:.4g}.",
    ]


def _summarize_comparison(results: ScoreSet) -> str:
    network, linear, dummy = results.test_scores
    over_dummy = compare_losses(network, dummy)
    if not over_dummy.is_significant or over_dummy.mean <= 0:
        return (
            f"This is not significantly better than {dummy.name}. Either the inputs contain little information about "
            f"{results.target!r}, or the network did not learn it."
        )
    over_linear = compare_losses(network, linear)
    if not over_linear.is_significant:
        return (
            f"The network is not significantly different from {linear.name} "
            f"({_format_interval(results, over_linear.mean, over_linear.low, over_linear.high)}). The "
            "simpler model may be sufficient."
        )
    if over_linear.mean > 0:
        return (
            f"The network is significantly better than {linear.name} "
            f"({_format_interval(results, over_linear.mean, over_linear.low, over_linear.high)})."
        )
    return (
        f"{_capitalize(linear.name)} is significantly better than the network "
        f"({_format_interval(results, -over_linear.mean, -over_linear.high, -over_linear.low)}). Use it, or train the "
        "network on more data."
    )


def _format_interval(results: ScoreSet, mean: float, low: float, high: float) -> str:
    if results.task == "regression":
        unit = max(results.linear.loss, results.network["test"].loss) or 1.0
        # An error cannot decrease by more than 100%, but a symmetric interval may exceed that.
        low, high = max(low / unit, -1.0), min(high / unit, 1.0)
        direction = "lower" if mean >= 0 else "higher"
        low, high = (low, high) if mean >= 0 else (-high, -low)
        return f"the squared error is {direction} by {abs(mean) / unit:.0%}, 95 % interval {low:.0%} to {high:.0%}"
    return f"{100 * mean:+.1f} percentage points, 95 % interval {100 * low:.1f} to {100 * high:.1f}"


def _summarize_gap(results: ScoreSet) -> list[str]:
    train, test = results.network["train"], results.network["test"]
    advice = "More data, --dropout or --l2 may reduce the gap."
    if results.task == "regression":
        ratio = test.values["rmse"] / train.values["rmse"] if train.values["rmse"] > 0 else float("inf")
        if ratio < 1.2 or not is_significantly_above(test, train):
            return []
        return [
            f"The network's RMSE on the training rows is {train.values['rmse']:.4g}, so the network "
            f"overfits. {advice}"
        ]
    gap = train.values["accuracy"] - test.values["accuracy"]
    if (
        gap < MIN_REPORTED_GAP
        or train.values["accuracy"] <= wilson_interval(test.values["accuracy"], test.rows)[1]
    ):
        return []
    return [
        f"On the training rows, the network's accuracy is {format_percent(train.values['accuracy'])}, so the "
        f"network overfits. {advice}"
    ]


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def score_table(results: ScoreSet) -> tuple[list[str], list[list[str]]]:
    """Convert all scores to the header and the rows of a table.

    Args:
        results (ScoreSet): The scores of the run.

    Returns:
        tuple[list[str], list[list[str]]]: The header, and one row for each predictor and split.
    """
    metrics = list(results.network["test"].values)
    header = ["predictor", "split", "rows", *(METRIC_NAMES[metric] for metric in metrics)]
    scores = [
        ("test", results.network["test"]),
        ("test", results.linear),
        ("test", results.dummy),
        ("validation", results.network["validation"]),
        ("training", results.network["train"]),
    ]
    rows = [
        [score.name, part, f"{score.rows:,}"]
        + [
            format_metric(metric, score.values[metric]) if metric in score.values else ""
            for metric in metrics
        ]
        for part, score in scores
    ]
    return header, rows
