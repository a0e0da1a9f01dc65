"""The cache that compiles all of fitwell's programs and stores their executables.

The cache has two levels. At the first level, each `CompileCache` finds a program's executables by key and device
without tracing anything. At the second level, all `CompileCache` objects share one table of executables, keyed by a
digest of the program text. If a model is built again, as in a hyperparameter search, tracing produces the same text
as before, because every number that may differ is an argument. XLA therefore compiles only once per architecture.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import jax
import numpy as np

from fitwell._engine import devices
from fitwell._engine.disk_cache import enable_disk_cache_once
from fitwell._user_code import explain_tracing_errors
from fitwell.errors import raise_if_out_of_memory, warn

__all__ = [
    "MAX_EXECUTABLES",
    "CompileCache",
    "CompileStats",
    "abstract_signature",
    "clear_caches",
    "compile_lowered",
    "compile_stats",
    "compiler_options",
    "lower",
    "on_clear",
]

# The maximum number of executables in the shared table. Each contains at most a few MB of native code.
MAX_EXECUTABLES = 128

_executables_by_digest: OrderedDict[Hashable, Any] = OrderedDict()
_executables_lock = threading.Lock()
_caches: WeakSet[CompileCache] = WeakSet()
_clear_callbacks: list[Callable[[], object]] = []
_options_warned_of: set[frozenset[str]] = set()


class _Executable:
    """A compiled program that raises a helpful error if there is not enough memory to run it."""

    def __init__(self, compiled: Callable[..., Any]) -> None:
        self.compiled = compiled

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self.compiled(*arguments)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            raise_if_out_of_memory(
                error, "this operation", "use a smaller batch_size, fewer rows at a time, or a smaller model"
            )
            raise


@dataclass
class CompileStats:
    """Counts of the programs that were traced, compiled, and reused because they were already compiled."""

    traced: int = 0
    compiled: int = 0
    reused: int = 0


compile_stats = CompileStats()


class CompileCache:
    """A thread-safe cache of executables, keyed by device and by a key that the caller chooses.

    If multiple threads request the same executable, the first thread traces and compiles it and the others wait for it.
    """

    def __init__(self) -> None:
        self._executables: dict[Hashable, Future[Any]] = {}
        self._traced: dict[Hashable, Any] = {}
        self._claim_lock = threading.Lock()
        self._trace_lock = threading.Lock()
        _caches.add(self)

    def find(self, key: Hashable) -> Any:
        """Return the executable for `key` on this thread's device, or None if there is none yet.

        If another thread is compiling it, wait for it.
        """
        found = self._executables.get((key, devices.current_device()))
        return None if found is None else found.result()

    def get(
        self,
        key: Hashable,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        use_ynn_kernels: Callable[[], bool] = lambda: True,
    ) -> Any:
        """Return the executable of `function` for this thread's device, compiling it on the first call with `key`.

        Args:
            key: The key that identifies the program.
            function: The function to compile.
            arguments: Arguments with the shapes and types to compile for.
            use_ynn_kernels: A function that returns the argument for `compiler_options`. It is called only if the
                program must be compiled.

        Returns:
            The executable.
        """
        found = self._executables.get((key, devices.current_device()))
        return (found or self.compile_async(key, function, arguments, use_ynn_kernels)).result()

    def compile_async(
        self,
        key: Hashable,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        use_ynn_kernels: Callable[[], bool] = lambda: True,
        pool: Executor | None = None,
    ) -> Future[Any]:
        """Start compiling `function`, and return the future of the executable that `get` would return.

        The function is always traced in this thread.

        Args:
            key: The key that identifies the program.
            function: The function to compile.
            arguments: Arguments with the shapes and types to compile for.
            use_ynn_kernels: A function that returns the argument for `compiler_options`. It is called only if the
                program must be compiled.
            pool: A thread pool in which to compile while this thread continues. If None, this thread compiles the
                function.

        Returns:
            The future of the executable.
        """
        enable_disk_cache_once()
        place = key, devices.current_device()
        with self._claim_lock:
            if place in self._executables:
                return self._executables[place]
            future = self._executables[place] = Future()
        try:
            with self._trace_lock, explain_tracing_errors():
                trace_key = key, place[1].platform
                traced = self._traced.get(trace_key)
                if traced is None:
                    compile_stats.traced += 1
                    traced = jax.jit(function).trace(*arguments)
                    if jax.local_device_count() > 1:
                        self._traced[trace_key] = traced
            lowered = (*lower(traced, arguments), use_ynn_kernels())
        except BaseException as error:
            self._fail(place, future, error)
            raise
        if pool is None:
            self._finish(place, future, *lowered)
        else:
            pool.submit(self._finish, place, future, *lowered)
        return future

    def clear(self) -> None:
        """Remove every executable that has finished compiling."""
        with self._claim_lock:
            self._executables = {place: f for place, f in self._executables.items() if not f.done()}
            self._traced.clear()

    def _finish(
        self,
        place: tuple[Hashable, jax.Device],
        future: Future[Any],
        lowered: Any,
        digest: str,
        use_ynn_kernels: bool,
    ) -> None:
        try:
            with devices.use_device(place[1]):
                future.set_result(compile_lowered(lowered, digest, use_ynn_kernels))
        except BaseException as error:
            self._fail(place, future, error)

    def _fail(self, place: Hashable, future: Future[Any], error: BaseException) -> None:
        """Raise `error` in all threads that wait for the executable. A later call compiles it again."""
        if self._executables.get(place) is future:
            del self._executables[place]
        future.set_exception(error)


def lower(traced: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """Lower a traced program, and return the lowered program and a digest of its text."""
    lowered = traced.lower()
    digest = hashlib.sha256(lowered.as_text().encode())
    # The calling convention depends on the pytree structures of the arguments and results, which the text omits.
    digest.update(str(lowered.in_tree).encode())
    digest.update(str(lowered.out_tree).encode())
    return lowered, digest.hexdigest()


def compile_lowered(lowered: Any, digest: str, use_ynn_kernels: bool = True) -> Any:
    """Return the executable of a lowered program for this thread's device, compiling it if it is not in the table."""
    key = digest, devices.current_device()
    with _executables_lock:
        if key in _executables_by_digest:
            compile_stats.reused += 1
            _executables_by_digest.move_to_end(key)
            return _executables_by_digest[key]
    executable = _Executable(_compile(lowered, compiler_options(use_ynn_kernels)))
    with _executables_lock:
        compile_stats.compiled += 1
        _executables_by_digest[key] = executable
        while len(_executables_by_digest) > MAX_EXECUTABLES:
            _executables_by_digest.popitem(last=False)
    return executable


def _compile(lowered: Any, options: dict[str, Any] | None) -> Any:
    """Compile with the XLA `options`. If this jaxlib does not know one of them, warn and compile without them."""
    try:
        return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as error:
        if not options or "No such compile option" not in str(error):
            raise
    names = frozenset(options)
    if names not in _options_warned_of:
        _options_warned_of.add(names)
        warn(
            f"this version of jaxlib does not know the XLA option {', '.join(sorted(names))}, so programs are compiled "
            "without it and small networks may train slower; install the version of jax that fitwell requires"
        )
    return lowered.compile()


def compiler_options(use_ynn_kernels: bool) -> dict[str, Any] | None:
    """Return the XLA options for this thread's device, or None for the default options.

    Args:
        use_ynn_kernels: Whether a CPU computes matrix products and convolutions with XLA's YNN kernels. If False, it
            uses Eigen and generated code (see `xla_cpu_heuristics.prefer_ynn_kernels`).

    Returns:
        A dict of compiler options, or None.
    """
    if use_ynn_kernels or devices.current_device().platform != "cpu":
        return None
    return {"xla_cpu_experimental_ynn_fusion_type": ""}


def on_clear(callback: Callable[[], object]) -> None:
    """Register a callback that `clear_caches` calls."""
    _clear_callbacks.append(callback)


def clear_caches() -> None:
    """Release all compiled programs and their memory.

    Models, weights and optimizer states do not change. The next call to a model's `fit`, `evaluate` or `predict`
    compiles the program again, and the results stay the same.

    Example:
        >>> import fitwell as fw
        >>> fw.utils.clear_caches()

    Source: Keras `clear_session`; JAX `clear_caches`.
    """
    for callback in _clear_callbacks:
        callback()
    for cache in list(_caches):
        cache.clear()
    with _executables_lock:
        _executables_by_digest.clear()


def abstract_signature(arguments: Any) -> tuple[Any, ...]:
    """Return a hashable description of the structure, shapes and types of `arguments`."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((np.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves)
