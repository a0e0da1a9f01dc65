"""Functions that choose axis limits that exclude outliers.

Good values are never excluded if it is known whether low or high values are better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LOG_RATIO",
    "MARGIN",
    "ZOOM",
    "ZOOM_ONE_RUN",
    "annotate_no_finite_values",
    "describe_extent",
    "extend_limits",
    "needs_log_scale",
    "pad_limits",
    "robust_limits",
    "set_limits",
    "sort_finite",
    "spans_decades",
    "unevenness",
]

Values = NDArray[np.float64]

MARGIN = 0.05
# Outliers are excluded only if their exclusion makes the axis range smaller by at least this factor.
ZOOM = 10.0
# The same factor for a single run. It is larger, so that only extreme values are excluded, because every value of a
# run is informative, even the first epoch's.
ZOOM_ONE_RUN = 30.0
# Pairs of a fraction and a factor, which are tried in this order. If this fraction of the values is at least this many
# times closer to the best value than the other values, the other values are outliers.
_KEPT = ((0.9, 10.0), (0.75, 10.0), (0.5, 100.0))
# The range of the kept values is assumed to be at least this fraction of the median's absolute value.
_MIN_REACH = 0.25
# Values whose 10th and 90th percentiles have at least this ratio need a logarithmic axis.
LOG_RATIO = 1e3
# Values whose unevenness (see `unevenness`) is below this limit are spread evenly over a logarithmic axis.
_MAX_UNEVENNESS = 0.5
# If more than this share of the values would be excluded, a logarithmic axis that shows them is used when possible.
_MAX_OUTLIER_SHARE = 0.25
# Values below this fraction of the 10th percentile are considered 0.
_NEGLIGIBLE = 1e-20
# Relative differences that are smaller than this are considered rounding errors.
_ROUNDING = 1e-6


def sort_finite(values: Any) -> Values:
    """Return the finite values in ascending order."""
    found = np.asarray(values, np.float64).ravel()
    return np.sort(found[np.isfinite(found)])


def robust_limits(values: Any, better: str | None = None, zoom: float = ZOOM) -> tuple[float, float]:
    """Return the smallest and the largest finite value without outliers, or 0 and 1 if there are no finite values.

    Outliers are excluded because one diverged member would flatten all other curves. Values are outliers if 90%
    (or 75%) of all values are at least ten times closer to the best value, or 50% are at least 100 times closer. They
    are excluded only if this makes the range at least `zoom` times smaller.

    Args:
        values: The values of all curves.
        better: ``"min"`` or ``"max"``, the side where no value is excluded, or None if it is unknown.
        zoom: The minimum factor by which excluding outliers must reduce the range.

    >>> robust_limits([0.1, 0.2, 0.3, 1e9], "min")
    (0.1, 0.3)
    """
    found = sort_finite(values)
    if not found.size:
        return 0.0, 1.0
    low, high = float(found[0]), float(found[-1])
    if better != "max":
        high = _upper_limit(found, better, zoom)
    if better != "min":
        low = -_upper_limit(-found[::-1], better, zoom)
    return low, high


def _upper_limit(ordered: Values, better: str | None, zoom: float) -> float:
    """Return the largest of the sorted values that is not an outlier. At least half of the values are kept."""
    fewest, kept = math.ceil(len(ordered) / 2), float(ordered[-1])
    while True:
        ordered = ordered[ordered <= kept]
        nearer = _without_outliers(ordered, better, zoom)
        if nearer >= kept or np.searchsorted(ordered, nearer, "right") < fewest:
            return kept
        kept = nearer


def _without_outliers(ordered: Values, better: str | None, zoom: float) -> float:
    """Return the largest value below the farthest group of outliers, or the maximum if there are no outliers."""
    highest, count = float(ordered[-1]), len(ordered)
    if count < 3:
        return highest
    # If the better side is unknown, the low end may contain outliers too.
    start = float(ordered[0] if better else ordered[(count - 1) // 10])
    least = _MIN_REACH * abs(float(ordered[(count - 1) // 2]))
    for share, farther in _KEPT:
        reach = max(float(ordered[math.floor(share * (count - 1))]) - start, least)
        kept = float(ordered[ordered <= start + farther * reach][-1])
        # If `reach` is 0, there is no scale to measure distances with.
        if reach and kept < highest and highest - start >= max(zoom, farther) * max(kept - start, least):
            return kept
    return highest


def pad_limits(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """Return the limits `low` and `high` with a margin on both sides.

    The margin is relative to the range, or to the absolute values if both limits are equal except for rounding.
    """
    if log:
        reach = (math.log10(high) - math.log10(low)) * MARGIN or 0.3
        return low / 10**reach, high * 10**reach
    size = max(abs(low), abs(high))
    if high - low <= _ROUNDING * size:
        return low - (MARGIN * size or MARGIN), high + (MARGIN * size or MARGIN)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def spans_decades(values: Any) -> bool:
    """Return whether all `values` are positive and span enough powers of ten to need a logarithmic axis."""
    found = sort_finite(values)
    if found.size < 3 or found[0] <= 0:
        return False
    first, last = found[[(found.size - 1) // 10, math.ceil(0.9 * (found.size - 1))]]
    return bool(last / first >= LOG_RATIO)


def needs_log_scale(values: Any, low: float, high: float) -> bool:
    """Return whether a linear axis would exclude too many `values` that a logarithmic axis could show.

    This is the case if the limits `low` and `high` exclude many positive values that are spread evenly over powers of
    ten. If they exclude only a few outliers, the axis stays linear.

    >>> needs_log_scale([1e-14, 1e-13, 2e-3, 4.0, 6.8], 0.0, 2e-3)
    True
    >>> needs_log_scale([0.3, 0.4, 0.5, 0.6, 0.7, 1e4, 1e9], 0.3, 0.7)
    False
    """
    found = sort_finite(values)
    if not spans_decades(found) or np.mean((found < low) | (found > high)) <= _MAX_OUTLIER_SHARE:
        return False
    return unevenness(np.log10(found)) < _MAX_UNEVENNESS


def unevenness(ordered: Values) -> float:
    """Measure how unevenly sorted values are spread, from 0 (evenly) to 1.

    The values are scaled to [0, 1]. The measure is the maximum distance between a value and the equally spaced number
    with the same rank.
    """
    places = (ordered - ordered[0]) / (ordered[-1] - ordered[0])
    return float(np.abs(places - np.linspace(0, 1, len(places))).max())


def annotate_no_finite_values(axes: Axes) -> None:
    """Write "no finite value" on empty axes and remove the y ticks."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center", color="0.4")


def set_limits(
    axes: Axes,
    parts: Sequence[Any],
    better: str | None = None,
    *,
    before: tuple[float, float] | None = None,
    reference: Any = None,
    zoom: float = ZOOM,
    which: str = "y",
) -> tuple[float, float]:
    """Set the y (or x) axis limits, use a logarithmic scale if the values need one, and return the limits.

    Args:
        axes: The axes to change.
        parts: The plotted values of each member.
        better: ``"min"`` or ``"max"``, the side where no value is excluded, or None if it is unknown.
        before: The limits of content that was plotted before and stays visible, or None if there is none.
        reference: The values that determine which values are outliers. Defaults to None, which means all values.
        zoom: The minimum factor by which excluding outliers must reduce the range.
        which: ``"y"`` or ``"x"``.
    """
    values = sort_finite(np.concatenate([np.ravel(part) for part in parts]) if len(parts) else [])
    if not values.size:
        if before is None and which == "y":
            annotate_no_finite_values(axes)
        return getattr(axes, f"get_{which}lim")()
    low, high = _limits_by_reference(values, reference, better, zoom)
    log = getattr(axes, f"get_{which}scale")() == "log"
    judged = values if reference is None else reference
    if not log and before is None and values[0] > 0 and needs_log_scale(judged, low, high):
        low, high = float(values[0]), float(values[-1])
    if not log and before is None and (low, high) == (values[0], values[-1]) and spans_decades(values):
        getattr(axes, f"set_{which}scale")("log")
        log = True
    if log:
        positive = values[(values > 0) & (values <= high)]
        positive = positive if positive.size else np.array([0.1, 1.0])
        low, high = float(positive[0]), float(positive[-1])
        # A loss of 1e-40 is effectively 0 and would compress the range of the other values.
        low = max(low, float(positive[(len(positive) - 1) // 10]) * _NEGLIGIBLE)
    low, high = pad_limits(low, high, log)
    if before is not None:
        low, high = min(low, *before), max(high, *before)
    getattr(axes, f"set_{which}lim")(low, high)
    return low, high


def extend_limits(axes: Axes, low: Any, high: Any) -> None:
    """Extend the y limits to include `low` and `high`, which are the bounds of bands around the visible values."""
    ends = sort_finite(np.concatenate([np.ravel(low), np.ravel(high)]))
    ends = ends[ends > 0] if axes.get_yscale() == "log" else ends
    if ends.size:
        (least, most), log = axes.get_ylim(), axes.get_yscale() == "log"
        low, high = pad_limits(min(least, float(ends[0])), max(most, float(ends[-1])), log)
        axes.set_ylim(low if ends[0] < least else least, high if ends[-1] > most else most)


def _limits_by_reference(
    values: Values, reference: Any, better: str | None, zoom: float
) -> tuple[float, float]:
    if reference is None:
        return robust_limits(values, better, zoom)
    # Always keep the best value.
    low, high = robust_limits(
        np.concatenate([np.ravel(reference), values[[0]] if better != "max" else values[[-1]]]), better, zoom
    )
    inside = values[(values >= low) & (values <= high)]
    return (float(values[0]) if better == "min" else float(inside[0])), (
        float(values[-1]) if better == "max" else float(inside[-1])
    )


def describe_extent(outside: Values, low: float, high: float) -> str:
    """Describe how far the values outside the limits reach.

    >>> describe_extent(np.array([-3.0, 1e9]), 0.0, 1.0)
    'down to -3, up to 1e+09'
    """
    ends = [f"down to {outside.min():.3g}"] if outside.min() < low else []
    ends += [f"up to {outside.max():.3g}"] if outside.max() > high else []
    return ", ".join(ends)
