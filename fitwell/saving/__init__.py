"""Functions that save and load models. The files contain only data, never code."""

from fitwell._registry import custom_objects as CustomObjectScope  # noqa: N812
from fitwell._registry import custom_objects as custom_object_scope
from fitwell.saving.object_api import (
    deserialize_keras_object,
    get_registered_name,
    get_registered_object,
    serialize_keras_object,
)
from fitwell.saving.saving_api import (
    load_model,
    load_weights,
    model_from_json,
    register,
    register_keras_serializable,
    save_model,
    save_weights,
    to_json,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_from_json",
    "register",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
    "to_json",
]


def __dir__() -> list[str]:
    return sorted(__all__)
