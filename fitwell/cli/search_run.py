"""A search for good network settings, followed by the training of the best network."""

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
from fitwell.cli.console import stdout_console
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.cli.exit_codes import EXIT_INTERRUPTED
from fitwell.cli.holdout_job import HoldoutJob
from fitwell.cli.mlp_options import MLPOptions, build_network
from fitwell.cli.network_output import loss_for
from fitwell.cli.parser import parse
from fitwell.cli.prepared_data import PreparedData
from fitwell.cli.resume import save_arguments
from fitwell.cli.run_dir import make_run_folder
from fitwell.cli.training_run import train_and_report
from fitwell.errors import FitwellError, InvalidArgument, StateError

if TYPE_CHECKING:
    import pandas as pd

    from fitwell.tuner import Search

__all__ = ["search_and_train"]

DEFAULT_MINUTES = 5.0
STORAGE_FILE = "search.db"
# There are only a few structures, because networks with the same structure share compiled code.
HIDDEN = [(16,), (64,), (256,), (16, 16), (64, 64), (256, 128), (64, 64, 64)]


def search_and_train(options: Namespace) -> int:
    """Search for good settings, train and report the best network, and return the exit code."""
    from fitwell.tuner.study import StudyMismatchError

    prepared = load_data(options.data, DataOptions.from_namespace(options))
    base = MLPOptions.with_defaults(_default_options(options), prepared)
    folder = make_run_folder(prepared.name, options.output)
    search = None
    try:
        for note in prepared.notes:
            stdout_console().print(note)
        search = _make_search(options, prepared, base, folder)
        return _run_and_train(search, options, prepared, base, folder)
    except StudyMismatchError as error:
        raise InvalidArgument(f"{error.difference}. Pass a different storage with --storage") from None
    finally:
        # If no trial was completed, delete the storage, and then the folder if it is empty.
        if search is None or not _has_complete_trial(search):
            for path in folder.glob(f"{STORAGE_FILE}*"):
                path.unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


def _make_search(options: Namespace, prepared: PreparedData, base: MLPOptions, folder: Path) -> Search:
    from fitwell import callbacks, tuner

    return tuner.Search(
        lambda setting: build_network(prepared, _apply_setting(base, setting), measure_loss=True),
        _search_space(),
        (prepared.train.x, prepared.train.y),
        validation_data=(prepared.validation.x, prepared.validation.y),
        # Use the plain loss, because the total loss includes the penalty and would rank strong penalties last.
        objective=f"val_{loss_for(prepared.target)}",
        trials=options.trials,
        minutes=DEFAULT_MINUTES if options.minutes is None and options.trials is None else options.minutes,
        sampler=_check_sampler(options.sampler),
        epochs=base.epochs,
        batch_size=base.batch_size,
        callbacks=[
            callbacks.EarlyStopping(patience=base.patience),
            callbacks.ReduceLROnPlateau(factor=0.5, patience=base.plateau_patience),
        ],
        storage=folder / STORAGE_FILE if options.storage is None else options.storage,
        name=prepared.name,
        first=[_default_setting(base)],
        seed=options.seed,
        verbose=0 if options.quiet else 1,
    )


def _run_and_train(
    search: Search, options: Namespace, prepared: PreparedData, base: MLPOptions, folder: Path
) -> int:
    interrupted = False
    try:
        search.run()
    except KeyboardInterrupt:
        interrupted = True
    trials = search.result.trials
    if not trials["state"].eq("complete").any():
        if interrupted:
            return EXIT_INTERRUPTED
        raise StateError(
            "no trial was completed; if the time limit was too short, use more --minutes or fewer --epochs"
        )
    best = _write_trials(search.result, trials, folder, interrupted)
    settings = _apply_setting(base, best)
    train_options = _train_namespace(options, settings)
    save_arguments(folder, train_options.arguments)
    code = train_and_report(folder, HoldoutJob(prepared, settings), train_options)
    return EXIT_INTERRUPTED if interrupted else code


def _has_complete_trial(search: Any) -> bool:
    """Return whether the search has a completed trial. If the storage cannot be read, return True."""
    try:
        return bool(search.result.best_params)
    except StateError:
        return False
    except FitwellError:
        return True  # an unreadable storage may contain trials


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


def _apply_setting(base: MLPOptions, setting: dict[str, Any]) -> MLPOptions:
    chosen = {name: value for name, value in setting.items() if name != "regularizer"}
    return dataclasses.replace(base, **chosen)


def _default_setting(base: MLPOptions) -> dict[str, Any]:
    """Return the default settings of ``fitwell train`` as a point in the search space."""
    return {
        "hidden": base.hidden,
        "activation": base.activation,
        "batch_norm": base.batch_norm,
        "learning_rate": 1e-3,
        "regularizer": "none",
    }


def _default_options(options: Namespace) -> Namespace:
    """Return the default options of ``fitwell train``, but with this search's epochs and seed."""
    train = parse(["train", options.data])
    return Namespace(**{**vars(train), "epochs": options.epochs, "seed": options.seed})


def _train_namespace(options: Namespace, settings: MLPOptions) -> Namespace:
    """Return the options that make ``fitwell train`` train a network with `settings`."""
    words = ["train", options.data, "--network", "mlp"]
    size = None if options.image_size is None else "{}x{}".format(*options.image_size)
    for name in ("target", "task", "validation_fraction", "test_fraction", "sep", "images"):
        value = getattr(options, name)
        # Use "=", because a column's name may begin with "-".
        words += [] if value is None else [f"--{name.replace('_', '-')}={value}"]
    words += [] if size is None else ["--image-size", size]
    words += [f"--keep={name}" for name in options.keep] + [f"--drop={name}" for name in options.drop]
    words += [f"--type={name}={kind}" for name, kind in options.type]
    words += ["--hidden", *map(str, settings.hidden)]
    words.append("--batch-norm" if settings.batch_norm else "--no-batch-norm")
    for name in ("activation", "dropout", "l2", "learning_rate", "batch_size", "epochs", "seed"):
        words += [f"--{name.replace('_', '-')}", str(getattr(settings, name))]
    return parse([*words, "--quiet"] if options.quiet else words)


def _check_sampler(name: str) -> str:
    if name == "grid":
        raise InvalidArgument(
            "--sampler grid is not supported, because some settings have continuous ranges; use fw.search in Python"
        )
    return name


def _write_trials(result: Any, trials: pd.DataFrame, folder: Path, interrupted: bool) -> dict[str, Any]:
    """Write the trials and their plot to the folder, print a summary, and return the best setting."""
    say = stdout_console().print
    best = result.best_params
    complete = trials[trials["state"] == "complete"]
    atomic_write(folder / "trials.csv", to_safe_csv(trials, index=True))
    varied = {name for trial in result.study.get_trials(deepcopy=False) for name in trial.params}
    figure = _html.new_figure(12.6, 3.2 * math.ceil((1 + len(varied)) / 3))
    result.plot(figure=figure)
    atomic_write(folder / "search.png", _html.to_png(figure))
    start = "Interrupted by Ctrl-C after" if interrupted else "Tried"
    sentence = (
        f"{start} {pluralize(len(complete), 'setting')}. The best validation loss is {result.best_value:.4g}"
    )
    default_value = trials["value"].get(0, math.nan)
    if math.isfinite(default_value) and default_value != result.best_value:
        sentence += f", compared with {default_value:.4g} for the default settings"
    say(f"{sentence}. The best settings are:")
    say("  " + ", ".join(f"{name} {_format_value(value)}" for name, value in best.items()))
    return dict(best)


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
