"""Write the golden files of the installed version of fitwell: ``python tests/golden/make.py tests/golden``.

Run it once for a release, with that release, and commit the folder as ``tests/golden/<version>``. Later versions
must read these files and reproduce these numbers (`test_golden.py`); a change is declared in CHANGELOG.md.
The script uses public names only, so that it runs with old and new versions.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import numpy as np

import fitwell as fw
from fitwell.cli import main
from fitwell.random import epoch_permutations

EPOCHS, SAVED_EPOCHS = 4, 2
PERMUTATIONS = [
    (seed, epoch, count) for seed in (0, 1, 2**31 - 1) for epoch in (0, 1, 300) for count in (1, 10, 25)
]
TRIALS, CONTINUED_TRIALS = 4, 6


def rows(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets that no random generator made: they are the same in every version of NumPy."""
    i = np.arange(count, dtype=np.float64)
    x = np.stack([np.sin(i), np.cos(1.7 * i), np.sin(0.3 * i + 1)], axis=1).astype(np.float32)
    return x, (x[:, :1] - 0.5 * x[:, 1:2] > 0).astype(np.float32)


def small_model(units: int = 4) -> fw.Model:
    """Return a compiled model with every kind of state: weights, moving statistics, dropout, optimizer slots."""
    fw.utils.set_random_seed(0)
    model = fw.Sequential(
        [
            fw.layers.Input((3,)),
            fw.layers.Dense(units, activation="relu", kernel_initializer="he_normal"),
            fw.layers.BatchNormalization(),
            fw.layers.Dropout(0.2),
            fw.layers.Dense(1, activation="sigmoid", kernel_initializer="orthogonal"),
        ]
    )
    model.compile(fw.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


class Kill(fw.callbacks.Callback):
    """End a run as a kill does, after `SAVED_EPOCHS`."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == SAVED_EPOCHS:
            raise KeyError("killed")


def train(folder: Path, *extra: fw.callbacks.Callback) -> tuple[fw.Model, dict[str, list[float]]]:
    """Train the small model with a backup in `folder`; a backup that is there is continued."""
    model = small_model()
    backup = fw.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False)
    history = model.fit(
        *rows(), batch_size=16, epochs=EPOCHS, validation_split=0.2, verbose=0, callbacks=[backup, *extra]
    )
    return model, history.history


def table(path: Path) -> None:
    """Write a table with numbers, decimal commas, categories, dates, booleans, missing cells and a target."""
    x, y = rows(80)
    lines = ["size;colour;since;open;share;label"]
    for i in range(len(x)):
        colour = ("red", "green", "", "blue")[i % 4]
        size = "" if i % 11 == 3 else f"{100 * x[i, 0]:.2f}".replace(".", ",")
        share = f"{50 + 40 * x[i, 1]:.1f} %".replace(".", ",")
        since, open_, label = (
            f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}",
            ("yes", "no")[i % 2],
            ("low", "high")[int(y[i, 0])],
        )
        lines.append(";".join([size, colour, since, open_, share, label]))
    path.write_text("\n".join(lines) + "\n")


def member(setting: dict[str, float]) -> fw.Model:
    """Return a model of the population, or the model of a trial of the search."""
    model = small_model(setting.get("units", 4))
    model.optimizer.learning_rate = setting.get("learning_rate", 0.05)
    return model


SPACE = {"units": fw.tuner.Int(2, 8), "learning_rate": fw.tuner.Float(1e-3, 1e-1, log=True)}


def search(storage: Path, trials: int) -> fw.tuner.SearchResult:
    """Search `SPACE` until the study in `storage` has `trials` trials."""
    x, y = rows()
    return fw.search(
        member,
        SPACE,
        (x, y),
        trials=trials,
        storage=storage,
        sampler="random",
        seed=0,
        epochs=2,
        validation_split=0.2,
        batch_size=16,
        verbose=0,
    )


def write(folder: Path) -> None:
    """Write all golden files to `folder`."""
    folder.mkdir(parents=True)
    x, y = rows()

    permutations = [
        [*key, epoch_permutations(key[0], range(key[1], key[1] + 1), key[2])[0].tolist()]
        for key in PERMUTATIONS
    ]
    (folder / "permutations.json").write_text("\n".join(map(json.dumps, permutations)) + "\n")

    model = small_model()
    np.savez(folder / "initial_weights.npz", **{str(i): w for i, w in enumerate(model.get_weights())})
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    np.savez(folder / "predictions.npz", model=model.predict(x, verbose=0))

    try:
        train(folder / "checkpoint", Kill())
    except KeyError:
        pass
    else:
        raise SystemExit("the run was not killed")
    whole, history = train(folder.with_name(folder.name + "-scratch"))
    shutil.rmtree(folder.with_name(folder.name + "-scratch"))
    np.savez(folder / "resumed_weights.npz", **{str(i): w for i, w in enumerate(whole.get_weights())})
    (folder / "history.json").write_text(json.dumps(history, indent=1) + "\n")

    members = fw.Population(member, seeds=range(3))
    members.fit(x, y, batch_size=16, epochs=2, verbose=0)
    members.save(folder / "population.npz")
    np.savez(folder / "population_predictions.npz", predictions=np.asarray(members.predict(x)))

    table(folder / "table.csv")
    search(folder / "study.db", TRIALS)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(folder / "study.db", scratch)
        found = search(Path(scratch) / "study.db", CONTINUED_TRIALS)
    (folder / "trials.csv").write_text(found.trials.to_csv(index=False))
    options = [
        "--target",
        "label",
        "--epochs",
        "3",
        "--hidden",
        "4",
        "--quiet",
        "--output",
        str(folder / "run"),
    ]
    main(["train", str(folder / "table.csv"), *options])
    for name in ("report.html", "learning_curves.png"):  # nothing reads them
        (folder / "run" / name).unlink()
    main(
        [
            "predict",
            str(folder / "run"),
            str(folder / "table.csv"),
            "--output",
            str(folder / "run_predictions.csv"),
        ]
    )


if __name__ == "__main__":
    socket.gethostname = platform.node = lambda: "host"  # a study names the workers that trained its trials
    os.chdir(sys.argv[1])  # files must not name the folder in which they were made
    write(Path(fw.__version__))
