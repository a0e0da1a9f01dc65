"""Feeds: where the rows of a run come from, cut into works that one dispatch each can do.

An `ArrayFeed` keeps its rows on the device and permutes them every epoch; a `StreamFeed` draws batches
from an iterator, or slices of arrays too large for memory, and prefetches them on a thread.
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

# Orders of several epochs travel together, up to this many row numbers (1 MB) and this many epochs.
_ORDER_BUDGET = 2**18
MOST_EPOCHS = 512
# Batches of a stream that travel to the device together, where memory allows it.
MOST_TOGETHER = 16
# Up to this size (4 MB) rows are copied to where there is room for a few more.
_MOST_COPIED = 2**22


@jax.tree_util.register_dataclass
@dataclass
class Batch:
    """Rows to train or evaluate on, or a whole block of them: every array has the rows as its first axis.

    x: inputs, any structure. y: targets, one entry per output; None when there are none.
    weights: sample weights, one entry per output, or None.
    rows: 1 for real rows, 0 for padding; None when every row is real. count: how many are real, when known.
    """

    x: Any
    y: Any = None
    weights: Any = None
    rows: Array | None = None
    count: Array | None = None


@dataclass
class Work:
    """One dispatch: `epochs` whole epochs of a block, or batches ``start … stop-1`` of one epoch.

    order: ``[epochs at most, batches, batch size]`` row numbers. sizes: ``[batches]`` true batch sizes, or
    None when all are full. tail: ``[epochs at most, rows]`` row numbers of one more batch, a shorter one that may not
    be padded; None when there is none. first, last: whether it begins and ends its epoch. key: works with equal keys
    have equal shapes.
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
        """The number of batches this work covers."""
        return self.epochs * (self.stop - self.start)


class Feed:
    """A source of works. `rows` and `steps` are per epoch, None when not known before the end.

    draws_ahead: whether the orders of the epochs to come are drawn on a thread while the device works. Where
        others keep all cores busy, starting the thread takes longer than drawing.
    """

    rows: int | None
    steps: int | None
    batch_size: int
    draws_ahead = True

    def works(
        self, first_epoch: int, epochs: int, allowance: Callable[[], int], start: int = 0
    ) -> Iterator[Work]:
        """Yield the works of `epochs` epochs; `allowance` says how many steps the next may take.

        start: batches of the first epoch that are left out, because a run that goes on has done them.
        """
        raise NotImplementedError


def count_rows(tree: Any) -> int:
    """Return the length of the first axis of the arrays in `tree`."""
    return int(np.shape(jax.tree.leaves(tree)[0])[0])


def plan(rows: int, batch_size: int) -> tuple[int, np.ndarray | None]:
    """Return the number of batches, and their true sizes when the last one is short."""
    steps = -(-rows // batch_size)
    if rows % batch_size == 0:
        return steps, None
    sizes = np.full(steps, batch_size, np.int32)
    sizes[-1] = rows % batch_size
    return steps, sizes


def filled_up(tree: Any, rows: int) -> Any:
    """Return the arrays of `tree` with rows of zeros behind their own, `rows` in all; they come to the host for it."""
    missing = rows - count_rows(tree)
    if missing == 0:
        return tree
    return jax.tree.map(
        lambda leaf: np.concatenate([np.asarray(leaf), np.zeros((missing, *leaf.shape[1:]), leaf.dtype)]),
        tree,
    )


def _with_room(block: Batch, rows: int) -> Batch:
    """Return `block` filled up to `rows` with rows that no order visits.

    Thus blocks of nearly as many rows run the same program, as in cross-validation. Large ones stay as they are:
    their training takes longer than compiling.
    """
    leaves = jax.tree.leaves(block)
    small = sum(leaf.nbytes for leaf in leaves) <= _MOST_COPIED
    return filled_up(block, rows) if small and all(map(_is_on_host, leaves)) else block


def _is_on_host(leaf: Array) -> bool:
    return isinstance(leaf, np.ndarray) or all(device.platform == "cpu" for device in leaf.devices())


class ArrayFeed(Feed):
    """Rows that fit on the device: moved there once, visited in a new order every epoch.

    block: the arrays, all with the rows first. shuffle: a new permutation from ``(seed, epoch)`` each epoch.
    pad: whether a short last batch is padded and masked; otherwise it is the tail of its work, of its true size.
    most_epochs: how many epochs one work may cover.
    chosen: numbers of the rows to visit, all by default, in the orders of a feed that has only these.
    room: with `chosen`, leave places for as many rows, so that feeds of nearly as many run the same program;
        where nothing may be padded, there is no such room.
    """

    def __init__(
        self,
        block: Batch,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        pad: bool = True,
        most_epochs: int = MOST_EPOCHS,
        chosen: np.ndarray | None = None,
        room: int | None = None,
    ) -> None:
        self.rows = count_rows(block) if chosen is None else len(chosen)
        room = room if pad else None
        self.batch_size = min(batch_size, self.rows if room is None else room)
        self.steps, sizes = plan(self.rows, self.batch_size)
        # A batch that may be neither padded nor among the others.
        self._tail = 0 if pad or sizes is None else int(sizes[-1])
        self._places = self.steps - bool(self._tail)
        if self._tail:
            sizes = None
        if room is not None:
            self._places = -(-room // self.batch_size)
            firsts = self.batch_size * np.arange(self._places, dtype=np.int32)
            sizes = np.clip(self.rows - firsts, 0, self.batch_size)
        self.orders = self.ordering(self.rows, shuffle, seed, chosen)
        self._sizes = None if sizes is None else jax.device_put(sizes)
        if chosen is None and pad:
            block = _with_room(block, self._places * self.batch_size)
        # `jnp.asarray` would need room for two copies, and compile a program for each shape.
        self.block = jax.device_put(block)
        self._width = self._places * self.batch_size + self._tail
        most = max(1, min(most_epochs, _ORDER_BUDGET // self._width))
        self.epochs_at_once = 1 << (most.bit_length() - 1)
        self._key = (
            jax.tree.structure(block),
            *((np.shape(leaf), jnp.result_type(leaf)) for leaf in jax.tree.leaves(block)),
            self.batch_size,
            self.epochs_at_once,
            self._places,
            self._tail,
            sizes is None,
        )

    @staticmethod
    def ordering(
        rows: int, shuffle: bool, seed: int, chosen: np.ndarray | None = None
    ) -> Callable[[range], np.ndarray]:
        """Return the function from consecutive epochs to the orders in which they visit the rows."""
        same = np.arange(rows, dtype=np.int32)

        def draw(epochs: range) -> np.ndarray:
            if shuffle:
                return random.epoch_orders(seed, epochs, rows)
            return np.broadcast_to(same, (len(epochs), rows))

        return draw if chosen is None else lambda epochs: chosen[draw(epochs)]

    def works(
        self, first_epoch: int, epochs: int, allowance: Callable[[], int], start: int = 0
    ) -> Iterator[Work]:
        """Yield works over the resident block: several epochs each, or parts of one."""
        steps = self.steps or 0
        epoch, end = first_epoch, first_epoch + epochs
        with ThreadPoolExecutor(1, "fitwell-orders") as thread:
            ahead: Future[np.ndarray] | None = None
            while epoch < end:
                most = 1 if start else allowance() // steps
                count = max(1, min(most, self.epochs_at_once, end - epoch))
                order, tail = self._split(self._orders(epoch, count, ahead))
                left = end - epoch - count
                ahead = (
                    thread.submit(self._draw, epoch + count, min(count, left))
                    if left and self.draws_ahead
                    else None
                )
                work = Work(
                    self.block, order, self._sizes, count, 0, steps, True, True, ("whole", self._key), tail
                )
                if count > 1:
                    yield work
                else:
                    yield from _parts(work, allowance, start)
                    start = 0
                epoch += count

    def _draw(self, epoch: int, count: int) -> np.ndarray:
        """Return the order of `count` epochs as ``[count, places of a batch, one batch after the other]``."""
        rows = self.rows or 0
        orders = np.empty((count, self._width), np.int32)
        orders[:, :rows] = self.orders(range(epoch, epoch + count))
        orders[:, rows:] = orders[:, :1]  # padding is masked; it only has to be some row
        return orders

    def _orders(self, epoch: int, count: int, ahead: Future[np.ndarray] | None) -> np.ndarray:
        """Return the orders of `count` epochs, using those drawn ahead, in an array for the most there can be."""
        drawn = ahead.result()[:count] if ahead is not None else self._draw(epoch, 0)
        orders = np.zeros((self.epochs_at_once, self._width), np.int32)
        orders[: len(drawn)] = drawn
        orders[len(drawn) : count] = self._draw(epoch + len(drawn), count - len(drawn))
        return orders

    def _split(self, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the batches of one size, ``[epochs, places, batch size]`` row numbers, and the shorter last one."""
        whole = self._places * self.batch_size
        tail = orders[:, whole:] if self._tail else None
        return orders[:, :whole].reshape(-1, self._places, self.batch_size), tail


def _parts(work: Work, allowance: Callable[[], int], start: int = 0) -> Iterator[Work]:
    """Yield one pass over the batches of a work, from `start` on, in parts of the allowed length."""
    while start < work.stop:
        stop = min(work.stop, start + max(1, allowance()))
        yield dataclasses.replace(
            work,
            start=start,
            stop=stop,
            first=work.first and start == 0,
            last=work.last and stop == work.stop,
        )
        start = stop


class StreamFeed(Feed):
    """Rows that arrive in batches: a generator, any iterable, or arrays read from disk piece by piece.

    open_epoch: called with the epoch's number; returns an iterator of host batches (`Batch` of NumPy arrays).
    steps: batches per epoch; None reads until the iterator ends. `per_block` batches travel to the device
    together; a thread reads ahead. Batches smaller than `batch_size` are padded when `pad`, else they are
    works of their own size. So are batches whose rows have another form than those before: other lengths, say, or
    weights that begin late.
    """

    def __init__(
        self,
        open_epoch: Callable[[int], Iterator[Batch]],
        batch_size: int,
        *,
        steps: int | None = None,
        rows: int | None = None,
        per_block: int = MOST_TOGETHER,
        pad: bool = True,
    ) -> None:
        self.open_epoch = open_epoch
        self.batch_size = batch_size
        self.steps = steps
        self.rows = rows
        self.per_block = per_block
        self.pad = pad
        self._changes = False

    def works(
        self, first_epoch: int, epochs: int, allowance: Callable[[], int], start: int = 0
    ) -> Iterator[Work]:
        """Yield works block by block, reading ahead on a thread."""
        for epoch in range(first_epoch, first_epoch + epochs):
            seen = 0
            first = start == 0
            for batches, last in _read_ahead(self._blocks(epoch)):
                seen += len(batches)
                last = last or (self.steps is not None and seen >= self.steps)
                if seen <= start:
                    continue  # blocks are made as in a run that was never interrupted, and left out
                block, order, sizes = self._stack(batches)
                leaves, structure = jax.tree.flatten((block, order))
                shapes = structure, *((leaf.shape, leaf.dtype) for leaf in leaves)
                key = "block", shapes, sizes is None
                work = Work(block, order, sizes, 1, 0, len(batches), first, last, key)
                yield from _parts(work, allowance, max(0, start - (seen - len(batches))))
                first = False
                start = 0
                if last:
                    break
            if self.steps is not None and seen < self.steps:
                raise DataError(
                    f"the data ended after {seen} of {self.steps} batches in epoch {epoch + 1}: a generator must yield "
                    "steps_per_epoch batches for every epoch; make it loop for ever, pass fewer steps, or leave "
                    "steps_per_epoch out and pass something that can be iterated over again"
                )

    def _blocks(self, epoch: int) -> Iterator[tuple[list[Batch], bool]]:
        """Yield lists of batches of one size and form, each with whether it is the epoch's last."""
        pending: list[Batch] = []
        form: Any = None
        waiting: tuple[list[Batch], bool] | None = None
        for count, batch in enumerate(self.open_epoch(epoch), start=1):
            rows = count_rows(batch)
            fits = rows == self.batch_size or (self.pad and rows < self.batch_size)
            before, form = form, _form(batch)
            changed = bool(pending) and form != before
            self._changes |= changed
            if pending and (
                not fits
                or changed
                or len(pending) == self.per_block
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
                f"the data gave no batch at all in epoch {epoch + 1}: a generator is used up after one epoch; pass an "
                "iterable that can be started again, or a generator that never ends together with steps_per_epoch"
            )
        yield waiting[0], True

    def _stack(self, batches: list[Batch]) -> tuple[Batch, Array, Array | None]:
        """Put batches of one size on the device as one block; short ones are padded, missing ones left empty."""
        counts = [count_rows(batch) for batch in batches]
        size = (
            counts[0]
            if len(counts) == 1 and not (self.pad and counts[0] < self.batch_size)
            else self.batch_size
        )
        # A block always has the same number of places when it may be padded, so that one program serves all.
        # Where forms change, many blocks hold one batch, and would be padding for the most part.
        alone = self._changes and len(batches) == 1
        places = self.per_block if self.pad and size == self.batch_size and not alone else len(batches)

        def join(*leaves: Any) -> Array:
            # A generator may yield whole numbers first and fractions later.
            joined = np.zeros((places * size, *np.shape(leaves[0])[1:]), jnp.result_type(*leaves))
            for index, leaf in enumerate(leaves):
                joined[index * size : index * size + len(leaf)] = leaf
            return jax.device_put(joined)

        block = jax.tree.map(join, *batches)
        order = jax.device_put(np.arange(places * size, dtype=np.int32).reshape(1, places, size))
        if not self.pad or (self.rows is not None and self.rows % self.batch_size == 0):
            # No batch is short: the very program that an `ArrayFeed` of these rows would run, bit for bit.
            return block, order, None
        sizes = np.zeros(places, np.int32)
        sizes[: len(counts)] = counts
        return block, order, jax.device_put(sizes)


def _form(batch: Batch) -> Any:
    """Return what batches of one block have in common: which arrays there are, and the shapes of their rows."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [np.shape(leaf)[1:] for leaf in leaves]


def _read_ahead(items: Iterator[Any], depth: int = 2) -> Iterator[Any]:
    """Yield `items`, produced on a thread that stays at most `depth` ahead; its errors are raised here."""
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
