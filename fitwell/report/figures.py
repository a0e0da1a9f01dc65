"""The figures of a report, as PNG files in memory; nothing is shown, no global state of matplotlib is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell.history import TRAINING_COLOUR, History
from fitwell.pages import new_figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2933"
MARK = "#b3261e"
# More classes than this make the numbers in a confusion matrix unreadable.
READABLE_CLASSES = 20
DRAWN_POINTS = 4000
# For names from the data: "$5 to $10" is not mathematics.
PLAIN: dict[str, Any] = {"parse_math": False}


def learning_curves(history: History, best_epoch: int | None = None) -> bytes:
    """Draw every metric's curves beside each other; a line marks the epoch whose weights were kept (from 0)."""
    count = max(len(history.metrics()), 1)
    figure = new_figure(4.6 * count, 3.4)
    _draw_curves(history, [figure.add_subplot(1, count, number + 1) for number in range(count)], best_epoch)
    return png(figure)


def learning_curve_panels(history: History, best_epoch: int | None = None) -> list[bytes]:
    """Draw the same, one figure for each metric."""
    figures = [new_figure(4.6, 3.2) for _ in history.metrics()]
    _draw_curves(history, [figure.add_subplot() for figure in figures], best_epoch)
    return [png(figure) for figure in figures]


def _draw_curves(history: History, axes: list[Axes], best_epoch: int | None) -> None:
    history.plot(ax=axes)
    for ax in axes:
        if best_epoch is not None:
            ax.axvline(best_epoch + 1, color=INK, linewidth=0.8, linestyle=":", label="weights kept")
        ax.legend(frameon=False)
        _calm(ax)


def confusion_matrix(true: NDArray[Any], predicted: NDArray[Any], classes: Sequence[Any]) -> bytes:
    """Draw which class (row) is taken for which (column): counts, shaded by the share of the row."""
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.55 * len(classes) + 2, 4, 8))
    figure = new_figure(side + 0.6, side)
    ax = figure.add_subplot()
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= READABLE_CLASSES:
        names = [str(label) if len(str(label)) <= 14 else str(label)[:13] + "…" for label in classes]
        upright = max(map(len, names)) <= 3
        ax.set_xticks(
            range(len(classes)),
            names,
            rotation=0 if upright else 45,
            ha="center" if upright else "right",
            **PLAIN,
        )
        ax.set_yticks(range(len(classes)), names, **PLAIN)
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                colour = "white" if shares[row, column] > 0.55 else INK
                ax.text(
                    column,
                    row,
                    f"{counts[row, column]:,}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=9,
                )
    else:
        figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return png(figure)


def residuals(true: NDArray[np.float64], predicted: NDArray[np.float64], name: str) -> list[bytes]:
    """Draw predicted against true values, and how the errors are distributed."""
    shown = np.arange(len(true))
    if len(true) > DRAWN_POINTS:
        shown = np.random.default_rng(0).choice(len(true), DRAWN_POINTS, replace=False)
    figures = [new_figure(4.6, 3.8), new_figure(4.6, 3.8)]
    points, errors = (figure.add_subplot() for figure in figures)
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    points.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle=":", label="exact")
    points.scatter(true[shown], predicted[shown], s=9, alpha=0.35, color=TRAINING_COLOUR, linewidths=0)
    points.set_xlabel(f"true {name}", **PLAIN)
    points.set_ylabel(f"predicted {name}", **PLAIN)
    points.legend(frameon=False)
    errors.hist(predicted - true, bins=min(60, max(10, len(true) // 8)), color=TRAINING_COLOUR, alpha=0.8)
    errors.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    errors.set_xlabel("predicted minus true")
    errors.set_ylabel("rows")
    for ax in (points, errors):
        ax.grid(alpha=0.3)
        _calm(ax)
    return [png(figure) for figure in figures]


def worst_images(images: NDArray[np.float32], titles: Sequence[str]) -> bytes:
    """Draw images in a row of up to eight, each under its title."""
    columns = min(len(images), 8)
    rows = -(-len(images) // columns)
    figure = new_figure(1.15 * columns, 1.4 * rows)
    for number, (image, title) in enumerate(zip(images, titles)):
        ax = figure.add_subplot(rows, columns, number + 1)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=7.5, color=MARK, **PLAIN)
        ax.axis("off")
    return png(figure)


def _calm(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
