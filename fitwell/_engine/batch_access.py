"""Batches inside the compiled program: rows gathered by a permutation, and blocks of validation rows."""

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
    """Rows to evaluate at the end of every epoch, inside the dispatch.

    batches: arrays of shape ``[batches, batch size, ...]``.
    sizes: the numbers of real rows ``[batches]``, or None if all batches are full.
    tail: a last, shorter batch that may not be padded, or None.
    """

    batches: Batch
    sizes: Array | None
    tail: Batch | None = None

    @property
    def steps(self) -> int:
        """The number of batches without the tail."""
        return int(jax.tree.leaves(self.batches)[0].shape[0])

    @property
    def rows(self) -> int:
        """The number of rows, padding included."""
        return self.steps * int(jax.tree.leaves(self.batches)[0].shape[1])

    def at(self, index: Array) -> Batch:
        """Return batch `index`."""
        return mask_padding(
            jax.tree.map(lambda leaf: take_index(leaf, index), self.batches), self.sizes, index
        )


def gather_batch(data: Batch, order: Array, sizes: Array | None, index: Array) -> Batch:
    """Return batch `index` of `data`: the rows ``order[index]``, of which the first ``sizes[index]`` are real."""
    return mask_padding(gather_rows(data, take_index(order, index)), sizes, index)


def select_batch(dispatch: Dispatch, epoch: int, index: int) -> Batch:
    """Return batch `index` of an epoch of `dispatch`."""
    if dispatch.tail is not None and index >= dispatch.order.shape[1]:
        return gather_rows(dispatch.data, dispatch.tail[epoch])
    return gather_batch(dispatch.data, dispatch.order[epoch], dispatch.sizes, jnp.int32(index))


def gather_rows(data: Batch, places: Array) -> Batch:
    """Return the rows of `data` at `places`."""
    # Places come from the permutations of the loader, which are in bounds, so no clamping is needed.
    return jax.tree.map(lambda leaf: leaf.at[places].get(mode="promise_in_bounds"), data)


def take_index(array: Array, index: Array) -> Array:
    """Return ``array[index]`` for an index of at least 0; supporting negative ones would cost extra kernels."""
    return jax.lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False)


def mask_padding(batch: Batch, sizes: Array | None, index: Array) -> Batch:
    """Return `batch` with the rows after the first ``sizes[index]`` marked as padding."""
    if sizes is None:
        return batch
    length = jax.tree.leaves(batch)[0].shape[0]
    num_valid_rows = take_index(sizes, index)
    sample_mask = (jnp.arange(length) < num_valid_rows).astype(jnp.float32)
    return Batch(batch.x, batch.y, batch.weights, sample_mask, num_valid_rows.astype(jnp.float32))


jax.tree_util.register_dataclass(Validation, data_fields=["batches", "sizes", "tail"], meta_fields=[])
