"""The contents of a run's report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from fitwell._data.target import ClassTarget, Target
from fitwell._data.text_format import pluralize
from fitwell.cli.baselines import Evaluation, score_predictions
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.training_job import TrainingJob, TrainResult
from fitwell.report import Contents, HtmlFigure, score_table, summarize
from fitwell.report.calibration import calibration_bins, expected_calibration_error
from fitwell.report.figures import (
    plot_calibration,
    plot_confusion_matrix,
    plot_importance,
    plot_learning_curve_panels,
    plot_residuals,
    plot_worst_images,
)
from fitwell.report.scores import METRIC_NAMES
from fitwell.report.summary_text import format_metric, format_percent

__all__ = ["build_report"]

MAX_SHOWN_ERRORS = 16
MAX_SHOWN_COLUMNS = 20


def build_report(
    job: TrainingJob,
    train_result: TrainResult,
    evaluation: Evaluation,
    command: str,
    environment: dict[str, str],
) -> Contents:
    """Collect the contents of a run's report."""
    prepared = job.prepared
    results, target = evaluation.results, prepared.target
    kind = {
        "regression": "regression",
        "binary": "binary classification",
        "multiclass": "classification",
    }[results.task]
    return Contents(
        title=prepared.name,
        subtitle=f"Predicting {target.name!r}: {kind}. {datetime.now():%d %B %Y, %H:%M}.",
        warnings=_warnings(prepared, train_result),
        tiles=_stat_cards(evaluation),
        sentences=summarize(results),
        scores=score_table(results),
        pictures=[
            *_importance_figures(evaluation),
            _learning_curves(train_result, evaluation),
            *_test_figures(prepared, evaluation),
            *_calibration_figures(target, evaluation),
        ],
        network=_summary(train_result.model),
        settings=job.describe_settings(train_result),
        notes=prepared.notes,
        columns=prepared.preprocessor.describe(),
        command=command,
        origin=[("seed", str(job.settings["seed"])), *environment.items()],
        folds=_fold_table(target, evaluation),
        classes=_class_table(prepared, evaluation),
    )


def _warnings(prepared: PreparedData, train_result: TrainResult) -> list[str]:
    """Return the warnings, preceded by the training outcome if training was interrupted."""
    warnings = [note for note in prepared.notes if note.startswith("Warning: ")]
    return [train_result.outcome, *warnings] if train_result.interrupted else warnings


def _stat_cards(evaluation: Evaluation) -> list[tuple[str, str]]:
    results = evaluation.results
    network, *baselines = results.compared
    metric, noun = ("rmse", "RMSE") if results.task == "regression" else ("accuracy", "accuracy")
    scores = [(f"{results.part} {noun} of the network", network)]
    scores += [(baseline.name, baseline) for baseline in baselines]
    return [(format_metric(metric, score.values[metric]), label) for label, score in scores]


def _learning_curves(train_result: TrainResult, evaluation: Evaluation) -> HtmlFigure:
    caption = (
        "A training value is the mean over an epoch, during which the weights change. It is therefore plotted half an "
        "epoch before the validation value, which is computed at the end of the epoch."
    )
    if evaluation.folds is not None:
        caption += " The curves are means over the networks of one kind, until the first of them stops."
    if evaluation.results.task == "regression":
        caption += " Values refer to the standardized target."
    return HtmlFigure(
        "Learning curves",
        plot_learning_curve_panels(train_result.history, train_result.best_epoch),
        "Training and validation curves, epoch by epoch",
        caption,
    )


def _test_figures(prepared: PreparedData, evaluation: Evaluation) -> list[HtmlFigure]:
    target, true, part = prepared.target, evaluation.true, evaluation.results.part
    rows = "test rows" if part == "test" else "training rows (out-of-fold predictions)"
    if not isinstance(target, ClassTarget):
        return [
            HtmlFigure(
                f"Predictions and errors on the {rows}",
                plot_residuals(true, evaluation.predictions, target.name),
                "Predicted against true values, and a histogram of the errors",
            )
        ]
    predicted = evaluation.predictions.argmax(axis=1)
    figures = [
        HtmlFigure(
            f"Confusion matrix of the {rows}",
            [plot_confusion_matrix(true, predicted, target.classes)],
            "Confusion matrix: true classes in rows, predicted classes in columns",
            "Rows are the true classes. The shade shows what fraction of the true class is in each cell.",
            f"{min(9 + 3 * len(target.classes), 36)}rem",
        )
    ]
    if prepared.image_shape is not None and (predicted != true).any():
        figures.append(_error_images(prepared, evaluation, predicted))
    return figures


def _importance_figures(evaluation: Evaluation) -> list[HtmlFigure]:
    if not evaluation.importance:
        return []
    shown = evaluation.importance[:MAX_SHOWN_COLUMNS]
    unit = (
        "increase of the squared error (1 is the variance of the target)"
        if evaluation.results.task == "regression"
        else "increase of the log loss"
    )
    rest = len(evaluation.importance) - len(shown)
    return [
        HtmlFigure(
            "Importance of the columns",
            [plot_importance(shown, unit)],
            "Bars with the importance of each column",
            "How much the error grows if the values of a column are shuffled among the rows, with 95 % intervals. The "
            "networks did not train on these rows. Columns with the same information share their importance."
            + (f" {pluralize(rest, 'less important column')} not shown." if rest else ""),
        )
    ]


def _calibration_figures(target: Target, evaluation: Evaluation) -> list[HtmlFigure]:
    if not isinstance(target, ClassTarget):
        return []
    bins = calibration_bins(evaluation.true, evaluation.predictions)
    error = expected_calibration_error(bins)
    return [
        HtmlFigure(
            "Calibration",
            [plot_calibration(evaluation.true, evaluation.predictions)],
            "Share of correct rows against the probability of the predicted class",
            f"Rows with similar probabilities are grouped. The expected calibration error is {format_percent(error)}: "
            "on average, the probability of the predicted class differs by this much from the share of correct rows.",
            "26rem",
        )
    ]


def _fold_table(target: Target, evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    if evaluation.folds is None:
        return [], []
    metrics = list(evaluation.results.compared[0].values)
    rows = []
    for fold in np.unique(evaluation.folds):
        chosen = evaluation.folds == fold
        score = score_predictions(target, "", evaluation.true[chosen], evaluation.predictions[chosen])
        values = [format_metric(name, score.values[name]) if name in score.values else "" for name in metrics]
        rows.append([str(fold + 1), f"{score.rows:,}", *values])
    return ["fold", "rows", *(METRIC_NAMES[name] for name in metrics)], rows


def _error_images(prepared: PreparedData, evaluation: Evaluation, predicted: Any) -> HtmlFigure:
    true = evaluation.true
    assert isinstance(prepared.target, ClassTarget)
    classes = prepared.target.classes
    wrong = np.flatnonzero(predicted != true)
    confidence = evaluation.predictions[wrong, predicted[wrong]]
    shown = wrong[np.argsort(-confidence, kind="stable")][:MAX_SHOWN_ERRORS]
    titles = [f"{classes[predicted[row]]}?\nis {classes[true[row]]}" for row in shown]
    return HtmlFigure(
        "Most confident errors",
        [plot_worst_images(prepared.test.x[shown], titles)],
        "Test images with the predicted and the true class",
        f"Errors shown: {len(shown)} of {len(wrong):,}, sorted from most to least confident.",
    )


def _class_table(prepared: PreparedData, evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    target, true = prepared.target, evaluation.true
    if not isinstance(target, ClassTarget):
        return [], []
    predicted = evaluation.predictions.argmax(axis=1)
    rows = []
    for number, label in enumerate(target.classes):
        is_true, is_predicted = true == number, predicted == number
        hits = int((is_true & is_predicted).sum())
        precision = format_percent(hits / is_predicted.sum()) if is_predicted.any() else "never predicted"
        recall = format_percent(hits / is_true.sum()) if is_true.any() else "no rows"
        rows.append([str(label), f"{int(is_true.sum()):,}", recall, precision])
    return ["class", "rows", "recall", "precision"], rows


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)
