"""A checkpoint with another schema raises a clear error before the model or the run changes."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import layers
from fitwell.errors import FileError, FitwellError
from fitwell.saving.checkpoint_file import read_checkpoint, write_checkpoint
from fitwell.saving.checkpoint_folder import CheckpointFolder

X, Y = np.ones((8, 4), np.float32), np.ones((8, 1), np.float32)


def make_model() -> Any:
    """Return a small model whose checkpoints also contain a hyperparameter of a layer."""
    fw.utils.set_random_seed(3)
    model = fw.Sequential(
        [fw.Input((4,)), layers.Dense(3, name="a"), layers.Dropout(0.1), layers.Dense(1, name="b")]
    )
    model.compile("adam", "mse")
    return model


def fit(folder: Path, model: Any = None, **options: Any) -> Any:
    """Train a model for two epochs, starting from the checkpoint in `folder`."""
    model = model or make_model()
    callbacks = [
        fw.callbacks.EarlyStopping("loss", patience=9),
        fw.callbacks.CSVLogger(folder.parent / "log.csv"),
        fw.callbacks.ModelCheckpoint(folder.parent / "saved.keras", monitor="loss"),
    ]
    options = {"epochs": 2, "batch_size": 4, "callbacks": callbacks, "verbose": 0, **options}
    return model.fit(X, Y, resume=folder, **options)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the content of a checkpoint after one epoch."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    fit(folder, epochs=1)
    saved: dict[str, Any] = read_checkpoint(CheckpointFolder(folder).files()[0])
    return saved


def _folder_of(tmp_path: Path, tree: Any) -> Path:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    write_checkpoint(folder / "checkpoint-000000000002.zip", tree)
    (tmp_path / "log.csv").write_bytes(b"epoch,loss\n" + b"0,0.123456789\n" * 3)
    return folder


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "'seed' is missing": lambda tree: tree.pop("seed"),
    "'other' is unknown": lambda tree: tree.update(other=1),
    "versions is 5": lambda tree: tree.update(versions=5),
    "seed is -1": lambda tree: tree.update(seed=-1),
    f"seed is {10**30}": lambda tree: tree.update(seed=10**30),
    "'epochs' is missing in place": lambda tree: tree["place"].pop("epochs"),
    "place.epochs is -1": lambda tree: tree["place"].update(epochs=-1),
    "place.runtime_epoch is 4294967296": lambda tree: tree["place"].update(runtime_epoch=2**32),
    r"callbacks\[0\] is \{\}": lambda tree: tree.update(callbacks=[{}]),
    "identity.data is None": lambda tree: tree["identity"].update(data=None),
    "numbers.*is 'x', expected a number": lambda tree: tree["numbers"].update({"optimizer.beta_1": "x"}),
    r"the latest value of 'optimizer.beta_1' is invalid: Adam: beta_1 must be": lambda tree: tree["numbers"].update(
        {"optimizer.beta_1": -1.0}
    ),
    r"the latest value of .* is invalid: Dropout: rate must be": lambda tree: tree["numbers"].update(
        {path: 7.0 for path in tree["numbers"] if path.endswith("rate") and "optimizer" not in path}
    ),
    r"the initial value of .* is invalid: Dropout: rate must be": lambda tree: tree["began"].update(
        {path: float("nan") for path in tree["began"] if path.endswith("rate") and "optimizer" not in path}
    ),
    r"state\[.step.\] is 0|state.step is 0": lambda tree: tree["state"].update(step=0),
    r"history.epoch is \[\]": lambda tree: tree["history"].update(epoch=[]),
    "the epochs in its history are invalid": lambda tree: tree["history"].update(epoch=np.array([5], np.int64)),
    "history are invalid or do not match its values": lambda tree: tree["history"]["history"].update(loss=np.zeros(7)),
    "position is impossible": lambda tree: tree["place"].update(batches=10**9),
    "steps=99, open=True": lambda tree: tree["place"].update(steps=99, open=True),
    "step=-7, ": lambda tree: tree["state"].update(step=np.int32(-7)),
    "first_nonfinite_step=7": lambda tree: tree["state"].update(bad_step=np.int32(7)),
    "does not fit the model": lambda tree: tree["state"].pop("step"),
    "CSVLogger: its state in the checkpoint": lambda tree: tree["callbacks"][0][1].update(position="x"),
    "ModelCheckpoint: its state in the checkpoint": lambda tree: tree["callbacks"][1][1].update(best="x"),
}  # fmt: skip


@pytest.mark.parametrize("message", EDITS)
def test_another_schema_raises_and_nothing_changes(
    tmp_path: Path, tree: dict[str, Any], message: str
) -> None:
    odd = copy.deepcopy(tree)
    EDITS[message](odd)
    model = make_model()
    before, seed, epoch = model.get_weights(), model._session.seed, model._session.epoch
    rates = [float(model.optimizer.learning_rate), model.layers[1].rate]
    with pytest.raises(FileError, match=message):
        fit(_folder_of(tmp_path, odd), model)
    assert all(map(np.array_equal, before, model.get_weights()))
    assert (seed, epoch) == (model._session.seed, model._session.epoch)
    assert rates == [float(model.optimizer.learning_rate), model.layers[1].rate]


def test_a_rejected_checkpoint_does_not_change_a_fit_without_it(tmp_path: Path, tree: dict[str, Any]) -> None:
    plain, refused = make_model(), make_model()
    with pytest.raises(FileError, match="belongs to a different run"):
        fit(_folder_of(tmp_path, tree), refused, batch_size=8)
    losses = [
        model.fit(X, Y, epochs=2, batch_size=4, verbose=0).history["loss"] for model in (plain, refused)
    ]
    assert losses[0] == losses[1]


def _spots(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(spot for key, part in parts for spot in _spots(part, (*place, key)))]


ODD: list[Any] = [
    None, True, -1, 0, 2**31, 10**30, float("nan"), "x", [], {}, [[]], {"x": 1}, np.zeros(3),
    np.zeros((2, 2), np.int32), np.float32(3), np.int32(-5), np.zeros(0, np.int64), "\x1b[2J",
]  # fmt: skip


def test_odd_values_anywhere_raise_or_are_harmless(tmp_path: Path, tree: dict[str, Any]) -> None:
    folder = _folder_of(tmp_path, tree)
    draw = random.Random(0)
    refused = 0
    for spot in draw.sample(_spots(tree)[1:], 60):
        odd = copy.deepcopy(tree)
        part = odd
        for key in spot[:-1]:
            part = part[key]
        part[spot[-1]] = draw.choice(ODD)
        write_checkpoint(folder / "checkpoint-000000000002.zip", odd)
        for later in CheckpointFolder(folder).files()[:-1]:
            later.unlink()
        try:
            fit(folder)
        except FitwellError as error:
            assert "\x1b" not in str(error)
            refused += 1
    assert refused > 30


def test_a_checkpoint_with_another_schema_is_skipped(tmp_path: Path, tree: dict[str, Any]) -> None:
    folder = _folder_of(tmp_path, tree)
    write_checkpoint(folder / "checkpoint-000000000009.zip", {"some": "thing"})
    with pytest.warns(UserWarning, match=r"'versions' is missing. Continuing from the previous checkpoint"):
        history = fit(folder)
    assert history.epoch == [0, 1]


_TRAIN = """
import sys, numpy as np, fitwell as fw
model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(1)])
model.compile("sgd", "mse")
class Wait(fw.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        print("ready", flush=True)
        sys.stdin.readline()
model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, resume=sys.argv[1], callbacks=[Wait()], verbose=0)
"""


def test_a_folder_is_locked_until_its_process_ends(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _TRAIN, str(folder)], **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(
            FileError, match=r"another process is using the folder .*Wait until it ends, or use"
        ):
            CheckpointFolder(folder)
        other.kill()
        other.wait()
        assert CheckpointFolder(folder).load_latest() is not None
    # The same process may take it more than once, as after an error in a notebook.
    first, second = CheckpointFolder(folder), CheckpointFolder(folder)
    assert first.files() == second.files()
