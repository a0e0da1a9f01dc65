"""What a trial is worth: the objective of its members, at the epochs that their model would be taken from."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwell.tuner.objective import Objective


@dataclass
class Curve:
    """How one member of a trial trained.

    values: of the objective; epochs: after which (from 0) it was measured; status: as in `Population.results`.
    """

    values: list[float]
    epochs: list[int]
    seed: int
    status: str

    @property
    def diverged(self) -> bool:
        """Whether the loss became NaN."""
        return self.status.startswith("NaN")

    @property
    def complete(self) -> bool:
        """Whether it was trained to its end."""
        return self.status not in ("interrupted", "not trained", "running")

    def after(self, epoch: int) -> float:
        """Return the value last measured until `epoch`: a run that has stopped keeps its last one."""
        known = bisect.bisect_right(self.epochs, epoch)
        return self.values[known - 1] if known else math.nan


# For each curve a value, and the epoch it was measured after.
Score = tuple[list[float], list[int]]


def own_best(curves: Sequence[Curve], objective: Objective) -> Score | None:
    """Return each curve's best value; None when one has no finite value."""
    values = [objective.best(curve.values) for curve in curves]
    if not all(map(math.isfinite, values)):
        return None
    return values, [
        curve.epochs[curve.values.index(value)] for curve, value in zip(curves, values, strict=True)
    ]


def common_best(curves: Sequence[Curve], objective: Objective) -> Score | None:
    """Return the values after the one epoch at which they are best on average; None when they never are finite.

    This is how long a model learns from all rows, that has none left to tell it when to stop. The best epoch of
    each fold would flatter the settings whose curves are the most ragged.
    """
    epochs = sorted({epoch for curve in curves for epoch in curve.epochs})
    table = [[curve.after(epoch) for curve in curves] for epoch in epochs]
    means = [sum(row) / len(row) for row in table]
    best = objective.best(means)
    if not math.isfinite(best):
        return None
    at = means.index(best)
    return table[at], [epochs[at]] * len(curves)
