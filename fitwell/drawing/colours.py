"""Colors of groups of curves or points, and legends that fit all entries."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell.drawing.scales import Scale, is_number
from fitwell.drawing.text import PLAIN, broken, size_of_font, told_apart, value_names, visible, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

SHADES = "viridis"
NONE = "0.7"
# More distinct numbers than this are shown with a colorbar.
MOST_NUMBERS = 20
_DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
# Maximum number of entries, and of characters in each, for a legend inside the axes.
_FEW, _SHORT = 6, 16
# Height of a legend line and width of a handle in font sizes, and the smallest font size in points.
_LINE, _HANDLE, _SMALLEST = 1.4, 4.5, 4.5
# Labels that matplotlib gives to lines without a label or excluded from legends.
_UNNAMED = re.compile(r"_child\d+$|_nolegend_$")


def ink() -> str:
    """Return the text color of the current style, which contrasts with its background."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


class Palette:
    """Colors, and line styles if there are too few colors, by the values of one or more hyperparameters.

    names: names of the hyperparameters. settings: one per plotted member; those without any of `names` are gray.
    """

    def __init__(self, names: Sequence[str], settings: Sequence[dict[str, Any]]) -> None:
        self.names = list(names)
        found = {self._key(setting): setting for setting in settings if self._has(setting)}
        self.lacking = len(found) > 0 and not all(map(self._has, settings))
        self.scale: Scale | None = None
        values = [setting[names[0]] for setting in found.values()] if len(names) == 1 else []
        numeric = bool(values) and all(map(is_number, values))
        order = sorted(found, key=lambda key: found[key][names[0]]) if numeric else list(found)
        if numeric and len(order) > MOST_NUMBERS:
            self.scale = Scale(values)
        self.of = dict(zip(order, self._shades(order, found, numeric), strict=True))
        self.labels = dict(zip(order, self._label([found[key] for key in order]), strict=True))

    def _has(self, setting: dict[str, Any]) -> bool:
        return any(name in setting for name in self.names)

    def _key(self, setting: dict[str, Any]) -> str:
        return repr([(type(setting[name]).__name__, setting[name]) for name in self.names if name in setting])

    def _shades(
        self, order: Sequence[str], found: dict[str, dict[str, Any]], numeric: bool
    ) -> list[tuple[Any, Any]]:
        from matplotlib import colormaps

        if self.scale is not None:
            norm = self._norm()
            return [(colormaps[SHADES](norm(found[key][self.names[0]])), "-") for key in order]
        if numeric:
            return [(shade, "-") for shade in colormaps[SHADES](np.linspace(0, 0.9, len(order)))]
        colours = colormaps["tab10"].colors  # type: ignore[attr-defined]
        return [
            (colours[place % len(colours)], _DASHES[place // len(colours) % len(_DASHES)])
            for place in range(len(order))
        ]

    def _norm(self) -> Any:
        from matplotlib.colors import LogNorm, Normalize

        assert self.scale is not None
        numbers = self.scale.numbers
        log = self.scale.log and not self.scale.symlog
        return (LogNorm if log else Normalize)(float(numbers[0]), float(numbers[-1]))

    def _label(self, settings: Sequence[dict[str, Any]]) -> list[str]:
        if len(self.names) == 1:
            return value_names([setting[self.names[0]] for setting in settings])
        return [
            ", ".join(f"{name}={value_names([setting[name]])[0]}" for name in self.names if name in setting)
            for setting in settings
        ]

    def group(self, setting: dict[str, Any]) -> str | None:
        """Return the key of the group of `setting`, or None if it has none of the hyperparameters."""
        return self._key(setting) if self._has(setting) else None

    def style(self, group: str | None) -> dict[str, Any]:
        """Return the color and line style of a group."""
        if group is None:
            return {"color": NONE, "linestyle": "-"}
        colour, dash = self.of[group]
        return {"color": colour, "linestyle": dash}

    def explain(
        self,
        axes: Axes,
        marker: str | None = None,
        grow: bool = False,
        others: Sequence[tuple[Any, str]] = (),
    ) -> None:
        """Add a legend of all groups, or a colorbar for many numbers. For `grow` see `legend`.

        others: further legend entries.
        """
        from matplotlib.cm import ScalarMappable
        from matplotlib.lines import Line2D

        title = ", ".join(map(visible, self.names))
        figure = axes.get_figure()
        assert figure is not None
        if self.scale is not None:
            bar = figure.colorbar(ScalarMappable(self._norm(), SHADES), ax=axes)
            bar.set_label(broken(title), **PLAIN)
            if others:
                legend(axes, others)
            return
        groups: list[str | None] = [*self.of, *([None] if self.lacking else [])]
        entries = []
        for group in groups:
            style = (
                self.style(group)
                if marker is None
                else {"color": self.style(group)["color"], "linestyle": ""}
            )
            label = f"no {' or '.join(map(visible, self.names))}" if group is None else self.labels[group]
            entries.append((Line2D([], [], marker=marker, **style), label))
        legend(axes, [*entries, *others], title, grow)


def legend(
    axes: Axes,
    entries: Sequence[tuple[Any, str]],
    title: str = "",
    grow: bool = False,
) -> None:
    """Add a legend with all `entries`, pairs of an artist and its label.

    Many or long entries are placed to the right of the axes. If other axes are there, they are placed inside, in a
    font that fits. grow: place the legend to the right in any case, and widen the figure by its width.
    """
    names = told_apart([visible(name) for _, name in entries])
    figure = axes.get_figure(root=True)
    assert figure is not None
    size, place = size_of_font("legend.fontsize"), axes.get_subplotspec()
    # The curves of many members leave no corner free, so a figure that can grow places the legend next to them.
    few = not grow and len(names) <= _FEW and all(len(name) <= _SHORT for name in names)
    outside = (
        not few and place is not None and (figure.get_layout_engine() is not None or place.is_last_col())
    )
    lines = len(names) + 2 * bool(title)
    height = axes.bbox.height / figure.dpi * 72 * 0.95
    columns, wide = _columns(names, lines, height, size)
    room = axes.bbox.width / figure.dpi * 72 * (0.5 if outside else 0.95)
    while size > _SMALLEST and not (grow and outside) and columns * wide > room:
        size -= 0.5
        columns, wide = _columns(names, lines, height, size)
    where: dict[str, Any] = {"loc": "best", "framealpha": 0.7, "edgecolor": "none"}
    if outside:
        where = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "frameon": False}
        if grow:
            figure.set_size_inches(figure.get_figwidth() + columns * wide / 72, figure.get_figheight())
    handles = [drawn for drawn, _ in entries]
    made = axes.legend(handles, list(map(str, range(len(names)))), fontsize=size, ncols=columns, **where)
    _write(made, names, title, size)


def legend_below(figure: Figure, entries: Sequence[tuple[Any, str]], title: str) -> None:
    """Add a legend with all `entries` at the bottom of `figure`. Requires a constrained layout."""
    names = told_apart([visible(name) for _, name in entries])
    size = size_of_font("legend.fontsize")
    wide = max(width_of(name, size) for name in names) + _HANDLE * size
    columns = max(1, min(len(names), int(figure.get_figwidth() * 72 * 0.95 / wide)))
    handles, numbers = [drawn for drawn, _ in entries], list(map(str, range(len(names))))
    made = figure.legend(
        handles, numbers, fontsize=size, ncols=columns, loc="outside lower center", frameon=False
    )
    _write(made, names, title, size)


def _write(made: Legend, names: Sequence[str], title: str, size: float) -> None:
    """Set the labels of a legend afterwards, because matplotlib omits labels that begin with "_"."""
    for text, name in zip(made.get_texts(), names, strict=True):
        text.update(PLAIN)
        text.set_text(name)
    made.get_title().update(PLAIN)
    if title:
        made.set_title(broken(title, 28, 3))
        made.get_title().set_fontsize(size)


def _columns(names: Sequence[str], lines: int, height: float, size: float) -> tuple[int, float]:
    """Return the number of legend columns for the given lines, and the width of a column in points."""
    rows = max(1, math.floor(height / (size * _LINE)))
    wide = max((width_of(name, size) for name in names), default=0.0) + _HANDLE * size
    return max(1, math.ceil(lines / rows)), wide


def legend_of_lines(axes: Axes, *others: Any) -> None:
    """Add a legend of all labeled lines of `axes`, and of `others` from other axes."""
    seen = [line for line in [*axes.lines, *others] if np.isfinite(np.asarray(line.get_ydata(), float)).any()]
    named = [line for line in seen if not _UNNAMED.match(str(line.get_label()))]
    if named:
        legend(axes, [(line, str(line.get_label()).replace(r"\$", "$")) for line in named])
