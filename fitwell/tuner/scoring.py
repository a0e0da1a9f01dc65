"""Computation of a trial's value from the learning curves of its members."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fitwell.tuner.objective import Objective

__all__ = ["LearningCurve", "Score", "best_common_epoch", "best_per_curve"]


@dataclass
class LearningCurve:
    """The learning curve of one member of a trial.

    Attributes:
        values: Values of the objective.
        epochs: 0-based epochs in which the values were measured.
        seed: The member's seed.
        status: The member's status, as in `Population.results`.
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
        """Whether training ended normally, without an interruption."""
        return self.status not in ("interrupted", "not trained", "running")

    def value_at(self, epoch: int) -> float:
        """Return the last value that was measured up to `epoch`, or NaN if there is none."""
        count = bisect.bisect_right(self.epochs, epoch)
        return self.values[count - 1] if count else math.nan


# A list with one value per curve, and a list with the epochs of these values.
Score = tuple[list[float], list[int]]


def best_per_curve(curves: Sequence[LearningCurve], objective: Objective) -> Score | None:
    """Return each curve's best value and its epoch, or None if any curve has no finite value."""
    values = [objective.best(curve.values) for curve in curves]
    if not all(map(math.isfinite, values)):
        return None
    return values, [
        curve.epochs[curve.values.index(value)] for curve, value in zip(curves, values, strict=True)
    ]


def best_common_epoch(curves: Sequence[LearningCurve], objective: Objective) -> Score | None:
    """Return all curves' values at the epoch with the best mean, and this epoch, or None if no mean is finite.

    All curves share one epoch because the final model is trained on all rows up to that epoch, without validation rows
    that could stop it earlier. Using the best epoch of each fold instead would favor settings with noisy curves.
    """
    epochs = sorted({epoch for curve in curves for epoch in curve.epochs})
    table = [[curve.value_at(epoch) for curve in curves] for epoch in epochs]
    means = [sum(row) / len(row) for row in table]
    best = objective.best(means)
    if not math.isfinite(best):
        return None
    index = means.index(best)
    return table[index], [epochs[index]] * len(curves)
