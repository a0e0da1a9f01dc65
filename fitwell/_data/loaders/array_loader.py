"""Data loader for rows that fit into the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import random
from fitwell._data.loaders.base import (
    Batch,
    DataLoader,
    Dispatch,
    batch_layout,
    count_rows,
    pad_rows,
    split_dispatch,
)
from fitwell._typing import Array, NumpyArray

# Permutations for multiple epochs are transferred together, up to this many row indices (1 MB) and this many epochs.
_MAX_PERMUTED_ROWS = 2**18
MAX_EPOCHS_PER_DISPATCH = 512
# Blocks of up to this size (4 MB) are copied into a larger, padded array.
_MAX_COPIED_BYTES = 2**22


class ArrayLoader(DataLoader):
    """A loader for rows that fit into the device's memory. They are transferred once and permuted every epoch.

    Args:
        block: The arrays, all with the rows along the first axis.
        batch_size: Number of rows per batch.
        shuffle: Whether each epoch has a new permutation, which `random.epoch_permutations` computes from the seed
            and the epoch.
        seed: Seed for the permutations.
        pad: Whether a short last batch is padded and masked. Otherwise it keeps its size and becomes the dispatch's
            `tail`.
        max_epochs_per_dispatch: Maximum number of epochs in one dispatch.
        row_indices: Indices of the rows to use. Defaults to all rows. The permutations are the same as those of a
            loader that contains only these rows.
        bucket_rows: Number of rows to reserve space for. Loaders whose sizes are rounded up to the same number
            share one compiled program. Used together with `row_indices`, and ignored if `pad` is False.
    """

    def __init__(
        self,
        block: Batch,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        pad: bool = True,
        max_epochs_per_dispatch: int = MAX_EPOCHS_PER_DISPATCH,
        row_indices: NumpyArray | None = None,
        bucket_rows: int | None = None,
    ) -> None:
        self.rows = count_rows(block) if row_indices is None else len(row_indices)
        bucket_rows = bucket_rows if pad else None
        self.batch_size = min(batch_size, self.rows if bucket_rows is None else bucket_rows)
        self.steps, sizes = batch_layout(self.rows, self.batch_size)
        # The size of a short last batch that must not be padded, or 0.
        self._tail = 0 if pad or sizes is None else int(sizes[-1])
        self._num_batches = self.steps - bool(self._tail)
        if self._tail:
            sizes = None
        if bucket_rows is not None:
            self._num_batches = -(-bucket_rows // self.batch_size)
            firsts = self.batch_size * np.arange(self._num_batches, dtype=np.int32)
            sizes = np.clip(self.rows - firsts, 0, self.batch_size)
        self.permutations = self.permutation_fn(self.rows, shuffle, seed, row_indices)
        self._sizes = None if sizes is None else jax.device_put(sizes)
        if row_indices is None and pad:
            block = _pad_to_bucket(block, self._num_batches * self.batch_size)
        # `jnp.asarray` would need memory for two copies and compile a program for each shape.
        self.block = jax.device_put(block)
        self._permutation_length = self._num_batches * self.batch_size + self._tail
        most = max(1, min(max_epochs_per_dispatch, _MAX_PERMUTED_ROWS // self._permutation_length))
        self.epochs_per_dispatch = 1 << (most.bit_length() - 1)
        self._key = (
            jax.tree.structure(block),
            *((np.shape(leaf), jnp.result_type(leaf)) for leaf in jax.tree.leaves(block)),
            self.batch_size,
            self.epochs_per_dispatch,
            self._num_batches,
            self._tail,
            sizes is None,
        )

    @staticmethod
    def permutation_fn(
        rows: int, shuffle: bool, seed: int, row_indices: NumpyArray | None = None
    ) -> Callable[[range], NumpyArray]:
        """Return a function that computes the row permutations for a range of epochs."""
        same = np.arange(rows, dtype=np.int32)

        def draw(epochs: range) -> NumpyArray:
            if shuffle:
                return random.epoch_permutations(seed, epochs, rows)
            return np.broadcast_to(same, (len(epochs), rows))

        return draw if row_indices is None else lambda epochs: row_indices[draw(epochs)]

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield dispatches, each of which covers multiple epochs, one epoch, or a part of an epoch."""
        steps = self.steps or 0
        epoch, end = first_epoch, first_epoch + epochs
        with ThreadPoolExecutor(1, "fitwell-orders") as thread:
            ahead: Future[NumpyArray] | None = None
            while epoch < end:
                most = 1 if start else max_steps() // steps
                count = max(1, min(most, self.epochs_per_dispatch, end - epoch))
                order, tail = self._split_tail(self._get_permutations(epoch, count, ahead))
                left = end - epoch - count
                ahead = (
                    thread.submit(self._draw_permutations, epoch + count, min(count, left))
                    if left and self.prefetches_permutations
                    else None
                )
                dispatch = Dispatch(
                    self.block, order, self._sizes, count, 0, steps, True, True, ("whole", self._key), tail
                )
                if count > 1:
                    yield dispatch
                else:
                    yield from split_dispatch(dispatch, max_steps, start)
                    start = 0
                epoch += count

    def _draw_permutations(self, epoch: int, count: int) -> NumpyArray:
        """Compute row indices of shape ``[count, rows and padding]`` for `count` epochs, padded to whole batches."""
        rows = self.rows or 0
        permutations = np.empty((count, self._permutation_length), np.int32)
        permutations[:, :rows] = self.permutations(range(epoch, epoch + count))
        permutations[:, rows:] = permutations[:, :1]  # padding is masked, so any valid row index will do
        return permutations

    def _get_permutations(self, epoch: int, count: int, ahead: Future[NumpyArray] | None) -> NumpyArray:
        """Return the row indices for `count` epochs in an array with space for `epochs_per_dispatch` epochs.

        If `ahead` is not None, its result provides the row indices for the first epochs. All other row indices are
        computed now.
        """
        drawn = ahead.result()[:count] if ahead is not None else self._draw_permutations(epoch, 0)
        permutations = np.zeros((self.epochs_per_dispatch, self._permutation_length), np.int32)
        permutations[: len(drawn)] = drawn
        permutations[len(drawn) : count] = self._draw_permutations(epoch + len(drawn), count - len(drawn))
        return permutations

    def _split_tail(self, permutations: NumpyArray) -> tuple[NumpyArray, NumpyArray | None]:
        """Split the row indices into full batches, of shape ``[epochs, batches, batch size]``, and the tail."""
        full_rows = self._num_batches * self.batch_size
        tail = permutations[:, full_rows:] if self._tail else None
        return permutations[:, :full_rows].reshape(-1, self._num_batches, self.batch_size), tail


def _pad_to_bucket(block: Batch, rows: int) -> Batch:
    """Pad a small block to `rows` rows. The permutations never include the padding rows.

    Blocks of similar sizes, such as cross-validation folds, then share one compiled program. Large blocks are not
    padded, because training on them takes longer than compiling.
    """
    leaves = jax.tree.leaves(block)
    small = sum(leaf.nbytes for leaf in leaves) <= _MAX_COPIED_BYTES
    return pad_rows(block, rows) if small and all(map(_is_on_host, leaves)) else block


def _is_on_host(leaf: Array | NumpyArray) -> bool:
    return isinstance(leaf, np.ndarray) or all(device.platform == "cpu" for device in leaf.devices())


__all__ = ["MAX_EPOCHS_PER_DISPATCH", "ArrayLoader"]
