"""Tick locators that adapt to the size of the axes.

This module imports matplotlib, so import it only inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, MaxNLocator

from fitwell._plotting.labels import font_size

__all__ = [
    "FittingFixedLocator",
    "FittingLocator",
]

_MAX_TICKS = 9
# Width of a digit and width of the gap between two labels, in font sizes.
_DIGIT_WIDTH, _LABEL_GAP = 0.64, 1.0
# Height per label on a vertical axis, in font sizes.
_LABEL_HEIGHT = 2.0


class FittingLocator(MaxNLocator):
    """A tick locator that chooses round numbers whose labels do not overlap at the current axes size.

    Args:
        letters: The length of a label in characters.
        integers: Whether to use only integers.
    """

    def __init__(self, letters: int, integers: bool) -> None:
        super().__init__(nbins=_MAX_TICKS, integer=integers, min_n_ticks=1, steps=[1, 2, 5, 10])
        self._letters = letters

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the tick positions between `vmin` and `vmax`."""
        axis = self.axis
        if axis is not None and getattr(axis, "axes", None) is not None:
            points, label = _available_points(axis, self._letters)
            self.set_params(nbins=max(1, min(_MAX_TICKS, int(points / label))))
        return super().tick_values(vmin, vmax)


class FittingFixedLocator(FixedLocator):
    """A tick locator that uses the given numbers, except those whose labels would overlap the previous label.

    Args:
        numbers: The tick positions.
        letters: The length of a label in characters.
    """

    def __init__(self, numbers: Sequence[float], letters: int) -> None:
        super().__init__(numbers)
        self._numbers = sorted(numbers)
        self._letters = letters

    def __call__(self) -> Sequence[float]:
        """Return the tick positions."""
        axis: Any = self.axis
        points, label = _available_points(axis, self._letters)
        low, high = sorted(axis.get_transform().transform(np.asarray(axis.get_view_interval())))
        kept: list[float] = []
        last = -np.inf
        for number in self._numbers:
            place = (axis.get_transform().transform(np.array([number]))[0] - low) / (high - low) * points
            if place - last >= label:
                kept.append(number)
                last = place
        return kept


def _available_points(axis: Any, letters: int) -> tuple[float, float]:
    """Return the current length of an axis and the space that one label needs, in points."""
    upright = axis.axis_name == "y"
    size = font_size("ytick.labelsize" if upright else "xtick.labelsize")
    box = axis.axes.get_window_extent()
    points = (box.height if upright else box.width) / axis.axes.get_figure(root=True).dpi * 72
    return points, _LABEL_HEIGHT * size if upright else (letters * _DIGIT_WIDTH + _LABEL_GAP) * size
