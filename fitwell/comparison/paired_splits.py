"""Splits of the data into training, validation and test rows for each repeat of a comparison."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwell._data.fingerprint import fingerprint
from fitwell._data.splits import Split, split_rows
from fitwell._typing import NumpyArray
from fitwell.errors import DataError, InvalidArgument

__all__ = [
    "ComparisonSplits",
    "count_rows",
    "is_list_of_arrays",
    "make_splits",
    "take_rows",
]

# The number of evaluations in this process, keyed by data set and by test rows. The key None stands for all rows.
_test_uses: defaultdict[tuple[Any, ...], Counter[bytes | None]] = defaultdict(Counter)
_ALL_ROWS = None


@dataclass(frozen=True)
class ComparisonSplits:
    """The data of a comparison and its splits.

    Attributes:
        splits: One split for each repeat.
        varied: A description of what varies between repeats.
        overlap: The ratio of test rows to training rows (see `statistics.mean_interval`).
        x: The inputs.
        y: The targets.
        x_test: The inputs of separate test rows. If None, each repeat uses the test rows of its split.
        y_test: The targets of separate test rows, or None.
    """

    splits: Sequence[Split]
    varied: str
    overlap: float
    x: Any
    y: Any
    x_test: Any = None
    y_test: Any = None

    def training_splits(self) -> list[tuple[NumpyArray, NumpyArray]]:
        """Return each repeat's training and validation row indices."""
        return [(split.train, split.validation) for split in self.splits]

    @property
    def notes(self) -> list[str]:
        """Caveats about the splits, such as classes with too few rows to occur in each part."""
        return list(dict.fromkeys(note for split in self.splits for note in split.notes))

    def test_data(self, repeat: int) -> tuple[Any, Any]:
        """Return the inputs and targets of a repeat's test rows."""
        if self.y_test is not None:
            return self.x_test, self.y_test
        rows = self.splits[repeat].test
        return take_rows(self.x, rows), take_rows(self.y, rows)

    def count_test_use(self) -> int:
        """Record a use of the test rows, and return how often they have been used in this process.

        If the repeats have different splits, their test sets together cover the data, so this counts as a use of all
        rows.
        """
        separate = self.y_test is not None
        uses = _test_uses[tuple(fingerprint(_normalize_targets(self.y_test if separate else self.y)).items())]
        same = separate or all(split is self.splits[0] for split in self.splits)
        key = self.splits[0].test.tobytes() if same else _ALL_ROWS
        uses[key] += 1
        return uses.total() if key is _ALL_ROWS else uses[key] + uses[_ALL_ROWS]


def make_splits(
    data: Any,
    test_data: Any,
    labels: NumpyArray | None,
    seeds: Sequence[int],
    *,
    vary: str,
    validation_size: float | None,
    test_size: float | None,
) -> ComparisonSplits:
    """Split the rows once for all repeats, or separately for each repeat.

    Args:
        data: The inputs and targets as ``(x, y)``.
        test_data: Separate test rows as ``(x, y)``, or None to hold out test rows.
        labels: The class of each row for stratified splits, or None.
        seeds: The seed of each repeat.
        vary: ``"seeds"`` to use one split for all repeats, or ``"splits"`` to split separately for each repeat.
        validation_size: The fraction of validation rows, or None for the default.
        test_size: The fraction of test rows, or None for the default.

    Returns:
        The splits.

    Raises:
        InvalidArgument: If `test_size` does not fit `test_data`.
        DataError: If the inputs and targets have different numbers of rows.
    """
    if test_data is not None and test_size is not None:
        raise InvalidArgument(
            "compare: with test_data, no rows are held out for testing, so test_size has no effect; omit test_size"
        )
    if test_data is None and test_size == 0:
        raise InvalidArgument(
            "compare: test_size must be above 0 if there is no test_data, because test rows are required"
        )
    x, y = data
    rows = count_rows(y)
    if count_rows(x) != rows:
        # `Model.fit` accepts a list of rows, but here it cannot be distinguished from a list of inputs.
        raise DataError(
            f"compare: x has {count_rows(x)} rows but y has {rows}; if x is a list of rows, write np.stack(x)"
        )
    test = 0.0 if test_data is not None else test_size

    def split(seed: int) -> Split:
        return split_rows(rows, classes=labels, validation=validation_size, test=test, seed=seed % 2**32)

    same = split(seeds[0])
    if vary == "seeds" or not (len(same.validation) or len(same.test)):
        # If no rows are held out, there is only one possible split.
        varied = (
            "each uses a different seed for weights, shuffling and noise, and the same "
            f"{_describe_sizes(same, test_data)}; "
            "the results hold only for these rows"
        )
        return ComparisonSplits([same] * len(seeds), varied, 0.0, x, y, *(test_data or ()))
    splits = [same, *(split(seed) for seed in seeds[1:])]
    # Do not count validation rows as training rows, because that gives 7 % false positives on small data sets.
    overlap = len(splits[0].test) / len(splits[0].train)
    varied = (
        f"each uses a different seed for weights, shuffling and noise, and a new random split into "
        f"{_describe_sizes(splits[0], test_data)}"
    )
    if test_data is not None:
        # Models that are equal on average may differ on these test rows, and repeats that share the rows cannot show
        # that.
        varied += "; the results hold only for these test rows and this data set"
    else:
        varied += (
            "; the results hold for similar data sets, because intervals and p-values account for training rows that "
            "repeats share (Nadeau & Bengio 2003)"
        )
    return ComparisonSplits(splits, varied, overlap, x, y, *(test_data or ()))


def count_rows(data: Any) -> int:
    """Return the number of rows in an array or data frame, or in a list, tuple or dict of arrays."""
    return len(_first_array(data))


def take_rows(data: Any, rows: NumpyArray) -> Any:
    """Select rows from an array or data frame, or from each array in a list, tuple or dict."""
    if isinstance(data, Mapping):
        return {name: take_rows(part, rows) for name, part in data.items()}
    if is_list_of_arrays(data):
        return type(data)(take_rows(part, rows) for part in data)
    return data.iloc[rows] if hasattr(data, "iloc") else np.asarray(data)[rows]


def is_list_of_arrays(data: Any) -> bool:
    """Return whether `data` is a list or tuple of arrays, rather than a list or tuple of numbers."""
    return isinstance(data, list | tuple) and len(data) > 0 and len(getattr(data[0], "shape", ())) > 0


def _first_array(data: Any) -> Any:
    if isinstance(data, Mapping):
        return next(iter(data.values()))
    return data[0] if is_list_of_arrays(data) else data


def _normalize_targets(data: Any) -> Any:
    """Convert targets so that integers, floats and categories have the same fingerprint."""
    if isinstance(data, Mapping):
        return {name: _normalize_targets(part) for name, part in data.items()}
    if is_list_of_arrays(data):
        return [_normalize_targets(part) for part in data]
    array = np.asarray(data)
    return array.astype(np.float64 if array.dtype.kind in "biuf" else str).reshape(len(array), -1)


def _describe_sizes(split: Split, test_data: Any) -> str:
    held = [(len(split.validation), "validation"), (len(split.test), "test")]
    sizes = [f"{len(split.train):,} training", *(f"{rows:,} {part}" for rows, part in held if rows)]
    words = " and ".join(filter(None, [", ".join(sizes[:-1]), sizes[-1]])) + " rows"
    return (
        words
        if test_data is None
        else f"{words}, evaluated on the {count_rows(test_data[1]):,} given test rows"
    )
