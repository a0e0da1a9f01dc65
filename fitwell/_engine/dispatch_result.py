"""The result of a dispatch, copied to the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["DispatchResult", "EpochLogs"]


@dataclass
class EpochLogs:
    """The logged results of the epochs that a dispatch finished.

    Attributes:
        names: The names of the results.
        table: An array with one row per epoch and one column per name.
    """

    names: list[str]
    table: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in self.table.tolist():
            yield dict(zip(self.names, row, strict=True))

    def columns(self) -> dict[str, list[float]]:
        """Return a dict that maps each name to its values in all epochs."""
        return dict(zip(self.names, self.table.T.tolist(), strict=True))


@dataclass
class DispatchResult:
    """The result of a dispatch.

    Attributes:
        epochs: The results of each finished epoch, in order.
        running: The metrics at the end of the dispatch, keyed by name. They belong to the unfinished epoch if there is
            one, and to the last finished epoch otherwise.
        seconds: The dispatch's duration in seconds.
        stop: Whether a policy ended the run.
        first_nonfinite_step: The first step whose loss or gradient was not finite, or -1 if there was none.
        step_before: The number of updates before the dispatch.
        finite: Whether the weights after the dispatch are finite.
    """

    epochs: EpochLogs
    running: dict[str, float]
    seconds: float
    stop: bool
    first_nonfinite_step: int
    step_before: int
    finite: bool
