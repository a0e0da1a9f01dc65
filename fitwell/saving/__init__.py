"""Saving and loading: files hold data, never code."""

from fitwell.registry import register_custom as register_keras_serializable
from fitwell.saving.archive import load_model, load_weights, save_model, save_weights

__all__ = ["load_model", "load_weights", "register_keras_serializable", "save_model", "save_weights"]
