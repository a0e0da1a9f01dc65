"""The two pictures of a comparison: every repeat of every candidate, and the differences."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from fitwell.compare.statistics import Difference, Interval
from fitwell.history import TRAINING_COLOUR, VALIDATION_COLOUR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw_scores(axes: Axes, scores: pd.DataFrame, intervals: dict[str, Interval], factor: float) -> None:
    """Draw a dot per repeat, thin lines between those of one repeat, and each mean with its interval."""
    places = np.arange(scores.shape[1])
    axes.plot(scores.to_numpy().T, places, color="#9aa5b1", linewidth=0.5, alpha=0.6)
    for place, (name, found) in zip(places, intervals.items()):
        axes.plot(
            scores[name], np.full(len(scores), place), "o", color=TRAINING_COLOUR, markersize=3, alpha=0.5
        )
        axes.errorbar(
            found.mean * factor,
            place,
            xerr=found.half_width * factor,
            fmt="D",
            color=VALIDATION_COLOUR,
            markersize=5,
            capsize=4,
            zorder=3,
        )
    _name_rows(axes, list(intervals))


def draw_differences(axes: Axes, differences: list[Difference], factor: float, rate: float) -> None:
    """Draw each mean difference with its interval against zero; those found at the stated rate stand out."""
    axes.axvline(0, color="#5b6875", linewidth=0.8, linestyle=":")
    for place, found in enumerate(differences):
        colour = VALIDATION_COLOUR if found.p_holm < rate else "#5b6875"
        half = found.interval.half_width * factor
        axes.errorbar(
            found.interval.mean * factor, place, xerr=half, fmt="D", color=colour, markersize=5, capsize=4
        )
    _name_rows(axes, [f"{found.first} - {found.second}" for found in differences])


def _name_rows(axes: Axes, names: list[str]) -> None:
    # Long names in lines, or they leave no room for what is drawn.
    axes.set_yticks(range(len(names)), [textwrap.fill(name, 30) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
