"""The command-line options for the data and its splits."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field

from fitwell.errors import InvalidArgument

__all__ = ["DataOptions"]


@dataclass(frozen=True)
class DataOptions:
    """The options for the data and its splits. Options that were not given are None or empty.

    Attributes:
        target: Name of the column to predict.
        task: Type of problem: ``"regression"``, ``"binary"`` or ``"multiclass"``.
        validation_fraction: Fraction of the rows to hold out for validation.
        test_fraction: Fraction of the rows to hold out for testing.
        seed: Seed for the splits.
        keep: Columns to use even though they look like identifiers or free text.
        drop: Columns to ignore.
        types: A dict that maps column names to types, which are listed in `fitwell._data.column_types.TYPES`.
        separator: Character that separates the cells of a text file, or its name.
    """

    target: str | None = None
    task: str | None = None
    validation_fraction: float | None = None
    test_fraction: float | None = None
    seed: int = 0
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None

    @classmethod
    def from_namespace(cls, options: Namespace) -> DataOptions:
        """Create the options from a command's parsed arguments."""
        types = dict(options.type)
        conflicts = [name for name, kind in options.type if types[name] != kind]
        if conflicts:
            raise InvalidArgument(f"--type specifies two different types for the column {conflicts[0]!r}")
        return cls(
            options.target,
            options.task,
            options.validation_fraction,
            options.test_fraction,
            options.seed,
            tuple(options.keep),
            tuple(options.drop),
            types,
            options.sep,
        )
