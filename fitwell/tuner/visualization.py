"""Plots of a search's history, and of the objective against each hyperparameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._plotting import axis_limits, scales
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.labels import escape_control, fit_axis_labels, set_axis_label
from fitwell._plotting.layout import add_subplots, check_figure, open_figure
from fitwell._plotting.legends import add_legend
from fitwell._plotting.palette import Palette
from fitwell._plotting.spread import dodge, finite_mean_and_std, mark_outliers
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.tuner.objective import Objective
from fitwell.tuner.user_attrs import VALUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["NUM_COLUMNS", "plot_search"]


NUM_COLUMNS = 3
# Maximum distance between a category's center and its trials.
_CATEGORY_SPREAD = 0.3


def plot_search(
    trials: Sequence[Any],
    objective: Objective,
    diverged: Sequence[Any] = (),
    unfinished: int = 0,
    by: str | None = None,
    figure: Figure | None = None,
) -> list[Axes]:
    """Plot the completed trials of a study.

    The first axes show the history of the search. Each of the other axes shows one hyperparameter.

    Args:
        trials: The completed trials with a finite value.
        objective: The objective of the search.
        diverged: The completed trials without a finite value.
        unfinished: Number of pruned trials, which are not drawn.
        by: The hyperparameter that sets the color of the trials, or None.
        figure: An empty figure to draw on, or None, which creates a new one.

    Returns:
        The axes.
    """
    every = [*trials, *diverged]
    names = list(dict.fromkeys(name for trial in every for name in trial.params))
    if by is not None and by not in names:
        raise InvalidArgument(
            f"by: no trial has a hyperparameter {by!r}{did_you_mean(str(by), names) or '.'} "
            f"Known names: {', '.join(names)}."
        )
    rows = -(-(1 + len(names)) // NUM_COLUMNS)
    if figure is None:
        with open_figure(4.2 * NUM_COLUMNS, 3.2 * rows) as shown:
            return plot_search(trials, objective, diverged, unfinished, by, shown)
    check_figure(figure, "plot")
    groups = None if by is None else Palette([by], [trial.params for trial in every])
    axes = add_subplots(figure, 1 + len(names), NUM_COLUMNS)
    notes, tried = [], len(every) + unfinished
    if diverged:
        notes.append(
            f"{escape_control(objective.name)} is not finite for {count_of(len(diverged), tried, 'trial')} (×)"
        )
    if unfinished:
        notes.append(f"{count_of(unfinished, tried, 'trial')} not shown: stopped early")
    _draw_history(axes[0], trials, diverged, objective, groups, notes)
    used = [
        _draw_effect(ax, name, trials, diverged, objective, groups)
        for name, ax in zip(names, axes[1:], strict=True)
    ]
    scales.compute_layout(figure)
    for ax in axes:
        fit_axis_labels(ax)
    for ax, scale in zip(axes[1:], used, strict=True):
        if scale.names:
            scales.label_categories(ax, "x", scale.names, rows)
    scales.compute_layout(figure)
    return axes


def _draw_history(
    ax: Axes,
    trials: Sequence[Any],
    diverged: Sequence[Any],
    objective: Objective,
    groups: Palette | None,
    notes: list[str],
) -> None:
    from fitwell._plotting.ticks import FittingLocator

    ordered = sorted(trials, key=lambda trial: trial.number)
    numbers = [trial.number for trial in ordered]
    values = np.array([trial.value for trial in ordered])
    so_far = (np.minimum if objective.direction == "min" else np.maximum).accumulate(values)
    (line,) = ax.plot(numbers, values, "o", markersize=4, alpha=0.6)
    (best,) = ax.step(numbers, so_far, where="post")
    if groups is not None:
        line.set_visible(False)
        ax.scatter(numbers, values, s=16, alpha=0.8, c=_trial_colors(ordered, groups))
    shown = axis_limits.set_limits(ax, [values], objective.direction)
    notes += _draw_spread(ax, np.array(numbers, float), ordered, values, shown)
    places = np.array([*numbers, *(trial.number for trial in diverged)], float)
    mark_outliers(ax, places, _with_lost(values, diverged), shown, _worse(objective))
    ax.xaxis.set_major_locator(FittingLocator(len(str(int(places.max()))), integers=True))
    reach = max(0.04 * np.ptp(places), 0.5) if len(places) else 0.5
    ax.set_xlim(places.min() - reach, places.max() + reach)
    ax.set_xlabel("trial")
    set_axis_label(ax, "y", objective.name)
    if groups is None:
        add_legend(ax, [(line, "trial"), (best, "best so far")])
    else:
        groups.add_legend(ax, "o", others=[(best, "best so far")])
    out = values[(values < shown[0]) | (values > shown[1])]
    if len(out):
        notes.append(
            f"{count_of(len(out), len(places), 'trial')} far off, {axis_limits.describe_extent(out, *shown)} "
            "(triangles)"
        )
    add_note(ax, notes)


def _draw_effect(
    ax: Axes,
    name: str,
    trials: Sequence[Any],
    diverged: Sequence[Any],
    objective: Objective,
    groups: Palette | None,
) -> scales.ValueScale:
    having = [trial for trial in trials if name in trial.params]
    diverged_with = [trial for trial in diverged if name in trial.params]
    settings = [trial.params[name] for trial in [*having, *diverged_with]]
    declared = [*having, *diverged_with][0].distributions[name]
    choices = getattr(declared, "choices", None)
    scale = scales.ValueScale(settings, choices, None if choices else bool(declared.log))
    values = _with_lost(np.array([trial.value for trial in having], float), diverged_with)
    places = scale.positions(settings)
    if scale.names:
        # Place trials side by side, so that equal values stay visible.
        places = places + dodge([(place,) for place in places], _CATEGORY_SPREAD)
    else:
        points = list(zip(places.tolist(), map(repr, values.tolist()), strict=True))
        places = scale.offset(places, dodge(points, 1.0))
    finite = np.isfinite(values)
    (line,) = ax.plot(places[finite], values[finite], "o", markersize=4, alpha=0.6)
    if groups is not None:
        line.set_visible(False)
        ax.scatter(places[finite], values[finite], s=16, alpha=0.8, c=_trial_colors(having, groups))
    scale.format_axis(ax, "x")
    shown = axis_limits.set_limits(ax, [values], objective.direction)
    _draw_spread(ax, places[: len(having)], having, values[: len(having)], shown)
    mark_outliers(ax, places, values, shown, _worse(objective))
    set_axis_label(ax, "x", name)
    set_axis_label(ax, "y", objective.name)
    out = values[finite & ((values < shown[0]) | (values > shown[1]))]
    if len(out):
        add_note(ax, [f"{count_of(len(out), len(values), 'trial')} far off"])
    return scale


def _draw_spread(
    ax: Axes,
    places: NDArray[np.float64],
    trials: Sequence[Any],
    values: NDArray[np.float64],
    shown: tuple[float, float],
) -> list[str]:
    """Draw the sample standard deviation of trials with repeats or folds, and return a note about it."""
    spread = np.array(
        [finite_mean_and_std(np.asarray(trial.user_attrs.get(VALUES, []), float))[1] for trial in trials]
    )
    visible = np.isfinite(spread) & (values >= shown[0]) & (values <= shown[1])
    if not visible.any():
        return []
    ax.errorbar(
        places[visible],
        values[visible],
        yerr=spread[visible],
        fmt="none",
        ecolor="0.6",
        elinewidth=0.8,
        zorder=1,
    )
    axis_limits.extend_limits(ax, values[visible] - spread[visible], values[visible] + spread[visible])
    return ["bars: ± sd of repeats or folds"]


def _trial_colors(trials: Sequence[Any], groups: Palette) -> list[Any]:
    return [groups.style(groups.group_key(trial.params))["color"] for trial in trials]


def _with_lost(values: NDArray[np.float64], diverged: Sequence[Any]) -> NDArray[np.float64]:
    return np.concatenate([values, np.full(len(diverged), np.nan)])


def _worse(objective: Objective) -> str:
    return "top" if objective.direction == "min" else "bottom"
