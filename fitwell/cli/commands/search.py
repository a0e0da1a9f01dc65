"""``fitwell search``: many networks on the validation rows, and the best one as `fitwell train` leaves it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwell import _html
from fitwell._data.text_format import pluralize
from fitwell._file_io import atomic_write
from fitwell.cli import EXIT_INTERRUPTED, resume
from fitwell.cli.commands.train import train_and_report
from fitwell.cli.console import stdout_console
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.datasets import DataOptions, load_data
from fitwell.cli.network_builder import TrainOptions, build_network, loss_for
from fitwell.cli.run_dir import make_run_folder
from fitwell.errors import FitwellError, InvalidArgument, StateError

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_MINUTES = 5.0
STORAGE_FILE = "search.db"
# Few widths: networks of one structure share what is compiled, and twice as many units is a step worth trying.
HIDDEN = [(16,), (64,), (256,), (16, 16), (64, 64), (256, 128), (64, 64, 64)]


def search(options: Namespace) -> int:
    """Carry out the command; returns the exit code."""
    from fitwell import callbacks, tuner
    from fitwell.tuner.study import StudyMismatchError
    from fitwell.utils import set_random_seed

    say = stdout_console().print
    prepared = load_data(options.data, DataOptions.from_namespace(options))
    base = TrainOptions.with_defaults(_default_options(options), prepared)
    folder = make_run_folder(prepared.name, options.output)
    run = None
    try:
        for note in prepared.notes:
            say(note)
        run = tuner.Search(
            lambda setting: build_network(prepared, _apply_setting(base, setting), measure_loss=True),
            _search_space(),
            (prepared.train.x, prepared.train.y),
            validation_data=(prepared.validation.x, prepared.validation.y),
            # The loss of a network with a penalty contains it, which would make all of them look bad.
            objective=f"val_{loss_for(prepared)}",
            trials=options.trials,
            minutes=DEFAULT_MINUTES
            if options.minutes is None and options.trials is None
            else options.minutes,
            sampler=_check_sampler(options.sampler),
            epochs=base.epochs,
            batch_size=base.batch_size,
            callbacks=[
                callbacks.EarlyStopping(patience=base.patience),
                callbacks.ReduceLROnPlateau(factor=0.5, patience=max(base.patience // 2, 1)),
            ],
            storage=folder / STORAGE_FILE if options.storage is None else options.storage,
            name=prepared.name,
            first=[_default_setting(base)],
            seed=options.seed,
            verbose=0 if options.quiet else 1,
        )
        interrupted = False
        try:
            run.run()
        except KeyboardInterrupt:
            interrupted = True
        trials = run.result.trials
        if not trials["state"].eq("complete").any():
            return EXIT_INTERRUPTED if interrupted else _raise_no_trial()
        best = _write_trials(run.result, trials, folder, interrupted)
        settings = _apply_setting(base, best)
        training = _train_namespace(options, settings)
        resume.save_arguments(folder, training.arguments)
        set_random_seed(settings.seed)
        code = train_and_report(folder, build_network(prepared, settings), prepared, settings, training)
        return EXIT_INTERRUPTED if interrupted else code
    except StudyMismatchError as error:
        raise InvalidArgument(f"{error.what}. Give another file with --storage") from None
    finally:
        # A search that came to nothing leaves nothing behind.
        if run is None or not _has_complete_trial(run):
            for left in folder.glob(f"{STORAGE_FILE}*"):
                left.unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


def _has_complete_trial(run: Any) -> bool:
    """Return whether a trial was trained to its end, as far as can be told."""
    try:
        return bool(run.result.best_params)
    except StateError:
        return False
    except FitwellError:
        return True  # what cannot be read now may hold trials


def _search_space() -> dict[str, Any]:
    from fitwell.tuner import Boolean, Choice, Float

    return {
        "hidden": Choice(HIDDEN),
        "activation": Choice(["elu", "relu", "tanh"]),
        "batch_norm": Boolean(),
        "learning_rate": Float(1e-4, 3e-2, log=True),
        "regularizer": Choice(["none", "dropout", "l2"]),
        "dropout": Float(0.05, 0.6, when={"regularizer": "dropout"}),
        "l2": Float(1e-6, 1e-1, log=True, when={"regularizer": "l2"}),
    }


def _apply_setting(base: TrainOptions, setting: dict[str, Any]) -> TrainOptions:
    chosen = {name: value for name, value in setting.items() if name != "regularizer"}
    return dataclasses.replace(base, **chosen)


def _default_setting(base: TrainOptions) -> dict[str, Any]:
    """Return the point of the space where `fitwell train` would begin."""
    return {
        "hidden": base.hidden,
        "activation": base.activation,
        "batch_norm": base.batch_norm,
        "learning_rate": 1e-3,
        "regularizer": "none",
    }


def _default_options(options: Namespace) -> Namespace:
    """Return the options of `fitwell train` when only the data is named, and what both commands share."""
    from fitwell.cli.parser import parse

    train = parse(["train", options.data])
    return Namespace(**{**vars(train), "epochs": options.epochs, "seed": options.seed})


def _train_namespace(options: Namespace, settings: TrainOptions) -> Namespace:
    """Return the options of `fitwell train` that train the network of these settings again."""
    from fitwell.cli.parser import parse

    words = ["train", options.data]
    for name in ("target", "task", "validation_fraction", "test_fraction", "sep"):
        value = getattr(options, name)
        # With "=", because a column's name may begin with "-".
        words += [] if value is None else [f"--{name.replace('_', '-')}={value}"]
    words += [f"--keep={name}" for name in options.keep] + [f"--drop={name}" for name in options.drop]
    words += [f"--type={name}={kind}" for name, kind in options.type]
    words += ["--hidden", *map(str, settings.hidden)]
    words.append("--batch-norm" if settings.batch_norm else "--no-batch-norm")
    for name in ("activation", "dropout", "l2", "learning_rate", "batch_size", "epochs", "seed"):
        words += [f"--{name.replace('_', '-')}", str(getattr(settings, name))]
    return parse([*words, "--quiet"] if options.quiet else words)


def _check_sampler(name: str) -> str:
    if name == "grid":
        raise InvalidArgument("--sampler grid has no end here: rates are not a list; see fw.search in Python")
    return name


def _write_trials(result: Any, trials: pd.DataFrame, folder: Path, interrupted: bool) -> dict[str, Any]:
    """Say what was found and write it into the folder; return the best setting."""
    say = stdout_console().print
    best = result.best_params
    ended = trials[trials["state"] == "complete"]
    atomic_write(folder / "trials.csv", to_safe_csv(trials, index=True))
    asked = {name for trial in result.study.get_trials(deepcopy=False) for name in trial.params}
    figure = _html.new_figure(12.6, 3.2 * math.ceil((1 + len(asked)) / 3))
    result.plot(figure=figure)
    atomic_write(folder / "search.png", _html.to_png(figure))
    early = "Interrupted by Ctrl-C after" if interrupted else "Tried"
    sentence = (
        f"{early} {pluralize(len(ended), 'setting')}. The best validation loss is {result.best_value:.4g}"
    )
    begun = trials["value"].get(0, math.nan)
    if math.isfinite(begun) and begun != result.best_value:
        sentence += f", that of the default settings {begun:.4g}"
    say(f"{sentence}. The best settings:")
    say("  " + ", ".join(f"{name} {_format_value(value)}" for name, value in best.items()))
    return dict(best)


def _raise_no_trial() -> int:
    raise StateError("no setting was trained to its end in this time; give more --minutes, or fewer --epochs")


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
