"""Axes of epochs, of numbers and of categories: ticks where values are, and names that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell.drawing.text import PLAIN, packed, size_of_font, told_apart, value_names, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A logarithmic axis is for values that span so much.
SPAN = 30.0
# So many different numbers have a tick each on a logarithmic axis.
_FEW = 8
# Integers that span less have ticks at 1, 2, 5, 10 and so on, and not at 10 and 100 alone.
_DECADES = 300.0
# No tick of 1, 2, 5, 10 and so on may lie in less than this.
_NARROW = 5.0
# So many numbers that occur once each were chosen rather than drawn at random, and are joined by a line.
MOST_JOINED = 12
# The height of a line, and the room beside a name, as shares of the letters and of the name.
_LINE, _ROOM = 1.3, 1.1
_SMALLEST, _LINES = 4.5, 3
# How far from its spot something may stand, of the distance to the next spot and of the axis.
_APART, _ASIDE = 0.3, 0.05
# The part of the figure that names may take from what is drawn.
_SHARE = 0.33


def epochs(axes: Axes, places: Sequence[float], known: bool = False) -> None:
    """Name the x axis, put its ticks at whole epochs, and let it reach over all `places`.

    known: whether the axes held something before, which stays inside.
    """
    from fitwell.drawing.ticks import Roomy

    axes.xaxis.set_major_locator(Roomy(len(f"{max(places, default=0):.0f}"), whole=True))
    axes.set_xlabel("epoch")
    if not len(places) and not known:
        axes.set_xticks([])
    elif len(places):
        reach = max(0.04 * (max(places) - min(places)), 0.25)
        before = axes.get_xlim() if known else ()
        # No tick stands before the first epoch.
        low = max(min(places) - reach, min(0.2, min(places)))
        axes.set_xlim(min([low, *before]), max([max(places) + reach, *before]))


def is_number(value: Any) -> bool:
    """Return whether `value` has a place on an axis of numbers: True and infinity have none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer larger than any float
        return False


def lies_in_log(values: Sequence[float] | NDArray[np.float64]) -> bool:
    """Return whether positive numbers span decades and lie more evenly in their logarithms.

    Drawn evenly from 0 to 0.8, the smallest may be a hundred times smaller than the largest; but then nine tenths of
    them are in the last decade. How evenly they lie: the largest distance of their ranks from a straight line.
    """
    found = np.unique(np.asarray(values, np.float64))
    found = found[found > 0]
    if len(found) < 2 or found[-1] < SPAN * found[0]:
        return False
    return len(found) == 2 or _unevenness(np.log(found)) < _unevenness(found)


def _unevenness(ordered: NDArray[np.float64]) -> float:
    places = (ordered - ordered[0]) / (ordered[-1] - ordered[0])
    return float(np.abs(places - np.linspace(0, 1, len(places))).max())


class Scale:
    """Where the values of one hyperparameter stand on an axis: numbers as they are, anything else side by side.

    values: of all that is drawn. choices: the categories in their order, where they are known.
    log: whether the numbers were drawn from a logarithmic range; None when only they can tell.
    """

    def __init__(
        self, values: Sequence[Any], choices: Sequence[Any] | None = None, log: bool | None = None
    ) -> None:
        self.is_numeric = choices is None and all(map(is_number, values))
        self.names: list[str] = []
        self.symlog = 0.0
        self.log = False
        self._places: dict[str, int] = {}
        if not self.is_numeric:
            different = {_key(value): value for value in [*(choices or []), *values]}
            self._places = {key: place for place, key in enumerate(different)}
            self.names = value_names(list(different.values()))
            return
        self.whole = all(isinstance(value, Integral) for value in values)
        numbers = np.unique(np.array(values, np.float64))
        self.numbers = numbers
        if (
            len(numbers)
            and numbers[0] >= 0
            and (lies_in_log(numbers) if log is None else log and len(numbers) > 1)
        ):
            # A penalty of 0 has a place on such an axis too: as far below the smallest as a decade is wide.
            self.symlog = 0.0 if numbers[0] > 0 else float(numbers[1])
            self.log = True

    def place(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Return where to draw `values`."""
        if self.is_numeric:
            return np.array(values, np.float64)
        return np.array([self._places[_key(value)] for value in values], np.float64)

    def moved(self, places: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `places` moved by shares, up to 1, of what still leaves them beside their spots."""
        if not self.is_numeric:
            return places + by * min(_APART, _ASIDE * len(self.names))
        spots = self._line(self.numbers)
        step = float(np.diff(spots).min()) if len(spots) > 1 else 1.0
        reach = min(_APART * step, _ASIDE * (float(spots[-1] - spots[0]) or 1.0))
        return self._from_line(self._line(places) + by * reach)

    def _line(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far along the axis numbers stand: in decades where it is logarithmic."""
        if not self.log:
            return numbers
        none = self.symlog / 10  # a penalty of 0 stands a decade below the smallest
        return np.log10(np.where(numbers > 0, numbers, none))

    def _from_line(self, along: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.log:
            return along
        if not self.symlog:
            return 10**along
        # From a decade below `symlog` on the axis is linear: 0 is at its beginning.
        first = np.log10(self.symlog)
        return np.where(along >= first, 10**along, (along - first + 1) * self.symlog)

    def finish(self, axes: Axes, which: str, before: tuple[float, float] | None = None) -> None:
        """Give the x or the y axis its scale, limits and ticks; categories are named by `name_categories` afterwards.

        before: limits that stay inside.
        """
        from matplotlib import ticker

        from fitwell.drawing.ticks import Roomy

        axis, limit = getattr(axes, f"{which}axis"), getattr(axes, f"set_{which}lim")
        if not self.is_numeric:
            limit(-0.5, max(len(self.names), 1) - 0.5)
            axis.set_major_locator(ticker.FixedLocator(range(len(self.names))))
            return
        if self.log:
            none = {"linthresh": self.symlog} if self.symlog else {}
            getattr(axes, f"set_{which}scale")("symlog" if none else "log", **none)
            self._name_decades(axis)
        else:
            letters = max((len(f"{number:.2g}") for number in self.numbers), default=1)
            axis.set_major_locator(Roomy(letters, self.whole))
        if len(self.numbers):
            spots = self._line(self.numbers)
            reach = (_ASIDE + 0.03) * float(spots[-1] - spots[0]) or 0.05 * abs(float(spots[0])) or 0.5
            ends = self._from_line(np.array([spots[0] - reach, spots[-1] + reach])).tolist()
            limit(min([ends[0], *(before or ())]), max([ends[1], *(before or ())]))

    def _name_decades(self, axis: Any) -> None:
        from matplotlib import ticker

        from fitwell.drawing.ticks import Chosen, Roomy

        numbers = [int(number) if self.whole else number for number in self.numbers.tolist()]
        ratio = self.numbers[-1] / (self.symlog or self.numbers[0])
        letters = max(len(f"{number:.3g}") for number in numbers)
        if len(numbers) <= _FEW and all(float(f"{number:.3g}") == number for number in numbers):
            axis.set_major_locator(Chosen(numbers, letters))
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:g}"))
        elif not self.symlog and ratio < (_DECADES if self.whole else SPAN):
            axis.set_major_locator(
                Roomy(letters, self.whole) if ratio < _NARROW else ticker.LogLocator(subs=(1, 2, 5))
            )
            axis.set_major_formatter(ticker.FuncFormatter(lambda value, place: f"{value:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())


def _key(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def lay_out(figure: Any) -> None:
    """Let the figure place its axes, so that their sizes are known."""
    figure.get_figure(root=True).draw_without_rendering()


def name_categories(axes: Axes, which: str, names: Sequence[str], panels: int = 1) -> None:
    """Write the names of categories at their places 0, 1, 2, … so that none overlaps another.

    In one line, in several, upright, small; where even that leaves no room, every second name or every third. The
    figure must be laid out: see `lay_out`.

    panels: how many such axes stand one after the other in the figure.
    """
    size = size_of_font("xtick.labelsize" if which == "x" else "ytick.labelsize")
    figure = axes.get_figure(root=True)
    assert figure is not None
    inches, most = (
        (axes.bbox.width, figure.bbox.height) if which == "x" else (axes.bbox.height, figure.bbox.width)
    )
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    slot = inches / figure.dpi * 72 / max(high - low, 1)
    room = _SHARE * most / panels / figure.dpi * 72
    style: dict[str, Any] = {"fontsize": size}
    shown = _in_lines(
        names,
        slot / _ROOM if which == "x" else room,
        size,
        _LINES if which == "x" else max(1, int(slot / (size * _LINE))),
    )
    if which == "x" and shown is None:
        style["rotation"] = 90
    if shown is None or (which == "y" and slot < size * _LINE):
        style["fontsize"] = size = float(np.clip(slot / _LINE, _SMALLEST, size))
        shown = told_apart(names, max(6, int(room / (0.62 * size))))
    step = max(1, math.ceil(size * _LINE / slot)) if "rotation" in style or which == "y" else 1
    places = range(0, len(names), step)
    getattr(axes, f"set_{which}ticks")(places, [shown[place] for place in places], **style, **PLAIN)


def _in_lines(names: Sequence[str], width: float, size: float, lines: int) -> list[str] | None:
    """Return `names` broken into at most so many `lines` of at most `width` points; None where one does not fit."""
    shown = [packed(name, width, size) for name in names]
    fit = all(name.count("\n") < lines and width_of(name, size) <= width for name in shown)
    return shown if fit else None
