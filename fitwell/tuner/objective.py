"""The objective of a search, which is a metric and its direction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fitwell._param_validation import Predicate, String, validate_param
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.errors import InvalidArgument, did_you_mean

__all__ = ["Objective", "as_objective"]

_DIRECTION = Predicate(lambda value: isinstance(value, str) and value in ("min", "max"), "'min' or 'max'")


@dataclass(frozen=True)
class Objective:
    """A metric to optimize, and the direction in which it improves.

    Args:
        name (str): Name of the metric in the history, such as ``"val_loss"``.
        direction (str): ``"min"`` if lower values are better, or ``"max"`` if higher values are better.

    Raises:
        InvalidArgument: If the name is not a string, or if the direction is not ``"min"`` or ``"max"``.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Objective("val_f1", "max").best([0.1, 0.7, float("nan")])
        0.7

    Source: KerasTuner `Objective`.
    """

    name: str
    direction: str

    def __post_init__(self) -> None:
        validate_param("Objective", "name", self.name, String())
        validate_param("Objective", "direction", self.direction, _DIRECTION)

    @property
    def description(self) -> str:
        """The name and the direction as a human-readable string."""
        return f"{self.name} ({self.direction})"

    @property
    def sign(self) -> int:
        """Factor that turns the metric into a value to minimize: 1 for ``"min"`` and -1 for ``"max"``."""
        return 1 if self.direction == "min" else -1

    @property
    def worst(self) -> float:
        """The worst possible value, which is assigned to models whose loss became NaN."""
        return self.sign * math.inf

    def best(self, values: Iterable[float]) -> float:
        """Return the best finite value, or the worst possible value if none is finite."""
        finite = [value for value in values if math.isfinite(value)]
        return (min if self.direction == "min" else max)(finite, default=self.worst)

    def check_measured(self, measured: Sequence[str]) -> None:
        """Check that the metric is in `measured`, and raise `InvalidArgument` if it is not."""
        if self.name not in measured:
            raise InvalidArgument(
                f"objective={self.name!r} is not measured{did_you_mean(self.name, measured) or '.'} The measured "
                f"metrics are: {', '.join(measured)}. Add other metrics with model.compile(metrics=[...]), or let a "
                "callback add them to the logs at the end of each epoch."
            )


def as_objective(objective: Any) -> Objective:
    """Convert `objective` to an `Objective`. The direction of a metric is inferred from its name."""
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        direction = infer_mode(objective)
        if direction is None:
            hint = did_you_mean(objective, ("loss", "val_loss", "accuracy", "val_accuracy")) or "."
            raise InvalidArgument(
                f"objective={objective!r} is not a known metric{hint} If it is a custom metric, specify its direction: "
                f"fw.tuner.Objective({objective!r}, 'max'), or 'min' if lower values are better"
            )
        return Objective(objective, direction)
    raise InvalidArgument(
        f"objective: expected the name of a metric such as 'val_loss', or fw.tuner.Objective(name, direction), "
        f"got {objective!r}"
    )
