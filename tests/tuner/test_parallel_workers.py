"""Tests with real processes: killed searches lose nothing, and several processes share a study."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import fitwell as fw
from fitwell import tuner
from fitwell.errors import FileError
from fitwell.tuner import heartbeat, study
from fitwell.tuner import storage as storage_module
from fitwell.tuner.pbt import PopulationBasedTraining
from fitwell.tuner.storage import open_storage
from tests.tuner import search_worker

SCRIPT = Path(search_worker.__file__)


def start(storage: Path | str, trials: int, sleep: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(storage), str(trials), str(sleep)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def study_in(storage: Path | str) -> optuna.Study:
    # Opened under the lock: a worker may just be making the tables.
    return optuna.load_study(study_name="search", storage=open_storage(storage).backend)


def trials_in(storage: Path | str) -> list[Any]:
    return study_in(storage).get_trials()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(KeyError):  # there is no such study yet
            if condition():
                return
        assert process.poll() is None, "the worker ended by itself"
        time.sleep(0.2)
    pytest.fail("the worker did not get so far")


def killed_after(storage: Path, finished: int) -> list[Any]:
    """Kill a worker after it has finished this number of trials and trains another one; return the trials."""
    process = start(storage, 6, 0.3)

    def under_way() -> bool:
        states = [trial.state.name for trial in trials_in(storage)]
        return states.count("COMPLETE") >= finished and "RUNNING" in states

    try:
        wait_for(under_way, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return trials_in(storage)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["study.db", "study.journal"])
def test_a_killed_search_goes_on_with_the_trials_it_was_killed_in(tmp_path: Path, name: str) -> None:
    storage = tmp_path / name
    before = killed_after(storage, 2)
    left = [trial for trial in before if trial.state.name == "RUNNING"]
    assert left and len(before) < 6

    result = search_worker.search(storage, 6)

    after = trials_in(storage)
    assert [trial.number for trial in after] == list(range(6))
    assert all(trial.state.name == "COMPLETE" for trial in after)
    for trial in before:  # the same settings under the same numbers; what was finished was not done again
        again = after[trial.number]
        assert again.params == trial.params or not trial.params
        if trial.state.name == "COMPLETE":
            assert again.datetime_complete == trial.datetime_complete and again.value == trial.value
    # Nothing tells it from a search that nobody killed.
    whole = search_worker.search(":memory:", 6)
    np.testing.assert_array_equal(result.trials["learning_rate"], whole.trials["learning_rate"])
    np.testing.assert_allclose(result.trials["value"], whole.trials["value"], rtol=1e-6)


def share(storage: Path | str, trials: int) -> list[Any]:
    """Train the trials of one study in three processes, and return them."""
    processes = [start(storage, trials, 0.1) for _ in range(3)]
    assert [process.wait(timeout=300) for process in processes] == [0, 0, 0]
    found = trials_in(storage)
    assert [trial.number for trial in found] == list(range(trials))
    assert all(trial.state.name == "COMPLETE" for trial in found)
    assert len({trial.params["learning_rate"] for trial in found}) == trials
    assert len({trial.user_attrs[study.WORKER] for trial in found}) > 1
    return found


@pytest.mark.slow
def test_workers_share_a_study(tmp_path: Path) -> None:
    share(tmp_path / "study.db", 9)


@pytest.mark.slow
def test_workers_share_a_study_in_postgresql() -> None:
    url = os.environ.get("FITWELL_POSTGRESQL")
    if url is None:
        pytest.skip("FITWELL_POSTGRESQL does not name a database to test with (postgresql://user@host/name)")
    search_worker.search(url, 1, overwrite=True)
    share(url, 9)
    # A trial whose worker died is taken up again.
    study = study_in(url)
    study.ask().set_user_attr(study.WORKER, "elsewhere:1:abcd")
    table = search_worker.search(url, 11).trials
    assert list(table["state"]) == ["complete"] * 11


def test_a_worker_on_another_machine_is_dead_when_it_falls_silent() -> None:
    name = "elsewhere:1:abcd"
    heard = {f"worker {name}": 1000.0}
    assert heartbeat.is_alive(name, heard, now=1000.0 + heartbeat.HEARTBEAT_GRACE_PERIOD - 1)
    assert not heartbeat.is_alive(name, heard, now=1000.0 + heartbeat.HEARTBEAT_GRACE_PERIOD + 1)
    assert not heartbeat.is_alive("elsewhere:2:abcd", heard, now=1000.0)


def test_a_process_that_is_gone_is_dead_at_once() -> None:
    notes: dict[str, float] = {}
    worker = heartbeat.Worker(notes.__setitem__)
    with worker:
        assert heartbeat.is_alive(worker.name, notes)
    gone = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert gone.stdout is not None and gone.stdout.read() == b""
    host, _, token = worker.name.rsplit(":", 2)
    name = f"{host}:{gone.pid}:{token}"
    if sys.platform == "linux":  # where one can see that it is gone before its parent asked
        end = time.monotonic() + 10
        while heartbeat.is_alive(name, {f"worker {name}": time.time()}) and time.monotonic() < end:
            time.sleep(0.01)
        assert not heartbeat.is_alive(name, {f"worker {name}": time.time()})
    gone.wait()
    assert not heartbeat.is_alive(name, {f"worker {name}": time.time()})


@pytest.mark.parametrize("pruner", [None, "median"])
def test_a_worker_that_was_taken_for_dead_leaves_its_trials_to_the_other(
    pruner: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a computer was asleep: both workers have trained the trials, and neither may fail."""
    slow = tuner.Search(
        search_worker.build, search_worker.SPACE, search_worker.data(), trials=3, epochs=2, batch=3,
        storage=tmp_path / "a.db", verbose=0, sampler="random", pruner=pruner,
    )  # fmt: skip
    begun = slow._trainer.train

    def train(*arguments: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(heartbeat, "HEARTBEAT_GRACE_PERIOD", -1.0)
            search_worker.search(tmp_path / "a.db", 3, epochs=2, batch=3, pruner=pruner)
        return begun(*arguments)

    monkeypatch.setattr(slow._trainer, "train", train)
    table = slow.run().trials
    assert len(table) == 3 and "running" not in set(table["state"]) and table["state"][0] == "complete"
    alone = search_worker.search(":memory:", 3, epochs=2, pruner=pruner).trials
    assert table["value"][0] == alone["value"][0]


def test_a_lock_that_others_broke_meanwhile_is_let_go(tmp_path: Path) -> None:
    """As after a computer was asleep while it held the lock of a journal."""
    with open_storage(tmp_path / "a.journal").lock():
        (lock,) = tmp_path.glob("a.journal.workers*")
        lock.unlink()


def test_a_worker_goes_on_telling_that_it_lives_after_the_storage_was_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 0.01)
    heard: list[str] = []

    def note(name: str, when: float) -> None:
        heard.append(name)
        if len(heard) == 2:
            raise FileError("locked")

    with heartbeat.Worker(note):
        end = time.monotonic() + 10
        while len(heard) < 4 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(heard) >= 4


def test_only_a_trial_that_workers_died_of_alone_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that is killed repeatedly loses nothing, and a model that does not fit in memory does not stop it."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_GRACE_PERIOD", -1.0)

    def taken_by_one_that_dies() -> list[int]:
        worker = tuner.Search(
            search_worker.build, search_worker.SPACE, search_worker.data(), trials=16, batch=16,
            sampler="random", storage=tmp_path / "study.db", verbose=0,
        )  # fmt: skip
        return [handle.number for handle in worker._shared_study.claim_trials(16)]

    pairs = [[number, number + 1] for number in range(0, 16, 2)]
    assert [taken_by_one_that_dies() for _ in range(11)] == [list(range(16)), *pairs, [0], [1]]
    assert not any(trial.state.name == "FAIL" for trial in trials_in(tmp_path / "study.db"))

    study = study_in(tmp_path / "study.db")
    for trial in study.get_trials()[1:]:
        study.tell(trial.number, 1.0)
    assert [taken_by_one_that_dies() for _ in range(3)] == [[0], [0], [16]]
    given_up = trials_in(tmp_path / "study.db")[0]
    assert given_up.state.name == "FAIL" and "learning_rate" in given_up.params
    assert (
        given_up.user_attrs["reason"]
        == "5 workers died while training it, and the last 3 were training it alone"
    )


def test_a_killed_training_of_a_population_is_begun_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_GRACE_PERIOD", -1.0)
    x, y = search_worker.data()

    def begun() -> PopulationBasedTraining:
        return PopulationBasedTraining(
            search_worker.build, search_worker.SPACE, (x, y), trials=8, epochs=2, interval=1,
            storage=tmp_path / "study.db", verbose=0,
        )  # fmt: skip

    for _ in range(4):
        assert [handle.number for handle in begun()._shared_study.claim_trials(8)] == list(range(8))
    assert list(begun().run().trials["state"]) == ["complete"] * 8


def test_a_worker_that_draws_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Gaussian process may take longer than the lock timeout of other workers."""
    monkeypatch.setattr(storage_module, "LOCK_TIMEOUT", 0.1)
    other = open_storage(tmp_path / "study.db")

    def asking(hp: tuner.HyperParameters) -> Any:
        with other.lock():
            return search_worker.build({"learning_rate": hp.Float("learning_rate", 1e-3, 1e-1)})

    found = tuner.search(
        asking, None, search_worker.data(), trials=2, epochs=1, storage=tmp_path / "study.db", verbose=0
    )
    assert list(found.trials["state"]) == ["complete"] * 2


def test_trials_that_could_not_be_given_back_are_taken_up_by_the_next_search_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.db"
    search_worker.search(path, 1)
    monkeypatch.setattr(storage_module, "LOCK_TIMEOUT", 0.1)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    lock = fw.callbacks.LambdaCallback(on_train_end=lambda logs: other.execute("BEGIN EXCLUSIVE"))
    with pytest.raises(FileError, match="is locked"):
        tuner.search(
            search_worker.build, search_worker.SPACE, search_worker.data(), trials=2, epochs=4, batch=1,
            sampler="random", storage=path, callbacks=[lock], verbose=0,
        )  # fmt: skip
    other.close()
    table = search_worker.search(path, 2).trials
    assert list(table["state"]) == ["complete"] * 2
