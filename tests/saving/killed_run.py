"""A training run that is killed many times must end like a run that is not killed.

``python tests/saving/killed_run.py --kills 100`` starts a process that trains MNIST with dropout, batch
normalization, Adam, a schedule, early stopping, a CSV log and checkpoints, kills it with SIGKILL at random moments
and restarts it, until it has ended after that number of kills. Then weights, optimizer state, history and
log are compared, bit for bit, with a run that was left alone. The tests do the same with a few kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

READY = "training"
OUTCOME, LOG, HISTORY, CHECKPOINTS = "outcome.npz", "log.csv", "history.json", "checkpoints"
# A checkpoint every few batches: the writer is hardly ever idle, so that many kills hit it at work.
EVERY = 5
# One kill in ten comes while a process still starts, and perhaps reads its checkpoint.
IN_START, START_SECONDS = 0.1, 5.0


@dataclass
class Size:
    """How large the run is."""

    rows: int
    epochs: int
    patience: int


SMALL = Size(rows=2000, epochs=12, patience=4)
LARGE = Size(rows=20_000, epochs=60, patience=25)


def train(folder: Path, size: Size, keep: bool) -> None:
    """Train in this process, with checkpoints if `keep`, and leave the outcome in `folder`."""
    import jax

    import fitwell
    from fitwell import callbacks, layers

    class SaysWhenItTrains(callbacks.Callback):
        said = False

        def steps_until_next_call(self, batches: int) -> int | None:
            return None if self.said else 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.said = True
            print(READY, flush=True)

    (x, y), _ = fitwell.datasets.mnist.load_data()
    x, y = x[: size.rows].reshape(-1, 784).astype(np.float32) / 255, y[: size.rows]
    cut = size.rows * 4 // 5
    fitwell.utils.set_random_seed(7)
    model = fitwell.Sequential([layers.Input((784,))])
    for _ in range(2):
        model.add(layers.Dense(32, activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10, activation="softmax"))
    rate = fitwell.optimizers.schedules.ExponentialDecay(0.01, cut // 64, 0.97)
    model.compile(fitwell.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    watching = [
        callbacks.EarlyStopping(patience=size.patience, restore_best_weights=True),
        callbacks.CSVLogger(folder / LOG),
        SaysWhenItTrains(),
    ]
    if keep:
        watching.append(callbacks.BackupAndRestore(folder / CHECKPOINTS, EVERY, delete_checkpoint=False))
    history = model.fit(
        x[:cut],
        y[:cut],
        batch_size=64,
        epochs=size.epochs,
        validation_data=(x[cut:], y[cut:]),
        callbacks=watching,
        verbose=0,
    )
    (folder / HISTORY).write_text(json.dumps([history.epoch, history.history]))
    arrays = {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}
    slots = jax.tree_util.tree_leaves_with_path(model.optimizer.opt_state)
    arrays |= {f"slot {jax.tree_util.keystr(path)}": np.asarray(slot) for path, slot in slots}
    arrays["updates"] = np.asarray(model.optimizer.iterations)
    with (folder / "unfinished").open("wb") as file:
        np.savez(file, **arrays)
    (folder / "unfinished").rename(folder / OUTCOME)


@dataclass
class Kills:
    """Counts of the kills. written: during the writing of a checkpoint."""

    made: int = 0
    written: int = 0
    seconds: float = 0.0


def kill_repeatedly(folder: Path, size: str, kills: int, longest: float, seed: int) -> Kills:
    """Start a run, kill it up to `kills` times within `longest` seconds of training, and let it end."""
    folder.mkdir()
    moments = random.Random(seed)
    done = Kills()
    began = time.monotonic()
    while not (folder / OUTCOME).exists():
        with _start(folder, size, keep=True) as process:
            assert process.stdout is not None
            if done.made < kills:
                if moments.random() < IN_START:
                    time.sleep(moments.uniform(0, START_SECONDS))
                else:
                    process.stdout.readline()
                    time.sleep(moments.uniform(0, longest))
                process.send_signal(signal.SIGKILL)
                process.wait()
                done.made += process.returncode == -signal.SIGKILL
                done.written += any((folder / CHECKPOINTS).glob(".*.tmp"))
            if process.wait() not in (0, -signal.SIGKILL):
                raise AssertionError(f"the run failed: see above; folder {folder}")
    done.seconds = time.monotonic() - began
    return done


def leave_alone(folder: Path, size: str) -> None:
    """Run once, without checkpoints."""
    folder.mkdir()
    with _start(folder, size, keep=False) as process:
        assert process.wait() == 0, "the run failed: see above"


def _start(folder: Path, size: str, keep: bool) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--train", str(folder), "--size", size]
    repository = str(Path(__file__).resolve().parent.parent.parent)
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": repository}
    return subprocess.Popen(
        command + (["--keep"] if keep else []), stdout=subprocess.PIPE, text=True, env=environment
    )


def assert_equal(killed: Path, alone: Path) -> None:
    """Compare all results of the two runs bit by bit."""
    with np.load(killed / OUTCOME) as one, np.load(alone / OUTCOME) as other:
        assert sorted(one) == sorted(other)
        for name in one:
            assert one[name].tobytes() == other[name].tobytes(), name
    for name in (HISTORY, LOG):
        assert (killed / name).read_bytes() == (alone / name).read_bytes(), name


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--size", choices=("small", "large"), default="large")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--longest", type=float, default=0.6, help="seconds of training before a kill")
    parser.add_argument("--folder", type=Path, default=Path("killed-run"))
    options = parser.parse_args()
    size = {"small": SMALL, "large": LARGE}[options.size]
    if options.train is not None:
        train(options.train, size, options.keep)
        return
    options.folder.mkdir()
    leave_alone(options.folder / "alone", options.size)
    kills = kill_repeatedly(options.folder / "killed", options.size, options.kills, options.longest, seed=0)
    assert_equal(options.folder / "killed", options.folder / "alone")
    print(
        f"{kills.made} kills, {kills.written} of them while a checkpoint was being written, "
        f"in {kills.seconds:.0f} s: the same bits"
    )


if __name__ == "__main__":
    main()
