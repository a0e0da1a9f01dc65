"""Saving and loading: files hold data, never code."""

from fitwell.registry import custom_objects as custom_object_scope
from fitwell.saving.architecture import model_from_json, to_json
from fitwell.saving.models import load_model, save_model
from fitwell.saving.registering import register, register_keras_serializable
from fitwell.saving.weights import load_weights, save_weights

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
