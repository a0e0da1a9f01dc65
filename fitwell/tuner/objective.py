"""What a search looks for: the best value of one metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fitwell.arguments import Suits, Text, check
from fitwell.callbacks.directions import told_by_name
from fitwell.errors import InvalidArgument, nearest

_DIRECTION = Suits(lambda value: isinstance(value, str) and value in ("min", "max"), "'min' or 'max'")


@dataclass(frozen=True)
class Objective:
    """A metric as the history names it, and whether it should be small (``"min"``) or large (``"max"``)."""

    name: str
    direction: str

    def __post_init__(self) -> None:
        check("Objective", "name", self.name, Text())
        check("Objective", "direction", self.direction, _DIRECTION)

    @property
    def told(self) -> str:
        """The metric and its direction in words."""
        return f"{self.name} ({self.direction})"

    @property
    def worst(self) -> float:
        """The value of a model whose loss became NaN."""
        return math.inf if self.direction == "min" else -math.inf

    def best(self, values: Iterable[float]) -> float:
        """Return the best finite one of `values`, the worst possible value when there is none."""
        finite = [value for value in values if math.isfinite(value)]
        return (min if self.direction == "min" else max)(finite, default=self.worst)

    def check(self, measured: Sequence[str]) -> None:
        """Refuse a metric that is not among those `measured`."""
        if self.name not in measured:
            raise InvalidArgument(
                f"objective={self.name!r} is not measured{nearest(self.name, measured) or '.'} Measured: "
                f"{', '.join(measured)}. Other metrics are named in model.compile(metrics=[...]), or put into the logs "
                "by a callback at the end of each epoch."
            )


def as_objective(given: Any) -> Objective:
    """Return the objective of a metric whose name must tell its direction; or `given`, if it is one."""
    if isinstance(given, Objective):
        return given
    if isinstance(given, str):
        direction = told_by_name(given)
        if direction is None:
            hint = nearest(given, ("loss", "val_loss", "accuracy", "val_accuracy")) or "."
            raise InvalidArgument(
                f"objective={given!r}{hint} Whether a larger or a smaller value is the better one, its name does not "
                f"tell; for a metric of your own write fw.tuner.Objective({given!r}, 'max'), or 'min'"
            )
        return Objective(given, direction)
    raise InvalidArgument(
        f"objective: expected the name of a metric such as 'val_loss', or fw.tuner.Objective(name, direction), "
        f"got {given!r}"
    )
