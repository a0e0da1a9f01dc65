"""Processes that share a population: each trains a part, and the files are merged."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import fitwell as fw
from fitwell.errors import FileError, InvalidArgument
from tests.population import training_part
from tests.population.training_part import RATES, build, train


def rows_of(population):
    """Return the results in a fixed order."""
    table = population.results.sort_values(["rate", "seed", "fold"])
    return table.drop(columns="member", errors="ignore").reset_index(drop=True)


@pytest.mark.slow
def test_two_processes_train_what_one_does(tmp_path):
    files = [tmp_path / f"part-{rank}.fit" for rank in range(2)]
    other = subprocess.Popen(
        [sys.executable, training_part.__file__, "1", "2", str(files[1])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    train(RATES[0::2], folds=2).save(files[0])
    whole = train(RATES, folds=2)
    assert other.wait(timeout=300) == 0

    parts = fw.Population.load(files, build)
    # To rounding: tests may be compiled differently from the program of a separate process.
    pd.testing.assert_frame_equal(rows_of(parts), rows_of(whole), rtol=1e-5)
    np.testing.assert_allclose(parts.best().get_weights()[0], whole.best().get_weights()[0], rtol=1e-5)
    parts.save(tmp_path / "whole.fit")
    assert fw.Population.load(tmp_path / "whole.fit", build).results.equals(parts.results)


def test_members_from_several_files_are_one_population(tmp_path):
    files = []
    for number, rate in enumerate(RATES):
        files.append(tmp_path / f"{number}.fit")
        train([rate]).save(files[-1])
    parts, whole = fw.Population.load(files, build), train(RATES)
    assert parts.results.equals(whole.results)
    x = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(parts.predict(x), whole.predict(x))


def test_files_that_do_not_belong_together(tmp_path):
    files = [tmp_path / name for name in ("first.fit", "again.fit", "folds.fit")]
    for file, members, settings in zip(
        files, (RATES[:1], RATES[:2], RATES[1:]), ({}, {}, {"folds": 2}), strict=True
    ):
        train(members, **settings).save(file)
    with pytest.raises(
        FileError, match=r"again.fit' contains rate=0.01, seed 3, which an earlier file also contains"
    ):
        fw.Population.load(files[:2], build)
    with pytest.raises(
        FileError,
        match=r"folds.fit' were trained with 2 folds, but the members in the earlier files were trained with no folds",
    ):
        fw.Population.load([files[0], files[2]], build)
    with pytest.raises(InvalidArgument, match="empty list"):
        fw.Population.load([], build)
