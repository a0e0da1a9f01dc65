"""Functions that draw a report's figures as PNG files, without changing pyplot's global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._history import History
from fitwell._html import new_figure, to_png
from fitwell._log_names import TRAINING_COLOR
from fitwell._plotting import axis_limits
from fitwell._plotting.annotations import add_note, count_of
from fitwell._plotting.history_plot import panel_names
from fitwell._plotting.labels import (
    PLAIN_TEXT,
    escape_control,
    fit_axis_labels,
    set_axis_label,
    shorten_distinct,
    truncate_middle,
)
from fitwell._plotting.layout import add_subplots
from fitwell._plotting.legends import add_line_legend
from fitwell._plotting.scales import compute_layout, label_categories
from fitwell._typing import NumpyArray
from fitwell.report.calibration import calibration_bins
from fitwell.report.importance import Importance
from fitwell.report.scores import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_importance",
    "plot_learning_curve_panels",
    "plot_learning_curves",
    "plot_residuals",
    "plot_worst_images",
]

LINE_COLOR = "#1f2933"
ERROR_COLOR = "#b3261e"
# If there are more classes than this, the numbers in a confusion matrix are unreadable and are omitted.
MAX_NUMBERED_CLASSES = 20
# Maximum number of points in a scatter plot.
MAX_POINTS = 4000
# Maximum number of panels in a row, and maximum number of characters in a class name.
MAX_COLUMNS = 3
MAX_CLASS_LENGTH = 14


def plot_learning_curves(history: History, best_epoch: int | None = None) -> bytes:
    """Plot the learning curves of all metrics in one figure.

    Args:
        history: The history of the run.
        best_epoch: 0-based index of the epoch whose weights were kept. A vertical line marks it. Defaults to None,
            which draws no line.

    Returns:
        The content of a PNG file.
    """
    count = max(len(panel_names(history)), 1)
    columns = min(count, MAX_COLUMNS)
    figure = new_figure(4.6 * columns, 3.4 * -(-count // columns))
    _plot_curves(history, add_subplots(figure, count, columns), best_epoch)
    return to_png(figure)


def plot_learning_curve_panels(history: History, best_epoch: int | None = None) -> list[bytes]:
    """Plot each metric's learning curves in a separate figure. See `plot_learning_curves`."""
    figures = [new_figure(4.6, 3.2) for _ in panel_names(history)]
    _plot_curves(history, [figure.add_subplot() for figure in figures], best_epoch)
    return [to_png(figure) for figure in figures]


def _plot_curves(history: History, axes: list[Axes], best_epoch: int | None) -> None:
    if panel_names(history):
        history.plot(ax=axes)
    for ax in axes:
        if best_epoch is not None:
            ax.axvline(best_epoch + 1, color=LINE_COLOR, linewidth=0.8, linestyle=":", label="weights kept")
        add_line_legend(ax)
        _hide_spines(ax)


def plot_confusion_matrix(true: NumpyArray, predicted: NumpyArray, classes: Sequence[Any]) -> bytes:
    """Plot the confusion matrix, with one row for each true class and one column for each predicted class.

    The darker a cell, the larger the fraction of its true class that it contains.
    """
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.55 * len(classes) + 2, 4, 8))
    figure = new_figure(side + 0.6, side)
    ax = figure.add_subplot()
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = shorten_distinct([escape_control(label) for label in classes], MAX_CLASS_LENGTH)
    if len(classes) <= MAX_NUMBERED_CLASSES:
        # Shrink the font for counts with many digits.
        letters = max(len(f"{count:,}") for count in counts.flat)
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                color = "white" if shares[row, column] > 0.55 else LINE_COLOR
                ax.text(
                    column,
                    row,
                    f"{counts[row, column]:,}",
                    ha="center",
                    va="center",
                    color=color,
                    fontsize=min(9.0, 45 / letters),
                )
    else:
        figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    compute_layout(figure)
    label_categories(ax, "x", names)
    label_categories(ax, "y", names)
    compute_layout(figure)
    return to_png(figure)


def plot_residuals(true: NDArray[np.float64], predicted: NDArray[np.float64], name: str) -> list[bytes]:
    """Plot the predicted values against the true values, and the errors as a histogram. Return two PNG files."""
    shown = np.arange(len(true))
    if len(true) > MAX_POINTS:
        shown = np.random.default_rng(0).choice(len(true), MAX_POINTS, replace=False)
    figures = [new_figure(4.6, 3.8), new_figure(4.6, 3.8)]
    points, errors = (figure.add_subplot() for figure in figures)
    error = predicted - true
    # Outliers would flatten all other points.
    low, high = axis_limits.pad_limits(*axis_limits.robust_limits(np.concatenate([true, predicted])))
    least, most = axis_limits.robust_limits(error)
    points.plot([low, high], [low, high], color=LINE_COLOR, linewidth=0.8, linestyle=":", label="exact")
    points.scatter(true[shown], predicted[shown], s=9, alpha=0.35, color=TRAINING_COLOR, linewidths=0)
    points.set(xlim=(low, high), ylim=(low, high))
    set_axis_label(points, "x", f"true {name}")
    set_axis_label(points, "y", f"predicted {name}")
    points.legend(frameon=False)
    inside = error[(error >= least) & (error <= most)]
    bins = min(60, max(10, len(true) // 8))
    errors.hist(inside, bins=bins, range=axis_limits.pad_limits(least, most), color=TRAINING_COLOR, alpha=0.8)
    errors.axvline(0, color=LINE_COLOR, linewidth=0.8, linestyle=":")
    errors.set_xlabel("predicted minus true")
    errors.set_ylabel("rows")
    seen = (true >= low) & (true <= high) & (predicted >= low) & (predicted <= high)
    for ax, left in ((points, int((~seen).sum())), (errors, len(error) - len(inside))):
        ax.grid(alpha=0.3)
        _hide_spines(ax)
        add_note(ax, [f"{count_of(left, len(true), 'row')} not shown (outliers)"] if left else [])
    for ax in (points, errors):
        compute_layout(ax.figure)
        fit_axis_labels(ax)
    return [to_png(figure) for figure in figures]


def plot_importance(columns: Sequence[Importance], label: str) -> bytes:
    """Plot the importance of the columns as horizontal bars, with the most important column on top."""
    figure = new_figure(6.4, 0.8 + 0.28 * len(columns))
    ax = figure.add_subplot()
    means = np.array([column.mean for column in columns])
    reaches = np.array([column.high - column.mean for column in columns])
    places = np.arange(len(columns))[::-1]
    ax.barh(places, means, xerr=reaches, height=0.62, color=TRAINING_COLOR, alpha=0.8, ecolor=LINE_COLOR)
    ax.axvline(0, color=LINE_COLOR, linewidth=0.8)
    ax.set_xlabel(label)
    ax.grid(axis="x", alpha=0.3)
    ax.tick_params(axis="y", length=0)
    names = shorten_distinct([escape_control(column.name) for column in columns], 2 * MAX_CLASS_LENGTH)
    ax.set_yticks(places, names, **PLAIN_TEXT)
    _hide_spines(ax)
    compute_layout(figure)
    return to_png(figure)


def plot_calibration(true: NumpyArray, probabilities: NDArray[np.float64]) -> bytes:
    """Plot the share of correct predictions against the predicted probability, with a histogram below.

    The points are the bins of `calibration_bins`, with 95 % Wilson intervals.
    """
    bins = calibration_bins(true, probabilities)
    figure = new_figure(4.6, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    low = 1 / probabilities.shape[1]  # the lowest probability that the predicted class can have
    upper.plot(
        [low, 1], [low, 1], color=LINE_COLOR, linewidth=0.8, linestyle=":", label="perfectly calibrated"
    )
    intervals = np.array([wilson_interval(one.share, one.rows) for one in bins])
    shares, means = np.array([one.share for one in bins]), np.array([one.mean for one in bins])
    reaches = np.clip(np.abs(intervals.T - shares), 0, None)
    upper.errorbar(means, shares, yerr=reaches, fmt="o", color=TRAINING_COLOR, markersize=4, capsize=2)
    upper.set_ylabel("share of correct rows")
    upper.legend(frameon=False)
    lower.hist(probabilities.max(axis=1), bins=20, range=(low, 1), color=TRAINING_COLOR, alpha=0.8)
    lower.set_xlabel("probability of the predicted class")
    lower.set_ylabel("rows")
    for ax in (upper, lower):
        ax.grid(alpha=0.3)
        _hide_spines(ax)
    compute_layout(figure)
    return to_png(figure)


def plot_worst_images(images: NDArray[np.float32], titles: Sequence[str]) -> bytes:
    """Plot images with their titles in a grid of at most eight columns."""
    columns = min(len(images), 8)
    rows = -(-len(images) // columns)
    figure = new_figure(1.15 * columns, 1.4 * rows)
    for number, (image, title) in enumerate(zip(images, titles)):
        ax = figure.add_subplot(rows, columns, number + 1)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(_wrap_title(title), fontsize=7.5, color=ERROR_COLOR, **PLAIN_TEXT)
        ax.axis("off")
    return to_png(figure)


def _wrap_title(title: str) -> str:
    return "\n".join(
        truncate_middle(escape_control(line), MAX_CLASS_LENGTH + 4) for line in title.split("\n")
    )


def _hide_spines(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
