"""The older address of the layers that normalise."""

from fitwell.spellings import older_address

__getattr__ = older_address(
    "fitwell.layers.normalization", "fitwell.layers", ["BatchNormalization", "LayerNormalization"]
)
