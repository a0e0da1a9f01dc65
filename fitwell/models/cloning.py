"""`clone_model`: the same architecture with weights of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.models.functional import Functional
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential
from fitwell.registry import custom_objects, deserialize, serialize, sharing


def clone_model(model: Model, clone_function: Callable[[Layer], Layer] | None = None) -> Any:
    """Return a new model of the same architecture; weights are initialised anew, nothing is compiled.

    clone_function: makes the copy of each layer of a `Sequential`; by default from its configuration.
    Subclassed models are cloned through their `get_config` and `from_config`.
    """
    if clone_function is not None:
        if not isinstance(model, Sequential):
            raise InvalidArgument("clone_model: clone_function works for Sequential models")
        return Sequential([clone_function(layer) for layer in model._stack], name=model.name)
    with custom_objects(_own_parts(model)), sharing():
        if isinstance(model, Sequential | Functional):
            return deserialize(serialize(model))
        return type(model).from_config(model.get_config())


def _own_parts(model: Model) -> dict[str, Any]:
    """Return what is not fitwell's in `model` by name: classes of layers and of what they hold, and functions."""
    parts: dict[str, Any] = {}
    for _, layer in model.flatten():
        for value in [layer, *vars(layer).values()]:
            entry = value if hasattr(value, "__name__") else type(value)
            written = callable(value) or hasattr(value, "get_config")
            if written and not str(entry.__module__).startswith("fitwell."):
                parts[entry.__name__] = entry
    return parts
