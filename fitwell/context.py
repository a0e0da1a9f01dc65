"""What surrounds a call of a model: training or not, its random key, its rows, and what layers report.

The training step opens a `CallContext` around the forward pass; layers and losses look at `current()`.
Outside any context (an eager call) every question has a quiet default.
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

Array = jax.Array


_eager_draws: Counter[int] = Counter()


@dataclass
class CallContext:
    """The surroundings of one forward pass.

    training: whether layers behave as in training; None leaves each layer its default.
    key: the random key of this step; None draws fresh keys from the seed stream.
    step: a number that differs from call to call (in training, the updates made so far), for layers with a
    seed of their own.
    row_weights: ``[batch]``, 1 for real rows and 0 for the padding of a short batch; None when all are real.
    row_count: their sum, when it is known already.
    """

    training: bool | None = None
    key: Array | None = None
    step: Array | int = 0
    row_weights: Array | None = None
    row_count: Array | None = None
    penalties: list[Array] = field(default_factory=list)
    watch: list[tuple[Any, Any]] | None = None
    draws: int = 0
    _logits: dict[int, tuple[Any, str, Any]] = field(default_factory=dict)

    def next_key(self, seed: int | None = None) -> Array:
        """Return a fresh random key; the i-th draw of a step is the same however the run was cut up.

        A layer with a `seed` of its own draws from that seed instead of the run's.
        """
        if self.key is None:
            if seed is None:
                return jax.random.key(random.next_seed())
            # Eager calls of a seeded layer differ from each other, and are the same in every process.
            _eager_draws[seed] += 1
            return jax.random.fold_in(jax.random.key(seed), _eager_draws[seed])
        self.draws += 1
        base = self.key if seed is None else jax.random.fold_in(jax.random.key(seed), self.step)
        return jax.random.fold_in(base, self.draws)

    def note_logits(self, output: Any, kind: str, logits: Any) -> None:
        """Remember that `output` is ``kind(logits)``, so that a loss can be computed from the logits."""
        self._logits[id(output)] = (output, kind, logits)

    def logits_of(self, output: Any, kind: str) -> Any | None:
        """Return the array whose `kind` (softmax, sigmoid or threshold) is `output`, if known."""
        noted = self._logits.get(id(output))
        return noted[2] if noted is not None and noted[0] is output and noted[1] == kind else None


class _Current(threading.local):
    def __init__(self) -> None:
        self.stack: list[CallContext] = []


_current = _Current()
_eager = CallContext()


def current() -> CallContext:
    """Return the innermost context, or one of quiet defaults outside any."""
    return _current.stack[-1] if _current.stack else _eager


def inside() -> bool:
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


def row_mean(values: Array) -> Array:
    """Mean over the first axis that leaves out the padding rows of a short batch.

    For a layer that mixes the rows of a batch: ``row_mean(x)`` is ``x.mean(0)`` over the real rows.
    """
    weights = current().row_weights
    if weights is None:
        return jnp.mean(values, axis=0)
    weights = weights.astype(values.dtype)
    return jnp.tensordot(weights, values, axes=(0, 0)) / real_rows(values.dtype)


def real_rows(dtype: Any) -> Array:
    """Return the number of rows that are no padding, for a context with row weights."""
    context = current()
    if context.row_count is not None:
        return jnp.asarray(context.row_count, dtype)
    assert context.row_weights is not None
    return jnp.sum(context.row_weights).astype(dtype)
