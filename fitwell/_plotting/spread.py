"""Group means and standard deviations, markers for values that cannot be shown, and offsets for overlapping points."""

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
# Distances from the axes' edge to the markers for outliers and for non-finite values, as fractions of the height.
_OUTLIER_OFFSET, _NON_FINITE_OFFSET = 0.03, 0.08


def finite_mean_and_std(values: Values) -> tuple[float, float]:
    """Return the finite values' mean and sample standard deviation.

    The mean is NaN if there are no finite values, and the standard deviation is NaN if there are fewer than two.
    """
    found = values[np.isfinite(values)]
    mean = float(found.mean()) if found.size else np.nan
    return mean, float(found.std(ddof=1)) if found.size > 1 else np.nan


def mean_curve(curves: Sequence[dict[int, float]]) -> tuple[list[int], Values, Values]:
    """Return the epochs that all `curves` reached, and the curves' mean and standard deviation at each epoch.

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
    """Mark outliers with triangles and non-finite values with crosses at the edge of the axes.

    Args:
        axes: The axes to draw on.
        places: The x positions of `values`.
        values: The values, of which only outliers and non-finite values are marked.
        shown: The y limits. Values outside are outliers.
        worse: ``"top"`` or ``"bottom"``, the edge at which non-finite values are marked.
        colors: The color of each value's marker, or None to use `NON_FINITE_COLOR`. Non-finite values always have
            that color.
    """
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
    """Return an offset for each point, so that points with equal `places` do not overlap.

    Offsets are at most `reach` in either direction.

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
