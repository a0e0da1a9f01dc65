"""Simultaneous dispatches of multiple runs, mapped over their states with `vmap`.

Runs that share a program have different states, and possibly different row orders. Mapping `EpochRunner.run` over them
combines many small matrix products into large ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell._data.loaders import Dispatch
from fitwell._engine.dispatch_result import DispatchResult
from fitwell._engine.epoch_runner import EpochRunner
from fitwell._engine.train_state import TrainState
from fitwell._typing import Array

__all__ = ["DispatchRequest", "run_vmapped"]


@dataclass
class DispatchRequest:
    """The next dispatch of one run.

    Attributes:
        runner: The run's `EpochRunner`, with its validation rows.
        state: The state before the dispatch.
        dispatch: The data and the range of batches to run.
        epoch_values: Hyperparameters that change between epochs (see `EpochRunner.__call__`).
    """

    runner: EpochRunner
    state: TrainState
    dispatch: Dispatch
    epoch_values: dict[str, Array]

    @property
    def key(self) -> Any:
        """A key that is equal for requests that can run in one program. It depends on the policies, for example."""
        return self.runner.cache_id, self.dispatch.key, tuple(self.epoch_values)


def run_vmapped(requests: Sequence[DispatchRequest], width: int) -> list[tuple[TrainState, DispatchResult]]:
    """Run the dispatches of multiple runs in one program.

    Each result equals the result of running the request alone, up to rounding. A run whose loss or weights are not
    finite is repeated alone, because `EpochRunner.__call__` then finds the step that failed.

    Args:
        requests: The requests, which must have equal keys.
        width: The number of slots in the program. If there are fewer requests, the remaining slots are idle.

    Returns:
        The state and the results of each request.
    """
    runner = requests[0].runner
    arguments = [
        request.runner.arguments(request.state, request.dispatch, request.epoch_values)
        for request in requests
    ]
    idle = list(arguments[0])
    idle[_BOUNDS] = jax.tree.map(np.zeros_like, idle[_BOUNDS])
    arguments += [tuple(idle)] * (width - len(requests))
    axes, joined = zip(
        *(_join(parts, place) for place, parts in enumerate(zip(*arguments, strict=True))), strict=True
    )
    mapped = jax.vmap(runner.run, in_axes=axes)
    run = runner.cache.get(("stack", requests[0].key, width, axes), mapped, joined)
    began = time.perf_counter()
    # Transfer all states to the host together, and then split them among the runs.
    states, summaries, logs = jax.device_get(run(*joined))
    seconds = time.perf_counter() - began
    answers = []
    for i, request in enumerate(requests):
        state = jax.tree.map(lambda leaf, i=i: leaf[i], states)
        report = request.runner.unpack_result(state, summaries[i], logs[i], seconds)
        if report.first_nonfinite_step >= 0 or not report.finite:
            answers.append(request.runner(request.state, request.dispatch, request.epoch_values))
        else:
            answers.append((state, report))
    return answers


# Argument positions in `EpochRunner.run`. The data is always shared, because the runs use the same rows.
_DATA, _BOUNDS = 1, 4
_MAYBE_SHARED = (2, 3, 6, 7)  # permutations, batch sizes, validation rows, shorter last batches


def _join(parts: Sequence[Any], place: int) -> tuple[int | None, Any]:
    """Combine one argument of all runs, and return the axis to map over and the combined argument.

    If all runs have the same argument, it is shared and the axis is None. Otherwise, the arguments are stacked.
    """
    first = parts[0]
    if place == _DATA or (place in _MAYBE_SHARED and all(_same(first, part) for part in parts[1:])):
        return None, first
    return 0, jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *parts)


def _same(one: Any, other: Any) -> bool:
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    return all(a is b or np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))
