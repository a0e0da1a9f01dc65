"""Data loaders: yield the rows of a run as dispatches, each for one call of the compiled loop.

An `ArrayLoader` keeps its rows on the device and permutes them every epoch. A `GeneratorLoader` takes batches from an
iterator, or slices of arrays larger than memory, and prefetches them on a thread.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import random
from fitwell.errors import DataError

Array = Any

# Permutations of several epochs are transferred together, up to this many row indices (1 MB) and this many epochs.
_MAX_PERMUTED_ROWS = 2**18
MAX_EPOCHS_PER_DISPATCH = 512
# Number of streamed batches transferred to the device together, if memory allows it.
MAX_BATCHES_PER_BLOCK = 16
# Up to this size (4 MB) rows are copied into a larger, padded array.
_MAX_COPIED_BYTES = 2**22


@jax.tree_util.register_dataclass
@dataclass
class Batch:
    """A batch of rows, or a block of several batches. All arrays have the rows along the first axis.

    x: inputs, any tree of arrays. y: targets, one entry per output, or None.
    weights: sample weights, one entry per output, or None.
    rows: mask that is 1 for real rows and 0 for padding, None if all rows are real. count: number of real rows, if
        known.
    """

    x: Any
    y: Any = None
    weights: Any = None
    rows: Array | None = None
    count: Array | None = None


@dataclass
class Dispatch:
    """Data of one dispatch: `epochs` whole epochs of a block, or batches ``start … stop-1`` of one epoch.

    order: row indices, ``[max epochs, batches, batch size]``.
    sizes: true batch sizes, ``[batches]``, or None if all batches are full.
    first, last: whether the dispatch begins and ends its epoch.
    key: equal for dispatches of equal shapes.
    tail: row indices of a shorter last batch that must not be padded, ``[max epochs, rows]``, or None.
    """

    block: Batch
    order: Array
    sizes: Array | None
    epochs: int
    start: int
    stop: int
    first: bool
    last: bool
    key: Any
    tail: Array | None = None

    @property
    def steps(self) -> int:
        """Number of batches in this dispatch."""
        return self.epochs * (self.stop - self.start)


class DataLoader:
    """Base class of the data loaders. `rows` and `steps` are per epoch, None if unknown before its end.

    draws_ahead: whether a thread computes the permutations of the next epochs while the device is busy. If other
        runs use all cores, starting the thread takes longer than computing them.
    """

    rows: int | None
    steps: int | None
    batch_size: int
    prefetches_permutations = True

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield the dispatches of `epochs` epochs.

        allowance: returns the maximum number of steps in the next dispatch.
        start: number of batches of the first epoch to skip, because a resumed run has trained on them.
        """
        raise NotImplementedError


def count_rows(tree: Any) -> int:
    """Return the length of the first axis of the arrays in `tree`."""
    return int(np.shape(jax.tree.leaves(tree)[0])[0])


def batch_layout(rows: int, batch_size: int) -> tuple[int, np.ndarray | None]:
    """Return the number of batches, and their sizes if the last one is short, else None."""
    steps = -(-rows // batch_size)
    if rows % batch_size == 0:
        return steps, None
    sizes = np.full(steps, batch_size, np.int32)
    sizes[-1] = rows % batch_size
    return steps, sizes


def pad_rows(tree: Any, rows: int) -> Any:
    """Pad the arrays of `tree` with zeros to `rows` rows. Padded arrays are NumPy arrays."""
    missing = rows - count_rows(tree)
    if missing == 0:
        return tree
    return jax.tree.map(
        lambda leaf: np.concatenate([np.asarray(leaf), np.zeros((missing, *leaf.shape[1:]), leaf.dtype)]),
        tree,
    )


def _pad_to_bucket(block: Batch, rows: int) -> Batch:
    """Pad `block` to `rows` rows. No permutation contains the padding.

    Blocks of similar sizes, such as folds of cross-validation, then share one compiled program. Large blocks are not
    padded: training on them takes longer than compiling.
    """
    leaves = jax.tree.leaves(block)
    small = sum(leaf.nbytes for leaf in leaves) <= _MAX_COPIED_BYTES
    return pad_rows(block, rows) if small and all(map(_is_on_host, leaves)) else block


def _is_on_host(leaf: Array) -> bool:
    return isinstance(leaf, np.ndarray) or all(device.platform == "cpu" for device in leaf.devices())


class ArrayLoader(DataLoader):
    """Loader for rows that fit on the device. They are transferred once and permuted every epoch.

    block: the arrays, all with the rows along the first axis.
    shuffle: whether each epoch has a new permutation, computed from ``(seed, epoch)``.
    pad: whether a short last batch is padded and masked. Otherwise it is the tail of its dispatch, in its true size.
    most_epochs: maximum number of epochs in one dispatch.
    chosen: indices of the rows to use, all by default. Permutations equal those of a loader with these rows only.
    room: number of rows to reserve space for, with `chosen`, so that loaders of similar sizes share one compiled
        program. Ignored if batches must not be padded.
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
        chosen: np.ndarray | None = None,
        room: int | None = None,
    ) -> None:
        self.rows = count_rows(block) if chosen is None else len(chosen)
        room = room if pad else None
        self.batch_size = min(batch_size, self.rows if room is None else room)
        self.steps, sizes = batch_layout(self.rows, self.batch_size)
        # The size of a last batch that must not be padded.
        self._tail = 0 if pad or sizes is None else int(sizes[-1])
        self._num_batches = self.steps - bool(self._tail)
        if self._tail:
            sizes = None
        if room is not None:
            self._num_batches = -(-room // self.batch_size)
            firsts = self.batch_size * np.arange(self._num_batches, dtype=np.int32)
            sizes = np.clip(self.rows - firsts, 0, self.batch_size)
        self.permutations = self.permutation_fn(self.rows, shuffle, seed, chosen)
        self._sizes = None if sizes is None else jax.device_put(sizes)
        if chosen is None and pad:
            block = _pad_to_bucket(block, self._num_batches * self.batch_size)
        # `jnp.asarray` would need memory for two copies, and compile a program for each shape.
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
        rows: int, shuffle: bool, seed: int, chosen: np.ndarray | None = None
    ) -> Callable[[range], np.ndarray]:
        """Return a function that computes the permutations of the rows for a range of epochs."""
        same = np.arange(rows, dtype=np.int32)

        def draw(epochs: range) -> np.ndarray:
            if shuffle:
                return random.epoch_permutations(seed, epochs, rows)
            return np.broadcast_to(same, (len(epochs), rows))

        return draw if chosen is None else lambda epochs: chosen[draw(epochs)]

    def dispatches(
        self, first_epoch: int, epochs: int, max_steps: Callable[[], int], start: int = 0
    ) -> Iterator[Dispatch]:
        """Yield dispatches over the block on the device: several epochs each, or parts of one."""
        steps = self.steps or 0
        epoch, end = first_epoch, first_epoch + epochs
        with ThreadPoolExecutor(1, "fitwell-orders") as thread:
            ahead: Future[np.ndarray] | None = None
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
                    yield from _split_dispatch(dispatch, max_steps, start)
                    start = 0
                epoch += count

    def _draw_permutations(self, epoch: int, count: int) -> np.ndarray:
        """Return the row indices of `count` epochs, padded to whole batches: ``[count, rows and padding]``."""
        rows = self.rows or 0
        permutations = np.empty((count, self._permutation_length), np.int32)
        permutations[:, :rows] = self.permutations(range(epoch, epoch + count))
        permutations[:, rows:] = permutations[:, :1]  # padding is masked, so any valid row index will do
        return permutations

    def _get_permutations(self, epoch: int, count: int, ahead: Future[np.ndarray] | None) -> np.ndarray:
        """Return the row indices of `count` epochs, some of them prefetched, in an array of the maximum size."""
        drawn = ahead.result()[:count] if ahead is not None else self._draw_permutations(epoch, 0)
        permutations = np.zeros((self.epochs_per_dispatch, self._permutation_length), np.int32)
        permutations[: len(drawn)] = drawn
        permutations[len(drawn) : count] = self._draw_permutations(epoch + len(drawn), count - len(drawn))
        return permutations

    def _split_tail(self, permutations: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the row indices of full batches, ``[epochs, batches, batch size]``, and those of the tail."""
        whole = self._num_batches * self.batch_size
        tail = permutations[:, whole:] if self._tail else None
        return permutations[:, :whole].reshape(-1, self._num_batches, self.batch_size), tail


def _split_dispatch(dispatch: Dispatch, max_steps: Callable[[], int], start: int = 0) -> Iterator[Dispatch]:
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


class GeneratorLoader(DataLoader):
    """Loader for rows that arrive in batches, from a generator, an iterable, or arrays on disk.

    A thread prefetches the batches. Batches whose rows have another shape than the previous ones, or that have
    weights while the previous ones had none, begin a new block.

    open_epoch: called with the epoch's index. It returns an iterator of `Batch` objects of NumPy arrays.
    steps: batches per epoch. None reads until the iterator ends.
    rows: rows per epoch, if known.
    per_block: number of batches transferred to the device together.
    pad: whether batches smaller than `batch_size` are padded. Otherwise they are dispatches of their true size.
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
        """Yield dispatches block by block, prefetched on a thread."""
        for epoch in range(first_epoch, first_epoch + epochs):
            seen = 0
            first = start == 0
            for batches, last in _prefetch(self._blocks(epoch)):
                seen += len(batches)
                last = last or (self.steps is not None and seen >= self.steps)
                if seen <= start:
                    continue  # blocks are built as in an uninterrupted run, then skipped
                block, order, sizes = self._stack(batches)
                leaves, structure = jax.tree.flatten((block, order))
                shapes = structure, *((leaf.shape, leaf.dtype) for leaf in leaves)
                key = "block", shapes, sizes is None
                dispatch = Dispatch(block, order, sizes, 1, 0, len(batches), first, last, key)
                yield from _split_dispatch(dispatch, max_steps, max(0, start - (seen - len(batches))))
                first = False
                start = 0
                if last:
                    break
            if self.steps is not None and seen < self.steps:
                raise DataError(
                    f"the data ended after {seen} of {self.steps} batches in epoch {epoch + 1}: a generator must yield "
                    "steps_per_epoch batches for every epoch; make it loop forever, pass fewer steps, or omit "
                    "steps_per_epoch and pass an iterable that can be restarted"
                )

    def _blocks(self, epoch: int) -> Iterator[tuple[list[Batch], bool]]:
        """Yield pairs of a list of batches with equal shapes, and whether it is the last of the epoch."""
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
                f"the data yielded no batch in epoch {epoch + 1}: a generator is exhausted after one epoch; pass an "
                "iterable that can be restarted, or an infinite generator together with steps_per_epoch"
            )
        yield waiting[0], True

    def _stack(self, batches: list[Batch]) -> tuple[Batch, Array, Array | None]:
        """Transfer batches of one size to the device as one block. Short and missing batches are padded."""
        counts = [count_rows(batch) for batch in batches]
        size = (
            counts[0]
            if len(counts) == 1 and not (self.pad and counts[0] < self.batch_size)
            else self.batch_size
        )
        # Blocks that may be padded all have the same size, so that they share one compiled program. If shapes vary,
        # many blocks have one batch only and would consist of padding mostly.
        is_single = self._shapes_vary and len(batches) == 1
        num_batches = (
            self.batches_per_block if self.pad and size == self.batch_size and not is_single else len(batches)
        )

        def join(*leaves: Any) -> Array:
            # A generator may yield integers first and floats later.
            joined = np.zeros((num_batches * size, *np.shape(leaves[0])[1:]), jnp.result_type(*leaves))
            for index, leaf in enumerate(leaves):
                joined[index * size : index * size + len(leaf)] = leaf
            return jax.device_put(joined)

        block = jax.tree.map(join, *batches)
        order = jax.device_put(np.arange(num_batches * size, dtype=np.int32).reshape(1, num_batches, size))
        if not self.pad or (self.rows is not None and self.rows % self.batch_size == 0):
            # No batch is short, so use the compiled program of an `ArrayLoader`, with bit-identical results.
            return block, order, None
        sizes = np.zeros(num_batches, np.int32)
        sizes[: len(counts)] = counts
        return block, order, jax.device_put(sizes)


def _batch_signature(batch: Batch) -> Any:
    """Return the tree structure and row shapes, which are equal for all batches of a block."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [np.shape(leaf)[1:] for leaf in leaves]


def _prefetch(items: Iterator[Any], depth: int = 2) -> Iterator[Any]:
    """Yield `items`, computed on a thread at most `depth` items ahead. Errors of the thread are raised here."""
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
