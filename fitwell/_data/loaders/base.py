"""Batches, dispatches, and the base class of the data loaders."""

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
    """A batch of rows, or a block of several batches. All arrays have the rows along the first axis.

    x: inputs, any tree of arrays.
    y: targets, one entry per output, or None.
    weights: sample weights, one entry per output, or None.
    sample_mask: 1 for real rows and 0 for padding, or None if all rows are real.
    num_valid_rows: number of real rows, if known.
    """

    x: PyTree
    y: PyTree = None
    weights: PyTree = None
    sample_mask: Array | None = None
    num_valid_rows: Array | None = None


@dataclass
class Dispatch:
    """Data of one dispatch: `epochs` whole epochs, or batches ``start … stop-1`` of one epoch.

    data: rows of all batches.
    order: row indices, ``[max epochs, batches, batch size]``.
    sizes: true batch sizes, ``[batches]``, or None if all batches are full.
    first, last: whether the dispatch begins and ends its epoch.
    key: equal for dispatches of equal shapes.
    tail: row indices of a shorter last batch that must not be padded, ``[max epochs, rows]``, or None.
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
    """Base class of the data loaders. `rows` and `steps` are per epoch, or None if unknown before its end.

    prefetches_permutations: whether a thread computes the permutations of the next epochs while the device is busy. If
        other runs use all cores, starting the thread takes longer than computing them.
    """

    rows: int | None
    steps: int | None
    batch_size: int
    prefetches_permutations = True

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield the dispatches of `epochs` epochs.

        max_steps: returns the maximum number of steps in the next dispatch.
        start: number of batches of the first epoch to skip, because a resumed run has trained on them.
        """
        raise NotImplementedError


def count_rows(tree: PyTree) -> int:
    """Return the length of the first axis of the arrays in `tree`."""
    return int(np.shape(jax.tree.leaves(tree)[0])[0])


def batch_layout(rows: int, batch_size: int) -> tuple[int, NumpyArray | None]:
    """Return the number of batches, and their sizes if the last one is short, else None."""
    steps = -(-rows // batch_size)
    if rows % batch_size == 0:
        return steps, None
    sizes = np.full(steps, batch_size, np.int32)
    sizes[-1] = rows % batch_size
    return steps, sizes


def pad_rows(tree: PyTree, rows: int) -> PyTree:
    """Pad the arrays of `tree` with zeros to `rows` rows. Padded arrays are NumPy arrays."""
    missing = rows - count_rows(tree)
    if missing == 0:
        return tree
    return jax.tree.map(
        lambda leaf: np.concatenate([np.asarray(leaf), np.zeros((missing, *leaf.shape[1:]), leaf.dtype)]),
        tree,
    )


def split_dispatch(dispatch: Dispatch, max_steps: Callable[[], int], start: int = 0) -> Iterator[Dispatch]:
    """Split a dispatch, from batch `start` on, into dispatches of the allowed length."""
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
