"""Limits on the number of cells that may not match their column's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

# Minimum fraction of the cells that must match the type.
MIN_PARSED_FRACTION = 0.95
# Up to this many distinct words, such as "trace", "below" or "0000-00-00", may fill as many as half of the cells.
MAX_OTHER_WORDS = 3
# A column with at most this many distinct values is categorical even if all its values are distinct.
MIN_DISTINCT_VALUES = 10


def is_mostly_parsed(different: pd.Series, counts: NDArray[np.int64], is_parsed: NDArray[np.bool_]) -> bool:
    """Return whether enough of a column's cells were parsed to treat the others as errors or missing values.

    Args:
        different: The distinct cells.
        counts: The number of occurrences of each distinct cell.
        is_parsed: A mask of the distinct cells that were parsed.
    """
    cells, words = int(counts.sum()), int(counts[~is_parsed].sum())
    if words <= max_unparsed(cells):
        return True
    return (
        len(set(different[~is_parsed])) <= MAX_OTHER_WORDS
        and 2 * words <= cells
        and len(different[is_parsed]) > MIN_DISTINCT_VALUES
    )


def max_unparsed(cells: int) -> int:
    """Return the maximum number of nonempty cells that may not match their column's type.

    It is 5 % of the cells, but at least 1 in a column of ten or more cells.

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
