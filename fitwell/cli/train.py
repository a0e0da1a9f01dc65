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

from fitwell.cli import INTERRUPTED, unfinished
from fitwell.cli.console import output
from fitwell.cli.contenders import Judgement, judge
from fitwell.cli.folder import make_run_folder
from fitwell.cli.learning import Learned, learn
from fitwell.cli.network import Settings, build_network
from fitwell.cli.origin import origin
from fitwell.cli.problems import Problem, Wishes, load_problem
from fitwell.cli.reporting import compose
from fitwell.data.preprocessor_io import save_preprocessor
from fitwell.errors import DataError
from fitwell.history import History
from fitwell.paths import write_whole
from fitwell.printable import as_cell
from fitwell.progress import format_seconds
from fitwell.report import render, tell
from fitwell.report.figures import learning_curves

MODEL_FILE = "model.keras"
PREPARATION_FILE = "preprocessing.json"


def train(options: Namespace) -> int:
    """Carry out the command; returns the exit code."""
    from fitwell.utils import set_random_seed

    say = output().print
    begun = None
    if options.resume is not None:
        options, begun = unfinished.resumed(options)
    problem = load_problem(options.data, Wishes.of(options))
    settings = Settings.decide(options, problem)
    set_random_seed(settings.seed)
    model = build_network(problem, settings)
    folder = begun or make_run_folder(problem.name, options.output)
    if begun is None:
        unfinished.begin(folder, options.arguments)
    for note in problem.notes:
        say(note)
    return train_into(folder, model, problem, settings, options)


def train_into(folder: Path, model: Any, problem: Problem, settings: Settings, options: Namespace) -> int:
    """Train `model`, test it, and leave everything about it in `folder`, where a run has begun."""
    say = output().print
    try:
        say(_network_sentence(model, problem, settings))
        learned = learn(model, problem, settings, options.quiet, folder / unfinished.CHECKPOINTS)
        say(f"{learned.story} ({format_seconds(learned.seconds)})")
        if not learned.history.epoch:
            unfinished.end(folder)
            return INTERRUPTED
        # The model first: whatever happens from here on, what was learned is on the disk.
        model.save(folder / MODEL_FILE)
        save_preprocessor(problem.preprocessor, folder / PREPARATION_FILE)
        write_whole(folder / "history.csv", _history_csv(learned.history))
        write_whole(folder / "learning_curves.png", learning_curves(learned.history, learned.best_epoch))
        say("Testing, and comparing with a linear model…")
        judgement = judge(model, problem)
        _write_records(folder, model, problem, settings, learned, judgement, _command(options))
        say()
        for sentence in tell(judgement.results):
            say(sentence)
        say()
        say(f"Report: {folder / 'report.html'}")
        if learned.interrupted:
            say(f"Go on: fitwell train --resume {shlex.quote(str(folder))}")
        else:
            unfinished.end(folder)
        say(f"Predict: fitwell predict {shlex.quote(str(folder))} new.csv -o predictions.csv")
    except DataError:
        unfinished.end(folder)
        raise
    finally:
        # A run that came to nothing leaves nothing behind.
        with contextlib.suppress(OSError):
            folder.rmdir()
    return INTERRUPTED if learned.interrupted else 0


def _network_sentence(model: Any, problem: Problem, settings: Settings) -> str:
    inputs = int(np.prod(problem.train.x.shape[1:]))
    outputs = int(model.output_shape[-1])
    sizes = " - ".join(map(str, (inputs, *settings.hidden, outputs)))
    extras = [settings.activation, settings.optimizer, f"batches of {settings.batch_size}"]
    extras += ["batch normalisation"] if settings.batch_norm else []
    extras += [f"dropout {settings.dropout:g}"] if settings.dropout else []
    extras += [f"l2 {settings.l2:g}"] if settings.l2 else []
    return f"Training a network of {sizes} units, {model.count_params():,} parameters ({', '.join(extras)})."


def _command(options: Namespace) -> str:
    words = ["fitwell", *options.arguments]
    if not any(word == "--seed" or word.startswith("--seed=") for word in words):
        words += ["--seed", str(options.seed)]
    return shlex.join(words)


def _history_csv(history: History) -> str:
    names = list(history.history)
    frame = history.to_frame()
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["epoch", *map(as_cell, names)])
    for epoch, row in zip(history.epoch, frame.itertuples(index=False)):
        writer.writerow([epoch + 1, *("" if np.isnan(value) else repr(float(value)) for value in row)])
    return buffer.getvalue()


def _write_records(
    folder: Path,
    model: Any,
    problem: Problem,
    settings: Settings,
    learned: Learned,
    judgement: Judgement,
    command: str,
) -> None:
    made_with = origin()
    results = judgement.results
    scores = {
        **{f"network, {part}": score.values for part, score in results.network.items()},
        "linear model, test": results.linear.values,
        "guess, test": results.guess.values,
    }
    record = {
        "fitwell": "run",
        "command": command,
        "task": results.task,
        "target": results.target,
        "settings": vars(settings) | {"hidden": list(settings.hidden)},
        "epochs_done": len(learned.history.epoch),
        "best_epoch": None if learned.best_epoch is None else learned.best_epoch + 1,
        "interrupted": learned.interrupted,
        "seconds": round(learned.seconds, 3),
        "scores": scores,
        "conclusions": tell(results),
        "data": problem.notes,
        "origin": made_with,
    }
    write_whole(folder / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    page = compose(model, problem, settings, learned, judgement, command, made_with)
    write_whole(folder / "report.html", render(page))
