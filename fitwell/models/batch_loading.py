"""Data loaders for packed rows, and blocks of validation rows on the device."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fitwell import config
from fitwell._data.loaders import (
    MAX_BATCHES_PER_BLOCK,
    ArrayLoader,
    Batch,
    DataLoader,
    GeneratorLoader,
    batch_layout,
    count_rows,
)
from fitwell._engine.batch_access import Validation
from fitwell.errors import InvalidArgument
from fitwell.models.fit_data import FitData, must_stream

__all__ = ["EVALUATION_ROWS", "device_validation", "make_loader"]

# The batch size of an evaluation if the user does not choose one. The results are exact for any size.
EVALUATION_ROWS = 1024
# If all rows fit in one batch, the batch is padded to a multiple of this number of rows, so that data sets of similar
# size share a program. Very small data sets are not padded, because masking would take longer than the epoch itself.
_ROWS_ALIKE = 16
# The measured number of a stream's blocks that are in memory at the same time. This counts blocks on the device, rows
# on the host, and blocks that are being assembled, queued or read.
_BLOCKS_AT_ONCE = 12


def make_loader(
    data: FitData,
    batch_size: int | None,
    *,
    shuffle: bool,
    seed: int,
    pad: bool,
    steps: int | None,
    default: int = 32,
    max_epochs_per_dispatch: int = 1,
) -> DataLoader:
    """Return a loader for `data`, which may be arrays in memory, large memory maps on disk, or a stream."""
    size = default if batch_size is None else batch_size
    if data.stream is not None:
        if batch_size is not None:
            raise InvalidArgument(
                "batch_size cannot be used with a generator, which determines the size of its batches"
            )
        first = data.stream.peek()
        known = steps if steps is not None else data.stream.steps
        together = _batches_together(_size(first))
        return GeneratorLoader(
            data.stream.open_epoch, count_rows(first), steps=known, pad=pad, batches_per_block=together
        )
    assert data.batch is not None
    total = count_rows(data.batch)
    if steps is None and not must_stream(data.batch):
        # Pad data sets that are smaller than one batch, so that data sets of similar size share a program.
        alike = min(size, -(-total // _ROWS_ALIKE) * _ROWS_ALIKE)
        room = alike if 2 * _ROWS_ALIKE < total < size else None
        return ArrayLoader(
            data.batch,
            size,
            shuffle=shuffle,
            seed=seed,
            pad=pad,
            max_epochs_per_dispatch=max_epochs_per_dispatch,
            bucket_rows=room,
        )
    return _streamed_arrays(data.batch, min(size, total), shuffle=shuffle, seed=seed, pad=pad, steps=steps)


def _streamed_arrays(
    batch: Batch, size: int, *, shuffle: bool, seed: int, pad: bool, steps: int | None
) -> GeneratorLoader:
    """Return a loader that reads arrays batch by batch, in the same order as an `ArrayLoader`.

    If `steps` is given, each epoch continues where the previous one stopped, even in a later call to `fit`.
    """
    rows = count_rows(batch)
    order_of = ArrayLoader.permutation_fn(rows, shuffle, seed)
    num_batches = -(-rows // size)
    wanted = num_batches if steps is None else steps

    def open_epoch(epoch: int) -> Iterator[Batch]:
        passes, first = divmod(epoch * wanted, num_batches)
        for number in itertools.count(passes):
            order = order_of(range(number, number + 1))[0]
            for index in range(first, num_batches):
                places = order[index * size : (index + 1) * size]
                yield jax.tree.map(lambda leaf, places=places: np.asarray(leaf[places]), batch)
            first = 0

    together = _batches_together(_size(batch) * size / rows)
    return GeneratorLoader(
        open_epoch,
        size,
        steps=wanted,
        rows=rows if steps is None else None,
        pad=pad,
        batches_per_block=together,
    )


def _size(batch: Batch) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(batch))


def _batches_together(size: float) -> int:
    """Return how many batches of `size` bytes to transfer together within the memory budget.

    The result is at least two. A loop over a single batch compiles to a different XLA program, whose results
    differ in the last bits from the results for rows that are all on the device.
    """
    most = config.memory_budget() / (_BLOCKS_AT_ONCE * max(size, 1))
    return int(min(max(most, 2), MAX_BATCHES_PER_BLOCK))


def device_validation(
    data: FitData, batch_size: int | None, room: int | None = None, *, pad: bool
) -> Validation | None:
    """Return the validation rows as a block on the device, or None if they are not arrays in memory.

    Args:
        data: The validation data.
        batch_size: The number of rows per batch, or None to choose it automatically.
        room: The number of rows to pad to, so that blocks of similar size get the same shapes. None means the
            number of rows in `data`.
        pad: Whether padding rows may be added. If not, the batches are the same as in `evaluate`, and the
            last one may be shorter.
    """
    if data.batch is None or must_stream(data.batch):
        return None
    rows = count_rows(data.batch)
    if not pad:
        size = 32 if batch_size is None else batch_size
        return _validation_with_a_tail(data.batch, rows, min(rows, size))
    places = rows if room is None else room
    size = min(places, EVALUATION_ROWS if batch_size is None else batch_size)
    if batch_size is None or room is not None:
        # Distribute the rows evenly over batches of equal size, so that there is little padding and no empty batch.
        size = -(-places // -(-places // size))
    steps, sizes = batch_layout(places, size)
    if room is not None:
        sizes = np.clip(rows - size * np.arange(steps, dtype=np.int32), 0, size)

    def split(leaf: Any) -> Any:
        # Pad on the host, because `jnp` functions would compile a program for each shape.
        padded = np.zeros((steps * size, *leaf.shape[1:]), leaf.dtype)
        padded[:rows] = leaf
        return jax.device_put(padded.reshape(steps, size, *leaf.shape[1:]))

    return Validation(jax.tree.map(split, data.batch), None if sizes is None else jax.device_put(sizes))


def _validation_with_a_tail(batch: Batch, rows: int, size: int) -> Validation:
    full_rows = rows // size * size

    def split(leaf: Any) -> Any:
        return jax.device_put(np.asarray(leaf)[:full_rows].reshape(-1, size, *leaf.shape[1:]))

    tail = (
        jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[full_rows:]), batch)
        if full_rows < rows
        else None
    )
    return Validation(jax.tree.map(split, batch), None, tail)
