"""Training and scoring of a run's network, and creation of the model file, the report and the run's other files."""

from __future__ import annotations

import contextlib
import json
import shlex
from argparse import Namespace
from pathlib import Path

from fitwell._data.preprocessor_io import save_preprocessor
from fitwell._file_io import atomic_write
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli.baselines import Evaluation
from fitwell.cli.console import stdout_console
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.environment import describe_environment
from fitwell.cli.exit_codes import EXIT_INTERRUPTED
from fitwell.cli.resume import CHECKPOINT_DIR, delete_checkpoints
from fitwell.cli.run_dir import MODEL_FILE, PREPROCESSING_FILE
from fitwell.cli.run_report import build_report
from fitwell.cli.training_job import TrainingJob, TrainResult
from fitwell.errors import DataError
from fitwell.report import render, summarize
from fitwell.report.figures import plot_learning_curves

__all__ = ["train_and_report"]


def train_and_report(folder: Path, job: TrainingJob, options: Namespace) -> int:
    """Train and score a network, write the results to `folder`, and return the exit code.

    The folder must already contain the run's saved arguments.
    """
    say = stdout_console().print
    try:
        say(job.describe())
        result = job.train(options.quiet, folder / CHECKPOINT_DIR)
        say(f"{result.outcome} ({format_seconds(result.seconds)})")
        if result.model is None:
            delete_checkpoints(folder)
            return EXIT_INTERRUPTED
        # Save the model first, so that it is kept even if a later step fails.
        result.model.save(folder / MODEL_FILE)
        save_preprocessor(job.prepared.preprocessor, folder / PREPROCESSING_FILE)
        job.write_predictions(folder)
        atomic_write(folder / "history.csv", _history_csv(result.history))
        curves = plot_learning_curves(result.history, result.best_epoch)
        atomic_write(folder / "learning_curves.png", curves)
        say("Scoring the network and comparing it with simpler models…")
        evaluation = job.evaluate()
        _write_report(folder, job, result, evaluation, _command_line(options))
        say()
        for sentence in summarize(evaluation.results):
            say(sentence)
        say()
        say(f"Report: {folder / 'report.html'}")
        if result.interrupted:
            say(f"Resume: fitwell train --resume {shlex.quote(str(folder))}")
        else:
            delete_checkpoints(folder)
        say(f"Predict: fitwell predict {shlex.quote(str(folder))} new.csv -o predictions.csv")
    except DataError:
        delete_checkpoints(folder)
        raise
    finally:
        # Remove the folder if it is empty.
        with contextlib.suppress(OSError):
            folder.rmdir()
    return EXIT_INTERRUPTED if result.interrupted else 0


def _command_line(options: Namespace) -> str:
    """Return the command that repeats the run, including its seed."""
    words = ["fitwell", *options.arguments]
    if not any(word == "--seed" or word.startswith("--seed=") for word in words):
        words += ["--seed", str(options.seed)]
    return shlex.join(words)


def _history_csv(history: History) -> str:
    """Convert the history to CSV with 1-based epochs."""
    frame = history.to_frame().astype(float)
    frame.index += 1
    return to_safe_csv(frame, index=True)


def _write_report(
    folder: Path, job: TrainingJob, result: TrainResult, evaluation: Evaluation, command: str
) -> None:
    """Write ``run.json`` and ``report.html``."""
    environment = describe_environment()
    results = evaluation.results
    scores = {f"network, {part}": score.values for part, score in results.network.items()}
    names = ["linear model", *(score.name for score in results.baselines[1:-1]), "guess"]
    scores |= {
        f"{name}, {results.part}": score.values for name, score in zip(names, results.baselines, strict=True)
    }
    record = {
        "fitwell": "run",
        "command": command,
        "task": results.task,
        "target": results.target,
        "settings": job.settings,
        "epochs_done": len(result.history.epoch),
        "best_epoch": None if result.best_epoch is None else result.best_epoch + 1,
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "scores": scores,
        "importance": {
            column.name: {"mean": column.mean, "low": column.low, "high": column.high}
            for column in evaluation.importance
        },
        "conclusions": summarize(results),
        "data": job.prepared.notes,
        "origin": environment,
    }
    atomic_write(folder / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    atomic_write(folder / "report.html", render(build_report(job, result, evaluation, command, environment)))
