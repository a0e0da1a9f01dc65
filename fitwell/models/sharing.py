"""Compiled programs that models of one structure share: only the first of them is traced.

A search builds the same network over and over with other numbers. Tracing a small one takes longer than
training it for a hundred epochs, and all it would find is the program there is already.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax

from fitwell import config
from fitwell.engine.machine import Machine
from fitwell.models.program import ModelProgram
from fitwell.models.structure import runs_known_code_only, structure

# A shared program keeps its first model alive, so there are not many, and none of large models.
CAPACITY = 32
MOST_PARAMETERS = 1_000_000
# Settings of JAX that tracing reads beside the model.
_SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_disable_jit")


@dataclass
class Shared:
    """The machines of one structure. program: of the model that is traced for all."""

    program: ModelProgram
    key: Hashable | None
    machines: dict[Any, Machine] = field(default_factory=dict)

    @property
    def is_intact(self) -> bool:
        """Whether the traced model is still what it was: somebody may have changed its layers since."""
        return self.key is None or _key(self.program) == self.key


_known: OrderedDict[Hashable, Shared] = OrderedDict()
_lock = threading.Lock()


def share(program: ModelProgram) -> Shared:
    """Return the machines of models like the one of `program`, or new ones when there are none to share."""
    size = sum(variable.size for variable in program.trainable.values())
    if size > MOST_PARAMETERS or not runs_known_code_only(program):
        return Shared(program, None)
    key = _key(program)
    with _lock:
        found = _known.get(key)
        if found is None or not found.is_intact:
            found = _known[key] = Shared(program, key)
        _known.move_to_end(key)
        while len(_known) > CAPACITY:
            _known.popitem(last=False)
        return found


def _key(program: ModelProgram) -> Hashable:
    settings = tuple(getattr(jax.config, name) for name in _SETTINGS)
    return config.floatx(), config.epsilon(), jax.default_backend(), settings, structure(program)
