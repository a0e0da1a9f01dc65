"""Splits of a run are disjoint, and preprocessing is fitted to the training rows only."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell._data.splits import split_rows
from fitwell._data.target import ClassTarget, RegressionTarget
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.datasets._dataset_registry import DATASETS


def test_held_out_rows_teach_nothing(table: Path, tmp_path: Path) -> None:
    """Scalers, encoders and the scale of the target do not depend on validation and test rows."""
    frame = pd.read_csv(table).dropna(subset="price").reset_index(drop=True)
    frame.to_csv(tmp_path / "t.csv", index=False)
    split = split_rows(len(frame), seed=3)
    before = load_data(str(tmp_path / "t.csv"), DataOptions(target="price", seed=3))
    spoiled = frame.copy()
    for rows in (split.validation, split.test):
        spoiled.loc[rows, ["area", "price"]] = 1e7
        spoiled.loc[rows, "city"] = "Atlantis"
        spoiled.loc[rows, "sold"] = "1950-01-01"
    spoiled.to_csv(tmp_path / "t.csv", index=False)
    after = load_data(str(tmp_path / "t.csv"), DataOptions(target="price", seed=3))
    assert after.preprocessor.to_json() == before.preprocessor.to_json()
    np.testing.assert_array_equal(after.train.x, before.train.x)
    assert not np.array_equal(after.test.x, before.test.x)
    for part in ("validation", "test"):
        assert f"In the {part} rows: 'city' has 32 values not seen in training: 'Atlantis'." in after.notes
    assert isinstance(before.target, RegressionTarget)
    assert before.target.mean == pytest.approx(frame.loc[split.train, "price"].mean())


def test_every_row_is_in_one_part_with_its_target(table: Path) -> None:
    prepared = load_data(str(table), DataOptions(target="price"))
    together = np.sort(np.concatenate([prepared.train.true, prepared.validation.true, prepared.test.true]))
    np.testing.assert_allclose(together, np.sort(pd.read_csv(table)["price"].dropna()))
    assert isinstance(prepared.target, RegressionTarget)
    np.testing.assert_allclose(prepared.target.decode(prepared.test.y), prepared.test.true, rtol=1e-5)


def test_classes_have_the_same_shares_in_every_part(table: Path) -> None:
    prepared = load_data(str(table), DataOptions(target="size"))
    shares = [
        np.bincount(part.true) / len(part) for part in (prepared.train, prepared.validation, prepared.test)
    ]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.03)
    np.testing.assert_allclose(shares[2], shares[0], atol=0.03)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_named_sets_are_ready_to_learn(name: str, load_dataset: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_dataset(name)  # skips where the data is absent
    prepared = load_data(name, DataOptions())
    assert np.isfinite(prepared.train.x).all() and len(prepared.test) > 100 and len(prepared.validation) > 50
    if isinstance(prepared.target, ClassTarget):
        assert prepared.train.x.min() == 0 and prepared.train.x.max() == 1
        assert len(prepared.target.classes) == 10 and set(prepared.train.true) == set(range(10))
    else:
        np.testing.assert_allclose(prepared.train.x.mean(axis=0), 0, atol=1e-4)
        assert prepared.train.y.std() == pytest.approx(1, abs=1e-4)


def test_a_loaders_warning_is_in_the_notes(load_dataset: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_dataset("boston_housing")
    from fitwell.datasets import boston_housing

    boston_housing._warn_of_race.cache_clear()
    prepared = load_data("boston_housing", DataOptions())
    assert prepared.notes[0].startswith(
        "Warning: the Boston housing data has a feature 'B', which encodes race"
    )
