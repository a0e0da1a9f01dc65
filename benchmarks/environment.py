"""What must be set before JAX starts, and what the table says about the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from benchmarks.contenders.base import Device

# Lets XLA compile a loop of any size into one function; fitwell sets the same when it is imported before JAX starts.
# Contenders share a process, so they share this; which loops make use of it, each decides by its compile options.
XLA_FLAGS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000000"


def set_environment(device: Device) -> None:
    """Choose JAX's device, Keras's backend and XLA's flags; a value that is already there wins."""
    os.environ.setdefault("JAX_PLATFORMS", {"cpu": "cpu", "gpu": "cuda"}[device])
    os.environ.setdefault("XLA_FLAGS", XLA_FLAGS)
    os.environ.setdefault("KERAS_BACKEND", "jax")
    # The time of the first epoch includes compilation: no program may come out of a cache on disk.
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"


def processor() -> str:
    """Model name and number of cores."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} cores"


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions, of Python and of the packages that are there."""
    found = {"Python": platform.python_version()}
    for package in sorted(set(packages)):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
