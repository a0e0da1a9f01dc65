"""Helpers of the plot tests: hand-made histories and members, and queries of figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from fitwell._history import History
from fitwell.population.members import Member

matplotlib.use("Agg")

NAMES = [
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "adadelta",
    "rmsprop",
    "adam",
    "nadam",
    "adamax",
    "a",
    "b",
    "c",
]


def history(**columns: Sequence[float]) -> History:
    """Return a history with the values of each metric, starting at the first epoch."""
    made = History()
    for epoch in range(max(map(len, columns.values()), default=0)):
        made.append(epoch, {name: values[epoch] for name, values in columns.items() if epoch < len(values)})
    return made


def member(
    setting: dict[str, Any], seed: int = 0, fold: int | None = None, **columns: Sequence[float]
) -> Member:
    """Return a member in its state after `fit`."""
    lost = not all(np.isfinite(values).all() for values in columns.values())
    status = "NaN in epoch 1" if lost else "finished"
    return Member(setting, seed, None, None, fold, history(**columns), status)  # type: ignore[arg-type]


def curve(level: float, epochs: int = 12) -> list[float]:
    """Return a loss curve that decreases from 2 to about `level`."""
    return [level + (2 - level) * 0.6**epoch for epoch in range(epochs)]


def ticks(axes: Axes, which: str = "x") -> list[float]:
    """Return the visible major ticks."""
    axes.figure.canvas.draw()
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    return [float(tick) for tick in getattr(axes, f"get_{which}ticks")() if low <= tick <= high]


def overlaps(axes: Axes, which: str = "x") -> int:
    """Return the number of overlapping tick labels."""
    axes.figure.canvas.draw()
    labels = [label for label in getattr(axes, f"get_{which}ticklabels")() if label.get_text()]
    boxes = [label.get_window_extent() for label in labels if label.get_visible()]
    return sum(bool(one.overlaps(other)) for one, other in itertools.combinations(boxes, 2))


def cut_off(axes: Axes) -> bool:
    """Return whether anything around the axes is outside the figure."""
    axes.figure.canvas.draw()
    box, whole = axes.get_tightbbox(), axes.figure.bbox
    assert box is not None
    return bool(box.x0 < -1 or box.y0 < -1 or box.x1 > whole.x1 + 1 or box.y1 > whole.y1 + 1)


def legend_texts(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def note(axes: Axes) -> str:
    """Return the note above the axes."""
    return axes.get_title(loc="right").replace("\n", " ")


def inside(values: Iterable[float], limits: tuple[float, float]) -> bool:
    return all(limits[0] <= value <= limits[1] for value in values)
