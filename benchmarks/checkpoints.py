"""What a checkpoint costs: an epoch of W1 with one at its end, beside one without.

Run by `python -m benchmarks.checkpoints`: both kinds of fit take turns, and it prints the median epoch of each, then
what can be told on a busy machine too: for how long a checkpoint holds up the training thread, and how much processor
time the writing thread takes, as shares of an epoch.
"""

from __future__ import annotations

import importlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from unittest import mock

from benchmarks.contenders.keras_jax import build_sequential, compile_arguments
from benchmarks.environment import set_environment
from benchmarks.workloads import WORKLOADS, Data

EPOCHS, REPEATS = 5, 4


def epoch_times(data: Data, keep: bool) -> list[float]:
    """Return the seconds of every epoch of a fit but the first, with a checkpoint after each or none."""
    import fitwell as fw

    workload = WORKLOADS["W1"]
    model = build_sequential(fw, workload)
    model.compile(**compile_arguments(fw, workload))
    ends: list[float] = []
    watching: list[Any] = [
        fw.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    ]
    with tempfile.TemporaryDirectory() as folder:
        if keep:
            watching.append(fw.callbacks.BackupAndRestore(f"{folder}/checkpoints"))
        model.fit(
            data.x,
            data.y,
            batch_size=workload.batch_size,
            epochs=EPOCHS,
            validation_data=(data.x_valid, data.y_valid),
            callbacks=watching,
            verbose=0,
        )
    return [after - before for before, after in itertools.pairwise(ends)]


@contextmanager
def timed(target: str, name: str) -> Iterator[list[float]]:
    """Collect the processor seconds that each call of a function takes on its own thread."""
    module, attribute = target.split(":")
    owner: Any = importlib.import_module(module)
    owner = getattr(owner, attribute) if attribute else owner
    function: Callable[..., Any] = getattr(owner, name)
    seconds: list[float] = []

    def wrapped(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*arguments)
        finally:
            seconds.append(time.thread_time() - began)

    with mock.patch.object(owner, name, wrapped):
        yield seconds


def main() -> None:
    """Print the figures."""
    set_environment("cpu")
    data = WORKLOADS["W1"].load()
    epoch_times(data, False)
    times: dict[bool, list[float]] = {False: [], True: []}
    with (
        timed("fitwell.models.checkpointing:CheckpointManager", "save") as held,
        timed("fitwell.saving.checkpoint_folder:", "write_checkpoint") as written,
    ):
        for repeat in range(REPEATS):
            for keep in (False, True) if repeat % 2 else (True, False):
                times[keep] += epoch_times(data, keep)
    without, with_one = (1e3 * median(times[keep]) for keep in (False, True))
    hold, write = 1e3 * median(held), 1e3 * median(written)
    print(
        f"epoch without {without:.1f} ms, with a checkpoint {with_one:.1f} ms: {with_one / without - 1:+.2%}"
    )
    print(f"training held up {hold:.2f} ms, {hold / without:.2%} of an epoch")
    print(f"writing thread {write:.2f} ms of processor time, {write / without:.2%}")


if __name__ == "__main__":
    main()
