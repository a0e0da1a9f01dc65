"""Ticks as many as there is room for; imported with matplotlib, when something is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from fitwell.drawing.text import size_of_font

_MOST = 9
# How wide a digit is, and the room between two labels, as shares of the letters.
_DIGIT, _BETWEEN = 0.64, 1.0
# How high the room of a label is.
_HIGH = 2.0


class Roomy(MaxNLocator):
    """Ticks at round numbers whose labels do not meet, however small the axes are at the moment.

    whole: at integers only. letters: how long a label is.
    """

    def __init__(self, letters: int, whole: bool) -> None:
        super().__init__(nbins=_MOST, integer=whole, min_n_ticks=1, steps=[1, 2, 5, 10])
        self._letters = letters

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the places of ticks between two limits."""
        axis = self.axis
        axes = getattr(axis, "axes", None)
        if axis is not None and axes is not None:
            upright = getattr(axis, "axis_name", "x") == "y"
            size = size_of_font("ytick.labelsize" if upright else "xtick.labelsize")
            box = axes.get_window_extent()
            points = (box.height if upright else box.width) / axes.get_figure(root=True).dpi * 72
            label = _HIGH * size if upright else (self._letters * _DIGIT + _BETWEEN) * size
            self.set_params(nbins=max(1, min(_MOST, int(points / label))))
        return super().tick_values(vmin, vmax)
