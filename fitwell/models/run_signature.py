"""The signature of a training run, and the differences between two signatures.

A signature describes the architecture, the data and the settings of a run. The versions of the libraries are
compared separately.
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
    """Return the signature of a run. Only a run with the same signature can resume the run's checkpoints."""
    return {
        "architecture": _architecture(model),
        "data": _rows(data),
        "validation data": None if validation is None else _rows(validation),
        "settings": settings,
    }


def signature_diff(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return one line for each difference between two signatures.

    A missing option counts as None, so that a version of fitwell with new options can resume older checkpoints.
    """
    lines = []
    for part, was in before.items():
        value = now[part]
        if was is None or value is None:
            if was is not value:
                lines.append(
                    f"{part}: the original run began {'without' if was is None else 'with'} {part}, unlike this one"
                )
            continue
        lines += [
            f"{part}: {name} was {was.get(name, 'absent')} and is now {value.get(name, 'absent')}"
            for name in sorted({*was, *value})
            if was.get(name, "None") != value.get(name, "None")
        ]
    return lines


def library_versions() -> dict[str, str]:
    """Return the versions and hardware settings that affect the last bits of a run's results."""
    return {
        # Read the version from sys.modules, because this module must not import the package itself.
        "fitwell": sys.modules["fitwell"].__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": jax.default_backend(),
        "threads": str(devices.xla_thread_count()),
    }


def version_notes(saved: dict[str, str], fuse_loop: bool) -> list[str]:
    """Return a list with a note if versions or hardware settings differ from a checkpoint's, else an empty list.

    Args:
        saved: The result of `library_versions` that the checkpoint contains.
        fuse_loop: Whether the run is compiled to one function, which always uses a single thread.
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
        f"the checkpoint was made with {', '.join(changed)}, so the results may differ from those of an uninterrupted "
        "run in the last bits"
    )
    if now["threads"] != saved.get("threads", now["threads"]):
        words += (
            " (the number of threads determines the order of summation in convolutions and large matrix products; to "
            f"use the same number as before, set NPROC={saved['threads']} in the environment before Python starts)"
        )
    return [words]


def _rows(data: Any) -> dict[str, str]:
    # Do not compare the values of a generator, because its first batch may contain different rows each time.
    return fingerprint(data.example, values=data.batch is not None)


def _architecture(model: Any) -> dict[str, str]:
    """Return the layers, the optimizer, the loss and the metrics as strings.

    Numbers that are arguments of the compiled program are omitted.
    """
    compile_config = model._session.compile_config
    parts = {
        "optimizer": type(model.optimizer).__name__,
        "loss": _structure(compile_config.loss),
        "metrics": _structure([compile_config.metrics, compile_config.weighted_metrics]),
    }
    # All of an optimizer's numbers, including integers, are arguments of the program.
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
        return {}  # for user-defined code without a configuration, only the class and the weights are compared
    hidden = ("initializer", "seed", "name", "layers")
    return {key: value for key, value in config.items() if not any(word in key for word in hidden)}


def _structure(value: Any) -> str:
    """Return `value` as a string, without object addresses and without numbers that are program arguments."""
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
