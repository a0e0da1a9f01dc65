"""Data loader for rows that arrive in batches."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._data.loaders.base import Batch, DataLoader, Dispatch, count_rows, split_dispatch
from fitwell._typing import Array
from fitwell.errors import DataError

# Number of streamed batches that are transferred to the device together if memory allows it.
MAX_BATCHES_PER_BLOCK = 16


class GeneratorLoader(DataLoader):
    """A loader for rows that arrive in batches from a generator, an iterable, or arrays on disk.

    A thread prefetches the batches. A new block begins if the shape of the rows changes, or if a batch with weights
    follows one without weights or vice versa.

    Args:
        open_epoch: A function that is called with the epoch's index and returns an iterator over `Batch` objects with
            NumPy arrays.
        batch_size: Number of rows per batch.
        steps: Number of batches per epoch, or None to read until the iterator ends.
        rows: Number of rows per epoch, or None if it is unknown.
        batches_per_block: Number of batches that are transferred to the device together.
        pad: Whether batches smaller than `batch_size` are padded. Otherwise they keep their size.
    """

    def __init__(
        self,
        open_epoch: Callable[[int], Iterator[Batch]],
        batch_size: int,
        *,
        steps: int | None = None,
        rows: int | None = None,
        batches_per_block: int = MAX_BATCHES_PER_BLOCK,
        pad: bool = True,
    ) -> None:
        self.open_epoch = open_epoch
        self.batch_size = batch_size
        self.steps = steps
        self.rows = rows
        self.batches_per_block = batches_per_block
        self.pad = pad
        self._shapes_vary = False

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield one or more dispatches per block. A thread prefetches the blocks."""
        for epoch in range(first_epoch, first_epoch + epochs):
            seen = 0
            first = start == 0
            for batches, last in _prefetch(self._blocks(epoch)):
                seen += len(batches)
                last = last or (self.steps is not None and seen >= self.steps)
                if seen <= start:
                    continue  # build the same blocks as in an uninterrupted run, but skip those already trained on
                block, order, sizes = self._stack(batches)
                leaves, structure = jax.tree.flatten((block, order))
                shapes = structure, *((leaf.shape, leaf.dtype) for leaf in leaves)
                key = "block", shapes, sizes is None
                dispatch = Dispatch(block, order, sizes, 1, 0, len(batches), first, last, key)
                yield from split_dispatch(dispatch, max_steps, max(0, start - (seen - len(batches))))
                first = False
                start = 0
                if last:
                    break
            if self.steps is not None and seen < self.steps:
                raise DataError(
                    f"the data ended after {seen} of {self.steps} batches in epoch {epoch + 1}. A generator must yield "
                    "steps_per_epoch batches for every epoch. Make it loop forever, reduce steps_per_epoch, or omit "
                    "steps_per_epoch and pass an iterable that can be restarted"
                )

    def _blocks(self, epoch: int) -> Iterator[tuple[list[Batch], bool]]:
        """Yield lists of batches with equal shapes, each with a bool that says whether it is the epoch's last list."""
        pending: list[Batch] = []
        form: Any = None
        waiting: tuple[list[Batch], bool] | None = None
        for count, batch in enumerate(self.open_epoch(epoch), start=1):
            rows = count_rows(batch)
            fits = rows == self.batch_size or (self.pad and rows < self.batch_size)
            before, form = form, _batch_signature(batch)
            changed = bool(pending) and form != before
            self._shapes_vary |= changed
            if pending and (
                not fits
                or changed
                or len(pending) == self.batches_per_block
                or count_rows(pending[0]) > self.batch_size
            ):
                if waiting:
                    yield waiting
                waiting, pending = (pending, False), []
            pending.append(batch)
            if not fits:
                if waiting:
                    yield waiting
                waiting, pending = (pending, False), []
            if self.steps is not None and count >= self.steps:
                break
        if pending:
            if waiting:
                yield waiting
            waiting = (pending, True)
        if waiting is None:
            raise DataError(
                f"the data yielded no batches in epoch {epoch + 1}. Check that the data is not empty. A generator "
                "can be read only once, so replace it with an iterable that can be restarted, or pass an infinite "
                "generator together with steps_per_epoch"
            )
        yield waiting[0], True

    def _stack(self, batches: list[Batch]) -> tuple[Batch, Array, Array | None]:
        """Transfer batches to the device as one block. If `pad` is True, short batches are padded with zeros."""
        counts = [count_rows(batch) for batch in batches]
        size = (
            counts[0]
            if len(counts) == 1 and not (self.pad and counts[0] < self.batch_size)
            else self.batch_size
        )
        # All blocks that may be padded have the same size, so that they share one compiled program. If shapes vary,
        # many blocks have only one batch, and they would consist mostly of padding.
        is_single = self._shapes_vary and len(batches) == 1
        num_batches = (
            self.batches_per_block if self.pad and size == self.batch_size and not is_single else len(batches)
        )

        def join(*leaves: Any) -> Array:
            # Promote the dtypes, because a generator may yield integers first and floats later.
            joined = np.zeros((num_batches * size, *np.shape(leaves[0])[1:]), jnp.result_type(*leaves))
            for index, leaf in enumerate(leaves):
                joined[index * size : index * size + len(leaf)] = leaf
            return jax.device_put(joined)

        block = jax.tree.map(join, *batches)
        order = jax.device_put(np.arange(num_batches * size, dtype=np.int32).reshape(1, num_batches, size))
        if not self.pad or (self.rows is not None and self.rows % self.batch_size == 0):
            # No batch is padded. Without sizes, the compiled program is the same as for an `ArrayLoader`, so the
            # results are bit-identical.
            return block, order, None
        sizes = np.zeros(num_batches, np.int32)
        sizes[: len(counts)] = counts
        return block, order, jax.device_put(sizes)


def _batch_signature(batch: Batch) -> Any:
    """Return a batch's tree structure and row shapes, which must be equal for all batches in a block."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [np.shape(leaf)[1:] for leaf in leaves]


def _prefetch(items: Iterator[Any], depth: int = 2) -> Iterator[Any]:
    """Yield items that a thread computes up to `depth` items ahead. Errors in the thread are raised here."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    abandoned = threading.Event()

    def offer(message: tuple[str, Any]) -> bool:
        while not abandoned.is_set():
            try:
                ready.put(message, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not offer(("item", item)):
                    return
            offer(("end", None))
        except BaseException as error:
            offer(("error", error))

    thread = threading.Thread(target=produce, daemon=True, name="fitwell-read-ahead")
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "item":
                yield value
            elif kind == "end":
                return
            else:
                raise value
    finally:
        abandoned.set()
        thread.join(timeout=5)


__all__ = ["MAX_BATCHES_PER_BLOCK", "GeneratorLoader"]
