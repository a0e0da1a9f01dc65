"""Which device a thread computes on, and which ones there are.

The answer is JAX's default device: who wants something done elsewhere does it inside ``with
jax.default_device(device):``, which holds for its thread. Nothing is committed to a device: arrays that were
left on one follow to wherever they are used next.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import jax
import numpy as np


def current_device() -> jax.Device:
    """Return the device that this thread computes on."""
    return local_devices()[0]


def local_devices() -> list[jax.Device]:
    """Return the devices that work may be given to: the default device if one was set, else all of this process."""
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    # JAX takes the name of a platform, too.
    return [chosen] if isinstance(chosen, jax.Device) else jax.local_devices(backend=chosen)


def use_device(device: jax.Device) -> AbstractContextManager[object]:
    """Let this thread compute on `device` inside the block."""
    # Also the programs behind single operations belong to a device; those that are there already are to serve.
    return nullcontext() if device == current_device() else jax.default_device(device)


def to_current_device(leaf: jax.Array | np.ndarray) -> jax.Array:
    """Return an array with its values on the device of this thread."""
    if isinstance(leaf, jax.Array) and leaf.devices() == {current_device()}:
        return leaf
    # Named no device, it goes to the default one and is not committed to it.
    return jax.device_put(np.asarray(leaf))


def cpu_count() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def xla_thread_count() -> int:
    """Return the number of threads that XLA computes with on a CPU: one for each core, or what NPROC says.

    It decides into how many parts sums over many terms are divided, and so how their last bits are rounded.
    """
    asked = os.environ.get("NPROC", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else cpu_count()
