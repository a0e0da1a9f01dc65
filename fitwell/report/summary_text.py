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
_PART_NAMES = {"train": "training"}


@dataclass(frozen=True)
class ScoreSet:
    """The scores of a training run.

    Args:
        task (str): ``"regression"``, ``"binary"`` or ``"multiclass"``.
        target (str): The name of the target column.
        network (dict[str, Score]): The network's scores under the keys ``"train"``, ``"validation"`` and ``"test"``, or
            under ``"out-of-fold"`` and possibly ``"test"``.
        baselines (list[Score]): The scores of the other predictors on the rows of `part`. The first is the linear model
            and the last is a constant prediction.
        part (str): The part of the data on which the predictors are compared, ``"test"`` or ``"out-of-fold"``.
            Default: ``"test"``.
    """

    task: str
    target: str
    network: dict[str, Score]
    baselines: list[Score]
    part: str = "test"

    @property
    def compared(self) -> list[Score]:
        """The scores of the network and of the baselines on the same rows."""
        return [self.network[self.part], *self.baselines]

    @property
    def rows_phrase(self) -> str:
        """A phrase that says which rows the predictors are compared on."""
        rows = self.network[self.part].rows
        if self.part == "test":
            return f"On {rows:,} held-out test rows"
        return f"On {rows:,} rows, each predicted by networks that did not train on it"


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
    score = results.network[results.part]
    right = round(score.values["accuracy"] * score.rows)
    low, high = wilson_interval(score.values["accuracy"], score.rows)
    return [
        f"{results.rows_phrase}, the network's accuracy is "
        f"{format_percent(score.values['accuracy'])} ({right:,} rows are classified correctly, 95 % interval "
        f"{format_percent(low)} to {format_percent(high)}).",
        _list_baselines(results, "an accuracy", "accuracy"),
    ]


def _summarize_regression(results: ScoreSet) -> list[str]:
    score = results.network[results.part]
    explained = (
        f", and explains {format_percent(score.values['r2'])} of the variance"
        if score.values.get("r2", -1) > 0
        else ""
    )
    return [
        f"{results.rows_phrase}, the network predicts {results.target!r} with a mean absolute error of "
        f"{score.values['mae']:.4g} (RMSE {score.values['rmse']:.4g}){explained}.",
        _list_baselines(results, "an RMSE", "rmse"),
    ]


def _list_baselines(results: ScoreSet, noun: str, metric: str) -> str:
    phrases = [
        f"{score.name} has {noun} of {format_metric(metric, score.values[metric])}"
        for score in reversed(results.baselines)
    ]
    return f"{_capitalize(', '.join(phrases[:-1]))}, and {phrases[-1]}."


def _summarize_comparison(results: ScoreSet) -> str:
    """Say which predictor to use.

    A predictor is better than another one if the 95 % interval of the difference between their losses excludes 0. The
    losses are those of the same rows (see `compare_losses`). The rules are, in this order:

    * If the network is not better than the constant prediction, neither can be recommended.
    * If another predictor is better than the network, use the one with the lowest loss.
    * If the network is not better than the linear model, use the linear model, because it is simpler.
    * If the network is not better than gradient boosting, either can be used.
    * Otherwise, use the network.
    """
    network, *rivals, dummy = results.compared
    over_dummy = compare_losses(network, dummy)
    better = [rival for rival in rivals if compare_losses(rival, network).low > 0]
    if better:
        best = min(better, key=lambda rival: rival.loss)
        return (
            f"Use {best.name} instead of the network: it is significantly better "
            f"({_format_difference(results, best, network)})."
        )
    if over_dummy.low <= 0:
        return (
            f"This is not significantly better than {dummy.name}. Either the inputs contain little information about "
            f"{results.target!r}, or the network did not learn it."
        )
    equal = [rival for rival in rivals if compare_losses(network, rival).low <= 0]
    if not equal:
        closest = min(rivals, key=lambda rival: rival.loss)
        return (
            f"Use the network: it is significantly better than {' and '.join(rival.name for rival in rivals)} "
            f"(compared with {closest.name}, {_format_difference(results, network, closest)})."
        )
    if rivals[0] in equal:
        return (
            f"Use {rivals[0].name}, because it is simpler: the network is not significantly different from it "
            f"({_format_difference(results, network, rivals[0])})."
        )
    return (
        f"Use the network or {equal[0].name}: they are not significantly different "
        f"({_format_difference(results, network, equal[0])}). The network is significantly better than "
        f"{rivals[0].name}."
    )


def _format_difference(results: ScoreSet, better: Score, worse: Score) -> str:
    """Describe how much lower the loss of `better` is than that of `worse`, with the 95 % interval."""
    difference = compare_losses(better, worse)
    mean, low, high = difference.mean, difference.low, difference.high
    if results.task == "regression":
        unit = max(better.loss, worse.loss) or 1.0
        # An error cannot decrease by more than 100%, but a symmetric interval may exceed that.
        low, high = max(low / unit, -1.0), min(high / unit, 1.0)
        direction = "lower" if mean >= 0 else "higher"
        low, high = (low, high) if mean >= 0 else (-high, -low)
        return f"the squared error is {direction} by {abs(mean) / unit:.0%}, 95 % interval {low:.0%} to {high:.0%}"
    return f"{100 * mean:+.1f} percentage points, 95 % interval {100 * low:.1f} to {100 * high:.1f}"


def _summarize_gap(results: ScoreSet) -> list[str]:
    if "train" not in results.network:
        return []
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
    metrics = list(results.network[results.part].values)
    header = ["predictor", "split", "rows", *(METRIC_NAMES[metric] for metric in metrics)]
    scores = [(results.part, score) for score in results.compared]
    scores += [
        (_PART_NAMES.get(part, part), score)
        for part, score in reversed(results.network.items())
        if part != results.part
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
