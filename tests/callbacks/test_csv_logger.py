"""CSVLogger writes the values of the history, to the last bit, in the format of Keras."""

from __future__ import annotations

import subprocess
import sys
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


def test_appending_other_columns_raises(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    fit(callbacks.CSVLogger(path))
    before = path.read_text()
    with pytest.raises(FileError, match=r"has the columns epoch, loss, mae, but this run logs .*val_loss"):
        fit(callbacks.CSVLogger(path, append=True), validation_data=(X, Y))
    assert path.read_text() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full: only Linux has it")
def test_a_full_disk_raises_a_clear_error() -> None:
    with pytest.raises(FileError, match="cannot write '/dev/full'"):
        fit(callbacks.CSVLogger("/dev/full"))


def test_a_file_that_cannot_be_written_is_an_error_before_training(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot write .*missing"):
        fit(callbacks.CSVLogger(tmp_path / "missing" / "log.csv"))
    with pytest.raises(InvalidArgument, match="one character"):
        callbacks.CSVLogger("log.csv", separator="::")


def _logged(path: Path, names: list[str], epochs: int = 2, **options: Any) -> None:
    """Call the hooks of a logger for `epochs`."""
    logger = callbacks.CSVLogger(path, **options)
    logger.set_params({"metrics": names})
    logger.on_train_begin()
    for epoch in range(epochs):
        logger.on_epoch_end(epoch, dict.fromkeys(names, 0.5))
    logger.on_train_end()


def test_names_that_a_spreadsheet_would_run_get_an_apostrophe(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for append in (False, True):
        _logged(path, ["=cmd|' /C calc'!A0", "+1+2", "-x", "@SUM", "\tt", "loss"], 1, append=append)
    columns = ["'\tt", "'+1+2", "'-x", "'=cmd|' /C calc'!A0", "'@SUM", "loss"]
    table = pd.read_csv(path)
    assert list(table) == ["epoch", *columns]
    assert len(table) == 2
    with pytest.raises(FileError, match="has the columns"):
        _logged(path, ["=other"], append=True)


def test_an_open_line_is_terminated_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbfepoch,loss\n0,0.25")
    _logged(path, ["loss"], 1, append=True)
    assert path.read_text("utf-8-sig") == "epoch,loss\n0,0.25\n0,0.5\n"


def test_a_full_disk_leaves_no_partial_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    # A limit on the size of files simulates a full disk, in a separate process, because it would end this one.
    code = (
        "import resource, signal, sys, fitwell as fw\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "logger = fw.callbacks.CSVLogger(sys.argv[1])\n"
        "logger.set_params({'metrics': ['loss']}); logger.on_train_begin()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        "    for epoch in range(99): logger.on_epoch_end(epoch, {'loss': 1 / (epoch + 3)})\n"
        "except fw.errors.FileError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=100
    )
    assert "CSVLogger: cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert done.stderr == ""
    lines = path.read_text().splitlines(keepends=True)
    assert lines[0] == "epoch,loss\n"
    assert all(line.endswith("\n") and line.count(",") == 1 for line in lines)
    assert [float(line.split(",")[1]) for line in lines[1:]] == [
        1 / (epoch + 3) for epoch in range(len(lines) - 1)
    ]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "none/log.csv", "."])
def test_invalid_names_raise(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="CSVLogger: "):
        _logged(Path(name), ["loss"])


def test_a_value_that_is_first_logged_later_is_omitted_with_a_warning(tmp_path: Path) -> None:
    def late(epoch: int, logs: dict[str, float]) -> None:
        if epoch:
            logs["score"] = 1.0

    log = callbacks.CSVLogger(tmp_path / "log.csv")
    both = [callbacks.LambdaCallback(on_epoch_end=late), log]
    with pytest.warns(UserWarning, match=r"has no column for 'score' \(first logged in epoch 2\)") as caught:
        fit(both)
    assert sum("first logged" in str(warning.message) for warning in caught) == 1
    assert list(read(tmp_path / "log.csv")) == ["epoch", "loss", "mae"]
