"""Seeds and permutations: the source of all randomness in fitwell.

Weights are drawn on the host with NumPy (JAX would compile one program per shape). The order of rows is
a function of ``(seed, epoch)``, the noise inside a step a function of ``(seed, step)``. Neither depends on how a
run is split into dispatches, so a resumed run continues with the same bits.
"""

from __future__ import annotations

import functools
import random as python_random
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell.arguments import Integer, check, checked

SEED = Integer(0)


class SeedStream:
    """An infinite, reproducible sequence of seeds. The i-th seed depends only on `seed` and i."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = secrets.randbits(63) if seed is None else check("SeedStream", "seed", seed, SEED)
        self.position = 0

    def next(self) -> int:
        """Return the next seed, below 2**32."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.position,))
        self.position += 1
        return int(sequence.generate_state(1)[0])


# Epochs with fewer rows are permuted in blocks of this many rows, one state of the generator per block.
_ORDERED_AT_ONCE = 4096
# Number of cached blocks, and the maximum number of rows of each: 16 MB in total.
_KEPT_BLOCKS = 256
_KEPT_ROWS = 2**14

_process_stream = SeedStream()
# One entry for each open block of `orders_kept`, possibly of different threads.
_keepers: list[None] = []
_local = threading.local()


def _stream() -> SeedStream:
    stack: list[SeedStream] = getattr(_local, "streams", [])
    return stack[-1] if stack else _process_stream


@checked(seed=SEED)
def set_random_seed(seed: int) -> None:
    """Seed fitwell, NumPy's global generator and Python's `random`, so that the same program repeats the same run.

    Args:
        seed (int): An integer of at least 0.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.set_random_seed(7)
    """
    global _process_stream
    _process_stream = SeedStream(seed)
    np.random.seed(seed % 2**32)
    python_random.seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw all seeds inside the block from a new generator with this `seed` (this thread only)."""
    with drawing_from(SeedStream(seed)):
        yield


@contextmanager
def drawing_from(stream: SeedStream) -> Iterator[None]:
    """Draw all seeds inside the block from `stream`, from its current position (this thread only)."""
    stack: list[SeedStream] = _local.__dict__.setdefault("streams", [])
    stack.append(stream)
    try:
        yield
    finally:
        stack.pop()


def next_seed() -> int:
    """Return the next seed of the current generator."""
    return _stream().next()


def generator(seed: int | None = None) -> np.random.Generator:
    """Return a NumPy generator for `seed`, or for the next seed of the current generator."""
    return np.random.Generator(np.random.Philox(next_seed() if seed is None else seed))


def epoch_order(seed: int, epoch: int, rows: int) -> NDArray[np.int32]:
    """Return the permutation of rows for one epoch of the run with this `seed`; see `epoch_orders`."""
    return epoch_orders(seed, range(epoch, epoch + 1), rows)[0]


def epoch_orders(seed: int, epochs: range, rows: int) -> NDArray[np.int32]:
    """Return the permutations of rows for consecutive `epochs` of the run with this `seed`.

    The result has shape ``[epochs, rows]``. Each permutation of ``0 … rows-1`` is a function of
    ``(seed, epoch, rows)`` only. A counter-based generator on the host draws them: a permutation on the
    device costs more than a whole epoch of a small network. Epochs of few rows are drawn in blocks, keyed by
    ``(seed, block)``, because resetting the generator costs more than permuting.
    """
    orders = np.empty((len(epochs), rows), np.int32)
    at_once = max(1, _ORDERED_AT_ONCE // max(rows, 1))
    epoch = epochs.start
    while epoch < epochs.stop:
        block, offset = divmod(epoch, at_once)
        count = min(at_once - offset, epochs.stop - epoch)
        done = epoch - epochs.start
        orders[done : done + count] = _order_block(seed, block, at_once, rows)[offset : offset + count]
        epoch += count
    return orders


def _order_block(seed: int, block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    keep = _keepers and epochs * rows <= _KEPT_ROWS
    return (_known_block if keep else _draw_block)(seed, block, epochs, rows)


@contextmanager
def orders_kept() -> Iterator[None]:
    """Cache the permutations drawn inside the block, in any thread, for other runs with the same seed."""
    _keepers.append(None)
    try:
        yield
    finally:
        _keepers.pop()
        if not _keepers:
            _known_block.cache_clear()


@functools.lru_cache(_KEPT_BLOCKS)
def _known_block(seed: int, block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    orders = _draw_block(seed, block, epochs, rows)
    orders.flags.writeable = False
    return orders


def _draw_block(seed: int, block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    stream, state = _counter_stream()
    state["state"]["key"][:] = (seed, block)
    stream.bit_generator.state = state
    if epochs == 1:
        return stream.permutation(rows).astype(np.int32)[None]  # half the time of `permuted`
    orders = np.broadcast_to(np.arange(rows, dtype=np.int32), (epochs, rows))
    return stream.permuted(orders, axis=1)


def _counter_stream() -> tuple[np.random.Generator, dict[str, Any]]:
    """Return this thread's generator for permutations, and the initial state to reset it to.

    Creating a generator costs more than permuting a few hundred rows, so one is kept and reset.
    """
    if not hasattr(_local, "orders"):
        stream = np.random.Generator(np.random.Philox(key=0))
        _local.orders = stream, stream.bit_generator.state
    return _local.orders
