"""Tables in random dialects are read back exactly, in training and in prediction.

Each case samples a dialect: number format, date format, missing-value marker, separator, encoding, stray cells. The
numbers written are known, so they are compared with the network's inputs one by one.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell._data.columns import DateColumn, NumberColumn
from fitwell._data.preprocessor_io import load_preprocessor, save_preprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import read_raw_table
from fitwell._data.target import ClassTarget
from fitwell.cli.data_options import DataOptions
from fitwell.cli.datasets import load_data
from fitwell.cli.prepared_data import PreparedData

ROWS = 60
CASES = 200

DATES = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y",
    "%m/%d/%Y %I:%M %p", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%d/%m/%y", "%Y/%m/%d", "%d-%m-%Y %H:%M", "%Y%m%d",
    "%a, %d %b %Y %H:%M:%S GMT", "%Y-%m-%d %H:%M:%S+02:00",
)  # fmt: skip
LABELS = (
    ["yes", "no"],
    ["+", "-"],
    ["None", "Mild", "Severe"],
    ["NA", "EU", "AS"],
    ["?", "known"],
    ["007", "010"],
)


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    decimal: str
    group: str
    places: int
    unit: tuple[str, str]
    minus: str
    date: str
    missing: str
    separator: str
    encoding: str
    stray: str
    sep_line: bool
    quoting: int
    labels: tuple[str, ...] | None

    @classmethod
    def draw(cls, seed: int) -> Dialect:
        """Return the dialect of a seed."""
        random = np.random.default_rng(seed)

        def one(*choices: Any) -> Any:
            return choices[int(random.integers(len(choices)))]

        decimal = one(".", ",")
        other = "," if decimal == "." else "."
        labels = one(None, None, *LABELS)
        return cls(
            decimal,
            one("", other, other, " ", "\u00a0", "\u202f", "'", "’"),
            one(0, 1, 2, 3),
            one(
                ("", ""),
                ("", ""),
                ("€", ""),
                ("", " €"),
                ("$", ""),
                ("CHF ", ""),
                ("", " USD"),
                ("", " %"),
                ("", "%"),
            ),
            one("-", "-", "\u2212", "()", "after"),
            one(*DATES),
            one("", "NA", "n/a", "-", "?", "null", "#N/A", "nan"),
            one(",", ";", "\t", "|"),
            one("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"),
            one("", "", "N.D.", "<1.0", "#REF!", "k.A."),
            one(False, False, True),
            one(csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL),
            None if labels is None else tuple(labels),
        )

    def number(self, value: float) -> str:
        """Write a number, NaN as a missing one."""
        if np.isnan(value):
            return self.missing
        marks = str.maketrans({",": self.group, ".": self.decimal})
        text = self.unit[0] + f"{abs(value):,.{self.places}f}".translate(marks) + self.unit[1]
        if value >= 0:
            return text
        return {"()": f"({text})", "after": f"{text}-"}.get(self.minus, f"{self.minus}{text}")


@dataclass(frozen=True)
class Written:
    """A table as it is known, and its file."""

    amount: np.ndarray
    weight: np.ndarray
    when: pd.DatetimeIndex
    y: np.ndarray
    path: Path


def write(dialect: Dialect, folder: Path, seed: int) -> Written:
    """Write a table in a dialect."""
    random = np.random.default_rng(seed)
    amount = np.round(random.uniform(-9_000, 90_000, ROWS), dialect.places)
    weight = np.round(random.uniform(1, 9, ROWS), 2)
    amount[[5, 20]] = np.nan
    when = pd.Timestamp("2019-03-01") + pd.to_timedelta(random.integers(0, 1500, ROWS), "D")
    when += pd.to_timedelta(random.integers(0, 86_400, ROWS), "s")
    if dialect.labels:
        y = np.array(dialect.labels)[random.integers(len(dialect.labels), size=ROWS)]
        target = list(y)
    else:
        y = np.round(random.normal(5_000, 3_000, ROWS), 2)
        two = Dialect(**{**vars(dialect), "places": 2, "unit": ("", "")})
        target = [two.number(value) for value in y]
    plain = Dialect(**{**vars(dialect), "places": 2, "unit": ("", ""), "group": ""})
    amounts, weights = [dialect.number(value) for value in amount], [plain.number(value) for value in weight]
    dates = list(when.strftime(dialect.date))
    if dialect.stray:
        amounts[33], dates[31] = dialect.stray, dialect.stray
        amount[33] = np.nan
    text = io.StringIO()
    if dialect.sep_line:
        text.write(f"sep={dialect.separator}\r\n")
    writer = csv.writer(text, delimiter=dialect.separator, quoting=dialect.quoting)
    writer.writerow(["amount", "weight", "when", "Straße", "y"])
    writer.writerows(zip(amounts, weights, dates, random.choice(["é", "ü"], ROWS), target))
    path = folder / "t.csv"
    path.write_bytes(text.getvalue().encode(dialect.encoding, errors="replace"))
    read = pd.DatetimeIndex(
        pd.to_datetime(when.strftime(dialect.date), format=dialect.date, utc=True).tz_localize(None)
    )
    if dialect.date.endswith("+02:00"):
        read -= pd.Timedelta(hours=2)
    return Written(amount, weight, read, y, path)


def numbers(problem: PreparedData, x: np.ndarray, name: str) -> np.ndarray:
    """Return a column of the network's inputs in its own units."""
    assert isinstance(problem.preprocessor, TablePreprocessor)
    used = {column.name: column for column in problem.preprocessor.columns}
    assert name in used, f"{name!r} was dropped: {problem.preprocessor.dropped[name]}"
    column = used[name]
    assert isinstance(column, NumberColumn | DateColumn), f"{name!r} is {column.kind}"
    feature = name if isinstance(column, NumberColumn) else f"{name}: days"
    mean, scale = (
        (column.mean, column.scale) if isinstance(column, NumberColumn) else column.parts["days"][1:]
    )
    values = x[:, problem.preprocessor.feature_names.index(feature)].astype(np.float64) * scale + mean
    if f"{name} is missing" in problem.preprocessor.feature_names:
        values[x[:, problem.preprocessor.feature_names.index(f"{name} is missing")] == 1] = np.nan
    return values


def days(when: pd.DatetimeIndex, stray: str) -> np.ndarray:
    """Return days since 1970; none where a stray cell was written."""
    found = ((when - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64).copy()
    if stray:
        found[31] = np.nan
    return found


def show(dialect: Dialect) -> str:
    """Return the settings that are not the commonest, for messages."""
    return ", ".join(f"{name}={value!r}" for name, value in vars(dialect).items())


def can_be_written(dialect: Dialect) -> bool:
    """Return whether its encoding has all its signs."""
    return dialect.encoding != "cp1252" or (dialect.group != "\u202f" and dialect.minus != "\u2212")


# A quarter of the cases on every run, the others in CI.
@pytest.mark.parametrize("block", [0, *(pytest.param(block, marks=pytest.mark.slow) for block in (1, 2, 3))])
def test_a_dialect_is_read_back(tmp_path: Path, block: int) -> None:
    for seed in range(block, CASES, 4):
        dialect = Dialect.draw(seed)
        if not can_be_written(dialect):
            continue
        told = show(dialect)
        written = write(dialect, tmp_path, seed)
        problem = load_data(str(written.path), DataOptions("y", seed=seed))
        parts = (problem.train, problem.validation, problem.test)
        x, true = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "true"))
        columns = (
            ("amount", written.amount, 0.05),
            ("weight", written.weight, 1e-3),
            ("when", days(written.when, dialect.stray), 0.01),
        )
        for name, expected, close in columns:
            got = numbers(problem, x, name)
            if np.isnan(expected).any() and not np.isnan(got).any():
                # Missing in rows that are held out only: filled in, with a note.
                assert any(repr(name) in note for note in problem.notes), told
                continue
            got, expected = (np.sort(values[~np.isnan(values)]) for values in (got, expected))
            np.testing.assert_allclose(got, expected, atol=close, err_msg=f"{name}: {told}")
        if isinstance(problem.target, ClassTarget):
            assert problem.target.classes == sorted(set(written.y)), told
            counts = [int((written.y == label).sum()) for label in problem.target.classes]
            assert np.bincount(true).tolist() == counts, told
        else:
            np.testing.assert_allclose(np.sort(true), np.sort(written.y), err_msg=told)
        # The same file to predict from, by the preparation as it is on the disk.
        save_preprocessor(problem.preprocessor, tmp_path / "preprocessing.json")
        preprocessor = load_preprocessor(tmp_path / "preprocessing.json")
        again = preprocessor.transform(read_raw_table(written.path, preprocessor.text_columns))
        for name, expected, close in columns:
            got, there = numbers(problem, again, name), ~np.isnan(expected)
            np.testing.assert_allclose(got[there], expected[there], atol=close, err_msg=f"{name}: {told}")
