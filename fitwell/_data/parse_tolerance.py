"""How many cells of a column may have another type than the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

# Minimum fraction of the cells that must be parsed.
MIN_PARSED_FRACTION = 0.95
# This many distinct words may be in more cells than that: "trace", "below", "0000-00-00".
MAX_OTHER_WORDS = 3
# A column with at most this many distinct values is categorical even if all its values are distinct.
MIN_DISTINCT_VALUES = 10


def is_mostly_parsed(different: pd.Series, counts: NDArray[np.int64], read: NDArray[np.bool_]) -> bool:
    """Return whether most cells of a column were parsed, so that the others are errors or missing-value words.

    different: the distinct cells.
    counts: number of occurrences of each.
    read: which of them were parsed.
    """
    cells, words = int(counts.sum()), int(counts[~read].sum())
    if words <= max_unparsed(cells):
        return True
    return (
        len(set(different[~read])) <= MAX_OTHER_WORDS
        and 2 * words <= cells
        and len(different[read]) > MIN_DISTINCT_VALUES
    )


def max_unparsed(cells: int) -> int:
    """Return how many nonempty cells of a column may have another type: 5 %, and at least one of ten.

    >>> max_unparsed(9), max_unparsed(10), max_unparsed(300)
    (0, 1, 15)
    """
    return max(int((1 - MIN_PARSED_FRACTION) * cells + 1e-9), int(cells >= 10))


__all__ = [
    "MAX_OTHER_WORDS",
    "MIN_DISTINCT_VALUES",
    "MIN_PARSED_FRACTION",
    "is_mostly_parsed",
    "max_unparsed",
]
