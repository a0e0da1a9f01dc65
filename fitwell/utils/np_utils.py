"""Deprecated module for `to_categorical`."""

from fitwell._deprecation import deprecated_module_getattr

__all__: list[str] = []

__getattr__ = deprecated_module_getattr("fitwell.utils.np_utils", "fitwell.utils", ["to_categorical"])
