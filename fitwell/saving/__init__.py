"""Functions that save and load models. The files contain only data, never code."""

from fitwell._registry import custom_objects as custom_object_scope
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
    "custom_object_scope",
    "load_model",
    "load_weights",
    "model_from_json",
    "register",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "to_json",
]


def __dir__() -> list[str]:
    return sorted(__all__)
