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
from fitwell.readings import Readings
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
    readings: Readings

    @property
    def traced_parts(self) -> list[Any]:
        """Everything that tracing looks at."""


Traced = TypeVar("Traced", bound=Traceable)


@dataclass
class Shared(Generic[Traced]):
    """What was compiled for one structure, by what it was compiled for.

    traced: stands for all others. key: what it was like when others began to share; None while there are none.
    trusted: whether nobody has to look if it still is.
    """

    traced: Traced
    key: Hashable | None
    compiled: dict[Any, Any] = field(default_factory=dict)
    trusted: bool = False

    @property
    def is_intact(self) -> bool:
        """Whether what is traced is still what it was: somebody may have changed its layers since."""
        return self.key is None or self.trusted or look(self.traced)[0] == self.key

    def for_another(self, trusted: bool = False) -> Shared[Traced]:
        """Return the same for another of equal structure."""
        if self.key is None:
            self.key = look(self.traced)[0]
        return Shared(self.traced, self.key, self.compiled, trusted)


_known: OrderedDict[Hashable, Shared[Any]] = OrderedDict()
_lock = threading.Lock()


def share(traced: Traced) -> Shared[Traced]:
    """Return what is shared by all that trace like `traced`; when there are none, or it must not be, its own."""
    if traced.model.count_params() > MOST_PARAMETERS:
        return Shared(traced, None)
    key, known_code_only = look(traced)
    if not known_code_only:
        return Shared(traced, None)
    with _lock:
        found = _known.get(key)
        if found is None or not found.is_intact:
            found = _known[key] = Shared(traced, key)
        _known.move_to_end(key)
        while len(_known) > CAPACITY:
            _known.popitem(last=False)
        return found


def look(traced: Traceable) -> tuple[Hashable, bool]:
    """Return what is equal for all that may share with `traced`, and whether models built later may be among them."""
    parts = structure(traced.traced_parts, traced.hyper.values())
    settings = tuple(getattr(jax.config, name) for name in _SETTINGS)
    key = type(traced), config.floatx(), config.epsilon(), jax.default_backend(), settings, parts.key
    return key, parts.known_code_only
