"""Finding the last finite weights of a dispatch in which a loss or a gradient was not finite.

`EpochRunner.__call__` calls it; `TrainLoop._stop_at_nonfinite` then warns and ends the run.
"""

from __future__ import annotations

from collections.abc import Callable

from fitwell._engine.dispatch_result import DispatchResult
from fitwell._engine.train_state import TrainState

__all__ = ["find_first_nonfinite_step"]


def find_first_nonfinite_step(
    rerun: Callable[[int], tuple[TrainState, DispatchResult]], result: DispatchResult, updates: int
) -> tuple[int, tuple[TrainState, DispatchResult]]:
    """Return the first step that is not finite, and the outcome of the dispatch that ends just before it.

    rerun: repeats the dispatch up to a number of updates.
    result: the result of the failed dispatch.
    updates: the number of updates when it ended.

    A loss that is not finite names its step. A gradient may be NaN where the loss is not (the root of 0). Then the
    weights are not finite from that step on, and usually the next loss is not either, so one step earlier is tried
    first. After that the range is bisected.
    """
    good, bad = result.step_before, updates
    if result.first_nonfinite_step >= 0:
        outcome = rerun(result.first_nonfinite_step)
        if outcome[1].finite:
            return result.first_nonfinite_step, outcome
        bad = result.first_nonfinite_step
    found = None
    middle = bad - 1
    while bad - good > 1:
        outcome = rerun(middle)
        if outcome[1].finite:
            good, found = middle, outcome
        else:
            bad = middle
        middle = (good + bad) // 2
    return good, rerun(good) if found is None else found
