"""Keras's functions that convert single objects to configurations and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._param_validation import Instance, validate_params
from fitwell._registry import custom_objects as custom_object_scope
from fitwell._registry import deserialize, find_registered, registered_name, serialize

__all__ = [
    "deserialize_keras_object",
    "get_registered_name",
    "get_registered_object",
    "serialize_keras_object",
]


def serialize_keras_object(obj: Any) -> Any:
    """Return the configuration of a layer, loss, optimizer or another object, as JSON-compatible data.

    Args:
        obj (Any): An object with `get_config`, a function, or plain data.

    Returns:
        Any: A dict with the keys ``"module"``, ``"class_name"``, ``"config"`` and ``"registered_name"``, or plain data.

    Example:
        >>> import fitwell as fw
        >>> fw.saving.serialize_keras_object(fw.layers.Flatten())["class_name"]
        'Flatten'

    Source: Keras `serialize_keras_object`.
    """
    return serialize(obj)


@validate_params(custom_objects=Instance(Mapping, "a dict") | None)
def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """Create an object from a configuration. No code in the configuration is run.

    Args:
        config (Any): The result of `serialize_keras_object`, or plain data.
        custom_objects (Mapping | None): A dict that maps names in the configuration to classes and functions. Default:
            None.
        safe_mode (bool): Accepted for compatibility with Keras. Loading is always safe. Default: True.
        **kwargs: Accepted for compatibility with Keras, and ignored there too.

    Returns:
        Any: The object, or the plain data.

    Example:
        >>> import fitwell as fw
        >>> config = fw.saving.serialize_keras_object(fw.layers.Dense(3, name="hidden"))
        >>> fw.saving.deserialize_keras_object(config)
        Dense(units=3, name='hidden')

    Source: Keras `deserialize_keras_object`.
    """
    with custom_object_scope(custom_objects or {}):
        if isinstance(config, list | tuple):
            return [deserialize_keras_object(item) for item in config]
        if isinstance(config, Mapping) and not set(config) >= {"class_name", "config"}:
            return {key: deserialize_keras_object(item) for key, item in config.items()}
        return deserialize(config)


def get_registered_name(obj: Any) -> str:
    """Return the name under which a class or function is registered, or its own name.

    Args:
        obj (type | Callable): The class or function.

    Example:
        >>> import fitwell as fw
        >>> @fw.saving.register_keras_serializable("shop")
        ... class Price: ...
        >>> fw.saving.get_registered_name(Price)
        'shop>Price'

    Source: Keras `get_registered_name`.
    """
    return registered_name(obj) or str(obj.__name__)


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return the class or function with a registered name, or None.

    Args:
        name (str): The name, such as ``"shop>Price"``.
        custom_objects (Mapping | None): Further objects by name. Default: None.
        module_objects (Mapping | None): Further objects by name, which are searched last. Default: None.

    Example:
        >>> import fitwell as fw
        >>> fw.saving.get_registered_object("length", {"length": len}) is len
        True

    Source: Keras `get_registered_object`.
    """
    found = find_registered(name)
    for objects in (custom_objects, module_objects):
        if found is None and objects is not None:
            found = objects.get(name)
    return found
