"""Batches, dispatches, and the base class for data loaders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell._typing import Array, NumpyArray, PyTree


@jax.tree_util.register_dataclass
@dataclass
class Batch:
    """A batch of rows, or a block of multiple batches. All arrays have the rows along the first axis.

    Attributes:
        x: The inputs, which can be any tree of arrays.
        y: The targets, with one entry per output, or None.
        weights: The sample weights, with one entry per output, or None.
        sample_mask: 1 for real rows and 0 for padding, or None if all rows are real.
        num_valid_rows: Number of real rows, or None if it is unknown.
    """

    x: PyTree
    y: PyTree = None
    weights: PyTree = None
    sample_mask: Array | None = None
    num_valid_rows: Array | None = None


@dataclass
class Dispatch:
    """The data for one call to the compiled loop: complete epochs, or a range of batches in one epoch.

    Attributes:
        data: The rows of all batches.
        order: Row indices of shape ``[max epochs, batches, batch size]``.
        sizes: Actual batch sizes of shape ``[batches]``, or None if all batches are full.
        epochs: Number of epochs.
        start: Index of the first batch to process in each epoch.
        stop: Index after the last batch to process in each epoch.
        first: Whether the dispatch begins an epoch.
        last: Whether the dispatch ends an epoch.
        key: A value that is equal for dispatches with equal shapes.
        tail: Row indices of a short last batch that must not be padded, of shape ``[max epochs, rows]``, or None.
    """

    data: Batch
    order: Array | NumpyArray
    sizes: Array | None
    epochs: int
    start: int
    stop: int
    first: bool
    last: bool
    key: Any
    tail: Array | NumpyArray | None = None

    @property
    def steps(self) -> int:
        """Number of batches in this dispatch."""
        return self.epochs * (self.stop - self.start)


class DataLoader:
    """The base class for data loaders.

    Attributes:
        rows: Number of rows per epoch, or None if it is unknown until the epoch ends.
        steps: Number of batches per epoch, or None if it is unknown until the epoch ends.
        batch_size: Number of rows per batch.
        prefetches_permutations: Whether a thread computes the permutations for the next epochs while the device is
            busy. Set it to False if other runs use all cores, because starting the thread then takes longer than
            computing the permutations.
    """

    rows: int | None
    steps: int | None
    batch_size: int
    prefetches_permutations = True

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield the dispatches for a range of epochs.

        Args:
            first_epoch: The first epoch (0-based).
            epochs: Number of epochs.
            max_steps: A function that returns the maximum number of steps in the next dispatch.
            start: Number of batches to skip in the first epoch, because the interrupted run already trained on them.
        """
        raise NotImplementedError


def count_rows(tree: PyTree) -> int:
    """Return the number of rows in `tree`, which is the length of its arrays' first axis."""
    return int(np.shape(jax.tree.leaves(tree)[0])[0])


def batch_layout(rows: int, batch_size: int) -> tuple[int, NumpyArray | None]:
    """Return the number of batches and their sizes. The sizes are None if all batches are full."""
    steps = -(-rows // batch_size)
    if rows % batch_size == 0:
        return steps, None
    sizes = np.full(steps, batch_size, np.int32)
    sizes[-1] = rows % batch_size
    return steps, sizes


def pad_rows(tree: PyTree, rows: int) -> PyTree:
    """Pad the arrays in `tree` with zeros to `rows` rows. Padded arrays are NumPy arrays."""
    missing = rows - count_rows(tree)
    if missing == 0:
        return tree
    return jax.tree.map(
        lambda leaf: np.concatenate([np.asarray(leaf), np.zeros((missing, *leaf.shape[1:]), leaf.dtype)]),
        tree,
    )


def split_dispatch(dispatch: Dispatch, max_steps: Callable[[], int], start: int = 0) -> Iterator[Dispatch]:
    """Split a dispatch into dispatches of at most `max_steps()` steps, beginning with batch `start`."""
    while start < dispatch.stop:
        stop = min(dispatch.stop, start + max(1, max_steps()))
        yield dataclasses.replace(
            dispatch,
            start=start,
            stop=stop,
            first=dispatch.first and start == 0,
            last=dispatch.last and stop == dispatch.stop,
        )
        start = stop


__all__ = ["Batch", "DataLoader", "Dispatch", "batch_layout", "count_rows", "pad_rows", "split_dispatch"]
