"""The library versions and the device that a run uses."""

from __future__ import annotations

import platform
from importlib import metadata

__all__ = [
    "describe_environment",
]

LIBRARIES = ("jax", "jaxlib", "numpy", "scikit-learn", "pandas")


def describe_environment() -> dict[str, str]:
    """Return the library versions and the device. A run is exactly reproducible only if all of them match."""
    import jax

    import fitwell

    device = jax.devices()[0]
    found = {"fitwell": fitwell.__version__, "python": platform.python_version()}
    found |= {library: metadata.version(library) for library in LIBRARIES}
    kind = "" if device.device_kind == device.platform else f" ({device.device_kind})"
    found["device"] = f"{device.platform}{kind}, {platform.system()} {platform.machine()}"
    return found
