"""Collect records into arrays, and say what is missing or failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.tables.contenders import Contender
from benchmarks.tables.ranks import Floats
from benchmarks.tables.runner import Records
from benchmarks.tables.tables import Table, Task


@dataclass(frozen=True)
class Results:
    """The records of some tables, contenders and divisions, all of them present.

    Args:
        tables (Sequence[Table]): Tables.
        contenders (Sequence[Contender]): Contenders.
        splits (Sequence[int]): Divisions.
        records (dict): Record of each table, division and contender.
    """

    tables: Sequence[Table]
    contenders: Sequence[Contender]
    splits: Sequence[int]
    records: Records

    def of(self, task: Task) -> Results:
        """Return the results on the tables of one task."""
        tables = [table for table in self.tables if table.task == task]
        return Results(tables, self.contenders, self.splits, self.records)

    def measure(self, name: str) -> Floats:
        """Return a measure, ``[tables, contenders, divisions]``, NaN where a run failed."""
        return np.array(
            [
                [
                    [self._value(table, contender, split, name) for split in self.splits]
                    for contender in self.contenders
                ]
                for table in self.tables
            ],
            dtype=np.float64,
        ).reshape(len(self.tables), len(self.contenders), len(self.splits))

    def constant(self, name: str) -> Floats:
        """Return a measure of the constant prediction, ``[tables]``, as mean over divisions."""
        return np.array(
            [np.mean([self._constant(table, split, name) for split in self.splits]) for table in self.tables]
        )

    def failures(self) -> list[tuple[str, str, list[int], str]]:
        """Return contender, table, divisions and message of runs that failed, those of equal messages together."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for contender in self.contenders:
            for table in self.tables:
                for split in self.splits:
                    failure = self.records[table.name, split, contender.name].get("failure")
                    if failure is not None:
                        found.setdefault((contender.title, table.name, failure), []).append(split)
        return [(title, table, splits, failure) for (title, table, failure), splits in found.items()]

    def commits(self) -> list[str]:
        """Return the commits of fitwell at which its runs were made."""
        return sorted({record["commit"] for record in self._all() if "commit" in record})

    def _all(self) -> Iterator[dict[str, Any]]:
        for table in self.tables:
            for contender in self.contenders:
                yield from (self.records[table.name, split, contender.name] for split in self.splits)

    def _value(self, table: Table, contender: Contender, split: int, name: str) -> float:
        record = self.records[table.name, split, contender.name]
        return float("nan") if "failure" in record else record[name]

    def _constant(self, table: Table, split: int, name: str) -> float:
        found = (self.records[table.name, split, contender.name] for contender in self.contenders)
        return next((record["constant"][name] for record in found if "constant" in record), float("nan"))


def collect(
    records: Records, tables: Sequence[Table], contenders: Sequence[Contender], splits: Sequence[int]
) -> Results:
    """Return the results on the tables for which every contender has a record in every division."""
    complete = [
        table
        for table in tables
        if all((table.name, split, other.name) in records for split in splits for other in contenders)
    ]
    return Results(complete, contenders, splits, records)
