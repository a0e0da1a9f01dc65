"""Plots of one run's learning curves, with one panel for each metric and one for the learning rate if it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._log_names import LEARNING_RATE_NAMES, TRAINING_COLOR, VALIDATION_COLOR, VALIDATION_PREFIX
from fitwell._plotting import axis_limits
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.labels import PLAIN_TEXT, escape_control, escape_label, set_axis_label, wrap_label
from fitwell._plotting.layout import add_subplots, check_axes, fit_margins, open_figure
from fitwell._plotting.legends import add_line_legend
from fitwell._plotting.scales import MIN_LOG_SPAN, format_epoch_axis
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fitwell._history import History

__all__ = [
    "panel_names",
    "plot_history",
]

Values = NDArray[np.float64]


def plot_history(history: History, ax: Any = None, columns: int = 2) -> list[Axes]:
    """Plot `history` on `ax`, or on a new figure if `ax` is None. See `History.plot`."""
    names = panel_names(history)
    if ax is None:
        if not names:
            return []
        wide = min(len(names), columns)
        with open_figure(5.2 * wide, 3.6 * -(-len(names) // wide)) as figure:
            return plot_history(history, add_subplots(figure, len(names), wide))
    if not isinstance(ax, Sequence | np.ndarray):
        return [_plot_shared(history, names, check_axes(ax, "plot"))]
    metrics, axes = history.metrics(), list(np.ravel(np.asarray(ax, object)))
    for one in axes:
        check_axes(one, "plot")
    rates = [name for name in LEARNING_RATE_NAMES if name in history.history]
    if len(axes) not in (len(names), len(metrics), len(metrics) + len(rates)):
        raise InvalidArgument(
            f"plot: expected one axes per metric ({', '.join(metrics)}), got {len(axes)} axes"
        )
    for name, one in zip(names if len(axes) == len(names) else [*metrics, *rates], axes, strict=False):
        _plot_metric(history, name, one)
        fit_margins(one)
    return axes


def panel_names(history: History) -> list[str]:
    """Return the names of the values that get separate panels.

    These are all metrics, and the learning rate if it changed or there are no metrics.
    """
    metrics = history.metrics()
    rates = [name for name in LEARNING_RATE_NAMES if name in history.history]
    return metrics + [name for name in rates if not metrics or len(set(history.history[name])) > 1]


def _plot_metric(history: History, name: str, axes: Axes) -> None:
    """Plot one metric's training and validation curves, with its name as the title."""
    before = axes.get_ylim() if axes.has_data() else None
    if name in LEARNING_RATE_NAMES:
        drawn = {name: _plot_curve(history, name, axes, name, "-", TRAINING_COLOR)}
    else:
        drawn = {
            key: _plot_curve(history, key, axes, label, dash, color)
            for key, label, dash, color in (
                (name, "training", "--", TRAINING_COLOR),
                (VALIDATION_PREFIX + name, "validation", "-", VALIDATION_COLOR),
            )
            if key in history.history
        }
    axes.set_title(wrap_label(name, 44), **PLAIN_TEXT)
    _finish_axes(history, axes, drawn, before)
    add_line_legend(axes)


def _plot_shared(history: History, names: Sequence[str], axes: Axes) -> Axes:
    """Plot all metrics on the same axes. If the learning rate changed, plot it on a second y axis."""
    before = axes.get_ylim() if axes.has_data() else None
    drawn: dict[str, Values] = {}
    rates = []
    for name in names:
        if name in LEARNING_RATE_NAMES:
            twin = axes.twinx() if len(names) > 1 else axes
            _plot_curve(history, name, twin, name, "-", "0.6")
            set_axis_label(twin, "y", name)
            rates += twin.lines[-1:] if twin is not axes else []
            continue
        color = None
        for key, dash in ((name, "--"), (VALIDATION_PREFIX + name, "-")):
            if key in history.history:
                drawn[key] = _plot_curve(history, key, axes, key, dash, color)
                color = axes.lines[-1].get_color()
    _finish_axes(history, axes, drawn, before)
    add_line_legend(axes, *rates)
    fit_margins(axes)
    return axes


def _plot_curve(history: History, key: str, axes: Axes, label: str, dash: str, color: Any) -> Values:
    """Plot the values of `key` over the epochs, and return the values."""
    try:
        values = np.asarray(history.history[key], np.float64).reshape(len(history.history[key]))
    except (TypeError, ValueError):
        raise InvalidArgument(f"plot: history[{key!r}] must contain one number for each epoch") from None
    style: dict[str, Any] = {} if color is None else {"color": color}
    if key in LEARNING_RATE_NAMES:  # the learning rate is constant during an epoch
        style["drawstyle"] = "steps-mid"
    seen = np.where(np.isfinite(values), values, np.nan)
    # Isolated finite values need a marker, because no line segment connects them to other values.
    isolated = np.isfinite(seen).sum() > 0 and not np.isfinite(seen[1:] + seen[:-1]).any()
    axes.plot(
        _x_positions(history, key),
        seen,
        dash,
        label=escape_label(label),
        marker="o" if isolated else None,
        linewidth=1.6,
        **style,
    )
    return values


def _x_positions(history: History, key: str) -> Values:
    """Return the x positions at which the values of `key` are plotted.

    Training values are placed in the middle of their epoch, and other values at its end.
    """
    shift = 0.0 if key in LEARNING_RATE_NAMES or key.startswith(VALIDATION_PREFIX) else 0.5
    return np.array(history.epochs_of(key), np.float64) + 1 - shift


def _finish_axes(
    history: History, axes: Axes, drawn: dict[str, Values], before: tuple[float, float] | None
) -> None:
    format_epoch_axis(
        axes, [place for key in drawn for place in _x_positions(history, key)], before is not None
    )
    axes.grid(alpha=0.3)
    notes = [_describe_non_finite(key, values, history.epochs_of(key)) for key, values in drawn.items()]
    values = np.concatenate(list(drawn.values())) if drawn else np.array([])
    if len(axis_limits.sort_finite(values)):
        low, high = _set_y_limits(axes, drawn, before)
        notes.append(_describe_outliers(values, low, high))
    elif len(values) and before is None:
        axis_limits.annotate_no_finite_values(axes)
    add_note(axes, notes)


def _set_y_limits(
    axes: Axes, drawn: dict[str, Values], before: tuple[float, float] | None
) -> tuple[float, float]:
    """Set the y limits, excluding the outliers of each metric separately."""
    metrics: dict[str, list[Values]] = {}
    for key, values in drawn.items():
        metrics.setdefault(key.removeprefix(VALIDATION_PREFIX), []).append(axis_limits.sort_finite(values))
    found = {metric: np.concatenate(parts) for metric, parts in metrics.items() if any(map(len, parts))}
    near, spans_decades = [], False
    for metric, values in found.items():
        low, high = axis_limits.robust_limits(
            values, "min" if metric.endswith("loss") else None, axis_limits.ZOOM_ONE_RUN
        )
        near.append(values[(values >= low) & (values <= high)])
        spans_decades = spans_decades or axis_limits.needs_log_scale(values, low, high)
    # Include the curves that were plotted before. On a linear axis, they would look like a line at 0.
    seen = axis_limits.sort_finite(
        np.concatenate([np.asarray(line.get_ydata(), np.float64) for line in axes.lines])
    )
    if spans_decades and axes.get_yscale() == "linear" and seen[0] > 0:
        axes.set_yscale("log")
        return axis_limits.set_limits(axes, [seen], zoom=np.inf)
    sizes = [float(np.median(values)) for values in near]
    if before is None and min(map(np.min, near)) > 0 and max(sizes) >= MIN_LOG_SPAN * min(sizes):
        axes.set_yscale("log")  # on a linear scale, the smaller metric would look like a line at 0
    return axis_limits.set_limits(axes, near, before=before, zoom=np.inf)


def _describe_non_finite(key: str, values: Values, epochs: Sequence[int]) -> str:
    non_finite = ~np.isfinite(values)
    if not non_finite.any():
        return ""
    if non_finite.all():
        return f"{escape_control(key)} is not finite in any epoch"
    first = int(np.argmax(non_finite))
    if non_finite[first:].all():
        return f"{escape_control(key)} is not finite from epoch {epochs[first] + 1} on"
    return f"{escape_control(key)} is not finite in {count_of(int(non_finite.sum()), len(values), 'epoch')}"


def _describe_outliers(values: Values, low: float, high: float) -> str:
    found = axis_limits.sort_finite(values)
    out = found[(found < low) | (found > high)]
    if not len(out):
        return ""
    return (
        f"{count_of(len(out), len(found), 'value')} not shown, {axis_limits.describe_extent(out, low, high)}"
    )
