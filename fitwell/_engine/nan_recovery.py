"""Recovery of the last finite weights after a loss or a gradient became nonfinite.

`EpochRunner.__call__` uses this module. `TrainLoop._stop_at_nonfinite` then warns and ends the run.
"""

from __future__ import annotations

from collections.abc import Callable

from fitwell._engine.dispatch_result import DispatchResult
from fitwell._engine.train_state import TrainState

__all__ = ["find_first_nonfinite_step"]


def find_first_nonfinite_step(
    rerun: Callable[[int], tuple[TrainState, DispatchResult]], result: DispatchResult, updates: int
) -> tuple[int, tuple[TrainState, DispatchResult]]:
    """Find the first step with a nonfinite loss or gradient, and repeat the dispatch up to that step.

    If a loss is not finite, its step is already known. However, a gradient may be nonfinite although the loss is
    finite, for example the gradient of a square root at 0. After such a step, the weights are not finite, and usually
    the next loss is not finite either. The search therefore first tries the step before the reported one, and then
    bisects the range.

    Args:
        rerun: A function that repeats the dispatch until the update count reaches its argument.
        result: The result of the failed dispatch.
        updates: The update count at the end of the failed dispatch.

    Returns:
        The first nonfinite step, and the outcome of the dispatch that ends just before it.
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
