"""Untrusted tables, runs and arguments contain nothing that a terminal, a spreadsheet or a shell executes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell import Sequential, layers
from fitwell._escaping import escape_formula
from fitwell.cli.csv_output import to_safe_csv

FORMULAS = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+2", "-x", "\tt", "\x1b[2J]0;title\x07"]


@pytest.fixture(scope="module")
def odd_run(tmp_path_factory: pytest.TempPathFactory, fitwell: Callable[..., Any]) -> tuple[Path, Any]:
    """Return the folder and the output of a run on an untrusted table."""
    folder = tmp_path_factory.mktemp("odd")
    draw = np.random.default_rng(0)
    x = draw.normal(size=180)
    labels = np.array(FORMULAS)[np.digitize(x, np.quantile(x, np.arange(1, 6) / 6))]
    pd.DataFrame({"\x1b[2Jcol": x, "[red]": draw.choice(["p", "q"], 180), "y": labels}).to_csv(
        folder / "t.csv", index=False
    )
    arguments = ("--target", "y", "--epochs", "2", "--output", folder / "run")
    result = fitwell("train", folder / "t.csv", *arguments)
    assert result.code == 0, result.err
    return folder, result


def test_nothing_of_a_table_reaches_the_terminal_as_it_is(odd_run: tuple[Path, Any]) -> None:
    _, result = odd_run
    for text in (result.out, result.err):
        assert "\x1b" not in text
        assert "\x07" not in text
    assert r"\x1b[2J" in result.out
    assert "[red]" in result.out


def test_predictions_hold_no_formulas_and_can_be_read_back(
    odd_run: tuple[Path, Any], fitwell: Callable[..., Any]
) -> None:
    folder, _ = odd_run
    result = fitwell("predict", folder / "run", folder / "t.csv", "-o", folder / "p.csv")
    assert result.code == 0, result.err
    raw = pd.read_csv(folder / "p.csv", dtype=str)
    assert not raw["predicted_y"].str.match(r"[=+@\t-]").any()
    assert not any(re.match(r"[=+@\t-]", name) for name in raw)
    # As documented: one apostrophe before what looks like a formula is ours.
    back = raw["predicted_y"].str.replace(r"^'(?='*[=+\-@\t\r\n])", "", regex=True)
    assert {text.strip() for text in back} <= {text.strip() for text in FORMULAS}
    assert (pd.read_csv(folder / "p.csv")["probability"] > 0).all()
    printed = fitwell("predict", folder / "run", folder / "t.csv", "-o", "-")
    assert printed.out.splitlines()[0].startswith("predicted_y,probability,")


@pytest.mark.parametrize(
    "text", ["-5", "+1", "-1.5e-3", "-", "+", "--", "=", "12,5", "-1.234,5", "-3%", "plain", ""]
)
def test_numbers_and_marks_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text


@pytest.mark.parametrize("text", ["=1", "-1+cmd", "'=x", "''-y", "\r=1", "+a", "@a", "=-", "－cmd", "-2+3"])
def test_what_may_be_a_formula_gets_one_apostrophe(text: str) -> None:
    assert escape_formula(text) == (text if text == "=-" else f"'{text}")


def test_numbers_of_a_table_stay_numbers() -> None:
    table = pd.DataFrame({"=a": [-1.5, 2.0], "b": ["=x", None], "c": [True, False], "d": [np.nan, -1]})
    assert to_safe_csv(table) == "'=a,b,c,d\n-1.5,'=x,True,\n2.0,,False,-1.0\n"
    categories = pd.DataFrame({"a": pd.Categorical(["-x", "y"]), "when": pd.to_datetime(["2020-01-01"] * 2)})
    assert to_safe_csv(categories, index=True) == ",a,when\n0,'-x,2020-01-01\n1,y,2020-01-01\n"


@pytest.mark.parametrize(
    "content",
    [
        5, None, {}, [], "train", [5], [None], ["train", None], ["predict", "run", "x.csv"], ["search", "digits"],
        ["train", "--resume", "run"], ["train", "--resum", "run"], ["board", "run"], ["--version"], ["train", "--help"],
        ["train"], ["train", "digits", "--no-such-option"], ["train", "digits", "--epochs", "-5"],
        ["train", "digits", "--epochs", "9" * 5000], ["train", "a\0b.csv"], ["train", "x" * 5000 + ".csv"],
        ["train", "digits", "\x1b[2J"], [["train"]],
    ],
    ids=lambda content: repr(content)[:40],
)  # fmt: skip
def test_invalid_saved_arguments_are_described(
    tmp_path: Path, fitwell: Callable[..., Any], content: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("run/checkpoints/arguments.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    result = fitwell("train", "--resume", "run")
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("fitwell: error: ")
    assert result.err.count("\n") == 1
    assert len(result.err) < 600
    assert "\x1b" not in result.err


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"[" * 100_000, b" " * 2**20 + b"[]"], ids=range(5))
def test_saved_arguments_that_are_not_json_are_described(
    tmp_path: Path, fitwell: Callable[..., Any], content: bytes
) -> None:
    path = tmp_path / "run/checkpoints/arguments.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    result = fitwell("train", "--resume", tmp_path / "run")
    assert result.code == 2
    assert "is not valid JSON" in result.err or "has more than" in result.err


def test_a_model_and_a_preprocessor_of_different_runs_are_rejected(
    odd_run: tuple[Path, Any], tmp_path: Path, fitwell: Callable[..., Any]
) -> None:
    folder, _ = odd_run
    shutil.copytree(folder / "run", tmp_path / "run")
    path = tmp_path / "run" / "preprocessing.json"
    data = json.loads(path.read_text())
    data["target"]["classes"] = data["target"]["classes"][:3]
    path.write_text(json.dumps(data))
    result = fitwell("predict", tmp_path / "run", folder / "t.csv", "-o", tmp_path / "p.csv")
    assert result.code == 2
    assert "the model has outputs of shape (6,)" in result.err
    wider = Sequential([layers.Dense(6, input_shape=(99,))])
    wider.save(tmp_path / "run" / "model.keras")
    result = fitwell("predict", tmp_path / "run", folder / "t.csv", "-o", tmp_path / "p.csv")
    assert result.code == 2
    assert "the model expects inputs of shape (99,)" in result.err
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("folder", "'folder' is a folder. Pass the path of a file."),
        ("none/p.csv", "the folder 'none' does not exist. Create it first."),
        ("x" * 300, "File name too long"),
    ],
)
def test_unwritable_predictions_are_reported_before_predicting(
    odd_run: tuple[Path, Any],
    tmp_path: Path,
    fitwell: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    told: str,
) -> None:
    folder, _ = odd_run
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    result = fitwell("predict", folder / "run", folder / "t.csv", "-o", output)
    assert result.code == 2
    assert told in result.err


@pytest.mark.parametrize("name", ["t.csv", "link.csv", "run/model.keras", "run/preprocessing.json"])
def test_what_the_predictions_are_made_from_is_not_replaced(
    odd_run: tuple[Path, Any], fitwell: Callable[..., Any], name: str
) -> None:
    folder, _ = odd_run
    link = folder / "link.csv"
    if not link.exists():
        link.symlink_to("t.csv")
    before = (folder / name).read_bytes()
    result = fitwell("predict", folder / "run", folder / "t.csv", "-o", folder / name)
    assert result.code == 2
    assert "which is an input of the prediction" in result.err
    assert (folder / name).read_bytes() == before


def test_a_device_may_take_the_predictions(odd_run: tuple[Path, Any], fitwell: Callable[..., Any]) -> None:
    folder, _ = odd_run
    assert fitwell("predict", folder / "run", folder / "t.csv", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_the_run_s_own_files_hold_no_formulas_and_no_halves_of_characters(odd_run: tuple[Path, Any]) -> None:
    run = odd_run[0] / "run"
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "\x1b" not in page
    assert json.loads((run / "run.json").read_text())["target"] == "y"
    assert (run / "history.csv").read_text().startswith("epoch,")


def test_odd_words_on_the_command_line_are_shown(fitwell: Callable[..., Any]) -> None:
    result = fitwell("train", "digits", "\x1b[2J")
    assert result.code == 2
    assert "\x1b" not in result.err
    assert r"\x1b[2J" in result.err
    assert sys.stdout is not None
