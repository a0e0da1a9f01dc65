"""fitwell at its defaults: the estimators for tables, and the command line through files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.tables.part import Part, Predictions

TARGET = "y"


def estimator(part: Part) -> Predictions:
    """`fitwell.tabular`, with data frames as they are."""
    from fitwell.tabular import TabularClassifier, TabularRegressor

    if part.is_classes:
        return np.asarray(
            TabularClassifier(random_state=0).fit(part.train, part.y).predict_proba(part.test), np.float64
        )
    return np.asarray(TabularRegressor(random_state=0).fit(part.train, part.y).predict(part.test), np.float64)


def command_line(part: Part) -> Predictions:
    """`fitwell train` and `fitwell predict`, with CSV files in a temporary folder."""
    # A table may have a column of that name.
    target = next(name for name in (TARGET, "target_y") if name not in part.train)
    with TemporaryDirectory() as name:
        folder = Path(name)
        y = np.asarray(part.labels, dtype=object)[part.y] if part.is_classes else part.y
        part.train.assign(**{target: y}).to_csv(folder / "train.csv", index=False)
        part.test.to_csv(folder / "test.csv", index=False)
        _call(folder, "train", "train.csv", "--target", target, "--output", "run", "--quiet")
        _call(folder, "predict", "run", "test.csv", "-o", "predictions.csv")
        found = pd.read_csv(folder / "predictions.csv")
    if part.is_classes:
        return found[[f"probability_{label}" for label in part.labels]].to_numpy(np.float64)
    return found[f"predicted_{target}"].to_numpy(np.float64)


def _call(folder: Path, *arguments: str) -> None:
    """Run the command, and raise its last lines if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "fitwell", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"fitwell {arguments[0]} failed: {' '.join(done.stderr.split())[-300:]}")
