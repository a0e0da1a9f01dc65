"""Untrusted files raise a fitwell error, and nothing is executed, read elsewhere, or written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

import fitwell
from fitwell.errors import FileError, FitwellError
from fitwell.models import load_model
from tests.saving.malicious_files import CANARY, Corpus, rewrite_config

_watching: list[list[tuple[str, Any]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in (
        "open",
        "exec",
        "os.system",
        "subprocess.Popen",
        "pickle.find_class",
        "marshal.loads",
    ):
        _watching[-1].append((event, arguments))


sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[list[tuple[str, Any]]]:
    """Give the list of what Python opens and runs inside the block."""
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


def refuse(path: Path) -> tuple[str, list[tuple[str, Any]]]:
    """Return the error for a file, and what was done on the way to it."""
    with watched() as events, pytest.raises(FitwellError) as caught:
        load_model(path)
    return str(caught.value), events


@pytest.mark.filterwarnings("ignore:.*the optimizer state in the file does not match")
def test_every_malicious_file_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = Corpus(tmp_path)
    for path in corpus.good.values():
        load_model(path)
    process = psutil.Process()
    unexpected = []
    for name, path in corpus:
        before, memory = sorted(os.listdir(tmp_path)), process.memory_info().rss
        try:
            message, events = refuse(path)
        except BaseException as error:
            unexpected.append((name, repr(error)[:300]))
            continue
        ran = [event for event in events if event[0] != "open"]
        opened = [
            arguments for event, arguments in events if event == "open" and str(arguments[0]) != str(path)
        ]
        # Python reads its own sources for tracebacks and late imports.
        strange = [arguments for arguments in opened if arguments[1] != "r" and not _is_library(arguments[0])]
        grown = process.memory_info().rss - memory
        if (
            ran
            or strange
            or grown > 200 * 2**20
            or len(message) > 2000
            or sorted(os.listdir(tmp_path)) != before
        ):
            unexpected.append((name, f"ran {ran}, opened {strange}, {grown:,} bytes more, {message[:100]}"))
    assert not unexpected, "\n".join(map(str, unexpected))
    assert not (tmp_path / CANARY).exists()


def _is_library(path: Any) -> bool:
    return "site-packages" in str(path) or str(path).startswith((sys.prefix, sys.base_prefix))


@pytest.mark.parametrize(("metric", "name"), [("AUC", "num_thresholds"), ("ConfusionMatrix", "num_classes")])
@pytest.mark.parametrize("place", ["metrics", "learning_rate", "activation", "activity_regularizer"])
def test_a_metric_of_a_file_cannot_allocate_gigabytes(
    tmp_path: Path, metric: str, name: str, place: str
) -> None:
    """Found by fuzzing: 10**9 thresholds used all memory, at any place of the metric."""
    model = fitwell.Sequential([fitwell.layers.Dense(2, input_shape=(2,))])
    model.compile(loss="mse", metrics=[getattr(fitwell.metrics, metric)(**{name: 3})])
    path = tmp_path / "m.keras"
    model.save(path)
    load_model(path)

    def change(config: Any) -> Any:
        table = config["compile_config"]["metrics"][0]
        table["config"][name] = 10**9
        if place == "learning_rate":
            config["compile_config"]["optimizer"]["config"][place] = table
        elif place != "metrics":
            config["config"]["layers"][0]["config"][place] = table
        return config

    rewrite_config(path, change)
    with pytest.raises(FileError, match=f"{name}=1,000,000,000|an accumulator of shape") as caught:
        load_model(path)
    assert len(str(caught.value)) < 1000
