"""The signature of a training run, and the differences between two signatures.

A signature holds the architecture, the data, the settings and the versions.
"""

from __future__ import annotations

import sys
from typing import Any

import jax
import numpy as np

from fitwell._data.fingerprint import fingerprint
from fitwell._engine import devices
from fitwell.errors import InvalidArgument
from fitwell.models.fit_data import FitData

__all__ = ["library_versions", "run_signature", "signature_diff", "version_notes"]


def run_signature(
    model: Any, data: FitData, validation: FitData | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return what must be equal for a run to continue from a checkpoint of another process."""
    return {
        "architecture": _architecture(model),
        "data": _rows(data),
        "validation data": None if validation is None else _rows(validation),
        "settings": settings,
    }


def signature_diff(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a line for every difference between two signatures."""
    lines = []
    for part, was in before.items():
        value = now[part]
        if was is None or value is None:
            if was is not value:
                lines.append(f"{part}: there was {'none' if was is None else 'some'} when the run began")
            continue
        lines += [
            f"{part}: {name} was {was.get(name, 'absent')}, is {value.get(name, 'absent')}"
            for name in sorted({*was, *value})
            if was.get(name) != value.get(name)
        ]
    return lines


def library_versions() -> dict[str, str]:
    """Return what the bits of a run depend on, apart from the run."""
    return {
        # Read from sys.modules, because the package itself may not be imported here.
        "fitwell": sys.modules["fitwell"].__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": jax.default_backend(),
        "threads": str(devices.xla_thread_count()),
    }


def version_notes(saved: dict[str, str], fuse_loop: bool) -> list[str]:
    """Return the note for a checkpoint that was made with other `library_versions`, if there are differences.

    fuse_loop: whether the run is one function, which one thread computes however many there are.
    """
    now = library_versions()
    if fuse_loop or jax.default_backend() != "cpu":
        now["threads"] = saved.get("threads", "")
    changed = [
        f"{name} {version} (now {now.get(name, 'absent')})"
        for name, version in saved.items()
        if now.get(name) != version
    ]
    if not changed:
        return []
    words = (
        f"the checkpoint was made with {', '.join(changed)}: the last bits may differ from those of one run"
    )
    if now["threads"] != saved.get("threads", now["threads"]):
        words += (
            " (on several cores, convolutions and large products are sums of as many parts as there are threads; with "
            f"NPROC={saved['threads']} in the environment before Python starts there are as many as then)"
        )
    return [words]


def _rows(data: Any) -> dict[str, str]:
    # The first batch of a generator may contain other rows each time.
    return fingerprint(data.example, values=data.batch is not None)


def _architecture(model: Any) -> dict[str, str]:
    """Return the layers, the optimizer, the loss and the metrics as strings, without numbers that are arguments."""
    compile_config = model._session.compile_config
    parts = {
        "optimizer": type(model.optimizer).__name__,
        "loss": _structure(compile_config.loss),
        "metrics": _structure([compile_config.metrics, compile_config.weighted_metrics]),
    }
    # Every number of an optimizer is an argument of the program, integers too.
    parts |= {f"optimizer.{name}": _structure(_as_data(v)) for name, v in _config(model.optimizer).items()}
    for path, layer in model._flatten_layers():
        if layer is not model:
            parts[path] = type(layer).__name__
            parts |= {f"{path}.{name}": _structure(value) for name, value in _config(layer).items()}
    return parts


def _as_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_data(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _config(part: Any) -> dict[str, Any]:
    try:
        config = part.get_config()
    except (InvalidArgument, NotImplementedError):
        return {}  # user code without a configuration: its class and its weights are compared
    hidden = ("initializer", "seed", "name", "layers")
    return {key: value for key, value in config.items() if not any(word in key for word in hidden)}


def _structure(value: Any) -> str:
    """Return `value` as a string without the numbers that are arguments, and without addresses of objects."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_structure(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_structure, value)) + "]"
    if isinstance(value, float):
        return "a number"
    if value is None or isinstance(value, bool | int | str):
        return str(value)
    name = str(getattr(value, "__name__", type(value).__name__))
    return name + _structure(_config(value)) if hasattr(value, "get_config") else name
