"""Scatter plots of all pairs of varying hyperparameters, colored by a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._plotting import axis_limits, scales
from fitwell._plotting.annotations import count_of
from fitwell._plotting.labels import PLAIN_TEXT, fit_axis_labels, set_axis_label, wrap_label
from fitwell._plotting.layout import open_figure
from fitwell._plotting.legends import add_figure_legend
from fitwell._plotting.palette import COLORMAP, Palette
from fitwell._plotting.spread import NON_FINITE_COLOR
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.errors import InvalidArgument, StateError
from fitwell.population import results_table
from fitwell.population.member_groups import By, full_setting, group_palette
from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_pairs"]


_MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X", "<", ">", "p", "h")


def plot_pairs(
    members: Sequence[Member],
    metric: str | None,
    log: Mapping[str, bool] = MappingProxyType({}),
    by: By = None,
) -> Figure:
    """Plot all members for each pair of hyperparameters that vary, colored by score.

    Args:
        members: The members to plot.
        metric: The name of the metric, or None for the default metric.
        log: A dict that maps each hyperparameter to True if it was sampled on a logarithmic scale, and to False if it
            was not. A hyperparameter is missing if its scale is not known.
        by: The hyperparameters that determine the marker shapes, or None.

    Returns:
        The figure.
    """
    measured = results_table.check_metric(members, metric)
    known = dict.fromkeys(name for member in members for name in member.setting)
    shapes = _Shapes(group_palette(members, by))
    names = [name for name in known if len({repr(m.setting.get(name)) for m in members}) > 1]
    if len(names) < 2:
        raise InvalidArgument(
            f"plot_pairs needs at least two hyperparameters that vary, got {len(names) or 'none'}"
            + (f" ({names[0]}); use plot_effect({names[0]!r})" if names else "")
        )
    better = infer_mode(measured)
    scores = np.array([results_table.member_score(member, measured) for member in members])
    if not np.isfinite(scores).any():
        raise StateError(f"no member has a finite {measured}; see the 'status' column of population.results")
    # Draw members without a finite score first, and the best members last so that they are on top.
    order = np.argsort(
        np.where(np.isfinite(scores), scores if better == "max" else -scores, -np.inf), kind="stable"
    )
    count = len(names) - 1
    with open_figure(max(2.8 * count + 1.2, 5.2), max(2.6 * count, 3.8)) as figure:
        grid = [
            (figure.add_subplot(count, count, row * count + column + 1), names[column], names[row + 1])
            for row in range(count)
            for column in range(row + 1)
        ]
        known_scales = {
            name: scales.ValueScale(
                [m.setting[name] for m in members if name in m.setting], log=log.get(name)
            )
            for name in names
        }
        shown = axis_limits.robust_limits(scores, better)
        for axes, across, below in grid:
            complete = [i for i in order if across in members[i].setting and below in members[i].setting]
            sides = (across, known_scales[across]), (below, known_scales[below])
            _draw(axes, [members[i] for i in complete], scores[complete], sides, shown, shapes)
        shapes.add_legend(figure)
        _add_colorbar(figure, [axes for axes, _, _ in grid], measured, scores, shown)
        _label_outer_axes(figure, grid, known_scales, count)
        scales.compute_layout(figure)
    return figure


_Grid = list[tuple["Axes", str, str]]
_Side = tuple[str, scales.ValueScale]


def _label_outer_axes(figure: Figure, grid: _Grid, known: dict[str, scales.ValueScale], count: int) -> None:
    """Label only the outer axes.

    All plots in a row share the y axis, and all plots in a column share the x axis.
    """
    from matplotlib.ticker import NullFormatter

    for axes, _, _ in grid:
        place = axes.get_subplotspec()
        assert place is not None
        for axis, outer in ((axes.xaxis, place.is_last_row()), (axes.yaxis, place.is_first_col())):
            axis.set_minor_formatter(NullFormatter())
            if not outer:
                axis.set_major_formatter(NullFormatter())
    scales.compute_layout(figure)
    for axes, across, below in grid:
        fit_axis_labels(axes)
        place = axes.get_subplotspec()
        assert place is not None
        for which, name, outer in (("x", across, place.is_last_row()), ("y", below, place.is_first_col())):
            if known[name].names and outer:
                scales.label_categories(axes, which, known[name].names, count)


def _draw(
    axes: Axes,
    members: Sequence[Member],
    scores: NDArray[np.float64],
    sides: tuple[_Side, _Side],
    shown: tuple[float, float],
    shapes: _Shapes,
) -> None:
    """Plot members against two hyperparameters, and spread out members that are at the same point."""
    points = [scale.positions([member.setting[name] for member in members]) for name, scale in sides]
    offsets = _spiral_offsets(list(zip(points[0].tolist(), points[1].tolist(), strict=True)))
    places = [scale.offset(point, by) for (_, scale), point, by in zip(sides, points, offsets, strict=True)]
    x, y = places
    seen, shape = np.isfinite(scores), [shapes.marker(member) for member in members]
    for marker in dict.fromkeys(shape):
        in_group = seen & np.array([marker == other for other in shape])
        axes.scatter(
            x[in_group],
            y[in_group],
            c=scores[in_group],
            cmap=COLORMAP,
            s=22,
            vmin=shown[0],
            vmax=shown[1],
            marker=marker,
        )
    if not seen.all():
        axes.scatter(x[~seen], y[~seen], c=NON_FINITE_COLOR, marker="x", s=18, linewidths=1)
    for which, (name, scale) in zip("xy", sides, strict=True):
        scale.format_axis(axes, which)
        set_axis_label(axes, which, name)


class _Shapes:
    """The marker shapes of the members' groups. If there are no groups, all members are discs."""

    def __init__(self, groups: Palette | None) -> None:
        if groups is not None and len(groups.labels) > len(_MARKERS):
            raise InvalidArgument(
                f"by: there are {len(groups.labels)} groups, but only {len(_MARKERS)} marker shapes; "
                "use plot_effect(..., by=...)"
            )
        self._groups = groups
        self._markers = dict(zip(groups.labels if groups else (), _MARKERS, strict=False))

    def marker(self, member: Member) -> str:
        """Return a member's marker shape, which is a dot if the member lacks a grouping hyperparameter."""
        group = self._groups.group_key(full_setting(member)) if self._groups else None
        return "o" if self._groups is None else "." if group is None else self._markers[group]

    def add_legend(self, figure: Figure) -> None:
        """Add a legend of the marker shapes."""
        from matplotlib.lines import Line2D

        if self._groups is None:
            return
        entries = [(marker, self._groups.labels[group]) for group, marker in self._markers.items()]
        entries += [(".", f"no {' or '.join(self._groups.names)}")] if self._groups.has_missing else []
        handles = [(Line2D([], [], marker=mark, color="0.4", linestyle=""), name) for mark, name in entries]
        add_figure_legend(figure, handles, ", ".join(self._groups.names))


def _spiral_offsets(points: Sequence[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y offsets that arrange equal points in a spiral, with the last point in the center.

    Without offsets, the seeds of one setting would hide each other and only the best would be visible. A setting that
    fails for nine of ten seeds would then look good.
    """
    indices_by_point: dict[tuple[float, float], list[int]] = {}
    for number, point in enumerate(points):
        indices_by_point.setdefault(point, []).append(number)
    moved = np.zeros((2, len(points)))
    for numbers in indices_by_point.values():
        turns = np.arange(len(numbers))[::-1]
        radius = np.sqrt(turns / max(len(numbers) - 1, 1))
        angle = turns * np.pi * (3 - np.sqrt(5))  # the golden angle, which spreads the points evenly
        moved[:, numbers] = radius * np.cos(angle), radius * np.sin(angle)
    return moved[0], moved[1]


def _add_colorbar(
    figure: Figure,
    axes: Sequence[Axes],
    measured: str,
    scores: NDArray[np.float64],
    shown: tuple[float, float],
) -> None:
    """Add a color bar, and a note about members that are outside its range or diverged."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = shown
    seen = scores[np.isfinite(scores)]
    beyond: dict[tuple[bool, bool], Any] = {
        (False, False): "neither",
        (True, False): "min",
        (False, True): "max",
        (True, True): "both",
    }
    extend = beyond[bool(seen.min() < low), bool(seen.max() > high)]
    bar = figure.colorbar(ScalarMappable(Normalize(low, high), COLORMAP), ax=list(axes), extend=extend)
    bar.set_label(wrap_label(measured), **PLAIN_TEXT)
    notes = []
    out = seen[(seen < low) | (seen > high)]
    if len(out):
        notes.append(
            f"{count_of(len(out), len(scores), 'member')} outside the color range, "
            f"{axis_limits.describe_extent(out, low, high)}"
        )
    if len(seen) < len(scores):
        notes.append(f"{count_of(len(scores) - len(seen), len(scores), 'member')} diverged (×)")
    if notes:
        figure.suptitle("\n".join(notes), fontsize="small", x=0.99, ha="right", **PLAIN_TEXT)
