"""The options of a command about its data and the splits."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field

from fitwell.errors import InvalidArgument

__all__ = ["DataOptions"]


@dataclass(frozen=True)
class DataOptions:
    """Options about data and splits; None or empty if not given.

    keep: columns of a table to use although they look like identifiers or free text.
    drop: columns to ignore.
    types: the type of a column by name, one of `fitwell._data.column_types.TYPES`.
    separator: the separator of the cells of a text file.
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
        """Create the options from the parsed arguments of a command."""
        types = dict(options.type)
        conflicts = [name for name, kind in options.type if types[name] != kind]
        if conflicts:
            raise InvalidArgument(f"--type gives two different types for {conflicts[0]!r}")
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
