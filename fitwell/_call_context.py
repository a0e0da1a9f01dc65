"""The context of a forward pass.

It contains the training flag, the random key, the padding mask and the losses that layers add. The training
step opens a `CallContext` around the forward pass, and layers and losses read it with
`current_call_context()`. Outside any context, for example in an eager call, `current_call_context()` returns
default values.
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

    Attributes:
        training: Whether layers behave as in training. None means that each layer uses its default.
        key: The random key of this step. None means that keys are drawn from the current seed generator.
        step: A number that differs from call to call, for layers with a fixed seed. In training, it is the
            number of updates.
        sample_mask: An array of shape ``[batch]`` with 1 for real rows and 0 for the padding rows of a short
            batch, or None if there is no padding. `_engine.batch_access.mask_padding` creates it, and
            `ModelProgram.forward` passes it on. Losses, metrics, `BatchNormalization`, activity penalties and
            `masked_mean` read it.
        num_valid_rows: The sum of the mask, or None if it is not known yet.
        losses: The losses that layers have added.
        intermediates: A list that collects ``(layer, output)`` for every layer call, or None to collect
            nothing.
        rng_count: The number of keys that were drawn from `key`.
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
    _masks: dict[int, tuple[Any, Array]] = field(default_factory=dict)

    def next_key(self, seed: int | None = None) -> Array:
        """Return a new random key.

        The i-th key of a step does not depend on how the run is split into dispatches.

        Args:
            seed: The fixed seed of a layer, which replaces the run's seed. Defaults to None, which means the
                run's seed.
        """
        if self.key is None:
            if seed is None:
                return jax.random.key(random.next_seed())
            # Eager calls of a layer with a seed use different keys, but the same sequence of keys in every process.
            _eager_rng_counts[seed] += 1
            return jax.random.fold_in(jax.random.key(seed), _eager_rng_counts[seed])
        self.rng_count += 1
        base = self.key if seed is None else jax.random.fold_in(jax.random.key(seed), self.step)
        return jax.random.fold_in(base, self.rng_count)

    def cache_logits(self, output: Any, kind: str, logits: Any) -> None:
        """Record that `output` is ``kind(logits)``, so that a loss can be computed directly from the logits."""
        self._logits[id(output)] = (output, kind, logits)

    def get_cached_logits(self, output: Any, kind: str) -> Any | None:
        """Return the logits from which the activation `kind` computed `output`, or None if they are unknown.

        `kind` is "softmax", "sigmoid" or "threshold".
        """
        noted = self._logits.get(id(output))
        return noted[2] if noted is not None and noted[0] is output and noted[1] == kind else None

    @property
    def has_masks(self) -> bool:
        """Whether a layer has masked time steps."""
        return bool(self._masks)

    def set_mask(self, array: Any, mask: Array) -> None:
        """Record which time steps of `array` count, ``[batch, time]``."""
        self._masks[id(array)] = (array, mask)

    def get_mask(self, array: Any) -> Array | None:
        """Return the mask of `array`, or None if all of its time steps count."""
        noted = self._masks.get(id(array))
        return noted[1] if noted is not None and noted[0] is array else None


class _Current(threading.local):
    def __init__(self) -> None:
        self.stack: list[CallContext] = []


_current = _Current()
_eager = CallContext()


def current_call_context() -> CallContext:
    """Return the innermost open context, or a context with default values if none is open."""
    return _current.stack[-1] if _current.stack else _eager


def in_call_context() -> bool:
    """Return whether a context is open."""
    return bool(_current.stack)


@contextmanager
def call_context(context: CallContext) -> Iterator[CallContext]:
    """Make `context` the current context inside the block. This affects only the current thread."""
    _current.stack.append(context)
    try:
        yield context
    finally:
        _current.stack.pop()


def masked_mean(values: Array) -> Array:
    """Return the mean over the first axis, without the padding rows of a short batch.

    Use this function in a layer that combines the rows of a batch: ``masked_mean(x)`` is ``x.mean(0)`` over
    the real rows.
    """
    sample_mask = current_call_context().sample_mask
    if sample_mask is None:
        return jnp.mean(values, axis=0)
    weights = sample_mask.astype(values.dtype)
    return jnp.tensordot(weights, values, axes=(0, 0)) / num_valid_rows(values.dtype)


def num_valid_rows(dtype: Any) -> Array:
    """Return the number of rows that are not padding. The current context must have a mask."""
    context = current_call_context()
    if context.num_valid_rows is not None:
        return jnp.asarray(context.num_valid_rows, dtype)
    assert context.sample_mask is not None
    return jnp.sum(context.sample_mask).astype(dtype)
