"""Deprecated module for `plot_model`."""

from fitwell._deprecation import deprecated_module_getattr

__all__: list[str] = []

__getattr__ = deprecated_module_getattr("fitwell.utils.vis_utils", "fitwell.utils", ["plot_model"])
