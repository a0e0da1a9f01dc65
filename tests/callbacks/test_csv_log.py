"""CSVLogger writes what the history holds, to the last bit, and what Keras would write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell
from fitwell import callbacks
from fitwell.errors import FileError, InvalidArgument

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = X[:, :1] * 2


def fit(log: callbacks.Callback, library: Any = fitwell, **options: Any) -> dict[str, list[float]]:
    net = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1)])
    net.compile(loss="mse", optimizer="sgd", metrics=["mae"])
    options = {"epochs": 3} | options
    return net.fit(X, Y, batch_size=4, callbacks=[log], verbose=0, **options).history


def read(path: Path, separator: str = ",") -> pd.DataFrame:
    return pd.read_csv(path, sep=separator)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_pandas_reads_the_history_back(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "log.csv"
    history = fit(callbacks.CSVLogger(path, separator=separator), validation_data=(X, Y))
    table = read(path, separator)
    assert table["epoch"].tolist() == [0, 1, 2]
    assert {name: table[name].tolist() for name in history} == history


def test_the_columns_are_those_of_keras(tmp_path: Path) -> None:
    import keras

    fit(callbacks.CSVLogger(tmp_path / "ours.csv"), validation_data=(X, Y))
    fit(keras.callbacks.CSVLogger(str(tmp_path / "theirs.csv")), keras, validation_data=(X, Y))
    assert list(read(tmp_path / "ours.csv")) == list(read(tmp_path / "theirs.csv"))


def test_epochs_without_validation_are_missing_values(tmp_path: Path) -> None:
    fit(callbacks.CSVLogger(tmp_path / "log.csv"), validation_data=(X, Y), validation_freq=2, epochs=4)
    assert read(tmp_path / "log.csv")["val_loss"].isna().tolist() == [True, False, True, False]


def test_appending_and_replacing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    first = fit(callbacks.CSVLogger(path))
    second = fit(callbacks.CSVLogger(path, append=True), initial_epoch=3, epochs=5)
    assert read(path)["loss"].tolist() == first["loss"] + second["loss"]
    assert read(path)["epoch"].tolist() == [0, 1, 2, 3, 4]
    log = callbacks.CSVLogger(path)
    fit(log)
    again = fit(log)
    assert read(path)["loss"].tolist() == again["loss"]


def test_each_line_is_there_when_its_epoch_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: lines.append(len(path.read_text().split()))
    )
    net = fitwell.Sequential([fitwell.layers.Dense(1)])
    net.compile(loss="mse", optimizer="sgd")
    net.fit(X, Y, epochs=3, callbacks=[callbacks.CSVLogger(path), look], verbose=0)
    assert lines == [2, 3, 4]


def test_other_columns_are_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    fit(callbacks.CSVLogger(path))
    before = path.read_text()
    with pytest.raises(FileError, match=r"has the columns epoch, loss, mae, but this run logs .*val_loss"):
        fit(callbacks.CSVLogger(path, append=True), validation_data=(X, Y))
    assert path.read_text() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full: only Linux has it")
def test_a_full_disk_is_a_clear_error() -> None:
    with pytest.raises(FileError, match="cannot write '/dev/full'"):
        fit(callbacks.CSVLogger("/dev/full"))


def test_a_file_that_cannot_be_written_is_an_error_before_training(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot write .*missing"):
        fit(callbacks.CSVLogger(tmp_path / "missing" / "log.csv"))
    with pytest.raises(InvalidArgument, match="one character"):
        callbacks.CSVLogger("log.csv", separator="::")
