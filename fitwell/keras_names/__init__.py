"""The names ``keras`` and ``tensorflow.keras`` for fitwell's modules, with which programs for Keras run unchanged."""

from fitwell.keras_names.module_aliases import install_as_keras

__all__ = ["install_as_keras"]
