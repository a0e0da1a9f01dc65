"""Seeds, random generators and permutations, which are the source of all randomness in fitwell.

Weights are drawn on the host with NumPy, because JAX would compile one program for each shape. The order of rows
depends only on ``(seed, epoch)``, and the noise in a training step depends only on ``(seed, step)``. Neither depends on
how a run is split into calls to the compiled program, so a resumed run gives exactly the same results.
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
    """An infinite, reproducible sequence of seeds. The i-th seed depends only on `seed` and i.

    Args:
        seed (int | None): Seed of the sequence. Default: None, which means a random seed.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = (
            secrets.randbits(63) if seed is None else validate_param("SeedGenerator", "seed", seed, SEED)
        )
        self.position = 0

    def next(self) -> int:
        """Return the next seed, which is below 2**32."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.position,))
        self.position += 1
        return int(sequence.generate_state(1)[0])


# If epochs have fewer rows than this, the permutations for multiple epochs are drawn in one block with at most this
# many rows in total. Each block uses one state of the generator.
_BLOCK_ROWS = 4096
# Maximum number of cached blocks, and maximum number of rows in each block. The cache takes at most 16 MB.
_CACHED_BLOCKS = 256
_CACHED_ROWS = 2**14

_process_seeds = SeedGenerator()
# One entry for each active `cache_permutations` block in any thread.
_open_caches: list[None] = []
_local = threading.local()


def _stream() -> SeedGenerator:
    stack: list[SeedGenerator] = getattr(_local, "streams", [])
    return stack[-1] if stack else _process_seeds


@validate_params(seed=SEED)
def set_random_seed(seed: int) -> None:
    """Seed fitwell, NumPy's global generator and Python's `random` module to make a program reproducible.

    Args:
        seed (int): The seed, a non-negative integer.

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
    """Draw all seeds in a ``with`` block from a new seed generator. Other threads are not affected.

    Args:
        seed (int): Seed of the generator.
    """
    with use_seed_generator(SeedGenerator(seed)):
        yield


@contextmanager
def use_seed_generator(stream: SeedGenerator) -> Iterator[None]:
    """Draw all seeds in a ``with`` block from an existing seed generator. Other threads are not affected.

    Args:
        stream (SeedGenerator): The seed generator, which continues from its current position.
    """
    stack: list[SeedGenerator] = _local.__dict__.setdefault("streams", [])
    stack.append(stream)
    try:
        yield
    finally:
        stack.pop()


def next_seed() -> int:
    """Return the next seed from the current seed generator."""
    return _stream().next()


def make_rng(seed: int | None = None) -> np.random.Generator:
    """Create a NumPy random generator.

    Args:
        seed (int | None): Seed of the generator. Default: None, which means the next seed from the current seed
            generator.

    Returns:
        np.random.Generator: The generator.
    """
    return np.random.Generator(np.random.Philox(next_seed() if seed is None else seed))


def epoch_permutation(seed: int, epoch: int, rows: int) -> NDArray[np.int32]:
    """Return the permutation of rows for a single epoch. See `epoch_permutations`."""
    return epoch_permutations(seed, range(epoch, epoch + 1), rows)[0]


def epoch_permutations(seed: int, epochs: range, rows: int) -> NDArray[np.int32]:
    """Return the permutations of rows for consecutive epochs.

    Each permutation of ``0 … rows-1`` depends only on ``(seed, epoch, rows)``. The permutations are drawn on the host
    with a counter-based generator, because a permutation on the device takes longer than training a small network
    for a whole epoch. If epochs have few rows, multiple epochs are drawn in a block, and the generator's key is
    ``(seed, epoch_block)``, where `epoch_block` is the index of the block. This is faster, because resetting the
    generator takes longer than permuting a few rows.

    Args:
        seed (int): The run's seed.
        epochs (range): Consecutive epochs.
        rows (int): Number of rows in each epoch.

    Returns:
        NDArray[np.int32]: Permutations with shape ``[epochs, rows]``.
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
    """Cache the permutations that are drawn in a ``with`` block, so that other runs with the same seed can reuse them.

    All threads share the cache, which is cleared at the end of the last active block.
    """
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
        return stream.permutation(rows).astype(np.int32)[None]  # takes half the time of `permuted`
    permutations = np.broadcast_to(np.arange(rows, dtype=np.int32), (epochs, rows))
    return stream.permuted(permutations, axis=1)


def _thread_rng() -> tuple[np.random.Generator, dict[str, Any]]:
    """Return the current thread's generator for permutations, and its initial state.

    Creating a generator takes longer than permuting a few hundred rows. Therefore, each thread creates only one
    generator, and resets it to its initial state.
    """
    if not hasattr(_local, "permutations"):
        stream = np.random.Generator(np.random.Philox(key=0))
        _local.permutations = stream, stream.bit_generator.state
    return _local.permutations
