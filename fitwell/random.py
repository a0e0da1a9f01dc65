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

from fitwell._param_validation import Integer, validate_param, validate_params

__all__ = [
    "SEED",
    "SeedGenerator",
    "cache_permutations",
    "epoch_permutation",
    "epoch_permutations",
    "make_rng",
    "next_seed",
    "seed_scope",
    "set_random_seed",
    "use_seed_generator",
]

SEED = Integer(0)


class SeedGenerator:
    """An infinite, reproducible sequence of seeds. The i-th seed depends only on `seed` and i."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = (
            secrets.randbits(63) if seed is None else validate_param("SeedGenerator", "seed", seed, SEED)
        )
        self.position = 0

    def next(self) -> int:
        """Return the next seed, below 2**32."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.position,))
        self.position += 1
        return int(sequence.generate_state(1)[0])


# Epochs with fewer rows are permuted in blocks of this many rows, one state of the generator per block.
_BLOCK_ROWS = 4096
# Number of cached blocks, and the maximum number of rows of each: 16 MB in total.
_CACHED_BLOCKS = 256
_CACHED_ROWS = 2**14

_process_seeds = SeedGenerator()
# One entry for each open block of `cache_permutations`, possibly of different threads.
_open_caches: list[None] = []
_local = threading.local()


def _stream() -> SeedGenerator:
    stack: list[SeedGenerator] = getattr(_local, "streams", [])
    return stack[-1] if stack else _process_seeds


@validate_params(seed=SEED)
def set_random_seed(seed: int) -> None:
    """Seed fitwell, NumPy's global generator and Python's `random`, so that the same program repeats the same run.

    Args:
        seed (int): An integer of at least 0.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.set_random_seed(7)
    """
    global _process_seeds
    _process_seeds = SeedGenerator(seed)
    np.random.seed(seed % 2**32)
    python_random.seed(seed)


@contextmanager
def seed_scope(seed: int) -> Iterator[None]:
    """Draw all seeds inside the block from a new generator with this `seed` (this thread only)."""
    with use_seed_generator(SeedGenerator(seed)):
        yield


@contextmanager
def use_seed_generator(stream: SeedGenerator) -> Iterator[None]:
    """Draw all seeds inside the block from `stream`, from its current position (this thread only)."""
    stack: list[SeedGenerator] = _local.__dict__.setdefault("streams", [])
    stack.append(stream)
    try:
        yield
    finally:
        stack.pop()


def next_seed() -> int:
    """Return the next seed of the current generator."""
    return _stream().next()


def make_rng(seed: int | None = None) -> np.random.Generator:
    """Return a NumPy generator for `seed`, or for the next seed of the current generator."""
    return np.random.Generator(np.random.Philox(next_seed() if seed is None else seed))


def epoch_permutation(seed: int, epoch: int, rows: int) -> NDArray[np.int32]:
    """Return the permutation of rows for one epoch of the run with this `seed`; see `epoch_permutations`."""
    return epoch_permutations(seed, range(epoch, epoch + 1), rows)[0]


def epoch_permutations(seed: int, epochs: range, rows: int) -> NDArray[np.int32]:
    """Return the permutations of rows for consecutive `epochs` of the run with this `seed`.

    The result has shape ``[epochs, rows]``. Each permutation of ``0 … rows-1`` is a function of
    ``(seed, epoch, rows)`` only. A counter-based generator on the host draws them: a permutation on the
    device costs more than a whole epoch of a small network. Epochs of few rows are drawn in blocks, keyed by
    ``(seed, epoch_block)``, because resetting the generator costs more than permuting.
    """
    permutations = np.empty((len(epochs), rows), np.int32)
    block_size = max(1, _BLOCK_ROWS // max(rows, 1))
    epoch = epochs.start
    while epoch < epochs.stop:
        epoch_block, offset = divmod(epoch, block_size)
        count = min(block_size - offset, epochs.stop - epoch)
        done = epoch - epochs.start
        permutations[done : done + count] = _permutation_block(seed, epoch_block, block_size, rows)[
            offset : offset + count
        ]
        epoch += count
    return permutations


def _permutation_block(seed: int, epoch_block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    keep = _open_caches and epochs * rows <= _CACHED_ROWS
    return (_cached_block if keep else _draw_block)(seed, epoch_block, epochs, rows)


@contextmanager
def cache_permutations() -> Iterator[None]:
    """Cache the permutations drawn inside the block, in any thread, for other runs with the same seed."""
    _open_caches.append(None)
    try:
        yield
    finally:
        _open_caches.pop()
        if not _open_caches:
            _cached_block.cache_clear()


@functools.lru_cache(_CACHED_BLOCKS)
def _cached_block(seed: int, epoch_block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    permutations = _draw_block(seed, epoch_block, epochs, rows)
    permutations.flags.writeable = False
    return permutations


def _draw_block(seed: int, epoch_block: int, epochs: int, rows: int) -> NDArray[np.int32]:
    stream, state = _thread_rng()
    state["state"]["key"][:] = (seed, epoch_block)
    stream.bit_generator.state = state
    if epochs == 1:
        return stream.permutation(rows).astype(np.int32)[None]  # half the time of `permuted`
    permutations = np.broadcast_to(np.arange(rows, dtype=np.int32), (epochs, rows))
    return stream.permuted(permutations, axis=1)


def _thread_rng() -> tuple[np.random.Generator, dict[str, Any]]:
    """Return this thread's generator for permutations, and the initial state to reset it to.

    Creating a generator costs more than permuting a few hundred rows, so one is kept and reset.
    """
    if not hasattr(_local, "permutations"):
        stream = np.random.Generator(np.random.Philox(key=0))
        _local.permutations = stream, stream.bit_generator.state
    return _local.permutations
