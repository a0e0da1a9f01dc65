"""The older address of the layers that normalise."""

from fitwell._deprecation import deprecated_module_getattr

__getattr__ = deprecated_module_getattr(
    "fitwell.layers.normalization", "fitwell.layers", ["BatchNormalization", "LayerNormalization"]
)
