"""Detection of search ranges that are probably too narrow. The best values of such a range are at one of its ends."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from fitwell.tuner.user_attrs import FINAL_PARAMS

__all__ = ["find_boundary_warnings"]

# A warning requires that the three best trials have the most extreme values. One or two could be extreme by chance.
_NUM_BEST = 3
# A value is near an end of the range if its distance from that end is at most this fraction of the range.
_EDGE_FRACTION = 0.25


def find_boundary_warnings(ranking: Sequence[Any], tried: Sequence[Any]) -> list[str]:
    """Return a warning for each hyperparameter whose best values are at one end of its range.

    A range gets a warning if the three best trials have the most extreme values of all trials, and the best trial's
    value is near the same end of the range. A lower end is ignored if it is 0 or the integer 1. If fewer than six
    trials have completed, there are no warnings.

    Args:
        ranking: The completed trials, sorted from best to worst.
        tried: All trained trials, including those that diverged.
    """
    if len(ranking) < 2 * _NUM_BEST:
        return []
    best = ranking[0]
    return [
        f"The best values of {name} are at the {word} end of its search range, {end:g} (best trial: "
        f"{_final_params(best)[name]:.4g}). Consider a wider range."
        for name, distribution in best.distributions.items()
        for word, end, positions in _range_ends(name, distribution, tried)
        if positions.get(best.number, 0) >= 1 - _EDGE_FRACTION and _are_outermost(ranking, positions)
    ]


def _range_ends(
    name: str, distribution: Any, tried: Sequence[Any]
) -> list[tuple[str, Any, dict[int, float]]]:
    """Return the ends of a hyperparameter's range that should be checked.

    Returns:
        A list of tuples: ``"upper"`` or ``"lower"``, the value of this end, and a dict that maps trial numbers to
        positions in the range. A position is 1 at this end and 0 at the other end.
    """
    if hasattr(distribution, "choices"):
        order = distribution.choices
        if any(isinstance(choice, bool) or not isinstance(choice, numbers.Real) for choice in order):
            return []
        order = sorted(order)
        low, high = order[0], order[-1]
        span: float = len(order) - 1
    else:
        order, low, high = None, distribution.low, distribution.high
        span = math.log(high / low) if distribution.log else high - low
    if not span:
        return []

    def place(value: Any) -> float:
        if order is not None:
            return float(order.index(value) / span)
        return float((math.log(value / low) if distribution.log else value - low) / span)

    upper = {
        trial.number: place(_final_params(trial)[name]) for trial in tried if name in _final_params(trial)
    }
    sides = [("upper", high, upper)]
    if low != 0 and not (low == 1 and isinstance(low, int)):
        sides.append(("lower", low, {number: 1 - position for number, position in upper.items()}))
    return sides


def _are_outermost(ranking: Sequence[Any], positions: dict[int, float]) -> bool:
    """Return whether the three best trials have the three largest positions."""
    witnesses = [positions[trial.number] for trial in ranking if trial.number in positions][:_NUM_BEST]
    outermost = sorted(positions.values(), reverse=True)[:_NUM_BEST]
    return len(witnesses) == _NUM_BEST and min(witnesses) >= min(outermost)


def _final_params(trial: Any) -> dict[str, Any]:
    values: dict[str, Any] = trial.user_attrs.get(FINAL_PARAMS, trial.params)
    return values
