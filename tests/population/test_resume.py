"""Populations that are killed and resumed with `BackupAndRestore`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import callbacks, layers

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = X[:, :1] ** 2


class Killed(Exception):
    """Raised in the place of a kill."""


class KillAt(callbacks.Callback):
    """A callback that stops the whole population with an error when one member reaches an epoch."""

    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__()
        self.epoch, self.rate = epoch, rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch and np.isclose(float(self.model.optimizer.learning_rate), self.rate):
            raise Killed


def build(setting: dict[str, Any]) -> fw.Model:
    model = fw.Sequential(
        [fw.Input((3,)), layers.Dense(8, activation="tanh"), layers.Dropout(0.1), layers.Dense(1)]
    )
    model.compile(fw.optimizers.Adam(setting["rate"]), "mse")
    return model


def fit(folder: Path | None, *extra: callbacks.Callback, epochs: Any = 8) -> fw.Population:
    chosen: list[callbacks.Callback] = [
        callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        *extra,
    ]
    if folder is not None:
        chosen.append(callbacks.BackupAndRestore(folder))
    population = fw.Population(build, [{"rate": 0.01}, {"rate": 0.1}], seeds=[3])
    population.fit(X, Y, epochs=epochs, folds=2, callbacks=chosen, verbose=0)
    return population


def assert_equal(population: fw.Population, expected: fw.Population) -> None:
    for member, other in zip(population.members, expected.members, strict=True):
        assert member.history.history.keys() == other.history.history.keys()
        for name, values in member.history.history.items():
            np.testing.assert_allclose(values, other.history.history[name], rtol=1e-5)
        assert (member.status, member.stopped_epoch, member.restored_epoch) == (
            other.status,
            other.stopped_epoch,
            other.restored_epoch,
        )
        np.testing.assert_allclose(
            member.model.predict(X, verbose=0), other.model.predict(X, verbose=0), rtol=1e-4, atol=1e-5
        )


def test_a_population_continues_where_it_was_killed(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        fit(tmp_path / "run", KillAt(3, 0.1))
    saved = sorted(path.parent.name for path in (tmp_path / "run").rglob("checkpoint-*.zip"))
    assert set(saved) == {f"member-{number:05d}" for number in range(4)}
    seen: list[int] = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    resumed = fit(tmp_path / "run", watch)
    expected = fit(None)
    assert_equal(resumed, expected)
    assert len(seen) < sum(len(member.history.epoch) for member in expected.members)
    assert not (tmp_path / "run").exists(), "the checkpoints of a complete population are deleted"


def test_finished_members_are_not_trained_again(tmp_path: Path) -> None:
    def by_setting(setting: dict[str, Any]) -> int:
        return 2 if setting["rate"] == 0.01 else 6

    with pytest.raises(Killed):
        fit(tmp_path / "run", KillAt(4, 0.1), epochs=by_setting)
    trained: list[float] = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: trained.append(epoch))
    resumed = fit(tmp_path / "run", watch, epochs=by_setting)
    assert min(trained) >= 3
    assert_equal(resumed, fit(None, epochs=by_setting))


def test_another_population_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        fit(tmp_path / "run", KillAt(3, 0.1))
    population = fw.Population(build, [{"rate": 0.01}, {"rate": 0.1}], seeds=[3])
    with pytest.raises(fw.errors.FileError, match="belongs to a different run"):
        population.fit(
            X + 1, Y, epochs=8, folds=2, callbacks=[callbacks.BackupAndRestore(tmp_path / "run")], verbose=0
        )


@pytest.mark.slow
def test_a_tabular_ensemble_survives_a_kill(tmp_path: Path) -> None:
    program = f"""
import os, sys, threading, time
import numpy as np
from pathlib import Path
from fitwell.tabular import fold_ensemble, TabularNetwork
fold_ensemble.CHECKPOINT_INTERVAL = "epoch"
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 2)).astype(np.float32)
table = fold_ensemble.TableArrays(x, x[:, :1] ** 2, [0, 1], "regression", 1)
network = TabularNetwork((8,), steps=300, min_epochs=100, max_epochs=100)
folder = Path({str(tmp_path / "run")!r})
if sys.argv[1] == "kill":
    def watch():
        while sum(1 for _ in folder.rglob("checkpoint-*[1-9][0-9].zip")) < 4: time.sleep(0.01)
        os._exit(9)
    threading.Thread(target=watch, daemon=True).start()
ensemble = fold_ensemble.FoldEnsemble([network], 3).fit(table, checkpoints=folder if sys.argv[1] != "whole" else None)
print(ensemble.out_of_fold[:5].ravel().tolist())
"""

    def run(mode: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, mode], capture_output=True, text=True, check=False
        )

    assert run("kill").returncode == 9
    resumed, whole = run("resume"), run("whole")
    assert resumed.returncode == whole.returncode == 0, resumed.stderr + whole.stderr
    np.testing.assert_allclose(json.loads(resumed.stdout), json.loads(whole.stdout), rtol=1e-3, atol=1e-4)
