"""``fitwell search``, from a table to a run folder like that of `fitwell train`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from fitwell.cli.mlp_options import MLPOptions
from fitwell.cli.parser import parse
from fitwell.cli.search_run import _train_namespace
from fitwell.errors import FileError

FILES = {
    "model.keras",
    "preprocessing.json",
    "history.csv",
    "learning_curves.png",
    "report.html",
    "run.json",
    "trials.csv",
    "search.png",
    "search.db",
}


@pytest.fixture(scope="module")
def searched(
    fitwell: Callable[..., Any], table: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """Return the output and the folder of a search for `price`."""
    folder = tmp_path_factory.mktemp("runs") / "price"
    words = ("--target", "price", "--trials", 3, "--epochs", 5, "--sampler", "random", "--quiet")
    return fitwell("search", table, *words, "--output", folder), folder


@pytest.mark.slow
def test_a_search_leaves_the_folder_of_its_best_run(searched: tuple[Any, Path]) -> None:
    result, folder = searched
    assert result.code == 0 and result.err == "", result
    assert {entry.name for entry in folder.iterdir() if entry.is_file()} - {"search.db.lock"} == FILES
    assert "Tried 3 settings. The best validation loss is" in result.out
    assert f"Report: {folder / 'report.html'}" in result.out
    study = optuna.load_study(study_name="houses", storage=f"sqlite:///{folder / 'search.db'}")
    assert len(study.trials) == 3


@pytest.mark.slow
def test_the_first_trial_is_what_train_would_do(searched: tuple[Any, Path]) -> None:
    trials = pd.read_csv(searched[1] / "trials.csv", keep_default_na=False)
    assert trials["hidden"][0] == "(64, 64)" and trials["activation"][0] == "elu"
    assert float(trials["learning_rate"][0]) == 1e-3 and trials["regularizer"][0] == "none"


@pytest.mark.slow
def test_the_final_network_is_the_best_trial(
    fitwell: Callable[..., Any], searched: tuple[Any, Path], tmp_path: Path
) -> None:
    """Its curve equals that of the trial, and the command in run.json trains the same network without a search."""
    folder = searched[1]
    trials = pd.read_csv(folder / "trials.csv")
    history = pd.read_csv(folder / "history.csv")
    assert history["val_loss"].min() == pytest.approx(trials["value"].min(), rel=1e-5)
    record = json.loads((folder / "run.json").read_text())
    words = record["command"].split()[1:]
    assert words[0] == "train"
    assert fitwell(*words, "--output", tmp_path / "again").code == 0
    again = json.loads((tmp_path / "again" / "run.json").read_text())
    assert again["scores"] == record["scores"] and again["settings"] == record["settings"]


@pytest.mark.slow
def test_a_shared_storage_goes_on(fitwell: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    words = ("--target", "price", "--epochs", 1, "--quiet", "--storage", tmp_path / "shared.db")
    fitwell("search", table, *words, "--trials", 1, "--output", tmp_path / "one")
    result = fitwell("search", table, *words, "--trials", 2, "--output", tmp_path / "two")
    assert result.code == 0 and "Tried 2 settings." in result.out
    assert not (tmp_path / "two" / "search.db").exists()


@pytest.mark.slow
def test_a_storage_with_another_search_is_explained_in_words_of_the_command(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    words = ("--target", "price", "--quiet", "--trials", 1, "--storage", tmp_path / "shared.db")
    assert fitwell("search", table, *words, "--epochs", 1, "--output", tmp_path / "one").code == 0
    result = fitwell("search", table, *words, "--epochs", 2, "--output", tmp_path / "two")
    assert result.code == 2 and not (tmp_path / "two").exists()
    assert "(epochs: 1 then, 2 now). Pass a different storage with --storage" in result.err
    assert "overwrite" not in result.err


@pytest.mark.slow
def test_trials_outlive_a_final_training_that_fails(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> int:
        raise FileError("the disk is full")

    monkeypatch.setattr("fitwell.cli.search_run.train_and_report", full)
    words = ("--target", "price", "--epochs", 1, "--quiet", "--trials", 1, "--output", tmp_path / "run")
    assert fitwell("search", table, *words).code == 2
    assert optuna.load_study(
        study_name=None, storage=f"sqlite:///{tmp_path / 'run' / 'search.db'}"
    ).best_trial


def test_the_final_training_is_of_the_column_that_was_searched_for() -> None:
    options = parse(["search", "t.csv", "--target=-y", "--test-fraction", "0.3", "--quiet"])
    settings = MLPOptions((8, 4), "elu", True, 0.0, 0.0, "nadam", 1e-5, 32, 10, 10, 3)
    training = _train_namespace(options, settings)
    assert (training.data, training.target, training.test_fraction) == ("t.csv", "-y", 0.3)
    assert (tuple(training.hidden), training.learning_rate, training.seed) == ((8, 4), 1e-5, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sampler", "grid"), "--sampler grid is not supported"),
        (("--sampler", "tpa"), "unknown sampler 'tpa'. Did you mean 'tpe'"),
        (("--storage", "shared.txt"), "expected a file name that ends in .db"),
        (("--minutes", "0"), "minutes"),
        pytest.param(
            ("--minutes", "1e-9"),
            "no trial was completed; if the time limit was too short, use more --minutes",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_errors_leave_no_files(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    result = fitwell("search", table, "--target", "price", *words, "--output", tmp_path / "run")
    assert result.code == 2 and re.search(re.escape(message), result.err), result
    assert not (tmp_path / "run").exists()
