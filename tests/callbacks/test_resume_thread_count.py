"""A run that resumes with another number of threads warns if its bits depend on it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell._engine import devices

X = np.random.default_rng(0).normal(size=(64, 10, 10, 1)).astype(np.float32)
Y = X.reshape(64, -1)[:, :3].argmax(axis=1).astype(np.int32)


def convolution() -> Any:
    return [layers.Conv2D(2, 3, activation="relu"), layers.Flatten(), layers.Dense(3, activation="softmax")]


def small() -> Any:
    return [layers.MaxPooling2D(5), layers.Flatten(), layers.Dense(4, "relu"), layers.Dense(3, "softmax")]


def wide() -> Any:
    return [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(3, activation="softmax")]


def fit(make: Callable[[], Any], folder: Path, epochs: int) -> None:
    model = fitwell.Sequential([layers.Input((10, 10, 1)), *make()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=epochs, verbose=0, resume=folder)


@pytest.mark.parametrize(("make", "depends"), [(convolution, True), (wide, True), (small, False)])
def test_another_number_of_threads_warns(
    make: Callable[[], Any], depends: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPROC", "2")
    fit(make, tmp_path, 1)
    monkeypatch.setenv("NPROC", "16")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(make, tmp_path, 2)
    said = [str(warning.message) for warning in caught]
    assert len(said) == depends
    if depends:
        assert said[0].startswith(
            "resume: the checkpoint was made with threads 2 (now 16), so the results may differ"
        )
        assert "NPROC=2 in the environment" in said[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(make, tmp_path, 3)


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, expected in (
        ("3", 3),
        ("", devices.cpu_count()),
        ("many", devices.cpu_count()),
        ("0", devices.cpu_count()),
    ):
        monkeypatch.setenv("NPROC", asked)
        assert devices.xla_thread_count() == expected


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="only Linux can limit the cores of a process"
)
def test_as_many_threads_on_fewer_cores_give_the_same_bits(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import hashlib, os, sys
        cores, epochs, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
        import numpy as np, fitwell
        from fitwell import layers
        X = np.random.default_rng(0).normal(size=(320, 12, 12, 1)).astype("f4")
        Y = X.reshape(320, -1)[:, :10].argmax(1).astype("i4")
        fitwell.utils.set_random_seed(11)
        model = fitwell.Sequential([layers.Input((12, 12, 1)), layers.Conv2D(8, 3, activation="relu"),
                                    layers.Flatten(), layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(X, Y, epochs=epochs, batch_size=64, verbose=0, resume=folder)
        print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
        """
    )

    def run(cores: int, epochs: int, folder: str) -> str:
        environment = {**os.environ, "NPROC": "2", "PYTHONPATH": str(Path(fitwell.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, str(cores), str(epochs), str(tmp_path / folder)],
            env=environment, capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        return done.stdout

    whole = run(2, 2, "whole")
    run(2, 1, "cut")
    assert run(1, 2, "cut") == whole
