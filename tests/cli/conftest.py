"""Fixtures: a table of mixed columns, and a function that runs the command line in this process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Result:
    """Result of a command: its exit code and its output."""

    code: int
    out: str
    err: str


def run(*arguments: object) -> Result:
    """Run ``fitwell`` with these arguments."""
    from fitwell.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse: --help, --version, and mistakes in the arguments
            code = int(stop.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def fitwell() -> Callable[..., Result]:
    """Return `run`."""
    return run


def mixed_table(rows: int = 160) -> pd.DataFrame:
    """Return a table of numbers, categories, booleans, dates and gaps, with three targets that depend on them."""
    random = np.random.default_rng(0)
    area = random.normal(100, 20, rows)
    city = random.choice(["Oslo", "Paris", "Rome"], rows)
    table = pd.DataFrame(
        {
            "id": np.arange(rows),
            "area": area.round(1),
            "city": city,
            "sold": pd.date_range("2020-01-01", periods=rows, freq="5D").strftime("%Y-%m-%d"),
            "pool": random.choice([True, False], rows),
        }
    )
    table["price"] = (10 * area + 300 * (city == "Rome") + random.normal(0, 10, rows)).round(2)
    table["size"] = np.where(area > 110, "large", np.where(area < 90, "small", "medium"))
    table["sale"] = np.where(table["price"] > table["price"].median(), "yes", "no")
    table.loc[::9, "area"] = np.nan
    table.loc[::11, "city"] = None
    table.loc[[3, 7], "price"] = np.nan
    return table


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of `mixed_table` as CSV."""
    path = tmp_path_factory.mktemp("tables") / "houses.csv"
    mixed_table().to_csv(path, index=False)
    return path
