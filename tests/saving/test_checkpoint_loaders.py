"""A loader that starts inside an epoch returns the rest of the batches of that epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fitwell._data.loaders import ArrayLoader, Batch, DataLoader, GeneratorLoader

ROWS = np.arange(23, dtype=np.float32)


def stream(sizes: list[int], **options: Any) -> DataLoader:
    def open_epoch(epoch: int) -> Iterator[Batch]:
        start = 0
        for size in sizes:
            yield Batch(ROWS[start : start + size] + 100 * epoch)
            start += size

    return GeneratorLoader(open_epoch, 4, batches_per_block=3, **options)


FEEDS: dict[str, Callable[[], DataLoader]] = {
    "padded": lambda: ArrayLoader(Batch(ROWS), 4, shuffle=True, seed=3),
    "several epochs at once": lambda: ArrayLoader(
        Batch(ROWS[:20]), 4, shuffle=True, seed=3, max_epochs_per_dispatch=4
    ),
    "with a tail": lambda: ArrayLoader(Batch(ROWS), 4, shuffle=True, seed=3, pad=False),
    "a stream": lambda: stream([4] * 5 + [3], steps=6),
    "a stream of unknown length": lambda: stream([4] * 5 + [3]),
    "a stream of uneven batches": lambda: stream([4, 2, 4, 5, 4, 4], pad=False),
}


def visited(
    feed: DataLoader, epochs: range, length: int, start: int = 0
) -> list[tuple[list[float], bool, bool]]:
    """Return the rows of every batch, and whether its work began and ended an epoch."""
    batches = []
    for work in feed.dispatches(epochs.start, len(epochs), lambda: length, start):
        rows = np.asarray(work.data.x)
        for epoch in range(work.epochs):
            for index in range(work.start, work.stop):
                size = None if work.sizes is None else int(work.sizes[index])
                tail = work.tail is not None and index == work.order.shape[1]
                places = np.asarray(work.tail[epoch] if tail else work.order[epoch, index])[:size]
                first = work.first and index == work.start
                last = work.last and index == work.stop - 1
                batches.append((rows[places].tolist(), first, last))
    return batches


@pytest.mark.parametrize("length", [1, 2, 5, 100])
@pytest.mark.parametrize("kind", FEEDS)
def test_the_rest_of_an_epoch(kind: str, length: int) -> None:
    whole = visited(FEEDS[kind](), range(2, 5), length)
    assert len(whole) in (15, 18) and sum(first for _, first, _ in whole) == 3
    for start in range(1, 5):
        assert visited(FEEDS[kind](), range(2, 5), length, start) == whole[start:]
