"""Legends that are laid out so that all entries fit."""

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
    shorten_distinct,
    text_width,
    wrap_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

__all__ = ["add_figure_legend", "add_legend", "add_line_legend"]

# Maximum number of entries, and maximum number of characters in each entry, for a legend inside the axes.
_MAX_INSIDE_ENTRIES, _MAX_INSIDE_LENGTH = 6, 16
# Height of a legend line and width of a handle in font sizes, and minimum font size in points.
_LINE_HEIGHT, _HANDLE_WIDTH, _MIN_FONT_SIZE = 1.4, 4.5, 4.5
# Labels that matplotlib gives to lines that have no label or are excluded from legends.
_UNLABELED = re.compile(r"_child\d+$|_nolegend_$")


def add_legend(
    axes: Axes,
    entries: Sequence[tuple[Any, str]],
    title: str = "",
    grow: bool = False,
) -> None:
    """Add a legend with all `entries` to `axes`.

    A legend with many or long entries is placed to the right of the axes. If that space is taken by other axes, the
    legend is placed inside with a font size that fits.

    Args:
        axes: The axes that the legend describes.
        entries: Pairs of an artist and its label.
        title: The legend's title, or an empty string for none.
        grow: Whether to always place the legend to the right and widen the figure by the legend's width.
    """
    names = shorten_distinct([escape_control(name) for _, name in entries])
    figure = axes.get_figure(root=True)
    assert figure is not None
    size, subplot_spec = font_size("legend.fontsize"), axes.get_subplotspec()
    # The curves of many members leave no corner free. If the figure can grow, place the legend to the right of them.
    fits_inside = (
        not grow
        and len(names) <= _MAX_INSIDE_ENTRIES
        and all(len(name) <= _MAX_INSIDE_LENGTH for name in names)
    )
    outside = (
        not fits_inside
        and subplot_spec is not None
        and (figure.get_layout_engine() is not None or subplot_spec.is_last_col())
    )
    lines = len(names) + 2 * bool(title)
    height = axes.bbox.height / figure.dpi * 72 * 0.95
    columns, column_width = _legend_columns(names, lines, height, size)
    available = axes.bbox.width / figure.dpi * 72 * (0.5 if outside else 0.95)
    while size > _MIN_FONT_SIZE and not (grow and outside) and columns * column_width > available:
        size -= 0.5
        columns, column_width = _legend_columns(names, lines, height, size)
    placement: dict[str, Any] = {"loc": "best", "framealpha": 0.7, "edgecolor": "none"}
    if outside:
        placement = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "frameon": False}
        if grow:
            figure.set_size_inches(
                figure.get_figwidth() + columns * column_width / 72, figure.get_figheight()
            )
    handles = [artist for artist, _ in entries]
    legend = axes.legend(
        handles, list(map(str, range(len(names)))), fontsize=size, ncols=columns, **placement
    )
    _set_legend_labels(legend, names, title, size)


def add_figure_legend(figure: Figure, entries: Sequence[tuple[Any, str]], title: str) -> None:
    """Add a legend with all `entries` at the bottom of `figure`, which must use the constrained layout.

    Args:
        figure: The figure that the legend describes.
        entries: Pairs of an artist and its label.
        title: The legend's title.
    """
    names = shorten_distinct([escape_control(name) for _, name in entries])
    size = font_size("legend.fontsize")
    column_width = max(text_width(name, size) for name in names) + _HANDLE_WIDTH * size
    columns = max(1, min(len(names), int(figure.get_figwidth() * 72 * 0.95 / column_width)))
    handles, numbers = [artist for artist, _ in entries], list(map(str, range(len(names))))
    legend = figure.legend(
        handles, numbers, fontsize=size, ncols=columns, loc="outside lower center", frameon=False
    )
    _set_legend_labels(legend, names, title, size)


def _set_legend_labels(legend: Legend, names: Sequence[str], title: str, size: float) -> None:
    """Set the labels of an existing legend.

    Labels are set after the legend is created because matplotlib omits labels that begin with "_".
    """
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.update(PLAIN_TEXT)
        text.set_text(name)
    legend.get_title().update(PLAIN_TEXT)
    if title:
        legend.set_title(wrap_label(title, 28, 3))
        legend.get_title().set_fontsize(size)


def _legend_columns(names: Sequence[str], lines: int, height: float, size: float) -> tuple[int, float]:
    """Return the number of columns that a legend with `lines` lines needs, and the column width in points."""
    rows = max(1, math.floor(height / (size * _LINE_HEIGHT)))
    column_width = max((text_width(name, size) for name in names), default=0.0) + _HANDLE_WIDTH * size
    return max(1, math.ceil(lines / rows)), column_width


def add_line_legend(axes: Axes, *others: Any) -> None:
    """Add a legend to `axes` for its labeled lines, and for those in `others`, which belong to other axes."""
    finite_lines = [
        line for line in [*axes.lines, *others] if np.isfinite(np.asarray(line.get_ydata(), float)).any()
    ]
    labeled = [line for line in finite_lines if not _UNLABELED.match(str(line.get_label()))]
    if labeled:
        add_legend(axes, [(line, str(line.get_label()).replace(r"\$", "$")) for line in labeled])
