"""Colors of groups of curves or points, and legends that fit all entries."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._plotting.labels import (
    PLAIN_TEXT,
    escape_control,
    font_size,
    format_values,
    shorten_distinct,
    text_width,
    wrap_label,
)
from fitwell._plotting.scales import ValueScale, is_finite_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

COLORMAP = "viridis"
MISSING_COLOR = "0.7"
# More distinct numbers than this are shown with a colorbar.
MAX_LEGEND_VALUES = 20
_DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
# Maximum number of entries, and of characters in each, for a legend inside the axes.
_MAX_INSIDE_ENTRIES, _MAX_INSIDE_LENGTH = 6, 16
# Height of a legend line and width of a handle in font sizes, and the smallest font size in points.
_LINE_HEIGHT, _HANDLE_WIDTH, _MIN_FONT_SIZE = 1.4, 4.5, 4.5
# Labels that matplotlib gives to lines without a label or excluded from legends.
_UNLABELED = re.compile(r"_child\d+$|_nolegend_$")


def text_color() -> str:
    """Return the text color of the current style, which contrasts with its background."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


class Palette:
    """Colors, and line styles if there are too few colors, by the values of one or more hyperparameters.

    names: names of the hyperparameters. settings: one per plotted member; those without any of `names` are gray.
    """

    def __init__(self, names: Sequence[str], settings: Sequence[dict[str, Any]]) -> None:
        self.names = list(names)
        found = {self._key(setting): setting for setting in settings if self._has_any(setting)}
        self.has_missing = len(found) > 0 and not all(map(self._has_any, settings))
        self.scale: ValueScale | None = None
        values = [setting[names[0]] for setting in found.values()] if len(names) == 1 else []
        numeric = bool(values) and all(map(is_finite_number, values))
        order = sorted(found, key=lambda key: found[key][names[0]]) if numeric else list(found)
        if numeric and len(order) > MAX_LEGEND_VALUES:
            self.scale = ValueScale(values)
        self.styles = dict(zip(order, self._choose_styles(order, found, numeric), strict=True))
        self.labels = dict(zip(order, self._make_labels([found[key] for key in order]), strict=True))

    def _has_any(self, setting: dict[str, Any]) -> bool:
        return any(name in setting for name in self.names)

    def _key(self, setting: dict[str, Any]) -> str:
        return repr([(type(setting[name]).__name__, setting[name]) for name in self.names if name in setting])

    def _choose_styles(
        self, order: Sequence[str], found: dict[str, dict[str, Any]], numeric: bool
    ) -> list[tuple[Any, Any]]:
        from matplotlib import colormaps

        if self.scale is not None:
            norm = self._norm()
            return [(colormaps[COLORMAP](norm(found[key][self.names[0]])), "-") for key in order]
        if numeric:
            return [(shade, "-") for shade in colormaps[COLORMAP](np.linspace(0, 0.9, len(order)))]
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

    def _make_labels(self, settings: Sequence[dict[str, Any]]) -> list[str]:
        if len(self.names) == 1:
            return format_values([setting[self.names[0]] for setting in settings])
        return [
            ", ".join(f"{name}={format_values([setting[name]])[0]}" for name in self.names if name in setting)
            for setting in settings
        ]

    def group_key(self, setting: dict[str, Any]) -> str | None:
        """Return the key of the group of `setting`, or None if it has none of the hyperparameters."""
        return self._key(setting) if self._has_any(setting) else None

    def style(self, group: str | None) -> dict[str, Any]:
        """Return the color and line style of a group."""
        if group is None:
            return {"color": MISSING_COLOR, "linestyle": "-"}
        colour, dash = self.styles[group]
        return {"color": colour, "linestyle": dash}

    def add_legend(
        self,
        axes: Axes,
        marker: str | None = None,
        grow: bool = False,
        others: Sequence[tuple[Any, str]] = (),
    ) -> None:
        """Add a legend of all groups, or a colorbar for many numbers. For `grow` see `add_legend`.

        others: further legend entries.
        """
        from matplotlib.cm import ScalarMappable
        from matplotlib.lines import Line2D

        title = ", ".join(map(escape_control, self.names))
        figure = axes.get_figure()
        assert figure is not None
        if self.scale is not None:
            bar = figure.colorbar(ScalarMappable(self._norm(), COLORMAP), ax=axes)
            bar.set_label(wrap_label(title), **PLAIN_TEXT)
            if others:
                add_legend(axes, others)
            return
        groups: list[str | None] = [*self.styles, *([None] if self.has_missing else [])]
        entries = []
        for group in groups:
            style = (
                self.style(group)
                if marker is None
                else {"color": self.style(group)["color"], "linestyle": ""}
            )
            label = (
                f"no {' or '.join(map(escape_control, self.names))}" if group is None else self.labels[group]
            )
            entries.append((Line2D([], [], marker=marker, **style), label))
        add_legend(axes, [*entries, *others], title, grow)


def add_legend(
    axes: Axes,
    entries: Sequence[tuple[Any, str]],
    title: str = "",
    grow: bool = False,
) -> None:
    """Add a legend with all `entries`, pairs of an artist and its label.

    Many or long entries are placed to the right of the axes. If other axes are there, they are placed inside, in a
    font that fits. grow: place the legend to the right in any case, and widen the figure by its width.
    """
    names = shorten_distinct([escape_control(name) for _, name in entries])
    figure = axes.get_figure(root=True)
    assert figure is not None
    size, place = font_size("legend.fontsize"), axes.get_subplotspec()
    # The curves of many members leave no corner free, so a figure that can grow places the legend next to them.
    few = (
        not grow
        and len(names) <= _MAX_INSIDE_ENTRIES
        and all(len(name) <= _MAX_INSIDE_LENGTH for name in names)
    )
    outside = (
        not few and place is not None and (figure.get_layout_engine() is not None or place.is_last_col())
    )
    lines = len(names) + 2 * bool(title)
    height = axes.bbox.height / figure.dpi * 72 * 0.95
    columns, wide = _legend_columns(names, lines, height, size)
    room = axes.bbox.width / figure.dpi * 72 * (0.5 if outside else 0.95)
    while size > _MIN_FONT_SIZE and not (grow and outside) and columns * wide > room:
        size -= 0.5
        columns, wide = _legend_columns(names, lines, height, size)
    where: dict[str, Any] = {"loc": "best", "framealpha": 0.7, "edgecolor": "none"}
    if outside:
        where = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "frameon": False}
        if grow:
            figure.set_size_inches(figure.get_figwidth() + columns * wide / 72, figure.get_figheight())
    handles = [drawn for drawn, _ in entries]
    made = axes.legend(handles, list(map(str, range(len(names)))), fontsize=size, ncols=columns, **where)
    _set_legend_labels(made, names, title, size)


def add_figure_legend(figure: Figure, entries: Sequence[tuple[Any, str]], title: str) -> None:
    """Add a legend with all `entries` at the bottom of `figure`. Requires a constrained layout."""
    names = shorten_distinct([escape_control(name) for _, name in entries])
    size = font_size("legend.fontsize")
    wide = max(text_width(name, size) for name in names) + _HANDLE_WIDTH * size
    columns = max(1, min(len(names), int(figure.get_figwidth() * 72 * 0.95 / wide)))
    handles, numbers = [drawn for drawn, _ in entries], list(map(str, range(len(names))))
    made = figure.legend(
        handles, numbers, fontsize=size, ncols=columns, loc="outside lower center", frameon=False
    )
    _set_legend_labels(made, names, title, size)


def _set_legend_labels(made: Legend, names: Sequence[str], title: str, size: float) -> None:
    """Set the labels of a legend afterwards, because matplotlib omits labels that begin with "_"."""
    for text, name in zip(made.get_texts(), names, strict=True):
        text.update(PLAIN_TEXT)
        text.set_text(name)
    made.get_title().update(PLAIN_TEXT)
    if title:
        made.set_title(wrap_label(title, 28, 3))
        made.get_title().set_fontsize(size)


def _legend_columns(names: Sequence[str], lines: int, height: float, size: float) -> tuple[int, float]:
    """Return the number of legend columns for the given lines, and the width of a column in points."""
    rows = max(1, math.floor(height / (size * _LINE_HEIGHT)))
    wide = max((text_width(name, size) for name in names), default=0.0) + _HANDLE_WIDTH * size
    return max(1, math.ceil(lines / rows)), wide


def add_line_legend(axes: Axes, *others: Any) -> None:
    """Add a legend of all labeled lines of `axes`, and of `others` from other axes."""
    seen = [line for line in [*axes.lines, *others] if np.isfinite(np.asarray(line.get_ydata(), float)).any()]
    named = [line for line in seen if not _UNLABELED.match(str(line.get_label()))]
    if named:
        add_legend(axes, [(line, str(line.get_label()).replace(r"\$", "$")) for line in named])
