"""Going back from a dispatch that went wrong to the last good weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from fitwell._engine.train_state import TrainState


class Result(Protocol):
    """The fields of a `DispatchResult` that tell where the weights stopped being finite."""

    first_nonfinite_step: int
    step_before: int
    finite: bool


AnyResult = TypeVar("AnyResult", bound=Result)


def find_last_finite_step(
    again: Callable[[int], tuple[TrainState, AnyResult]], result: AnyResult, updates: int
) -> tuple[int, tuple[TrainState, AnyResult]]:
    """Return the first step that went wrong, and what the dispatch gives when it ends just before it.

    again: makes the dispatch once more, up to a number of updates. report: of the dispatch that went wrong.
    updates: how many updates had been made when it ended.

    A loss that is not finite names its step. A gradient may be NaN where the loss is not (the root of 0):
    then the weights are bad from that step on, and mostly so is the next loss, so one step earlier is
    tried first; after that the range is halved.
    """
    good, bad = result.step_before, updates
    if result.first_nonfinite_step >= 0:
        outcome = again(result.first_nonfinite_step)
        if outcome[1].finite:
            return result.first_nonfinite_step, outcome
        bad = result.first_nonfinite_step
    found = None
    middle = bad - 1
    while bad - good > 1:
        outcome = again(middle)
        if outcome[1].finite:
            good, found = middle, outcome
        else:
            bad = middle
        middle = (good + bad) // 2
    return good, again(good) if found is None else found
