"""Plot of a population's learning curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._log_names import TRAINING_COLOR
from fitwell._plotting import axis_limits, scales
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.labels import fit_axis_labels, set_axis_label
from fitwell._plotting.layout import check_axes, fit_margins, open_figure
from fitwell._plotting.legends import add_legend
from fitwell._plotting.palette import Palette, text_color
from fitwell._plotting.spread import NON_FINITE_COLOR, mean_curve
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.population import results_table
from fitwell.population.member_groups import By, describe_outliers, full_setting, group_palette
from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_curves"]


def plot_curves(members: Sequence[Member], metric: str | None, by: By, ax: Axes | None) -> Axes:
    """Plot a metric against the epoch, with one thin line per member and, if possible, summary curves.

    Args:
        members: The members to plot.
        metric: The name of the metric, or None for the default metric.
        by: The hyperparameters that group the members, or None. Each group has its own color, and a mean curve if it
            has more than one member.
        ax: The axes to draw on, or None for a new figure.

    Returns:
        The axes.
    """
    name = results_table.check_metric(members, metric)
    groups = group_palette(members, by)
    if ax is not None:
        return _draw_curves(members, name, groups, check_axes(ax, "plot_curves"))
    with open_figure(5.6, 3.8) as figure:
        return _draw_curves(members, name, groups, figure.add_subplot(), grow=True)


def _draw_curves(
    members: Sequence[Member], name: str, groups: Palette | None, ax: Axes, grow: bool = False
) -> Axes:
    before = ax.get_ylim() if ax.has_data() else None
    finite_curves = [_by_epoch(member, name) for member in members]
    parts = [np.array(list(curve.values())) for curve in finite_curves]
    better = infer_mode(name)
    for member, curve in zip(members, finite_curves, strict=True):
        if name in member.history.history:
            epochs = [epoch + 1 for epoch in member.history.epochs_of(name)]
            style = (
                groups.style(groups.group_key(full_setting(member))) if groups else {"color": TRAINING_COLOR}
            )
            values = [curve.get(epoch, math.nan) for epoch in epochs]
            marker = "o" if len(curve) == 1 else None
            ax.plot(epochs, values, linewidth=0.8, alpha=0.6, marker=marker, **style)
    shown = axis_limits.set_limits(ax, parts, better, before=before, reference=_ends(parts, better))
    far = [bool(((part < shown[0]) | (part > shown[1])).any()) for part in parts]
    diverged = [
        member.status.startswith("NaN") or not np.isfinite(member.history.history.get(name, [])).all()
        for member in members
    ]
    notes = [describe_outliers(parts, far, shown), _mark_diverged(ax, finite_curves, diverged)]
    notes.append(_draw_middle(ax, members, finite_curves, np.logical_or(far, diverged).tolist(), groups))
    if groups is not None:
        groups.add_legend(ax, grow=grow)
    scales.format_epoch_axis(ax, [epoch for curve in finite_curves for epoch in curve], before is not None)
    set_axis_label(ax, "y", name)
    ax.grid(alpha=0.3)
    scales.compute_layout(ax.figure)
    fit_axis_labels(ax)
    add_note(ax, notes)
    fit_margins(ax)
    return ax


def _by_epoch(member: Member, metric: str) -> dict[int, float]:
    """Return a dict that maps 1-based epochs to a metric's finite values."""
    values = member.history.history.get(metric, [])
    pairs = zip(member.history.epochs_of(metric), values, strict=True)
    return {epoch + 1: float(value) for epoch, value in pairs if math.isfinite(value)}


def _ends(parts: Sequence[NDArray[np.float64]], better: str | None) -> NDArray[np.float64]:
    """Return the worst value of each curve.

    A curve is an outlier if its worst value is far from the other curves' worst values. Comparing all values instead
    would also mark normal curves, because bad values at the start of a curve are normal. If it is not known whether
    larger or smaller values are better, both extremes of each curve are returned.
    """
    worst = [part.max() for part in parts if part.size and better != "max"]
    return np.array(worst + [part.min() for part in parts if part.size and better != "min"])


def _mark_diverged(ax: Axes, finite_curves: Sequence[dict[int, float]], diverged: Sequence[bool]) -> str:
    """Mark the last finite value of each diverged member, and return a note about these members."""
    ends = [
        max(curve.items())
        for curve, has_diverged in zip(finite_curves, diverged, strict=True)
        if has_diverged and curve
    ]
    if ends:
        epochs, values = np.transpose(ends)
        ax.plot(
            epochs,
            np.clip(values, *ax.get_ylim()),
            "x",
            color=NON_FINITE_COLOR,
            markersize=5,
            zorder=3,
            clip_on=False,
        )
    return f"{count_of(sum(diverged), len(diverged), 'member')} diverged (×)" if any(diverged) else ""


def _draw_middle(
    ax: Axes,
    members: Sequence[Member],
    finite_curves: Sequence[dict[int, float]],
    out: Sequence[bool],
    groups: Palette | None,
) -> str:
    """Draw the median of all members, or the mean and spread of each group, and return a note about them.

    Args:
        ax: The axes to draw on.
        members: The members.
        finite_curves: The finite values of each member, as dicts that map 1-based epochs to values.
        out: Whether each member is excluded from the means.
        groups: The groups and their colors, or None.

    Returns:
        The note, or an empty string.
    """
    if groups is None and len({repr(member.setting) for member in members}) > 1:
        epochs, median = _median(finite_curves)
        marker = "o" if len(epochs) == 1 else None
        (line,) = ax.plot(epochs, median, color=text_color(), linewidth=1.8, label="median", marker=marker)
        add_legend(ax, [(line, "median")])
        return ""
    curves_by_group: dict[str | None, list[dict[int, float]]] = {}
    for member, curve, has_diverged in zip(members, finite_curves, out, strict=True):
        if curve and not has_diverged:
            curves_by_group.setdefault(groups.group_key(full_setting(member)) if groups else None, []).append(
                curve
            )
    repeated = {group: curves for group, curves in curves_by_group.items() if len(curves) > 1}
    for group, curves in repeated.items():
        epochs, mean, spread = mean_curve(curves)
        style = groups.style(group) if groups else {"color": text_color(), "label": "mean"}
        marker = "o" if len(epochs) == 1 else None
        (line,) = ax.plot(epochs, mean, linewidth=2, marker=marker, **style)
        axis_limits.extend_limits(ax, mean - spread, mean + spread)
        ax.fill_between(epochs, mean - spread, mean + spread, color=style["color"], alpha=0.12, linewidth=0)
        if groups is None:
            add_legend(ax, [(line, "mean")])
    if not repeated:
        return ""
    return "thick line: mean, band: ± sd" + (" of the other members" if any(out) else "")


def _median(finite_curves: Sequence[dict[int, float]]) -> tuple[list[int], list[float]]:
    """Return the 1-based epochs, and each epoch's median over the members that have a finite value."""
    epochs = sorted({epoch for curve in finite_curves for epoch in curve})
    return epochs, [float(np.median([c[epoch] for c in finite_curves if epoch in c])) for epoch in epochs]
