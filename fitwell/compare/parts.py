"""The rows of a comparison: which part each repeat trains on, validates with and is judged by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell.data.fingerprint import fingerprint
from fitwell.data.splits import Split, split_rows
from fitwell.errors import DataError, InvalidArgument

VARY = ("splits", "seeds")

# How often the parts of a table's rows have been looked at in this process; a part is row numbers, or all of them.
_looks: defaultdict[tuple[Any, ...], Counter[bytes | None]] = defaultdict(Counter)
_ALL = None


@dataclass(frozen=True)
class Parts:
    """How the rows of a comparison are divided.

    splits: one for each repeat. varied: what differs from repeat to repeat, in words. overlap: see
    `statistics.mean_interval`. x_test, y_test: test rows given apart; None takes those of the splits.
    """

    splits: Sequence[Split]
    varied: str
    overlap: float
    x: Any
    y: Any
    x_test: Any = None
    y_test: Any = None

    def training(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return the rows that each repeat trains on and validates with."""
        return [(split.train, split.validation) for split in self.splits]

    @property
    def notes(self) -> list[str]:
        """What the reader must know of how the rows were divided, such as classes too rare for every part."""
        return list(dict.fromkeys(note for split in self.splits for note in split.notes))

    def test(self, repeat: int) -> tuple[Any, Any]:
        """Return the rows that judge a repeat."""
        if self.y_test is not None:
            return self.x_test, self.y_test
        rows = self.splits[repeat].test
        return take(self.x, rows), take(self.y, rows)

    def look(self) -> int:
        """Count one more look at the test rows, and return how many there have been.

        Repeats that divide the rows anew judge by all of them together, whatever the seed: by every part.
        """
        given = self.y_test is not None
        looked = _looks[tuple(fingerprint(_comparable(self.y_test if given else self.y)).items())]
        same = given or all(split is self.splits[0] for split in self.splits)
        part = self.splits[0].test.tobytes() if same else _ALL
        looked[part] += 1
        return looked.total() if part is _ALL else looked[part] + looked[_ALL]


def divide(
    data: Any,
    test_data: Any,
    labels: NDArray[Any] | None,
    seeds: Sequence[int],
    *,
    vary: str,
    validation_size: float | None,
    test_size: float | None,
) -> Parts:
    """Divide rows once for all repeats (``vary="seeds"``) or for each anew (``"splits"``)."""
    if vary not in VARY:
        raise InvalidArgument(f"vary must be 'splits' or 'seeds', got {vary!r}")
    if test_data is not None and test_size is not None:
        raise InvalidArgument(
            "compare: with test_data no rows are held out for the test; leave test_size out"
        )
    if test_data is None and test_size == 0:
        raise InvalidArgument(
            "compare: test_size must be above 0, or give test_data: some rows have to judge"
        )
    x, y = data
    rows = count(y)
    if count(x) != rows:
        # Models take a list of rows for rows; here it cannot be told from a list of inputs.
        raise DataError(
            f"compare: x has {count(x)} rows and y {rows}; if x is a list of rows, write np.stack(x)"
        )
    test = 0.0 if test_data is not None else test_size

    def split(seed: int) -> Split:
        return split_rows(rows, classes=labels, validation=validation_size, test=test, seed=seed % 2**32)

    same = split(seeds[0])
    if vary == "seeds" or not (len(same.validation) or len(same.test)):
        # Where no rows are held out there is only one way to divide them.
        varied = (
            f"each has a seed of its own for weights, order and noise, all have the same {_sizes(same, test_data)}; "
            "what they find holds for these rows"
        )
        return Parts([same] * len(seeds), varied, 0.0, x, y, *(test_data or ()))
    splits = [same, *(split(seed) for seed in seeds[1:])]
    # Of rows to train on only: with those for validation too, small tables raise false alarms in 7 of 100.
    overlap = len(splits[0].test) / len(splits[0].train)
    varied = (
        f"each has a seed of its own for weights, order and noise, and divides the rows anew into "
        f"{_sizes(splits[0], test_data)}"
    )
    if test_data is not None:
        # Two ideas that are equal on the whole differ on given rows; repeats that share these cannot tell.
        varied += "; what they find holds for these test rows and this table"
    else:
        varied += (
            "; what they find is about tables like this one, so intervals and p-values allow for the rows that repeats "
            "share (Nadeau & Bengio 2003)"
        )
    return Parts(splits, varied, overlap, x, y, *(test_data or ()))


def count(data: Any) -> int:
    """Return the number of rows of an array, a frame, or a list, tuple or dict of them."""
    return len(_first(data))


def take(data: Any, rows: NDArray[Any]) -> Any:
    """Return some rows of an array, a frame, or a list, tuple or dict of them."""
    if isinstance(data, Mapping):
        return {name: take(part, rows) for name, part in data.items()}
    if is_list_of_arrays(data):
        return type(data)(take(part, rows) for part in data)
    return data.iloc[rows] if hasattr(data, "iloc") else np.asarray(data)[rows]


def is_list_of_arrays(data: Any) -> bool:
    """Return whether `data` is a list or tuple of arrays, one for each input or target, rather than of numbers."""
    return isinstance(data, list | tuple) and len(data) > 0 and len(getattr(data[0], "shape", ())) > 0


def _first(data: Any) -> Any:
    if isinstance(data, Mapping):
        return next(iter(data.values()))
    return data[0] if is_list_of_arrays(data) else data


def _comparable(data: Any) -> Any:
    """Return targets so that their fingerprint is the same whether they are integers, floats or categories."""
    if isinstance(data, Mapping):
        return {name: _comparable(part) for name, part in data.items()}
    if is_list_of_arrays(data):
        return [_comparable(part) for part in data]
    array = np.asarray(data)
    return array.astype(np.float64 if array.dtype.kind in "biuf" else str).reshape(len(array), -1)


def _sizes(split: Split, test_data: Any) -> str:
    held = [(len(split.validation), "validation"), (len(split.test), "test")]
    sizes = [f"{len(split.train):,} training", *(f"{rows:,} {what}" for rows, what in held if rows)]
    words = " and ".join(filter(None, [", ".join(sizes[:-1]), sizes[-1]])) + " rows"
    return words if test_data is None else f"{words}, judged by the {count(test_data[1]):,} test rows given"
