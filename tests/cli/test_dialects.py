"""CSV dialects on the command line: prediction and search use the dialect that training inferred."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROWS = 160


def german(value: float, places: int) -> str:
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder that contains a German table of sales."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    price, weight = random.integers(100, 5000, ROWS), random.uniform(1, 9, ROWS)
    days = pd.Timestamp("2021-03-01") + pd.to_timedelta(random.integers(0, 700, ROWS), "D")
    rows = [
        f"{number}~{german(a, 0)} €~{german(b, 2)}~{day:%d/%m/%Y}~{random.choice(['NA', 'EU'])}~{german(2 * a + b, 1)}"
        for number, (a, b, day) in enumerate(zip(price, weight, days))
    ]
    Path("sales.csv").write_text("id~preis~gewicht~tag~ort~umsatz\n" + "\n".join(rows) + "\n")
    return tmp_path


SMALL = ("--sep=~", "--quiet", "--epochs", "3")


@pytest.mark.slow
def test_a_run_reads_new_tables_as_it_read_its_own(fitwell: Callable[..., Any], folder: Path) -> None:
    wishes = ("--keep", "id", "--drop", "gewicht", "--type", "ort=category")
    result = fitwell(
        "train", "sales.csv", "--target", "umsatz", *SMALL, "--hidden", "8", *wishes, "--output", "run"
    )
    assert result.code == 0, result.err
    columns = {
        entry["name"]: entry for entry in json.loads(Path("run/preprocessing.json").read_text())["columns"]
    }
    assert list(columns) == ["id", "preis", "tag", "ort"]
    assert columns["preis"]["decimal"] == "," and 2000 < columns["preis"]["mean"] < 3000
    assert columns["tag"]["pattern"] == "%d/%m/%Y" and columns["ort"]["categories"] == ["EU", "NA"]
    tables = {
        "euros": "id;preis;tag;ort\n1;1.250 €;03/04/2021;NA\n2;4.100 €;05/06/2021;EU\n",
        "decimals": "id\tpreis\ttag\tort\n1\t1.250,00\t03/04/2021\tNA\n2\t4100,0\t05/06/2021\tEU\n",
        "one by one": "sep=|\nid|preis|tag|ort\n1|1.250|03/04/2021|NA\n2|4.100|05/06/2021|EU\n",
    }
    said = {}
    for name, text in tables.items():
        Path("new.csv").write_text(text, encoding="utf-16")
        result = fitwell("predict", "run", "new.csv", "-o", "out.csv")
        assert result.code == 0, result.err
        said[name] = pd.read_csv("out.csv").iloc[:, 0].tolist()
    assert said["euros"] == said["decimals"] == said["one by one"]
    Path("new.csv").write_text("id~preis~tag~ort\n1~1.250~12/31/2021~NA\n2~4.100~03/04/2021~EU\n")
    result = fitwell("predict", "run", "new.csv", "--sep", "~")
    assert result.code == 2 and "row 1 contains '12/31/2021'" in " ".join(result.err.split())


@pytest.mark.slow
def test_predictions_are_scored_in_the_dialect_of_training(fitwell: Callable[..., Any], folder: Path) -> None:
    result = fitwell("train", "sales.csv", "--target", "umsatz", *SMALL, "--hidden", "8", "--output", "run")
    assert result.code == 0, result.err
    result = fitwell("predict", "run", "sales.csv", "--sep=~", "-o", "out.csv")
    assert result.code == 0, result.err
    true = [
        float(line.split("~")[-1].replace(".", "").replace(",", "."))
        for line in Path("sales.csv").read_text().splitlines()[1:]
    ]
    rmse = np.sqrt(np.mean((pd.read_csv("out.csv")["predicted_umsatz"] - true) ** 2))
    assert f"in {ROWS} rows" in result.err and f"RMSE {rmse:.4g}"[:8] in result.err
    # An English copy of the table gets the same predictions and the same score.
    english = Path("sales.csv").read_text().translate(str.maketrans(",.", ".,"))
    Path("english.csv").write_text(english)
    again = fitwell("predict", "run", "english.csv", "--sep=~", "-o", "english_out.csv")
    assert Path("english_out.csv").read_text() == Path("out.csv").read_text()
    assert "have decimal points here" in " ".join(again.err.split())
    assert result.err.strip().splitlines()[-1] == again.err.strip().splitlines()[-1]


def test_a_search_trains_with_the_given_options(fitwell: Callable[..., Any], folder: Path) -> None:
    result = fitwell(
        "search", "sales.csv", "--target", "umsatz", *SMALL, "--trials", "1", "--keep", "id", "--drop=tag",
        "--type", "ort=category", "--output", "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    columns = [entry["name"] for entry in json.loads(Path("run/preprocessing.json").read_text())["columns"]]
    assert columns == ["id", "preis", "gewicht", "ort"]
    command = json.loads(Path("run/run.json").read_text())["command"]
    for words in ("--sep=~", "--keep=id", "--drop=tag", "--type=ort=category"):
        assert words in command.replace("'", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--type", "ort"), "expected COLUMN=TYPE"),
        (("--type", "ort=words"), "the type must be one of number, category, date, boolean"),
        (
            ("--type", "ort=date", "--type", "ort=category"),
            "specifies two different types for the column 'ort'",
        ),
        (("--keep", "idd"), "has no column 'idd'. Did you mean 'id'"),
        (("--sep", "ab"), "the separator must be one character (not a letter"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    fitwell: Callable[..., Any], folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    sep = () if "--sep" in arguments else ("--sep=~",)
    result = fitwell("train", "sales.csv", "--target", "umsatz", *sep, *arguments)
    assert result.code == 2 and words in " ".join(result.err.split()), result.err


def test_named_data_sets_have_no_columns_to_speak_of(fitwell: Callable[..., Any], folder: Path) -> None:
    for option in ("--keep=a", "--drop=a", "--type=a=number", "--sep=;"):
        result = fitwell("train", "digits", option)
        assert result.code == 2 and "only applies to tables, not to the data set digits" in result.err
