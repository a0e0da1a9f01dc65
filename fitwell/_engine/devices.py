"""The current device of a thread, and the available devices.

The current device is JAX's default device, and ``with jax.default_device(device):`` sets it for one thread. Arrays are
not committed to a device, so JAX moves them to the device of the next computation.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import jax
import numpy as np

__all__ = [
    "cpu_count",
    "current_device",
    "local_devices",
    "to_current_device",
    "use_device",
    "xla_thread_count",
]


def current_device() -> jax.Device:
    """Return the device on which this thread runs its computations."""
    return local_devices()[0]


def local_devices() -> list[jax.Device]:
    """Return only the default device if one was set, and all local devices of this process otherwise."""
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    # The default device may also be the name of a platform.
    return [chosen] if isinstance(chosen, jax.Device) else jax.local_devices(backend=chosen)


def use_device(device: jax.Device) -> AbstractContextManager[object]:
    """Return a context manager that makes `device` the current device of this thread."""
    # JAX compiles single operations again if the default device is set explicitly, even to the device that is already
    # used. Not setting it reuses the compiled programs.
    return nullcontext() if device == current_device() else jax.default_device(device)


def to_current_device(leaf: jax.Array | np.ndarray) -> jax.Array:
    """Return the array on the current device of this thread, copying it only if necessary."""
    if isinstance(leaf, jax.Array) and leaf.devices() == {current_device()}:
        return leaf
    # Without a device argument, the array is put on the default device but is not committed to it.
    return jax.device_put(np.asarray(leaf))


def cpu_count() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def xla_thread_count() -> int:
    """Return the number of threads that XLA uses on a CPU: ``NPROC`` if it is set, otherwise one per core.

    XLA splits long sums among its threads, so the number of threads affects how the last bits are rounded.
    """
    value = os.environ.get("NPROC", "")
    return int(value) if value.isdecimal() and int(value) > 0 else cpu_count()
