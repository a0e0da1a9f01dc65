"""The contents of a run's report."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from fitwell.cli.contenders import Judgement
from fitwell.cli.learning import Learned
from fitwell.cli.network import Settings
from fitwell.cli.problems import Problem
from fitwell.data.target import ClassTarget
from fitwell.progress import format_seconds
from fitwell.report import Contents, Picture, score_table, tell
from fitwell.report.figures import confusion_matrix, learning_curve_panels, residuals, worst_images
from fitwell.report.words import percent

SHOWN_MISTAKES = 16


def compose(
    model: Any,
    problem: Problem,
    settings: Settings,
    learned: Learned,
    judgement: Judgement,
    command: str,
    made_with: dict[str, str],
) -> Contents:
    """Put together what the report says."""
    results, target = judgement.results, problem.target
    kind = {
        "regression": "regression",
        "binary": "binary classification",
        "multiclass": "classification",
    }[results.task]
    return Contents(
        title=problem.name,
        subtitle=f"Predicting {target.name!r}: {kind}. {datetime.now():%d %B %Y, %H:%M}.",
        warnings=_warnings(problem, learned),
        tiles=_tiles(judgement),
        sentences=tell(results),
        scores=score_table(results),
        pictures=[_curves(learned, target.task), *_test_pictures(problem, judgement)],
        network=_summary(model),
        settings=_settings(settings, learned),
        notes=problem.notes,
        columns=problem.preprocessor.describe(),
        command=command,
        origin=[("seed", str(settings.seed)), *made_with.items()],
        classes=_class_table(problem, judgement),
    )


def _warnings(problem: Problem, learned: Learned) -> list[str]:
    said = [note for note in problem.notes if note.startswith("Warning: ")]
    return [learned.story, *said] if learned.interrupted else said


def _tiles(judgement: Judgement) -> list[tuple[str, str]]:
    network, linear, guess = judgement.results.contenders
    if judgement.results.task == "regression":
        return [
            (f"{network.values['rmse']:.4g}", "test RMSE of the network"),
            (f"{linear.values['rmse']:.4g}", linear.name),
            (f"{guess.values['rmse']:.4g}", guess.name),
        ]
    return [
        (percent(network.values["accuracy"]), "test accuracy of the network"),
        (percent(linear.values["accuracy"]), linear.name),
        (percent(guess.values["accuracy"]), guess.name),
    ]


def _curves(learned: Learned, task: str) -> Picture:
    caption = (
        "A training value is the mean over an epoch, during which the weights improve; it is drawn half an epoch "
        "to the left of the validation value, which belongs to the epoch's end."
    )
    if task == "regression":
        caption += " Values are those of the standardised target."
    return Picture(
        "Learning curves",
        learning_curve_panels(learned.history, learned.best_epoch),
        "Training and validation curves, epoch by epoch",
        caption,
    )


def _test_pictures(problem: Problem, judgement: Judgement) -> list[Picture]:
    target, true = problem.target, problem.test.true
    if not isinstance(target, ClassTarget):
        return [
            Picture(
                "Predictions and errors on the test rows",
                residuals(true, judgement.said, target.name),
                "Predicted against true values, and a histogram of the errors",
            )
        ]
    predicted = judgement.said.argmax(axis=1)
    pictures = [
        Picture(
            "What is taken for what, on the test rows",
            [confusion_matrix(true, predicted, target.classes)],
            "Confusion matrix: true classes in rows, predicted ones in columns",
            "Rows are the true classes; the shade is the share of the row.",
            f"{min(9 + 3 * len(target.classes), 36)}rem",
        )
    ]
    if problem.image_shape is not None and (predicted != true).any():
        pictures.append(_mistakes(problem, judgement, predicted))
    return pictures


def _mistakes(problem: Problem, judgement: Judgement, predicted: Any) -> Picture:
    true = problem.test.true
    assert isinstance(problem.target, ClassTarget)
    classes = problem.target.classes
    wrong = np.flatnonzero(predicted != true)
    sure = judgement.said[wrong, predicted[wrong]]
    shown = wrong[np.argsort(-sure, kind="stable")][:SHOWN_MISTAKES]
    titles = [f"{classes[predicted[row]]}?\nis {classes[true[row]]}" for row in shown]
    return Picture(
        "Where it is surest and wrong",
        [worst_images(problem.test.x[shown], titles)],
        "Test images with the wrong answer and the true one",
        f"{len(shown)} of the {len(wrong):,} wrong answers, the most confident first.",
    )


def _class_table(problem: Problem, judgement: Judgement) -> tuple[list[str], list[list[str]]]:
    target, true = problem.target, problem.test.true
    if not isinstance(target, ClassTarget):
        return [], []
    predicted = judgement.said.argmax(axis=1)
    rows = []
    for number, label in enumerate(target.classes):
        is_it, said_so = true == number, predicted == number
        both = int((is_it & said_so).sum())
        precision = percent(both / said_so.sum()) if said_so.any() else "never answered"
        recall = percent(both / is_it.sum()) if is_it.any() else "none here"
        rows.append([str(label), f"{int(is_it.sum()):,}", recall, precision])
    return ["class", "rows", "found (recall)", "right when answered (precision)"], rows


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)


def _settings(settings: Settings, learned: Learned) -> list[tuple[str, str]]:
    rate = "the optimizer's own" if settings.learning_rate is None else f"{settings.learning_rate:g}"
    return [
        ("optimizer", settings.optimizer),
        ("learning rate", rate),
        ("batch size", str(settings.batch_size)),
        ("dropout", f"{settings.dropout:g}"),
        ("l2 penalty", f"{settings.l2:g}"),
        (
            "learning rate halved",
            f"after {max(settings.patience // 2, 1)} epochs without a better validation loss",
        ),
        ("stopped", f"after {settings.patience} such epochs"),
        ("training", learned.story),
        ("time", format_seconds(learned.seconds)),
    ]
