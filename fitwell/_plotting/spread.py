"""Means and standard deviations of groups, and markers for values that cannot be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "NON_FINITE_COLOR",
    "dodge",
    "finite_mean_and_std",
    "mark_outliers",
    "mean_curve",
]

Values = NDArray[np.float64]

NON_FINITE_COLOR = "#b3261e"
# Distance of markers from the edge, as fractions of the axes: for outliers and for non-finite values.
_OUTLIER_OFFSET, _NON_FINITE_OFFSET = 0.03, 0.08


def finite_mean_and_std(values: Values) -> tuple[float, float]:
    """Return the mean and the sample standard deviation of the finite values, or NaN if there are too few."""
    found = values[np.isfinite(values)]
    mean = float(found.mean()) if found.size else np.nan
    return mean, float(found.std(ddof=1)) if found.size > 1 else np.nan


def mean_curve(curves: Sequence[dict[int, float]]) -> tuple[list[int], Values, Values]:
    """Return the epochs that all `curves` reached, with their means and standard deviations.

    Later epochs are excluded because the mean would jump where a curve ends.
    """
    epochs = sorted(set.intersection(*map(set, curves))) if curves else []
    table = np.array([[curve[epoch] for epoch in epochs] for curve in curves], np.float64)
    if not epochs:
        return [], np.array([]), np.array([])
    return (
        epochs,
        table.mean(axis=0),
        table.std(axis=0, ddof=1) if len(curves) > 1 else np.full(len(epochs), np.nan),
    )


def mark_outliers(
    axes: Axes,
    places: Values,
    values: Values,
    shown: tuple[float, float],
    worse: str = "top",
    colors: Any = None,
) -> None:
    """Mark outliers (triangles) and non-finite values (crosses) at the edge of the axes, at x positions `places`."""
    low, high = shown
    for outside, marker, edge in (
        (values > high, "^", 1 - _OUTLIER_OFFSET),
        (values < low, "v", _OUTLIER_OFFSET),
        (
            np.isnan(values) | np.isinf(values),
            "x",
            1 - _NON_FINITE_OFFSET if worse == "top" else _NON_FINITE_OFFSET,
        ),
    ):
        outside = outside & np.isfinite(values) if marker != "x" else outside
        if outside.any():
            paint = (
                NON_FINITE_COLOR
                if colors is None or marker == "x"
                else [colors[i] for i in np.flatnonzero(outside)]
            )
            axes.scatter(
                places[outside],
                np.full(outside.sum(), edge),
                marker=marker,
                c=paint,
                s=26,
                linewidths=1.2 if marker == "x" else 0,
                transform=axes.get_xaxis_transform(),
                zorder=3,
            )


def dodge(places: Sequence[tuple[Any, ...]], reach: float) -> Values:
    """Return offsets of at most `reach` in both directions that separate equal `places`.

    >>> dodge([(1,), (1,), (2,)], 0.3).tolist()
    [-0.15, 0.15, 0.0]
    """
    among: dict[tuple[Any, ...], list[int]] = {}
    for number, place in enumerate(places):
        among.setdefault(place, []).append(number)
    moved = np.zeros(len(places))
    for numbers in among.values():
        count = len(numbers)
        moved[numbers] = reach * (2 * np.arange(count) + 1 - count) / count
    return moved
