"""Executables that are shared by all models with the same structure, so that only the first model is traced.

A hyperparameter search builds the same network many times with different hyperparameter values. Tracing a small network
takes longer than training it for a hundred epochs, and would only produce a program that already exists.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import jax

from fitwell import config
from fitwell._engine.compile_cache import CompileCache, on_clear
from fitwell._engine.epoch_runner import EpochRunner
from fitwell._traced_constants import TracedConstants
from fitwell._variables import Hyperparameter
from fitwell.models.trace_key import trace_key

__all__ = [
    "MAX_SHARED_PROGRAMS",
    "MAX_PARAMETERS",
    "SharedExecutables",
    "Traceable",
    "Traced",
    "shared_executables",
    "structure_key",
]

# Shared executables keep their first model alive, so their number is limited, and large models do not share any.
MAX_SHARED_PROGRAMS = 64
MAX_PARAMETERS = 1_000_000
# JAX settings that affect the traced program, in addition to the model.
_SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_disable_jit")


class Traceable(Protocol):
    """A model's training program or forward pass, which JAX traces."""

    model: Any
    hyperparams: dict[str, Hyperparameter]
    constants: TracedConstants

    @property
    def trace_dependencies(self) -> list[Any]:
        """All objects that tracing reads."""


Traced = TypeVar("Traced", bound=Traceable)


@dataclass
class SharedExecutables(Generic[Traced]):
    """The executables of all models with the same structure.

    Attributes:
        traced: The program that is traced on behalf of all models.
        key: The structure key of `traced` at the time when other models began to share it, or None if no
            other model shares it.
        cache: The executables of forward passes.
        runners: The epoch runners, which have separate executables.
        skip_check: Whether to assume, without checking, that the structure of `traced` still matches `key`.
    """

    traced: Traced
    key: Hashable | None
    cache: CompileCache = field(default_factory=CompileCache)
    runners: dict[Hashable, EpochRunner] = field(default_factory=dict)
    skip_check: bool = False

    @property
    def is_unchanged(self) -> bool:
        """Whether the structure of `traced` still matches `key`.

        The layers of `traced` may have changed since other models began to share it.
        """
        return self.key is None or self.skip_check or structure_key(self.traced)[0] == self.key

    def share_with(self, skip_check: bool = False) -> SharedExecutables[Traced]:
        """Return these executables for use by another program that has the same structure as `traced`."""
        if self.key is None:
            self.key = structure_key(self.traced)[0]
        return SharedExecutables(self.traced, self.key, self.cache, self.runners, skip_check)


_by_structure: OrderedDict[Hashable, SharedExecutables[Any]] = OrderedDict()
_lock = threading.Lock()
on_clear(_by_structure.clear)


def shared_executables(traced: Traced) -> SharedExecutables[Traced]:
    """Return the executables for programs with the same structure as `traced`.

    If sharing is not safe or the model is too large, the returned executables are new and are not shared.
    """
    if traced.model.count_params() > MAX_PARAMETERS:
        return SharedExecutables(traced, None)
    key, library_code_only = structure_key(traced)
    if not library_code_only:
        return SharedExecutables(traced, None)
    with _lock:
        found = _by_structure.get(key)
        if found is None or not found.is_unchanged:
            found = _by_structure[key] = SharedExecutables(traced, key)
        _by_structure.move_to_end(key)
        while len(_by_structure) > MAX_SHARED_PROGRAMS:
            _by_structure.popitem(last=False)
        return found


def structure_key(traced: Traceable) -> tuple[Hashable, bool]:
    """Return a program's structure key, and whether later models may share its executables.

    Programs with equal keys may share executables.
    """
    parts = trace_key(traced.trace_dependencies, traced.hyperparams.values())
    settings = tuple(getattr(jax.config, name) for name in _SETTINGS)
    key = type(traced), config.floatx(), config.epsilon(), jax.default_backend(), settings, parts.key
    return key, parts.library_code_only
