"""Deprecated address of `plot_model`."""

from fitwell._deprecation import deprecated_module_getattr

__getattr__ = deprecated_module_getattr("fitwell.utils.vis_utils", "fitwell.utils", ["plot_model"])
