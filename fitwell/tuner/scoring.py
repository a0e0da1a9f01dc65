"""Value of a trial: the objective of its members at their best epochs."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwell.tuner.objective import Objective

__all__ = ["LearningCurve", "Score", "best_common_epoch", "best_per_curve"]


@dataclass
class LearningCurve:
    """Learning curve of one member of a trial.

    values: values of the objective.
    epochs: epochs (from 0) after which it was measured.
    status: status of the member, as in `Population.results`.
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
        """Whether training ended regularly."""
        return self.status not in ("interrupted", "not trained", "running")

    def value_at(self, epoch: int) -> float:
        """Return the last value measured up to `epoch`; a stopped run keeps its last value."""
        count = bisect.bisect_right(self.epochs, epoch)
        return self.values[count - 1] if count else math.nan


# For each curve a value, and the epoch of that value.
Score = tuple[list[float], list[int]]


def best_per_curve(curves: Sequence[LearningCurve], objective: Objective) -> Score | None:
    """Return the best value of each curve, or None if one has no finite value."""
    values = [objective.best(curve.values) for curve in curves]
    if not all(map(math.isfinite, values)):
        return None
    return values, [
        curve.epochs[curve.values.index(value)] for curve, value in zip(curves, values, strict=True)
    ]


def best_common_epoch(curves: Sequence[LearningCurve], objective: Objective) -> Score | None:
    """Return the values at the epoch with the best mean, or None if no mean is finite.

    A final model is trained on all rows for this number of epochs, because it has no validation rows to stop on.
    The best epoch of each fold would favor settings with noisy curves.
    """
    epochs = sorted({epoch for curve in curves for epoch in curve.epochs})
    table = [[curve.value_at(epoch) for curve in curves] for epoch in epochs]
    means = [sum(row) / len(row) for row in table]
    best = objective.best(means)
    if not math.isfinite(best):
        return None
    index = means.index(best)
    return table[index], [epochs[index]] * len(curves)
