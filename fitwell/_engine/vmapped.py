"""One dispatch of several runs at once, mapped over their states with `vmap`.

Runs that share a program differ in their states, and possibly in the order of their rows. Mapping `EpochRunner.run`
over them combines many small matrix products into large ones.
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
    """The next dispatch of one run; `runner` is the runner of the run, with its validation rows."""

    runner: EpochRunner
    state: TrainState
    dispatch: Dispatch
    epoch_values: dict[str, Array]

    @property
    def key(self) -> Any:
        """The batching key: requests with equal keys can run in one program. Different policies give different keys."""
        return self.runner.cache_id, self.dispatch.key, tuple(self.epoch_values)


def run_vmapped(requests: Sequence[DispatchRequest], width: int) -> list[tuple[TrainState, DispatchResult]]:
    """Return what each runner would return for its request, to rounding; all requests have equal keys.

    width: the number of slots; slots beyond the requests are idle. A run whose loss or weights are not finite is
    repeated alone, which finds the step (`EpochRunner.__call__`).
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
    # One transfer to the host; each run then takes its part of the states.
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


# Positions in the arguments of `EpochRunner.run`. The runs share the data: the rows of one `ArrayLoader`.
_DATA, _BOUNDS = 1, 4
_MAYBE_SHARED = (2, 3, 6, 7)  # permutations, batch sizes, validation rows, last batches


def _join(parts: Sequence[Any], place: int) -> tuple[int | None, Any]:
    """Return the axis to map over and the argument: stacked, or shared if all runs have the same one."""
    first = parts[0]
    if place == _DATA or (place in _MAYBE_SHARED and all(_same(first, part) for part in parts[1:])):
        return None, first
    return 0, jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *parts)


def _same(one: Any, other: Any) -> bool:
    leaves, others = jax.tree.leaves(one), jax.tree.leaves(other)
    return all(a is b or np.array_equal(a, b) for a, b in zip(leaves, others, strict=True))
