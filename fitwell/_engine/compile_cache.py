"""Compiling once per program text, and finding compiled programs again.

A model that is built anew (in a search, say) traces to the same program as its predecessor, because every
number that may differ is an argument. So programs are looked up by the text they lower to, which is right
whatever code was traced, and the compiler runs once per architecture.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell._engine import devices
from fitwell._user_code import explain_tracing_errors
from fitwell.errors import raise_if_out_of_memory

# Compiled programs kept for reuse; each holds native code of a few MB at most.
CAPACITY = 128

_executables: OrderedDict[Hashable, Any] = OrderedDict()
_keeping = threading.Lock()


class _Runnable:
    """A compiled program that says in words when there is no memory to run it."""

    def __init__(self, compiled: Callable[..., Any]) -> None:
        self.compiled = compiled

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self.compiled(*arguments)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            raise_if_out_of_memory(
                error, "this", "use a smaller batch_size, fewer rows at a time, or a smaller model"
            )
            raise


@dataclass
class CompileStats:
    """How often programs were traced, compiled, and found already compiled."""

    traced: int = 0
    compiled: int = 0
    reused: int = 0


compile_stats = CompileStats()


class CompileCache:
    """The compiled forms of some functions, by a key and by the device they run on.

    Threads may ask for one at once: a function is traced by the first of them, and compiled once per device.
    """

    def __init__(self) -> None:
        self._compiled: dict[Hashable, Future[Any]] = {}
        self._traced: dict[Hashable, Any] = {}
        self._claiming = threading.Lock()
        self._tracing = threading.Lock()

    def get(
        self,
        key: Hashable,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        use_ynn: Callable[[], bool] = lambda: True,
    ) -> Any:
        """Return the compiled form of `function` for this thread's device, compiled at the first call with `key`."""
        found = self._compiled.get((key, devices.current_device()))
        return (found or self.compile_async(key, function, arguments, use_ynn)).result()

    def compile_async(
        self,
        key: Hashable,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        use_ynn: Callable[[], bool] = lambda: True,
        pool: Executor | None = None,
    ) -> Future[Any]:
        """Trace what `find` will return, and compile it, or let `pool` do so while this thread goes on.

        library: what `compiler_options` is to be told; asked only where there is something to compile.
        """
        place = key, devices.current_device()
        with self._claiming:
            if place in self._compiled:
                return self._compiled[place]
            program = self._compiled[place] = Future()
        try:
            text = lower(self._trace((key, place[1].platform), function, arguments), arguments)
            lowered = (*text, use_ynn())
        except BaseException as error:
            self._fail(place, error)
            raise
        if pool is None:
            self._finish(place, *lowered)
        else:
            pool.submit(self._finish, place, *lowered)
        return program

    def _finish(self, place: tuple[Hashable, jax.Device], lowered: Any, digest: str, use_ynn: bool) -> None:
        try:
            with devices.use_device(place[1]):
                self._compiled[place].set_result(compile_lowered(lowered, digest, use_ynn))
        except BaseException as error:
            self._fail(place, error)

    def _fail(self, place: Hashable, error: BaseException) -> None:
        """Tell those who wait for the program; who asks later tries again."""
        self._compiled.pop(place).set_exception(error)

    def _trace(self, key: Hashable, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        with self._tracing:
            if key in self._traced:
                return self._traced[key]
            traced = trace(function, arguments)
            if jax.local_device_count() > 1:
                self._traced[key] = traced
            return traced


def compile_program(function: Callable[..., Any], arguments: tuple[Any, ...], use_ynn: bool = True) -> Any:
    """Return the compiled form of `function` for arguments of these shapes, compiling only what is new.

    library: as in `compiler_options`.
    """
    return compile_lowered(*lower(trace(function, arguments), arguments), use_ynn)


def trace(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return what `function` does with arguments of these shapes, for any device of one platform."""
    compile_stats.traced += 1
    with explain_tracing_errors():
        return jax.jit(function).trace(*arguments)


def lower(traced: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """Return what was traced as the text that the compiler reads, and a digest of it."""
    lowered = traced.lower()
    return lowered, _digest(lowered, arguments)


def compile_lowered(lowered: Any, digest: str, use_ynn: bool = True) -> Any:
    """Return the compiled form of such a text for the device of this thread; compile only what is new.

    library: as in `compiler_options`.
    """
    key = digest, devices.current_device()
    with _keeping:
        if key in _executables:
            compile_stats.reused += 1
            _executables.move_to_end(key)
            return _executables[key]
    compiled = _Runnable(lowered.compile(compiler_options=compiler_options(use_ynn)))
    with _keeping:
        compile_stats.compiled += 1
        _executables[key] = compiled
        while len(_executables) > CAPACITY:
            _executables.popitem(last=False)
    return compiled


def compiler_options(use_ynn: bool) -> dict[str, Any] | None:
    """Return XLA options for the device of this thread.

    library: whether a CPU makes matrix products and convolutions with XLA's library of kernels, or with Eigen and
    code of its own (see `loops.prefer_ynn_kernels`).
    """
    if use_ynn or devices.current_device().platform != "cpu":
        return None
    return {"xla_cpu_experimental_ynn_fusion_type": ""}


def clear() -> None:
    """Forget every compiled program."""
    _executables.clear()


def _digest(lowered: Any, arguments: tuple[Any, ...]) -> str:
    digest = hashlib.sha256(lowered.as_text().encode())
    # The text does not name the tree it was flattened from, which calling convention depends on.
    digest.update(str(lowered.in_tree).encode())
    digest.update(str(lowered.out_tree).encode())
    return digest.hexdigest()


def abstract_signature(arguments: Any) -> tuple[Any, ...]:
    """Return a hashable description of the structure, shapes and types of `arguments`."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((np.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves)
