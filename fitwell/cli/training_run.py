"""Training and testing of a run's network, and creation of the model file, the report and the run's other files."""

from __future__ import annotations

import contextlib
import json
import shlex
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fitwell._data.preprocessor_io import save_preprocessor
from fitwell._file_io import atomic_write
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli.baselines import Evaluation, evaluate
from fitwell.cli.console import stdout_console
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.environment import describe_environment
from fitwell.cli.exit_codes import EXIT_INTERRUPTED
from fitwell.cli.model_training import TrainResult, train_model
from fitwell.cli.network_builder import TrainOptions
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.resume import CHECKPOINT_DIR, delete_checkpoints
from fitwell.cli.run_dir import MODEL_FILE, PREPROCESSING_FILE
from fitwell.cli.run_report import build_report
from fitwell.errors import DataError
from fitwell.report import render, summarize
from fitwell.report.figures import plot_learning_curves

__all__ = ["train_and_report"]


@dataclass(frozen=True)
class _Run:
    """A trained and tested network with everything that its report needs."""

    model: Any
    prepared: PreparedData
    settings: TrainOptions
    train_result: TrainResult
    evaluation: Evaluation
    command: str


def train_and_report(
    folder: Path, model: Any, prepared: PreparedData, settings: TrainOptions, options: Namespace
) -> int:
    """Train and test `model`, write the results to `folder`, and return the exit code.

    The folder must already contain the run's saved arguments.
    """
    say = stdout_console().print
    try:
        say(_describe_network(model, prepared, settings))
        train_result = train_model(model, prepared, settings, options.quiet, folder / CHECKPOINT_DIR)
        say(f"{train_result.outcome} ({format_seconds(train_result.seconds)})")
        if not train_result.history.epoch:
            delete_checkpoints(folder)
            return EXIT_INTERRUPTED
        # Save the model first, so that it is kept even if a later step fails.
        model.save(folder / MODEL_FILE)
        save_preprocessor(prepared.preprocessor, folder / PREPROCESSING_FILE)
        atomic_write(folder / "history.csv", _history_csv(train_result.history))
        curves = plot_learning_curves(train_result.history, train_result.best_epoch)
        atomic_write(folder / "learning_curves.png", curves)
        say("Testing the network and comparing it with a linear model…")
        evaluation = evaluate(model, prepared)
        _write_report(
            folder, _Run(model, prepared, settings, train_result, evaluation, _command_line(options))
        )
        say()
        for sentence in summarize(evaluation.results):
            say(sentence)
        say()
        say(f"Report: {folder / 'report.html'}")
        if train_result.interrupted:
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
    return EXIT_INTERRUPTED if train_result.interrupted else 0


def _describe_network(model: Any, prepared: PreparedData, settings: TrainOptions) -> str:
    inputs = int(np.prod(prepared.train.x.shape[1:]))
    outputs = int(model.output_shape[-1])
    sizes = " - ".join(map(str, (inputs, *settings.hidden, outputs)))
    extras = [settings.activation, settings.optimizer, f"batches of {settings.batch_size}"]
    extras += ["batch normalization"] if settings.batch_norm else []
    extras += [f"dropout {settings.dropout:g}"] if settings.dropout else []
    extras += [f"l2 {settings.l2:g}"] if settings.l2 else []
    return (
        f"Training a network of {sizes} units with {model.count_params():,} parameters ({', '.join(extras)})."
    )


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


def _write_report(folder: Path, run: _Run) -> None:
    """Write ``run.json`` and ``report.html``."""
    environment = describe_environment()
    results, trained = run.evaluation.results, run.train_result
    scores = {
        **{f"network, {part}": score.values for part, score in results.network.items()},
        "linear model, test": results.linear.values,
        "guess, test": results.dummy.values,
    }
    record = {
        "fitwell": "run",
        "command": run.command,
        "task": results.task,
        "target": results.target,
        "settings": vars(run.settings) | {"hidden": list(run.settings.hidden)},
        "epochs_done": len(trained.history.epoch),
        "best_epoch": None if trained.best_epoch is None else trained.best_epoch + 1,
        "interrupted": trained.interrupted,
        "seconds": round(trained.seconds, 3),
        "scores": scores,
        "conclusions": summarize(results),
        "data": run.prepared.notes,
        "origin": environment,
    }
    atomic_write(folder / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    contents = build_report(
        run.model, run.prepared, run.settings, trained, run.evaluation, run.command, environment
    )
    atomic_write(folder / "report.html", render(contents))
