"""Plots of a comparison, which show all scores of the candidates and their differences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._log_names import TRAINING_COLOR, VALIDATION_COLOR
from fitwell._plotting import axis_limits
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.labels import PLAIN_TEXT, escape_control, shorten_distinct, wrap_label
from fitwell._plotting.spread import NON_FINITE_COLOR
from fitwell.comparison.statistics import ConfidenceInterval, PairedDifference

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "figure_height",
    "plot_differences",
    "plot_scores",
    "select_smallest_p",
]

# The maximum number of differences in a plot. More rows are unreadable, and 40 candidates have 780 differences.
MAX_DIFFERENCES = 40
_LINE_LENGTH, _MAX_LABEL = 30, 58
# Heights in inches of a row, of a text line, and of the margins above and below the rows.
_ROW_HEIGHT, _LINE_HEIGHT, _MARGINS_HEIGHT = 0.45, 0.19, 1.4
_GREY = "#5b6875"


def plot_scores(
    axes: Axes,
    scores: pd.DataFrame,
    intervals: dict[str, ConfidenceInterval],
    factor: float,
    better: str,
    name: str,
) -> None:
    """Plot a dot for each score, thin lines that connect the scores of each repeat, and means with their intervals.

    Args:
        axes: The axes to draw on.
        scores: The scores multiplied by `factor`, with one row per repeat and one column per candidate.
        intervals: The confidence interval of each candidate, in the units of the metric.
        factor: The factor by which the intervals are multiplied, which is 100 for percentages.
        better: ``"max"`` if larger scores are better, otherwise ``"min"``.
        name: The label of the x axis.
    """
    rows = np.arange(scores.shape[1])
    axes.plot(scores.to_numpy().T, rows, color="#9aa5b1", linewidth=0.5, alpha=0.6)
    for row, (candidate, found) in zip(rows, intervals.items(), strict=True):
        axes.plot(
            scores[candidate],
            np.full(len(scores), row),
            "o",
            color=TRAINING_COLOR,
            markersize=3,
            alpha=0.5,
        )
        axes.errorbar(
            found.mean * factor,
            row,
            xerr=found.half_width * factor,
            fmt="D",
            color=VALIDATION_COLOR,
            markersize=5,
            capsize=4,
            zorder=3,
        )
    _label_rows(axes, list(intervals), name)
    values = scores.to_numpy(np.float64)
    low, high = axis_limits.robust_limits(values, better)
    visible = [found for found in intervals.values() if low <= found.mean * factor <= high]
    ends = [[found.low * factor, found.high * factor] for found in visible]
    low, high = axis_limits.set_limits(
        axes, [values[(values >= low) & (values <= high)], ends], zoom=np.inf, which="x"
    )
    _mark_outlying_means(axes, np.array([found.mean for found in intervals.values()]) * factor, low, high)
    outside = values[(values < low) | (values > high)]
    if len(outside):
        hidden = f"{count_of(len(outside), values.size, 'score')} not shown"
        add_note(axes, [f"{hidden}, {axis_limits.describe_extent(outside, low, high)}"])


def plot_differences(
    axes: Axes, differences: Sequence[PairedDifference], factor: float, rate: float, name: str
) -> None:
    """Plot each mean difference with its interval, and color the significant differences.

    Args:
        axes: The axes to draw on.
        differences: The differences.
        factor: The factor by which the differences are multiplied, which is 100 for percentages.
        rate: The significance level.
        name: The label of the x axis.
    """
    axes.axvline(0, color=_GREY, linewidth=0.8, linestyle=":")
    plotted = select_smallest_p(differences)
    for row, found in enumerate(plotted):
        color = VALIDATION_COLOR if found.p_holm < rate else _GREY
        half_width = found.interval.half_width * factor
        axes.errorbar(
            found.interval.mean * factor, row, xerr=half_width, fmt="D", color=color, markersize=5, capsize=4
        )
    _label_rows(axes, _pair_labels(plotted), name)
    means = np.array([found.interval.mean for found in plotted]) * factor
    low, high = axis_limits.robust_limits(means)
    visible = [found.interval for found in plotted if low <= found.interval.mean * factor <= high]
    ends = [[found.low * factor, found.high * factor] for found in visible]
    low, high = axis_limits.set_limits(axes, [ends, [0.0]], zoom=np.inf, which="x")
    _mark_outlying_means(axes, means, low, high)
    notes = (
        [f"the {len(plotted)} of {len(differences)} differences with the smallest p"]
        if len(plotted) < len(differences)
        else []
    )
    outside = means[(means < low) | (means > high)]
    if len(outside):
        notes.append(
            f"{count_of(len(outside), len(plotted), 'difference')} not shown, "
            f"{axis_limits.describe_extent(outside, low, high)}"
        )
    add_note(axes, notes)


def _mark_outlying_means(axes: Axes, means: NDArray[np.float64], low: float, high: float) -> None:
    """Mark each mean that is outside the axis limits with a triangle at the nearer edge."""
    for outside, marker, edge in ((means > high, ">", 0.98), (means < low, "<", 0.02)):
        rows = np.flatnonzero(outside)
        axes.plot(
            np.full(len(rows), edge),
            rows,
            marker,
            color=NON_FINITE_COLOR,
            transform=axes.get_yaxis_transform(),
        )


def select_smallest_p(differences: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Return the differences to plot, in their original order. If there are too many, omit the least significant."""
    if len(differences) <= MAX_DIFFERENCES:
        return list(differences)
    limit = sorted(range(len(differences)), key=lambda number: differences[number].p)[:MAX_DIFFERENCES]
    return [differences[number] for number in sorted(limit)]


def figure_height(names: Sequence[str], differences: Sequence[PairedDifference]) -> float:
    """Return the figure height in inches that both plots need."""
    return max(_rows_height(list(names)), _rows_height(_pair_labels(select_smallest_p(differences))))


def _rows_height(names: Sequence[str]) -> float:
    return _MARGINS_HEIGHT + sum(
        max(_ROW_HEIGHT, _LINE_HEIGHT * (text.count("\n") + 2)) for text in _wrap_labels(names)
    )


def _pair_labels(differences: Sequence[PairedDifference]) -> list[str]:
    names = dict.fromkeys(name for found in differences for name in (found.first, found.second))
    short = dict(
        zip(names, shorten_distinct([escape_control(name) for name in names], _MAX_LABEL), strict=True)
    )
    return [f"{short[found.first]} - {short[found.second]}" for found in differences]


def _wrap_labels(names: Sequence[str]) -> list[str]:
    """Shorten and wrap long names, so that enough space is left for the plot."""
    short = shorten_distinct([escape_control(name) for name in names], 2 * _MAX_LABEL + 3)
    return [textwrap.fill(name, _LINE_LENGTH) for name in short]


def _label_rows(axes: Axes, names: Sequence[str], name: str) -> None:
    axes.set_yticks(range(len(names)), _wrap_labels(names), **PLAIN_TEXT)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(wrap_label(name), **PLAIN_TEXT)
    axes.grid(axis="x", alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
