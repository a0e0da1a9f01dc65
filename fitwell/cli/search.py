"""``fitwell search``: many networks on the validation rows, and the best one as `fitwell train` leaves it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwell import pages
from fitwell.cli import INTERRUPTED, unfinished
from fitwell.cli.console import output
from fitwell.cli.folder import make_run_folder
from fitwell.cli.network import Settings, build_network, loss_for
from fitwell.cli.problems import Wishes, load_problem
from fitwell.cli.tables import as_csv
from fitwell.cli.train import train_into
from fitwell.data.text_format import pluralize
from fitwell.errors import FitwellError, InvalidArgument, StateError
from fitwell.paths import write_whole

if TYPE_CHECKING:
    import pandas as pd

MINUTES = 5.0
STORAGE_FILE = "search.db"
# Few widths: networks of one structure share what is compiled, and twice as many units is a step worth trying.
HIDDEN = [(16,), (64,), (256,), (16, 16), (64, 64), (256, 128), (64, 64, 64)]


def search(options: Namespace) -> int:
    """Carry out the command; returns the exit code."""
    from fitwell import callbacks, tuner
    from fitwell.tuner.ledger import OtherStudy
    from fitwell.utils import set_random_seed

    say = output().print
    problem = load_problem(options.data, Wishes.of(options))
    base = Settings.decide(_defaults(options), problem)
    folder = make_run_folder(problem.name, options.output)
    run = None
    try:
        for note in problem.notes:
            say(note)
        run = tuner.Search(
            lambda setting: build_network(problem, _settings(base, setting), measure_loss=True),
            _space(),
            (problem.train.x, problem.train.y),
            validation_data=(problem.validation.x, problem.validation.y),
            # The loss of a network with a penalty contains it, which would make all of them look bad.
            objective=f"val_{loss_for(problem)}",
            trials=options.trials,
            minutes=MINUTES if options.minutes is None and options.trials is None else options.minutes,
            sampler=_check_sampler(options.sampler),
            epochs=base.epochs,
            batch_size=base.batch_size,
            callbacks=[
                callbacks.EarlyStopping(patience=base.patience),
                callbacks.ReduceLROnPlateau(factor=0.5, patience=max(base.patience // 2, 1)),
            ],
            storage=folder / STORAGE_FILE if options.storage is None else options.storage,
            name=problem.name,
            first=[_as_setting(base)],
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
            return INTERRUPTED if interrupted else _nothing()
        best = _report(run.result, trials, folder, interrupted)
        settings = _settings(base, best)
        training = _training(options, settings)
        unfinished.begin(folder, training.arguments)
        set_random_seed(settings.seed)
        code = train_into(folder, build_network(problem, settings), problem, settings, training)
        return INTERRUPTED if interrupted else code
    except OtherStudy as error:
        raise InvalidArgument(f"{error.what}. Give another file with --storage") from None
    finally:
        # A search that came to nothing leaves nothing behind.
        if run is None or not _found_anything(run):
            for left in folder.glob(f"{STORAGE_FILE}*"):
                left.unlink()
        with contextlib.suppress(OSError):
            folder.rmdir()


def _found_anything(run: Any) -> bool:
    """Return whether a trial was trained to its end, as far as can be told."""
    try:
        return bool(run.result.best_params)
    except StateError:
        return False
    except FitwellError:
        return True  # what cannot be read now may hold trials


def _space() -> dict[str, Any]:
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


def _settings(base: Settings, setting: dict[str, Any]) -> Settings:
    chosen = {name: value for name, value in setting.items() if name != "regularizer"}
    return dataclasses.replace(base, **chosen)


def _as_setting(base: Settings) -> dict[str, Any]:
    """Return the point of the space where `fitwell train` would begin."""
    return {
        "hidden": base.hidden,
        "activation": base.activation,
        "batch_norm": base.batch_norm,
        "learning_rate": 1e-3,
        "regularizer": "none",
    }


def _defaults(options: Namespace) -> Namespace:
    """Return the options of `fitwell train` when only the data is named, and what both commands share."""
    from fitwell.cli.arguments import parse

    train = parse(["train", options.data])
    return Namespace(**{**vars(train), "epochs": options.epochs, "seed": options.seed})


def _training(options: Namespace, settings: Settings) -> Namespace:
    """Return the options of `fitwell train` that train the network of these settings again."""
    from fitwell.cli.arguments import parse

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


def _report(result: Any, trials: pd.DataFrame, folder: Path, interrupted: bool) -> dict[str, Any]:
    """Say what was found and write it into the folder; return the best setting."""
    say = output().print
    best = result.best_params
    ended = trials[trials["state"] == "complete"]
    write_whole(folder / "trials.csv", as_csv(trials, index=True))
    asked = {name for trial in result.study.get_trials(deepcopy=False) for name in trial.params}
    figure = pages.new_figure(12.6, 3.2 * math.ceil((1 + len(asked)) / 3))
    result.plot(figure=figure)
    write_whole(folder / "search.png", pages.png(figure))
    early = "Interrupted by Ctrl-C after" if interrupted else "Tried"
    sentence = (
        f"{early} {pluralize(len(ended), 'setting')}. The best validation loss is {result.best_value:.4g}"
    )
    begun = trials["value"].get(0, math.nan)
    if math.isfinite(begun) and begun != result.best_value:
        sentence += f", that of the default settings {begun:.4g}"
    say(f"{sentence}. The best settings:")
    say("  " + ", ".join(f"{name} {_told(value)}" for name, value in best.items()))
    return dict(best)


def _nothing() -> int:
    raise StateError("no setting was trained to its end in this time; give more --minutes, or fewer --epochs")


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
