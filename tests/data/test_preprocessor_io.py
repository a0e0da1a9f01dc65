"""Untrusted preprocessing.json files: every value is checked before it is used."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.preprocessor_io import load_preprocessor, save_preprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.target import ClassTarget, RegressionTarget
from fitwell.errors import DataError, FileError

ROWS = 80
RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "area": RANDOM.normal(size=ROWS),
        "city": RANDOM.choice(["Oslo", "Rome"], ROWS),
        "pool": RANDOM.choice([True, False], ROWS),
        "sold": pd.date_range("2020-01-01", periods=ROWS, freq="13h").strftime("%Y-%m-%d %H:%M"),
    }
)
TABLE["size"] = np.where(TABLE["area"] > 0, "large", "small")


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """Return what a preparation of every kind of column writes."""
    prepared = TablePreprocessor.fit(TABLE, ClassTarget.fit("size", TABLE["size"], "binary"))
    assert [column.kind for column in prepared.columns] == ["number", "category", "true-or-false", "date"]
    return {"fitwell": "preprocessing", "version": 1, **json.loads(json.dumps(prepared.to_json()))}


def _spots(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every value in a tree of dicts and lists."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(spot for key, part in parts for spot in _spots(part, (*place, key)))]


ODD = (None, True, 5, -1, 0, math.nan, math.inf, 10**30, 10**400, "x", [], {}, [[]], {"x": []}, "\x1b[2J")


@pytest.mark.slow
def test_every_odd_value_at_every_place_is_refused_or_harmless(
    tmp_path: Path, written: dict[str, Any]
) -> None:
    path = tmp_path / "preprocessing.json"
    for place in _spots(written):
        for odd in ODD:
            tree = copy.deepcopy(written)
            if place:
                part = tree
                for key in place[:-1]:
                    part = part[key]
                part[place[-1]] = odd
            path.write_text(json.dumps(tree if place else odd))
            try:
                prepared = load_preprocessor(path)
            except FileError as error:
                assert len(str(error)) < 500
                assert "\x1b" not in str(error)
                continue
            # Some strings are valid: another name, another date format. The preprocessor then works, or raises
            # DataError.
            with contextlib.suppress(DataError):
                assert np.isfinite(prepared.transform(TABLE[:10], [])).all()
            prepared.describe()


def test_what_is_missing_or_unknown_is_named(tmp_path: Path, written: dict[str, Any]) -> None:
    path = tmp_path / "preprocessing.json"
    edits: dict[str, Callable[[Any], Any]] = {
        r"columns\[0\].scale is 0": lambda tree: tree["columns"][0].update(scale=0),
        r"'mean' is missing in columns\[0\]": lambda tree: tree["columns"][0].pop("mean"),
        r"'extra' is unknown in columns\[1\]": lambda tree: tree["columns"][1].update(extra=1),
        r"columns\[2\].kind is 'os', expected 'number'": lambda tree: tree["columns"][2].update(kind="os"),
        r"columns\[3\].parts.days\[2\] is -1": (
            lambda tree: tree["columns"][3]["parts"]["days"].__setitem__(2, -1)
        ),
        r"columns\[3\].pattern is '%', expected a date format": (
            lambda tree: tree["columns"][3].update(pattern="%")
        ),
        "columns is empty": lambda tree: tree["columns"].clear(),
        "target.classes is .'large'., expected a list of two labels": (
            lambda tree: tree["target"].update(classes=["large"])
        ),
        "target.classes is .'a', 'a'., expected a list of two labels": (
            lambda tree: tree["target"].update(classes=["a", "a"])
        ),
        "target.task is 'guess', expected 'regression' or": lambda tree: tree["target"].update(task="guess"),
    }
    for told, edit in edits.items():
        tree = copy.deepcopy(written)
        edit(tree)
        path.write_text(json.dumps(tree))
        with pytest.raises(FileError, match=told):
            load_preprocessor(path)


@pytest.mark.parametrize(
    "wrong", [{"scale": 0}, {"scale": 1e308}, {"mean": -1e200}, {"mean": True}, {"scale": "1"}]
)
def test_no_target_makes_infinite_predictions(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "preprocessing.json"
    save_preprocessor(TablePreprocessor.fit(TABLE, RegressionTarget.fit("area", TABLE["area"])), path)
    data = json.loads(path.read_text())
    data["target"] |= wrong
    path.write_text(json.dumps(data))
    with pytest.raises(FileError, match=f"target.{next(iter(wrong))} is "):
        load_preprocessor(path)


def test_pixels_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "preprocessing.json"
    save_preprocessor(PixelPreprocessor(RegressionTarget("y", 0.0, 1.0), [8, 8], 16.0), path)
    good = json.loads(path.read_text())
    for wrong in ({"shape": []}, {"shape": [0]}, {"shape": [10**30]}, {"shape": "8x8"}, {"brightest": 0}):
        path.write_text(json.dumps(good | wrong))
        with pytest.raises(FileError, match=f"{next(iter(wrong))}"):
            load_preprocessor(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "preprocessing.json"
    folder.mkdir()
    with pytest.raises(FileError, match="it is a folder"):
        save_preprocessor(PixelPreprocessor(RegressionTarget("y", 0.0, 1.0), [8, 8], 16.0), folder)
    assert list(tmp_path.iterdir()) == [folder]
