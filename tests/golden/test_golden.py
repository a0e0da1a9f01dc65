"""Every version reads the files of earlier versions and reproduces their numbers.

`make.py` wrote the files. Whoever must change a number here writes a new folder for the new version, and an entry in
CHANGELOG.md. Comparisons of floats leave room for other processors, whose last bits differ.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell as fw
from fitwell.cli import main
from fitwell.random import epoch_permutations
from tests.golden import make

VERSIONS = sorted(path for path in Path(__file__).parent.iterdir() if (path / "permutations.json").is_file())
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def golden(request: Any, tmp_path: Path) -> Path:
    """Return a copy of the files of one version, for tests that write to them."""
    return Path(shutil.copytree(request.param, tmp_path / "golden"))


def weights(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files]


def assert_weights(model: fw.Model, path: Path) -> None:
    ours, theirs = model.get_weights(), weights(path)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_permutations_are_those_of_the_version(golden: Path) -> None:
    lines = [json.loads(line) for line in (golden / "permutations.json").read_text().splitlines()]
    assert len(lines) == len(make.PERMUTATIONS)
    for seed, epoch, rows, permutation in lines:
        assert epoch_permutations(seed, range(epoch, epoch + 1), rows)[0].tolist() == permutation


def test_initial_weights_are_those_of_the_version(golden: Path) -> None:
    assert_weights(make.small_model(), golden / "initial_weights.npz")


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_models_are_read_and_predict_the_same(golden: Path, name: str) -> None:
    model = fw.models.load_model(golden / name)
    assert_weights(model, golden / "initial_weights.npz")
    expected = weights(golden / "predictions.npz")[0]
    np.testing.assert_allclose(model.predict(make.rows()[0], verbose=0), expected, **CLOSE)


def test_a_checkpoint_is_resumed_to_the_same_weights(golden: Path) -> None:
    class FirstEpoch(fw.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            begun.append(epoch)

    begun: list[int] = []
    model, history = make.train(golden / "checkpoint", FirstEpoch())
    assert begun == [2, 3]
    assert_weights(model, golden / "resumed_weights.npz")
    expected = json.loads((golden / "history.json").read_text())
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, **CLOSE)


def test_a_population_is_read_and_predicts_the_same(golden: Path) -> None:
    members = fw.Population.load(golden / "population.npz", make.member)
    expected = weights(golden / "population_predictions.npz")[0]
    np.testing.assert_allclose(np.asarray(members.predict(make.rows()[0])), expected, **CLOSE)


def test_a_study_continues_with_the_same_trials(golden: Path) -> None:
    found = make.search(golden / "study.db", make.CONTINUED_TRIALS).trials
    expected = pd.read_csv(golden / "trials.csv")
    for name in ("state", "units"):
        assert found[name].tolist() == expected[name].tolist()
    np.testing.assert_allclose(found["learning_rate"], expected["learning_rate"], rtol=1e-12)
    np.testing.assert_allclose(found["value"], expected["value"], **CLOSE)


def test_a_run_folder_predicts_the_same(golden: Path, tmp_path: Path) -> None:
    output = tmp_path / "predictions.csv"
    assert not main(["predict", str(golden / "run"), str(golden / "table.csv"), "--output", str(output)])
    ours, expected = pd.read_csv(output), pd.read_csv(golden / "run_predictions.csv")
    assert list(ours.columns) == list(expected.columns)
    for name in expected:
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(ours[name], expected[name], **CLOSE)
        else:
            assert ours[name].tolist() == expected[name].tolist()
