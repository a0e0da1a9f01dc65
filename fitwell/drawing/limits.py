"""Limits of an axis that leave out what is far off, never the best, and say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]

MARGIN = 0.05
# A picture is looked at more closely when that makes what stays in it so many times larger.
CLOSER = 10.0
# Of one run every value tells something, as how far it came from its first epoch: only the extreme is left out.
CLOSER_FOR_ONE = 30.0
# Shares of the values that stay, most of them first, and how many times farther than they reach the rest must be.
_KEPT = ((0.9, 10.0), (0.75, 10.0), (0.5, 100.0))
# Values reach at least so many times their size: what is closer to them is not far off.
_REACH = 0.25
# Ten values in which more than so many tenths have the ratio of `DECADES` lie evenly on a logarithmic axis.
DECADES = 1e3
# So far from a straight line ranks may lie along a logarithmic axis, if values are spread over it.
_UNEVEN = 0.5
# A larger share than this is not left out as far off, if a logarithmic axis shows it.
_MANY = 0.25
# Values below so small a part of the lowest tenth are 0 but for rounding.
_ZERO = 1e-20
# Values that differ by less than this part of their size differ by rounding.
_ROUNDING = 1e-6


def finite(values: Any) -> Values:
    """Return the finite ones of `values`, sorted."""
    found = np.asarray(values, np.float64).ravel()
    return np.sort(found[np.isfinite(found)])


def limits(values: Any, better: str | None = None, closer: float = CLOSER) -> tuple[float, float]:
    """Return the smallest and the largest of the finite `values` that are not far off; 0 and 1 when there is none.

    One member that diverges would press all others into a line. Values are far off when nine tenths of all values
    (or three quarters) reach less than a tenth as far as they do from the best, and the picture without them is
    `closer` times closer.

    better: ``"min"`` or ``"max"``: the side that is never left out; None when it is not known.

    >>> limits([0.1, 0.2, 0.3, 1e9], "min")
    (0.1, 0.3)
    """
    found = finite(values)
    if not found.size:
        return 0.0, 1.0
    low, high = float(found[0]), float(found[-1])
    if better != "max":
        high = _near(found, better, closer)
    if better != "min":
        low = -_near(-found[::-1], better, closer)
    return low, high


def _near(ordered: Values, better: str | None, closer: float) -> float:
    """Return the largest of `ordered` values that is not far above the others, half of which stay at least."""
    fewest, kept = math.ceil(len(ordered) / 2), float(ordered[-1])
    while True:
        ordered = ordered[ordered <= kept]
        nearer = _nearer(ordered, better, closer)
        if nearer >= kept or np.searchsorted(ordered, nearer, "right") < fewest:
            return kept
        kept = nearer


def _nearer(ordered: Values, better: str | None, closer: float) -> float:
    """Return the largest value without those that lie farthest off together; the largest of all if none does."""
    highest, count = float(ordered[-1]), len(ordered)
    if count < 3:
        return highest
    # Where the better side is not known, its end may be as far off as the other.
    start = float(ordered[0] if better else ordered[(count - 1) // 10])
    least = _REACH * abs(float(ordered[(count - 1) // 2]))
    for share, farther in _KEPT:
        reach = max(float(ordered[math.floor(share * (count - 1))]) - start, least)
        kept = float(ordered[ordered <= start + farther * reach][-1])
        # Of zeros alone nothing tells what is far.
        if reach and kept < highest and highest - start >= max(closer, farther) * max(kept - start, least):
            return kept
    return highest


def padded(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """Return limits with a margin; equal ones get room, and what differs by rounding is not blown up."""
    if log:
        reach = (math.log10(high) - math.log10(low)) * MARGIN or 0.3
        return low / 10**reach, high * 10**reach
    size = max(abs(low), abs(high))
    if high - low <= _ROUNDING * size:
        return low - (MARGIN * size or MARGIN), high + (MARGIN * size or MARGIN)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def spans_decades(values: Any) -> bool:
    """Return whether positive `values` differ so much that only a logarithmic axis shows more than the largest."""
    found = finite(values)
    if found.size < 3 or found[0] <= 0:
        return False
    first, last = found[[(found.size - 1) // 10, math.ceil(0.9 * (found.size - 1))]]
    return bool(last / first >= DECADES)


def need_decades(values: Any, low: float, high: float) -> bool:
    """Return whether limits would leave out many positive `values`, though they are spread over decades.

    A few that are far off stay outside of a logarithmic axis too.

    >>> need_decades([1e-14, 1e-13, 2e-3, 4.0, 6.8], 0.0, 2e-3)
    True
    >>> need_decades([0.3, 0.4, 0.5, 0.6, 0.7, 1e4, 1e9], 0.3, 0.7)
    False
    """
    found = finite(values)
    if not spans_decades(found) or np.mean((found < low) | (found > high)) <= _MANY:
        return False
    logs = np.log10(found)
    places = (logs - logs[0]) / (logs[-1] - logs[0])
    return bool(np.abs(places - np.linspace(0, 1, len(places))).max() < _UNEVEN)


def say_none_is_finite(axes: Axes) -> None:
    """Write on empty axes that there was nothing to draw, and take away numbers that would mean nothing."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center", color="0.4")


def show(
    axes: Axes,
    parts: Sequence[Any],
    better: str | None = None,
    *,
    before: tuple[float, float] | None = None,
    far: Any = None,
    closer: float = CLOSER,
    which: str = "y",
) -> tuple[float, float]:
    """Set the limits of the y (or x) axis, and its scale where the values span decades; return the limits.

    parts: the values that are drawn, by member. before: limits that the axes had with something drawn on them, which
    stay inside. far: the values that decide what is far off, all by default.
    """
    values = finite(np.concatenate([np.ravel(part) for part in parts]) if len(parts) else [])
    if not values.size:
        if before is None and which == "y":
            say_none_is_finite(axes)
        return getattr(axes, f"get_{which}lim")()
    low, high = _with_far(values, far, better, closer)
    log = getattr(axes, f"get_{which}scale")() == "log"
    judged = values if far is None else far
    if not log and before is None and values[0] > 0 and need_decades(judged, low, high):
        low, high = float(values[0]), float(values[-1])
    if not log and before is None and (low, high) == (values[0], values[-1]) and spans_decades(values):
        getattr(axes, f"set_{which}scale")("log")
        log = True
    if log:
        positive = values[(values > 0) & (values <= high)]
        positive = positive if positive.size else np.array([0.1, 1.0])
        low, high = float(positive[0]), float(positive[-1])
        # A loss of 1e-40 is 0, and would press the others together.
        low = max(low, float(positive[(len(positive) - 1) // 10]) * _ZERO)
    low, high = padded(low, high, log)
    if before is not None:
        low, high = min(low, *before), max(high, *before)
    getattr(axes, f"set_{which}lim")(low, high)
    return low, high


def reach_over(axes: Axes, low: Any, high: Any) -> None:
    """Let the y axis reach over `low` and `high` too: the ends of what is drawn around values in the picture."""
    ends = finite(np.concatenate([np.ravel(low), np.ravel(high)]))
    ends = ends[ends > 0] if axes.get_yscale() == "log" else ends
    if ends.size:
        (least, most), log = axes.get_ylim(), axes.get_yscale() == "log"
        low, high = padded(min(least, float(ends[0])), max(most, float(ends[-1])), log)
        axes.set_ylim(low if ends[0] < least else least, high if ends[-1] > most else most)


def _with_far(values: Values, far: Any, better: str | None, closer: float) -> tuple[float, float]:
    if far is None:
        return limits(values, better, closer)
    # The best of each stays, whatever the ends of each say.
    low, high = limits(
        np.concatenate([np.ravel(far), values[[0]] if better != "max" else values[[-1]]]), better, closer
    )
    inside = values[(values >= low) & (values <= high)]
    return (float(values[0]) if better == "min" else float(inside[0])), (
        float(values[-1]) if better == "max" else float(inside[-1])
    )


def farthest(outside: Values, low: float, high: float) -> str:
    """Return how far values outside of the limits go, in words.

    >>> farthest(np.array([-3.0, 1e9]), 0.0, 1.0)
    'down to -3, up to 1e+09'
    """
    ends = [f"down to {outside.min():.3g}"] if outside.min() < low else []
    ends += [f"up to {outside.max():.3g}"] if outside.max() > high else []
    return ", ".join(ends)
