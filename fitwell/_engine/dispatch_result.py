"""The result of a dispatch, on the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["DispatchResult", "EpochLogs"]


@dataclass
class EpochLogs:
    """The results of finished epochs: ``table[i, j]`` is the value of ``names[j]`` in the i-th of them."""

    names: list[str]
    table: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in self.table.tolist():
            yield dict(zip(self.names, row, strict=True))

    def columns(self) -> dict[str, list[float]]:
        """Return the values of all epochs by name."""
        return dict(zip(self.names, self.table.T.tolist(), strict=True))


@dataclass
class DispatchResult:
    """The result of a dispatch.

    epochs: the results of each finished epoch, in order.
    running: the metrics at the end, by name: those of the open epoch or of the last one.
    seconds: the duration.
    stop: whether a policy ended the run.
    first_nonfinite_step: the first step whose loss or gradient was not finite, or -1.
    step_before: the number of updates before the dispatch.
    finite: whether the weights after the dispatch are finite.
    """

    epochs: EpochLogs
    running: dict[str, float]
    seconds: float
    stop: bool
    first_nonfinite_step: int
    step_before: int
    finite: bool
