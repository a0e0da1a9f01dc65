"""Compiling once per program text, and finding compiled programs again.

A model that is built anew (in a search, say) traces to the same program as its predecessor, because every
number that may differ is an argument. So programs are looked up by the text they lower to, which is right
whatever code was traced, and the compiler runs once per architecture.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

# Compiled programs kept for reuse; each holds native code of a few MB at most.
CAPACITY = 128

_programs: OrderedDict[str, Any] = OrderedDict()


@dataclass
class Statistics:
    """How often programs were traced, compiled, and found already compiled."""

    traced: int = 0
    compiled: int = 0
    reused: int = 0


statistics = Statistics()


def compile_program(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return the compiled form of `function` for arguments of these shapes, compiling only what is new."""
    lowered = jax.jit(function).lower(*arguments)
    statistics.traced += 1
    key = _digest(lowered, arguments)
    if key in _programs:
        statistics.reused += 1
        _programs.move_to_end(key)
        return _programs[key]
    compiled = lowered.compile(compiler_options=compiler_options())
    statistics.compiled += 1
    _programs[key] = compiled
    while len(_programs) > CAPACITY:
        _programs.popitem(last=False)
    return compiled


def compiler_options() -> dict[str, Any] | None:
    """Return XLA options for this device.

    On CPUs dots stay ordinary operations instead of becoming calls into a library of kernels: only then
    can a whole training loop be compiled into one function (see `config.prepare_xla`), which makes small
    networks two to four times faster; `loops` keeps larger ones out of it.
    """
    if jax.default_backend() != "cpu":
        return None
    return {"xla_cpu_experimental_ynn_fusion_type": ""}


def clear() -> None:
    """Forget every compiled program."""
    _programs.clear()


def _digest(lowered: Any, arguments: tuple[Any, ...]) -> str:
    digest = hashlib.sha256(lowered.as_text().encode())
    # The text does not name the tree it was flattened from, which calling convention depends on.
    digest.update(str(lowered.in_tree).encode())
    digest.update(str(lowered.out_tree).encode())
    return digest.hexdigest()


def signature(arguments: Any) -> tuple[Any, ...]:
    """Return a hashable description of the structure, shapes and types of `arguments`."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((np.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves)
