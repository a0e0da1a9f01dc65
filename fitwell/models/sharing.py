"""Compiled programs that models of one structure share: only the first of them is traced.

A search builds the same network over and over with other numbers. Tracing a small one takes longer than
training it for a hundred epochs, and all it would find is the program there is already.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import jax

from fitwell import config
from fitwell.models.structure import structure
from fitwell.variables import Hyperparameter

# What is shared keeps its first model alive, so there are not many, and none of large models.
CAPACITY = 64
MOST_PARAMETERS = 1_000_000
# Settings of JAX that tracing reads beside the model.
_SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_disable_jit")


class Traceable(Protocol):
    """What is traced: the program of a model that learns, or its forward pass."""

    model: Any
    hyper: dict[str, Hyperparameter]

    @property
    def traced_parts(self) -> list[Any]:
        """Everything that tracing looks at."""


Traced = TypeVar("Traced", bound=Traceable)


@dataclass
class Shared(Generic[Traced]):
    """What was compiled for one structure, by what it was compiled for. traced: stands for all others."""

    traced: Traced
    key: Hashable | None
    compiled: dict[Any, Any] = field(default_factory=dict)

    @property
    def is_intact(self) -> bool:
        """Whether what is traced is still what it was: somebody may have changed its layers since."""
        return self.key is None or _key(self.traced) == self.key


_known: OrderedDict[Hashable, Shared[Any]] = OrderedDict()
_lock = threading.Lock()


def share(traced: Traced) -> Shared[Traced]:
    """Return what is shared by all that trace like `traced`; when there are none, or it must not be, its own."""
    key = _key(traced) if traced.model.count_params() <= MOST_PARAMETERS else None
    if key is None:
        return Shared(traced, None)
    with _lock:
        found = _known.get(key)
        if found is None or not found.is_intact:
            found = _known[key] = Shared(traced, key)
        _known.move_to_end(key)
        while len(_known) > CAPACITY:
            _known.popitem(last=False)
        return found


def _key(traced: Traceable) -> Hashable | None:
    """Return what is equal for all that may share with `traced`, or None when nothing may."""
    parts = structure(traced.traced_parts, traced.hyper.values())
    if not parts.known_code_only:
        return None
    settings = tuple(getattr(jax.config, name) for name in _SETTINGS)
    return type(traced), config.floatx(), config.epsilon(), jax.default_backend(), settings, parts.key
