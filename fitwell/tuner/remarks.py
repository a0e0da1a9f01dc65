"""Ranges that end too early: hyperparameters whose best values lie at an end of what was searched."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from fitwell.tuner.notes import FINAL

# So many of the best trials have to be the outermost of all: one or two alone may be there by chance.
_WITNESSES = 3
# The share of a range in which a value is near its end.
_NEAR = 0.25


def told_edges(ranking: Sequence[Any], tried: Sequence[Any]) -> list[str]:
    """Return a sentence for every hyperparameter that is best at an end of its range.

    It is when the three best trials have the outermost values that were tried, and the very best is near the end.
    An end beyond which there may be nothing, 0 or a whole number of 1, does not count.

    ranking: trials, the best first. tried: these and all others that were trained, such as those that went NaN.
    """
    if len(ranking) < 2 * _WITNESSES:
        return []
    best = ranking[0]
    return [
        f"The best trials have {name} at the {word} end of what was searched, {end:g} (the best has "
        f"{_values(best)[name]:.4g}): better ones may lie beyond."
        for name, distribution in best.distributions.items()
        for word, end, places in _sides(name, distribution, tried)
        if places.get(best.number, 0) >= 1 - _NEAR and _outermost(ranking, places)
    ]


def _sides(name: str, distribution: Any, tried: Sequence[Any]) -> list[tuple[str, Any, dict[int, float]]]:
    """Return both ends of a range, each with the place of every trial: 1 is at this end, 0 at the other."""
    if hasattr(distribution, "choices"):
        order = distribution.choices
        if any(isinstance(each, bool) or not isinstance(each, numbers.Real) for each in order):
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

    upper = {trial.number: place(_values(trial)[name]) for trial in tried if name in _values(trial)}
    sides = [("upper", high, upper)]
    if low != 0 and not (low == 1 and isinstance(low, int)):
        sides.append(("lower", low, {number: 1 - found for number, found in upper.items()}))
    return sides


def _outermost(ranking: Sequence[Any], places: dict[int, float]) -> bool:
    """Return whether the best trials are those with the largest of `places`."""
    witnesses = [places[trial.number] for trial in ranking if trial.number in places][:_WITNESSES]
    outermost = sorted(places.values(), reverse=True)[:_WITNESSES]
    return len(witnesses) == _WITNESSES and min(witnesses) >= min(outermost)


def _values(trial: Any) -> dict[str, Any]:
    values: dict[str, Any] = trial.user_attrs.get(FINAL, trial.params)
    return values
