"""Saving and loading: files hold data, never code."""

from fitwell.registry import register_custom as register_keras_serializable
from fitwell.saving.models import load_model, save_model
from fitwell.saving.weights import load_weights, save_weights

__all__ = ["load_model", "load_weights", "register_keras_serializable", "save_model", "save_weights"]
