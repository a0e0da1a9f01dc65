"""The older address of the layers that prepare their inputs."""

from fitwell._deprecation import deprecated_module_getattr

__getattr__ = deprecated_module_getattr(
    "fitwell.layers.experimental.preprocessing",
    "fitwell.layers",
    [
        "CategoryEncoding",
        "Normalization",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "Rescaling",
    ],
)
