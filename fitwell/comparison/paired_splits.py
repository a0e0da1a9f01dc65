"""Training, validation and test rows of each repeat of a comparison."""

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

# Number of evaluations in this process, by data set and by test rows (None: all rows of the data set).
_test_uses: defaultdict[tuple[Any, ...], Counter[bytes | None]] = defaultdict(Counter)
_ALL_ROWS = None


@dataclass(frozen=True)
class ComparisonSplits:
    """The splits of a comparison.

    splits: one per repeat.
    varied: a sentence about what varies between repeats.
    overlap: see `statistics.mean_interval`.
    x_test, y_test: separate test rows; None uses those of the splits.
    """

    splits: Sequence[Split]
    varied: str
    overlap: float
    x: Any
    y: Any
    x_test: Any = None
    y_test: Any = None

    def training_splits(self) -> list[tuple[NumpyArray, NumpyArray]]:
        """Return the training and validation rows of each repeat."""
        return [(split.train, split.validation) for split in self.splits]

    @property
    def notes(self) -> list[str]:
        """Caveats about the splits, such as classes that are too rare for every part."""
        return list(dict.fromkeys(note for split in self.splits for note in split.notes))

    def test_data(self, repeat: int) -> tuple[Any, Any]:
        """Return the test rows of a repeat as ``(x, y)``."""
        if self.y_test is not None:
            return self.x_test, self.y_test
        rows = self.splits[repeat].test
        return take_rows(self.x, rows), take_rows(self.y, rows)

    def count_test_use(self) -> int:
        """Count one more use of the test rows, and return the number of uses in this process.

        Repeats with different splits test on all rows together, so they count as a use of every row.
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
    """Split the rows once for all repeats (``vary="seeds"``) or once per repeat (``"splits"``)."""
    if test_data is not None and test_size is not None:
        raise InvalidArgument(
            "compare: test_size cannot be combined with test_data, because no rows are held out; omit test_size"
        )
    if test_data is None and test_size == 0:
        raise InvalidArgument(
            "compare: test_size must be above 0 without test_data, because test rows are required"
        )
    x, y = data
    rows = count_rows(y)
    if count_rows(x) != rows:
        # `Model.fit` accepts a list of rows, but here it is indistinguishable from a list of inputs.
        raise DataError(
            f"compare: x has {count_rows(x)} rows but y has {rows}; if x is a list of rows, write np.stack(x)"
        )
    test = 0.0 if test_data is not None else test_size

    def split(seed: int) -> Split:
        return split_rows(rows, classes=labels, validation=validation_size, test=test, seed=seed % 2**32)

    same = split(seeds[0])
    if vary == "seeds" or not (len(same.validation) or len(same.test)):
        # Without held-out rows there is only one possible split.
        varied = (
            "each uses a different seed for weights, shuffling and noise, and the same "
            f"{_describe_sizes(same, test_data)}; "
            "the results hold for these rows"
        )
        return ComparisonSplits([same] * len(seeds), varied, 0.0, x, y, *(test_data or ()))
    splits = [same, *(split(seed) for seed in seeds[1:])]
    # Relative to training rows only. Counting validation rows too gives 7 % false alarms on small tables.
    overlap = len(splits[0].test) / len(splits[0].train)
    varied = (
        f"each uses a different seed for weights, shuffling and noise, and a new random split into "
        f"{_describe_sizes(splits[0], test_data)}"
    )
    if test_data is not None:
        # Models that are equal on average differ on given test rows, and shared test rows cannot reveal that.
        varied += "; the results hold for these test rows and this data set"
    else:
        varied += (
            "; the results hold for similar data sets, so intervals and p-values account for training rows shared "
            "between repeats (Nadeau & Bengio 2003)"
        )
    return ComparisonSplits(splits, varied, overlap, x, y, *(test_data or ()))


def count_rows(data: Any) -> int:
    """Return the number of rows of an array, a frame, or a list, tuple or dict of them."""
    return len(_first_array(data))


def take_rows(data: Any, rows: NumpyArray) -> Any:
    """Return the given rows of an array, a frame, or a list, tuple or dict of them."""
    if isinstance(data, Mapping):
        return {name: take_rows(part, rows) for name, part in data.items()}
    if is_list_of_arrays(data):
        return type(data)(take_rows(part, rows) for part in data)
    return data.iloc[rows] if hasattr(data, "iloc") else np.asarray(data)[rows]


def is_list_of_arrays(data: Any) -> bool:
    """Return whether `data` is a list or tuple of arrays, one per input or target, rather than of numbers."""
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
    sizes = [f"{len(split.train):,} training", *(f"{rows:,} {what}" for rows, what in held if rows)]
    words = " and ".join(filter(None, [", ".join(sizes[:-1]), sizes[-1]])) + " rows"
    return (
        words
        if test_data is None
        else f"{words}, evaluated on the {count_rows(test_data[1]):,} given test rows"
    )
