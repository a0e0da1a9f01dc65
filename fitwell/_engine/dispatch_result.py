"""What a dispatch returns, read on the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass
class EpochLogs:
    """The results of finished epochs: ``table[i, j]`` is the value of ``names[j]`` after the i-th of them."""

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
    """What a dispatch tells: results of the epochs it finished, running results, how long it took.

    epochs: results of each finished epoch, in order. running: the metrics when it ended, by name: of the epoch
    that is open, or of the last one.
    stop: whether a policy ended the run. bad_step: the step whose loss or gradient was not finite, or -1.
    step_before: the number of updates made before the dispatch.
    finite: whether the weights that the dispatch left are.
    """

    epochs: EpochLogs
    running: dict[str, float]
    seconds: float
    stop: bool
    first_nonfinite_step: int
    step_before: int
    finite: bool
