"""The device that a thread computes on, and the available devices.

It is the default device of JAX; ``with jax.default_device(device):`` sets it for one thread. Arrays are not committed
to a device: they follow to the device of the next computation.
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
    """Return the device that this thread computes on."""
    return local_devices()[0]


def local_devices() -> list[jax.Device]:
    """Return the available devices: the default device if one was set, else all devices of this process."""
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    # JAX accepts the name of a platform as well.
    return [chosen] if isinstance(chosen, jax.Device) else jax.local_devices(backend=chosen)


def use_device(device: jax.Device) -> AbstractContextManager[object]:
    """Compute on `device` inside the block."""
    # The programs of single operations belong to a device: reuse the ones that are compiled already.
    return nullcontext() if device == current_device() else jax.default_device(device)


def to_current_device(leaf: jax.Array | np.ndarray) -> jax.Array:
    """Return an array with these values on the device of this thread."""
    if isinstance(leaf, jax.Array) and leaf.devices() == {current_device()}:
        return leaf
    # Without a device argument it goes to the default device and is not committed to it.
    return jax.device_put(np.asarray(leaf))


def cpu_count() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def xla_thread_count() -> int:
    """Return the number of threads that XLA uses on a CPU: NPROC if it is set, else one per core.

    It determines how long sums are divided into parts, and therefore how their last bits are rounded.
    """
    given = os.environ.get("NPROC", "")
    return int(given) if given.isdecimal() and int(given) > 0 else cpu_count()
