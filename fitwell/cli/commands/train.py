"""``fitwell train``: data in, a folder with a tested model and its report out."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from fitwell._data.preprocessor_io import save_preprocessor
from fitwell._escaping import escape_formula
from fitwell._file_io import atomic_write
from fitwell._history import History
from fitwell._progress import format_seconds
from fitwell.cli import EXIT_INTERRUPTED, resume
from fitwell.cli.baselines import Evaluation, evaluate
from fitwell.cli.console import stdout_console
from fitwell.cli.datasets import DataOptions, PreparedData, load_data
from fitwell.cli.environment import describe_environment
from fitwell.cli.model_training import TrainResult, train_model
from fitwell.cli.network_builder import TrainOptions, build_network
from fitwell.cli.run_dir import make_run_folder
from fitwell.cli.run_report import build_report
from fitwell.errors import DataError
from fitwell.report import render, summarize
from fitwell.report.figures import plot_learning_curves

MODEL_FILE = "model.keras"
PREPROCESSING_FILE = "preprocessing.json"


def train(options: Namespace) -> int:
    """Carry out the command; returns the exit code."""
    from fitwell.utils import set_random_seed

    say = stdout_console().print
    begun = None
    if options.resume is not None:
        options, begun = resume.load_arguments(options)
    prepared = load_data(options.data, DataOptions.from_namespace(options))
    settings = TrainOptions.with_defaults(options, prepared)
    set_random_seed(settings.seed)
    model = build_network(prepared, settings)
    folder = begun or make_run_folder(prepared.name, options.output)
    if begun is None:
        resume.save_arguments(folder, options.arguments)
    for note in prepared.notes:
        say(note)
    return train_and_report(folder, model, prepared, settings, options)


def train_and_report(
    folder: Path, model: Any, prepared: PreparedData, settings: TrainOptions, options: Namespace
) -> int:
    """Train `model`, test it, and leave everything about it in `folder`, where a run has begun."""
    say = stdout_console().print
    try:
        say(_describe_network(model, prepared, settings))
        train_result = train_model(model, prepared, settings, options.quiet, folder / resume.CHECKPOINT_DIR)
        say(f"{train_result.outcome} ({format_seconds(train_result.seconds)})")
        if not train_result.history.epoch:
            resume.delete_checkpoints(folder)
            return EXIT_INTERRUPTED
        # The model first: whatever happens from here on, what was learned is on the disk.
        model.save(folder / MODEL_FILE)
        save_preprocessor(prepared.preprocessor, folder / PREPROCESSING_FILE)
        atomic_write(folder / "history.csv", _history_csv(train_result.history))
        atomic_write(
            folder / "learning_curves.png",
            plot_learning_curves(train_result.history, train_result.best_epoch),
        )
        say("Testing, and comparing with a linear model…")
        evaluation = evaluate(model, prepared)
        _write_report(folder, model, prepared, settings, train_result, evaluation, _command_line(options))
        say()
        for sentence in summarize(evaluation.results):
            say(sentence)
        say()
        say(f"Report: {folder / 'report.html'}")
        if train_result.interrupted:
            say(f"Go on: fitwell train --resume {shlex.quote(str(folder))}")
        else:
            resume.delete_checkpoints(folder)
        say(f"Predict: fitwell predict {shlex.quote(str(folder))} new.csv -o predictions.csv")
    except DataError:
        resume.delete_checkpoints(folder)
        raise
    finally:
        # A run that came to nothing leaves nothing behind.
        with contextlib.suppress(OSError):
            folder.rmdir()
    return EXIT_INTERRUPTED if train_result.interrupted else 0


def _describe_network(model: Any, prepared: PreparedData, settings: TrainOptions) -> str:
    inputs = int(np.prod(prepared.train.x.shape[1:]))
    outputs = int(model.output_shape[-1])
    sizes = " - ".join(map(str, (inputs, *settings.hidden, outputs)))
    extras = [settings.activation, settings.optimizer, f"batches of {settings.batch_size}"]
    extras += ["batch normalisation"] if settings.batch_norm else []
    extras += [f"dropout {settings.dropout:g}"] if settings.dropout else []
    extras += [f"l2 {settings.l2:g}"] if settings.l2 else []
    return f"Training a network of {sizes} units, {model.count_params():,} parameters ({', '.join(extras)})."


def _command_line(options: Namespace) -> str:
    words = ["fitwell", *options.arguments]
    if not any(word == "--seed" or word.startswith("--seed=") for word in words):
        words += ["--seed", str(options.seed)]
    return shlex.join(words)


def _history_csv(history: History) -> str:
    names = list(history.history)
    frame = history.to_frame()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["epoch", *map(escape_formula, names)])
    for epoch, row in zip(history.epoch, frame.itertuples(index=False)):
        writer.writerow([epoch + 1, *("" if np.isnan(value) else repr(float(value)) for value in row)])
    return buffer.getvalue()


def _write_report(
    folder: Path,
    model: Any,
    prepared: PreparedData,
    settings: TrainOptions,
    train_result: TrainResult,
    evaluation: Evaluation,
    command: str,
) -> None:
    made_with = describe_environment()
    results = evaluation.results
    scores = {
        **{f"network, {part}": score.values for part, score in results.network.items()},
        "linear model, test": results.linear.values,
        "guess, test": results.dummy.values,
    }
    record = {
        "fitwell": "run",
        "command": command,
        "task": results.task,
        "target": results.target,
        "settings": vars(settings) | {"hidden": list(settings.hidden)},
        "epochs_done": len(train_result.history.epoch),
        "best_epoch": None if train_result.best_epoch is None else train_result.best_epoch + 1,
        "interrupted": train_result.interrupted,
        "seconds": round(train_result.seconds, 3),
        "scores": scores,
        "conclusions": summarize(results),
        "data": prepared.notes,
        "origin": made_with,
    }
    atomic_write(folder / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    page = build_report(model, prepared, settings, train_result, evaluation, command, made_with)
    atomic_write(folder / "report.html", render(page))
