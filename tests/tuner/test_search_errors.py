"""Error messages of a search."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import tuner
from fitwell.errors import FileError, FitwellError, InvalidArgument, MissingExtra, StateError
from fitwell.tuner import storage as storages
from tests.tuner.search_worker import SPACE, build, data, search


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"trials": None}, "the search needs a limit; pass trials=50, minutes=5, or both"),
        ({"trials": 0}, "trials must be an integer of at least 1 or None, got 0"),
        ({"minutes": -1}, "minutes must be a finite number above 0 or None, got -1"),
        ({"sampler": "tpa"}, "unknown sampler 'tpa'. Did you mean 'tpe'"),
        ({"pruner": "hyperbond"}, "unknown pruner 'hyperbond'. Did you mean 'hyperband'"),
        ({"objective": "val_los"}, "objective='val_los' is not a known metric. Did you mean 'val_loss'"),
        (
            {"objective": "val_my_score"},
            r"specify its direction: .*Objective\('val_my_score', 'max'\)",
        ),
        ({"objective": "val_accuracy"}, r"'val_accuracy' is not measured.* model.compile\(metrics"),
        ({"objective": 3}, "expected the name of a metric such as 'val_loss'"),
        ({"epoch": 3}, "there is no argument 'epoch'. Did you mean 'epochs'"),
        ({"trials": None, "trails": 3}, "there is no argument 'trails'. Did you mean 'trials'"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer of at least 0, got 0.5"),
        ({"first": {"learning_rate": 0.01}}, "first must be a list of items, each a dict"),
        ({"first": [{"rate": 1.0}]}, "contains 'rate', which is not a hyperparameter; remove it"),
        ({"verbose": 3}, "verbose must be 0"),
        ({"storage": "search.txt"}, "expected a file name that ends in .db"),
        ({"storage": "mysql://here/db"}, "a URL postgresql://"),
        (
            {"storage": "postgresql+pg8000://me:secret@here/db"},
            r"postgresql\+pg8000://me:\*\*\*@here/db needs a driver, pg8000, .* pip install pg8000",
        ),
        ({"storage": "nowhere/search.db"}, "the folder .*nowhere does not exist"),
    ],
)
def test_mistakes_are_explained(settings: dict[str, Any], words: str) -> None:
    given = {"trials": 2, "storage": ":memory:", "epochs": 1, "verbose": 0} | settings
    with pytest.raises(FitwellError, match=words):
        tuner.search(build, SPACE, data(), **given)


def test_a_build_function_without_a_model_is_told_for_which_setting() -> None:
    with pytest.raises(
        InvalidArgument, match=r"build\({'units': 3}\) must return a compiled model, got None"
    ):
        tuner.search(
            lambda setting: None, {"units": tuner.Int(3, 3)}, data(), trials=1, storage=":memory:", verbose=0
        )


def test_a_sampler_whose_library_is_missing_says_so_before_any_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="'gp' needs torch, .* pip install torch"):
        tuner.search(build, SPACE, data(), trials=1, sampler="gp", storage=":memory:")


def test_whole_numbers_may_be_those_of_numpy(tmp_path: Path) -> None:
    one: Any = np.int64(1)
    settings: dict[str, Any] = {
        "trials": one,
        "repeats": one,
        "epochs": one,
        "seed": one,
        "storage": tmp_path / "a.db",
    }
    assert len(tuner.search(build, SPACE, data(), **settings).trials) == 1


def test_data_must_be_a_pair() -> None:
    with pytest.raises(
        InvalidArgument, match="x must be an array or a collection of arrays, not a generator"
    ):
        tuner.search(build, SPACE, (iter([data()]), None), trials=2)
    with pytest.raises(InvalidArgument, match=r"data must be a tuple \(x, y\)"):
        tuner.search(build, SPACE, data()[0], trials=2)


def test_a_study_begun_otherwise_is_not_mixed(tmp_path: Path) -> None:
    search(tmp_path / "a.db", 1)
    with pytest.raises(
        InvalidArgument, match=r"created with different settings.*epochs: 4 then, 5 now.*overwrite=True"
    ):
        search(tmp_path / "a.db", 2, epochs=5)
    assert len(search(tmp_path / "a.db", 2, epochs=5, overwrite=True).trials) == 2
    with pytest.raises(InvalidArgument, match="seed: 0 then, 7 now"):
        search(tmp_path / "a.db", 2, epochs=5, seed=7)


def test_no_trial_yet_is_no_best() -> None:
    class Stopped(Exception):
        pass

    def broken(setting: Any) -> fw.Model:
        raise Stopped

    run = tuner.Search(broken, SPACE, data(), trials=2, storage=":memory:", verbose=0)
    with pytest.raises(Stopped):
        run.run()
    with pytest.raises(StateError, match="no trial has a finite value yet"):
        _ = run.result.best_params


def test_a_locked_storage_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    search(path, 1)
    monkeypatch.setattr(storages, "LOCK_TIMEOUT", 0.1)
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            FileError, match=r"a\.db is locked because another program has been writing to it"
        ):
            search(path, 2)
        other.rollback()
    assert len(search(path, 2).trials) == 2  # nothing was lost


def test_a_storage_that_is_gone_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    gone = fw.callbacks.LambdaCallback(on_train_end=lambda logs: path.unlink(missing_ok=True))
    with pytest.raises(FileError, match=r"a\.db (was deleted or replaced|cannot be used)"):
        tuner.search(
            build, SPACE, data(), trials=9, batch=1, epochs=1, storage=path, callbacks=[gone], verbose=0
        )


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_a_storage_in_whose_place_another_was_put_is_explained(tmp_path: Path, name: str) -> None:
    """Otherwise the trials would be written to a deleted file."""

    def replace(logs: Any) -> None:
        path.rename(tmp_path / "old")
        search(path, 1)

    path = tmp_path / name
    replaced = fw.callbacks.LambdaCallback(on_train_end=replace)
    with pytest.raises(FileError, match=r"the file of the storage .* was deleted or replaced"):
        tuner.search(build, SPACE, data(), trials=1, epochs=1, storage=path, callbacks=[replaced], verbose=0)
    assert len(search(path, 1).trials) == 1


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("a table, but not this kind\n" * 50)
    with pytest.raises(FileError, match="is not a SQLite database"):
        search(path, 1)


@pytest.mark.slow
def test_what_is_not_done_in_time_is_left_for_the_next_call(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"storage": tmp_path / "a.db", "epochs": 1000}
    late = search(trials=1, sleep=0.1, minutes=0.1, **settings)
    assert list(late.trials["state"]) == ["running"]
    result = search(trials=1, **settings)
    assert list(result.trials["state"]) == ["complete"]
    assert result.study.get_trials()[0].params == late.study.get_trials()[0].params
