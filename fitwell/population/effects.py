"""The picture of what one hyperparameter did to a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell.callbacks.metric_mode import infer_mode
from fitwell.drawing import limits, scales
from fitwell.drawing.colours import Palette, ink
from fitwell.drawing.figures import check_axes, fit_in, opened
from fitwell.drawing.groups import mark_outside, mean_and_spread, side_by_side
from fitwell.drawing.notes import counted, note
from fitwell.drawing.text import fit_axis_names, name_axis, visible
from fitwell.history import TRAINING_COLOR
from fitwell.population import table
from fitwell.population.members import Member
from fitwell.population.plots import By, check_name, groups_of, settled, told_of_far

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]

# Inches: of a figure, and for each category of many.
_WIDE, _TALL, _AROUND, _CATEGORY, _WIDEST = 5.6, 3.8, 1.6, 0.21, 40.0


def effect(
    members: Sequence[Member],
    name: str,
    metric: str | None,
    by: By,
    ax: Axes | None,
    log: Mapping[str, bool] = MappingProxyType({}),
) -> Axes:
    """Draw the score of every member against one hyperparameter, and mean and spread at each of its values.

    log: whether hyperparameters were drawn on a logarithmic scale, as far as it is known.
    """
    measured = table.check_metric(members, metric)
    check_name(members, name)
    groups = groups_of(members, by)
    chosen = [member for member in members if name in settled(member)]
    scale = scales.Scale([settled(member)[name] for member in chosen], log=log.get(name))
    if ax is not None:
        return _draw(chosen, name, measured, groups, scale, check_axes(ax, "plot_effect"))
    with opened(float(np.clip(_AROUND + _CATEGORY * len(scale.names), _WIDE, _WIDEST)), _TALL) as figure:
        return _draw(chosen, name, measured, groups, scale, figure.add_subplot(), grow=True)


def _draw(
    members: Sequence[Member],
    name: str,
    measured: str,
    groups: Palette | None,
    scale: scales.Scale,
    ax: Axes,
    grow: bool = False,
) -> Axes:
    before = (ax.get_xlim(), ax.get_ylim()) if ax.has_data() else (None, None)
    better = infer_mode(measured)
    scores = np.array([table.score(member, measured) for member in members])
    scale.finish(ax, "x", before[0])
    shown = limits.show(ax, [scores], better, before=before[1])
    finite = np.isfinite(scores)
    seen = finite & (scores >= shown[0]) & (scores <= shown[1])
    keys = [groups.group(settled(member)) if groups else None for member in members]
    middle, places = _places(scale, [settled(member)[name] for member in members], keys, scores)
    colours = [groups.style(key)["color"] if groups else TRAINING_COLOR for key in keys]
    ax.scatter(
        places[seen],
        scores[seen],
        s=14,
        alpha=0.5,
        c=[colours[i] for i in np.flatnonzero(seen)],
        linewidths=0,
    )
    bars = []
    for key in dict.fromkeys(keys):
        mine = np.array([key == other for other in keys]) & seen
        style = groups.style(key) if groups else {"color": ink(), "linestyle": "-"}
        bars.append((_draw_means(ax, middle[mine], scores[mine], scale, style), style["color"]))
    for spread, colour in bars:
        ax.errorbar(*spread, fmt="none", ecolor=colour, elinewidth=1.2, capsize=3)
        limits.reach_over(ax, spread[1] - spread[2], spread[1] + spread[2])
    repeated = any(len(spread[0]) for spread, _ in bars)
    mark_outside(ax, places, scores, shown, "bottom" if better == "max" else "top", colours)
    name_axis(ax, "x", name)
    name_axis(ax, "y", measured)
    ax.grid(alpha=0.3)
    if groups is not None:
        groups.explain(ax, "o", grow)
        fit_in(ax)  # beside the legend, names have the room that is left
    scales.lay_out(ax.figure)
    fit_axis_names(ax)
    if scale.names:
        scales.name_categories(ax, "x", scale.names)
        scales.lay_out(ax.figure)
    told = [told_of_far(list(scores), [bool(out) for out in finite & ~seen], shown)]
    if not finite.all():
        told.append(
            f"{visible(measured)} is not finite for {counted(int((~finite).sum()), len(members), 'member')} (×)"
        )
    if repeated:
        told.append("bars: mean ± sd" + ("" if seen.all() else " of those in the picture"))
    note(ax, told)
    fit_in(ax)
    return ax


def _places(
    scale: scales.Scale, values: Sequence[Any], keys: Sequence[str | None], scores: Values
) -> tuple[Values, Values]:
    """Return where the mean of each member's group stands, and where the member does.

    Groups stand side by side over a category, and the members of each within their part; over a number stand side by
    side those of equal scores, as seeds that fail alike have.
    """
    places = scale.place(values)
    if scale.is_numeric:
        return places, scale.moved(
            places, side_by_side(list(zip(places.tolist(), map(repr, scores.tolist()), strict=True)), 1.0)
        )
    order = list(dict.fromkeys(keys))
    part = 0.8 / max(len(order), 1)
    middle = places + (np.array([order.index(key) for key in keys]) - (len(order) - 1) / 2) * part
    return middle, middle + side_by_side(list(zip(middle.tolist(), keys, strict=True)), 0.3 * part)


def _draw_means(
    ax: Axes, places: Values, scores: Values, scale: scales.Scale, style: dict[str, Any]
) -> tuple[Values, Values, Values]:
    """Draw the mean at each place, joined if it is a number's.

    Returns places, means and standard deviations of those where members were repeated.
    """
    distinct = np.unique(places)
    if scale.is_numeric and len(places) == len(distinct) > scales.MOST_JOINED:
        return (
            distinct[:0],
            distinct[:0],
            distinct[:0],
        )  # drawn at random: scores of single members jump up and down
    found = np.array([mean_and_spread(scores[places == place]) for place in distinct]).reshape(-1, 2)
    if scale.is_numeric:
        ax.plot(distinct, found[:, 0], linewidth=1.8, **style)
    else:
        ax.plot(distinct, found[:, 0], marker="D", markersize=5, color=style["color"], linestyle="none")
    repeated = np.isfinite(found[:, 1])
    return distinct[repeated], found[repeated, 0], found[repeated, 1]
