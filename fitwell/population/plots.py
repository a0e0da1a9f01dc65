"""Pictures of a population: fans of learning curves, the effect of one hyperparameter, pairs of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitwell.callbacks.directions import told_by_name
from fitwell.errors import InvalidArgument, StateError, nearest
from fitwell.population import table
from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = "viridis"
# Entries of a legend, at most.
_LEGEND = 8


def curves(members: Sequence[Member], metric: str | None, by: str | None, ax: Axes | None) -> Axes:
    """Draw `metric` after each epoch, one thin line per member, and their median."""
    name = table.check_metric(members, metric)
    axes = _axes(ax)
    colours = _Colours(axes, members, by) if by is not None else None
    drawn = []
    for member in members:
        if name in member.history.history:
            epochs = [epoch + 1 for epoch in member.history.epochs_of(name)]
            drawn.append(np.array(member.history.history[name]))
            colour = colours(member) if colours else "#2f6db5"
            marker = "o" if len(epochs) == 1 else None
            axes.plot(epochs, drawn[-1], color=colour, linewidth=0.8, alpha=0.6, marker=marker)
    if colours is None:
        epochs, middle = _median(members, name)
        axes.plot(epochs, middle, color="#1f2933", linewidth=1.8, label="median")
        axes.legend(frameon=False)
    else:
        colours.explain()
    _look_closer(axes, drawn)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.grid(alpha=0.3)
    return axes


def effect(members: Sequence[Member], name: str, metric: str | None, ax: Axes | None) -> Axes:
    """Draw the score of every member against one hyperparameter, and the median at each of its values."""
    measured = table.check_metric(members, metric)
    chosen = [member for member in members if _check(members, name) in member.setting]
    values = [member.setting[name] for member in chosen]
    scores = np.array([table.score(member, measured) for member in chosen])
    axes = _axes(ax)
    places, labels = _places(values)
    axes.scatter(places, scores, s=14, alpha=0.5, color="#2f6db5", linewidths=0)
    distinct = sorted(set(places))
    parts = [scores[(places == place) & np.isfinite(scores)] for place in distinct]
    middle = [np.median(part) if part.size else math.nan for part in parts]
    axes.plot(distinct, middle, color="#1f2933", linewidth=1.8, label="median")
    _name_axis(axes, "x", labels, distinct)
    axes.set_xlabel(name)
    axes.set_ylabel(measured)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    _look_closer(axes, scores)
    return axes


def pairs(members: Sequence[Member], metric: str | None) -> Figure:
    """Draw all members for every pair of varying hyperparameters, coloured by their score."""
    from matplotlib import pyplot as plt

    measured = table.check_metric(members, metric)
    names = [name for name in _names(members) if len({repr(m.setting.get(name)) for m in members}) > 1]
    if len(names) < 2:
        raise InvalidArgument(
            f"plot_pairs needs two hyperparameters that vary, there is {len(names) or 'none'}"
            + (f" ({names[0]}): use plot_effect({names[0]!r})" if names else "")
        )
    scores = np.array([table.score(member, measured) for member in members])
    ordered = np.argsort(scores if told_by_name(measured) == "max" else -scores)
    ordered = ordered[np.isfinite(scores[ordered])]  # the best are drawn last, on top
    if not ordered.size:
        raise StateError(f"no member has a finite {measured}: see `results`, column 'status'")
    low, high = _range(scores)
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    extend = beyond[bool(scores[ordered].min() < low), bool(scores[ordered].max() > high)]
    count = len(names) - 1
    figure, grid = plt.subplots(
        count, count, figsize=(2.8 * count + 1.2, 2.6 * count), squeeze=False, layout="constrained"
    )
    for row, below in enumerate(names[1:]):
        for column, across in enumerate(names[:-1]):
            axes = grid[row, column]
            if column > row:
                axes.set_axis_off()
                continue
            both = [i for i in ordered if across in members[i].setting and below in members[i].setting]
            (x, x_labels), (y, y_labels) = (
                _places([members[i].setting[name] for i in both]) for name in (across, below)
            )
            points = axes.scatter(x, y, c=scores[both], cmap=_COLOURS, s=22, vmin=low, vmax=high)
            _name_axis(axes, "x", x_labels, x)
            _name_axis(axes, "y", y_labels, y)
            axes.set_xlabel(across)
            axes.set_ylabel(below)
    figure.colorbar(points, ax=grid, label=measured, extend=extend)
    return figure


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest of the finite `values` that are no outliers.

    One member that diverges would press all others into a line. Ten times the distance of the quartiles beyond
    them is out: a learning curve that begins far above its end is not.
    """
    finite = values[np.isfinite(values)].astype(float)
    if not finite.size:
        return 0.0, 1.0
    first, third = np.quantile(finite, [0.25, 0.75])
    reach = 10 * (third - first)
    inside = finite[(finite >= first - reach) & (finite <= third + reach)] if reach > 0 else finite
    return float(inside.min()), float(inside.max())


def _look_closer(axes: Axes, values: Sequence[Any] | np.ndarray) -> None:
    """Leave outliers out of the picture, and say of how many members; values: of each member one or several."""
    low, high = _range(
        np.concatenate([np.atleast_1d(part) for part in values]) if len(values) else np.array([])
    )
    outside = sum(bool(np.any((part < low) | (part > high))) for part in values)
    if outside:
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        axes.set_title(f"{outside} of {len(values)} members leave the picture", loc="right", fontsize="small")


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(5.6, 3.8), layout="constrained")[1]


def _names(members: Sequence[Member]) -> list[str]:
    return list(dict.fromkeys(name for member in members for name in member.setting))


def _check(members: Sequence[Member], name: str) -> str:
    known = _names(members)
    if name not in known:
        raise InvalidArgument(
            f"no member has a hyperparameter {name!r}{nearest(name, known) or '.'} Known: {', '.join(known) or 'none'}."
        )
    return name


def _places(values: Sequence[Any]) -> tuple[np.ndarray, list[str] | None]:
    """Return where to draw `values`: numbers as they are, anything else by its place in a list, with labels."""
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
        return np.array(values, float), None
    labels = list(dict.fromkeys(map(str, values)))
    return np.array([labels.index(str(value)) for value in values], float), labels


def _name_axis(
    axes: Axes, which: Literal["x", "y"], labels: list[str] | None, places: Sequence[float] | np.ndarray
) -> None:
    """Write names under an axis of categories; a number that spans decades gets a logarithmic one."""
    if labels is not None:
        getattr(axes, f"set_{which}ticks")(range(len(labels)), labels)
        return
    positive = [place for place in places if place > 0]
    if positive and min(places) >= 0 and max(positive) >= 30 * min(positive):
        # A penalty of 0 has a place on such an axis too: as far below the smallest as a decade is wide.
        none = {} if len(positive) == len(places) else {"linthresh": min(positive)}
        getattr(axes, f"set_{which}scale")("symlog" if none else "log", **none)
        axes.autoscale(axis=which)


def _median(members: Sequence[Member], metric: str) -> tuple[list[int], list[float]]:
    """Return epochs (from 1) and the median over the members that reached each."""
    found: dict[int, list[float]] = {}
    for member in members:
        for epoch, value in zip(member.history.epochs_of(metric), member.history.history.get(metric, [])):
            if math.isfinite(value):
                found.setdefault(epoch + 1, []).append(value)
    epochs = sorted(found)
    return epochs, [float(np.median(found[epoch])) for epoch in epochs]


class _Colours:
    """A colour for every member, by one of its hyperparameters."""

    def __init__(self, axes: Axes, members: Sequence[Member], name: str) -> None:
        from matplotlib import colormaps

        self.axes, self.name = axes, _check(members, name)
        values = list({repr(m.setting[name]): m.setting[name] for m in members if name in m.setting}.values())
        if all(isinstance(value, Real) for value in values):
            values.sort()
        shades = colormaps[_COLOURS](np.linspace(0, 0.9, len(values)))
        self.of = {repr(value): (_text(value), shade) for value, shade in zip(values, shades, strict=True)}

    def __call__(self, member: Member) -> Any:
        """Return the member's colour; grey when it has no such hyperparameter."""
        return self.of[repr(member.setting[self.name])][1] if self.name in member.setting else "0.7"

    def explain(self) -> None:
        """Add a legend."""
        from matplotlib.lines import Line2D

        entries = list(self.of.values())
        if len(entries) > _LEGEND:  # the ends and some between say enough
            entries = [entries[i] for i in np.linspace(0, len(entries) - 1, _LEGEND).round().astype(int)]
        handles = [Line2D([], [], color=shade, label=label) for label, shade in entries]
        self.axes.legend(handles=handles, title=self.name, frameon=False)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
