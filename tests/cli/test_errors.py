"""Errors of the command line: one message on standard error, exit code 2, no traceback."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fitwell.cli.run_dir import make_run_folder
from fitwell.errors import FileError


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every error in this file must be found before training starts."""
    for job in ("fitwell.cli.holdout_job.HoldoutJob", "fitwell.cli.tabular_job.TabularJob"):
        monkeypatch.setattr(f"{job}.train", lambda *a, **k: pytest.fail("training started"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Path) -> Path:
    """Return a working folder with invalid files."""
    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(table)
    frame.to_csv("houses.csv", index=False)
    frame.assign(one=1).to_csv("one.csv", index=False)
    frame.head(4).to_csv("short.csv", index=False)
    frame.to_csv("headless.csv", index=False, header=False)
    Path("empty.csv").write_text("")
    Path("notes.pdf").write_text("x")
    Path("file").write_text("x")
    Path("full").mkdir()
    Path("full/something").write_text("x")
    Path("no-run").mkdir()
    Path("lonely.keras").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train", "train: pass either the data to train on or --resume RUN, but not both"),
        ("", "the following arguments are required: COMMAND"),
        ("trian digits", "invalid choice: 'trian'"),
        (
            "train mnits",
            "unknown data set 'mnits'. Did you mean 'mnist'? Known data sets: boston_housing, california",
        ),
        ("train notes.pdf", "notes.pdf is not a table; expected a file whose name ends in one of .csv"),
        ("train none.csv --target price", "the file none.csv does not exist"),
        ("train empty.csv --target price", "empty.csv is empty"),
        (
            "train houses.csv",
            "--target is required to choose the column to predict. The columns of houses.csv are 'id', 'area'",
        ),
        ("train headless.csv", "the first line looks like data, but must contain the column names"),
        (
            "train houses.csv --target prize",
            "houses.csv has no column 'prize'. Did you mean 'price'? The table's columns are 'id'",
        ),
        (
            "train one.csv --target one",
            "the target 'one' contains the single value 1, so there is nothing to learn",
        ),
        ("train short.csv --target sale", "short.csv has 4 rows with a value for 'sale', but training"),
        ("train houses.csv --target city --task regression", "regression requires a numeric target"),
        ("train houses.csv --target price --task ranking", "invalid choice: 'ranking'"),
        ("train digits --target label", "--target only applies to tables, not to the data set digits"),
        (
            "train digits --test-fraction 0.5",
            "--test-fraction only applies to tables, not to the data set digits",
        ),
        (
            "train houses.csv --target price --network mlp --test-fraction 0",
            "--test-fraction must be above 0",
        ),
        (
            "train houses.csv --target price --network mlp --validation-fraction 1.2",
            "validation fraction must be at least 0 and below",
        ),
        ("train digits --network mlp --hidden 0", "argument --hidden: expected at least 1, got 0"),
        ("train digits --network mlp --hidden many", "argument --hidden: expected an integer, got 'many'"),
        ("train digits --learning-rate -1", "argument --learning-rate: expected"),
        ("train digits --learning-rate 0", "expected a number above 0, got 0"),
        (
            f"train digits --seed {2**32}",
            "argument --seed: expected at most 4,294,967,295, got 4294967296",
        ),
        (
            "train digits --network mlp --hidden 999999999999",
            "(64, 999999999999) needs more memory than is available",
        ),
        ("train digits --network mlp --dropout 1", "--dropout must be at least 0 and below 1, got 1"),
        ("train digits --batch-size 0", "argument --batch-size: expected at least 1, got 0"),
        ("train digits --network mlp --activation rleu", "Did you mean 'relu'"),
        ("train digits --network mlp --optimizer adm", "Did you mean 'adam'"),
        ("train digits --output full", "full is not empty; choose a different folder"),
        ("train digits --output file", "cannot create the folder file: a file with this name exists"),
        ("train digits --output file/run", "cannot create the folder file/run: Not a directory"),
        ("predict none houses.csv", "none does not exist"),
        (
            "predict no-run houses.csv",
            "no-run contains no model.keras, so it is not the folder of a finished run",
        ),
        ("predict lonely.keras houses.csv", "preprocessing.json is missing next to lonely.keras"),
    ],
)
def test_an_error_is_reported_in_one_message(
    fitwell: Callable[..., Any], folder: Path, command: str, words: str
) -> None:
    before = sorted(folder.rglob("*"))
    result = fitwell(*command.split())
    assert result.code == 2
    assert words in " ".join(result.err.split()), result.err
    assert "Traceback" not in result.err
    assert sorted(folder.rglob("*")) == before, "a mistake leaves nothing behind"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(fitwell: Callable[..., Any], folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o500)
    result = fitwell("train", "digits", "--output", "locked")
    assert result.code == 2 and "cannot write to locked: Permission denied" in result.err
    result = fitwell("train", "digits", "--output", "locked/run")
    assert result.code == 2 and "cannot create the folder locked/run: Permission denied" in result.err


def test_a_full_disk_is_no_traceback(
    fitwell: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *a: Any, **k: Any) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    result = fitwell("train", "digits")
    assert result.code == 2 and "No space left on device" in result.err
    assert "cannot write to runs/digits-" in result.err


def test_folders_of_one_second_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now = datetime(2025, 1, 31, 10, 15, 0)
    names = [make_run_folder("my table/1", now=now).as_posix() for _ in range(3)]
    assert names == [
        "runs/my_table_1-20250131-101500",
        "runs/my_table_1-20250131-101500-2",
        "runs/my_table_1-20250131-101500-3",
    ]
    Path("empty").mkdir()
    assert make_run_folder("x", "empty") == Path("empty"), "an empty folder may be used"
    with pytest.raises(FileError, match="a file with this name exists"):
        Path("runs2").write_text("")
        make_run_folder("x", "runs2")


def test_version_and_help(fitwell: Callable[..., Any]) -> None:
    import fitwell as package

    assert fitwell("--version").out == f"fitwell {package.__version__}\n"
    for command in ((), ("train",), ("predict",)):
        result = fitwell(*command, "--help")
        assert result.code == 0 and "usage: fitwell" in result.out
    assert "examples:" in fitwell("train", "--help").out
