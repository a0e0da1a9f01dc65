"""Functions that format plot axes for epochs, numbers and categories.

They choose scales, place ticks at the plotted values, and keep labels from overlapping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._plotting.axis_limits import unevenness
from fitwell._plotting.labels import (
    PLAIN_TEXT,
    font_size,
    format_values,
    shorten_distinct,
    text_width,
    wrap_to_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "MAX_JOINED",
    "MIN_LOG_SPAN",
    "ValueScale",
    "compute_layout",
    "format_epoch_axis",
    "is_finite_number",
    "label_categories",
    "looks_logarithmic",
]

# Minimum ratio of the largest to the smallest value for a logarithmic axis.
MIN_LOG_SPAN = 30.0
# On a logarithmic axis, each number gets a tick if there are at most this many distinct numbers.
_MAX_EXACT_TICKS = 8
# If the ratio of the largest to the smallest integer is below this limit, ticks are placed at 1, 2, 5, 10 and so on,
# instead of only at powers of ten.
_MAX_SUBDECADE_SPAN = 300.0
# If the ratio is below this limit, ticks are placed as on a linear axis, because the axis may not contain any of the
# numbers 1, 2, 5, 10 and so on.
_MIN_LOG_TICK_SPAN = 5.0
# If there are more numbers than this and each occurs once, they were probably sampled at random, so no line connects
# their scores.
MAX_JOINED = 12
# Line height in font sizes, and space around a label as a multiple of its width.
_LINE_HEIGHT, _PADDING = 1.3, 1.1
_MIN_FONT_SIZE, _MAX_LINES = 4.5, 3
# Maximum offset from a position, as a fraction of the distance to the next position and as a fraction of the axis.
_MAX_OFFSET, _MAX_AXIS_OFFSET = 0.3, 0.05
# Maximum share of the figure that labels may occupy.
_MAX_LABEL_SHARE = 0.33


def format_epoch_axis(axes: Axes, places: Sequence[float], known: bool = False) -> None:
    """Label the x axis, place its ticks at integer epochs, and set its limits to include all `places`.

    Args:
        axes: The axes to format.
        places: The x positions of the values.
        known: Whether the axes already have content, which must stay visible.
    """
    from fitwell._plotting.ticks import FittingLocator

    axes.xaxis.set_major_locator(FittingLocator(len(f"{max(places, default=0):.0f}"), integers=True))
    axes.set_xlabel("epoch")
    if not len(places) and not known:
        axes.set_xticks([])
    elif len(places):
        reach = max(0.04 * (max(places) - min(places)), 0.25)
        before = axes.get_xlim() if known else ()
        # Avoid a tick before the first epoch.
        low = max(min(places) - reach, min(0.2, min(places)))
        axes.set_xlim(min([low, *before]), max([max(places) + reach, *before]))


def is_finite_number(value: Any) -> bool:
    """Return whether `value` is a finite number. Booleans do not count as numbers."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer larger than any float
        return False


def looks_logarithmic(values: Sequence[float] | NDArray[np.float64]) -> bool:
    """Return whether positive numbers are spread more evenly on a logarithmic axis than on a linear axis.

    The numbers must also span a wide enough range. A uniform sample from [0, 0.8] may span two powers of ten too, but
    90% of its values are above 0.08. See `unevenness` for how evenness is measured.
    """
    found = np.unique(np.asarray(values, np.float64))
    found = found[found > 0]
    if len(found) < 2 or found[-1] < MIN_LOG_SPAN * found[0]:
        return False
    return len(found) == 2 or unevenness(np.log(found)) < unevenness(found)


class ValueScale:
    """A mapping from a hyperparameter's values to axis positions.

    A number's position is the number itself. Categories are placed at 0, 1, 2, …

    Args:
        values: All plotted values.
        choices: The categories in order, or None if they are unknown.
        log: Whether the numbers were sampled on a logarithmic scale, or None to infer this from the values.
    """

    def __init__(
        self, values: Sequence[Any], choices: Sequence[Any] | None = None, log: bool | None = None
    ) -> None:
        self.is_numeric = choices is None and all(map(is_finite_number, values))
        self.names: list[str] = []
        self.symlog = 0.0
        self.log = False
        self._positions: dict[str, int] = {}
        if not self.is_numeric:
            distinct = {_key(value): value for value in [*(choices or []), *values]}
            self._positions = {key: place for place, key in enumerate(distinct)}
            self.names = format_values(list(distinct.values()))
            return
        self.integers = all(isinstance(value, Integral) for value in values)
        numbers = np.unique(np.array(values, np.float64))
        self.numbers = numbers
        if (
            len(numbers)
            and numbers[0] >= 0
            and (looks_logarithmic(numbers) if log is None else log and len(numbers) > 1)
        ):
            # A symlog axis can also show 0, which often means "no penalty". It is placed one power of ten below the
            # smallest positive value.
            self.symlog = 0.0 if numbers[0] > 0 else float(numbers[1])
            self.log = True

    def positions(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Return the axis positions of `values`."""
        if self.is_numeric:
            return np.array(values, np.float64)
        return np.array([self._positions[_key(value)] for value in values], np.float64)

    def offset(self, places: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shift `places` by the maximum offset times the factors `by`, which are in [-1, 1]."""
        if not self.is_numeric:
            return places + by * min(_MAX_OFFSET, _MAX_AXIS_OFFSET * len(self.names))
        coordinates = self._to_axis(self.numbers)
        step = float(np.diff(coordinates).min()) if len(coordinates) > 1 else 1.0
        reach = min(_MAX_OFFSET * step, _MAX_AXIS_OFFSET * (float(coordinates[-1] - coordinates[0]) or 1.0))
        return self._from_axis(self._to_axis(places) + by * reach)

    def _to_axis(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert numbers to linear axis coordinates, which are base-10 logarithms if the axis is logarithmic."""
        if not self.log:
            return numbers
        none = self.symlog / 10  # 0 is shown one power of ten below the smallest positive value
        return np.log10(np.where(numbers > 0, numbers, none))

    def _from_axis(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.log:
            return coordinates
        if not self.symlog:
            return 10**coordinates
        # The part below `symlog` is linear and starts at 0.
        first = np.log10(self.symlog)
        return np.where(coordinates >= first, 10**coordinates, (coordinates - first + 1) * self.symlog)

    def format_axis(self, axes: Axes, which: str, before: tuple[float, float] | None = None) -> None:
        """Set the x or y axis scale, limits and ticks.

        Categories are labeled later, by `label_categories`.

        Args:
            axes: The axes to format.
            which: ``"x"`` or ``"y"``.
            before: The limits of content that was plotted before and stays visible, or None if there is none.
        """
        from matplotlib import ticker

        from fitwell._plotting.ticks import FittingLocator

        axis, limit = getattr(axes, f"{which}axis"), getattr(axes, f"set_{which}lim")
        if not self.is_numeric:
            limit(-0.5, max(len(self.names), 1) - 0.5)
            axis.set_major_locator(ticker.FixedLocator(range(len(self.names))))
            return
        if self.log:
            none = {"linthresh": self.symlog} if self.symlog else {}
            getattr(axes, f"set_{which}scale")("symlog" if none else "log", **none)
            self._set_log_ticks(axis)
        else:
            label_length = max((len(f"{number:.2g}") for number in self.numbers), default=1)
            axis.set_major_locator(FittingLocator(label_length, self.integers))
        if len(self.numbers):
            coordinates = self._to_axis(self.numbers)
            reach = (
                (_MAX_AXIS_OFFSET + 0.03) * float(coordinates[-1] - coordinates[0])
                or 0.05 * abs(float(coordinates[0]))
                or 0.5
            )
            ends = self._from_axis(np.array([coordinates[0] - reach, coordinates[-1] + reach])).tolist()
            limit(min([ends[0], *(before or ())]), max([ends[1], *(before or ())]))

    def _set_log_ticks(self, axis: Any) -> None:
        from matplotlib import ticker

        from fitwell._plotting.ticks import FittingFixedLocator, FittingLocator

        numbers = [int(number) if self.integers else number for number in self.numbers.tolist()]
        ratio = self.numbers[-1] / (self.symlog or self.numbers[0])
        label_length = max(len(f"{number:.3g}") for number in numbers)
        if len(numbers) <= _MAX_EXACT_TICKS and all(float(f"{number:.3g}") == number for number in numbers):
            axis.set_major_locator(FittingFixedLocator(numbers, label_length))
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:g}"))
        elif not self.symlog and ratio < (_MAX_SUBDECADE_SPAN if self.integers else MIN_LOG_SPAN):
            axis.set_major_locator(
                FittingLocator(label_length, self.integers)
                if ratio < _MIN_LOG_TICK_SPAN
                else ticker.LogLocator(subs=(1, 2, 5))
            )
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())


def _key(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def compute_layout(figure: Any) -> None:
    """Run the figure's layout engine, so that the sizes of the axes are known."""
    figure.get_figure(root=True).draw_without_rendering()


def label_categories(axes: Axes, which: str, names: Sequence[str], panels: int = 1) -> None:
    """Set the tick labels of categories at 0, 1, 2, … so that they do not overlap.

    Labels are wrapped, rotated or made smaller as needed. If they still do not fit, only every n-th label is shown.
    The layout must have been computed (see `compute_layout`).

    Args:
        axes: The axes to label.
        which: ``"x"`` or ``"y"``.
        names: The names of the categories.
        panels: The number of panels that share the figure's height (for the x axis) or width (for the y axis).
    """
    size = font_size("xtick.labelsize" if which == "x" else "ytick.labelsize")
    figure = axes.get_figure(root=True)
    assert figure is not None
    inches, most = (
        (axes.bbox.width, figure.bbox.height) if which == "x" else (axes.bbox.height, figure.bbox.width)
    )
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    slot = inches / figure.dpi * 72 / max(high - low, 1)
    available = _MAX_LABEL_SHARE * most / panels / figure.dpi * 72
    style: dict[str, Any] = {"fontsize": size}
    shown = _wrap_names(
        names,
        slot / _PADDING if which == "x" else available,
        size,
        _MAX_LINES if which == "x" else max(1, int(slot / (size * _LINE_HEIGHT))),
    )
    if which == "x" and shown is None:
        style["rotation"] = 90
    if shown is None or (which == "y" and slot < size * _LINE_HEIGHT):
        style["fontsize"] = size = float(np.clip(slot / _LINE_HEIGHT, _MIN_FONT_SIZE, size))
        shown = shorten_distinct(names, max(6, int(available / (0.62 * size))))
    step = max(1, math.ceil(size * _LINE_HEIGHT / slot)) if "rotation" in style or which == "y" else 1
    places = range(0, len(names), step)
    getattr(axes, f"set_{which}ticks")(places, [shown[place] for place in places], **style, **PLAIN_TEXT)


def _wrap_names(names: Sequence[str], width: float, size: float, lines: int) -> list[str] | None:
    """Wrap `names` into at most `lines` lines of at most `width` points, or return None if a name does not fit."""
    shown = [wrap_to_width(name, width, size) for name in names]
    fit = all(name.count("\n") < lines and text_width(name, size) <= width for name in shown)
    return shown if fit else None
