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
        images: Name of the column with the paths of image files.
        image_size: Height and width to which images are converted.
        use_folds: Whether the networks are validated by cross-validation, so that no rows are held out for validation,
            and by default none for testing.
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
    images: str | None = None
    image_size: tuple[int, int] | None = None
    use_folds: bool = False

    @classmethod
    def from_namespace(cls, options: Namespace, *, use_folds: bool = False) -> DataOptions:
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
            options.images,
            options.image_size,
            use_folds,
        )

    @property
    def holdout_fractions(self) -> tuple[float | None, float | None]:
        """The fractions of the rows to hold out for validation and for testing. None means the default fraction.

        Raises:
            InvalidArgument: If rows that are needed are not held out, or if rows that are not needed are held out.
        """
        if self.use_folds:
            if self.validation_fraction is not None:
                raise InvalidArgument(
                    "--validation-fraction only applies to --network mlp; the tabular networks are validated on folds"
                )
            return 0.0, self.test_fraction or 0.0
        if self.validation_fraction == 0:
            raise InvalidArgument(
                "--validation-fraction must be above 0, because early stopping needs validation rows"
            )
        if self.test_fraction == 0:
            raise InvalidArgument(
                "--test-fraction must be above 0, because test rows are needed to score the network"
            )
        return self.validation_fraction, self.test_fraction
