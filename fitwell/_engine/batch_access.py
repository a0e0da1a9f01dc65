"""Access to batches of training and validation rows inside the compiled program."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from fitwell._data.loaders import Dispatch
from fitwell._engine.train_program import Batch
from fitwell._typing import Array

__all__ = ["Validation", "gather_batch", "gather_rows", "mask_padding", "select_batch", "take_index"]


@dataclass
class Validation:
    """The validation rows that a dispatch evaluates at the end of every epoch.

    Attributes:
        batches: Arrays of shape ``[batches, batch_size, ...]``.
        sizes: The number of valid rows in each batch, with shape ``[batches]``, or None if all batches are full.
        tail: A shorter last batch for programs that do not support padding, or None.
    """

    batches: Batch
    sizes: Array | None
    tail: Batch | None = None

    @property
    def steps(self) -> int:
        """The number of batches, excluding the tail."""
        return int(jax.tree.leaves(self.batches)[0].shape[0])

    @property
    def rows(self) -> int:
        """The number of rows in `batches`, including padding."""
        return self.steps * int(jax.tree.leaves(self.batches)[0].shape[1])

    def at(self, index: Array) -> Batch:
        """Return the batch at `index`."""
        return mask_padding(
            jax.tree.map(lambda leaf: take_index(leaf, index), self.batches), self.sizes, index
        )


def gather_batch(data: Batch, order: Array, sizes: Array | None, index: Array) -> Batch:
    """Return the batch at `index`, which consists of the rows ``order[index]`` of `data`.

    All rows after the first ``sizes[index]`` rows are marked as padding.
    """
    return mask_padding(gather_rows(data, take_index(order, index)), sizes, index)


def select_batch(dispatch: Dispatch, epoch: int, index: int) -> Batch:
    """Return one batch of a dispatch, given the index of the epoch and the index of the batch."""
    if dispatch.tail is not None and index >= dispatch.order.shape[1]:
        return gather_rows(dispatch.data, dispatch.tail[epoch])
    return gather_batch(dispatch.data, dispatch.order[epoch], dispatch.sizes, jnp.int32(index))


def gather_rows(data: Batch, places: Array) -> Batch:
    """Return the rows of `data` at the indices `places`."""
    # The loader's permutations contain only valid indices, so no clamping is needed.
    return jax.tree.map(lambda leaf: leaf.at[places].get(mode="promise_in_bounds"), data)


def take_index(array: Array, index: Array) -> Array:
    """Return ``array[index]`` for a nonnegative index. Support for negative indices would need extra kernels."""
    return jax.lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False)


def mask_padding(batch: Batch, sizes: Array | None, index: Array) -> Batch:
    """Mark all rows after the first ``sizes[index]`` rows as padding, and return the batch."""
    if sizes is None:
        return batch
    length = jax.tree.leaves(batch)[0].shape[0]
    num_valid_rows = take_index(sizes, index)
    sample_mask = (jnp.arange(length) < num_valid_rows).astype(jnp.float32)
    return Batch(batch.x, batch.y, batch.weights, sample_mask, num_valid_rows.astype(jnp.float32))


jax.tree_util.register_dataclass(Validation, data_fields=["batches", "sizes", "tail"], meta_fields=[])
