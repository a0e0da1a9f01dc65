"""The training position in a model file: values out of range raise, and nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import FileError

X = np.ones((8, 4), np.float32)


@pytest.mark.parametrize("name", ["seed", "epoch"])
@pytest.mark.parametrize("value", [-1, 2**40, 2**32, np.nan, "x", [1, 2]])
def test_seeds_and_epochs_out_of_range_raise(tmp_path: Path, name: str, value: Any) -> None:
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["fitwell"].attrs[name] = value
    with pytest.raises(FileError, match=f"{name}.* is .*, expected a"):
        fw.models.load_model(tmp_path / "m.h5")


@pytest.mark.parametrize("epoch", [0, 7, 2**30])
def test_positions_in_range_can_be_resumed(tmp_path: Path, epoch: int) -> None:
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file["fitwell"].attrs["epoch"] = epoch
    loaded = fw.models.load_model(tmp_path / "m.h5")
    loaded.fit(X, X[:, :1], epochs=2, verbose=0)
    assert loaded._session.epoch == epoch + 2
