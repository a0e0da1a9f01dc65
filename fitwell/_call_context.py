"""Per-call context: the training flag, the random key, the padding mask and the losses that layers add.

The training step opens a `CallContext` around the forward pass; layers and losses read `current_call_context()`.
Outside any context (an eager call) `current_call_context()` returns defaults.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import random
from fitwell._typing import Array

__all__ = [
    "CallContext",
    "call_context",
    "current_call_context",
    "in_call_context",
    "masked_mean",
    "num_valid_rows",
]


_eager_rng_counts: Counter[int] = Counter()


@dataclass
class CallContext:
    """The context of one forward pass.

    training: whether layers behave as in training. None means that each layer uses its default.
    key: the random key of this step. None draws keys from the current seed generator.
    step: a number that differs from call to call (in training, the number of updates), for layers with a fixed seed.
    sample_mask: ``[batch]``, 1 for real rows and 0 for the padding of a short batch. None if there is no padding.
        `_engine.batch_access.mask_padding` makes it, and `ModelProgram.forward` installs it. Losses, metrics,
        `BatchNormalization`, activity penalties and `masked_mean` read it.
    num_valid_rows: the sum of the mask, if it is already known.
    """

    training: bool | None = None
    key: Array | None = None
    step: Array | int = 0
    sample_mask: Array | None = None
    num_valid_rows: Array | None = None
    losses: list[Array] = field(default_factory=list)
    intermediates: list[tuple[Any, Any]] | None = None
    rng_count: int = 0
    _logits: dict[int, tuple[Any, str, Any]] = field(default_factory=dict)

    def next_key(self, seed: int | None = None) -> Array:
        """Return a new random key. The i-th key of a step does not depend on how the run is split into dispatches.

        seed: the fixed seed of a layer, used instead of the seed of the run.
        """
        if self.key is None:
            if seed is None:
                return jax.random.key(random.next_seed())
            # Eager calls of a seeded layer differ from each other but repeat in every process.
            _eager_rng_counts[seed] += 1
            return jax.random.fold_in(jax.random.key(seed), _eager_rng_counts[seed])
        self.rng_count += 1
        base = self.key if seed is None else jax.random.fold_in(jax.random.key(seed), self.step)
        return jax.random.fold_in(base, self.rng_count)

    def cache_logits(self, output: Any, kind: str, logits: Any) -> None:
        """Store that `output` is ``kind(logits)``, so that a loss can be computed from the logits."""
        self._logits[id(output)] = (output, kind, logits)

    def get_cached_logits(self, output: Any, kind: str) -> Any | None:
        """Return the array whose `kind` (softmax, sigmoid or threshold) is `output`, if known."""
        noted = self._logits.get(id(output))
        return noted[2] if noted is not None and noted[0] is output and noted[1] == kind else None


class _Current(threading.local):
    def __init__(self) -> None:
        self.stack: list[CallContext] = []


_current = _Current()
_eager = CallContext()


def current_call_context() -> CallContext:
    """Return the innermost context, or a context of defaults if none is open."""
    return _current.stack[-1] if _current.stack else _eager


def in_call_context() -> bool:
    """Return whether a context is open."""
    return bool(_current.stack)


@contextmanager
def call_context(context: CallContext) -> Iterator[CallContext]:
    """Make `context` the current one inside the block (this thread only)."""
    _current.stack.append(context)
    try:
        yield context
    finally:
        _current.stack.pop()


def masked_mean(values: Array) -> Array:
    """Return the mean over the first axis without the padding rows of a short batch.

    Use it in a layer that mixes the rows of a batch: ``masked_mean(x)`` is ``x.mean(0)`` over the real rows.
    """
    sample_mask = current_call_context().sample_mask
    if sample_mask is None:
        return jnp.mean(values, axis=0)
    weights = sample_mask.astype(values.dtype)
    return jnp.tensordot(weights, values, axes=(0, 0)) / num_valid_rows(values.dtype)


def num_valid_rows(dtype: Any) -> Array:
    """Return the number of rows that are not padding, for a context with a mask."""
    context = current_call_context()
    if context.num_valid_rows is not None:
        return jnp.asarray(context.num_valid_rows, dtype)
    assert context.sample_mask is not None
    return jnp.sum(context.sample_mask).astype(dtype)
