"""Plot of a metric against one hyperparameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._log_names import TRAINING_COLOR
from fitwell._plotting import axis_limits, scales
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.labels import escape_control, fit_axis_labels, set_axis_label
from fitwell._plotting.layout import check_axes, fit_margins, open_figure
from fitwell._plotting.palette import Palette, text_color
from fitwell._plotting.spread import dodge, finite_mean_and_std, mark_outliers
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.population import results_table
from fitwell.population.member_groups import By, check_name, describe_outliers, full_setting, group_palette
from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_effect"]


# Sizes in inches: the figure's default width and height, the margins, the width per category, and the maximum width.
_WIDE, _TALL, _AROUND, _CATEGORY, _WIDEST = 5.6, 3.8, 1.6, 0.21, 40.0


def plot_effect(
    members: Sequence[Member],
    name: str,
    metric: str | None,
    by: By,
    ax: Axes | None,
    log: Mapping[str, bool] = MappingProxyType({}),
) -> Axes:
    """Plot each member's score against one hyperparameter, with the mean and spread for each value.

    Args:
        members: The members to plot.
        name: The name of the hyperparameter.
        metric: The name of the metric, or None for the default metric.
        by: The hyperparameters that group the members, or None.
        ax: The axes to draw on, or None for a new figure.
        log: A dict that maps each hyperparameter to True if it was sampled on a logarithmic scale, and to False if it
            was not. A hyperparameter is missing if its scale is not known.

    Returns:
        The axes.
    """
    measured = results_table.check_metric(members, metric)
    check_name(members, name)
    groups = group_palette(members, by)
    chosen = [member for member in members if name in full_setting(member)]
    scale = scales.ValueScale([full_setting(member)[name] for member in chosen], log=log.get(name))
    if ax is not None:
        return _draw(chosen, name, measured, groups, scale, check_axes(ax, "plot_effect"))
    with open_figure(float(np.clip(_AROUND + _CATEGORY * len(scale.names), _WIDE, _WIDEST)), _TALL) as figure:
        return _draw(chosen, name, measured, groups, scale, figure.add_subplot(), grow=True)


def _draw(
    members: Sequence[Member],
    name: str,
    measured: str,
    groups: Palette | None,
    scale: scales.ValueScale,
    ax: Axes,
    grow: bool = False,
) -> Axes:
    before = (ax.get_xlim(), ax.get_ylim()) if ax.has_data() else (None, None)
    better = infer_mode(measured)
    scores = np.array([results_table.member_score(member, measured) for member in members])
    scale.format_axis(ax, "x", before[0])
    shown = axis_limits.set_limits(ax, [scores], better, before=before[1])
    finite = np.isfinite(scores)
    seen = finite & (scores >= shown[0]) & (scores <= shown[1])
    keys = [groups.group_key(full_setting(member)) if groups else None for member in members]
    centers, places = _places(scale, [full_setting(member)[name] for member in members], keys, scores)
    colors = [groups.style(key)["color"] if groups else TRAINING_COLOR for key in keys]
    ax.scatter(
        places[seen],
        scores[seen],
        s=14,
        alpha=0.5,
        c=[colors[i] for i in np.flatnonzero(seen)],
        linewidths=0,
    )
    bars = []
    for key in dict.fromkeys(keys):
        in_group = np.array([key == other for other in keys]) & seen
        style = groups.style(key) if groups else {"color": text_color(), "linestyle": "-"}
        bars.append((_draw_means(ax, centers[in_group], scores[in_group], scale, style), style["color"]))
    for spread, color in bars:
        ax.errorbar(*spread, fmt="none", ecolor=color, elinewidth=1.2, capsize=3)
        axis_limits.extend_limits(ax, spread[1] - spread[2], spread[1] + spread[2])
    repeated = any(len(spread[0]) for spread, _ in bars)
    mark_outliers(ax, places, scores, shown, "bottom" if better == "max" else "top", colors)
    set_axis_label(ax, "x", name)
    set_axis_label(ax, "y", measured)
    ax.grid(alpha=0.3)
    if groups is not None:
        groups.add_legend(ax, "o", grow)
        fit_margins(ax)  # the legend leaves less space for the names of categories
    scales.compute_layout(ax.figure)
    fit_axis_labels(ax)
    if scale.names:
        scales.label_categories(ax, "x", scale.names)
        scales.compute_layout(ax.figure)
    notes = [describe_outliers(list(scores), [bool(out) for out in finite & ~seen], shown)]
    if not finite.all():
        notes.append(
            f"{escape_control(measured)} is not finite for {count_of(int((~finite).sum()), len(members), 'member')} (×)"
        )
    if repeated:
        notes.append("bars: mean ± sd" + ("" if seen.all() else " of the members in the plot"))
    add_note(ax, notes)
    fit_margins(ax)
    return ax


def _places(
    scale: scales.ValueScale, values: Sequence[Any], keys: Sequence[str | None], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the x positions of the group means, and the members' x positions.

    If the hyperparameter is categorical, groups are drawn side by side, and members are spread within their group. If
    it is a number, only members with equal scores (such as seeds that fail in the same way) are drawn side by side.
    """
    places = scale.positions(values)
    if scale.is_numeric:
        return places, scale.offset(
            places, dodge(list(zip(places.tolist(), map(repr, scores.tolist()), strict=True)), 1.0)
        )
    order = list(dict.fromkeys(keys))
    part = 0.8 / max(len(order), 1)
    centers = places + (np.array([order.index(key) for key in keys]) - (len(order) - 1) / 2) * part
    return centers, centers + dodge(list(zip(centers.tolist(), keys, strict=True)), 0.3 * part)


def _draw_means(
    ax: Axes,
    places: NDArray[np.float64],
    scores: NDArray[np.float64],
    scale: scales.ValueScale,
    style: dict[str, Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw the mean score at each position, and connect the means with lines if the hyperparameter is a number.

    Nothing is drawn if the hyperparameter is a number with many values that each occur in only one member.

    Args:
        ax: The axes to draw on.
        places: The x position of each member.
        scores: The score of each member.
        scale: The scale of the x axis.
        style: The style of the group.

    Returns:
        The positions with more than one member, and the means and standard deviations at these positions.
    """
    distinct = np.unique(places)
    if scale.is_numeric and len(places) == len(distinct) > scales.MAX_JOINED:
        # If there are many distinct values, they were probably sampled randomly, and single scores vary too much to
        # be connected.
        return distinct[:0], distinct[:0], distinct[:0]
    statistics = np.array([finite_mean_and_std(scores[places == place]) for place in distinct]).reshape(-1, 2)
    if scale.is_numeric:
        ax.plot(distinct, statistics[:, 0], linewidth=1.8, **style)
    else:
        ax.plot(distinct, statistics[:, 0], marker="D", markersize=5, color=style["color"], linestyle="none")
    repeated = np.isfinite(statistics[:, 1])
    return distinct[repeated], statistics[repeated, 0], statistics[repeated, 1]
