"""The result of a run in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from fitwell.report.scores import METRIC_NAMES, Score, compare_losses, is_significantly_above, wilson_interval

# A gap between training and test of this many points of accuracy is worth a word.
MIN_REPORTED_GAP = 0.03


@dataclass(frozen=True)
class ScoreSet:
    """The scores of a run.

    network: of the network, by part: ``train``, ``validation``, ``test``.
    linear, guess: on the test rows, of a linear model and of a predictor that ignores its inputs.
    """

    task: str
    target: str
    network: dict[str, Score]
    linear: Score
    dummy: Score

    @property
    def test_scores(self) -> list[Score]:
        """Everybody's score on the test rows, the network first."""
        return [self.network["test"], self.linear, self.dummy]


def summarize(results: ScoreSet) -> list[str]:
    """Return sentences: how good the network is, how good simpler ways are, and what follows from that."""
    if results.task == "regression":
        sentences = _summarize_regression(results)
    else:
        sentences = _summarize_classification(results)
    return [*sentences, _summarize_comparison(results), *_summarize_gap(results)]


def format_percent(share: float) -> str:
    """Return a share in percent; more digits where it nears the ends.

    >>> percent(0.9721), percent(0.9996), percent(1.0)
    ('97.2 %', '99.96 %', '100 %')
    """
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    return f"{100 * share:.1f} %" if 0.001 < share < 0.999 else f"{100 * share:.2f} %"


def format_metric(name: str, value: float) -> str:
    """Return a metric's value as people write it."""
    return format_percent(value) if name == "accuracy" else f"{value:.4g}"


def _summarize_classification(results: ScoreSet) -> list[str]:
    test = results.network["test"]
    right = round(test.values["accuracy"] * test.rows)
    low, high = wilson_interval(test.values["accuracy"], test.rows)
    return [
        f"On {test.rows:,} test rows that it never saw, the network is right in "
        f"{format_percent(test.values['accuracy'])} ({right:,} rows; 95 % interval {format_percent(low)} to {format_percent(high)}).",
        f"{_capitalize(results.dummy.name)} is right in {format_percent(results.dummy.values['accuracy'])}, "
        f"{results.linear.name} in {format_percent(results.linear.values['accuracy'])}.",
    ]


def _summarize_regression(results: ScoreSet) -> list[str]:
    test = results.network["test"]
    explained = (
        f", and explains {format_percent(test.values['r2'])} of the variance"
        if test.values.get("r2", -1) > 0
        else ""
    )
    return [
        f"On {test.rows:,} test rows that it never saw, the network's {results.target!r} is off by "
        f"{test.values['mae']:.4g} on average (RMSE {test.values['rmse']:.4g}){explained}.",
        f"{_capitalize(results.dummy.name)} has RMSE {results.dummy.values['rmse']:.4g}, "
        f"{results.linear.name} {results.linear.values['rmse']:.4g}.",
    ]


def _summarize_comparison(results: ScoreSet) -> str:
    network, linear, guess = results.test_scores
    against_guess = compare_losses(network, guess)
    if not against_guess.is_significant or against_guess.mean <= 0:
        return (
            f"That is not clearly better than {guess.name}: on this evidence the inputs say little about "
            f"{results.target!r}, or the network did not learn it."
        )
    against = compare_losses(network, linear)
    if not against.is_significant:
        return (
            f"Whether the network is better than {linear.name}, these rows cannot tell "
            f"({_format_interval(results, against.mean, against.low, against.high)}): the simpler model may do."
        )
    if against.mean > 0:
        return (
            f"The network is better than {linear.name} by more than chance explains "
            f"({_format_interval(results, against.mean, against.low, against.high)})."
        )
    return (
        f"{_capitalize(linear.name)} is better than the network by more than chance explains "
        f"({_format_interval(results, -against.mean, -against.high, -against.low)}): prefer it, or give the network "
        "more data."
    )


def _format_interval(results: ScoreSet, mean: float, low: float, high: float) -> str:
    if results.task == "regression":
        unit = max(results.linear.loss, results.network["test"].loss) or 1.0
        # Nothing is lower by more than all of it, whatever a symmetric interval says.
        low, high = max(low / unit, -1.0), min(high / unit, 1.0)
        return f"squared error lower by {mean / unit:.0%}, 95 % interval {low:.0%} to {high:.0%}"
    return f"{100 * mean:+.1f} points, 95 % interval {100 * low:.1f} to {100 * high:.1f}"


def _summarize_gap(results: ScoreSet) -> list[str]:
    train, test = results.network["train"], results.network["test"]
    advice = "more data, --dropout or --l2 may close the gap."
    if results.task == "regression":
        ratio = test.values["rmse"] / train.values["rmse"] if train.values["rmse"] > 0 else float("inf")
        if ratio < 1.2 or not is_significantly_above(test, train):
            return []
        return [
            f"The network's RMSE on the training rows is {train.values['rmse']:.4g}: it has partly learned them by "
            f"heart; {advice}"
        ]
    gap = train.values["accuracy"] - test.values["accuracy"]
    if (
        gap < MIN_REPORTED_GAP
        or train.values["accuracy"] <= wilson_interval(test.values["accuracy"], test.rows)[1]
    ):
        return []
    return [
        f"On its training rows the network is right in {format_percent(train.values['accuracy'])}: it has partly learned "
        f"them by heart; {advice}"
    ]


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def score_table(results: ScoreSet) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table of all scores."""
    metrics = list(results.network["test"].values)
    header = ["who", "part", "rows", *(METRIC_NAMES[metric] for metric in metrics)]
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
